//! Stage 11 keeps the connection for the next request. What the RFCs demand of anybody who
//! does is in `kept`; here is what our own stages add.

use std::thread;
use std::time::Duration;

use super::house;
use super::should;
use crate::answer::Answer;
use crate::check::Check;
use crate::check::Failure;
use crate::check::Harm;
use crate::check::Verdict;
use crate::client::Connection;
use crate::pages::get;
use crate::pages::post;
use crate::server::Server;
use crate::server::request;

const HOUSE: Check = Check {
    harm: Harm::Loses,
    ..house(11)
};

pub(super) const CHECKS: &[Check] = &[
    Check {
        name: "keep-alive-all-on-one",
        rule: "Stage 11: the connection stays after each answer, with 200, 301, 404 and 405 alike (RFC 9112 §9.3)",
        sends: "GET /hello, /home and /nowhere, HEAD /, DELETE /hello, POST /echo by length and in chunks, GET /hello again, each after the answer to the one before",
        expects: "eight answers on one connection, each with `Connection: keep-alive`",
        hint: "Only a request that could not be read to its end closes. A status of 404 is an answer as any other.",
        run: all_on_one,
        ..HOUSE
    },
    Check {
        name: "keep-alive-said-to-http-1-0",
        rule: "RFC 9112 §9.3: an HTTP/1.0 client that says keep-alive may be kept, and must be told",
        sends: "GET /hello HTTP/1.0 with Connection: Keep-Alive, twice on one connection, then without",
        expects: "three answers: keep-alive, keep-alive, close",
        hint: "For HTTP/1.0 the default is the other way round. The option is compared without case.",
        run: said_to_old_clients,
        ..HOUSE
    },
    Check {
        name: "keep-alive-zero",
        rule: "Stage 11: --keep-alive 0 closes after each answer, and says so",
        sends: "GET /hello to a server with --keep-alive 0",
        expects: "Connection: close, and the close",
        hint: "Zero seconds between requests means that there is no second one.",
        run: |server| {
            let own = server.own(&["--keep-alive", "0"])?;
            let mut client = own.connect()?;
            client.send(get("/hello"));
            let answer = client.answer()?;
            answer.status(200)?;
            answer.field_is("Connection", "close")
        },
        ..house(11)
    },
    Check {
        name: "keep-alive-not-when-refused",
        rule: "RFC 9112 §9.3 and §11.2: what cannot be read for certain is the last that is read; House: 400, 413, 414 and 431 close",
        sends: "a request line with two spaces, one of 8,010 bytes, a name with a space before the colon, 200 fields, a body above --max-body; GET /hello behind each",
        expects: "one answer, with Connection: close, and the close",
        hint: "Set the mark that says `another may follow` when head and body have been read, and not before.",
        harm: Harm::LetsIn,
        run: not_when_refused,
        ..house(11)
    },
    Check {
        name: "keep-alive-after-a-panic",
        rule: "Stage 11: a handler that panics costs one 500; the request had been read to its end",
        sends: "GET /panic and GET /fail, GET /hello behind each in the same segment",
        expects: "500, and then 200 on the same connection",
        hint: "The client's bytes were right, and so was where they ended: it was our fault, and the next request is no worse for it.",
        run: |server| {
            server.only_ours()?;
            for target in ["/panic", "/fail"] {
                let mut client = server.connect()?;
                client.send(get(target) + &request("GET", "/hello"));
                let answer = Answer::read_next(&mut client, false)?;
                answer.status(500)?;
                answer.field_is("Connection", "keep-alive")?;
                client.answer()?.status(200)?;
            }
            Ok(())
        },
        ..HOUSE
    },
    Check {
        name: "keep-alive-empty-lines-between",
        rule: "RFC 9112 §2.2: a server SHOULD ignore at least one empty line before a request line",
        sends: "GET /, an empty line behind it as some clients send after a body, GET /",
        expects: "two answers, or the close after the first",
        hint: "Skip empty lines before each request line, and not before the first only.",
        run: |server| {
            let mut client = server.connect()?;
            client.send(get("/"));
            let first = Answer::read_next(&mut client, false)?;
            if first.closed || first.says_close() {
                return Ok(());
            }
            client.send(format!("\r\n{}", request("GET", "/")));
            let second = Answer::read_next(&mut client, false)?;
            second.ensure(
                second.status == first.status,
                format!(
                    "behind an empty line GET / gets {}, and {} without",
                    second.status, first.status
                ),
            )
        },
        ..should(11)
    },
    Check {
        name: "keep-alive-next-in-pieces",
        rule: "RFC 9112 §2.2: a request is a sequence of bytes; how TCP cuts them says nothing, also in the second",
        sends: "GET /hello and the beginning of POST /echo in one segment; the rest of it byte by byte",
        expects: "200 twice, the second with the body",
        hint: "What came too much stays in the buffer, and the next read appends to it.",
        run: |server| {
            server.only_ours()?;
            let second = post("/echo", "kept");
            let (early, late) = second.split_at(10);
            let mut client = server.connect()?;
            client.send(get("/hello") + early);
            Answer::read_next(&mut client, false)?.status(200)?;
            let late: Vec<_> = late.bytes().map(|byte| [byte]).collect();
            client.send_pieces(late.iter().map(<[u8; 1]>::as_slice));
            let answer = Answer::read_next(&mut client, false)?;
            answer.status(200)?;
            answer.body_is(b"kept")
        },
        ..HOUSE
    },
    Check {
        name: "keep-alive-each-logged",
        rule: "House: one line in the access log for each answer, whatever connection it came over",
        sends: "GET /hello?n=1, ?n=2 and ?n=3 on one connection",
        expects: "a line for each, with its request line and status",
        hint: "The line belongs to the answer, so it is written where the answer is sent. Begin each request with an empty request line.",
        run: |server| {
            server.only_ours()?;
            let mut client = server.connect()?;
            for n in 1..=3 {
                client.send(get(&format!("/hello?n={n}")));
                Answer::read_next(&mut client, false)?.status(200)?;
            }
            for n in 1..=3 {
                server.stdout_line(&format!("\"GET /hello?n={n} HTTP/1.1\" 200 "))?;
            }
            Ok(())
        },
        ..house(11)
    },
    Check {
        name: "keep-alive-begun-is-told",
        rule: "RFC 9110 §15.5.9: 408 to a request that has begun and does not go on; then the close",
        sends: "GET /hello, reads the answer, then half of another request and nothing more, to a server with --timeout 1",
        expects: "408 with Connection: close, and the close",
        hint: "With its first byte the time between requests is over, and the time for a request begins.",
        waits: true,
        run: |server| {
            let own = server.own(&["--timeout", "1"])?;
            let mut client = own.connect()?;
            client.send(get("/hello"));
            Answer::read_next(&mut client, false)?.status(200)?;
            client.send("GET /hello HTT");
            let answer = Answer::read_next(&mut client, false)?;
            answer.status(408)?;
            answer.field_is("Connection", "close")?;
            ends(&mut client)
        },
        ..HOUSE
    },
    Check {
        name: "keep-alive-late-is-answered",
        rule: "Stage 11: as long as a connection isn't closed, a request on it is answered; RFC 9112 §9.3.1 knows why: a client can't send it again if it was a POST",
        sends: "GET /hello on twenty connections, one every 25 ms, and on each a second one 1.1 seconds later, unless it has been closed by then (--keep-alive 1)",
        expects: "200 on more of them than are closed at that very moment",
        hint: "If the time is up and bytes have come, serve them. Only close a connection when the time is up and there's nothing to read.",
        waits: true,
        run: late_is_answered,
        ..HOUSE
    },
];

