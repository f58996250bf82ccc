//! Connections that are kept for the next request. Whoever closes after each answer, and
//! says so, is right too, and is asked nothing here.

use std::thread;
use std::time::Duration;
use std::time::Instant;

use super::must;
use super::should;
use crate::answer::Answer;
use crate::check::Check;
use crate::check::Failure;
use crate::check::Harm;
use crate::check::Verdict;
use crate::client::Connection;
use crate::pages::MISSING;
use crate::pages::get;
use crate::pages::post;
use crate::server::Server;
use crate::server::request;

/// So long an idle connection is watched, if nobody says how long.
const WATCHED: Duration = Duration::from_secs(3);
/// So long our own keep one, where that matters.
const A_SECOND: Duration = Duration::from_secs(1);

pub(super) const CHECKS: &[Check] = &[
    Check {
        name: "kept-for-three",
        rule: "RFC 9112 §9.3: a connection persists unless one side says `Connection: close`",
        sends: "GET three times on one connection, each after the answer to the one before: for /, for each page that is known, and for one that is not there",
        expects: "three answers, each as on a connection of its own; or `Connection: close` in the last one",
        hint: "After an answer go on with the next request on the same connection; begin it with nothing left of the one before but bytes that you have not used.",
        harm: Harm::Loses,
        run: three,
        ..must(11)
    },
    Check {
        name: "kept-pipelined-in-order",
        rule: "RFC 9112 §9.3.2: a server MUST send its answers to pipelined requests in the order in which they came",
        sends: "ten GETs in one segment, for / and for a page that is not there by turns",
        expects: "ten answers in that order, none left out; or `Connection: close` in the last one",
        hint: "One read may bring several requests. Keep what you have read and not used: it is the beginning of the next request.",
        harm: Harm::Loses,
        run: |server| pipelined(server, false),
        ..must(11)
    },
    Check {
        name: "kept-pipelined-and-cut",
        rule: "RFC 9112 §9.3.2 and §2.2: pipelined requests come as the bytes come, and TCP may cut them anywhere",
        sends: "ten GETs as above, cut in the middle of the third, and the rest a moment later",
        expects: "ten answers in that order, none left out; or `Connection: close` in the last one",
        hint: "Half a request at the end of the buffer waits there for its other half.",
        harm: Harm::Loses,
        run: |server| pipelined(server, true),
        ..must(11)
    },
    Check {
        name: "kept-after-a-body",
        rule: "RFC 9112 §9.3: to keep a connection, a server MUST read the whole body, or close",
        sends: "POST with a body that looks like a request, by length and in chunks, to each page that takes one, to / and to one that is not there; GET / behind it in the same segment",
        expects: "an answer to the POST, and then that of GET /; or the close after the first",
        hint: "Read the body to its end before the next request, also when you refuse the request.",
        harm: Harm::LetsIn,
        run: after_a_body,
        ..must(11)
    },
    Check {
        name: "kept-close-in-any-form",
        rule: "RFC 9110 §7.6.1 and RFC 9112 §9.6: Connection is a list of options without case; after a request with close the server MUST close",
        sends: "GET / with Connection: close · CLOSE · foo, Close · close, keep-alive · and in a second field Connection",
        expects: "the answer, then the close, without the client closing first",
        hint: "Join the values of all the fields, split at commas, trim, compare without case.",
        run: close_in_any_form,
        ..must(11)
    },
    Check {
        name: "kept-close-is-said",
        rule: "RFC 9112 §9.6: a server SHOULD say `Connection: close` in its answer to a request that asks for it",
        sends: "GET / with Connection: close",
        expects: "Connection: close in the answer",
        hint: "Write the field whenever you will close.",
        run: |server| {
            kept(server)?;
            let answer = server.get("/")?;
            answer.ensure(
                answer.says_close(),
                "the answer does not say Connection: close",
            )
        },
        ..should(11)
    },
    Check {
        name: "kept-not-for-http-1-0",
        rule: "RFC 9112 §9.3: HTTP/1.0 closes, unless both sides say keep-alive",
        sends: "GET / HTTP/1.0, and the same with Connection: keep-alive",
        expects: "the close after the first answer; after the second too, or Connection: keep-alive in it, a length, and an answer to the next request",
        hint: "An old client that has not asked for it does not know that the connection stays: it waits for the close.",
        run: old_clients,
        ..must(11)
    },
    Check {
        name: "kept-after-an-error",
        rule: "RFC 9112 §9.3 and §6.3: an answer ends where its framing says, an error too",
        sends: "a page that is not there, DELETE / and BREW /, each with GET / behind it in the same segment",
        expects: "the error and then the answer to GET /, each to be told from the other; or the close after the first, said in it",
        hint: "The error page has a Content-Length as any other.",
        harm: Harm::Loses,
        run: after_an_error,
        ..must(11)
    },
    Check {
        name: "kept-after-head",
        rule: "RFC 9110 §9.3.2: the answer to HEAD ends with its head, whatever its Content-Length",
        sends: "HEAD / and HEAD for a page that is not there, each with GET / behind it",
        expects: "the head alone, then the answer to GET /",
        hint: "A body after HEAD is read as the beginning of the next answer.",
        harm: Harm::Loses,
        run: after_head,
        ..must(11)
    },
    Check {
        name: "kept-after-no-content",
        rule: "RFC 9112 §6.3: an answer with 204 or 304 ends with its head",
        sends: "GET / with If-None-Match: *, with the page's own tag and date, and OPTIONS /, each with GET / behind it",
        expects: "where the status is 204 or 304: the head alone, then the answer to GET /",
        hint: "A body after 304 is read as the beginning of the next answer.",
        harm: Harm::Loses,
        run: after_no_content,
        ..must(11)
    },
    Check {
        name: "kept-not-when-in-doubt",
        rule: "RFC 9112 §6.1 and §6.3: who cannot tell where a request ends MUST close after the answer: what follows may be a part of its body",
        sends: "requests whose framing is in doubt, without Connection: close: two lengths, a length that is no number, a coding that is not chunked, a chunk size that is none; a GET behind each",
        expects: "one answer, then the close",
        hint: "After a 400 for the framing close the connection: nobody knows where the next request begins.",
        harm: Harm::LetsIn,
        run: when_in_doubt,
        ..must(8)
    },
    Check {
        name: "kept-idle-ends-quietly",
        rule: "RFC 9112 §9.5 and RFC 9110 §15.5.9: an idle connection is closed; a 408 on it may be taken for the answer to the next request",
        sends: "GET /, reads the answer, and then nothing for three seconds (or --deadline)",
        expects: "nothing, or the end of the stream without a byte before it",
        hint: "A 408 belongs to a request that has begun. Before its first byte, just close.",
        waits: true,
        run: idle_ends_quietly,
        ..should(11)
    },
    Check {
        name: "kept-request-under-way-not-cut",
        rule: "RFC 9112 §9.5: a server that closes an idle connection should see whether a request has begun; a reset loses it",
        sends: "GET /; shortly before an idle connection is closed, half of another GET; its other half shortly after",
        expects: "an answer to the second (a 408 is one)",
        hint: "The time between requests ends with the first byte of the next; from there on counts the time for a request.",
        harm: Harm::Loses,
        waits: true,
        run: under_way_not_cut,
        ..should(11)
    },
];

