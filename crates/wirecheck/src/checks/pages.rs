//! What is asked of every page that is known, of one that is missing, and of refusals. The
//! fault is seldom in the first page.

use std::fs;
use std::path::Path;
use std::path::PathBuf;
use std::thread;
use std::time::Duration;

use super::must;
use super::should;
use crate::answer::Answer;
use crate::check::Check;
use crate::check::Failure;
use crate::check::Harm;
use crate::check::Verdict;
use crate::exchange::visible;
use crate::pages::Asked;
use crate::pages::MISSING;
use crate::pages::Then;
use crate::server::Server;
use crate::server::get_with;
use crate::server::post_head;
use crate::server::request;
use crate::site::SECRET;

const PAGES: &str = "GET for each page that is known and for one that is not there, POST to each that takes one, without `Connection: close`; then GET / on the same connection";
const REFUSALS: &str = "a line that is no request, no Host, DELETE, BREW, HTTP/9.9, 1 TiB declared, an unknown coding, a path and a field of 100 kB";

pub(super) const CHECKS: &[Check] = &[
    Check {
        name: "survives-a-look-around",
        rule: "RFC 9110 §15.6: whatever is asked for, the answer to a request is a status",
        sends: "GET for what / links to, for /hello, /echo, /files/ and a path that is not there; POST to its forms, /echo and /",
        expects: "an answer or a close, and the server goes on",
        hint: "An error while one request is answered concerns that one: catch it there, answer 500, go on. In Node a stream fails later, where no try helps: pipeline(fs.createReadStream(file), response, (error) => …).",
        harm: Harm::Ends,
        run: |server| match server.lethal().into_iter().next() {
            Some(failure) => Err(failure),
            None => server.pages().map(|_| ()),
        },
        ..must(4)
    },
    Check {
        name: "page-framing",
        rule: "RFC 9112 §6.3: the client must know where an answer ends: by Content-Length, by chunks, or by the close",
        sends: PAGES,
        expects: "each answer can be read to its end, and nothing follows it that is no answer",
        hint: "Let one function write all answers, the 404 as well, and let it count the bytes of the body for Content-Length.",
        harm: Harm::Loses,
        run: |server| pages(server, can_be_read),
        ..must(4)
    },
    Check {
        name: "error-framing",
        rule: "RFC 9112 §6.3: the client must know where an answer ends, a refusal too",
        sends: REFUSALS,
        expects: "where an answer comes, it can be read to its end",
        hint: "Let one function write all answers, refusals as well.",
        harm: Harm::Loses,
        run: |server| refusals(server, can_be_read),
        ..must(6)
    },
    Check {
        name: "page-line-ends",
        rule: "RFC 9112 §2.1, §7.1 and RFC 9110 §2.2: lines end in CRLF, those of chunks too; a sender MUST NOT break the grammar",
        sends: PAGES,
        expects: "CRLF at the end of each line of the head, and of each line between chunks",
        hint: "\\r\\n, not \\n, wherever an answer is written.",
        run: |server| pages(server, |asked| answered(asked, Answer::has_right_line_ends)),
        ..must(4)
    },
    Check {
        name: "error-line-ends",
        rule: "RFC 9112 §2.1 and RFC 9110 §2.2: lines end in CRLF, and a sender MUST NOT break the grammar",
        sends: REFUSALS,
        expects: "CRLF at the end of each line",
        hint: "\\r\\n, not \\n, in refusals as well.",
        run: |server| refusals(server, |asked| answered(asked, Answer::has_right_line_ends)),
        ..must(6)
    },
    Check {
        name: "page-date",
        rule: "RFC 9110 §6.6.1: an origin server with a clock MUST send Date in 2xx, 3xx and 4xx",
        sends: PAGES,
        expects: "one Date as an IMF-fixdate in each answer",
        hint: "Write the field where all answers are written, not in each handler.",
        run: |server| pages(server, |asked| answered(asked, dated)),
        ..must(4)
    },
    Check {
        name: "error-date",
        rule: "RFC 9110 §6.6.1: an origin server with a clock MUST send Date in 4xx; in 5xx it MAY",
        sends: REFUSALS,
        expects: "one Date as an IMF-fixdate in each 4xx",
        hint: "Write the field where all answers are written; refusals as well.",
        run: |server| refusals(server, |asked| answered(asked, dated)),
        ..must(6)
    },
    Check {
        name: "page-close-said",
        rule: "RFC 9112 §9.3: a server that keeps no connections MUST say `Connection: close` in every answer; else the client counts on the connection, and its next request is lost",
        sends: PAGES,
        expects: "`Connection: close` in each answer, if / is not followed by another one",
        hint: "Put `Connection: close` into each answer after which you close.",
        harm: Harm::Loses,
        run: |server| match server.keeps_connections()? {
            true => Ok(()),
            false => pages(server, closes_as_said),
        },
        ..must(4)
    },
    Check {
        name: "kept-close-unsaid",
        rule: "RFC 9112 §9.6: a server that keeps connections SHOULD say so when it closes one all the same: else the client's next request is lost",
        sends: PAGES,
        expects: "`Connection: close` in the answer, or an answer to the next request",
        hint: "Put `Connection: close` into each answer after which you close, on every page.",
        harm: Harm::Loses,
        run: |server| match server.keeps_connections()? {
            true => pages(server, closes_as_said),
            false => Ok(()),
        },
        ..should(4)
    },
    Check {
        name: "error-close-said",
        rule: "RFC 9112 §9.6: a sender SHOULD send `Connection: close` in its last answer",
        sends: REFUSALS,
        expects: "`Connection: close` in the answer, or an answer to the next request",
        hint: "Put `Connection: close` into each answer after which you close, refusals as well.",
        run: |server| refusals(server, closes_as_said),
        ..should(6)
    },
    Check {
        name: "fields-spelt-right",
        rule: "RFC 9110 §5.1: a field is known by its name; clients pass over one that they do not know",
        sends: PAGES,
        expects: "no name that is a known one but for its dashes, such as contenttype or Content_Length",
        hint: "Content-Type, Content-Length, Last-Modified: with dashes. Misspelt, they are not there at all.",
        run: |server| {
            for asked in server.survey()? {
                answered(asked, |answer| {
                    let odd = answer.fields.iter().find(|(name, _)| is_misspelt(name));
                    let name = odd.map_or("", |(name, _)| name);
                    answer.ensure(
                        odd.is_none(),
                        format!("nobody knows a field {name}: the dash is missing"),
                    )
                })
                .map_err(|failure| failure.asked(&asked.what))?;
            }
            Ok(())
        },
        ..must(4)
    },
    Check {
        name: "page-has-type",
        rule: "RFC 9110 §8.3: a sender of content SHOULD say its type",
        sends: PAGES,
        expects: "Content-Type in each answer with a body",
        hint: "Without a type browsers guess, and may run what was meant as text.",
        run: |server| {
            pages(server, |asked| {
                answered(asked, |answer| {
                    let typed = answer.body.is_empty() || !answer.values("Content-Type").is_empty();
                    answer.ensure(typed, "there is a body, and no Content-Type")
                })
            })
        },
        ..should(4)
    },
    Check {
        name: "page-head",
        rule: "RFC 9110 §9.3.2 and §8.6: HEAD gets the fields of GET and MUST NOT get content; a Content-Length only with GET's value",
        sends: "HEAD for each page that is known, and for one that is not there",
        expects: "the status of GET, no body; Content-Length as for GET, where there is one",
        hint: "One place writes answers, and it alone leaves the body out for HEAD, on all pages and in all errors.",
        run: head_of_pages,
        ..must(6)
    },
    Check {
        name: "page-conditional",
        rule: "RFC 9110 §13.1.2, §13.1.3 and §15.4.5: 304 only if the condition says so, and without content; an invalid date is ignored",
        sends: "GET for each page with If-None-Match for a tag that nobody has (beside If-Modified-Since in 2094), with If-Modified-Since: yesterday, and with `*`",
        expects: "the page for the first two; for `*` the page or a 304, and nothing after its head",
        hint: "If-None-Match goes before If-Modified-Since, and is compared with the ETag of the page. If you send none, answer as if the field were not there.",
        run: conditional,
        ..must(4)
    },
    Check {
        name: "page-split",
        rule: "RFC 9112 §2.2: a message is a sequence of octets; TCP may cut it anywhere",
        sends: "GET for each page in two segments, cut in the request line, in a field, and before the empty line",
        expects: "the status that the whole request gets",
        hint: "One read is not one request: read until the empty line is there, whatever the page.",
        harm: Harm::Loses,
        run: split,
        ..must(4)
    },
    Check {
        name: "body-late",
        rule: "RFC 9112 §6.2: Content-Length bytes follow, whenever they arrive",
        sends: "POST to each page that takes one: the head, and the body a moment later; then the body in pieces",
        expects: "the answer that the same body gets when it comes with the head",
        hint: "The end of the head is not the end of the request: read on until Content-Length bytes are there. Do not answer from a buffer that was made in their length and is not full yet: it holds NULs.",
        harm: Harm::Loses,
        run: body_late,
        ..must(8)
    },
    Check {
        name: "chunked-late",
        rule: "RFC 9112 §7.1: chunks have nothing to do with segments",
        sends: "POST in chunks to each page that takes them, cut within a size, a line end and the data",
        expects: "the answer that the same chunks get when they come whole",
        hint: "Read lines and counted bytes from one buffer, and fill it while something is missing.",
        harm: Harm::Loses,
        run: chunked_late,
        ..must(8)
    },
    Check {
        name: "large-body-survived",
        rule: "RFC 9110 §15.5.14: content that is too large is refused, and ends no server",
        sends: "POST with bodies of 8 KiB and a byte, 64 KiB and 1 MiB to each page that takes one, and to /",
        expects: "an answer or a close; the next client is served",
        hint: "A buffer of fixed size is full some day: look how much fits before you copy into it.",
        harm: Harm::Ends,
        run: large_bodies,
        ..must(8)
    },
    Check {
        name: "large-body-whole",
        rule: "RFC 9110 §15.5.14: what is taken is taken whole; what is too large gets 413",
        sends: "POST with bodies of 8 KiB and a byte, and 64 KiB, to each page that shows what it was sent",
        expects: "the end of the body in the answer, or a status of 400 or more",
        hint: "read returns what there is, and no more: read on until Content-Length bytes are there.",
        harm: Harm::Loses,
        run: large_bodies_whole,
        ..must(8)
    },
    Check {
        name: "traversal-below-prefix",
        rule: "RFC 9110 §17.3: a path must not reach files outside of the folder that is served",
        sends: "the way to /etc/passwd, plain and encoded, below each folder that is known, and below /files/, /static/, /public/, /assets/",
        expects: "any answer but the contents of that file",
        hint: "`open(root + path)` serves the whole disk. Decode, resolve the path (realpath), then ask whether it still lies below the root. In Node: path.resolve(root, name) must start with root + path.sep.",
        harm: Harm::GivesAway,
        run: traversal,
        ..must(9)
    },
    Check {
        name: "traversal-beside-root",
        rule: "RFC 9110 §17.3: a path must not reach files outside of the folder that is served",
        sends: "the way to a folder beside --root whose name begins like its own, and to the folder above",
        expects: "any answer but the secret that lies there",
        hint: "/srv/www-private begins with /srv/www, too: compare segment by segment, or with a slash at the end.",
        harm: Harm::GivesAway,
        run: beside_root,
        ..must(9)
    },
    Check {
        name: "files-of-root",
        rule: "RFC 9110 §9.3.1: GET transfers what the target names",
        sends: "GET for some files of --root",
        expects: "200, and their bytes",
        hint: "Copy the file byte for byte; it need not be text. In Python open(…, \"rb\").",
        run: files_of_root,
        ..must(9)
    },
    Check {
        name: "no-open-redirect-anywhere",
        rule: "RFC 9110 §17.1: whoever makes a link must not choose where a redirect of this server leads",
        sends: "GET for each page with //evil.example as the value of its own parameters, and of next, url, to, redirect and return; //evil.example below each folder",
        expects: "any answer but a redirect to evil.example",
        hint: "Redirect to paths of your own only: one slash, and neither a slash nor a backslash after it.",
        harm: Harm::LetsIn,
        run: open_redirect,
        ..must(6)
    },
    Check {
        name: "parameters-escaped",
        rule: "HTML Standard §13.3: what comes from outside is escaped, or it runs in the browser",
        sends: "<script>alert(4711)</script> in each parameter of each page, and in each body that is posted",
        expects: "no <script>alert(4711)</script> in a page that a browser takes for HTML",
        hint: "Replace & < > \" (in this order) in whatever you copy into a page.",
        harm: Harm::LetsIn,
        run: parameters_escaped,
        ..must(5)
    },
    Check {
        name: "chunk-lines-end-in-crlf",
        rule: "RFC 9112 §7.1: chunk-size [chunk-ext] CRLF; the leave to take a single LF (§2.2) is for lines of the head",
        sends: "POST in chunks whose sizes end in LF alone; whose data does",
        expects: "another answer than right chunks get, or none",
        hint: "In chunks, CRLF and nothing else: a proxy that reads the line in another way sees another request behind it.",
        harm: Harm::LetsIn,
        run: chunk_lines,
        ..should(8)
    },
];

