//! The exercises of chapter 09.

use std::collections::BTreeMap;
use std::fs;
use std::fs::File;
use std::io;
use std::os::unix::fs::symlink;
use std::time::Duration;
use std::time::SystemTime;

use super::exercise;
use crate::answer::Answer;
use crate::check::Check;
use crate::check::Failure;
use crate::check::Verdict;
use crate::check::ensure;
use crate::server::Server;
use crate::server::get_with;
use crate::site::Site;

const EXERCISE: Check = exercise(9);

pub(super) const EXERCISES: &[Check] = &[
    Check {
        name: "09-last-modified",
        rule: "RFC 9110 §13.1.3 and §15.4.5: 304 where the client has the file; §8.8.2.1: no date later than now",
        sends: "GET and HEAD for files, then again with their Last-Modified in If-Modified-Since; with another date; with If-None-Match beside it; files of 1960 and of tomorrow",
        expects: "304 without a body for the same date, 200 for all others",
        hint: "Compare the dates as text. If-None-Match takes the place of If-Modified-Since. A date before 1970 makes httpdate panic.",
        run: last_modified,
        ..EXERCISE
    },
    Check {
        name: "09-listing",
        rule: "A folder with a file `.listing` and without index.html shows what it holds",
        sends: "GET for such a folder, and for each link in its page",
        expects: "a page with a link to each file and folder whose name does not begin with a dot; names escaped in the page and percent-encoded in the links, so that each link leads to its file",
        hint: "escape_html for the page; for the link `%` and two digits for each byte but letters, digits and -._~",
        run: listing,
        ..EXERCISE
    },
];

fn last_modified(server: &Server) -> Verdict {
    let site = Site::new(server, &[])?;
    let then = SystemTime::UNIX_EPOCH + Duration::from_secs(784_111_777);
    let date = "Sun, 06 Nov 1994 08:49:37 GMT";
    for (target, name) in [
        ("/style.css", "style.css"),
        ("/sub/", "sub/index.html"),
        ("/big.bin", "big.bin"),
    ] {
        set_time(&site, name, then)?;
        let first = site.server.head(target)?;
        first.status(200)?;
        first.field_is("Last-Modified", date)?;
        let answer = if_modified_since(&site, target, date)?;
        answer.status(304)?;
        let length = first.field("Content-Length")?;
        answer.ensure(
            answer
                .values("Content-Length")
                .iter()
                .all(|it| *it == length),
            "the Content-Length of a 304 is that of the file, if there is one (RFC 9110 §8.6)",
        )?;
        let head = get_with(target, &format!("If-Modified-Since: {date}\r\n"));
        let head = head.replacen("GET", "HEAD", 1);
        site.server.ask(head)?.status(304)?;
    }
    for other in ["Sun, 06 Nov 1994 08:49:36 GMT", "yesterday", ""] {
        if_modified_since(&site, "/style.css", other)?.status(200)?;
    }
    let marked = format!("{date}\r\nIf-None-Match: \"wirecheck\"");
    if_modified_since(&site, "/style.css", &marked)?.status(200)?;
    if_modified_since(&site, "/nowhere.css", date)?.status(404)?;
    if_modified_since(&site, "/sub", date)?.status(301)?;
    set_time(&site, "style.css", then + Duration::from_secs(1))?;
    if_modified_since(&site, "/style.css", date)?.status(200)?;
    odd_times(&site)
}

/// Files of strange times are served like others.
fn odd_times(site: &Site) -> Verdict {
    let day = Duration::from_secs(24 * 60 * 60);
    set_time(site, "plain.txt", SystemTime::UNIX_EPOCH - 3650 * day)?;
    site.server.get("/plain.txt")?.status(200)?;
    set_time(site, "plain.txt", SystemTime::now() + day)?;
    let answer = site.server.get("/plain.txt")?;
    answer.status(200)?;
    let time = |name| {
        let parsed = httpdate::parse_http_date(&answer.field(name)?);
        parsed.map_err(|e| Failure::new(format!("{name}: {e}")))
    };
    answer.ensure(
        answer.values("Last-Modified").is_empty() || time("Last-Modified")? <= time("Date")?,
        "Last-Modified is later than Date",
    )
}

fn set_time(site: &Site, name: &str, time: SystemTime) -> Verdict {
    File::options()
        .write(true)
        .open(site.root().join(name))
        .and_then(|file| file.set_modified(time))
        .map_err(|e| Failure::new(format!("the checker cannot set the time of {name}: {e}")))
}

fn if_modified_since(site: &Site, target: &str, date: &str) -> Result<Answer, Failure> {
    let line = format!("If-Modified-Since: {date}\r\n");
    site.server.ask(get_with(target, &line))
}

/// Names that may stand in a folder, and mean something else in a page or a link.
const NAMES: [&str; 7] = [
    "plain.txt",
    "a <b>&amp;.txt",
    "100%25.txt",
    "a?b#c.txt",
    "data:text",
    "\"quoted\".txt",
    "Zo\u{eb}.txt",
];

fn listing(server: &Server) -> Verdict {
    let site = Site::new(server, &[])?;
    fill(&site).map_err(|e| Failure::new(format!("the checker cannot fill a folder: {e}")))?;
    site.server.get("/a%20list")?.status(301)?;
    let page = site.server.get("/a%20list/")?;
    page.status(200)?;
    page.field_is("Content-Type", "text/html; charset=utf-8")?;
    page.page_has("a &lt;b&gt;&amp;amp;.txt")?;
    page.page_lacks("<b>")?;
    page.page_lacks(".hidden")?;
    page.page_lacks(".listing")?;
    let mut left: BTreeMap<&str, &str> = NAMES.map(|name| (name, name)).into();
    left.insert("folder", "a page in a folder");
    for link in page.text().split("href=").skip(1) {
        let Some(quote @ ('"' | '\'')) = link.chars().next() else {
            continue;
        };
        let link = link.split(quote).nth(1).unwrap_or_default();
        let link = link.replace("&amp;", "&");
        // To the folder above, say: a list may have more links than those to its files.
        if link.starts_with("..") || link.contains("://") {
            continue;
        }
        let target = match link.strip_prefix("./").unwrap_or(&link) {
            whole if whole.starts_with('/') => whole.to_string(),
            relative => format!("/a%20list/{relative}"),
        };
        let answer = site.server.get(&target)?;
        answer.status(200)?;
        let text = answer.text();
        left.retain(|_, body| *body != text);
    }
    let left: Vec<_> = left.into_keys().collect();
    page.ensure(left.is_empty(), format!("no link leads to {left:?}"))?;
    ensure(
        site.server.get("/no-index/")?.status == 404,
        "a folder without `.listing` is not to be shown",
    )
}

/// Each file holds its own name.
fn fill(site: &Site) -> io::Result<()> {
    let folder = site.root().join("a list");
    fs::create_dir_all(folder.join("folder"))?;
    fs::write(folder.join("folder/index.html"), "a page in a folder")?;
    for name in NAMES.into_iter().chain([".listing", ".hidden"]) {
        fs::write(folder.join(name), name)?;
    }
    symlink("../../secret.txt", folder.join("link-outside.txt"))
}
