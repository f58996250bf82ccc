//! Stage 03 reads one request head, however it is cut into segments.

use super::house;
use super::protocol;
use crate::check::Check;
use crate::check::Failure;
use crate::check::Harm;
use crate::check::Level;
use crate::check::Verdict;
use crate::check::ensure;
use crate::client::Connection;
use crate::server::Server;
use crate::server::get_with;
use crate::server::request;

const HOUSE: Check = house(3);
const PROTOCOL: Check = protocol(3);

pub(super) const CHECKS: &[Check] = &[
    Check {
        name: "head-logged",
        until: Some(3),
        rule: "Stage 03: it prints the head line by line with the line ends visible",
        sends: "GET /logged-4711 with a field X-Wirecheck",
        expects: r"both lines on stdout, each with its \r\n visible",
        hint: r"Python's repr makes the line ends visible, as \r\n; so do Rust's escape_default, for a str, and escape_ascii, for bytes.",
        run: |server| {
            let mut client = server.connect()?;
            client.send("GET /logged-4711 HTTP/1.1\r\nHost: localhost\r\nX-Wirecheck: yes\r\n\r\n");
            client.half_close();
            client.rest()?;
            server.stdout_line(r"GET /logged-4711 HTTP/1.1\r\n")?;
            server.stdout_line(r"X-Wirecheck: yes\r\n").map(|_| ())
        },
        ..HOUSE
    },
    Check {
        name: "closes-without-an-answer",
        until: Some(3),
        rule: "Stage 03: it knows requests and no answers",
        sends: "GET /",
        expects: "the connection closed in order, without a byte (curl: (52) Empty reply from server)",
        hint: "The echo is gone: read the head, print it, close.",
        run: |server| {
            let mut client = server.connect()?;
            client.send(request("GET", "/"));
            client.closes_silently()
        },
        ..HOUSE
    },
    Check {
        name: "split-everywhere",
        rule: "RFC 9112 §2.2: a message is a sequence of octets; TCP may cut it anywhere (RFC 9293 §3.7)",
        sends: "GET / in two segments, cut after each byte in turn, on as many connections",
        expects: "no answer and no close before the second segment; each request is understood as if it had come whole (in stage 03: its last field is printed, which --run can see)",
        hint: "One read is not one request: read until the empty line is there, and keep what you have.",
        run: split_everywhere,
        harm: Harm::Loses,
        ..PROTOCOL
    },
    Check {
        name: "one-byte-at-a-time",
        rule: "RFC 9112 §2.2: a message is a sequence of octets; TCP may cut it anywhere",
        sends: "GET /, each byte in a segment of its own",
        expects: "no answer and no close before the last byte; the request is understood",
        hint: "Append each read to one buffer, and look for the empty line in the buffer.",
        run: |server| {
            let mut client = server.connect()?;
            client.send_unanswered(request("GET", "/").as_bytes().chunks(1))?;
            understood(server, &mut client)?;
            can_be_seen(server)
        },
        harm: Harm::Loses,
        ..PROTOCOL
    },
    Check {
        name: "leading-empty-line",
        rule: "RFC 9112 §2.2: a server SHOULD ignore at least one empty line before the request line",
        sends: "CRLF, then GET /",
        expects: "the request is understood",
        hint: "If the first line is empty, read another one: an empty line at the start ends no head.",
        run: |server| {
            let mut client = server.connect()?;
            client.send(format!("\r\n{}", request("GET", "/")));
            understood(server, &mut client)
        },
        level: Level::Should,
        ..HOUSE
    },
    Check {
        name: "leading-empty-lines",
        rule: "RFC 9112 §2.2: at least one is ignored; with two, the answer must not depend on the segments",
        sends: "CRLF CRLF, a pause, then GET /",
        expects: "the request is understood",
        hint: "Skip empty lines in a loop; what bounds the head bounds them, too.",
        run: |server| {
            let mut client = server.connect()?;
            client.send_pieces([&b"\r\n\r\n"[..], request("GET", "/").as_bytes()]);
            understood(server, &mut client)
        },
        ..HOUSE
    },
    Check {
        name: "bare-lf-line-ends",
        rule: "RFC 9112 §2.2: a recipient MAY take a single LF for a line end",
        sends: "GET / with LF where CRLF should be",
        expects: "the request is understood (a server may refuse it; ours do not)",
        hint: "Look for LF, then strip one CR before it, if there is one.",
        run: |server| {
            let mut client = server.connect()?;
            client.send(request("GET", "/").replace("\r\n", "\n"));
            understood(server, &mut client)
        },
        ..HOUSE
    },
    Check {
        name: "mixed-line-ends",
        rule: "RFC 9112 §2.2: a recipient MAY take a single LF for a line end",
        sends: "GET / whose lines end in CRLF and in LF by turns, and whose last, empty line is a bare LF",
        expects: "the request is understood",
        hint: "The head ends with an empty line, not with the four bytes CR LF CR LF.",
        run: |server| {
            let mut client = server.connect()?;
            client.send("GET / HTTP/1.1\r\nHost: localhost\nConnection: close\r\n\n");
            understood(server, &mut client)
        },
        ..HOUSE
    },
    Check {
        name: "head-of-10-kb",
        rule: "RFC 9110 §5.4 and RFC 9112 §3: no limit is set; 8,000 bytes and more are recommended for the request line alone",
        sends: "GET / with 10 kB of header fields, in segments of 1,000 bytes",
        expects: "the request is understood",
        hint: "A buffer of fixed size that is read into once is too small: let it grow.",
        run: |server| {
            let lines = format!("X-Filler: {}\r\n", "f".repeat(488)).repeat(20);
            let head = get_with("/", &lines);
            let mut client = server.connect()?;
            client.send_pieces(head.as_bytes().chunks(1000));
            understood(server, &mut client)
        },
        ..HOUSE
    },
    Check {
        name: "head-cut-off-unanswered",
        until: Some(5),
        rule: "Stage 03: a head without its empty line is no request",
        sends: "the first lines of GET /, then half-closes",
        expects: "the connection closed without an answer; the next client is served",
        hint: "A read that returns 0 before the empty line: the client has gone.",
        run: |server| {
            let mut client = server.connect()?;
            client.send("GET / HTTP/1.1\r\nHost: localhost\r\n");
            client.half_close();
            client.closes_silently()?;
            server.serves_on()
        },
        ..HOUSE
    },
    Check {
        name: "head-without-end",
        until: Some(5),
        rule: "Stage 03: at most 16 KiB of head; memory follows no client's wish",
        sends: "GET / and header fields that never end, up to 1 MB, and keeps its side open",
        expects: "the server closes without an answer, and serves the next client",
        hint: "Stop reading when the buffer holds more than a head may have.",
        run: |server| {
            let mut client = server.connect()?;
            client.send("GET / HTTP/1.1\r\nHost: localhost\r\n");
            client.send("X-Filler: filler\r\n".repeat(60_000));
            // No half-close: the end of the stream would end the reading for the server.
            let received = client.rest();
            if received.is_err() && !client.was_reset {
                return Err(client.wrong(
                    "1 MB of a head without an end was sent, and the server keeps the connection open",
                ));
            }
            ensure(
                received.unwrap_or_default().is_empty(),
                "there is an answer to a head without an end",
            )?;
            server.serves_on()
        },
        harm: Harm::Ends,
        ..HOUSE
    },
    Check {
        name: "half-a-head-and-gone",
        rule: "RFC 9112 §9.5: a client may close at any time, and the server must cope",
        sends: "half a request, then closes; the same with a reset; at each of twenty cuts",
        expects: "the next client is served",
        hint: "End of stream and errors while reading concern one connection: go on.",
        run: |server| {
            let head = request("GET", "/");
            for cut in (1..head.len()).step_by(3) {
                let mut client = server.connect()?;
                client.send(&head[..cut]);
                if cut % 2 == 0 {
                    client.reset();
                }
                server.catches_up(cut / 3);
            }
            server.serves_on()
        },
        harm: Harm::Ends,
        ..PROTOCOL
    },
    Check {
        name: "nothing-raw-on-the-terminal",
        rule: "House: bytes from the network are escaped before they reach a terminal or a log",
        sends: "a request with ESC [31m, BEL, NUL, DEL, backspace and bytes that are no UTF-8, in target, field and method",
        expects: "no control byte but the line feed, and only UTF-8, on stdout and stderr",
        hint: "An escape sequence in a log runs in the terminal of whoever reads it: escape what is no printable character. In Rust escape_ascii does it, in Python repr.",
        run: nothing_raw,
        harm: Harm::LetsIn,
        ..HOUSE
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
        harm: Harm::Ends,
        ..HOUSE
    },
];