/// The pages, and the one that is missing.
fn pages(server: &Server, each: impl Fn(&Asked) -> Verdict) -> Verdict {
    for asked in server.survey()?.iter().filter(|asked| !asked.is_wrong) {
        each(asked).map_err(|failure| failure.asked(&asked.what))?;
    }
    Ok(())
}

/// Requests that are refused.
fn refusals(server: &Server, each: impl Fn(&Asked) -> Verdict) -> Verdict {
    for asked in server.survey()?.iter().filter(|asked| asked.is_wrong) {
        each(asked).map_err(|failure| failure.asked(&asked.what))?;
    }
    Ok(())
}

fn can_be_read(asked: &Asked) -> Verdict {
    match &asked.failure {
        Some(failure) => Err(failure.clone()),
        None => Ok(()),
    }
}

/// Where there is an answer: what cannot be read is the matter of the checks of framing.
fn answered(asked: &Asked, holds: impl Fn(&Answer) -> Verdict) -> Verdict {
    asked.answer.as_ref().map_or(Ok(()), holds)
}

fn dated(answer: &Answer) -> Verdict {
    // RFC 9110 §6.6.1: a server that is in trouble MAY leave it out.
    if answer.status >= 500 && answer.values("Date").is_empty() {
        return Ok(());
    }
    answer.has_valid_date()
}

