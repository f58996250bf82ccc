//! The exercises of chapter 06.

use std::thread;
use std::time::Duration;
use std::time::Instant;

use super::exercise;
use crate::check::Check;
use crate::check::Failure;
use crate::check::Verdict;
use crate::check::ensure;
use crate::server::Server;

const EXERCISE: Check = exercise(6);

pub(super) const EXERCISES: &[Check] = &[
    Check {
        name: "06-retry-after",
        rule: "RFC 9110 §10.2.3 and §15.6.4: 503 MAY say with Retry-After when to come back",
        sends: "GET and HEAD /busy",
        expects: "503 with Retry-After: 5",
        hint: "A row in the table, and a handler that adds a field.",
        run: |server| {
            for answer in [server.get("/busy")?, server.head("/busy")?] {
                answer.status(503)?;
                answer.field_is("Retry-After", "5")?;
            }
            Ok(())
        },
        ..EXERCISE
    },
    Check {
        name: "06-time-taken",
        rule: "Each log line ends with the milliseconds since the client was accepted",
        sends: "GET /slow, then a GET whose second half comes 300 ms after the first",
        expects: "lines that end with 1000ms or a little more, and 300ms or a little more",
        hint: "Take the time when the client has been accepted, and again when the line is written.",
        run: |server| {
            let start = Instant::now();
            server.get("/slow")?.status(200)?;
            takes(server, "\"GET /slow HTTP/1.1\" 200 ", 1000, start)?;
            let start = Instant::now();
            let mut client = server.connect()?;
            client.send("GET /logged-4719 HTTP/1.1\r\n");
            thread::sleep(Duration::from_millis(300));
            client.send("Host: localhost\r\nConnection: close\r\n\r\n");
            client.answer()?.status(404)?;
            takes(server, "\"GET /logged-4719 HTTP/1.1\" 404 ", 300, start)
        },
        ..EXERCISE
    },
    Check {
        name: "06-redirects",
        rule: "RFC 9110 §15.4.2: 301 with Location, from a table in redirects.txt",
        sends: "GET and HEAD /blog, then GET /blo, /blog/ and /blog/x",
        expects: "301 with Location: /hello; 404 for what is not in the table",
        hint: "Is the line /blog /hello in the file? Compare the whole path.",
        run: |server| {
            for answer in [server.get("/blog")?, server.head("/blog")?] {
                answer.status(301)?;
                answer.field_is("Location", "/hello")?;
            }
            for target in ["/blo", "/blog/", "/blog/x"] {
                server.get(target)?.status(404)?;
            }
            Ok(())
        },
        ..EXERCISE
    },
];

/// The log says that this request took at least so many milliseconds, and not much longer
/// than since `start`.
fn takes(server: &Server, request: &str, least: u128, start: Instant) -> Verdict {
    let line = server.stdout_line(request)?;
    // The line comes after the answer: give it time, but so little that it is milliseconds.
    let most = start.elapsed().as_millis() + 1000;
    let last = line.trim_end().rsplit(' ').next().unwrap_or_default();
    let taken: Option<u128> = last.strip_suffix("ms").and_then(|text| text.parse().ok());
    let taken = taken.ok_or_else(|| {
        Failure::new(format!(
            "the line does not end with the milliseconds: {line}"
        ))
    })?;
    // Clocks are rounded.
    ensure(
        (least - 1..=most).contains(&taken),
        format!("the client saw {least} ms at least and {most} ms at most: {line}"),
    )
}