/// Nothing to ask where each connection ends with its answer.
fn kept(server: &Server) -> Verdict {
    if server.keeps_connections()? {
        return Ok(());
    }
    Err(Failure::Skipped(
        "the server closes after each answer, as it may".into(),
    ))
}

/// One more answer; none after one that said so.
enum Next {
    Came(Answer),
    Closed,
}

fn next(client: &mut Connection, to_head: bool, before: Option<&Answer>) -> Result<Next, Failure> {
    if before.is_some_and(Answer::says_close) {
        return Ok(Next::Closed);
    }
    Answer::read_next(client, to_head).map(Next::Came)
}

fn three(server: &Server) -> Verdict {
    kept(server)?;
    let mut targets = server.pages()?.get.clone();
    targets.push(MISSING.to_string());
    for target in targets {
        let alone = server.get(&target)?.status;
        let mut client = server.connect()?;
        let mut before: Option<Answer> = None;
        for i in 1..=3 {
            if before.as_ref().is_some_and(Answer::says_close) {
                break;
            }
            client.send(get(&target));
            let what = format!("GET {target}, request {i} on the connection");
            let answer = Answer::read_next(&mut client, false).map_err(|f| f.asked(&what))?;
            answer.ensure(
                answer.status == alone,
                format!(
                    "{what} gets {}, and {alone} on one of its own",
                    answer.status
                ),
            )?;
            before = Some(answer);
        }
    }
    Ok(())
}

