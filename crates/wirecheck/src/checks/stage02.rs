//! Stage 02 sends every byte back.

use std::thread;

use super::house;
use crate::check::Check;
use crate::check::Verdict;
use crate::check::ensure;
use crate::exchange::visible;
use crate::server::Server;

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