/// Stage 03 prints the head and closes; later ones answer.
fn understood(server: &Server, client: &mut Connection) -> Verdict {
    if server.stage == 3 {
        return client.closes_silently();
    }
    server.answers(client)
}

/// In stage 03 the only sign that a head was understood is that it is printed.
fn can_be_seen(server: &Server) -> Verdict {
    if server.stage == 3 {
        server.output()?;
    }
    Ok(())
}

/// As many connections as there are cuts, one after the other: the server may serve one
/// at a time, and its queue may be short.
fn split_everywhere(server: &Server) -> Verdict {
    let prints = server.stage == 3 && prints_last_field(server)?;
    for cut in 1..marked_head(0).len() {
        let head = marked_head(cut);
        let (first, second) = head.as_bytes().split_at(cut);
        let mut client = server.connect()?;
        client.send_unanswered([first, second])?;
        understood(server, &mut client)?;
        // Who prints each segment as it comes may print a mark in two parts: only one that
        // came in one part is looked for.
        let mark = mark(cut);
        if prints && head[cut..].contains(&mark) && server.stdout_line(&mark).is_err() {
            return Err(
                client.wrong("the head came in two segments, and its last field was not printed")
            );
        }
    }
    can_be_seen(server)
}

/// Formats differ, so what is looked for is a word of the last field. Who prints no such
/// word of a head that comes whole fails `head-logged`, and not here.
fn prints_last_field(server: &Server) -> Result<bool, Failure> {
    let mut client = server.connect()?;
    client.send(marked_head(0));
    understood(server, &mut client)?;
    Ok(server.stdout_line(&mark(0)).is_ok())
}

