//! The exercises of chapter 03.

use super::exercise;
use crate::check::Check;
use crate::check::Failure;
use crate::check::Verdict;
use crate::check::ensure;
use crate::server::Server;

const EXERCISE: Check = exercise(3);

pub(super) const EXERCISES: &[Check] = &[
    Check {
        name: "03-count",
        rule: "After the head comes a line with the number of its lines and bytes; the empty line is no line, but has bytes",
        sends: "an empty line, which does not count, and a head of 3 lines and 52 bytes; then one of 2 lines, LF alone at their ends, with a byte above 127",
        expects: "`3 lines, 52 bytes` on stdout behind the first head, `2 lines, 25 bytes` behind the second",
        hint: "Bytes, not what String::len says: there a character above 127 takes two.",
        run: |server| {
            let own = server.another()?;
            let head = b"\r\nGET / HTTP/1.1\r\nHost: localhost\r\nUser-Agent: you\r\n\r\n";
            let log = log_of(&own, head, "3 lines, 52 bytes")?;
            follows(&log, "User-Agent: you", "3 lines, 52 bytes")?;
            log_of(
                &own,
                b"GET / HTTP/1.1\nX-Odd: \xeb\n\n",
                "2 lines, 25 bytes",
            )
            .map(|_| ())
        },
        ..EXERCISE
    },
    Check {
        name: "03-user-agent",
        rule: "After the head comes a line with the value of User-Agent, if there is one; RFC 9110 §5.1: in upper or lower case",
        sends: "a head without User-Agent, then one with `USER-agent:`, a tab, `wirecheck/4711`, and an escape sequence for terminals",
        expects: "one line on stdout that begins with `from`, behind the second head: `from wirecheck/4711`, and then the escape sequence, escaped",
        hint: "Cut the line at its first colon. What a client sends must be escaped before it reaches a terminal.",
        run: user_agent,
        ..EXERCISE
    },
];

fn user_agent(server: &Server) -> Verdict {
    let own = server.another()?;
    log_of(
        &own,
        b"GET / HTTP/1.1\r\nHost: localhost\r\nX-First: 1\r\n\r\n",
        "X-First",
    )?;
    let head = b"GET / HTTP/1.1\r\nUSER-agent: \t wirecheck/4711 \x1b[0m\r\nX-Last: 2\r\n\r\n";
    let log = log_of(&own, head, "from wirecheck/4711")?;
    follows(&log, "X-Last: 2", "from wirecheck/4711")?;
    let told = log.lines().filter(|line| line.starts_with("from")).count();
    ensure(
        told == 1,
        format!("one request of two has a User-Agent, and {told} lines begin with `from`"),
    )?;
    ensure(
        !log.contains('\x1b'),
        "the client's ESC reaches the terminal",
    )
}

/// Sends a head, waits until stdout has a line that contains `part`, and gives all of stdout.
fn log_of(server: &Server, head: &[u8], part: &str) -> Result<String, Failure> {
    let mut client = server.connect()?;
    client.send(head);
    client.half_close();
    client.rest()?;
    server.stdout_line(part)?;
    let (stdout, _) = server.output()?;
    Ok(String::from_utf8_lossy(&stdout).into_owned())
}

/// The line comes after the head: after its last field and the empty line.
fn follows(log: &str, last: &str, line: &str) -> Verdict {
    let end = log.find(&format!("{last}\\r\\n\n\\r\\n\n"));
    ensure(
        end.is_some() && end < log.find(line),
        format!("{line:?} should stand behind the empty line of the head; stdout:\n{log}"),
    )
}