fn pipelined(server: &Server, cut: bool) -> Verdict {
    kept(server)?;
    let (page, missing) = (server.get("/")?.status, server.get(MISSING)?.status);
    let mut bytes = String::new();
    let mut wanted = Vec::new();
    for i in 0..10 {
        // The third and the fourth are the same, so that a swap of neighbours shows.
        let (target, status) = if i % 2 == 0 || i == 3 {
            ("/", page)
        } else {
            (MISSING, missing)
        };
        bytes += &get(target);
        wanted.push(status);
    }
    let mut client = server.connect()?;
    if cut {
        let third = get("/").len() + get(MISSING).len();
        let (first, second) = bytes.as_bytes().split_at(third + 20);
        client.send_pieces([first, second]);
    } else {
        client.send(&bytes);
    }
    let mut before = None;
    for (i, status) in wanted.iter().enumerate() {
        let number = i + 1;
        let answer = match next(&mut client, false, before.as_ref()) {
            Ok(Next::Came(answer)) => answer,
            Ok(Next::Closed) => return Ok(()),
            Err(failure) => {
                return Err(failure.asked(&format!(
                    "ten requests were pipelined, and {i} answers came; the next one"
                )));
            }
        };
        answer.ensure(
            answer.status == *status,
            format!("answer {number} of ten pipelined requests should be {status} and is {}: out of order, or one is left out", answer.status),
        )?;
        before = Some(answer);
    }
    Ok(())
}

fn after_a_body(server: &Server) -> Verdict {
    kept(server)?;
    let plain = server.get("/")?.status;
    let body = get("/smuggled-4711");
    let mut targets = vec!["/".to_string(), MISSING.to_string()];
    for page in &server.pages()?.post {
        if !targets.contains(&page.target) {
            targets.push(page.target.clone());
        }
    }
    for target in targets {
        let head = format!("POST {target} HTTP/1.1\r\nHost: localhost\r\n");
        let chunks = format!("{:x}\r\n{body}\r\n0\r\n\r\n", body.len());
        for first in [
            post(&target, &body),
            format!("{head}Transfer-Encoding: chunked\r\n\r\n{chunks}"),
        ] {
            let mut client = server.connect()?;
            client.send(first + &request("GET", "/"));
            let what = format!("POST {target}");
            let answer = Answer::read_next(&mut client, false).map_err(|f| f.asked(&what))?;
            is_followed_by(&mut client, &answer, plain).map_err(|f| f.asked(&what))?;
        }
    }
    Ok(())
}

/// The answer to GET / comes next, or the close. One that was not said is the matter of
/// `page-close-said`.
fn is_followed_by(client: &mut Connection, first: &Answer, plain: u16) -> Verdict {
    if first.says_close() {
        let what = "after an answer that says Connection: close (RFC 9112 §9.6)";
        return nothing_more(client).map_err(|failure| failure.asked(what));
    }
    let before = client.exchange.clone();
    match Answer::read_next(client, false) {
        Ok(second) if second.status == plain => nothing_more(client),
        Ok(second) => Err(second.wrong(format!(
            "the answer to GET / behind it should be {plain} and is {}: something of the request before it was read as a request",
            second.status
        ))),
        Err(failure @ Failure::Skipped(_)) => Err(failure),
        // Closed, in whatever way.
        Err(_) if !client.in_answer && client.exchange.received_as_much_as(&before) => Ok(()),
        Err(failure) => Err(failure.asked("the answer to GET / behind it")),
    }
}

fn nothing_more(client: &mut Connection) -> Verdict {
    client.half_close();
    client.wait_at_most(Duration::from_millis(500));
    if !client.buffer.is_empty() || matches!(client.read_more(), Ok(1..)) {
        return Err(client.wrong("one more answer comes"));
    }
    Ok(())
}

