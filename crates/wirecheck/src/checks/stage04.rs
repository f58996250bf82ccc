//! Stage 04 answers, and closes so that the answer arrives.

use std::thread;
use std::time::Duration;

use super::house;
use super::protocol;
use crate::answer::Answer;
use crate::check::Check;
use crate::check::Failure;
use crate::check::Harm;
use crate::check::Level;
use crate::check::Verdict;
use crate::check::ensure;
use crate::pages::MISSING;
use crate::server::Server;
use crate::server::request;

const HOUSE: Check = house(4);
const PROTOCOL: Check = protocol(4);

pub(super) const CHECKS: &[Check] = &[
    Check {
        name: "answer-is-http",
        rule: "RFC 9112 §4 and §5: status line, fields, an empty line",
        sends: "GET /",
        expects: "an answer that a strict client can read from the first to the last byte, and nothing after it",
        hint: "Send the status line first, as bytes: HTTP/1.1, a space, the code, a space. End each line of the head with \\r\\n, and the head with an empty line. Content-Length counts the bytes of the body, not its characters.",
        run: |server| server.get("/")?.accepted(),
        ..PROTOCOL
    },
    Check {
        name: "answer-line-ends",
        rule: "RFC 9112 §2.1 and RFC 9110 §2.2: lines end in CRLF, and a sender MUST NOT break the grammar",
        sends: "GET /",
        expects: "CRLF at the end of each line of the head, the empty one too",
        hint: "\\r\\n, not \\n: many clients forgive it, proxies and tests do not.",
        run: |server| server.get("/")?.has_right_line_ends(),
        ..PROTOCOL
    },
    Check {
        name: "answer-length",
        rule: "RFC 9112 §6.3 and RFC 9110 §8.6: a server SHOULD say where the body ends",
        sends: "GET /",
        expects: "Content-Length, or chunked; an answer that only the close ends cannot be told from one cut short",
        hint: "Count the bytes (not the characters) of the body, and say so in Content-Length.",
        run: |server| {
            let answer = server.get("/")?;
            let framed = !answer.values("Content-Length").is_empty()
                || !answer.values("Transfer-Encoding").is_empty()
                || matches!(answer.status, 204 | 304);
            answer.ensure(
                framed,
                "there is no Content-Length: only the close ends the body",
            )
        },
        level: Level::Should,
        ..HOUSE
    },
    Check {
        name: "close-announced",
        rule: "RFC 9112 §9.3: a server that keeps no connections MUST say `Connection: close` in every answer",
        sends: "GET / without Connection: close, and the same again if the connection is to stay",
        expects: "if there is no length, or no second answer: `Connection: close`, or an answer of HTTP/1.0",
        hint: "Send the field Connection: close, and a Content-Length: else the client counts on the connection, and loses its next request.",
        run: close_announced,
        harm: Harm::Loses,
        ..PROTOCOL
    },
    Check {
        name: "http-1-0-answered-in-kind",
        rule: "RFC 9112 §6.1 and §9.3: no Transfer-Encoding for a client of HTTP/1.0, and the close after the answer",
        sends: "GET / HTTP/1.0",
        expects: "an answer that is not chunked, then the close, without the client closing first",
        hint: "A client of HTTP/1.0 knows no chunks and keeps no connection: send a length, and close.",
        run: |server| {
            let mut client = server.connect()?;
            client.send("GET / HTTP/1.0\r\nHost: localhost\r\n\r\n");
            let head = Answer::read_head(&mut client)?;
            head.ensure(
                head.values("Transfer-Encoding").is_empty(),
                "Transfer-Encoding in an answer to HTTP/1.0",
            )?;
            head.is_closed_after(&mut client)
        },
        ..PROTOCOL
    },
    Check {
        name: "answer-date",
        rule: "RFC 9110 §6.6.1: an origin server with a clock MUST send Date",
        sends: "GET /",
        expects: "one Date as an IMF-fixdate (`Sun, 06 Nov 1994 08:49:37 GMT`), not ten minutes from now",
        hint: "Send the time as `Date: Sun, 06 Nov 1994 08:49:37 GMT`: in English, in GMT, two digits for the day. In Rust httpdate::fmt_http_date(SystemTime::now()), in JavaScript new Date().toUTCString(). Only a server without a clock is right to leave it out.",
        run: |server| {
            let answer = server.get("/")?;
            answer.has_valid_date()?;
            let date = httpdate::parse_http_date(&answer.field("Date")?);
            let now = std::time::SystemTime::now();
            let near = date.is_ok_and(|date| {
                let apart = now
                    .duration_since(date)
                    .or_else(|_| date.duration_since(now));
                apart.is_ok_and(|apart| apart < Duration::from_secs(600))
            });
            answer.ensure(near, "the Date is not the time of this answer")
        },
        ..PROTOCOL
    },
    Check {
        name: "answer-content-type",
        rule: "RFC 9110 §8.3: a sender of content SHOULD say its type; a page needs its charset too",
        sends: "GET /",
        expects: "Content-Type: text/html with charset=utf-8",
        hint: "Without a type browsers guess, and without a charset they guess the letters.",
        run: |server| {
            let answer = server.get("/")?;
            let field = answer
                .field("Content-Type")?
                .to_ascii_lowercase()
                .replace(' ', "");
            answer.ensure(
                field == "text/html;charset=utf-8",
                format!("Content-Type is {field:?}"),
            )
        },
        ..HOUSE
    },
    Check {
        name: "hello-world",
        until: Some(8),
        rule: "Stage 04: one page; from stage 09 on it is public/index.html",
        sends: "GET /",
        expects: "200, and a page with <h1>Hello, World!</h1>",
        hint: "The body is the page; the browser shows nothing else.",
        run: |server| {
            let answer = server.get("/")?;
            answer.status(200)?;
            answer.page_has("<h1>Hello, World!</h1>")
        },
        ..HOUSE
    },
    Check {
        name: "same-page-everywhere",
        until: Some(4),
        rule: "Stage 04: it does not look at the request yet",
        sends: "GET /, GET /no/such/page, POST /, and `nonsense`",
        expects: "200 and the same page four times",
        hint: "Send the fixed answer as soon as the head has ended.",
        run: |server| {
            let first = server.get("/")?;
            for head in [
                request("GET", "/no/such/page"),
                request("POST", "/"),
                "nonsense\r\n\r\n".into(),
            ] {
                let answer = server.ask(head)?;
                answer.status(200)?;
                answer.body_is(&first.body)?;
            }
            Ok(())
        },
        ..HOUSE
    },
    Check {
        name: "closes-after-the-answer",
        rule: "RFC 9112 §9.6: a server that receives `Connection: close` MUST close after the answer",
        sends: "GET / with Connection: close, and keeps its own side open",
        expects: "the answer, then the end of the stream, without the client closing first",
        hint: "Close the connection, or its writing side, when the answer is written. In Rust shutdown(Write), or drop the stream.",
        run: |server| {
            let mut client = server.connect()?;
            client.send(request("GET", "/"));
            Answer::read_final_head(&mut client)?.is_closed_after(&mut client)
        },
        harm: Harm::Loses,
        ..PROTOCOL
    },
    Check {
        name: "answer-before-the-close",
        rule: "RFC 9112 §6.3: a request ends by its own framing, never by the end of the stream",
        sends: "GET /, and waits without closing anything",
        expects: "the whole answer at once; the server does not wait for the client's end of stream first",
        hint: "The request ends with the empty line, not with the end of the stream: do not read until the end (read_to_end in Rust, on('end') in Node).",
        run: |server| {
            let mut client = server.connect()?;
            client.send(request("GET", "/"));
            Answer::read_final_head(&mut client).map(|_| ())
        },
        harm: Harm::Loses,
        ..PROTOCOL
    },
    Check {
        name: "half-close-after-request",
        rule: "RFC 9112 §9.6: a client that half-closes may still want the answer; RFC 9293 §3.6: it can receive it",
        sends: "GET /, then half-closes (as `printf … | nc -N` does)",
        expects: "the answer all the same",
        hint: "A read that returns 0 after a whole head means only that the client has nothing more to say.",
        run: |server| {
            let mut client = server.connect()?;
            client.send(request("GET", "/"));
            client.half_close();
            client.answer()?.accepted()
        },
        ..HOUSE
    },
    Check {
        name: "pipelined-garbage",
        rule: "RFC 9112 §9.6: after `Connection: close` the server MUST NOT process anything more",
        sends: "GET / with Connection: close, and bytes that are no request, in one segment",
        expects: "one answer that can be read (ours: the page), then the close; no second one and no reset",
        hint: "Unread bytes at the close become a reset, which may take the answer with it: read until the client closes (RFC 9112 §9.6).",
        run: |server| {
            let head = request("GET", "/");
            let garbage = "and more ".repeat(100);
            one_answer(server, &format!("{head}\0\x01garbage, {garbage}"))
        },
        ..PROTOCOL
    },
    Check {
        name: "pipelined-request-after-close",
        rule: "RFC 9112 §9.6: after `Connection: close` the server MUST NOT process further requests",
        sends: "GET / with Connection: close twice, in one segment",
        expects: "one answer (ours: the page), then the close",
        hint: "Answer the first request, then close, whatever else the buffer holds.",
        run: |server| one_answer(server, &request("GET", "/").repeat(2)),
        ..PROTOCOL
    },
    Check {
        name: "20-mb-sent-to-a-page",
        rule: "RFC 9112 §9.6: a server closes in stages, else a reset takes the answer from a client that still sends",
        sends: "POST with a body of 20 MB, for a page that is not there (ours: for /), all of it, and reads only then",
        expects: "an answer that can be read to its end, whatever its status",
        hint: "After the answer close the writing side (shutdown), then read and throw away until the client closes; bounded in bytes and time.",
        run: |server| {
            // A page may send back what it gets, and then waits for us to read.
            let target = if server.is_ours() { "/" } else { MISSING };
            let mut client = server.connect()?;
            client.send(crate::server::post_head(
                target,
                "Content-Length: 20000000\r\n",
            ));
            client.send(vec![b'x'; 20_000_000]);
            client.answer()?.is_not_reset()
        },
        level: Level::Should,
        harm: Harm::Loses,
        ..HOUSE
    },
    Check {
        name: "reset-while-answered",
        rule: "RFC 9112 §9.5: a client may break off at any time, and the server must cope",
        sends: "GET /, then a reset (SO_LINGER 0) without reading, five times (ours: thirty)",
        expects: "the next client is served",
        hint: "A failed write concerns one connection. In C: ignore SIGPIPE.",
        run: |server| {
            for _ in 0..that_leave(server) {
                let mut client = server.connect()?;
                client.send(request("GET", "/"));
                client.reset();
            }
            server.serves_on()
        },
        harm: Harm::Ends,
        ..PROTOCOL
    },
    Check {
        name: "closed-before-answered",
        rule: "RFC 9112 §9.5: a client may close at any time, and the server must cope",
        sends: "GET /, then closes without reading, five times (ours: thirty)",
        expects: "the next client is served",
        hint: "Writing to a client that has gone fails: log it and go on.",
        run: |server| {
            for _ in 0..that_leave(server) {
                server.connect()?.send(request("GET", "/"));
            }
            server.serves_on()
        },
        harm: Harm::Ends,
        ..PROTOCOL
    },
    Check {
        name: "asks-and-never-reads",
        rule: "RFC 9112 §9: servers keep many connections, with fair use: one that is not read must not stop the others",
        sends: "GET / on two connections, reads nothing, leaves after a moment",
        expects: "the next client is served once they have left",
        hint: "Put an end to each write and to the closing in stages: a deadline.",
        run: |server| {
            let clients: Result<Vec<_>, Failure> = (0..2)
                .map(|_| {
                    let mut client = server.connect()?;
                    client.send(request("GET", "/"));
                    Ok(client)
                })
                .collect();
            thread::sleep(Duration::from_millis(20));
            drop(clients?);
            server.serves_on()
        },
        harm: Harm::Ends,
        ..PROTOCOL
    },
    Check {
        name: "answers-alike",
        rule: "RFC 9110 §9.2.2: asking again does no harm",
        sends: "GET / twenty times, one after the other",
        expects: "the same status and the same body each time",
        hint: "Keep nothing from one connection to the next.",
        run: answers_alike,
        ..HOUSE
    },
    Check {
        name: "access-log",
        rule: "Common Log Format: host ident user [time] \"request\" status bytes",
        sends: "GET /logged-4713, which is not there, and GET /hello",
        expects: "a line for each on stdout, with this client's address, the time in +0000, the status, and the bytes of the body",
        hint: "One line for each request, in the common log format: 127.0.0.1 - - [21/Nov/2026:10:10:56 +0000] \"GET / HTTP/1.1\" 200 123",
        run: |server| {
            for target in ["/logged-4713", "/hello"] {
                let answer = server.get(target)?;
                let (status, size) = (answer.status, answer.body.len());
                let line = format!("\"GET {target} HTTP/1.1\"");
                logged(server, &line, status, &[&size.to_string()])?;
            }
            Ok(())
        },
        ..HOUSE
    },
    Check {
        name: "access-log-cannot-be-forged",
        rule: "House: bytes from the network are escaped before they reach a log",
        sends: "a target with a quote and a backslash: /logged-4717\"_\\",
        expects: "a line where both are escaped (\\\" or \\x22), so that the request ends where it seems to end",
        hint: "Escape quotes and backslashes too, not only control bytes.",
        run: |server| {
            server.get("/logged-4717\"_\\")?;
            let line = server.stdout_line("/logged-4717")?;
            let (_, rest) = line.split_once("/logged-4717").unwrap_or_default();
            let escaped =
                rest.starts_with("\\\"") || rest.starts_with("\\x22") || rest.starts_with("%22");
            ensure(escaped, format!("the quote stands bare in the log: {line}"))
        },
        harm: Harm::LetsIn,
        ..HOUSE
    },
];

