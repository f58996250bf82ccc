//! Stage 16 ends when all that has begun is answered, and bounds what one address may have.

use std::fs;
use std::thread;
use std::time::Duration;
use std::time::Instant;

use super::house;
use crate::check::Check;
use crate::check::Failure;
use crate::check::Harm;
use crate::check::Verdict;
use crate::check::ensure;
use crate::client::Connection;
use crate::server::Server;
use crate::server::request;
use crate::server::wait_until;

const HOUSE: Check = Check {
    harm: Harm::Loses,
    ..house(16)
};

pub(super) const CHECKS: &[Check] = &[
    Check {
        name: "sigterm-ends-it-well",
        rule: "Stage 16: service managers and containers send SIGTERM",
        sends: "SIGTERM to a server that has nothing to do",
        expects: "the process ends, with exit status 0",
        hint: "Catch the signal, finish, and return from main.",
        run: |server| {
            let own = server.own(&[])?;
            own.serves_on()?;
            own.terminate()?;
            own.ends_well()
        },
        ..HOUSE
    },
    Check {
        name: "shutdown-answers-what-has-begun",
        rule: "Stage 16: requests under way are answered",
        sends: "GET /slow, then SIGTERM",
        expects: "200 with Connection: close, and exit status 0",
        hint: "Only set a mark when the signal comes. Whoever answers looks at it.",
        run: |server| {
            let own = server.own(&[])?;
            let mut client = begun(&own, "GET /slow HTTP/1.1\r\nHost: localhost\r\n\r\n")?;
            own.terminate()?;
            let answer = client.answer()?;
            answer.status(200)?;
            answer.field_is("Connection", "close")?;
            drop(client);
            own.ends_well()
        },
        ..HOUSE
    },
    Check {
        name: "shutdown-reads-on",
        rule: "Stage 16: a request that has begun to arrive is read to its end, and answered",
        sends: "half a head, then SIGTERM, then the other half",
        expects: "200, and exit status 0",
        hint: "Only who has sent nothing may be sent away.",
        run: |server| {
            let own = server.own(&[])?;
            let mut client = begun(&own, "GET /hello HTTP/1.1\r\nHost: loc")?;
            own.terminate()?;
            refuses(&own)?;
            client.send("alhost\r\n\r\n");
            client.answer()?.status(200)?;
            drop(client);
            own.ends_well()
        },
        ..HOUSE
    },
    Check {
        name: "shutdown-closes-the-door",
        rule: "Stage 16: no more accepts",
        sends: "half a head, then SIGTERM; then another client",
        expects: "the other one cannot connect, while the first is still served",
        hint: "Close the listening socket, all copies of it.",
        run: |server| {
            let own = server.own(&[])?;
            let client = begun(&own, "GET /hello HTTP/1.1\r\nHost: loc")?;
            own.terminate()?;
            refuses(&own)?;
            drop(client);
            own.ends_well()
        },
        ..HOUSE
    },
    Check {
        name: "shutdown-hears-who-has-just-come",
        rule: "Stage 16: whoever was let in is served",
        sends: "SIGTERM; then, as long as anybody gets in, GET /hello on a new connection, a moment after it was made",
        expects: "200, each time, and exit status 0",
        hint: "A new connection is silent for as long as its request takes to arrive. Only close it when it has been idle for longer than that.",
        run: |server| {
            let own = server.own(&["--timeout", "60", "--grace", "60"])?;
            own.serves_on()?;
            own.terminate()?;
            newcomers(&own)?;
            own.ends_well()
        },
        ..HOUSE
    },
    Check {
        name: "shutdown-ends-idle-connections",
        rule: "RFC 9112 §9.5: a server may close an idle connection at any time",
        sends: "nothing on one connection, GET /hello on another that is kept; then SIGTERM",
        expects: "the end of both, and exit status 0",
        hint: "Who waits between requests waits for nothing: close.",
        run: |server| {
            let own = server.own(&["--keep-alive", "60", "--timeout", "60", "--grace", "60"])?;
            let mut silent = own.connect()?;
            let mut kept = own.connect()?;
            kept.send("HEAD /hello HTTP/1.1\r\nHost: localhost\r\n\r\n");
            kept.some_bytes()?;
            own.terminate()?;
            silent.rest()?;
            kept.rest()?;
            own.ends_well()
        },
        ..HOUSE
    },
    Check {
        name: "shutdown-has-a-grace",
        rule: "Stage 16: after --grace SECONDS it goes anyway",
        sends: "half a head, then SIGTERM, and nothing more (--grace 1, --timeout 60)",
        expects: "exit status 0",
        hint: "A thread that sleeps, and then ends the process.",
        run: |server| {
            let own = server.own(&["--grace", "1", "--timeout", "60"])?;
            let _client = begun(&own, "GET /hello HTTP/1.1\r\nHost: loc")?;
            own.terminate()?;
            own.ends_well()
        },
        waits: true,
        ..HOUSE
    },
    Check {
        name: "second-signal-ends-it",
        rule: "Stage 16: a second signal ends it at once",
        sends: "half a head, then SIGTERM twice (--grace 60, --timeout 60)",
        expects: "exit status 0",
        hint: "Somebody who presses Ctrl-C again means it.",
        run: |server| {
            let own = server.own(&["--grace", "60", "--timeout", "60"])?;
            let _client = begun(&own, "GET /hello HTTP/1.1\r\nHost: loc")?;
            own.terminate()?;
            // The first has been heard when nobody gets in any more.
            refuses(&own)?;
            own.terminate()?;
            own.ends_well()
        },
        ..HOUSE
    },
    Check {
        name: "address-has-its-share",
        rule: "RFC 9110 §15.6.4: 503 while a server is overloaded, with Retry-After",
        sends: "nothing on two connections and on a third (--per-client 2); then one leaves, and GET / comes",
        expects: "503 with Retry-After on the third; 200 when there is room again",
        hint: "Count connections by address; give the place back when the connection goes, however it goes.",
        run: |server| {
            let own = server.own(&["--per-client", "2", "--timeout", "60"])?;
            // The client that asked whether it listens must have left.
            let mut holders = Vec::new();
            let both = wait_until(own.patience, || {
                holders.clear();
                holders.extend((0..2).filter_map(|_| own.connect().ok()));
                thread::sleep(Duration::from_millis(50));
                holders.len() == 2 && holders.iter_mut().all(Connection::is_quiet)
            });
            ensure(both, "with --per-client 2 there is no room for two")?;
            let mut third = own.connect()?;
            let answer = third.answer()?;
            answer.status(503)?;
            answer.field("Retry-After")?;
            drop(third);
            holders.pop();
            let served = wait_until(own.patience, || {
                own.get("/").is_ok_and(|answer| answer.status(200).is_ok())
            });
            ensure(served, "one has left, and there is no room for another")
        },
        ..HOUSE
    },
    Check {
        name: "refused-hold-nothing",
        rule: "Stage 16: --per-client bounds what one address may have",
        sends: "nothing on thirty connections (--per-client 2, --timeout 60), which stay open when they are refused",
        expects: "no more than a few open files for all of them (where /proc tells)",
        hint: "Whoever is refused gets 503 and the end at once: to wait until it closes would give it what it is refused.",
        run: refused_hold_nothing,
        ..HOUSE
    },
];

