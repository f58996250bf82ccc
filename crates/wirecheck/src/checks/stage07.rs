//! Stage 07 serves many clients at once.

use std::thread;
use std::thread::ScopedJoinHandle;
use std::time::Duration;
use std::time::Instant;

use super::house;
use super::protocol;
use crate::check::Check;
use crate::check::Failure;
use crate::check::Harm;
use crate::check::Level;
use crate::check::Verdict;
use crate::check::ensure;
use crate::client::Connection;
use crate::server::Server;
use crate::server::request;
use crate::server::wait_until;

const HOUSE: Check = house(7);
const PROTOCOL: Check = protocol(7);

/// Who answers so soon has waited for nothing.
const AT_ONCE: Duration = Duration::from_millis(300);

pub(super) const CHECKS: &[Check] = &[
    Check {
        name: "answered-in-reverse-order",
        rule: "RFC 9112 §9.4: clients open several connections; one must not wait for another",
        sends: "half a request on each of four connections (ours: eight); then the other halves, the last connection first",
        expects: "each answer as soon as its request is whole",
        hint: "A server that reads one connection to its end before it accepts the next cannot do this: threads, or a loop over all that are ready.",
        run: |server| reverse_order(server, if server.is_ours() { 8 } else { 4 }),
        harm: Harm::Loses,
        ..PROTOCOL
    },
    Check {
        name: "hundred-at-once",
        rule: "RFC 9112 §9.4: clients open several connections; one must not wait for another",
        sends: "the same with a hundred connections",
        expects: "each answer as soon as its request is whole",
        hint: "Start another worker while all that there are have something to do.",
        run: |server| reverse_order(server, 100),
        ..HOUSE
    },
    Check {
        name: "idle-client-blocks-nobody",
        rule: "RFC 9112 §9.4: browsers open spare connections and send nothing on them",
        sends: "nothing on three connections (ours: twenty); GET / on another",
        expects: "the answer at once",
        hint: "Accept while others are silent.",
        run: |server| {
            let idle: Result<Vec<_>, _> = (0..others(server)).map(|_| server.connect()).collect();
            let idle = idle?;
            let meanwhile = format!("{} other clients are connected and silent", idle.len());
            served_beside(server, &meanwhile)
        },
        harm: Harm::Loses,
        ..PROTOCOL
    },
    Check {
        name: "slow-page-blocks-nobody",
        rule: "Stage 07: many clients at once",
        sends: "GET /slow, and GET /hello after it on another connection",
        expects: "the answer to the second before the first has any",
        hint: "A handler may take its time; only its own client waits.",
        run: |server| {
            let mut slow = server.connect()?;
            slow.send(request("GET", "/slow"));
            server.get("/hello")?.status(200)?;
            ensure(slow.is_quiet(), "the slow page came first")?;
            slow.answer()?.status(200)
        },
        harm: Harm::Loses,
        waits: true,
        ..HOUSE
    },
    Check {
        name: "slow-pages-together",
        rule: "Stage 07: many clients at once",
        sends: "GET /slow on twenty connections",
        expects: "all twenty within the client's patience of ten seconds",
        hint: "Twenty seconds one after the other, one second side by side.",
        run: |server| {
            let mut clients = Vec::new();
            for _ in 0..20 {
                let mut client = server.connect()?;
                client.send(request("GET", "/slow"));
                clients.push(client);
            }
            // The last one first: one after the other, its answer comes after twenty seconds.
            while let Some(mut client) = clients.pop() {
                client.answer()?.status(200)?;
            }
            Ok(())
        },
        waits: true,
        ..HOUSE
    },
    Check {
        name: "asks-and-never-reads-blocks-nobody",
        rule: "RFC 9112 §9: servers keep many connections, with fair use: one that is not read must not stop the others",
        sends: "GET / on three connections (ours: twenty) that read nothing and stay open; GET / on another",
        expects: "the answer at once",
        hint: "The closing in stages waits for the client: not in the thread that accepts.",
        run: |server| {
            let mut clients = Vec::new();
            for _ in 0..others(server) {
                let mut client = server.connect()?;
                client.send(request("GET", "/"));
                clients.push(client);
            }
            let meanwhile = format!("{} other clients do not read", clients.len());
            served_beside(server, &meanwhile)
        },
        harm: Harm::Loses,
        ..PROTOCOL
    },
    Check {
        name: "drip-blocks-nobody",
        rule: "RFC 9112 §9.4: one must not wait for another",
        sends: "three heads (ours: twenty), a byte now and then; GET / between the bytes",
        expects: "an answer each time",
        hint: "Each connection has a thread, or a state, of its own.",
        run: |server| {
            let mut clients = Vec::new();
            for _ in 0..others(server) {
                clients.push(server.connect()?);
            }
            for byte in "GET / ".bytes() {
                for client in &mut clients {
                    client.send([byte]);
                }
                let meanwhile = format!("{} other clients send slowly", clients.len());
                served_beside(server, &meanwhile)?;
            }
            Ok(())
        },
        harm: Harm::Loses,
        ..PROTOCOL
    },
    Check {
        name: "panic-costs-one-500",
        rule: "RFC 9110 §15.6.1: 500 for an unexpected condition",
        sends: "GET /panic",
        expects: "500, and the next client is served",
        hint: "Catch what a handler throws where it is called, and answer 500. In Rust std::panic::catch_unwind.",
        run: |server| {
            server.get("/panic")?.status(500)?;
            server.serves_on()
        },
        harm: Harm::Ends,
        ..HOUSE
    },
    Check {
        name: "panics-cost-no-thread",
        rule: "Stage 07: a handler that panics costs one 500, not a thread",
        sends: "GET /panic thirty times to a server with --threads 4",
        expects: "500 each time, and the next client is served",
        hint: "If the panic ends its thread, the pool is empty after four: catch it in the worker's loop.",
        run: |server| {
            let own = server.own(&["--threads", "4"])?;
            for _ in 0..30 {
                own.get("/panic")?.status(500)?;
            }
            own.serves_on()
        },
        harm: Harm::Ends,
        ..HOUSE
    },
    Check {
        name: "one-thread-is-enough",
        rule: "House: --threads 1 is a right choice",
        sends: "GET / ten times to a server with --threads 1, with connections that come and go between",
        expects: "an answer each time",
        hint: "The only worker must not end, and must not wait for another.",
        run: |server| {
            let own = server.own(&["--threads", "1"])?;
            for _ in 0..10 {
                drop(own.connect()?);
                own.get("/")?.accepted()?;
            }
            Ok(())
        },
        ..HOUSE
    },
    Check {
        name: "threads-are-bounded",
        until: Some(14),
        rule: "House: past the bound connections wait in the kernel's queue",
        sends: "half a request on three connections to a server with --threads 2; a whole one on the third",
        expects: "no answer on the third while the others are open; its answer when one has left",
        hint: "Start no worker above the bound; who cannot be served waits in accept's queue, not in memory.",
        run: threads_bounded,
        ..HOUSE
    },
    Check {
        name: "threads-shrink-after-a-burst",
        until: Some(14),
        rule: "House: a worker that finds enough others waiting ends",
        sends: "eighty connections at once; then they leave, and nobody comes",
        expects: "far fewer threads than at the height (where /proc tells)",
        hint: "A worker that comes back to accept counts those who wait already.",
        run: threads_shrink,
        ..HOUSE
    },
    Check {
        name: "short-of-file-descriptors",
        rule: "House: a failed accept is logged, and the loop goes on",
        sends: "a hundred and twenty connections to a server that may open fifty files; then they leave",
        expects: "the next client is served; the log has not been flooded",
        hint: "accept fails while no descriptor is free (EMFILE): wait a moment before the next one, or the loop spins.",
        run: short_of_files,
        harm: Harm::Ends,
        ..HOUSE
    },
    Check {
        name: "resets-while-others-wait",
        rule: "RFC 9112 §9.5: a client may break off at any time, and the server must cope",
        sends: "25 connections in a row from each of three threads (ours: eight): resets, half requests, whole ones",
        expects: "each whole request is answered, and the next client is served",
        hint: "Nothing that one connection does may be seen by another.",
        run: |server| {
            let threads = if server.is_ours() { 8 } else { others(server) };
            let results: Vec<Verdict> = thread::scope(|scope| {
                let clients: Vec<_> = (0..threads)
                    .map(|_| scope.spawn(|| crowd(server)))
                    .collect();
                let joined = clients.into_iter().map(ScopedJoinHandle::join);
                joined
                    .map(|result| result.unwrap_or_else(|_| ensure(false, "a client panicked")))
                    .collect()
            });
            results.into_iter().collect::<Verdict>()?;
            server.serves_on()
        },
        harm: Harm::Ends,
        ..PROTOCOL
    },
    Check {
        name: "deadline-for-the-head",
        rule: "RFC 9110 §15.5.9: 408, then close, when a request does not come in time",
        sends: "half a head, and then nothing (--timeout 1)",
        expects: "408, then the close",
        hint: "Set a time limit on reads, and answer 408 when it is over. In Rust set_read_timeout; the error is WouldBlock or TimedOut.",
        run: |server| {
            let own = server.own(&["--timeout", "1"])?;
            let mut client = own.connect()?;
            client.send("GET / HTTP/1.1\r\nHost: loc");
            client.answer()?.status(408)?;
            own.serves_on()
        },
        harm: Harm::Loses,
        waits: true,
        ..HOUSE
    },
    Check {
        name: "deadline-for-the-whole-head",
        rule: "House: one deadline for the whole head, not one per read",
        sends: "a byte every 50 ms, without end (--timeout 1)",
        expects: "408 while the client still sends",
        hint: "Before each read set the time that is left, not the whole time again: else a byte a second lives for ever.",
        run: drip,
        harm: Harm::Loses,
        waits: true,
        ..HOUSE
    },
    Check {
        name: "deadline-for-a-spare-connection",
        rule: "RFC 9112 §9.5: a server that closes an idle connection need not say why",
        sends: "nothing (--timeout 1)",
        expects: "the end of the stream without a byte, sooner or later",
        hint: "Browsers open spare connections; a 408 on one is shown as the answer to their next request.",
        run: |server| {
            let own = server.own(&["--timeout", "1"])?;
            own.connect()?.closes_silently()
        },
        harm: Harm::Loses,
        waits: true,
        ..HOUSE
    },
    Check {
        name: "some-deadline",
        rule: "RFC 9112 §9.5: servers usually have a time after which they keep no silent connection; ours do",
        sends: "half a head and nothing more on one connection, and a byte every 100 ms on another (ours: --timeout 1)",
        expects: "both are sent away, with or without a 408, within --deadline SECONDS",
        hint: "Without a deadline a client that says nothing holds a thread for ever. It is one deadline for the whole head, not one for each read.",
        run: some_deadline,
        level: Level::Should,
        harm: Harm::Loses,
        waits: true,
        ..HOUSE
    },
];