fn closes_as_said(asked: &Asked) -> Verdict {
    answered(asked, |answer| {
        answer.ensure(
            !matches!(asked.then, Then::ClosedUnsaid),
            "the answer does not say `Connection: close`, and the next request on the connection gets none",
        )
    })
}

fn is_misspelt(name: &str) -> bool {
    const KNOWN: &[&str] = &[
        "content-type",
        "content-length",
        "content-encoding",
        "content-range",
        "content-disposition",
        "transfer-encoding",
        "last-modified",
        "cache-control",
        "set-cookie",
        "accept-ranges",
        "retry-after",
    ];
    let name = name.to_ascii_lowercase();
    let plain = name.replace(['-', '_'], "");
    let is_meant = |known: &&str| known.replace('-', "") == plain && **known != name;
    KNOWN.iter().any(is_meant)
}

fn head_of_pages(server: &Server) -> Verdict {
    for target in targets(server)? {
        let head = server
            .head(&target)
            .map_err(|f| f.asked(&format!("HEAD {target}")))?;
        // RFC 9110 §9.1 has a check of its own.
        if matches!(head.status, 405 | 501) {
            continue;
        }
        let get = server.get(&target)?;
        let what = format!("HEAD {target}");
        head.status(get.status).map_err(|f| f.asked(&what))?;
        let (wanted, found) = (get.values("Content-Length"), head.values("Content-Length"));
        if found == wanted || found.is_empty() || wanted.is_empty() {
            continue;
        }
        // A page may be another one each time.
        let varies = (0..5).any(|_| {
            let again = server.get(&target);
            again.is_ok_and(|again| again.values("Content-Length") != wanted)
        });
        head.ensure(
            varies,
            format!("{what}: Content-Length is {found:?}, and {wanted:?} for GET"),
        )?;
    }
    Ok(())
}