/// How many clients ask and do not wait. A server that works them off one by one must be
/// through with them before the next client has lost its patience.
fn that_leave(server: &Server) -> usize {
    if server.is_ours() { 30 } else { 5 }
}

/// One answer and nothing after it. Ours serve the first request; a server may
/// also refuse it, because a client that wants to close must not send more.
fn one_answer(server: &Server, bytes: &str) -> Verdict {
    let mut client = server.connect()?;
    client.send(bytes);
    match client.answer() {
        Ok(answer) if server.is_ours() => answer.accepted(),
        // Nothing more is served: what follows is called malformed.
        Err(_) if client.next_status() == Some(400) => Ok(()),
        answer => answer.map(|_| ()),
    }
}

/// Who closes unasked must have said so: the client may have sent its next request already.
fn close_announced(server: &Server) -> Verdict {
    let mut client = server.connect()?;
    client.send("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n");
    let mut head = Answer::read_final_head(&mut client)?;
    let options = head.values("Connection").join(",").to_ascii_lowercase();
    let announced = options.split(',').any(|option| option.trim() == "close");
    if announced || head.version == "HTTP/1.0" {
        return Ok(());
    }
    let bodiless = matches!(head.status, 204 | 304);
    let ends_by_itself = bodiless || head.fields.iter().any(|(name, _)| is_framing(name));
    head.ensure(
        ends_by_itself,
        "there is neither a length nor `Connection: close`: the client does not know where the body ends",
    )?;
    head.read_body(&mut client)?;
    // At once: a kept connection that stays idle may be closed soon.
    client.send(request("GET", "/"));
    Answer::read_final_head(&mut client).map(|_| ()).map_err(|_| {
        client.wrong(
            "the server has not said `Connection: close`, and the next request on the connection gets no answer",
        )
    })
}

