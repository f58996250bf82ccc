//! Stage 08 reads bodies: Content-Length, chunked, and all that may be wrong with them.

use std::thread;
use std::time::Duration;

use super::house;
use super::protocol;
use super::stage05::refuses;
use super::stage06::allows;
use super::stage07::drips;
use crate::answer::Answer;
use crate::check::Check;
use crate::check::Failure;
use crate::check::Verdict;
use crate::check::ensure;
use crate::client::Connection;
use crate::rows::CHUNK_SIZE;
use crate::rows::CHUNKS;
use crate::rows::CODING;
use crate::rows::WHOLE;
use crate::rows::answered;
use crate::rows::gives_back;
use crate::rows::refused;
use crate::server::Server;
use crate::server::get_with;
use crate::server::post;
use crate::server::post_head;
use crate::server::request;

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
        ..HOUSE
    },
    Check {
        name: "body-split-everywhere",
        rule: "RFC 9112 §6.2: Content-Length bytes follow, whenever they arrive",
        sends: "POST /echo in two segments, cut after each byte in turn",
        expects: "the body back",
        hint: "What came too much with the head belongs to the body: keep it.",
        run: |server| split_everywhere(server, &post("/echo", "Hello!")),
        ..HOUSE
    },
    Check {
        name: "chunked-split-everywhere",
        rule: "RFC 9112 §7.1: chunks have nothing to do with segments",
        sends: "POST /echo with a chunked body in two segments, cut after each byte in turn",
        expects: "the body back",
        hint: "Read lines and counted bytes from the same buffer as the head.",
        run: |server| {
            split_everywhere(
                server,
                &chunked("3;x=y\r\nHel\r\n3\r\nlo!\r\n0\r\nX: y\r\n\r\n"),
            )
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
        ..HOUSE
    },
    Check {
        name: "memory-follows-what-arrives",
        rule: "House: memory follows what arrives, never what is declared",
        sends: "a hundred heads that declare 1 MiB each, and no body",
        expects: "less than 50 MB of memory in use (where /proc tells)",
        hint: "Reserve nothing in advance; append what comes.",
        run: memory_declared,
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
    Check {
        name: "chunked",
        rule: "RFC 9112 §7.1: a recipient MUST be able to parse the chunked coding",
        sends: "POST /echo with `Hello!` in one chunk, in six, and none at all",
        expects: "the body back, without the chunks",
        hint: "Size in hexadecimal, CRLF, data, CRLF; a size of 0 ends it; then trailers and an empty line.",
        run: |server| {
            echoes(server, chunked("6\r\nHello!\r\n0\r\n\r\n"), b"Hello!")?;
            let six: String = "Hello!".chars().map(|c| format!("1\r\n{c}\r\n")).collect();
            echoes(server, chunked(&(six + "0\r\n\r\n")), b"Hello!")?;
            echoes(server, chunked("0\r\n\r\n"), b"")
        },
        ..HOUSE
    },
    Check {
        name: "chunked-understood",
        rule: "RFC 9112 §7.1: a recipient MUST be able to parse the chunked coding",
        sends: "POST / with a right chunked body",
        expects: "an answer that does not call the request malformed (404 and 405 are fine), and one only",
        hint: "Size in hexadecimal, CRLF, data, CRLF; a size of 0 ends it; then trailers and an empty line.",
        run: |server| {
            knows_post(server)?;
            let answer = server.ask(post_head("/", CHUNKED) + "6\r\nHello!\r\n0\r\n\r\n")?;
            answer.ensure(
                answer.status != 400 && answer.status != 501,
                "a right chunked body is refused",
            )
        },
        ..PROTOCOL
    },
    Check {
        name: "chunked-forms-understood",
        rule: "RFC 9112 §7.1 and §7.1.1: HEXDIG in either case; unknown chunk extensions MUST be ignored; trailers may follow",
        sends: "POST / with chunk sizes in capitals and with a leading zero, chunk extensions, and trailer fields",
        expects: "an answer that does not call the request malformed (404 and 405 are fine), and one only",
        hint: "Cut the size's line at the semicolon, and after the chunk of size 0 read lines until the empty one.",
        run: |server| {
            knows_post(server)?;
            for body in [
                "A\r\n0123456789\r\n0\r\n\r\n",
                "06\r\nHello!\r\n0\r\n\r\n",
                "6;a=b;c=\"d\"\r\nHello!\r\n0;e\r\n\r\n",
                "6\r\nHello!\r\n0\r\nX-Trailer: a\r\nX-Other: b\r\n\r\n",
            ] {
                let answer = server.ask(post_head("/", CHUNKED) + body)?;
                answer.ensure(
                    answer.status < 500 && answer.status != 400,
                    format!(
                        "a right chunked body is refused: \"{}\"",
                        body.escape_default()
                    ),
                )?;
            }
            Ok(())
        },
        ..PROTOCOL
    },
    Check {
        name: "chunk-size-not-guessed",
        rule: "RFC 9112 §7.1: chunk-size = 1*HEXDIG; what two programs read in two ways smuggles requests",
        sends: "POST / with the chunk sizes 0x5, +5, -5, 5x, 5 5 and none, and as many ways to write no zero",
        expects: "a refusal, a close, or silence; not the answer that a right body gets, and no second answer",
        hint: "Hex digits only, before you parse: int(text, 16), parseInt and from_str_radix take signs and more.",
        run: chunk_size_guessed,
        ..PROTOCOL
    },
    Check {
        name: "chunked-binary",
        rule: "RFC 9112 §7.1: chunk data is counted, not searched",
        sends: "POST /echo with chunks that hold CRLF, `0\\r\\n\\r\\n` and all 256 byte values",
        expects: "the body back",
        hint: "Take as many bytes as the size says, whatever they look like.",
        run: |server| {
            let all: Vec<u8> = (0..=255).collect();
            let head = post_head("/echo", CHUNKED) + "5\r\n0\r\n\r\n\r\n100\r\n";
            let request = [head.as_bytes(), &all, b"\r\n0\r\n\r\n"].concat();
            echoes(server, request, &[b"0\r\n\r\n", all.as_slice()].concat())
        },
        ..HOUSE
    },
    Check {
        name: "chunk-size-forms",
        rule: "RFC 9112 §7.1: chunk-size = 1*HEXDIG, in either case, with leading zeros",
        sends: "sizes a, A, 0A, 000000000000000000000a",
        expects: "ten bytes back each time",
        hint: "Hexadecimal; count digits after the zeros, if you count them.",
        run: |server| {
            for size in ["a", "A", "0A", "000a"] {
                let body = format!("{size}\r\n0123456789\r\n0\r\n\r\n");
                echoes(server, chunked(&body), b"0123456789")?;
            }
            // Where it ends, only memory says; a server may draw the line somewhere.
            let zeros = "0".repeat(21);
            let answer = server.ask(chunked(&format!("{zeros}a\r\n0123456789\r\n0\r\n\r\n")))?;
            answer.status_in(&[200, 400])
        },
        ..HOUSE
    },
    Check {
        name: "chunk-extensions",
        rule: "RFC 9112 §7.1.1: a recipient MUST ignore chunk extensions that it does not know",
        expects: "the body back",
        hint: "Read past them: a semicolon, a token, and perhaps = and a token or a quoted string, with blanks around each sign.",
        rows: gives_back(
            CHUNKS,
            &[
                "5;a\r\nHello\r\n0;a\r\n\r\n",
                "5;a=b\r\nHello\r\n0;a=b\r\n\r\n",
                "5;a=\"b;c\"\r\nHello\r\n0;a=\"b;c\"\r\n\r\n",
                "5;a=b;c=d\r\nHello\r\n0;a=b;c=d\r\n\r\n",
                "5 ; a = b\r\nHello\r\n0 ; a = b\r\n\r\n",
                "5\t;\ta\r\nHello\r\n0\t;\ta\r\n\r\n",
                "5;a=\"q\\\"x\"\r\nHello\r\n0;a=\"q\\\"x\"\r\n\r\n",
                "5;a=\"\"\r\nHello\r\n0;a=\"\"\r\n\r\n",
            ],
            "Hello",
        ),
        ..HOUSE
    },
    Check {
        name: "chunk-extension-invalid",
        rule: "RFC 9112 §7.1.1: chunk-ext = *( BWS \";\" BWS chunk-ext-name [ BWS \"=\" BWS chunk-ext-val ] )",
        hint: "What two programs read in two ways smuggles requests: a name, and a value that is a token or a quoted string, or nothing at all.",
        rows: refused(
            CHUNK_SIZE,
            &[
                "5;",
                "5;bad[=x",
                "5;a=",
                "5;=x",
                "5;a b",
                "5;a=\"x",
                "5;;a",
                "5;a=b;",
                "5,a",
                "5;a=\"x\"y",
            ],
        ),
        ..REFUSED
    },
    Check {
        name: "chunk-extension-endless",
        rule: "RFC 9112 §7.1.1: a recipient ought to limit the length of chunk extensions",
        sends: "a chunk extension of 1 MB whose line never ends",
        expects: "a 4xx, readable though the client still sends",
        hint: "A chunk's line has a limit like any other line.",
        run: |server| {
            let answer = server.ask(chunked(&format!("5;{}", "a".repeat(1_000_000))))?;
            answer.status_in(&[400, 413, 431])
        },
        ..HOUSE
    },
    Check {
        name: "chunk-trailers",
        rule: "RFC 9112 §7.1.2: trailer fields follow the last chunk; a recipient MAY discard them",
        expects: "the body back; the trailers change nothing",
        hint: "Read lines until the empty one, and do not merge them into the fields of the head.",
        rows: gives_back(
            CHUNKS,
            &["6\r\nHello!\r\n0\r\nX-Trailer: a\r\nContent-Length: 3\r\n\r\n"],
            "Hello!",
        ),
        ..HOUSE
    },
    Check {
        name: "chunk-trailers-endless",
        rule: "RFC 9110 §5.4: fields larger than the server wishes to process MUST get a 4xx",
        sends: "a chunked body, and trailer fields of 1 MB in all",
        expects: "a 4xx, readable though the client still sends",
        hint: "Trailers are fields: the same limit.",
        run: |server| {
            let trailers = "X-Trailer: trailer\r\n".repeat(50_000);
            let answer = server.ask(chunked(&format!("0\r\n{trailers}")))?;
            answer.status_in(&[400, 413, 431])
        },
        ..HOUSE
    },
    Check {
        name: "chunk-size-invalid",
        rule: "RFC 9112 §7.1: chunk-size = 1*HEXDIG",
        hint: "Hex digits only: look at each byte before you parse. Rust's from_str_radix takes a plus.",
        rows: refused(
            CHUNK_SIZE,
            &["xyz", "0x5", "+5", "-5", "", "5g", "5 5", " 5", ";a"],
        ),
        expects: "400 Bad Request",
        ..HOUSE
    },
    Check {
        name: "chunk-size-overflow",
        rule: "RFC 9112 §7.1: a recipient MUST prevent overflow when it reads a chunk size",
        sends: "sizes 10000000000000005 (2⁶⁴ + 5), ffffffffffffffff and fffffffffffffff0",
        expects: "400 or 413, and no second answer",
        hint: "Refuse a size that is too large for your number before you calculate with it; `size + 2` may overflow, too. In Rust checked_mul, or a parser that says so.",
        run: |server| {
            for size in ["10000000000000005", "ffffffffffffffff", "fffffffffffffff0"] {
                let answer = server.ask(chunked(&format!("{size}\r\nHello\r\n0\r\n\r\n")))?;
                answer.status_in(&[400, 413])?;
            }
            server.serves_on()
        },
        ..HOUSE
    },
    Check {
        name: "chunk-line-bare-lf",
        rule: "RFC 9112 §2.2 and §7.1: a single LF may end a line of the head; in chunks it opens the door to smuggling",
        hint: "In chunks, CRLF and nothing else.",
        rows: refused(
            CHUNKS,
            &[
                "5\nHello\r\n0\r\n\r\n",
                "5;a\nHello\r\n0\r\n\r\n",
                "5\r\nHello\n0\r\n\r\n",
                "5\rHello\r\n0\r\n\r\n",
                "5\r\nHello\r\n0\n\r\n",
            ],
        ),
        ..REFUSED
    },
    Check {
        name: "chunk-data-too-long",
        rule: "RFC 9112 §7.1: chunk = chunk-size CRLF chunk-data CRLF",
        hint: "After the data comes CRLF, or the sizes lie.",
        rows: refused(
            CHUNKS,
            &["3\r\nHello\r\n0\r\n\r\n", "5\r\nHel\r\n0\r\n\r\n"],
        ),
        ..REFUSED
    },
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
            &[400, 501],
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
        ..PROTOCOL
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
