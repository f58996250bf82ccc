//! Stage 12 lets a client keep what it has: validators, and the conditions that are made of them.

use std::fs;
use std::fs::File;
use std::time::Duration;
use std::time::SystemTime;

use super::house;
use super::must;
use super::should;
use crate::answer::Answer;
use crate::check::Check;
use crate::check::Failure;
use crate::check::Verdict;
use crate::pages::MISSING;
use crate::server::Server;
use crate::server::get_with;
use crate::server::request;
use crate::site::Site;

const HOUSE: Check = house(12);

const CONDITION: Check = Check {
    hint: "Evaluate the conditions in the order of RFC 9110 §13.2.2, once you know that the answer would be 200.",
    ..must(12)
};

/// A tag that no server has given.
pub(super) const OTHER: &str = "\"wirecheck-has-made-this-up\"";

/// Long ago, in the form that is sent today.
pub(super) const LONG_AGO: &str = "Sat, 29 Oct 1994 19:43:31 GMT";

pub(super) const CHECKS: &[Check] = &[
    Check {
        name: "validators",
        rule: "RFC 9110 §8.8: an origin server SHOULD send validators for what it can tell apart",
        sends: "GET /style.css",
        expects: "a strong ETag, and Last-Modified with the file's time",
        hint: "Size and modification time, to the nanosecond, make a tag: \"1f4-6b0bfff0-292c04dd\".",
        run: |server| {
            let site = Site::new(server, &[])?;
            let answer = site.server.get("/style.css")?;
            let tag = answer.field("ETag")?;
            let strong = tag.len() > 2 && tag.starts_with('"') && tag.ends_with('"');
            answer.ensure(strong, format!("this is no strong tag: {tag}"))?;
            let time = fs::metadata(site.root().join("style.css"))
                .and_then(|metadata| metadata.modified())
                .map_err(|e| Failure::new(e.to_string()))?;
            answer.field_is("Last-Modified", &httpdate::fmt_http_date(time))
        },
        ..HOUSE
    },
    Check {
        name: "etag-grammar",
        rule: "RFC 9110 §8.8.3: entity-tag = [ W/ ] DQUOTE *etagc DQUOTE",
        sends: "GET for each page that is known",
        expects: "no ETag, or one in quotes",
        hint: "The quotes belong to the tag.",
        run: |server| {
            for target in &server.pages()?.get {
                let answer = server.get(target)?;
                for tag in answer.values("ETag") {
                    let opaque = tag.strip_prefix("W/").unwrap_or(&tag);
                    let inside = opaque
                        .strip_prefix('"')
                        .and_then(|rest| rest.strip_suffix('"'));
                    let right = inside.is_some_and(|text| !text.contains(['"', ' ']));
                    answer.ensure(right, format!("this is no tag: {tag}"))?;
                }
            }
            Ok(())
        },
        ..must(12)
    },
    Check {
        name: "last-modified-not-in-the-future",
        rule: "RFC 9110 §8.8.2.1: an origin server MUST NOT send a Last-Modified that is later than Date",
        sends: "GET for each page that is known (ours: for a file from next year, too)",
        expects: "no Last-Modified, or a valid date that is not later than Date",
        hint: "Take the earlier of the file's time and now.",
        run: |server| {
            for target in &server.pages()?.get {
                not_in_the_future(&server.get(target)?)?;
            }
            if !server.is_ours() {
                return Ok(());
            }
            let site = Site::new(server, &[])?;
            set_time(&site, SystemTime::now() + Duration::from_secs(365 * 86_400))?;
            let answer = site.server.get("/plain.txt")?;
            answer.field("Last-Modified")?;
            not_in_the_future(&answer)
        },
        ..must(12)
    },
    Check {
        name: "etag-changes-with-the-file",
        rule: "RFC 9110 §8.8.1: a strong validator changes whenever the bytes do",
        sends: "GET for a file, again after other bytes of the same length were written into it, and after its time was set back",
        expects: "another ETag each time",
        hint: "A second is too long: two versions of a file may be of the same second. Use the nanoseconds as well.",
        run: |server| {
            let site = Site::new(server, &[])?;
            let path = site.root().join("plain.txt");
            let mut tags = vec![site.server.get("/plain.txt")?.field("ETag")?];
            let length = fs::read(&path).map_or(0, |bytes| bytes.len());
            let write = |byte: u8| fs::write(&path, vec![byte; length]);
            write(b'a').map_err(|e| Failure::new(e.to_string()))?;
            tags.push(site.server.get("/plain.txt")?.field("ETag")?);
            set_time(&site, SystemTime::UNIX_EPOCH)?;
            let answer = site.server.get("/plain.txt")?;
            tags.push(answer.field("ETag")?);
            let differ = tags[0] != tags[1] && tags[1] != tags[2];
            answer.ensure(differ, format!("the tags were {}", tags.join(", ")))
        },
        ..HOUSE
    },
    Check {
        name: "file-before-1970",
        rule: "RFC 9110 §5.6.7: a date of HTTP is a date, whatever the clock that wrote the file said",
        sends: "GET for a file of 1960, and again with its tag",
        expects: "200 with a valid Last-Modified, or none; then 304",
        hint: "Some libraries panic at a date before 1970. Take the later of the two.",
        run: |server| {
            let site = Site::new(server, &[])?;
            set_time(
                &site,
                SystemTime::UNIX_EPOCH - Duration::from_secs(3650 * 86_400),
            )?;
            let answer = site.server.get("/plain.txt")?;
            answer.status(200)?;
            not_in_the_future(&answer)?;
            let line = format!("If-None-Match: {}\r\n", answer.field("ETag")?);
            site.server.ask(get_with("/plain.txt", &line))?.status(304)
        },
        ..HOUSE
    },
    Check {
        name: "if-none-match-own-tag",
        rule: "RFC 9110 §13.1.2: if the tag matches, GET and HEAD MUST get 304",
        sends: "GET and HEAD with If-None-Match: the page's own ETag",
        expects: "304, without a body",
        run: |server| {
            let page = Page::with(server, "ETag")?;
            for method in ["GET", "HEAD"] {
                page.ask(method, &format!("If-None-Match: {}", page.tag()?))?
                    .status(304)?;
            }
            Ok(())
        },
        ..CONDITION
    },
    Check {
        name: "condition-names-any-case",
        rule: "RFC 9110 §5.1: the names of fields are compared without case",
        sends: "GET with the page's own ETag in iF-nOnE-mAtCh",
        expects: "304",
        run: |server| {
            let page = Page::with(server, "ETag")?;
            page.ask("GET", &format!("iF-nOnE-mAtCh: {}", page.tag()?))?
                .status(304)
        },
        ..CONDITION
    },
    Check {
        name: "if-none-match-in-a-list",
        rule: "RFC 9110 §13.1.2: If-None-Match is a list of tags, and one that matches is enough",
        sends: "GET with the page's own ETag behind another one, and before it",
        expects: "304",
        run: |server| {
            let page = Page::with(server, "ETag")?;
            let tag = page.tag()?;
            for list in [format!("{OTHER}, {tag}"), format!("{tag} ,{OTHER}")] {
                page.ask("GET", &format!("If-None-Match: {list}"))?
                    .status(304)?;
            }
            Ok(())
        },
        ..CONDITION
    },
    Check {
        name: "if-none-match-weak",
        rule: "RFC 9110 §13.1.2: a recipient MUST compare weakly: W/ makes no difference",
        sends: "GET with the page's own ETag as a weak one",
        expects: "304",
        run: |server| {
            let page = Page::with(server, "ETag")?;
            let weak = weak(&page.tag()?);
            page.ask("GET", &format!("If-None-Match: {weak}"))?
                .status(304)
        },
        ..CONDITION
    },
    Check {
        name: "conditions-in-two-fields",
        rule: "RFC 9110 §5.3 and §13.1.3: two fields with a list are one list; with a date they are no date",
        sends: "GET with a made-up tag and the file's own in two fields; and with the file's date twice",
        expects: "304 for the tags; 200 for the dates",
        hint: "Join the values of all the fields with the name; a date is a date only if there's one.",
        run: |server| {
            let page = Page::with(server, "ETag")?;
            let (tag, date) = (page.tag()?, page.date()?);
            let tags = format!("If-None-Match: {OTHER}\r\nIf-None-Match: {tag}");
            page.ask("GET", &tags)?.status(304)?;
            let date = format!("If-Modified-Since: {date}");
            page.is_sent("GET", &format!("{date}\r\n{date}"))
        },
        ..HOUSE
    },
    Check {
        name: "if-none-match-star",
        rule: "RFC 9110 §13.1.2: * matches whatever is there",
        sends: "GET with If-None-Match: *",
        expects: "304",
        run: |server| {
            Page::with(server, "ETag")?
                .ask("GET", "If-None-Match: *")?
                .status(304)
        },
        ..CONDITION
    },
    Check {
        name: "if-none-match-other-tag",
        rule: "RFC 9110 §13.1.2: if no tag matches, the method is carried out",
        sends: "GET with a tag that the page never had, and with a part of its own",
        expects: "200 and the page",
        run: |server| {
            let page = Page::with(server, "ETag")?;
            page.is_sent("GET", &format!("If-None-Match: {OTHER}"))?;
            let tag = page.tag()?;
            let mut part = tag.trim_end_matches('"').chars();
            part.next_back();
            page.is_sent("GET", &format!("If-None-Match: {}\"", part.as_str()))
        },
        ..CONDITION
    },
    Check {
        name: "star-in-a-tag",
        rule: "RFC 9110 §8.8.3, §13.1.1 and §13.1.2: a tag may have commas and stars in it; only a star alone means any",
        sends: "GET with If-None-Match: \"a,*,b\"; GET with If-Match: \"a,*,b\"",
        expects: "200 and the page; 412",
        hint: "Compare the whole value with the star, and not each piece of the list.",
        run: |server| {
            let page = Page::with(server, "ETag")?;
            page.is_sent("GET", "If-None-Match: \"a,*,b\"")?;
            page.ask("GET", "If-Match: \"a,*,b\"")?.status(412)
        },
        ..HOUSE
    },
    Check {
        name: "304-has-the-fields",
        rule: "RFC 9110 §15.4.5: a 304 MUST have Cache-Control, Content-Location, Date, ETag, Expires and Vary as the 200 would have",
        sends: "GET, and GET with the page's own ETag",
        expects: "the same fields in both",
        hint: "A cache brings what it has up to date with the fields of the 304.",
        run: |server| {
            let page = Page::with(server, "ETag")?;
            let answer = page.not_modified()?;
            answer.has_valid_date()?;
            for name in ["Cache-Control", "Content-Location", "ETag", "Vary"] {
                let same = answer.values(name) == page.answer.values(name);
                answer.ensure(same, format!("{name} is not the same as in the 200"))?;
            }
            // Its value may be a second later.
            let expires = |answer: &Answer| answer.values("Expires").len();
            answer.ensure(
                expires(&answer) == expires(&page.answer),
                "Expires is in one of the two only",
            )
        },
        ..must(12)
    },
    Check {
        name: "304-length",
        rule: "RFC 9110 §8.6: a 304 MUST NOT have a Content-Length, unless it's that of the 200",
        sends: "GET with the page's own ETag",
        expects: "304 without Content-Length, or with the one of the page",
        hint: "Leave it out: no body follows, and 0 would be a lie about the page.",
        run: |server| {
            let page = Page::with(server, "ETag")?;
            let answer = page.not_modified()?;
            for length in answer.values("Content-Length") {
                answer.ensure(
                    length == page.answer.body.len().to_string(),
                    format!("Content-Length is {length}, which is not that of the page"),
                )?;
            }
            Ok(())
        },
        ..must(12)
    },
    Check {
        name: "if-modified-since-same",
        rule: "RFC 9110 §13.1.3: if it has not been modified since that date, 304",
        sends: "GET and HEAD with If-Modified-Since: the page's own Last-Modified",
        expects: "304, without a body",
        hint: "A file knows nanoseconds, the field does not: compare whole seconds.",
        run: |server| {
            let page = Page::with(server, "Last-Modified")?;
            for method in ["GET", "HEAD"] {
                let line = format!("If-Modified-Since: {}", page.date()?);
                page.ask(method, &line)?.status(304)?;
            }
            Ok(())
        },
        ..should(12)
    },
    Check {
        name: "if-modified-since-later",
        rule: "RFC 9110 §13.1.3: if it has not been modified since that date, 304, also if the date isn't the file's own",
        sends: "GET for a file of 1994 with If-Modified-Since: a day of 1995",
        expects: "304",
        hint: "Compare dates, not texts.",
        run: |server| {
            let site = Site::new(server, &[])?;
            set_time(
                &site,
                SystemTime::UNIX_EPOCH + Duration::from_secs(783_459_811),
            )?;
            let line = "If-Modified-Since: Sun, 29 Oct 1995 19:43:31 GMT\r\n";
            site.server.ask(get_with("/plain.txt", line))?.status(304)
        },
        ..HOUSE
    },
    Check {
        name: "if-modified-since-in-old-forms",
        rule: "RFC 9110 §5.6.7: a recipient MUST accept all three forms of a date",
        sends: "GET with the page's own Last-Modified as RFC 850 and asctime wrote it",
        expects: "304, as in the form of today",
        hint: "`Sunday, 06-Nov-94 08:49:37 GMT` and `Sun Nov  6 08:49:37 1994` are dates, too.",
        run: |server| {
            let page = Page::with(server, "Last-Modified")?;
            let date = page.date()?;
            page.ask("GET", &format!("If-Modified-Since: {date}"))?
                .status(304)
                .map_err(|_| Failure::Skipped("takes no If-Modified-Since".into()))?;
            for old in old_forms(&date) {
                page.ask("GET", &format!("If-Modified-Since: {old}"))?
                    .status(304)?;
            }
            Ok(())
        },
        ..must(12)
    },
    Check {
        name: "if-modified-since-earlier",
        rule: "RFC 9110 §13.1.3: if it has been modified since that date, the method is carried out",
        sends: "GET with If-Modified-Since: a day of 1994",
        expects: "200 and the page",
        run: |server| {
            let page = Page::with(server, "Last-Modified")?;
            page.is_sent("GET", &format!("If-Modified-Since: {LONG_AGO}"))
        },
        ..CONDITION
    },
    Check {
        name: "if-modified-since-that-is-no-date",
        rule: "RFC 9110 §13.1.3: a recipient MUST ignore a value that is no date",
        sends: "GET with If-Modified-Since: tomorrow · 0 · 2094-10-29 (ours: Fri, 32 Oct 2094 19:43:31 GMT, too)",
        expects: "200 and the page",
        run: |server| {
            let page = Page::with(server, "Last-Modified")?;
            for value in ["tomorrow", "0", "2094-10-29"] {
                page.is_sent("GET", &format!("If-Modified-Since: {value}"))?;
            }
            // By the letter of the grammar any two digits are a day.
            if !server.is_ours() {
                return Ok(());
            }
            page.is_sent("GET", "If-Modified-Since: Fri, 32 Oct 2094 19:43:31 GMT")
        },
        ..CONDITION
    },
    Check {
        name: "if-modified-since-beside-a-tag",
        rule: "RFC 9110 §13.1.3: a recipient MUST ignore If-Modified-Since beside If-None-Match",
        sends: "GET with another tag in If-None-Match, and the page's own date in If-Modified-Since",
        expects: "200 and the page",
        run: |server| {
            let page = Page::with(server, "ETag")?;
            let date = page
                .date()
                .unwrap_or_else(|_| httpdate::fmt_http_date(SystemTime::now()));
            page.is_sent(
                "GET",
                &format!("If-None-Match: {OTHER}\r\nIf-Modified-Since: {date}"),
            )
        },
        ..CONDITION
    },
    Check {
        name: "if-match-other-tag",
        rule: "RFC 9110 §13.2.1: an origin server MUST evaluate preconditions; §13.1.1: if no tag matches, it MUST NOT carry out the method: 412",
        sends: "GET with If-Match: a tag that the page never had",
        expects: "412",
        run: |server| {
            Page::with(server, "ETag")?
                .ask("GET", &format!("If-Match: {OTHER}"))?
                .status(412)
        },
        ..CONDITION
    },
    Check {
        name: "if-match-own-tag",
        rule: "RFC 9110 §13.1.1: if one tag matches, or * and something is there, the method is carried out",
        sends: "GET with If-Match: the page's own ETag, the same in a list, and *",
        expects: "200 and the page",
        run: |server| {
            let page = Page::with(server, "ETag")?;
            let tag = page.tag()?;
            if tag.starts_with("W/") {
                return Err(Failure::Skipped("the page's tag is a weak one".into()));
            }
            for value in [&tag, &format!("{OTHER}, {tag}"), "*"] {
                page.is_sent("GET", &format!("If-Match: {value}"))?;
            }
            Ok(())
        },
        ..CONDITION
    },
    Check {
        name: "if-match-weak-tag",
        rule: "RFC 9110 §13.1.1: an origin server MUST compare strongly for If-Match: a weak tag matches nothing",
        sends: "GET with If-Match: W/ before the page's own ETag",
        expects: "412",
        run: |server| {
            let page = Page::with(server, "ETag")?;
            let tag = page.tag()?;
            page.ask("GET", &format!("If-Match: {}", weak(&tag)))?
                .status(412)
        },
        ..CONDITION
    },
    Check {
        name: "if-unmodified-since-earlier",
        rule: "RFC 9110 §13.2.1: an origin server MUST evaluate preconditions; §13.1.4: if it has been modified since that date, it MUST NOT carry out the method: 412",
        sends: "GET with If-Unmodified-Since: a day of 1994",
        expects: "412",
        run: |server| {
            Page::with(server, "Last-Modified")?
                .ask("GET", &format!("If-Unmodified-Since: {LONG_AGO}"))?
                .status(412)
        },
        ..CONDITION
    },
    Check {
        name: "if-unmodified-since-ignored",
        rule: "RFC 9110 §13.1.4: a recipient MUST ignore it beside If-Match, and if it is no date",
        sends: "GET with the page's own tag in If-Match and a day of 1994 in If-Unmodified-Since; If-Unmodified-Since: yesterday; and the page's own date",
        expects: "200 and the page",
        run: |server| {
            let page = Page::with(server, "Last-Modified")?;
            page.is_sent("GET", "If-Unmodified-Since: yesterday")?;
            page.is_sent("GET", &format!("If-Unmodified-Since: {}", page.date()?))?;
            let Ok(tag) = page.tag() else {
                return Ok(());
            };
            if tag.starts_with("W/") {
                return Ok(());
            }
            page.is_sent(
                "GET",
                &format!("If-Match: {tag}\r\nIf-Unmodified-Since: {LONG_AGO}"),
            )
        },
        ..CONDITION
    },
    Check {
        name: "conditions-in-order",
        rule: "RFC 9110 §13.2.2: an origin server MUST evaluate If-Match before If-None-Match",
        sends: "GET with another tag in If-Match and the page's own in If-None-Match",
        expects: "412, not 304",
        run: |server| {
            let page = Page::with(server, "ETag")?;
            let lines = format!("If-None-Match: {}\r\nIf-Match: {OTHER}", page.tag()?);
            page.ask("GET", &lines)?.status(412)
        },
        ..CONDITION
    },
    Check {
        name: "conditions-not-for-errors",
        rule: "RFC 9110 §13.2.1: a server MUST ignore conditions if the answer without them is no 2xx",
        sends: "GET for a page that is not there and DELETE /, each with If-None-Match: *, with If-Match: a made-up tag, and with If-Unmodified-Since: a day of 1994",
        expects: "404 and 405, or whatever comes without a condition",
        run: |server| {
            for (method, target) in [("GET", MISSING), ("DELETE", "/")] {
                let plain = server.ask(request(method, target))?.status;
                if plain < 400 {
                    return Err(Failure::Skipped(format!("{method} {target} gets {plain}")));
                }
                for line in [
                    "If-None-Match: *".to_string(),
                    format!("If-Match: {OTHER}"),
                    format!("If-Unmodified-Since: {LONG_AGO}"),
                ] {
                    let asked = get_with(target, &format!("{line}\r\n"));
                    server
                        .ask(asked.replacen("GET", method, 1))?
                        .status(plain)?;
                }
            }
            Ok(())
        },
        ..CONDITION
    },
    Check {
        name: "conditions-come-again",
        rule: "House: a file that has changed is sent again, one that has not is not",
        sends: "GET for a file with its tag; the same after the file has been written anew",
        expects: "304; then 200 with the new bytes",
        hint: "Look at the file for each request.",
        run: |server| {
            let site = Site::new(server, &[])?;
            let tag = site.server.get("/plain.txt")?.field("ETag")?;
            let again = get_with("/plain.txt", &format!("If-None-Match: {tag}\r\n"));
            site.server.ask(&again)?.status(304)?;
            fs::write(site.root().join("plain.txt"), "new")
                .map_err(|e| Failure::new(e.to_string()))?;
            let answer = site.server.ask(&again)?;
            answer.status(200)?;
            answer.body_is(b"new")
        },
        ..HOUSE
    },
    Check {
        name: "max-age",
        rule: "RFC 9111 §5.2.2.1: max-age says for how many seconds an answer is fresh",
        sends: "GET /style.css, and again with its tag, to a server with --max-age 60 and to one without",
        expects: "Cache-Control: max-age=60 in the 200 and in the 304; none without the flag, and none in a 404",
        hint: "Both answers get the field: the 304 makes the copy fresh again.",
        run: |server| {
            server.only_ours()?;
            let site = Site::new(server, &["--max-age", "60"])?;
            let answer = site.server.get("/style.css")?;
            answer.field_is("Cache-Control", "max-age=60")?;
            let line = format!("If-None-Match: {}\r\n", answer.field("ETag")?);
            let answer = site.server.ask(get_with("/style.css", &line))?;
            answer.status(304)?;
            answer.field_is("Cache-Control", "max-age=60")?;
            let answer = site.server.get("/no/such/page")?;
            answer.ensure(
                answer.values("Cache-Control").is_empty(),
                "nobody said how long a page may be missing",
            )?;
            let answer = Site::new(server, &[])?.server.get("/style.css")?;
            answer.ensure(
                answer.values("Cache-Control").is_empty(),
                "nobody asked for Cache-Control",
            )
        },
        ..HOUSE
    },
];