fn is_framing(name: &str) -> bool {
    ["Content-Length", "Transfer-Encoding"]
        .iter()
        .any(|framing| name.eq_ignore_ascii_case(framing))
}

fn answers_alike(server: &Server) -> Verdict {
    let first = server.get("/")?;
    for _ in 0..20 {
        let answer = server.get("/")?;
        let same = (answer.status, &answer.body) == (first.status, &first.body);
        ensure(same, "the same request gets another answer")?;
    }
    Ok(())
}

/// A line of the access log: our address, this request, this status, one of these sizes.
pub(super) fn logged(server: &Server, request: &str, status: u16, sizes: &[&str]) -> Verdict {
    let line = server.stdout_line(request)?;
    let right = log_parts(&line).is_some_and(|(host, time, end)| {
        let size = end
            .strip_prefix(&format!("{request} {status} "))
            .unwrap_or_default();
        // More may follow: Apache's combined format goes on, for one.
        let size = size.split(' ').next().unwrap_or_default();
        host == "127.0.0.1" && is_log_time(time) && sizes.contains(&size)
    });
    ensure(
        right,
        format!(
            "expected 127.0.0.1 - - [TIME] {request} {status} {}, got: {line}",
            sizes.join(" or ")
        ),
    )
}

fn log_parts(line: &str) -> Option<(&str, &str, &str)> {
    let (host, rest) = line.split_once(" - - [")?;
    let (time, end) = rest.split_once("] ")?;
    Some((host, time, end))
}

/// `21/Nov/2026:10:10:56 +0000`: the parts of an HTTP date, rearranged.
fn is_log_time(time: &str) -> bool {
    let Some((day_month_year, clock)) = time.split_once(':') else {
        return false;
    };
    let Some(clock) = clock.strip_suffix(" +0000") else {
        return false;
    };
    let date = day_month_year.replace('/', " ");
    // The log leaves out the day of the week; with one of the seven it is an HTTP date.
    let days = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];
    let date = |day| httpdate::parse_http_date(&format!("{day}, {date} {clock} GMT"));
    days.into_iter().any(|day| date(day).is_ok())
}