/// How many clients hold a connection beside the one that must be served. How many a server
/// can bear is its own affair: a pool of four threads is no fault.
fn others(server: &Server) -> usize {
    if server.is_ours() { 20 } else { 3 }
}

/// GET / is answered, whatever others do.
fn served_beside(server: &Server, meanwhile: &str) -> Verdict {
    let served = server.get("/").and_then(|answer| answer.accepted());
    served.map_err(|failure| failure.while_others(meanwhile))
}

fn open_and_begin(server: &Server, count: usize) -> Result<Vec<Connection>, Failure> {
    let mut clients = Vec::new();
    for _ in 0..count {
        let mut client = server.connect()?;
        client.send("GET / HTTP/1.1\r\nHost: loc");
        clients.push(client);
    }
    Ok(clients)
}

fn reverse_order(server: &Server, count: usize) -> Verdict {
    let mut clients = open_and_begin(server, count)?;
    while let Some(mut client) = clients.pop() {
        client.send("alhost\r\nConnection: close\r\n\r\n");
        let meanwhile = format!("{} clients before it have sent half a head", clients.len());
        let answered = client.answer().and_then(|answer| answer.accepted());
        answered.map_err(|failure| failure.while_others(&meanwhile))?;
    }
    Ok(())
}

fn threads_bounded(server: &Server) -> Verdict {
    let own = server.own(&["--threads", "2"])?;
    let mut holders = open_and_begin(&own, 2)?;
    // The two must be in the workers' hands before the third comes.
    thread::sleep(Duration::from_millis(30));
    let mut third = own.connect()?;
    third.send(request("GET", "/"));
    thread::sleep(AT_ONCE);
    if !third.is_quiet() {
        return Err(third.wrong("a third connection is served beside two, with --threads 2"));
    }
    holders.pop();
    third.answer()?.accepted()
}

