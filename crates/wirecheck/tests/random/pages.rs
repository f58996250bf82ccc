//! Requests for what handlers make: pages, echoes, refusals. Most carry a number that must come
//! back, so that no answer can pass for another.

use fastrand::Rng;

use crate::files::Codings;
use crate::files::Folder;
use crate::gzip;
use crate::kept::Ask;
use crate::kept::Body;
use crate::kept::Coding;
use crate::kept::Manner;
use crate::kept::Wanted;
use crate::pick;
use crate::random_bytes;

/// `--max-body` of the server, in bytes: small, so that it costs little to go beyond it.
pub const MAX_BODY: usize = 128 * 1024;

/// After these nobody can say where the next request begins, or we needn't (RFC 9112 §2.2, §6.3).
const REFUSED: &[(&str, u16)] = &[
    ("GET /hello\r\n\r\n", 400),
    ("GET  /hello HTTP/1.1\r\nHost: a\r\n\r\n", 400),
    ("GET /hello HTTP/1.1\r\n\r\n", 400),
    ("GET /hello HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n", 400),
    ("GET /hello HTTP/1.1\r\nHost : a\r\n\r\n", 400),
    ("GET /hello HTTP/1.1\r\nHost: a\r\nX: b\r\n c\r\n\r\n", 400),
    ("GET /hello HTTP/1.1\r\nHost: a\r\nX: b\rc\r\n\r\n", 400),
    ("GET /hello#a HTTP/1.1\r\nHost: a\r\n\r\n", 400),
    ("GET /hello HTTP/2.0\r\nHost: a\r\n\r\n", 505),
    ("BREW /hello HTTP/1.1\r\nHost: a\r\n\r\n", 501),
    (
        "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello!",
        400,
    ),
    (
        "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: +5\r\n\r\nhello",
        400,
    ),
    (
        "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999999999999999\r\n\r\n",
        413,
    ),
    (
        "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 131073\r\n\r\n",
        413,
    ),
    (
        "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        400,
    ),
    (
        "POST /echo HTTP/1.0\r\nConnection: keep-alive\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        400,
    ),
    (
        "POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip\r\n\r\n",
        400,
    ),
    (
        "POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
        501,
    ),
    (
        "POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nx\r\n0\r\n\r\n",
        400,
    ),
    (
        "POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello!\r\n0\r\n\r\n",
        400,
    ),
    (
        "POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\nhello\r\n0\r\n\r\n",
        400,
    ),
    (
        "POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nfffffffff\r\n",
        413,
    ),
];

pub fn refused(rng: &mut Rng) -> Ask {
    if rng.u8(..16) == 0 {
        // Each request has 8,000 bytes for its first line, whatever those before have taken.
        let line = format!("GET /hello?{} HTTP/1.1\r\n\r\n", "a".repeat(9000));
        return Ask::refused(&line, 414);
    }
    let (bytes, status) = pick(REFUSED, rng);
    Ask::refused(bytes, status)
}

