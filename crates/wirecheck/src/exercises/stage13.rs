//! The exercises of chapter 13.

use std::fs;

use super::exercise;
use crate::answer::Answer;
use crate::check::Check;
use crate::check::Failure;
use crate::check::Verdict;
use crate::server::Server;
use crate::server::get_with;
use crate::site::Site;

const EXERCISE: Check = exercise(13);

/// The length of the file: more than a MiB.
const LENGTH: u32 = 2_000_000;

pub(super) const EXERCISES: &[Check] = &[
    Check {
        name: "13-none",
        rule: "RFC 9110 §14.3: Accept-Ranges: none tells a client not to try",
        sends: "GET and HEAD /hello, GET /teapot and GET /style.css",
        expects: "Accept-Ranges: none from the handlers, bytes from the file, each once",
        hint: "Push the field where the handlers are called.",
        run: none,
        ..EXERCISE
    },
    Check {
        name: "13-multipart",
        rule: "RFC 9110 §14.6 and §15.3.7.2: several parts are multipart/byteranges, a Content-Range in each",
        sends: "GET with several ranges for a file of 2,000,000 bytes: in order, out of order, with spaces, some or all of them behind the end, one of them malformed; eleven; more than a MiB in all; with an If-Range that doesn't fit; HEAD",
        expects: "206 with exactly these parts; 416 if there is none; the whole with 200 for the last five",
        hint: "--BOUNDARY, the part's own fields, an empty line, its bytes; at last --BOUNDARY--.",
        run: multipart,
        ..EXERCISE
    },
];

fn none(server: &Server) -> Verdict {
    for answer in [
        server.get("/hello")?,
        server.head("/hello")?,
        server.get("/teapot")?,
    ] {
        answer.field_is("Accept-Ranges", "none")?;
    }
    let site = Site::new(server, &[])?;
    let answer = site.server.get("/style.css")?;
    answer.field_is("Accept-Ranges", "bytes")
}

fn multipart(server: &Server) -> Verdict {
    let site = Site::new(server, &[])?;
    // A prime, so that a wrong place does not look like the right one.
    let bytes: Vec<u8> = (0..LENGTH).map(|at| (at % 251) as u8).collect();
    fs::write(site.root().join("long.bin"), &bytes)
        .map_err(|e| Failure::new(format!("the checker cannot write long.bin: {e}")))?;
    let ask = |lines: &str| site.server.ask(get_with("/long.bin", lines));
    for (range, wanted) in [
        ("bytes=0-1,4-5", &[(0, 1), (4, 5)][..]),
        (
            "bytes=1999990-,0-0,-10",
            &[(1_999_990, 1_999_999), (0, 0), (1_999_990, 1_999_999)],
        ),
        ("bytes=0-9 ,\t1000-1009", &[(0, 9), (1000, 1009)]),
        (
            "bytes=0-9,9999999-,500000-1499999",
            &[(0, 9), (500_000, 1_499_999)],
        ),
    ] {
        let answer = ask(&format!("Range: {range}\r\n"))?;
        answer.status(206)?;
        has_parts(&answer, wanted, &bytes)?;
    }
    let answer = ask("Range: bytes=9999999-,2000000-2000009\r\n")?;
    answer.status(416)?;
    answer.field_is("Content-Range", &format!("bytes */{LENGTH}"))?;
    let answer = ask("Range: bytes=100-199\r\n")?;
    answer.status(206)?;
    answer.field_is("Content-Range", &format!("bytes 100-199/{LENGTH}"))?;
    answer.body_is(&bytes[100..200])?;
    let eleven = ["0-9"; 11].join(",");
    for lines in [
        "Range: bytes=0-1,x-5\r\n".to_string(),
        format!("Range: bytes={eleven}\r\n"),
        "Range: bytes=0-999999,1-1000000\r\n".to_string(),
        "Range: bytes=0-1,4-5\r\nIf-Range: \"wirecheck\"\r\n".to_string(),
    ] {
        let answer = ask(&lines)?;
        answer.status(200)?;
        answer.body_is(&bytes)?;
    }
    let head = get_with("/long.bin", "Range: bytes=0-1,4-5\r\n").replacen("GET", "HEAD", 1);
    site.server.ask(head)?.status(200)
}

/// RFC 2046 §5.1.1: what is between the boundaries, as strictly as curl's users read it.
fn has_parts(answer: &Answer, wanted: &[(usize, usize)], bytes: &[u8]) -> Verdict {
    let kind = answer.field("Content-Type")?;
    let boundary = kind.strip_prefix("multipart/byteranges; boundary=");
    let Some(boundary) = boundary.map(|text| text.trim_matches('"')) else {
        return Err(answer.wrong(format!("Content-Type is {kind:?}")));
    };
    answer.ensure(
        answer.values("Content-Range").is_empty(),
        "a Content-Range in the head: there is none for all parts",
    )?;
    let mut rest = &answer.body[..];
    for (at, &(first, last)) in wanted.iter().enumerate() {
        let part = format!("part {} (bytes {first}-{last})", at + 1);
        let start = format!("--{boundary}\r\n");
        let Some(after) = rest.strip_prefix(start.as_bytes()) else {
            return Err(answer.wrong(format!("{part} does not begin with the boundary")));
        };
        let Some(end) = after.windows(4).position(|four| four == b"\r\n\r\n") else {
            return Err(answer.wrong(format!("{part} has no empty line after its fields")));
        };
        let head = String::from_utf8_lossy(&after[..end]).to_ascii_lowercase();
        let has = |line: &str| head.split("\r\n").any(|own| own == line);
        let right = has(&format!("content-range: bytes {first}-{last}/{LENGTH}"))
            && has("content-type: application/octet-stream");
        answer.ensure(right, format!("the fields of {part} are {head:?}"))?;
        let content = [&bytes[first..=last], b"\r\n"].concat();
        let Some(after) = after[end + 4..].strip_prefix(&content[..]) else {
            return Err(answer.wrong(format!("{part} has other bytes, or no CRLF behind them")));
        };
        rest = after;
    }
    let end = format!("--{boundary}--");
    answer.ensure(
        rest.strip_suffix(b"\r\n").unwrap_or(rest) == end.as_bytes(),
        "the last part is not followed by the last boundary",
    )
}
