//! Stage 01 accepts connections: the program, its flags, and its life.

use std::net::TcpListener;
use std::thread;
use std::time::Duration;

use super::house;
use super::protocol;
use crate::check::Check;
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
        name: "port-taken",
        rule: "House: a server that cannot listen says why and ends with exit status 1",
        sends: "nothing: starts the server on a port where another program listens",
        expects: "exit status 1; `error: cannot listen on ADDRESS: …`, a hint that names --port on stderr; no ready line",
        hint: "An error of bind is to be expected: say it and end with status 1. In Rust match on it instead of unwrapping.",
        run: port_taken,
        ..HOUSE
    },
    Check {
        name: "address-not-ours",
        rule: "House: a server that cannot listen says why and ends with exit status 1",
        sends: "nothing: starts the server with --bind 192.0.2.1, an address of no machine (RFC 5737)",
        expects: "exit status 1 and `error: cannot listen on 192.0.2.1:…` on stderr",
        hint: "Every error of bind ends the program with its message, not only a taken port.",
        run: |server| {
            let ended = server.run_to_end(&["--bind", "192.0.2.1", "--port", "0"])?;
            let stderr = String::from_utf8_lossy(&ended.stderr);
            let said = stderr.contains("error: cannot listen on 192.0.2.1:");
            ensure(
                ended.status == Some(1) && said,
                format!("exit status {:?}; stderr: {stderr}", ended.status),
            )
        },
        ..HOUSE
    },
    Check {
        name: "flag-unknown",
        rule: "House: bad arguments end the program with exit status 2",
        sends: "nothing: starts the server with --no-such-flag",
        expects: "exit status 2 and a message on stderr",
        hint: "A flag that nobody knows is a mistake of whoever starts the server. In Rust clap says so by itself.",
        run: |server| refuses_arguments(server, &["--no-such-flag"]),
        ..HOUSE
    },
    Check {
        name: "port-no-number",
        rule: "House: bad arguments end the program with exit status 2",
        sends: "nothing: starts the server with --port 65536, and with --port http",
        expects: "exit status 2 and a message on stderr",
        hint: "A port is a number from 0 to 65535. With clap let the flag's type be u16.",
        run: |server| {
            refuses_arguments(server, &["--port", "65536"])?;
            refuses_arguments(server, &["--port", "http"])
        },
        ..HOUSE
    },
    Check {
        name: "bind-no-address",
        rule: "House: bad arguments end the program with exit status 2",
        sends: "nothing: starts the server with --bind 127.0.0.1.1",
        expects: "exit status 2 and a message on stderr",
        hint: "Parse the address when the server starts. With clap let the flag's type be IpAddr.",
        run: |server| refuses_arguments(server, &["--bind", "127.0.0.1.1"]),
        ..HOUSE
    },
    Check {
        name: "bind-flag",
        rule: "House: --bind ADDR chooses the address",
        sends: "nothing: starts the server with -b 127.0.0.2 -p 0 (Linux; elsewhere with ::1 or 127.0.0.1)",
        expects: "the ready line names that address, and a connection is accepted there",
        hint: "Bind to the pair of the two flags, not to a constant.",
        run: |server| {
            let address = if cfg!(target_os = "linux") {
                "127.0.0.2"
            } else {
                "127.0.0.1"
            };
            let own = server.own(&["-b", address])?;
            ensure(
                own.address.ip().to_string() == address,
                format!("it listens on {}", own.address),
            )?;
            own.serves_on()
        },
        ..HOUSE
    },
    Check {
        name: "help",
        rule: "House: --help explains the flags",
        sends: "nothing: starts the server with --help",
        expects: "exit status 0, and a text on stdout that names --bind and --port",
        hint: "List the flags with a sentence for each. In Rust clap writes it from their doc comments.",
        run: |server| {
            let ended = server.run_to_end(&["--help"])?;
            let text = String::from_utf8_lossy(&ended.stdout);
            let said = text.contains("--bind") && text.contains("--port");
            ensure(
                ended.status == Some(0) && said,
                format!("exit status {:?}; stdout: {text}", ended.status),
            )
        },
        ..HOUSE
    },
    Check {
        name: "version",
        rule: "House: --version",
        sends: "nothing: starts the server with --version",
        expects: "exit status 0, and a digit on stdout",
        hint: "Print the version and end. With clap #[command(version)] takes it from Cargo.toml.",
        run: |server| {
            let ended = server.run_to_end(&["--version"])?;
            let said = ended.stdout.iter().any(u8::is_ascii_digit);
            ensure(
                ended.status == Some(0) && said,
                format!("exit status {:?}", ended.status),
            )
        },
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
            for _ in 0..20 {
                drop(server.connect()?);
            }
            server.serves_on()
        },
        ..PROTOCOL
    },
    Check {
        name: "survives-reset",
        rule: "RFC 9112 §9.5: a client may break off at any time, and the server must cope",
        sends: "a few bytes, then a reset (SO_LINGER 0), twenty times",
        expects: "the next client is served",
        hint: "An error of read or write concerns one connection: log it and go on.",
        run: |server| {
            for _ in 0..20 {
                let mut client = server.connect()?;
                client.send("GET / HT");
                client.reset();
            }
            server.serves_on()
        },
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
            for _ in 0..100 {
                let clients: Result<Vec<_>, _> = (0..2).map(|_| server.connect()).collect();
                drop(clients?);
                thread::sleep(Duration::from_millis(1));
            }
            server.serves_on()
        },
        ..PROTOCOL
    },
    Check {
        name: "survives-closed-stdout",
        rule: "House: while it serves, it logs through a function that ignores a failed write",
        sends: "a few connections, after the reader of the server's stdout has gone away",
        expects: "the next client is served",
        hint: "Writing to stdout fails when it is a closed pipe (`server | head -1`): ignore that. Rust's println! panics, so use writeln! and drop its result.",
        run: |server| {
            let own = server.own_deaf()?;
            for _ in 0..5 {
                own.serves_on()?;
            }
            own.still_runs()
        },
        ..HOUSE
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
    let peer = client.stream.local_addr();
    let peer = peer.map(|address| address.to_string()).unwrap_or_default();
    server.stdout_line(&peer).map(|_| ())
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

fn port_taken(server: &Server) -> Verdict {
    let taken = TcpListener::bind("127.0.0.1:0").and_then(|listener| {
        let address = listener.local_addr()?;
        Ok((listener, address))
    });
    let Ok((_listener, address)) = taken else {
        return ensure(false, "the checker itself cannot listen");
    };
    let ended = server.run_to_end(&["--port", &address.port().to_string()])?;
    let stderr = String::from_utf8_lossy(&ended.stderr);
    let wanted = format!("error: cannot listen on {address}: ");
    let said = stderr.contains(&wanted) && stderr.contains("--port");
    ensure(
        ended.status == Some(1) && said && ended.stdout.is_empty(),
        format!("exit status {:?}; stderr: {stderr}", ended.status),
    )
}

fn refuses_arguments(server: &Server, arguments: &[&str]) -> Verdict {
    let ended = server.run_to_end(arguments)?;
    ensure(
        ended.status == Some(2) && !ended.stderr.is_empty(),
        format!("exit status {:?} with {arguments:?}", ended.status),
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
