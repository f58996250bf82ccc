//! Stage 15 waits for thousands of clients with a thread or two.

use std::io::Read;
use std::io::Write;
use std::net::Shutdown;
use std::net::TcpStream;
use std::thread;
use std::time::Duration;

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
use crate::site::Site;

const HOUSE: Check = Check {
    harm: Harm::Loses,
    ..house(15)
};

/// More than any stage before has threads for, here.
const CROWD: usize = 400;

pub(super) const CHECKS: &[Check] = &[
    Check {
        name: "crowd-is-silent",
        rule: "Stage 15: a connection waits without a thread",
        sends: "nothing on 400 connections to a server with --threads 2; GET / on another",
        expects: "the answer at once",
        hint: "Let the sockets not block, and ask the kernel which of them can go on.",
        run: |server| {
            let own = server.own(&["--threads", "2", "--timeout", "60"])?;
            let crowd = crowd(&own, "")?;
            served_beside(&own, crowd.len())
        },
        ..HOUSE
    },
    Check {
        name: "crowd-stops-in-the-head",
        rule: "Stage 15: a connection waits without a thread, in the middle of a head too",
        sends: "half a head on 400 connections to a server with --threads 2; GET / on another; then the other halves, the last first",
        expects: "an answer for all",
        hint: "What has come of a head must stay where the next bytes find it.",
        run: |server| {
            let own = server.own(&["--threads", "2", "--timeout", "60"])?;
            let mut crowd = crowd(&own, "GET / HTTP/1.1\r\nHost: loc")?;
            served_beside(&own, crowd.len())?;
            while let Some(mut client) = crowd.pop() {
                client.send("alhost\r\n\r\n");
                client.answer()?.status(200)?;
            }
            Ok(())
        },
        ..HOUSE
    },
    Check {
        name: "crowd-stops-in-the-body",
        rule: "Stage 15: a connection waits without a thread, in the middle of a body too",
        sends: "half a chunk on 400 connections to a server with --threads 2; GET / on another; then the other halves, the last first",
        expects: "each body comes back",
        hint: "What has come of a body must stay where the next bytes find it.",
        run: |server| {
            let own = server.own(&["--threads", "2", "--timeout", "60"])?;
            let begin = "POST /echo HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhel";
            let mut crowd = crowd(&own, begin)?;
            served_beside(&own, crowd.len())?;
            while let Some(mut client) = crowd.pop() {
                client.send("lo\r\n0\r\n\r\n");
                client.answer()?.body_is(b"hello")?;
            }
            Ok(())
        },
        ..HOUSE
    },
    Check {
        name: "crowd-never-reads",
        rule: "Stage 15: a connection waits without a thread, in the middle of an answer too",
        sends: "GET /big.bin (100 MB) on 100 connections that read nothing, to a server with --threads 2; GET / on another",
        expects: "the answer at once",
        hint: "A write that would block is a reason to turn to somebody else.",
        run: |server| {
            let site = Site::new(server, &["--threads", "2"])?;
            let mut crowd = Vec::new();
            for _ in 0..100 {
                let mut client = site.server.connect()?;
                client.send(request("GET", "/big.bin"));
                crowd.push(client);
            }
            served_beside(&site.server, crowd.len())
        },
        ..HOUSE
    },
    Check {
        name: "never-reads-is-left",
        rule: "House: a client that does not read is left after some timeouts",
        sends: "GET /big.bin (100 MB) on a connection that reads nothing (--timeout 1)",
        expects: "a line in the log, with the bytes that went out, once its time has passed",
        hint: "A write that would block waits for the socket, and for the clock: the sweep comes by.",
        run: |server| {
            let mut site = Site::new(server, &["--timeout", "1"])?;
            // Six timeouts, and the sweep.
            site.server.patience = 3 * server.patience;
            let mut client = site.server.connect()?;
            client.send(request("GET", "/big.bin"));
            site.server.stdout_line("\"GET /big.bin HTTP/1.1\" 200 ")?;
            site.server.serves_on()
        },
        waits: true,
        ..HOUSE
    },
    Check {
        name: "crowd-has-few-threads",
        rule: "Stage 15: one thread a core, and the workers that wait",
        sends: "half a head on 400 connections",
        expects: "no more threads than before (where /proc tells)",
        hint: "A thread belongs to a core, not to a client.",
        run: |server| {
            let own = server.own(&[])?;
            // Now all threads run that it begins with.
            own.serves_on()?;
            let Some(before) = own.proc_status("Threads") else {
                return Ok(());
            };
            let crowd = crowd(&own, "GET / HTTP/1.1\r\nHost: loc")?;
            served_beside(&own, crowd.len())?;
            let threads = own.proc_status("Threads").unwrap_or_default();
            ensure(
                threads <= before + 2,
                format!("{before} threads before, {threads} with {CROWD} clients"),
            )
        },
        ..HOUSE
    },
    Check {
        name: "crowd-takes-little-memory",
        rule: "Stage 15: ten thousand clients that wait fit in ten megabytes",
        sends: "GET / on 400 connections, which then stay open",
        expects: "less than 4 KiB for each (where /proc tells)",
        hint: "What only a request needs goes when it's answered: its buffer, its head, its answer.",
        run: |server| {
            let own = server.own(&["--keep-alive", "60"])?;
            let mut clients = asked(&own, 100)?;
            let Some(before) = own.proc_status("VmRSS") else {
                return Ok(());
            };
            clients.extend(asked(&own, CROWD)?);
            let grown = own
                .proc_status("VmRSS")
                .unwrap_or_default()
                .saturating_sub(before);
            ensure(
                grown < 4 * CROWD as u64,
                format!("{CROWD} idle clients take {grown} KiB"),
            )
        },
        ..HOUSE
    },
    Check {
        name: "crowd-is-sent-away",
        rule: "RFC 9110 §15.5.9: 408, then close, when a request does not come in time",
        sends: "half a head on 400 connections (--timeout 1)",
        expects: "408 on each",
        hint: "A sweep that looks at all clients now and then needs no timer for each.",
        run: |server| {
            let own = server.own(&["--timeout", "1"])?;
            for client in &mut crowd(&own, "GET / HTTP/1.1\r\nHost: loc")? {
                client.answer()?.status(408)?;
            }
            Ok(())
        },
        waits: true,
        ..HOUSE
    },
    Check {
        name: "slow-pages-have-threads",
        rule: "Stage 15: handlers that wait run on at most --threads threads",
        sends: "GET /slow on two connections to a server with --threads 1; GET /hello on a third",
        expects: "/hello first, then one /slow and, a second later, the other",
        hint: "A queue of jobs, and workers that take them from there.",
        run: |server| {
            let own = server.own(&["--threads", "1"])?;
            let mut clients = [own.connect()?, own.connect()?];
            for client in &mut clients {
                client.send(request("GET", "/slow"));
            }
            own.get("/hello")?.status(200)?;
            let both_quiet = clients.iter_mut().all(Connection::is_quiet);
            ensure(both_quiet, "a slow page came before /hello")?;
            // Whichever comes first: the other has a second to wait.
            let came = wait_until(own.patience, || {
                !clients.iter_mut().all(Connection::is_quiet)
            });
            ensure(came, "no slow page comes")?;
            thread::sleep(Duration::from_millis(300));
            let waiting = clients
                .iter_mut()
                .filter_map(|c| c.is_quiet().then_some(()))
                .count();
            ensure(
                waiting == 1,
                format!("{waiting} of two slow pages wait while one has come, with --threads 1"),
            )?;
            for client in &mut clients {
                client.answer()?.status(200)?;
            }
            Ok(())
        },
        ..HOUSE
    },
    Check {
        name: "slow-page-keeps-its-turn",
        rule: "RFC 9112 §9.3.2: answers come in the order of the requests",
        sends: "GET /slow and GET /hello in one go, on one connection",
        expects: "the slow page first",
        hint: "The next request of a connection waits until the one before is answered.",
        run: |server| {
            let mut client = server.connect()?;
            let slow = "GET /slow HTTP/1.1\r\nHost: localhost\r\n\r\n";
            client.send(slow);
            client.send(request("GET", "/hello"));
            let rest = String::from_utf8_lossy(&client.rest()?).into_owned();
            let (first, second) = (rest.find("At last"), rest.find("Hello!"));
            ensure(
                first.is_some() && first < second,
                "the answers are not in the order of the requests",
            )
        },
        ..HOUSE
    },
    Check {
        name: "pipeline-blocks-nobody",
        rule: "RFC 9112 §9: servers keep many connections, with fair use",
        sends: "2,000 pipelined requests on each of four connections that read nothing; GET / on another, ten times",
        expects: "ten answers",
        hint: "After an answer the others have their turn, even if the next request is there already.",
        run: |server| {
            let own = server.own(&["--threads", "2"])?;
            let mut crowd = Vec::new();
            for _ in 0..4 {
                let mut client = own.connect()?;
                client.send("GET /hello HTTP/1.1\r\nHost: localhost\r\n\r\n".repeat(2000));
                crowd.push(client);
            }
            for _ in 0..10 {
                served_beside(&own, crowd.len())?;
            }
            Ok(())
        },
        ..HOUSE
    },
    Check {
        name: "flood-blocks-nobody",
        rule: "RFC 9112 §9: servers keep many connections, with fair use",
        sends: "HEAD /hello on each of four connections, pipelined without end, all answers read at once; GET / on another, three times",
        expects: "three answers",
        hint: "Whoever reads and writes so fast that you never have to wait gets all your time. After each write the others have their turn.",
        run: flood,
        ..HOUSE
    },
    Check {
        name: "pipeline-is-logged",
        rule: "Stage 15: the log is written once a turn, and nothing is lost",
        sends: "a hundred pipelined requests",
        expects: "a hundred answers, and a hundred lines",
        hint: "Write what has come together before you wait.",
        run: |server| {
            let own = server.own(&[])?;
            let mut client = own.connect()?;
            client.send("GET /hello HTTP/1.1\r\nHost: localhost\r\n\r\n".repeat(99));
            client.send(request("GET", "/hello"));
            let answers = client.rest()?;
            let answers = String::from_utf8_lossy(&answers)
                .matches("HTTP/1.1 200")
                .count();
            ensure(answers == 100, format!("{answers} answers of 100"))?;
            let lines = || {
                let (stdout, _) = own.output().unwrap_or_default();
                String::from_utf8_lossy(&stdout)
                    .matches("\"GET /hello")
                    .count()
            };
            let all = wait_until(own.patience, || lines() == 100);
            ensure(all, format!("{} lines in the log of 100", lines()))
        },
        ..HOUSE
    },
];