/// The pages and the one that is missing, as targets.
fn targets(server: &Server) -> Result<Vec<String>, Failure> {
    let mut targets = server.pages()?.get.clone();
    targets.push(MISSING.to_string());
    Ok(targets)
}

fn conditional(server: &Server) -> Verdict {
    for target in server.pages()?.get.clone() {
        let plain = server.get(&target)?;
        for (lines, must_send) in [
            (
                "If-None-Match: \"wirecheck-4711\"\r\nIf-Modified-Since: Sun, 06 Nov 2094 08:49:37 GMT\r\n",
                true,
            ),
            ("If-Modified-Since: yesterday\r\n", true),
            ("If-None-Match: *\r\n", false),
        ] {
            let what = format!("GET {target} with {}", visible(lines.trim_end().as_bytes()));
            let answer = server
                .ask(get_with(&target, lines))
                .map_err(|f| f.asked(&what))?;
            let fits = answer.status != 304 || !must_send;
            answer.ensure(
                fits || plain.status == 304,
                format!("{what}: 304, though the client has no such page"),
            )?;
        }
    }
    Ok(())
}

fn split(server: &Server) -> Verdict {
    for target in targets(server)? {
        let whole = server.get(&target)?.status;
        let head = request("GET", &target);
        for cut in [2, 6, head.len() / 2, head.len() - 2] {
            let (first, second) = head.as_bytes().split_at(cut);
            let mut client = server.connect()?;
            client.send_unanswered([first, second])?;
            let what = format!("GET {target} in two segments");
            let answer = client.answer().map_err(|f| f.asked(&what))?;
            answer.ensure(
                answer.status == whole,
                format!("{what} gets {}, and {whole} in one", answer.status),
            )?;
        }
    }
    Ok(())
}