fn threads_shrink(server: &Server) -> Verdict {
    let own = server.own(&[])?;
    let Some(_) = own.proc_status("Threads") else {
        return Ok(());
    };
    let mut clients = open_and_begin(&own, 80)?;
    let threads = || own.proc_status("Threads").unwrap_or_default();
    let grown = wait_until(own.patience, || threads() >= 80);
    ensure(
        grown,
        format!("eighty connections, and only {} threads", threads()),
    )?;
    for client in &mut clients {
        client.send("alhost\r\nConnection: close\r\n\r\n");
    }
    for mut client in clients {
        client.answer()?.accepted()?;
    }
    // Nobody comes any more: it must see by itself that it has too many.
    let shrunk = wait_until(own.patience, || threads() <= 40);
    ensure(
        shrunk,
        format!("{} threads are left with nothing to do", threads()),
    )
}

fn short_of_files(server: &Server) -> Verdict {
    // Not fewer: on Linux each thread that waits in accept holds a descriptor already.
    let own = server.own_with_files(50)?;
    let mut clients = Vec::new();
    for _ in 0..120 {
        let mut client = own.connect()?;
        client.send("GET / HTTP/1.1\r\nHost: loc");
        clients.push(client);
    }
    // Time enough for a loop that spins to show itself.
    thread::sleep(Duration::from_millis(200));
    let (_, stderr) = own.output()?;
    let lines = stderr.iter().filter(|b| **b == b'\n').count();
    drop(clients);
    // Those that still wait in the queue come first, and take the files once more.
    let served = wait_until(own.patience, || own.serves_on().is_ok());
    ensure(
        served,
        "no client is served any more once the files ran out",
    )?;
    ensure(
        lines < 1_000,
        format!("{lines} lines on stderr in a fifth of a second: accept spins"),
    )
}

