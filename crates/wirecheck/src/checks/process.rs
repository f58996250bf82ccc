//! What clients leave behind in a process: descriptors, threads, and loops that spin. Only
//! Linux tells, and only of a server that we have started.

use std::fs;
use std::thread;
use std::time::Duration;

use super::must;
use super::should;
use crate::check::Check;
use crate::check::Failure;
use crate::check::Harm;
use crate::check::Verdict;
use crate::client::Connection;
use crate::server::Server;
use crate::server::post_head;
use crate::server::request;
use crate::server::wait_until;

/// So many clients come and leave in each way …
const CLIENTS: usize = 20;
/// … and so many of them may seem to be there still: a pool may have grown meanwhile.
const LEFT: usize = CLIENTS / 2;

/// How long a server that has nothing to do is watched.
const WATCHED: Duration = Duration::from_millis(160);

const LEAVES: &str = "twenty clients that connect and close; that close, reset or half-close with half a head sent; that ask and do not read; that read and close; that close with half a body sent";

pub(super) const CHECKS: &[Check] = &[
    Check {
        name: "descriptors-given-back",
        rule: "RFC 9112 §9.5: clients come and leave; what one of them held is free when it has left",
        sends: LEAVES,
        expects: "as many open descriptors as before, within the patience (with --run, on Linux)",
        hint: "Close the connection on every way out, also when a read or a write fails. In Python `with`, in Go `defer`, in C a `goto` to one place that closes.",
        harm: Harm::Ends,
        run: |server| {
            leave_nothing(server, "descriptors are open", |pid| {
                fs::read_dir(format!("/proc/{pid}/fd")).map_or(0, Iterator::count)
            })
        },
        ..must(4)
    },
    Check {
        name: "threads-given-back",
        rule: "RFC 9112 §9.5: clients come and leave; what one of them held is free when it has left",
        sends: LEAVES,
        expects: "about as many threads and processes as before, within the patience (with --run, on Linux)",
        hint: "A thread ends when its connection does: let its read come back when the client has closed (0, or an error).",
        harm: Harm::Ends,
        run: |server| {
            leave_nothing(server, "threads run", |pid| {
                fs::read_dir(format!("/proc/{pid}/task")).map_or(0, Iterator::count)
            })
        },
        ..should(4)
    },
    Check {
        name: "rests-when-all-have-left",
        rule: "RFC 9112 §9.5: a connection that has ended needs no more of the server's time",
        sends: LEAVES,
        expects: "almost no processor time afterwards (with --run, on Linux)",
        hint: "A read that returns 0 is the end: leave the loop, or it spins for ever. With epoll or select take the socket out.",
        harm: Harm::Ends,
        run: rests,
        ..must(4)
    },
];

/// A client that comes and leaves, and how, for people.
type Leaver = (&'static str, fn(&Server) -> Verdict);

const LEAVERS: &[Leaver] = &[
    ("connect and close", |server| server.connect().map(drop)),
    ("close with half a head sent", |server| {
        begin(server).map(Connection::leave)
    }),
    ("reset with half a head sent", |server| {
        begin(server).map(Connection::reset)
    }),
    ("half-close with half a head sent", |server| {
        let mut client = begin(server)?;
        client.half_close();
        // It may be answered or not; whoever waits for more has missed the end.
        client.wait_at_most(Duration::from_millis(100));
        let _ = client.rest();
        Ok(())
    }),
    ("ask and close without reading", |server| {
        server.connect()?.send(request("GET", "/"));
        Ok(())
    }),
    ("ask, read the answer and close", |server| {
        let mut client = server.connect()?;
        client.send("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n");
        let _ = client.answer();
        Ok(())
    }),
    ("close with half a body sent", |server| {
        let mut client = server.connect()?;
        client.send(post_head("/", "Content-Length: 100\r\n") + "Hello");
        client.leave();
        Ok(())
    }),
];

fn begin(server: &Server) -> Result<Connection, Failure> {
    let mut client = server.connect()?;
    client.send("GET / HTTP/1.1\r\nHost: loc");
    Ok(client)
}

/// Can it be looked into? Then it has served somebody before it is. Not where nothing is to
/// be seen.
fn is_watched(server: &Server) -> Result<bool, Failure> {
    if !cfg!(target_os = "linux") && server.is_ours() {
        return Ok(false);
    }
    if server.pid().is_none() {
        return Err(Failure::Skipped(
            "needs to start the server itself: use --run".into(),
        ));
    }
    if server.processes().is_empty() {
        return Err(Failure::Skipped(
            "needs /proc to look into the process".into(),
        ));
    }
    for _ in 0..5 {
        let _ = server.serves_on();
    }
    Ok(true)
}

fn count(server: &Server, of: fn(i32) -> usize) -> usize {
    server.processes().into_iter().map(of).sum()
}

fn leave_nothing(server: &Server, what: &str, of: fn(i32) -> usize) -> Verdict {
    if !is_watched(server)? {
        return Ok(());
    }
    for (how, leave) in LEAVERS {
        // They come a second time: a pool that has grown for them does not grow again, and a
        // leak does.
        let mut more = LEFT;
        for _ in 0..2 {
            if more >= LEFT {
                more = left_behind(server, *leave, of)?;
            }
        }
        if more >= LEFT {
            server.still_runs()?;
            return Err(Failure::new(format!(
                "{more} more {what} than before {CLIENTS} clients came, to {how}"
            )));
        }
    }
    server.still_runs()
}

/// How many more there are after the clients than before them, once those have gone that go.
fn left_behind(
    server: &Server,
    leave: fn(&Server) -> Verdict,
    of: fn(i32) -> usize,
) -> Result<usize, Failure> {
    let before = count(server, of);
    for i in 0..CLIENTS {
        leave(server)?;
        server.catches_up(i);
    }
    wait_until(server.patience / 2, || count(server, of) < before + LEFT);
    Ok(count(server, of).saturating_sub(before))
}

fn rests(server: &Server) -> Verdict {
    if !is_watched(server)? {
        return Ok(());
    }
    for (how, leave) in LEAVERS {
        for _ in 0..3 {
            leave(server)?;
        }
        // It may have something to clear up.
        let rested = wait_until(server.patience, || !burns(server));
        if !rested {
            server.still_runs()?;
            return Err(Failure::new(format!(
                "the server keeps a processor busy after clients came, to {how}"
            )));
        }
    }
    server.still_runs()
}

/// More than half of one processor for a while.
fn burns(server: &Server) -> bool {
    let before = ticks(server);
    thread::sleep(WATCHED);
    // A tick is a hundredth of a second on every Linux.
    let busy = Duration::from_millis(10 * ticks(server).saturating_sub(before));
    busy > WATCHED / 2
}

/// The processor time of the server until now, in hundredths of a second.
fn ticks(server: &Server) -> u64 {
    let mut ticks = 0;
    for pid in server.processes() {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        // The name of the program, in brackets, may hold anything.
        let rest = stat.rsplit_once(") ").map_or("", |(_, rest)| rest);
        // The state, then numbers: the 11th and the 12th of them are the times.
        let times = rest.split(' ').skip(11).take(2);
        ticks += times
            .filter_map(|time| time.parse::<u64>().ok())
            .sum::<u64>();
    }
    ticks
}