/// Clients that are refused, and don't go.
fn refused_hold_nothing(server: &Server) -> Verdict {
    let own = server.own(&["--per-client", "2", "--timeout", "60"])?;
    own.serves_on()?;
    let files = || {
        let pid = own.pid().map_or(0, |pid| pid.as_raw_nonzero().get());
        fs::read_dir(format!("/proc/{pid}/fd")).map(Iterator::count)
    };
    let Ok(before) = files() else {
        return Ok(());
    };
    let mut clients = Vec::new();
    for _ in 0..30 {
        clients.push(own.connect()?);
    }
    // The last one has been refused, and those before it.
    let last = clients.last_mut().map(Connection::answer);
    last.transpose()?
        .map_or(Ok(()), |answer| answer.status(503))?;
    let few = || files().is_ok_and(|now| now < before + 10);
    ensure(
        wait_until(own.patience, few),
        format!(
            "{before} open files before, {:?} with thirty clients of whom two are let in",
            files().ok()
        ),
    )
}

/// A client whose request is under way.
fn begun(server: &Server, begin: &str) -> Result<Connection, Failure> {
    let mut client = server.connect()?;
    client.send(begin);
    // Served after it: so it has been taken, and its bytes read.
    server.serves_on()?;
    server.ask(request("GET", "/hello"))?.status(200)?;
    Ok(client)
}

/// As long as anybody gets in, they're answered, though the request takes its time to arrive.
fn newcomers(own: &Server) -> Verdict {
    let end = Instant::now() + own.patience;
    while let Ok(mut client) = own.connect() {
        ensure(
            Instant::now() < end,
            "it was asked to end, and still accepts",
        )?;
        let came = Instant::now();
        // That's what is tried: a silence between the connection and its request.
        thread::sleep(Duration::from_millis(30));
        client.send("GET /hello HTTP/1.1\r\nHost: localhost\r\n\r\n");
        // On a machine that is busy, that may have been long enough to be sent away.
        if came.elapsed() < Duration::from_millis(200) {
            client.answer()?.status(200)?;
        }
    }
    Ok(())
}

/// Nobody gets in any more, sooner or later.
fn refuses(server: &Server) -> Verdict {
    let shut = wait_until(server.patience, || server.connect().is_err());
    ensure(shut, "it was asked to end, and still accepts")
}