/// Unlike anything that a page may hold, and without a byte that a form would encode.
fn telling(length: usize) -> String {
    let mut text = String::from("wirecheck=");
    while text.len() + 5 < length {
        text += "4711.";
    }
    text += &"x".repeat(length - text.len());
    text
}

fn body_late(server: &Server) -> Verdict {
    let body = telling(64);
    for page in &server.pages()?.post {
        let target = &page.target;
        let head = post_head(target, &format!("Content-Length: {}\r\n", body.len()));
        let whole = server.ask(format!("{head}{body}"))?;
        let cuts: [&[usize]; 3] = [&[0], &[20], &[0, 1, 30]];
        for cuts in cuts {
            let what = format!("POST {target}, the body after the head");
            let answer = in_pieces(server, &head, body.as_bytes(), cuts)
                .map_err(|failure| failure.asked(&what))?;
            is_alike(&answer, &whole, &body, page.shows_body).map_err(|f| f.asked(&what))?;
        }
    }
    Ok(())
}

/// The head with so much of the body, then the rest, with a pause at each cut.
fn in_pieces(server: &Server, head: &str, body: &[u8], cuts: &[usize]) -> Result<Answer, Failure> {
    let mut client = server.connect()?;
    client.send([head.as_bytes(), &body[..cuts[0]]].concat());
    for (i, cut) in cuts.iter().enumerate() {
        // Long enough for a server that does not wait to have answered.
        thread::sleep(Duration::from_millis(30));
        let end = cuts.get(i + 1).copied().unwrap_or(body.len());
        client.send(&body[*cut..end]);
    }
    client.answer()
}

/// The same status, and the body in it where it was in it before.
fn is_alike(answer: &Answer, whole: &Answer, body: &str, shows: bool) -> Verdict {
    answer.ensure(
        answer.status == whole.status,
        format!(
            "the status is {}, and {} if the body comes with the head",
            answer.status, whole.status
        ),
    )?;
    let lost = shows && whole.text().contains(body) && !answer.text().contains(body);
    let nul = answer.body.contains(&0) && !whole.body.contains(&0);
    let says = if nul {
        "there are NULs in the answer where the body should be"
    } else {
        "the body is lost, or a part of it"
    };
    answer.ensure(!lost, says)
}

fn chunked_late(server: &Server) -> Verdict {
    for page in &server.pages()?.post {
        let target = &page.target;
        let head = post_head(target, "Transfer-Encoding: chunked\r\n");
        let chunks = "12;a=b\r\nwirecheck=4711.471\r\n3\r\n1.x\r\n0\r\n\r\n";
        let whole = server.ask(format!("{head}{chunks}"))?;
        // Who does not take them has a check of its own.
        if whole.status >= 400 {
            continue;
        }
        let cuts: [&[usize]; 5] = [&[0], &[1], &[7], &[12, 27, 29], &[30, 37, 39]];
        for cuts in cuts {
            let what = format!("POST {target} in chunks, cut in two");
            let answer = in_pieces(server, &head, chunks.as_bytes(), cuts)
                .map_err(|failure| failure.asked(&what))?;
            let body = "wirecheck=4711.4711.x";
            is_alike(&answer, &whole, body, page.shows_body).map_err(|f| f.asked(&what))?;
        }
    }
    Ok(())
}