/// A page, or none.
pub fn page(stage: u8, rng: &mut Rng) -> Ask {
    let manner = Manner::new(rng);
    let codings = Codings::new(rng);
    let number = rng.u32(..);
    let says = |text: String| Body::Says(text);
    let (method, target, mut wanted) = match rng.u8(..16) {
        0 => (
            "GET",
            format!("/nowhere/{number}"),
            Wanted::new(404, says(format!("/nowhere/{number}"))),
        ),
        1 => (
            "GET",
            "/home".to_string(),
            Wanted::new(301, Body::Any).field("Location", "/"),
        ),
        2 => ("GET", "/teapot".to_string(), Wanted::new(418, Body::Any)),
        3 => (
            "DELETE",
            "/hello".to_string(),
            Wanted::new(405, Body::Any).field("Allow", "GET, HEAD"),
        ),
        4 if rng.u8(..64) == 0 => (
            "GET",
            // Rare: each writes a message about itself.
            pick(&["/fail", "/panic"], rng).to_string(),
            Wanted::new(500, Body::Any),
        ),
        5..8 => {
            // From 1 KiB on it may be packed.
            let rest = "a".repeat(rng.usize(..2000));
            (
                "GET",
                format!("/query?number={number}&rest={rest}"),
                Wanted::new(200, says(format!("<li>number = {number}</li>"))),
            )
        }
        8 => (
            "HEAD",
            format!("/hello?name={number}"),
            Wanted::new(200, Body::Any),
        ),
        _ => (
            "GET",
            format!("/hello?name={number}"),
            Wanted::new(200, says(format!("Hello, {number}!"))),
        ),
    };
    wanted.coding = Coding::IfItPays(stage >= 14 && codings.wants_gzip(&manner));
    // A GET may have a body. It means nothing, and must not be taken for a request.
    let body = match rng.u8(..16) {
        0 => Some(&b"GET /teapot HTTP/1.1\r\nHost: a\r\n\r\n"[..]),
        1 => Some(&b""[..]),
        _ => None,
    };
    Ask::new((method, &target), manner, codings.lines, body, wanted, rng)
}

/// A body that is sent back, packed or not (stage 14).
pub fn echo(stage: u8, folder: &Folder, rng: &mut Rng) -> Ask {
    let manner = Manner::new(rng);
    let length = pick(&[0, 10, 100, 1000, 1000, 5000, 5000, MAX_BODY], rng);
    let mut plain = random_bytes(rng.usize(..=length), rng);
    match rng.u8(..16) {
        // What shrinks well.
        0..4 => plain.fill(b'a'),
        // What looks like the next request.
        4 => plain = b"\r\n\r\nGET /teapot HTTP/1.1\r\nHost: a\r\n\r\n".to_vec(),
        5 if rng.u8(..8) == 0 => plain = vec![b'b'; MAX_BODY],
        _ => {}
    }
    let mut wanted = Wanted::new(200, Body::Is(plain.clone()));
    if stage < 14 || rng.bool() {
        return Ask::new(
            ("POST", "/echo"),
            manner,
            Vec::new(),
            Some(&plain),
            wanted,
            rng,
        );
    }
    let mut coding = pick(&["gzip", "gzip", "x-gzip", "GZIP"], rng);
    let mut body = gzip::pack(&plain, rng.u32(..=6));
    match rng.u8(..16) {
        // Two, one behind the other, are one, too (RFC 1952 §2.2).
        0 => {
            let (a, b) = plain.split_at(rng.usize(..=plain.len()));
            body = [gzip::pack(a, 1), gzip::pack(b, 6)].concat();
        }
        // A part of it is nothing.
        1 => {
            body.truncate(rng.usize(1..body.len()));
            wanted = Wanted::new(400, Body::Any);
        }
        2 => {
            body = [b"no".to_vec(), random_bytes(50, rng)].concat();
            wanted = Wanted::new(400, Body::Any);
        }
        // A bomb: one byte too much, or a lot.
        3 => {
            body = folder.bombs[rng.usize(..folder.bombs.len())].clone();
            wanted = Wanted::new(413, Body::Any);
        }
        4 => {
            coding = pick(&["br", "deflate", "gzip, gzip", "gzipped"], rng);
            wanted = Wanted::new(415, Body::Any).field("Accept-Encoding", "gzip");
        }
        5 => {
            coding = "identity";
            body = plain;
        }
        _ => {}
    }
    // Many kinds of random bytes are longer packed than not.
    if body.len() > MAX_BODY {
        body = gzip::pack(b"less", 1);
        coding = "gzip";
        wanted = Wanted::new(200, Body::Is(b"less".to_vec()));
    }
    let lines = vec![format!("Content-Encoding: {coding}")];
    Ask::new(("POST", "/echo"), manner, lines, Some(&body), wanted, rng)
}
