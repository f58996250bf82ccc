//! The exercises of chapter 12.

use std::fs;

use super::exercise;
use crate::answer::Answer;
use crate::check::Check;
use crate::check::Failure;
use crate::check::Verdict;
use crate::server::Server;
use crate::server::get_with;
use crate::site::Site;

const EXERCISE: Check = exercise(12);

pub(super) const EXERCISES: &[Check] = &[
    Check {
        name: "12-immutable",
        rule: "RFC 8246: a file whose name has a checksum in it never changes; RFC 9110 §15.4.5: its 304 says so, too",
        sends: "GET for files with and without eight hexadecimal digits between two dots of the name, and again with their tags",
        expects: "Cache-Control: max-age=31536000, immutable for app.3f2a9c1b.js and its like; for the others only what --max-age says",
        hint: "Only the last segment of the path counts, and in it what stands between two dots.",
        run: immutable,
        ..EXERCISE
    },
    Check {
        name: "12-page",
        rule: "RFC 9110 §8.8.3 and §13.1: a page that a handler makes may have a tag, and then its conditions are judged",
        sends: "GET and HEAD /hello, and again with its tag; with another name; with If-Match; GET /teapot and POST /",
        expects: "an ETag, the same for the same page only; 304, 200 and 412 as for a file; no tag where the status isn't 200, or for a POST",
        hint: "Hash the body. Judge with a copy of the request, after the handler has made the page.",
        run: page,
        ..EXERCISE
    },
];

const FOR_EVER: &str = "max-age=31536000, immutable";

fn immutable(server: &Server) -> Verdict {
    for flags in [&[] as &[&str], &["--max-age", "60"]] {
        let site = Site::new(server, flags)?;
        let others = match flags.is_empty() || !server.is_ours() {
            true => Vec::new(),
            false => vec!["max-age=60".to_string()],
        };
        for (name, is_hashed) in [
            ("app.3f2a9c1b.js", true),
            ("app.min.0123456789ABCDEF.css", true),
            ("style.css", false),
            ("app.3f2a9c1.js", false),
            ("app.3f2a9c1g.js", false),
            ("3f2a9c1b.js", false),
            ("app.3f2a9c1b", false),
            ("no-extension", false),
            ("v.3f2a9c1b.d/app.js", false),
        ] {
            let path = site.root().join(name);
            let folder = path.parent().map_or(Ok(()), fs::create_dir_all);
            folder
                .and_then(|()| fs::write(&path, name))
                .map_err(|e| Failure::new(format!("the checker cannot write a file: {e}")))?;
            let target = format!("/{name}");
            let answer = site.server.get(&target)?;
            answer.status(200)?;
            let line = format!("If-None-Match: {}\r\n", answer.field("ETag")?);
            let again = site.server.ask(get_with(&target, &line))?;
            again.status(304)?;
            for answer in [answer, again] {
                if is_hashed {
                    answer.field_is("Cache-Control", FOR_EVER)?;
                } else if server.is_ours() {
                    says_no_more(&answer, &others)?;
                }
            }
        }
    }
    Ok(())
}

fn says_no_more(answer: &Answer, wanted: &[String]) -> Verdict {
    let found = answer.values("Cache-Control");
    answer.ensure(
        found == wanted,
        format!("Cache-Control should be {wanted:?} and is {found:?}"),
    )
}

fn page(server: &Server) -> Verdict {
    let first = server.get("/hello")?;
    first.status(200)?;
    let tag = first.field("ETag")?;
    first.ensure(
        tag.len() > 2 && tag.starts_with('"') && tag.ends_with('"'),
        format!("this is no strong tag: {tag}"),
    )?;
    for answer in [server.get("/hello")?, server.head("/hello")?] {
        answer.status(200)?;
        answer.field_is("ETag", &tag)?;
    }
    for method in ["GET", "HEAD"] {
        let asked = get_with("/hello", &format!("If-None-Match: {tag}\r\n"));
        let answer = server.ask(asked.replacen("GET", method, 1))?;
        answer.status(304)?;
        answer.field_is("ETag", &tag)?;
    }
    let other = server.ask(get_with(
        "/hello?name=Ada",
        &format!("If-None-Match: {tag}\r\n"),
    ))?;
    other.status(200)?;
    other.ensure(other.field("ETag")? != tag, "another page has the same tag")?;
    server
        .ask(get_with("/hello", "If-Match: \"wirecheck\"\r\n"))?
        .status(412)?;
    let long_ago = "If-Modified-Since: Sat, 29 Oct 1994 19:43:31 GMT\r\n";
    server.ask(get_with("/hello", long_ago))?.status(200)?;
    let teapot = server.ask(get_with("/teapot", "If-None-Match: *\r\n"))?;
    teapot.status(418)?;
    let posted = server.post("/", "text")?;
    for answer in [teapot, posted] {
        answer.ensure(
            answer.values("ETag").is_empty(),
            "only a page with 200 that was asked for with GET has a tag",
        )?;
    }
    Ok(())
}