fn large_bodies(server: &Server) -> Verdict {
    let mut targets = vec!["/".to_string()];
    for page in &server.pages()?.post {
        targets.push(page.target.clone());
    }
    for target in targets {
        for length in [8 * 1024 + 1, 64 * 1024, 1 << 20] {
            let mut client = server.connect()?;
            client.send(post_head(&target, &format!("Content-Length: {length}\r\n")));
            client.send(vec![b'x'; length]);
            // Whether and how it is answered has checks of its own.
            let _ = client.answer();
            drop(client);
            server
                .serves_on()
                .map_err(|f| f.asked(&format!("after POST {target} with {length} bytes")))?;
        }
    }
    Ok(())
}

fn large_bodies_whole(server: &Server) -> Verdict {
    for page in server.pages()?.post.iter().filter(|page| page.shows_body) {
        for length in [8 * 1024 + 1, 64 * 1024] {
            let body = telling(length) + "end.4719";
            let answer = server.post(&page.target, &body)?;
            answer.ensure(
                answer.status >= 400 || answer.text().contains("end.4719"),
                format!(
                    "POST {} with {length} bytes: the answer does not hold their end",
                    page.target
                ),
            )?;
        }
    }
    Ok(())
}

/// Folders that are known, each with its slash: of pages and files, and what others use.
fn folders(server: &Server) -> Result<Vec<String>, Failure> {
    let mut folders = Vec::new();
    let usual = ["/files/", "/static/", "/public/", "/assets/"];
    for target in server.pages()?.get.iter().map(String::as_str).chain(usual) {
        let path = target.split('?').next().unwrap_or_default();
        for (at, _) in path.match_indices('/') {
            let folder = path[..=at].to_string();
            if !folders.contains(&folder) {
                folders.push(folder);
            }
        }
        // A route may take the rest of the path, as /files does.
        let folder = format!("{}/", path.trim_end_matches('/'));
        if !folders.contains(&folder) {
            folders.push(folder);
        }
    }
    Ok(folders)
}

/// A path from below a folder, in the spellings that slip through.
fn ways(folder: &str, up: usize, file: &str) -> Vec<String> {
    let dots = "../".repeat(up);
    let name = file.trim_start_matches('/');
    let mut ways = vec![
        format!("{folder}{dots}{name}"),
        format!("{folder}{}{name}", dots.replace("..", "%2e%2e")),
        format!("{folder}{}{name}", dots.replace('/', "%2f")),
        format!(
            "{folder}{}{}",
            dots.replace("..", "%2e%2e").replace('/', "%2f"),
            name.replace('/', "%2f")
        ),
        format!("{folder}{}{name}", dots.replace("..", "%252e%252e")),
        format!("{folder}{}{name}", dots.replace("../", "....//")),
        format!("{folder}{}{name}", dots.replace('/', "\\")),
        format!("{folder}x/../{dots}{name}"),
    ];
    if file.starts_with('/') {
        ways.push(format!("{folder}{file}"));
        ways.push(format!("{folder}%2f{name}"));
    }
    ways
}

/// None of these gets what must not be got.
fn keeps(server: &Server, targets: &[String], secret: &[u8], says: &str) -> Verdict {
    for target in targets {
        let mut client = server.connect()?;
        client.send(request("GET", target));
        // A close without an answer serves no file either.
        let answer = match client.answer() {
            Ok(answer) => answer,
            Err(failure @ Failure::Skipped(_)) => return Err(failure),
            Err(_) => continue,
        };
        let found = answer.body.windows(secret.len()).any(|part| part == secret);
        if found {
            return Err(answer.wrong(format!("GET {target}: {says}")));
        }
    }
    Ok(())
}

fn traversal(server: &Server) -> Verdict {
    let passwd = fs::read("/etc/passwd").unwrap_or_default();
    // A page may frame the file, and change what follows its last letter.
    let passwd = passwd.trim_ascii();
    if passwd.is_empty() {
        return Ok(());
    }
    for folder in folders(server)? {
        keeps(
            server,
            &ways(&folder, 12, "/etc/passwd"),
            passwd,
            "this is /etc/passwd of the server's machine",
        )?;
    }
    Ok(())
}

