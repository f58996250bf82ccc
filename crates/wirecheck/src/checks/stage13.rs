//! Stage 13 sends parts of files. Nobody has to; who does has rules to keep.

use std::fs;

use super::house;
use super::must;
use super::should;
use super::stage12::LONG_AGO;
use super::stage12::OTHER;
use super::stage12::Page;
use super::stage12::weak;
use crate::answer::Answer;
use crate::check::Check;
use crate::check::Failure;
use crate::check::Verdict;
use crate::pages;
use crate::pages::MISSING;
use crate::server::Server;
use crate::server::get_with;
use crate::server::post_head;
use crate::site::BIG;
use crate::site::Site;

const HOUSE: Check = house(13);

const RANGE: Check = Check {
    hint: "Content-Range says which bytes: `bytes 0-9/186`. Both ends count, so ten bytes end at 9.",
    ..must(13)
};

pub(super) const CHECKS: &[Check] = &[
    Check {
        name: "accept-ranges",
        rule: "RFC 9110 §14.3: Accept-Ranges: bytes says that ranges may be asked for",
        sends: "GET and HEAD /style.css",
        expects: "Accept-Ranges: bytes",
        hint: "A client that has lost its connection looks for it before it tries to resume.",
        run: |server| {
            let site = Site::new(server, &[])?;
            site.server
                .get("/style.css")?
                .field_is("Accept-Ranges", "bytes")?;
            site.server
                .head("/style.css")?
                .field_is("Accept-Ranges", "bytes")
        },
        ..HOUSE
    },
    Check {
        name: "range-served",
        rule: "Stage 13: one range of a file",
        sends: "GET /plain.txt with Range: bytes=0-9 · bytes=3- · bytes=-4 · bytes=-9999999 · bytes=0-0 · Bytes=0-9",
        expects: "206 with just these bytes, and their number as Content-Length",
        hint: "Seek, and send as much as the range has.",
        run: |server| {
            let site = Site::new(server, &[])?;
            let whole = site.server.get("/plain.txt")?.body;
            let end = whole.len();
            for (range, first, end) in [
                ("bytes=0-9", 0, 10),
                ("bytes=3-", 3, end),
                ("bytes=-4", end - 4, end),
                ("bytes=-9999999", 0, end),
                ("bytes=0-0", 0, 1),
                ("Bytes=0-9", 0, 10),
            ] {
                let line = format!("Range: {range}\r\n");
                let answer = site.server.ask(get_with("/plain.txt", &line))?;
                answer.status(206)?;
                answer.field_is("Content-Length", &(end - first).to_string())?;
                answer.body_is(&whole[first..end])?;
            }
            Ok(())
        },
        ..HOUSE
    },
    Check {
        name: "range-first-bytes",
        rule: "RFC 9110 §15.3.7.1: a 206 MUST say in Content-Range which bytes it brings",
        sends: "GET with Range: bytes=0-9",
        expects: "206 with Content-Range: bytes 0-9/LENGTH and ten bytes; or the whole with 200",
        run: |server| part(server, "bytes=0-9", 0, |length| 9.min(length - 1)),
        ..RANGE
    },
    Check {
        name: "range-from-on",
        rule: "RFC 9110 §14.1.2: `10-` is all from byte 10 on",
        sends: "GET with Range: bytes=10-",
        expects: "206 with the rest; or the whole with 200",
        run: |server| part(server, "bytes=10-", 10, |length| length - 1),
        ..RANGE
    },
    Check {
        name: "range-of-the-end",
        rule: "RFC 9110 §14.1.2: `-10` is the last ten bytes",
        sends: "GET with Range: bytes=-10",
        expects: "206 with the end of the page; or the whole with 200",
        run: |server| {
            let page = whole(server)?;
            let first = page.answer.body.len().saturating_sub(10);
            part(server, "bytes=-10", first, |length| length - 1)
        },
        ..RANGE
    },
    Check {
        name: "range-of-more-than-there-is",
        rule: "RFC 9110 §14.1.2: if there are fewer bytes than `-9999999` asks for, it means all; §14.2: a server SHOULD then send a 206",
        sends: "GET with Range: bytes=-9999999",
        expects: "206 with all of the page; or the whole with 200",
        hint: "If the end is longer than the page, begin at its first byte.",
        run: |server| part(server, "bytes=-9999999", 0, |length| length - 1),
        ..should(13)
    },
    Check {
        name: "range-longer-than-the-page",
        rule: "RFC 9110 §14.1.2: a last byte behind the end means the end",
        sends: "GET with Range: bytes=5-9999999",
        expects: "206 with all from byte 5 on; or the whole with 200",
        run: |server| part(server, "bytes=5-9999999", 5, |length| length - 1),
        ..RANGE
    },
    Check {
        name: "range-with-numbers-too-large",
        rule: "RFC 9110 §14.1.2: a recipient MUST anticipate large numbers, and prevent errors of overflow",
        sends: "GET with Range: bytes=5-99999999999999999999 · bytes=5-18446744073709551615 · bytes=-99999999999999999999 · bytes=99999999999999999999-",
        expects: "206 with all from byte 5 on, twice; 206 with all; 416",
        hint: "A number that doesn't fit is larger than any file. Add one only if there is room for it.",
        run: |server| {
            let page = whole(server)?;
            let last = page.answer.body.len() - 1;
            for (range, first) in [
                ("5-99999999999999999999", 5),
                ("5-18446744073709551615", 5),
                ("-99999999999999999999", 0),
            ] {
                let answer = page.ask("GET", &format!("Range: bytes={range}"))?;
                answer.status(206)?;
                is_part(&answer, &page.answer.body, first, last)?;
            }
            page.ask("GET", "Range: bytes=99999999999999999999-")?
                .status(416)
        },
        ..HOUSE
    },
    Check {
        name: "range-behind-the-end",
        rule: "RFC 9110 §15.5.17: 416 SHOULD say in Content-Range how long it is: bytes */LENGTH",
        sends: "GET with Range: bytes=9999999- and bytes=-0",
        expects: "416 with Content-Range: bytes */LENGTH, and nothing of the page; or the whole with 200",
        hint: "The client learns from the length what it may ask for.",
        run: |server| {
            let page = whole(server)?;
            let length = page.answer.body.len();
            for range in ["9999999-", "-0"] {
                let answer = page.ask("GET", &format!("Range: bytes={range}"))?;
                if answer.status == 200 {
                    continue;
                }
                answer.status(416)?;
                answer.field_is("Content-Range", &format!("bytes */{length}"))?;
                answer.ensure(answer.body != page.answer.body, "the page comes with a 416")?;
            }
            Ok(())
        },
        ..should(13)
    },
    Check {
        name: "range-in-another-unit",
        rule: "RFC 9110 §14.2: an origin server MUST ignore a Range in a unit that it does not know",
        sends: "GET with Range: lines=0-9",
        expects: "200 and the page",
        run: |server| is_whole(&whole(server)?, "Range: lines=0-9"),
        ..RANGE
    },
    Check {
        name: "range-that-is-none",
        rule: "RFC 9110 §14.2: a server MAY ignore or refuse a Range that it cannot read; ours ignore it",
        sends: "GET with Range: bytes=9-5 · bytes=a-b · bytes=- · bytes · bytes=+1-2 · bytes=0-9-",
        expects: "200 and the page",
        hint: "What you cannot read you did not get.",
        run: |server| {
            let page = whole(server)?;
            for range in [
                "bytes=9-5",
                "bytes=a-b",
                "bytes=-",
                "bytes",
                "bytes=+1-2",
                "bytes=0-9-",
            ] {
                is_whole(&page, &format!("Range: {range}"))?;
            }
            Ok(())
        },
        ..HOUSE
    },
    Check {
        name: "several-ranges",
        rule: "RFC 9110 §14.2 and §15.3.7.2: a server MAY ignore several ranges; a 206 with several parts is multipart/byteranges, with a Content-Range in each",
        sends: "GET with Range: bytes=0-1,4-5",
        expects: "200 and the page; or 206 in parts, or 206 with one part and its Content-Range",
        hint: "Two ranges need a body in parts, multipart/byteranges. Few clients want it: send the whole.",
        run: |server| {
            let page = whole(server)?;
            let answer = page.ask("GET", "Range: bytes=0-1,4-5")?;
            if answer.status == 200 {
                return answer.body_is(&page.answer.body);
            }
            answer.status(206)?;
            let kind = answer.values("Content-Type").concat().to_ascii_lowercase();
            let in_parts = kind.starts_with("multipart/byteranges");
            let ranges = answer.values("Content-Range").len();
            answer.ensure(
                ranges == usize::from(!in_parts),
                "nobody can tell which bytes these are: neither one Content-Range nor multipart/byteranges",
            )
        },
        ..RANGE
    },
    Check {
        name: "range-said-twice",
        rule: "RFC 9110 §5.3: Range is no list, so nobody may send it twice; ours send the whole then",
        sends: "GET with Range: bytes=0-1 and Range: bytes=4-5",
        expects: "200 and the page",
        hint: "Which of the two is meant? Nobody knows, and the whole is always right.",
        run: |server| is_whole(&whole(server)?, "Range: bytes=0-1\r\nRange: bytes=4-5"),
        ..HOUSE
    },
    Check {
        name: "range-only-with-get",
        rule: "RFC 9110 §14.2: a server MUST ignore Range with a method for which it means nothing",
        sends: "HEAD with Range: bytes=0-4",
        expects: "200 and the length of the whole",
        run: |server| {
            let page = whole(server)?;
            let answer = page.ask("HEAD", "Range: bytes=0-4")?;
            answer.status(200)?;
            answer.ensure(
                answer.values("Content-Range").is_empty(),
                "there is a Content-Range in an answer to HEAD",
            )?;
            for length in answer.values("Content-Length") {
                let whole = page.answer.body.len().to_string();
                let says = format!("Content-Length is {length}, and the page has {whole} bytes");
                answer.ensure(length == whole, says)?;
            }
            Ok(())
        },
        ..RANGE
    },
    Check {
        name: "range-not-with-post",
        rule: "RFC 9110 §14.2: a server MUST ignore Range with a method for which it means nothing",
        sends: "POST with Range: bytes=0-4, to each page that takes one",
        expects: "what comes without it",
        run: |server| {
            for posts in &server.pages()?.post {
                let target = &posts.target;
                let ask = |line: &str| {
                    let lines = format!("Content-Length: 10\r\n{line}");
                    server.ask(post_head(target, &lines) + "0123456789")
                };
                let plain = ask("")?.status;
                let answer = ask("Range: bytes=0-4\r\n")?;
                answer.status(plain)?;
                answer.ensure(
                    !posts.shows_body || answer.text().contains("0123456789"),
                    "a part of the answer is missing",
                )?;
            }
            Ok(())
        },
        ..RANGE
    },
    Check {
        name: "if-range-own-tag",
        rule: "RFC 9110 §13.1.5: if the tag in If-Range is the page's own, the range is sent",
        sends: "GET with Range: bytes=0-4 and If-Range: the page's ETag, and its Last-Modified",
        expects: "206",
        hint: "If-Range means: if it is still this file, the part; if not, all of it.",
        run: |server| {
            let page = whole(server)?;
            for validator in [page.tag()?, page.date()?] {
                page.ask("GET", &format!("Range: bytes=0-4\r\nIf-Range: {validator}"))?
                    .status(206)?;
            }
            Ok(())
        },
        ..HOUSE
    },
    Check {
        name: "if-range-other-tag",
        rule: "RFC 9110 §13.1.5: if it is not, the server MUST ignore Range",
        sends: "GET with Range: bytes=0-4 and If-Range: another tag · the page's own as a weak one · a day of 1994",
        expects: "200 and the whole page",
        hint: "Else the client joins the halves of two files.",
        run: |server| {
            let page = whole(server)?;
            let mut others = vec![OTHER.to_string(), LONG_AGO.into()];
            others.extend(page.tag().map(|tag| weak(&tag)));
            for validator in others {
                is_whole(&page, &format!("Range: bytes=0-4\r\nIf-Range: {validator}"))?;
            }
            Ok(())
        },
        ..RANGE
    },
    Check {
        name: "range-after-conditions",
        rule: "RFC 9110 §13.2.2: Range is looked at last, after the conditions",
        sends: "GET with Range: bytes=0-4, and the page's own tag in If-None-Match",
        expects: "304",
        run: |server| {
            let page = whole(server)?;
            if page.answer.values("ETag").is_empty() && !server.is_ours() {
                return Err(Failure::Skipped("the page has no tag".into()));
            }
            let line = format!("Range: bytes=0-4\r\nIf-None-Match: {}", page.tag()?);
            page.ask("GET", &line)?.status(304)
        },
        ..RANGE
    },
    Check {
        name: "206-has-the-fields",
        rule: "RFC 9110 §15.3.7: a 206 MUST have Date, Cache-Control, ETag, Expires, Content-Location and Vary as the 200 would have",
        sends: "GET, and GET with Range: bytes=0-4",
        expects: "the same fields in both; or the whole with 200",
        run: |server| {
            let page = whole(server)?;
            let answer = page.ask("GET", "Range: bytes=0-4")?;
            answer.status_in(&[200, 206])?;
            answer.has_valid_date()?;
            for name in ["Cache-Control", "ETag", "Content-Location", "Vary"] {
                answer.ensure(
                    answer.values(name) == page.answer.values(name),
                    format!("{name} is not the same as in the 200"),
                )?;
            }
            Ok(())
        },
        ..RANGE
    },
    Check {
        name: "range-not-for-errors",
        rule: "RFC 9110 §14.2: Range is for what would be answered with 200",
        sends: "GET with Range: bytes=0-4 for a page that is not there",
        expects: "404, as without",
        run: |server| {
            let plain = server.get(MISSING)?.status;
            if plain < 400 {
                return Err(Failure::Skipped("a missing page gets a page".into()));
            }
            let answer = server.ask(get_with(MISSING, "Range: bytes=0-4\r\n"))?;
            answer.status(plain)
        },
        ..RANGE
    },
    Check {
        name: "range-of-nothing",
        rule: "RFC 9110 §14.1.2: an empty file has no first byte",
        sends: "GET /empty.txt with Range: bytes=0- and bytes=-5",
        expects: "416 with bytes */0",
        hint: "Zero bytes minus one is a large number.",
        run: |server| {
            let site = Site::new(server, &[])?;
            for range in ["0-", "-5"] {
                let line = format!("Range: bytes={range}\r\n");
                let answer = site.server.ask(get_with("/empty.txt", &line))?;
                answer.status(416)?;
                answer.field_is("Content-Range", "bytes */0")?;
            }
            Ok(())
        },
        ..HOUSE
    },
    Check {
        name: "range-from-the-middle",
        rule: "Stage 13: the part is the right one, wherever it is",
        sends: "GET for a file of 10 MB with Range: bytes=5000000-8999999, and with bytes=9999990-",
        expects: "206 with just these bytes",
        hint: "Seek to the first byte, and stop after the last: the length of the part is what is still to be sent.",
        run: |server| {
            let site = Site::new(server, &[])?;
            // A prime, so that a wrong place does not look like the right one.
            let bytes: Vec<u8> = (0..10_000_000_u32).map(|at| (at % 251) as u8).collect();
            fs::write(site.root().join("long.bin"), &bytes)
                .map_err(|e| Failure::new(format!("the checker cannot write long.bin: {e}")))?;
            for (range, first, end) in [
                ("5000000-8999999", 5_000_000, 9_000_000),
                ("9999990-", 9_999_990, 10_000_000),
            ] {
                let line = format!("Range: bytes={range}\r\n");
                let answer = site.server.ask(get_with("/long.bin", &line))?;
                answer.status(206)?;
                let part = format!("bytes {first}-{}/10000000", end - 1);
                answer.field_is("Content-Range", &part)?;
                answer.body_is(&bytes[first..end])?;
            }
            Ok(())
        },
        ..HOUSE
    },
    Check {
        name: "range-not-for-handlers",
        rule: "RFC 9110 §14.2: a server MAY ignore a Range; ours do so with pages that a handler makes",
        sends: "GET /hello with Range: bytes=0-4",
        expects: "200 and the page",
        hint: "Cut files only.",
        run: |server| {
            let whole = server.get("/hello")?.body;
            let answer = server.ask(get_with("/hello", "Range: bytes=0-4\r\n"))?;
            answer.status(200)?;
            answer.body_is(&whole)
        },
        ..HOUSE
    },
    Check {
        name: "range-keeps-the-connection",
        rule: "RFC 9112 §6.3: a 206 and a 416 end where their Content-Length says, and the connection goes on",
        sends: "on one connection: GET with Range: bytes=0-4, with bytes=9999999-, and without",
        expects: "three answers, the last one with the whole page; or `Connection: close` in the last one",
        hint: "Content-Length is that of the part. A client that waits for the rest of the file waits for ever.",
        run: |server| {
            let page = whole(server)?;
            let mut client = server.connect()?;
            for line in ["Range: bytes=0-4\r\n", "Range: bytes=9999999-\r\n", ""] {
                client.send(pages::get(&page.target).replacen(
                    "\r\n\r\n",
                    &format!("\r\n{line}\r\n"),
                    1,
                ));
                let answer = Answer::read_next(&mut client, false)?;
                if line.is_empty() {
                    answer.status(200)?;
                    answer.body_is(&page.answer.body)?;
                } else if answer.says_close() {
                    break;
                }
            }
            Ok(())
        },
        ..RANGE
    },
    Check {
        name: "range-of-a-big-file",
        rule: "House: a part is sent without reading what comes before it",
        sends: "GET /big.bin, 100 MB, with Range: bytes=99999990-99999999",
        expects: "206 with ten bytes, and the length of the whole",
        hint: "Seek: a file need not be read from its beginning.",
        run: |server| {
            let site = Site::new(server, &[])?;
            let line = "Range: bytes=99999990-99999999\r\n";
            let answer = site.server.ask(get_with("/big.bin", line))?;
            answer.status(206)?;
            answer.field_is("Content-Range", &format!("bytes 99999990-99999999/{BIG}"))?;
            answer.body_is(&[0; 10])
        },
        ..HOUSE
    },
];

/// A page of which parts can be asked for.
fn whole(server: &Server) -> Result<Page<'_>, Failure> {
    let page = Page::with(server, "Accept-Ranges")?;
    if page.answer.values("Accept-Ranges") != ["bytes"] || page.answer.body.len() < 20 {
        return Err(Failure::Skipped("no page has ranges".into()));
    }
    Ok(page)
}

fn is_whole(page: &Page, lines: &str) -> Verdict {
    let answer = page.ask("GET", lines)?;
    answer.status(200)?;
    answer.body_is(&page.answer.body)
}

fn part(server: &Server, range: &str, first: usize, last: fn(usize) -> usize) -> Verdict {
    let page = whole(server)?;
    let answer = page.ask("GET", &format!("Range: {range}"))?;
    is_part(
        &answer,
        &page.answer.body,
        first,
        last(page.answer.body.len()),
    )
}

fn is_part(answer: &Answer, whole: &[u8], first: usize, last: usize) -> Verdict {
    if answer.status == 200 {
        return answer.body_is(whole);
    }
    answer.status(206)?;
    let length = whole.len();
    answer.field_is("Content-Range", &format!("bytes {first}-{last}/{length}"))?;
    answer.body_is(&whole[first..=last])
}