/// Clients that come with their next request when the time for it is just over.
fn late_is_answered(server: &Server) -> Verdict {
    let own = server.own(&["--keep-alive", "1"])?;
    own.serves_on()?;
    let mut ends = Vec::new();
    thread::scope(|scope| {
        let late = |n| {
            scope.spawn({
                let own = &own;
                move || late_client(own, n)
            })
        };
        let clients: Vec<_> = (0..20).map(late).collect();
        for client in clients {
            ends.extend(client.join().ok().flatten());
        }
    });
    // One or two may be closed just while they send. That's nobody's fault.
    if ends.iter().filter(|end| end.is_err()).count() * 2 > ends.len() {
        return ends.into_iter().find(Result::is_err).unwrap_or(Ok(()));
    }
    Ok(())
}

/// What one of them got, if it wasn't sent away before.
fn late_client(own: &Server, n: u64) -> Option<Verdict> {
    thread::sleep(Duration::from_millis(n * 25));
    let mut client = own.connect().ok()?;
    client.send(get("/hello"));
    Answer::read_next(&mut client, false).ok()?;
    // That's what is tried: a pause that's a little longer than the server waits.
    thread::sleep(Duration::from_millis(1100));
    if !client.is_quiet() {
        return None;
    }
    client.send(get("/hello?late=1"));
    Some(Answer::read_next(&mut client, false).and_then(|answer| answer.status(200)))
}

