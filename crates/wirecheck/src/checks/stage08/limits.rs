//! How much, and how long.

use super::CHUNKED;
use super::HOUSE;
use super::PROTOCOL;
use super::chunked;
use super::echoes;
use super::memory_declared;
use crate::check::Check;
use crate::check::Harm;
use crate::checks::stage07::drips;
use crate::server::post;
use crate::server::post_head;

pub(in crate::checks) const CHECKS: &[Check] = &[
    Check {
        name: "length-declared-huge",
        rule: "House: memory follows what arrives, never what is declared",
        sends: "Content-Length: 1099511627776 (1 TiB), and a few bytes",
        expects: "413 (a server without a limit may wait for more); the next client is served",
        hint: "Do not reserve memory for a number from the network: the process may end there (in Rust Vec::with_capacity(length)).",
        run: |server| {
            let head = post_head("/", "Content-Length: 1099511627776\r\n");
            server.ask(head + "Hello")?.status(413)?;
            server.serves_on()
        },
        harm: Harm::Ends,
        ..HOUSE
    },
    Check {
        name: "memory-follows-what-arrives",
        rule: "House: memory follows what arrives, never what is declared",
        sends: "a hundred heads that declare 1 MiB each, and no body",
        expects: "less than 50 MB of memory in use (where /proc tells)",
        hint: "Reserve nothing in advance; append what comes.",
        run: memory_declared,
        harm: Harm::Ends,
        ..HOUSE
    },
    Check {
        name: "body-above-the-limit",
        rule: "RFC 9110 §15.5.14: 413 for content larger than the server is willing to process",
        sends: "1,000 bytes and 1,001 bytes to a server with --max-body 1000; the same chunked",
        expects: "1,000 come back, 1,001 get 413",
        hint: "For chunks count as they come, before you read the next one.",
        run: |server| {
            let own = server.own(&["--max-body", "1000"])?;
            let body = "x".repeat(1_000);
            echoes(&own, post("/echo", &body), body.as_bytes())?;
            own.post("/echo", format!("{body}x"))?.status(413)?;
            let chunk = format!("3e8\r\n{body}\r\n");
            echoes(&own, chunked(&format!("{chunk}0\r\n\r\n")), body.as_bytes())?;
            own.ask(chunked(&format!("{chunk}1\r\nx\r\n0\r\n\r\n")))?
                .status(413)
        },
        ..HOUSE
    },
    Check {
        name: "limit-judged-before-the-body",
        rule: "Stage 08: 413 before reading above --max-body",
        sends: "the head of a POST with Content-Length: 1048577, and not a byte of the body; a chunk size of 100001",
        expects: "413 at once",
        hint: "The number is enough to refuse it.",
        run: |server| {
            server
                .ask(post_head("/echo", "Content-Length: 1048577\r\n"))?
                .status(413)?;
            server.ask(chunked("100001\r\n"))?.status(413)
        },
        ..HOUSE
    },
    Check {
        name: "413-readable-while-sending",
        rule: "RFC 9112 §9.6: a refusal is lost if a reset follows it: close in stages",
        sends: "POST /echo with 20 MB, all of it, and reads only then",
        expects: "413, readable to its end",
        hint: "Answer, close the writing side (shutdown), then read and throw away, bounded in bytes and time.",
        run: |server| {
            let mut client = server.connect()?;
            client.send(post_head("/echo", "Content-Length: 20000000\r\n"));
            client.send(vec![b'x'; 20_000_000]);
            let answer = client.answer()?;
            answer.status(413)?;
            answer.is_not_reset()
        },
        harm: Harm::Loses,
        ..HOUSE
    },
    Check {
        name: "refusals-of-bodies-in-order",
        rule: "House: … → method 501 → framing 400, 501 → 413 → 404 → 405",
        sends: "requests with two faults each",
        expects: "the status of the fault that comes first",
        hint: "Judge the framing and read the body in one place, before routing.",
        run: |server| {
            let with = |method: &str, target: &str, lines: &str| {
                format!(
                    "{method} {target} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n{lines}\r\n"
                )
            };
            server
                .ask(with("BREW", "/", "Content-Length: x\r\n"))?
                .status(501)?;
            server
                .ask(with("POST", "/no/such/page", "Content-Length: x\r\n"))?
                .status(400)?;
            server
                .ask(with("POST", "/no/such/page", "Content-Length: 9999999\r\n"))?
                .status(413)?;
            server
                .ask(with("DELETE", "/", "Content-Length: 9999999\r\n"))?
                .status(413)
        },
        ..HOUSE
    },
    Check {
        name: "deadline-for-the-body",
        rule: "RFC 9110 §15.5.9: 408 when a request does not come in time; the body is a part of it",
        sends: "half a body, and then nothing (--timeout 1); the same chunked",
        expects: "408, then the close",
        hint: "One clock for the request from its first byte to its last.",
        run: |server| {
            let own = server.own(&["--timeout", "1"])?;
            let mut plain = own.connect()?;
            plain.send(post_head("/echo", "Content-Length: 10\r\n") + "Hello");
            let mut chunks = own.connect()?;
            chunks.send(chunked("5\r\nHel"));
            plain.answer()?.status(408)?;
            chunks.answer()?.status(408)
        },
        harm: Harm::Loses,
        waits: true,
        ..HOUSE
    },
    Check {
        name: "deadline-for-a-dripping-body",
        rule: "House: one deadline for the whole request, not one per read",
        sends: "a byte of the body every 50 ms (--timeout 1)",
        expects: "408 while the client still sends",
        hint: "Before each read set the time that is left.",
        run: |server| {
            let own = server.own(&["--timeout", "1"])?;
            let head = post_head("/echo", "Content-Length: 1000\r\n");
            drips(own.connect()?, &head, server.patience)
        },
        harm: Harm::Loses,
        waits: true,
        ..HOUSE
    },
    Check {
        name: "gone-in-the-middle-of-a-body",
        rule: "RFC 9112 §9.5: a client may break off at any time, and the server must cope",
        sends: "half a body, then closes or resets, plain and chunked, twenty times",
        expects: "the next client is served",
        hint: "End of stream and errors while reading concern one connection.",
        run: |server| {
            for i in 0..20 {
                let mut client = server.connect()?;
                client.send(if i % 2 == 0 {
                    post_head("/", "Content-Length: 10\r\n") + "Hello"
                } else {
                    post_head("/", CHUNKED) + "ff\r\nHello"
                });
                if i % 4 < 2 {
                    client.reset();
                }
                server.catches_up(i);
            }
            server.serves_on()
        },
        harm: Harm::Ends,
        ..PROTOCOL
    },
];
