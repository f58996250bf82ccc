//! Which coding a body is in, and whether the client waits to send it.

use super::FAULTY;
use super::HOUSE;
use super::PROTOCOL;
use super::REFUSED;
use super::continues;
use super::echoed;
use super::one_answer;
use super::usual_post;
use crate::answer::Answer;
use crate::check::Check;
use crate::check::Harm;
use crate::checks::refuses;
use crate::rows::CODING;
use crate::rows::WHOLE;
use crate::rows::answered;
use crate::rows::gives_back;
use crate::rows::refused;
use crate::server::post_head;
use crate::server::request;

pub(in crate::checks) const CHECKS: &[Check] = &[
    Check {
        name: "coding-and-length",
        rule: "RFC 9112 §6.1: both Transfer-Encoding and Content-Length: refuse, or close after the answer; ours refuse",
        sends: "Transfer-Encoding: chunked with Content-Length, in both orders",
        hint: "Whoever honours the other of the two sees another request: smuggling.",
        run: |server| {
            let body = "0\r\n\r\n";
            refuses(
                server,
                &[
                    &(post_head(
                        "/echo",
                        "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n",
                    ) + body),
                    &(post_head(
                        "/echo",
                        "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n",
                    ) + body),
                ],
            )
        },
        harm: Harm::LetsIn,
        ..REFUSED
    },
    Check {
        name: "smuggled-by-coding-and-length",
        rule: "RFC 9112 §6.1: a server that gets both MUST close the connection after answering",
        sends: "Transfer-Encoding: chunked, Content-Length and a second request behind the last chunk, on a connection that might be kept",
        expects: "one answer, then the close",
        hint: "Refuse it; or at least never use this connection again.",
        run: |server| {
            let second = request("GET", "/smuggled");
            one_answer(
                server,
                &format!(
                    "POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: {}\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n{second}",
                    second.len() + 5
                ),
            )
        },
        harm: Harm::LetsIn,
        ..PROTOCOL
    },
    Check {
        name: "coding-in-http-1-0",
        rule: "RFC 9112 §6.1: Transfer-Encoding in HTTP/1.0 means that the framing is faulty: close after the answer",
        hint: "HTTP/1.0 has no codings.",
        rows: refused(
            WHOLE,
            &[
                "POST /echo HTTP/1.0\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nHello\r\n0\r\n\r\n",
            ],
        ),
        ..REFUSED
    },
    Check {
        name: "coding-not-chunked-last",
        rule: "RFC 9112 §6.3: if chunked is not the final coding, the server MUST answer 400 and close",
        sends: "Transfer-Encoding: gzip · chunked, gzip · identity · chunked, identity",
        hint: "Without chunked at the end nobody knows where the body ends.",
        run: |server| {
            let usual = usual_post(server)?;
            for value in ["gzip", "chunked, gzip", "identity", "chunked, identity"] {
                let line = format!("Transfer-Encoding: {value}\r\n");
                usual.refuses(server, &line, "5\r\nHello\r\n0\r\n\r\n", &[400, 411, 501])?;
            }
            Ok(())
        },
        harm: Harm::LetsIn,
        ..FAULTY
    },
    Check {
        name: "coding-known-but-not-spoken",
        rule: "RFC 9112 §6.1: a coding that the server does not understand SHOULD get 501",
        expects: "501",
        hint: "The framing is fine, the content is not: chunked comes last.",
        rows: answered(
            CODING,
            &[
                "Transfer-Encoding: gzip, chunked",
                "Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked",
            ],
            &[501],
        ),
        ..HOUSE
    },
    Check {
        name: "coding-chunked-twice",
        rule: "RFC 9112 §6.1: a sender MUST NOT apply chunked more than once",
        hint: "Join the values of all the fields to one list, then look.",
        rows: answered(
            CODING,
            &[
                "Transfer-Encoding: chunked, chunked",
                "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked",
            ],
            &[400],
        ),
        ..REFUSED
    },
    Check {
        name: "coding-disguised",
        rule: "RFC 9112 §6.1 and §6.3: a value that one program takes for chunked and another does not smuggles requests",
        sends: "xchunked · chunkedx · \"chunked\" · chunked;a=b · \\vchunked · chun ked",
        hint: "Compare the whole name; trim spaces and tabs only.",
        run: |server| {
            let usual = usual_post(server)?;
            for value in [
                "xchunked",
                "chunkedx",
                "\"chunked\"",
                "chunked;a=b",
                "\x0bchunked",
                "chun ked",
                "'chunked'",
            ] {
                let line = format!("Transfer-Encoding: {value}\r\n");
                usual.refuses(server, &line, "5\r\nHello\r\n0\r\n\r\n", &[400, 411, 501])?;
            }
            Ok(())
        },
        harm: Harm::LetsIn,
        ..FAULTY
    },
    Check {
        name: "coding-any-case",
        rule: "RFC 9112 §7: transfer coding names are case-insensitive",
        expects: "the body back",
        hint: "Compare without case. In Rust eq_ignore_ascii_case; elsewhere turn both to lower case.",
        rows: gives_back(
            CODING,
            &["Transfer-Encoding: CHUNKED", "transfer-encoding:\tChunked "],
            "Hello",
        ),
        ..HOUSE
    },
    Check {
        name: "continue",
        rule: "RFC 9110 §10.1.1: a server that will read the body sends 100 (Continue) first",
        sends: "POST /echo with Expect: 100-continue; the body only after the 100",
        expects: "100 without a body, then the answer",
        hint: "curl waits a second for it with every large POST.",
        run: |server| continues(server, "Expect: 100-continue\r\n"),
        ..HOUSE
    },
    Check {
        name: "continue-or-final",
        rule: "RFC 9110 §10.1.1: an origin server MUST send 100 (Continue), or a final status, before the body comes",
        sends: "POST / with Expect: 100-continue and Content-Length: 6; the body only after a 100",
        expects: "100 and then an answer, or an answer at once (404, 405, 417 …); not silence",
        hint: "Write `HTTP/1.1 100 Continue` and an empty line before you read the body. curl waits a second for it with every large POST.",
        run: |server| {
            let mut client = server.connect()?;
            client.send(post_head(
                "/",
                "Expect: 100-continue\r\nContent-Length: 6\r\n",
            ));
            let first = Answer::read_head(&mut client)?;
            if first.status == 100 {
                client.send("Hello!");
                client.answer()?;
            }
            Ok(())
        },
        harm: Harm::Loses,
        ..PROTOCOL
    },
    Check {
        name: "continue-any-case",
        rule: "RFC 9110 §10.1.1: the expectation is case-insensitive",
        sends: "expect: 100-Continue; the body only after the 100",
        expects: "100, then the answer",
        hint: "Compare without case. In Rust eq_ignore_ascii_case; elsewhere turn both to lower case.",
        run: |server| continues(server, "expect: 100-Continue\r\n"),
        ..HOUSE
    },
    Check {
        name: "continue-chunked",
        rule: "RFC 9110 §10.1.1: the expectation holds for chunked bodies too",
        sends: "POST /echo, chunked, with Expect: 100-continue; the body only after the 100",
        expects: "100, then the answer",
        hint: "Send it before the first read of the body, whatever its framing.",
        run: |server| {
            let mut client = server.connect()?;
            client.send(post_head(
                "/echo",
                "Expect: 100-continue\r\nTransfer-Encoding: chunked\r\n",
            ));
            let interim = Answer::read_head(&mut client)?;
            interim.status(100)?;
            client.send("6\r\nHello!\r\n0\r\n\r\n");
            echoed(&client.answer()?, b"Hello!")
        },
        ..HOUSE
    },
    Check {
        name: "continue-not-for-http-1-0",
        rule: "RFC 9110 §10.1.1: a server MUST ignore 100-continue in a request of HTTP/1.0",
        sends: "POST / HTTP/1.0 with Expect: 100-continue and its body",
        expects: "no 100 before the answer",
        hint: "A client of HTTP/1.0 takes the 100 for the answer.",
        run: |server| {
            let mut client = server.connect()?;
            client.send("POST / HTTP/1.0\r\nHost: localhost\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\nHello");
            let first = Answer::read_head(&mut client)?;
            first.ensure(first.status >= 200, "a 100 in answer to HTTP/1.0")
        },
        ..PROTOCOL
    },
    Check {
        name: "continue-not-for-refusals",
        rule: "RFC 9110 §10.1.1: a final status instead of 100 if the request is refused",
        sends: "Expect: 100-continue with Content-Length: 9999999, and no body",
        expects: "413 and no 100",
        hint: "100 means: send it. Refuse first.",
        run: |server| {
            let mut client = server.connect()?;
            client.send(post_head(
                "/echo",
                "Expect: 100-continue\r\nContent-Length: 9999999\r\n",
            ));
            Answer::read_head(&mut client)?.status(413)
        },
        ..HOUSE
    },
    Check {
        name: "expectation-unknown",
        rule: "RFC 9110 §10.1.1: an expectation that the server cannot meet MAY get 417",
        sends: "POST /echo with Expect: the-impossible and its body",
        expects: "417, or the answer as if the field were not there",
        hint: "Either is right; a 100 is not.",
        run: |server| {
            let mut client = server.connect()?;
            client.send(
                post_head("/echo", "Expect: the-impossible\r\nContent-Length: 6\r\n") + "Hello!",
            );
            Answer::read_head(&mut client)?.status_in(&[200, 417])
        },
        ..HOUSE
    },
];
