//! Stage 01 accepts connections: the program, its flags, and its life.

use std::thread;
use std::time::Duration;

use super::house;
use super::protocol;
use crate::check::Check;
use crate::check::Harm;
use crate::check::Verdict;
use crate::check::ensure;
use crate::server::Server;

const HOUSE: Check = house(1);
const PROTOCOL: Check = protocol(1);

pub(super) const CHECKS: &[Check] = &[
    Check {
        name: "closes-without-a-word",
        until: Some(1),
        rule: "Stage 01: it logs each peer and closes the connection",
        sends: "nothing: connects and reads",
        expects: "the end of the stream, and not a byte before it",
        hint: "Close the connection after each accept. In Rust the stream closes when it is dropped, at the end of the loop's body.",
        run: |server| server.connect()?.closes_silently(),
        ..HOUSE
    },
    Check {
        name: "peer-logged",
        until: Some(2),
        rule: "Stage 01: what happens to a connection is logged on stdout, one line an event",
        sends: "nothing: connects from a port of its own",
        expects: "a line on stdout with the address and port of this client",
        hint: "accept returns the peer's address beside the stream; print it.",
        run: peer_logged,
        ..HOUSE
    },
    Check {
        name: "ready-line",
        rule: "House: one line on stdout when it is ready, and not before",
        sends: "nothing: starts the server with --port 0",
        expects: "`listening on http://ADDRESS` (stages 01 and 02 without http://) as the first line, and a connection is accepted at once",
        hint: "Bind first, then ask the socket for its address (getsockname; in Rust local_addr) and print that: with port 0 the system has chosen one.",
        run: ready_line,
        ..HOUSE
    },
    Check {
        name: "ctrl-c",
        rule: "House: Ctrl-C ends it",
        sends: "the signal SIGINT",
        expects: "the process ends",
        hint: "Do not catch the signal, or end when it comes.",
        run: |server| server.another()?.interrupt(),
        ..HOUSE
    },
    Check {
        name: "survives-connect-and-close",
        rule: "RFC 9112 §9.5: a client may close at any time, and the server must cope",
        sends: "nothing: connects and closes, twenty times",
        expects: "the next client is served",
        hint: "A read that returns 0 is the end of the stream: go on with the next connection. In Python recv gives b\"\" then, which has no first line.",
        run: |server| {
            for i in 0..20 {
                drop(server.connect()?);
                server.catches_up(i);
            }
            server.serves_on()
        },
        harm: Harm::Ends,
        ..PROTOCOL
    },
    Check {
        name: "survives-reset",
        rule: "RFC 9112 §9.5: a client may break off at any time, and the server must cope",
        sends: "a few bytes, then a reset (SO_LINGER 0), twenty times",
        expects: "the next client is served",
        hint: "An error of read or write concerns one connection: log it and go on. In Node each socket needs a listener: socket.on('error', …).",
        run: |server| {
            for i in 0..20 {
                let mut client = server.connect()?;
                client.send("GET / HT");
                client.reset();
                server.catches_up(i);
            }
            server.serves_on()
        },
        harm: Harm::Ends,
        ..PROTOCOL
    },
    Check {
        name: "survives-garbage",
        rule: "RFC 9112 §2.2: what is no request is refused, and concerns nobody else",
        sends: "all 256 byte values in a row, several times, then closes; the same for bytes above 0x7F as a line, as a target and as a field; GET /%zz and /%ff%c3?%=%z",
        expects: "the next client is served; what the garbage gets does not matter",
        hint: "Bytes from the network need not be UTF-8: a failed decoding must not end the server (decode() in Python, decodeURIComponent in JavaScript, from_utf8().unwrap() in Rust).",
        run: |server| {
            let garbage: Vec<u8> = (0..=255).collect();
            let requests: [&[u8]; 6] = [
                &garbage.repeat(8),
                b"\xff\xfe\xc3\r\n\r\n",
                b"GET /\xff\xc3 HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n",
                b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nX: \xe9\xff\r\n\r\n",
                b"GET /%zz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n",
                b"GET /%ff%c3?%=%z HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n",
            ];
            for request in requests {
                let mut client = server.connect()?;
                client.send(request);
                client.half_close();
                // A refusal, a reset or nothing: whatever it is, wait until it has come.
                let _ = client.rest();
            }
            server.serves_on()
        },
        harm: Harm::Ends,
        ..PROTOCOL
    },
    Check {
        name: "survives-two-hundred-clients",
        rule: "RFC 9112 §9.4: clients open more than one connection",
        sends: "nothing: connects and closes two hundred times, two connections open at a time",
        expects: "the next client is served",
        hint: "Close each connection when you are done with it; else the file descriptors run out.",
        run: |server| {
            // Two, because a server that serves one at a time may keep a short queue.
            for i in 0..100 {
                let clients: Result<Vec<_>, _> = (0..2).map(|_| server.connect()).collect();
                drop(clients?);
                server.catches_up(i);
                thread::sleep(Duration::from_millis(1));
            }
            server.serves_on()
        },
        harm: Harm::Ends,
        ..PROTOCOL
    },
    Check {
        name: "restart-at-once",
        rule: "House: restarting at once on the same port works (SO_REUSEADDR, RFC 9293 §3.6.1)",
        sends: "a request; then the server is ended and started again on its port",
        expects: "it listens again, though the old connections are in TIME-WAIT",
        hint: "Set SO_REUSEADDR before bind. Rust's TcpListener::bind does; in C and Python it is yours to do.",
        run: restart_at_once,
        ..HOUSE
    },
];

fn peer_logged(server: &Server) -> Verdict {
    let mut client = server.connect()?;
    client.half_close();
    client.rest()?;
    let peer = client.stream.local_addr().ok();
    let [ip, port] = match peer {
        Some(peer) => [peer.ip().to_string(), peer.port().to_string()],
        None => Default::default(),
    };
    // However it is written: Python prints ('127.0.0.1', 57636).
    let line = server.stdout_line(&port)?;
    ensure(
        line.contains(&ip),
        format!("the line with the port lacks the address {ip}: {line}"),
    )
}

fn ready_line(server: &Server) -> Verdict {
    let own = server.own(&[])?;
    own.serves_on()?;
    let (stdout, _) = own.output()?;
    let stdout = String::from_utf8_lossy(&stdout).into_owned();
    let scheme = if server.stage <= 2 { "" } else { "http://" };
    let wanted = format!("listening on {scheme}{}\n", own.address);
    ensure(
        stdout.starts_with(&wanted) && stdout.matches("listening on").count() == 1,
        format!("expected the line {wanted:?} once and first; stdout: {stdout}"),
    )
}

fn restart_at_once(server: &Server) -> Verdict {
    let first = server.another()?;
    // The server closes first, so that the connection stays behind in TIME-WAIT at its end.
    first.serves_on()?;
    let _open = first.connect()?;
    let again = first.restart()?;
    again.serves_on()
}