fn not_in_the_future(answer: &Answer) -> Verdict {
    for value in answer.values("Last-Modified") {
        let date = answer.field("Date")?;
        let (Ok(modified), Ok(now)) = (
            httpdate::parse_http_date(&value),
            httpdate::parse_http_date(&date),
        ) else {
            return Err(answer.wrong(format!("this is no date: {value}")));
        };
        answer.ensure(modified <= now, format!("{value} is later than {date}"))?;
    }
    Ok(())
}

/// Gives /plain.txt this time.
fn set_time(site: &Site, time: SystemTime) -> Verdict {
    File::options()
        .write(true)
        .open(site.root().join("plain.txt"))
        .and_then(|file| file.set_modified(time))
        .map_err(|e| Failure::new(format!("the checker cannot set the time of a file: {e}")))
}

/// A tag with the mark of weakness.
pub(super) fn weak(tag: &str) -> String {
    format!("W/{}", tag.strip_prefix("W/").unwrap_or(tag))
}

/// A date as RFC 850 and C's asctime wrote it.
fn old_forms(date: &str) -> [String; 2] {
    // "Sun, 06 Nov 1994 08:49:37 GMT"
    let (day, month, year, time) = (&date[5..7], &date[8..11], &date[12..16], &date[17..25]);
    let names = [
        "Monday",
        "Tuesday",
        "Wednesday",
        "Thursday",
        "Friday",
        "Saturday",
        "Sunday",
    ];
    let name = names.iter().find(|name| name.starts_with(&date[..3]));
    let padded = format!("{:>2}", day.trim_start_matches('0'));
    [
        format!(
            "{}, {day}-{month}-{} {time} GMT",
            name.unwrap_or(&""),
            &year[2..]
        ),
        format!("{} {month} {padded} {time} {year}", &date[..3]),
    ]
}

