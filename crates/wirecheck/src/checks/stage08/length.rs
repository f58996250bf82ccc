//! Bodies whose length is declared.

use super::CHUNKED;
use super::HOUSE;
use super::PROTOCOL;
use super::REFUSED;
use super::body_is_no_request;
use super::echoed;
use super::echoes;
use super::split_everywhere;
use super::usual_post;
use crate::check::Check;
use crate::check::Harm;
use crate::server::get_with;
use crate::server::post;
use crate::server::post_head;
use crate::server::request;

pub(in crate::checks) const CHECKS: &[Check] = &[
    Check {
        name: "body-in-second-segment",
        rule: "RFC 9112 §6.2: Content-Length bytes follow, whenever they arrive",
        sends: "the head of POST /echo, and the body a moment later",
        expects: "the body back",
        hint: "The end of the head is not the end of the request: read on until the length is there.",
        run: |server| {
            let mut client = server.connect()?;
            client.send_pieces([
                post_head("/echo", "Content-Length: 6\r\n").as_bytes(),
                b"Hello!",
            ]);
            echoed(&client.answer()?, b"Hello!")
        },
        harm: Harm::Loses,
        ..HOUSE
    },
    Check {
        name: "body-split-everywhere",
        rule: "RFC 9112 §6.2: Content-Length bytes follow, whenever they arrive",
        sends: "POST /echo in two segments, cut after each byte in turn",
        expects: "the body back",
        hint: "What came too much with the head belongs to the body: keep it.",
        run: |server| split_everywhere(server, &post("/echo", "Hello!")),
        harm: Harm::Loses,
        ..HOUSE
    },
    Check {
        name: "body-with-get",
        rule: "RFC 9110 §9.3.1: content in a GET has no meaning; it is read all the same",
        sends: "GET / with a body that looks like a request",
        expects: "one answer, as for GET / without it",
        hint: "Framing knows no methods: read the body in one place, before routing.",
        run: |server| {
            let plain = server.get("/")?;
            let body = request("GET", "/smuggled");
            let head = get_with("/", &format!("Content-Length: {}\r\n", body.len()));
            server.ask(head + &body)?.status(plain.status)
        },
        ..HOUSE
    },
    Check {
        name: "body-is-no-request",
        rule: "RFC 9112 §6 and §9.3: a body is read, or the connection closed; it is never taken for the next request",
        sends: "POST / whose body, a request by its looks, comes in a second segment; with content-length in three spellings, and in chunks",
        expects: "one answer only",
        hint: "Read the whole body before the next request, whoever wants it; or close. The field's name is content-length in any case.",
        run: body_is_no_request,
        harm: Harm::LetsIn,
        ..PROTOCOL
    },
    Check {
        name: "body-ends-where-it-should",
        rule: "RFC 9112 §6.3: the body has Content-Length bytes, and not one more",
        sends: "POST /echo with a body of 6 bytes, and 20 bytes after it in the same segment",
        expects: "the 6 bytes back, and one answer",
        hint: "Take the length from the field, not from what one read returned.",
        run: |server| {
            let mut request = post("/echo", "Hello!");
            request.extend(b"and something more..");
            echoes(server, request, b"Hello!")
        },
        ..HOUSE
    },
    Check {
        name: "length-invalid",
        rule: "RFC 9112 §6.3: an invalid Content-Length is an unrecoverable error: 400, then close",
        sends: "Content-Length: abc · +5 · -1 · 5x · 0x5 · 5.0 · 5 5 · empty",
        hint: "Digits only: look at each byte before you parse. Rust's parse takes a plus, Python's int and JavaScript's Number take spaces and more.",
        run: |server| {
            let usual = usual_post(server)?;
            for value in ["abc", "+5", "-1", "5x", "0x5", "5.0", "5 5", ""] {
                let line = format!("Content-Length: {value}\r\n");
                usual.refuses(server, &line, "Hello", &[400, 411])?;
            }
            Ok(())
        },
        expects: "400 Bad Request (from another server also 411, or its refusal of every POST)",
        harm: Harm::LetsIn,
        ..PROTOCOL
    },
    Check {
        name: "length-overflow",
        rule: "RFC 9110 §8.6: a recipient MUST expect large numbers and prevent overflow",
        sends: "Content-Length: 18446744073709551616 + 5 (2⁶⁴ + 5), and one of 40 digits",
        expects: "400 or 413 (another server may close, or have no limit and wait for the rest); not the answer to five bytes",
        hint: "A number that is too large is refused: do not wrap or truncate. In Rust parse::<u64> says so itself.",
        run: |server| {
            let usual = usual_post(server)?;
            for value in ["18446744073709551621", &"9".repeat(40)] {
                usual.refuses_length(server, value)?;
            }
            Ok(())
        },
        harm: Harm::LetsIn,
        ..PROTOCOL
    },
    Check {
        name: "lengths-differ",
        rule: "RFC 9112 §6.3: differing values of Content-Length are an unrecoverable error: 400, then close",
        sends: "two fields Content-Length, 5 and 6, in both orders; and one field `5, 6`",
        hint: "Two programs that pick different ones disagree on where the next request begins.",
        run: |server| {
            let usual = usual_post(server)?;
            for lines in [
                "Content-Length: 5\r\nContent-Length: 6\r\n",
                "Content-Length: 6\r\ncontent-length: 5\r\n",
                "Content-Length: 5, 6\r\n",
            ] {
                usual.refuses(server, lines, "Hello!", &[400])?;
            }
            Ok(())
        },
        expects: "400 Bad Request (from another server also its refusal of every POST)",
        harm: Harm::LetsIn,
        ..PROTOCOL
    },
    Check {
        name: "length-with-zeros",
        rule: "RFC 9110 §8.6: Content-Length = 1*DIGIT; leading zeros are digits",
        sends: "POST /echo with Content-Length: 0006",
        expects: "six bytes back",
        hint: "Decimal, whatever the zeros suggest.",
        run: |server| {
            echoes(
                server,
                post_head("/echo", "Content-Length: 0006\r\n") + "Hello!",
                b"Hello!",
            )
        },
        ..HOUSE
    },
    Check {
        name: "body-cut-off",
        rule: "RFC 9112 §8: a body shorter than declared is incomplete; 400 where it can still be sent",
        sends: "POST /echo, Content-Length: 10, five bytes, then half-closes; and a chunked body without its end",
        hint: "End of stream before the length: not a shorter body, but none.",
        run: |server| {
            for request in [
                post_head("/echo", "Content-Length: 10\r\n") + "Hello",
                post_head("/echo", CHUNKED) + "5\r\nHello\r\n",
                post_head("/echo", CHUNKED) + "5\r\nHel",
                post_head("/echo", CHUNKED) + "5\r\nHello\r\n0\r\n",
            ] {
                let mut client = server.connect()?;
                client.send(request);
                client.half_close();
                client.answer()?.status(400)?;
            }
            Ok(())
        },
        ..REFUSED
    },
];
