//! Stage 02 sends every byte back.

use std::net::TcpListener;
use std::thread;

use super::house;
use crate::check::Check;
use crate::check::Verdict;
use crate::check::ensure;
use crate::exchange::visible;
use crate::server::Server;

const HOUSE: Check = house(2);

const ECHO: Check = Check {
    // From stage 03 on the server speaks HTTP.
    until: Some(2),
    rule: "RFC 862: whatever comes is sent back, until the client closes its side",
    ..house(2)
};

pub(super) const CHECKS: &[Check] = &[
    Check {
        name: "echo-line",
        sends: "`Hello!` and a line feed, and keeps its side open",
        expects: "the same bytes, before the client closes anything",
        hint: "Write what you have read at once; do not wait for the end of the stream.",
        run: |server| {
            let mut client = server.connect()?;
            client.send("Hello!\n");
            let back = client.bytes(7)?;
            ensure(back == b"Hello!\n", "other bytes came back")
        },
        ..ECHO
    },
    Check {
        name: "echo-all-bytes",
        sends: "each of the 256 byte values, then half-closes",
        expects: "the same bytes, then the end of the stream",
        hint: "Echo bytes, not text: not every byte is UTF-8. In Rust Vec<u8>, not String.",
        run: |server| echoes(server, &(0..=255).collect::<Vec<u8>>()),
        ..ECHO
    },
    Check {
        name: "echo-nothing",
        sends: "nothing: half-closes at once",
        expects: "the end of the stream without a byte",
        hint: "A read that returns 0 is the end: leave the loop.",
        run: |server| echoes(server, b""),
        ..ECHO
    },
    Check {
        name: "echo-10-mib",
        sends: "10 MiB while it reads, then half-closes",
        expects: "10 MiB, the same",
        hint: "If less came back: write may take fewer bytes than you give it, so write the rest, too (in Rust, write_all). If more came back: the bytes were turned into text, where each that is no UTF-8 becomes three; send them as they came.",
        run: |server| {
            // No line feed, so that a failure shows it in one line.
            let bytes: Vec<u8> = (0..10 << 20).map(|i: u32| (i % 241 + 11) as u8).collect();
            echoes(server, &bytes)
        },
        ..ECHO
    },
    Check {
        name: "echo-byte-by-byte",
        sends: "twenty bytes, each in a segment of its own, each after the echo of the one before",
        expects: "each byte back before the next is sent",
        hint: "Do not fill a buffer before you answer: read returns what there is.",
        run: |server| {
            let mut client = server.connect()?;
            for byte in b'a'..b'u' {
                client.send([byte]);
                let back = client.bytes(1)?;
                ensure(back == [byte], "another byte came back")?;
            }
            Ok(())
        },
        ..ECHO
    },
    Check {
        name: "echo-line-without-end",
        sends: "`no line feed`, and keeps its side open",
        expects: "the same bytes, though no line has ended",
        hint: "Do not read by lines: the line feed may never come. Send back what one read returns.",
        run: |server| {
            let mut client = server.connect()?;
            client.send("no line feed");
            let back = client.bytes(12)?;
            ensure(back == b"no line feed", "other bytes came back")
        },
        ..ECHO
    },
    Check {
        name: "echo-reset-midway",
        sends: "1 MiB without reading, then a reset (SO_LINGER 0)",
        expects: "the next client is served",
        hint: "A failed write concerns one connection: log it and go on.",
        run: |server| {
            let mut client = server.connect()?;
            client.send(vec![b'x'; 200_000]);
            client.reset();
            server.serves_on()
        },
        ..ECHO
    },
    Check {
        name: "echo-many-in-a-row",
        sends: "fifty connections, one after the other, each with a text of its own",
        expects: "each gets its own text back",
        hint: "Start with an empty buffer for each connection, and send only the part that was read.",
        run: |server| {
            for i in 0..50 {
                echoes(server, "x".repeat(50 - i).as_bytes())?;
            }
            Ok(())
        },
        ..ECHO
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
        expects: "exit status 0, and a number with a dot on stdout",
        hint: "Print the version and end. With clap #[command(version)] takes it from Cargo.toml.",
        run: |server| {
            let ended = server.run_to_end(&["--version"])?;
            let text = String::from_utf8_lossy(&ended.stdout);
            // `stage07-threads` has digits, too, and is no version.
            let said = text.as_bytes().windows(3).any(|part| {
                part[0].is_ascii_digit() && part[1] == b'.' && part[2].is_ascii_digit()
            });
            ensure(
                ended.status == Some(0) && said,
                format!("exit status {:?}; stdout: {text}", ended.status),
            )
        },
        ..HOUSE
    },
];

/// Sends while it reads, as a client of an echo must: else both sides wait for
/// each other once the buffers between them are full.
fn echoes(server: &Server, bytes: &[u8]) -> Verdict {
    let mut client = server.connect()?;
    let mut back = Vec::new();
    let failure = thread::scope(|scope| {
        let Ok(mut writer) = client.stream.try_clone() else {
            return ensure(false, "the checker cannot clone its socket");
        };
        client.exchange.sent(bytes);
        scope.spawn(move || {
            let _ = std::io::Write::write_all(&mut writer, bytes);
            let _ = writer.shutdown(std::net::Shutdown::Write);
        });
        back = client.rest()?;
        Ok(())
    });
    failure?;
    if back == bytes {
        return Ok(());
    }
    let at = bytes.iter().zip(&back).take_while(|(a, b)| a == b).count();
    let few = |bytes: &[u8]| match bytes.get(at..).unwrap_or_default() {
        [] => "nothing more".to_string(),
        rest => visible(&rest[..rest.len().min(4)]),
    };
    Err(client.wrong(format!(
        "{} bytes were sent, {} came back; the first difference is at byte {at}: sent {}, got {}",
        bytes.len(),
        back.len(),
        few(bytes),
        few(&back)
    )))
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