fn all_on_one(server: &Server) -> Verdict {
    server.only_ours()?;
    let mut client = server.connect()?;
    let chunked = "POST /echo HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n\
                   4\r\nkept\r\n0\r\n\r\n";
    for (asked, status) in [
        (get("/hello"), 200),
        (get("/home"), 301),
        (get("/nowhere"), 404),
        (get("/hello").replacen("GET", "HEAD", 1), 200),
        (get("/hello").replacen("GET", "DELETE", 1), 405),
        (post("/echo", "kept"), 200),
        (chunked.to_string(), 200),
        (get("/hello"), 200),
    ] {
        client.send(&asked);
        let answer = Answer::read_next(&mut client, asked.starts_with("HEAD"))?;
        answer.status(status)?;
        answer.field_is("Connection", "keep-alive")?;
    }
    Ok(())
}

fn said_to_old_clients(server: &Server) -> Verdict {
    server.only_ours()?;
    let mut client = server.connect()?;
    for (line, option) in [
        ("Connection: Keep-Alive\r\n", "keep-alive"),
        ("Connection: foo, keep-alive\r\n", "keep-alive"),
        ("", "close"),
    ] {
        client.send(format!("GET /hello HTTP/1.0\r\n{line}\r\n"));
        let answer = Answer::read_next(&mut client, false)?;
        answer.status(200)?;
        answer.field_is("Connection", option)?;
    }
    ends(&mut client)
}

fn not_when_refused(server: &Server) -> Verdict {
    let own = server.own(&["--max-body", "1000"])?;
    let fields: String = (0..200).map(|i| format!("X-{i}: a\r\n")).collect();
    for (first, status) in [
        (get(" /"), 400),
        (get(&format!("/{}", "a".repeat(8010))), 414),
        (get("/").replace("Host:", "X : a\r\nHost:"), 400),
        (get("/").replace("Host:", &format!("{fields}Host:")), 431),
        (post("/echo", &"a".repeat(1001)), 413),
    ] {
        let mut client = own.connect()?;
        client.send(first + &get("/hello"));
        let answer = Answer::read_next(&mut client, false)?;
        answer.status(status)?;
        answer.field_is("Connection", "close")?;
        ends(&mut client)?;
    }
    Ok(())
}

/// Nothing more comes, and the server closes without being asked to.
fn ends(client: &mut Connection) -> Verdict {
    let rest: Result<Vec<u8>, Failure> = client.rest();
    if rest?.is_empty() {
        return Ok(());
    }
    Err(client.wrong("more comes after an answer that said `Connection: close`"))
}