fn marked_head(number: usize) -> String {
    get_with("/", &format!("X-Wirecheck: {}\r\n", mark(number)))
}

fn mark(number: usize) -> String {
    format!("cut-{number:03}")
}

fn nothing_raw(server: &Server) -> Verdict {
    let own = server.own(&[])?;
    let odd = b"\x1b[31m\x07\x00\x7f\x08\x9b\xff\xfe\xc3\xa9";
    let requests: [&[&[u8]]; 4] = [
        &[
            b"GET /marker-1",
            odd,
            b" HTTP/1.1\r\nHost: localhost\r\n\r\n",
        ],
        &[
            b"GET /marker-2 HTTP/1.1\r\nHost: localhost\r\nX: ",
            odd,
            b"\r\n\r\n",
        ],
        &[
            b"GET",
            odd,
            b" /marker-3 HTTP/1.1\r\nHost: localhost\r\n\r\n",
        ],
        &[b"GET /marker-4\xc3\x9b31m\xff HTTP/1.1\r\nHost: localhost\r\n\r\n"],
    ];
    for parts in requests {
        let mut client = own.connect()?;
        client.send(parts.concat());
        client.half_close();
        let _ = client.rest();
    }
    own.serves_on()?;
    let (stdout, stderr) = own.output()?;
    for (name, bytes) in [("stdout", stdout), ("stderr", stderr)] {
        let text = String::from_utf8_lossy(&bytes);
        let raw = text
            .chars()
            .any(|c| (c.is_control() && c != '\n') || c == '\u{FFFD}');
        let seen = crate::exchange::visible(&bytes);
        ensure(
            !raw,
            format!("raw bytes from the network on {name}: {seen}"),
        )?;
    }
    Ok(())
}