/// A folder beside the root, for as long as the check runs.
struct Beside(PathBuf);

impl Drop for Beside {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

impl Beside {
    fn of(root: &Path) -> Option<Beside> {
        let mut name = root.file_name()?.to_os_string();
        name.push(format!("-wirecheck-{}", std::process::id()));
        let beside = root.with_file_name(name);
        fs::create_dir(&beside).ok()?;
        let beside = Beside(beside);
        fs::write(beside.0.join("secret.txt"), SECRET).ok()?;
        Some(beside)
    }
}

fn root_of(server: &Server) -> Result<PathBuf, Failure> {
    let laid = server.files.as_deref().map(crate::site::Files::root);
    server.told.root.clone().or(laid).ok_or(Failure::Skipped(
        "needs to know the folder that is served: --root DIR".into(),
    ))
}

fn beside_root(server: &Server) -> Verdict {
    let site;
    let server = match server.is_ours() {
        true => {
            site = server.on_files(&[])?;
            &site
        }
        false => server,
    };
    let root = root_of(server)?;
    let Some(beside) = Beside::of(&root) else {
        return Err(Failure::Skipped(
            "cannot make a folder beside --root, to see whether it can be reached".into(),
        ));
    };
    let text = beside.0.display().to_string();
    let name = beside
        .0
        .file_name()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned();
    let rest = name.strip_prefix(&*root.file_name().unwrap_or_default().to_string_lossy());
    let rest = rest.unwrap_or_default();
    for folder in folders(server)? {
        let bare = folder.trim_end_matches('/');
        let mut targets = ways(&folder, 1, &format!("{name}/secret.txt"));
        targets.extend(ways(&folder, 2, &format!("{name}/secret.txt")));
        targets.push(format!("{bare}{rest}/secret.txt"));
        targets.push(format!("{folder}{text}/secret.txt"));
        keeps(
            server,
            &targets,
            SECRET.as_bytes(),
            "this file lies beside the folder that is served",
        )?;
    }
    Ok(())
}

fn files_of_root(server: &Server) -> Verdict {
    if server.is_ours() {
        // Its own checks ask for more.
        return Ok(());
    }
    let root = root_of(server)?;
    let names = some_files(&root);
    if names.is_empty() {
        return Err(Failure::Skipped("--root holds no plain file".into()));
    }
    let mut found = 0;
    for name in names {
        let Ok(wanted) = fs::read(root.join(&name)) else {
            continue;
        };
        for folder in folders(server)? {
            let answer = server.get(&format!("{folder}{name}"))?;
            if answer.status != 200 {
                continue;
            }
            found += 1;
            let what = format!("GET {folder}{name}");
            answer.body_is(&wanted).map_err(|f| f.asked(&what))?;
            break;
        }
    }
    if found == 0 {
        return Err(Failure::Skipped(
            "no file of --root is found below any known path: --path /files/ names one".into(),
        ));
    }
    Ok(())
}

/// A few of its files whose names need no encoding.
fn some_files(root: &Path) -> Vec<String> {
    let plain = |name: &str| {
        let fits = |b: u8| b.is_ascii_alphanumeric() || b"-_.~".contains(&b);
        name.bytes().all(fits) && !name.starts_with('.')
    };
    let mut names = Vec::new();
    for entry in fs::read_dir(root).into_iter().flatten().flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        let small = entry
            .metadata()
            .is_ok_and(|data| data.is_file() && data.len() < 1 << 20);
        if small && plain(&name) {
            names.push(name);
        }
    }
    names.sort();
    names.truncate(5);
    names
}

/// Pages with this as the value of each parameter that they may know.
fn with_parameter(server: &Server, usual: &[&str], value: &str) -> Result<Vec<String>, Failure> {
    let pages = server.pages()?;
    let own = pages.parameters.iter().map(String::as_str);
    let names: Vec<&str> = own.chain(usual.iter().copied()).collect();
    let mut targets = Vec::new();
    for target in &pages.get {
        let path = target.split('?').next().unwrap_or_default();
        let pairs: Vec<_> = names.iter().map(|name| format!("{name}={value}")).collect();
        // All at once, and each alone: a handler may look at the first only.
        targets.push(format!("{path}?{}", pairs.join("&")));
        targets.extend(pairs.iter().map(|pair| format!("{path}?{pair}")));
    }
    Ok(targets)
}

