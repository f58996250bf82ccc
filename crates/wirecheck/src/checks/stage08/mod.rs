//! Stage 08 reads bodies: Content-Length, chunked, and all that may be wrong with them.

use std::thread;
use std::time::Duration;

use crate::answer::Answer;
use crate::check::Check;
use crate::check::Failure;
use crate::check::Harm;
use crate::check::Verdict;
use crate::check::ensure;
use crate::checks::house;
use crate::checks::protocol;
use crate::checks::stage06::allows;
use crate::client::Connection;
use crate::server::Server;
use crate::server::post;
use crate::server::post_head;
use crate::server::request;

pub(super) mod chunked;
pub(super) mod codings;
pub(super) mod length;
pub(super) mod limits;

const HOUSE: Check = house(8);
const PROTOCOL: Check = protocol(8);
const REFUSED: Check = Check {
    expects: "400 Bad Request",
    ..HOUSE
};
/// Framing that cannot be trusted: whatever the status, nothing of the body may
/// be taken for a second request (request smuggling).
const FAULTY: Check = Check {
    expects: "a refusal (400, 411, or 501 for a coding that is not known), then the close; no second answer",
    ..PROTOCOL
};

const CHUNKED: &str = "Transfer-Encoding: chunked\r\n";

pub(super) const CHECKS: &[Check] = &[
    Check {
        name: "echo-body",
        rule: "Stage 08: POST /echo returns the body byte for byte",
        sends: "POST /echo with `Hello!`, with each of the 256 byte values, and with one byte",
        expects: "200, application/octet-stream, the same bytes",
        hint: "Read exactly Content-Length bytes after the empty line; some may have come with the head.",
        run: |server| {
            let all: Vec<u8> = (0..=255).collect();
            for body in [b"Hello!".as_slice(), &all, b"x"] {
                let answer = server.post("/echo", body)?;
                answer.status(200)?;
                answer.field_is("Content-Type", "application/octet-stream")?;
                answer.body_is(body)?;
            }
            Ok(())
        },
        ..HOUSE
    },
    Check {
        name: "echo-of-1-mib",
        rule: "Stage 08: up to --max-body, 1 MiB",
        sends: "POST /echo with exactly 1 MiB",
        expects: "the same bytes",
        hint: "The limit itself is allowed.",
        run: |server| {
            let body: Vec<u8> = (0..1 << 20).map(|i: u32| (i % 251) as u8).collect();
            echoes(server, post("/echo", &body), &body)
        },
        ..HOUSE
    },
    Check {
        name: "echo-of-nothing",
        rule: "RFC 9112 §6.3: neither Content-Length nor Transfer-Encoding: the length is zero",
        sends: "POST /echo without either, and with Content-Length: 0",
        expects: "200 with an empty body, at once",
        hint: "Do not wait for a body that nobody announced.",
        run: |server| {
            echoes(server, post_head("/echo", ""), b"")?;
            echoes(server, post("/echo", b""), b"")
        },
        ..HOUSE
    },
    Check {
        name: "post-page",
        rule: "Stage 08: POST / answers a page with the body, as the Python original does",
        sends: "POST / with `name=Ada`",
        expects: "200, and a page with `POST Data Received:` and the body",
        hint: "A route for (POST, /) beside the one for (GET, /).",
        run: |server| {
            let answer = server.post("/", "name=Ada")?;
            answer.status(200)?;
            answer.page_has("POST Data Received:")?;
            answer.page_has("name=Ada")
        },
        ..HOUSE
    },
    Check {
        name: "post-page-escaped",
        rule: "HTML Standard §13.3: what comes from outside is escaped, or it runs in the browser",
        sends: "POST / with <script>alert(1)</script> & bytes that are no UTF-8",
        expects: "200, and no <script> in the page",
        hint: "Escape the body as you escape the path.",
        run: |server| {
            let answer = server.post("/", b"<script>alert(1)</script>&\xff\xfe\0")?;
            answer.status(200)?;
            answer.page_lacks("<script>alert")?;
            answer.page_has("&lt;script&gt;")
        },
        harm: Harm::LetsIn,
        ..HOUSE
    },
    Check {
        name: "form-page",
        rule: "Stage 08: GET / has a form for POST /",
        sends: "GET /",
        expects: "200, and a page with a form whose method is post",
        hint: "The page has a form that the browser sends: <form method=\"post\">.",
        run: |server| {
            let answer = server.get("/")?;
            answer.status(200)?;
            let text = answer.text().to_lowercase();
            let form = text
                .split("<form")
                .nth(1)
                .and_then(|rest| rest.split('>').next());
            let posts =
                form.is_some_and(|form| form.replace(['"', '\''], "").contains("method=post"));
            answer.ensure(posts, "there is no form with method=\"post\"")
        },
        ..HOUSE
    },
    Check {
        name: "allow-with-post",
        rule: "RFC 9110 §10.2.1: Allow lists the methods that the resource supports",
        sends: "DELETE /, and GET and HEAD /echo",
        expects: "405 with Allow: GET, HEAD, POST, and with Allow: POST",
        hint: "Computed from the table, Allow follows by itself.",
        run: |server| {
            let root = server.ask(request("DELETE", "/"))?;
            root.status(405)?;
            allows(&root, &["GET", "HEAD", "POST"])?;
            server.head("/echo")?.status(405)?;
            let echo = server.get("/echo")?;
            echo.status(405)?;
            allows(&echo, &["POST"])
        },
        ..HOUSE
    },
];