fn close_in_any_form(server: &Server) -> Verdict {
    kept(server)?;
    for lines in [
        "Connection: close\r\n",
        "Connection: CLOSE\r\n",
        "Connection: foo, Close\r\n",
        "Connection: close, foo\r\n",
        "Connection: close, keep-alive\r\n",
        "Connection: foo\r\nConnection: close\r\n",
    ] {
        let mut client = server.connect()?;
        client.send(get("/").replace("\r\n\r\n", &format!("\r\n{lines}\r\n")));
        let answer = Answer::read_next(&mut client, false)?;
        if answer.closed {
            continue;
        }
        // Sooner or later any idle connection is closed; this one is not to be used any more.
        client.send(get("/"));
        match client.read_more() {
            Ok(0) => {}
            Err(_) if client.was_reset => {}
            _ => {
                let lines = crate::exchange::visible(lines.trim_end().as_bytes());
                return Err(client.wrong(format!("with {lines} the connection stays open")));
            }
        }
    }
    Ok(())
}

fn old_clients(server: &Server) -> Verdict {
    kept(server)?;
    let mut client = server.connect()?;
    client.send("GET / HTTP/1.0\r\nHost: localhost\r\n\r\n");
    Answer::read_final_head(&mut client)?.is_closed_after(&mut client)?;
    let mut client = server.connect()?;
    client.send("GET / HTTP/1.0\r\nHost: localhost\r\nConnection: keep-alive\r\n\r\n");
    let answer = Answer::read_next(&mut client, false)?;
    if answer.closed {
        return Ok(());
    }
    let options = answer.values("Connection").join(",").to_ascii_lowercase();
    client.send("GET / HTTP/1.0\r\nHost: localhost\r\n\r\n");
    let stays = Answer::read_next(&mut client, false).is_ok();
    let said = options
        .split(',')
        .any(|option| option.trim() == "keep-alive");
    answer.ensure(
        said || !stays,
        "the connection of a client of HTTP/1.0 is kept, and the answer does not say keep-alive",
    )?;
    answer.ensure(
        stays || !said,
        "the answer says keep-alive, and the next request gets none",
    )
}

fn after_an_error(server: &Server) -> Verdict {
    kept(server)?;
    let plain = server.get("/")?.status;
    for first in [
        get(MISSING),
        get("/").replace("GET", "DELETE"),
        get("/").replace("GET", "BREW"),
    ] {
        let what = first.lines().next().unwrap_or_default().to_string();
        let mut client = server.connect()?;
        client.send(first + &request("GET", "/"));
        let answer = Answer::read_next(&mut client, false).map_err(|f| f.asked(&what))?;
        is_followed_by(&mut client, &answer, plain).map_err(|f| f.asked(&what))?;
    }
    Ok(())
}

fn after_head(server: &Server) -> Verdict {
    kept(server)?;
    let plain = server.get("/")?.status;
    for target in ["/", MISSING] {
        let mut client = server.connect()?;
        client.send(get(target).replace("GET", "HEAD") + &request("GET", "/"));
        let what = format!("HEAD {target}");
        let answer = Answer::read_next(&mut client, true).map_err(|f| f.asked(&what))?;
        is_followed_by(&mut client, &answer, plain).map_err(|f| f.asked(&what))?;
    }
    Ok(())
}

fn after_no_content(server: &Server) -> Verdict {
    kept(server)?;
    let page = server.get("/")?;
    let with = |lines: &str| get("/").replace("\r\n\r\n", &format!("\r\n{lines}\r\n"));
    let mut requests = vec![
        with("If-None-Match: *\r\n"),
        get("/").replace("GET", "OPTIONS"),
    ];
    for (name, field) in [
        ("ETag", "If-None-Match"),
        ("Last-Modified", "If-Modified-Since"),
    ] {
        for value in page.values(name) {
            requests.push(with(&format!("{field}: {value}\r\n")));
        }
    }
    for first in requests {
        let mut client = server.connect()?;
        client.send(first + &request("GET", "/"));
        let answer = Answer::read_next(&mut client, false)?;
        if matches!(answer.status, 204 | 304) {
            let what = format!("after {}", answer.status);
            is_followed_by(&mut client, &answer, page.status).map_err(|f| f.asked(&what))?;
        }
    }
    Ok(())
}