/// Four that are never slow, and one that is ordinary.
fn flood(server: &Server) -> Verdict {
    let own = server.own(&["--threads", "2"])?;
    let requests = "HEAD /hello HTTP/1.1\r\nHost: localhost\r\n\r\n".repeat(1000);
    let mut clients = Vec::new();
    for _ in 0..4 {
        clients.push(
            TcpStream::connect(own.address).map_err(|error| Failure::new(error.to_string()))?,
        );
    }
    thread::scope(|scope| {
        for client in &clients {
            let (mut asks, mut reads, requests) = (client, client, &requests);
            scope.spawn(move || while asks.write_all(requests.as_bytes()).is_ok() {});
            scope.spawn(move || {
                let mut bytes = [0; 64 * 1024];
                while matches!(reads.read(&mut bytes), Ok(1..)) {}
            });
        }
        let served = (0..3).try_for_each(|_| served_beside(&own, 4));
        for client in &clients {
            let _ = client.shutdown(Shutdown::Both);
        }
        served
    })
}

/// Opens many connections, and sends the same on each.
fn crowd(server: &Server, begin: &str) -> Result<Vec<Connection>, Failure> {
    let mut clients = Vec::new();
    for _ in 0..CROWD {
        let mut client = server.connect()?;
        client.send(begin);
        clients.push(client);
    }
    Ok(clients)
}

/// Opens connections that have had an answer.
fn asked(server: &Server, count: usize) -> Result<Vec<Connection>, Failure> {
    let mut clients = Vec::new();
    for _ in 0..count {
        let mut client = server.connect()?;
        client.send("HEAD / HTTP/1.1\r\nHost: localhost\r\n\r\n");
        client.some_bytes()?;
        clients.push(client);
    }
    Ok(clients)
}

/// GET / is answered beside all these.
fn served_beside(server: &Server, others: usize) -> Verdict {
    let served = server.get("/").and_then(|answer| answer.accepted());
    let meanwhile = format!("{others} other clients hold a connection");
    served.map_err(|failure| failure.while_others(&meanwhile))
}
