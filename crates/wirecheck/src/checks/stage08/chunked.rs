//! Bodies in chunks.

use super::CHUNKED;
use super::HOUSE;
use super::PROTOCOL;
use super::REFUSED;
use super::chunk_size_guessed;
use super::chunked;
use super::echoes;
use super::knows_post;
use super::split_everywhere;
use crate::check::Check;
use crate::check::Harm;
use crate::rows::CHUNK_SIZE;
use crate::rows::CHUNKS;
use crate::rows::gives_back;
use crate::rows::refused;
use crate::server::post_head;

pub(in crate::checks) const CHECKS: &[Check] = &[
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
        harm: Harm::Loses,
        ..HOUSE
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
        harm: Harm::LetsIn,
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
                "5;a=\"x\x01\"",
                "5;a=\"x\ry\"",
            ],
        ),
        harm: Harm::LetsIn,
        ..REFUSED
    },
    Check {
        name: "chunk-extension-endless",
        rule: "RFC 9112 §7.1.1: a recipient ought to limit the length of chunk extensions",
        sends: "a chunk extension of 1 MB whose line never ends; and 200 chunks with 100 bytes of extension each",
        expects: "a 4xx, readable though the client still sends",
        hint: "A chunk's line has a limit like any other line, and so have all of them together.",
        run: |server| {
            let chunk = format!("1;{}\r\nx\r\n", "a".repeat(100));
            let many = server.ask(chunked(&format!("{}0\r\n\r\n", chunk.repeat(200))))?;
            many.status_in(&[400, 413, 431])?;
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
];