/// POST /echo with this after the head.
fn chunked(body: &str) -> Vec<u8> {
    (post_head("/echo", CHUNKED) + body).into_bytes()
}

fn echoes(server: &Server, request: impl AsRef<[u8]>, body: &[u8]) -> Verdict {
    echoed(&server.ask(request)?, body)
}

fn echoed(answer: &Answer, body: &[u8]) -> Verdict {
    answer.status(200)?;
    answer.body_is(body)
}

fn split_everywhere(server: &Server, request: &[u8]) -> Verdict {
    let mut clients = Vec::new();
    for cut in 1..request.len() {
        let mut client = server.connect()?;
        client.send(&request[..cut]);
        clients.push((cut, client));
    }
    thread::sleep(Duration::from_millis(20));
    for (cut, mut client) in clients {
        client.send(&request[cut..]);
        echoed(&client.answer()?, b"Hello!")?;
    }
    Ok(())
}

fn continues(server: &Server, line: &str) -> Verdict {
    let mut client = server.connect()?;
    client.send(post_head("/echo", &format!("{line}Content-Length: 6\r\n")));
    let interim = Answer::read_head(&mut client)?;
    interim.status(100)?;
    interim.ensure(
        interim.values("Content-Length").is_empty(),
        "100 has no content, and so no Content-Length (RFC 9110 §8.6)",
    )?;
    client.send("Hello!");
    echoed(&client.answer()?, b"Hello!")
}

/// What a server makes of a right POST /, to judge the wrong ones by.
struct Usual {
    status: u16,
}

fn usual_post(server: &Server) -> Result<Usual, Failure> {
    let status = server.post("/", "Hello!")?.status;
    if status == 501 {
        return Err(Failure::Skipped("the server does not know POST".into()));
    }
    Ok(Usual { status })
}

/// Does anything come, be it the end?
fn comes_within(client: &mut Connection, patience: Duration) -> bool {
    client.wait_at_most(patience);
    client.read_more().is_ok() || client.was_reset
}

impl Usual {
    /// Is this the answer to every POST /, and does it come before the body does?
    fn is_early(&self, server: &Server, answer: &Answer) -> Result<bool, Failure> {
        if answer.status != self.status {
            return Ok(false);
        }
        let mut client = server.connect()?;
        client.send(post_head("/", "Content-Length: 6\r\n") + "Hello");
        // Not the 408 of one that has waited for the body.
        Ok(client
            .answer()
            .is_ok_and(|early| early.status == self.status))
    }

    /// Framing that is wrong gets one of these. A server that answers before it looks at the
    /// body may answer as always, if only it takes nothing of the body for a request.
    fn refuses(&self, server: &Server, lines: &str, body: &str, wanted: &[u16]) -> Verdict {
        let answer = server.ask(post_head("/", lines) + body)?;
        if server.is_ours() {
            return answer.status(400);
        }
        if self.is_early(server, &answer)? {
            let smuggled = kept_head(lines) + body + &request("GET", "/smuggled");
            return nothing_served_after(server, &smuggled);
        }
        answer.status_in(wanted)
    }

    fn refuses_length(&self, server: &Server, value: &str) -> Verdict {
        let head = post_head("/", &format!("Content-Length: {value}\r\n"));
        let mut client = server.connect()?;
        client.send(head + "Hello");
        if server.is_ours() {
            return client.answer()?.status_in(&[400, 413]);
        }
        // RFC 9110 §15.5.14: a server may close the connection to be rid of the request.
        if !comes_within(&mut client, Duration::from_secs(1)) || !client.exchange.has_received() {
            return Ok(());
        }
        let answer = client.answer()?;
        let refused = (400..500).contains(&answer.status) && answer.status != self.status;
        answer.ensure(
            refused || self.is_early(server, &answer)?,
            format!(
                "a length that fits in no number is answered with {}",
                answer.status
            ),
        )
    }
}