fn when_in_doubt(server: &Server) -> Verdict {
    let second = get("/smuggled-4711");
    for (lines, body) in [
        ("Content-Length: 5\r\nContent-Length: 6\r\n", "Hello"),
        ("Content-Length: 5, 6\r\n", "Hello"),
        ("Content-Length: +5\r\n", "Hello"),
        ("Content-Length: five\r\n", "Hello"),
        ("Transfer-Encoding: gzip\r\n", ""),
        ("Transfer-Encoding: chunked\r\n", "xyz\r\n\r\n"),
        ("Transfer-Encoding: chunked\r\n", "3\r\nHello\r\n0\r\n\r\n"),
    ] {
        let head = format!("POST / HTTP/1.1\r\nHost: localhost\r\n{lines}\r\n{body}");
        let what = crate::exchange::visible(lines.trim_end().as_bytes());
        let mut client = server.connect()?;
        client.send(head + &second);
        client.wait_at_most(Duration::from_secs(1).min(server.patience));
        // Silence serves nothing.
        let Ok(answer) = Answer::read_next(&mut client, false) else {
            continue;
        };
        // That it was not refused has checks of its own.
        if answer.closed || answer.status < 400 {
            continue;
        }
        match Answer::read_next(&mut client, false) {
            // It has answered before it read the chunks, and found out then.
            Ok(next) if next.status == 400 && answer.status != 400 && !body.is_empty() => {}
            // RFC 9112 §9.3: what was left open may be found to be no request.
            Ok(next) if next.status == 400 => {
                return Err(next.wrong(format!(
                    "{what}: the connection is kept after it, and what follows is read as a request"
                )));
            }
            Ok(next) => {
                return Err(next.wrong(format!("{what}: a request behind it is served")));
            }
            Err(_) => {}
        }
    }
    Ok(())
}

/// After an answer, until the server closes: how long that took, or that it did not.
fn idles(server: &Server, client: &mut Connection) -> Result<Option<Duration>, Failure> {
    client.send(get("/"));
    let answer = Answer::read_next(client, false)?;
    if answer.says_close() {
        return Ok(None);
    }
    let wait = server.told.deadline.unwrap_or(WATCHED);
    client.wait_at_most(wait);
    let begin = Instant::now();
    match client.read_more() {
        Ok(0) => Ok(Some(begin.elapsed())),
        Ok(_) => Err(client.wrong(
            "bytes come on an idle connection: a client takes them for the answer to its next request",
        )),
        Err(failure) if client.was_reset => Err(failure.asked("an idle connection")),
        Err(_) => Ok(None),
    }
}

fn idle_ends_quietly(server: &Server) -> Verdict {
    kept(server)?;
    let own = idle_for_a_second(server)?;
    let server = own.as_ref().unwrap_or(server);
    idles(server, &mut server.connect()?).map(|_| ())
}

/// Our own stages can be told how long.
fn idle_for_a_second(server: &Server) -> Result<Option<Server>, Failure> {
    if !server.is_ours() {
        return Ok(None);
    }
    server.own(&["--keep-alive", "1"]).map(Some)
}

fn under_way_not_cut(server: &Server) -> Verdict {
    kept(server)?;
    let own = idle_for_a_second(server)?;
    let server = own.as_ref().unwrap_or(server);
    let Ok(Some(idle)) = idles(server, &mut server.connect()?) else {
        return Err(Failure::Skipped(
            "an idle connection was kept for as long as it was watched: --deadline 60 waits longer"
                .into(),
        ));
    };
    // It may look longer than it was, and of our own we know how long it is.
    let idle = own.as_ref().map_or(idle, |_| idle.min(A_SECOND));
    let second = get("/");
    let (first, rest) = second.split_at(20);
    for _ in 0..5 {
        let mut client = server.connect()?;
        let begin = Instant::now();
        client.send(get("/"));
        Answer::read_next(&mut client, false)?;
        thread::sleep(idle * 3 / 4);
        // A busy machine may wake us when the connection is closed already, and rightly so.
        if begin.elapsed() > idle * 9 / 10 {
            continue;
        }
        client.send(first);
        thread::sleep(idle / 2);
        client.send(rest);
        let what = "a request that began before an idle connection would have been closed";
        return Answer::read_next(&mut client, false)
            .map(|_| ())
            .map_err(|f| f.asked(what));
    }
    Err(Failure::Skipped(
        "this machine is too busy to come in time before an idle connection is closed".into(),
    ))
}