fn open_redirect(server: &Server) -> Verdict {
    const USUAL: &[&str] = &["next", "url", "to", "redirect", "return"];
    let mut targets = Vec::new();
    for value in [
        "//evil.example/",
        "http://evil.example/",
        "/%5Cevil.example",
    ] {
        targets.extend(with_parameter(server, USUAL, value)?);
        for path in ["/redirect", "/login", "/go", "/home"] {
            for name in USUAL {
                targets.push(format!("{path}?{name}={value}"));
            }
        }
    }
    for folder in folders(server)? {
        targets.push(format!("{folder}/evil.example"));
        targets.push(format!("{folder}/evil.example/"));
        targets.push(format!("{folder}http://evil.example/"));
        targets.push(format!("//evil.example{folder}"));
        targets.push(format!("//evil.example{folder}.."));
        targets.push(format!("//evil.example{}", folder.trim_end_matches('/')));
    }
    for target in targets {
        let mut client = server.connect()?;
        client.send(request("GET", &target));
        let Ok(answer) = Answer::read_final_head(&mut client) else {
            continue;
        };
        for location in answer.values("Location") {
            answer.ensure(
                !super::stage09::leads_away(&location),
                format!("GET {target} leads to another site: Location: {location}"),
            )?;
        }
    }
    Ok(())
}

fn parameters_escaped(server: &Server) -> Verdict {
    const SCRIPT: &str = "<script>alert(4711)</script>";
    let encoded = SCRIPT.replace('<', "%3C").replace('>', "%3E");
    let targets = with_parameter(server, &["name", "q"], &encoded)?;
    for target in targets {
        let mut client = server.connect()?;
        client.send(request("GET", &target));
        if let Ok(answer) = client.answer() {
            runs_no_script(&answer, &format!("GET {target}"), SCRIPT)?;
        }
    }
    for page in &server.pages()?.post {
        let form = format!("name={encoded}");
        let line = format!(
            "Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n",
            form.len()
        );
        for request in [
            crate::server::post(&page.target, SCRIPT),
            (post_head(&page.target, &line) + &form).into_bytes(),
        ] {
            if let Ok(answer) = server.ask(request) {
                runs_no_script(&answer, &format!("POST {}", page.target), SCRIPT)?;
            }
        }
    }
    Ok(())
}

fn runs_no_script(answer: &Answer, what: &str, script: &str) -> Verdict {
    let kind = answer.values("Content-Type").join(",").to_ascii_lowercase();
    // Without a type the browser guesses, and guesses HTML.
    let html = kind.is_empty() || ["html", "xml", "svg"].iter().any(|k| kind.contains(k));
    answer.ensure(
        !html || !answer.text().contains(script),
        format!("{what}: what the client sent would run in a browser"),
    )
}

fn chunk_lines(server: &Server) -> Verdict {
    for page in &server.pages()?.post {
        let head = post_head(&page.target, "Transfer-Encoding: chunked\r\n");
        let right = server.ask(format!("{head}5\r\nHello\r\n0\r\n\r\n"))?;
        let wrong = server.ask(format!("{head}xyz\r\nHello\r\n0\r\n\r\n"));
        // Some pages do not care what becomes of the body: there the status says nothing.
        if right.status >= 400 || wrong.is_ok_and(|wrong| wrong.status == right.status) {
            continue;
        }
        for (what, body) in [
            ("a size that ends in LF", "5\nHello\r\n0\r\n\r\n"),
            ("an extension that ends in LF", "5;a\nHello\r\n0\r\n\r\n"),
            ("data that ends in LF", "5\r\nHello\n0\r\n\r\n"),
        ] {
            let mut client = server.connect()?;
            client.wait_at_most(Duration::from_secs(1).min(server.patience));
            client.send(format!("{head}{body}"));
            let Ok(answer) = client.answer() else {
                continue;
            };
            answer.ensure(
                answer.status != right.status,
                format!(
                    "POST {}: {what} is taken for one that is right",
                    page.target
                ),
            )?;
        }
    }
    Ok(())
}