/// A page that has a validator: the first one of those that are known.
pub(super) struct Page<'a> {
    server: &'a Server,
    pub(super) target: String,
    pub(super) answer: Answer,
}

impl Page<'_> {
    pub(super) fn with<'a>(server: &'a Server, field: &str) -> Result<Page<'a>, Failure> {
        for target in &server.pages()?.get {
            let answer = server.get(target)?;
            if answer.status != 200 || answer.values(field).is_empty() {
                continue;
            }
            // A page that is another one each time has another tag each time, and rightly so.
            let again = server.get(target)?;
            if answer.values("ETag") == again.values("ETag")
                && answer.values("Last-Modified") == again.values("Last-Modified")
            {
                return Ok(Page {
                    server,
                    target: target.clone(),
                    answer,
                });
            }
        }
        // Ours owe it.
        match server.is_ours() {
            true => Err(Failure::new(format!("no page has {field}"))),
            false => Err(Failure::Skipped(format!("no page has {field}"))),
        }
    }

    pub(super) fn tag(&self) -> Result<String, Failure> {
        self.answer.field("ETag")
    }

    pub(super) fn date(&self) -> Result<String, Failure> {
        self.answer.field("Last-Modified")
    }

    /// Asks for it with these lines, which need no end.
    pub(super) fn ask(&self, method: &str, lines: &str) -> Result<Answer, Failure> {
        let asked = get_with(&self.target, &format!("{lines}\r\n"));
        self.server.ask(asked.replacen("GET", method, 1))
    }

    /// The condition holds: it is answered like a request without one.
    pub(super) fn is_sent(&self, method: &str, lines: &str) -> Verdict {
        let answer = self.ask(method, lines)?;
        answer.status(200)?;
        answer.ensure(
            method == "HEAD" || answer.body.is_empty() == self.answer.body.is_empty(),
            "the page is empty",
        )
    }

    /// The answer to a client that has it.
    fn not_modified(&self) -> Result<Answer, Failure> {
        let answer = self.ask("GET", &format!("If-None-Match: {}", self.tag()?))?;
        answer.status(304)?;
        Ok(answer)
    }
}
