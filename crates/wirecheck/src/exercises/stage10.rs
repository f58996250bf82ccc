//! The exercises of chapter 10, and of the chapter that follows it.

use std::fs;

use super::exercise;
use crate::check::Check;
use crate::check::Failure;
use crate::check::Verdict;
use crate::server::Server;
use crate::server::get_with;
use crate::site::BIG;
use crate::site::Site;

const EXERCISE: Check = exercise(10);

pub(super) const EXERCISES: &[Check] = &[
    Check {
        name: "10-second-variable",
        rule: "/kittens shows the name from the query under each kitten, escaped",
        sends: "GET /kittens?size=100&name=Tom, without a name, with an empty one, and with names that are HTML or {{size}}",
        expects: "the name at least as often as there are pictures; `A kitten` without one, or with an empty one",
        hint: "Escape the name, and put it into the page after the size.",
        run: second_variable,
        ..EXERCISE
    },
    Check {
        name: "10-cookie",
        rule: "RFC 6265 §4: Set-Cookie sets it, Cookie brings it back, joined to others by `; `",
        sends: "GET /visits without a cookie; with visits=41, alone, among others, and beside xvisits=7; with one that is no number; with the largest u32",
        expects: "Set-Cookie: visits=1, then visits=42, and 42 in the page; 1 for nonsense; no panic",
        hint: "Split at `; `, strip `visits=`, parse, saturating_add.",
        run: cookie,
        ..EXERCISE
    },
    Check {
        name: "10-range",
        rule: "RFC 9110 §14.2 and §15.3.7: 206 with Content-Range; §15.5.17: 416; §13.1.5: If-Range",
        sends: "GET with Range for a file of 200,000 bytes: the first ten, the last ten, the rest, one, too many; behind the end; units and forms that do not exist; with If-Range; HEAD",
        expects: "206 and exactly these bytes; 416 with Content-Range: bytes */200000; the whole file with 200 for what a server must ignore",
        hint: "First and last are both included: 0-9 is ten bytes. Cut the last at the end of the file.",
        run: range,
        ..EXERCISE
    },
];

fn second_variable(server: &Server) -> Verdict {
    for (query, name) in [
        ("?size=100&name=Tom", "Tom"),
        ("?name=Zo%C3%AB&size=100", "Zo\u{eb}"),
        ("?size=100&name=%3Cb%3E%26", "&lt;b&gt;&amp;"),
        ("?size=100&name=%7B%7Bsize%7D%7D", "{{size}}"),
        ("?size=100", "A kitten"),
        ("?size=100&name=", "A kitten"),
    ] {
        let page = server.get(&format!("/kittens{query}"))?;
        page.status(200)?;
        page.page_has("width=\"100\"")?;
        page.page_lacks("<b>")?;
        let text = page.text();
        let (names, kittens) = (text.matches(name).count(), text.matches("<img").count());
        page.ensure(
            names >= kittens.max(1),
            format!("{kittens} kittens, and the name {name:?} {names} times"),
        )?;
    }
    Ok(())
}

fn cookie(server: &Server) -> Verdict {
    for (line, visits) in [
        ("", "1"),
        ("Cookie: visits=41\r\n", "42"),
        ("Cookie: theme=dark; visits=41; xvisits=7\r\n", "42"),
        ("Cookie: xvisits=7; visits=41\r\n", "42"),
        ("Cookie: xvisits=41\r\n", "1"),
        ("Cookie: visits=many\r\n", "1"),
        ("Cookie: visits=-5; visits\r\n", "1"),
        ("Cookie: visits=4294967295\r\n", "4294967295"),
    ] {
        let answer = server.ask(get_with("/visits", line))?;
        answer.status(200)?;
        answer.page_has(visits)?;
        let cookie = answer.field("Set-Cookie")?;
        let pair = cookie.split(';').next().unwrap_or_default();
        answer.ensure(
            pair == format!("visits={visits}"),
            format!("Set-Cookie should be visits={visits} and is {cookie}"),
        )?;
    }
    Ok(())
}

fn range(server: &Server) -> Verdict {
    let site = Site::new(server, &[])?;
    // A prime, so that a wrong place does not look like the right one.
    let bytes: Vec<u8> = (0..200_000u32).map(|at| (at % 251) as u8).collect();
    fs::write(site.root().join("long.bin"), &bytes)
        .map_err(|e| Failure::new(format!("the checker cannot write long.bin: {e}")))?;
    let ask = |target: &str, lines: &str| site.server.ask(get_with(target, lines));
    for (range, first, last) in [
        ("bytes=0-9", 0, 9),
        ("bytes=199990-", 199_990, 199_999),
        ("bytes=-10", 199_990, 199_999),
        ("bytes=100000-100000", 100_000, 100_000),
        ("bytes=1000-180000", 1000, 180_000),
        ("bytes=199990-999999", 199_990, 199_999),
        ("bytes=-999999", 0, 199_999),
    ] {
        let answer = ask("/long.bin", &format!("Range: {range}\r\n"))?;
        answer.status(206)?;
        let part = format!("bytes {first}-{last}/200000");
        answer.field_is("Content-Range", &part)?;
        answer.body_is(&bytes[first..=last])?;
    }
    for range in ["bytes=200000-", "bytes=200000-200009"] {
        let answer = ask("/long.bin", &format!("Range: {range}\r\n"))?;
        answer.status(416)?;
        answer.field_is("Content-Range", "bytes */200000")?;
    }
    // RFC 9110 §14.2: a server MAY ignore any range; an invalid one it may refuse, too.
    for range in [
        "Bytes=0-9",
        "bytes=0-1,5-6",
        "bytes=-0",
        "bytes=9-0",
        "bytes=a-b",
        "bytes=+5-9",
        "bytes=5",
    ] {
        let answer = ask("/long.bin", &format!("Range: {range}\r\n"))?;
        answer.status_in(match range {
            "Bytes=0-9" | "bytes=0-1,5-6" => &[200, 206],
            "bytes=-0" => &[200, 416],
            _ => &[200, 400, 416],
        })?;
    }
    for lines in [
        "Range: lines=0-9\r\n",
        "Range: bytes=0-9\r\nIf-Range: \"wirecheck\"\r\n",
        "",
    ] {
        let answer = ask("/long.bin", lines)?;
        answer.status(200)?;
        answer.body_is(&bytes)?;
    }
    let head = get_with("/long.bin", "Range: bytes=0-9\r\n").replacen("GET", "HEAD", 1);
    let head = site.server.ask(head)?;
    head.status(200)?;
    head.field_is("Content-Length", "200000")?;
    ask("/nowhere.bin", "Range: bytes=0-9\r\n")?.status(404)?;
    ask("/style.css", "Range: bytes=0-3\r\n")?.status_in(&[200, 206])?;
    let answer = ask("/big.bin", "Range: bytes=-5\r\n")?;
    answer.status(206)?;
    let part = format!("bytes {}-{}/{BIG}", BIG - 5, BIG - 1);
    answer.field_is("Content-Range", &part)?;
    answer.body_is(&[0; 5])
}