/// The head of a POST / on a connection that might be kept.
fn kept_head(lines: &str) -> String {
    format!("POST / HTTP/1.1\r\nHost: localhost\r\n{lines}\r\n")
}

fn body_is_no_request(server: &Server) -> Verdict {
    knows_post(server)?;
    let body = request("GET", "/smuggled");
    let length = body.len();
    let chunks = format!("{length:x}\r\n{body}\r\n0\r\n\r\n");
    for (lines, body) in [
        (format!("Content-Length: {length}\r\n"), &body),
        (format!("content-length: {length}\r\n"), &body),
        (format!("CONTENT-LENGTH:{length}\r\n"), &body),
        (CHUNKED.to_string(), &chunks),
    ] {
        let mut client = server.connect()?;
        client.send_pieces([kept_head(&lines).as_bytes(), body.as_bytes()]);
        client.answer()?;
    }
    Ok(())
}

fn chunk_size_guessed(server: &Server) -> Verdict {
    knows_post(server)?;
    let right = server.ask(post_head("/", CHUNKED) + "5\r\nHello\r\n0\r\n\r\n")?;
    // Some pages do not care what becomes of the body: there the status says nothing.
    let tells = !as_right(server, "xyz", right.status)?.0;
    for size in ["0x5", "+5", "-5", "5x", "5 5", ""] {
        let (alike, client) = as_right(server, size, right.status)?;
        if tells && alike {
            return Err(client.wrong(format!("{size:?} is no chunk size, and is taken for one")));
        }
    }
    // None of these is the last chunk, so what follows is no request.
    for zero in ["0x0", "+0", "-0", "x", ""] {
        let mut client = server.connect()?;
        let body = format!("{zero}\r\n\r\n{}", request("GET", "/smuggled"));
        client.send(kept_head(CHUNKED) + &body);
        nothing_served(&mut client, Duration::from_secs(1))
            .map_err(|_| client.wrong(format!("{zero:?} is taken for the last chunk")))?;
    }
    Ok(())
}

fn nothing_served_after(server: &Server, bytes: &str) -> Verdict {
    let mut client = server.connect()?;
    client.send(bytes);
    nothing_served(&mut client, server.patience)
}

/// One answer at most, and a 400 after it: that what follows is no request may be said.
fn nothing_served(client: &mut Connection, patience: Duration) -> Verdict {
    if !comes_within(client, patience) || client.answer().is_ok() {
        return Ok(());
    }
    match client.next_status() {
        None | Some(400) => Ok(()),
        Some(_) => Err(client.wrong(
            "a second answer follows: the server took what came after the request for another one",
        )),
    }
}

/// Is a body with this chunk size answered as a right one?
fn as_right(server: &Server, size: &str, right: u16) -> Result<(bool, Connection), Failure> {
    let mut client = server.connect()?;
    client.send(post_head("/", CHUNKED) + &format!("{size}\r\nHello\r\n0\r\n\r\n"));
    // Silence, and a close without an answer, refuse it too.
    let alike = comes_within(&mut client, Duration::from_secs(1))
        && client.answer().is_ok_and(|answer| answer.status == right);
    Ok((alike, client))
}

/// Everything that comes back is one answer and the close.
fn one_answer(server: &Server, bytes: &str) -> Verdict {
    let mut client = server.connect()?;
    client.send(bytes);
    client.answer().map(|_| ())
}

fn memory_declared(server: &Server) -> Verdict {
    let own = server.own(&[])?;
    let mut clients = Vec::new();
    for _ in 0..100 {
        let mut client = own.connect()?;
        client.send(post_head("/echo", "Content-Length: 1048576\r\n") + "x");
        clients.push(client);
    }
    own.serves_on()?;
    let resident = own.proc_status("VmHWM").unwrap_or_default();
    ensure(
        resident < 50_000,
        format!("{resident} kB in use, for a hundred bytes that came"),
    )
}

/// Skips what cannot be asked of a server that does not know POST at all: its 501 is right.
fn knows_post(server: &Server) -> Verdict {
    let mut client = server.connect()?;
    client.send(post("/", "Hello"));
    match client.answer() {
        Ok(answer) if answer.status == 501 => {
            Err(Failure::Skipped("the server does not know POST".into()))
        }
        Err(_) if client.next_status().is_some() => {
            Err(client.wrong("POST / is answered twice, whatever its body is"))
        }
        answer => answer.map(|_| ()),
    }
}