fn crowd(server: &Server) -> Verdict {
    for i in 0..25 {
        let mut client = server.connect()?;
        match i % 4 {
            0 => client.reset(),
            1 => client.send("GET / HT"),
            2 => {
                client.send(request("GET", "/"));
                client.reset();
            }
            _ => server.get("/")?.accepted()?,
        }
    }
    Ok(())
}

fn drip(server: &Server) -> Verdict {
    let own = server.own(&["--timeout", "1"])?;
    drips(own.connect()?, "GET / HTTP/1.1\r\nX: ", server.patience)
}

/// Goes on with a byte now and then, and is sent away: with 408, while it still sends.
pub(super) fn drips(mut client: Connection, beginning: &str, patience: Duration) -> Verdict {
    client.send(beginning);
    let sent_away = wait_until(patience, || {
        client.send("x");
        thread::sleep(Duration::from_millis(45));
        !client.is_quiet()
    });
    if !sent_away {
        return Err(client.wrong("a client that sends a byte now and then is never sent away"));
    }
    client.answer()?.status(408)
}

/// One that falls silent and one that drips: both must go, however they are sent away.
fn some_deadline(server: &Server) -> Verdict {
    let own = match server.is_ours() {
        true => Some(server.own(&["--timeout", "1"])?),
        false => None,
    };
    let Some(time) = server.deadline() else {
        return Err(Failure::Skipped(
            "takes as long as the server waits for a silent client: --deadline 60 waits a minute"
                .into(),
        ));
    };
    let server = own.as_ref().unwrap_or(server);
    let mut clients = [server.connect()?, server.connect()?];
    for client in &mut clients {
        client.send("GET / HTTP/1.1\r\nX: ");
    }
    // Who answers half a head has sent nobody away: it is asked by one who says nothing at all.
    if wait_until(AT_ONCE, || !clients[0].is_quiet()) {
        clients = [server.connect()?, server.connect()?];
        clients[1].half_close();
    }
    let end = Instant::now() + time;
    let [silent, drips] = &mut clients;
    while silent.is_quiet() || drips.is_quiet() {
        if Instant::now() > end {
            let (who, client) = if silent.is_quiet() {
                ("says nothing more", silent)
            } else {
                ("sends a byte now and then", drips)
            };
            let seconds = time.as_secs();
            return Err(client.wrong(format!(
                "a client that {who} holds its connection for more than {seconds} s"
            )));
        }
        server.is_in_time()?;
        if drips.is_quiet() {
            drips.send("x");
        }
        thread::sleep(Duration::from_millis(100));
    }
    Ok(())
}
