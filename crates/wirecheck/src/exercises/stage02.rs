//! The exercises of chapter 02.

use super::exercise;
use crate::check::Check;
use crate::check::Verdict;
use crate::server::Server;

const EXERCISE: Check = exercise(2);

pub(super) const EXERCISES: &[Check] = &[
    Check {
        name: "02-upper",
        rule: "With --upper the letters a to z come back as A to Z, all else as it is",
        sends: "to a server with --upper (yours: start it so): `Hello, echo` and all 256 bytes; then half-closes",
        expects: "`HELLO, ECHO` and all 256 bytes, of which only a to z have changed; without the flag no change",
        hint: "Bytes, not text: make_ascii_uppercase leaves the bytes of other letters alone.",
        run: |server| {
            let own = server.with_flag("--upper")?;
            let all: Vec<u8> = (0..=255).collect();
            let sent = [b"Hello, echo", all.as_slice()].concat();
            comes_back(&own, &sent, &sent.to_ascii_uppercase())?;
            echoes_without(server, "--upper")
        },
        ..EXERCISE
    },
    Check {
        name: "02-tally",
        rule: "With --tally the server says at the end how many bytes there were",
        sends: "to a server with --tally (yours: start it so): `Hello, world` and a line end, then half-closes; on a second connection nothing",
        expects: "the same bytes, then the line `13 bytes`; on the second connection `0 bytes`; without the flag no such line",
        hint: "A read that returns 0 is the client's half-close: it has sent all, and still listens.",
        run: |server| {
            let own = server.with_flag("--tally")?;
            comes_back(&own, b"Hello, world\n", b"Hello, world\n13 bytes\n")?;
            comes_back(&own, b"", b"0 bytes\n")?;
            echoes_without(server, "--tally")
        },
        ..EXERCISE
    },
];

/// Our stage is as before without the flag; how to leave it out of a reader's, only its
/// owner knows.
fn echoes_without(server: &Server, flag: &str) -> Verdict {
    if !server.is_ours() {
        return Ok(());
    }
    let echoed = comes_back(server, b"Hello, echo", b"Hello, echo");
    echoed.map_err(|failure| failure.titled(&format!("without {flag}:")))
}

/// Sends this, half-closes, and wants that.
fn comes_back(server: &Server, sent: &[u8], wanted: &[u8]) -> Verdict {
    let mut client = server.connect()?;
    client.send(sent);
    client.half_close();
    if client.rest()? == wanted {
        return Ok(());
    }
    let wanted = wanted.escape_ascii();
    Err(client.wrong(format!("this should come back: {wanted}")))
}
