//! Stage 09 serves files, and nothing that lies outside of the root.

use std::fs;
use std::thread;
use std::time::Duration;

use super::house;
use super::protocol;
use super::stage04::logged;
use super::stage06::allows;
use crate::answer::Answer;
use crate::check::Check;
use crate::check::Failure;
use crate::check::Harm;
use crate::check::Level;
use crate::check::Verdict;
use crate::check::ensure;
use crate::rows::Rows;
use crate::rows::TARGET;
use crate::rows::answered;
use crate::rows::judged;
use crate::rows::on_files;
use crate::server::Server;
use crate::server::request;
use crate::site::BIG;
use crate::site::SECRET;
use crate::site::Site;

const HOUSE: Check = house(9);
const PROTOCOL: Check = protocol(9);
/// A path that leads out of the root.
const TRAVERSAL: Check = Check {
    rule: "RFC 9110 §17.3: a path must not reach files outside of the folder that is served",
    expects: "400 or 404, and not a byte of the secret",
    hint: "Decode first, then look at each segment between slashes: none begins with a dot. Then resolve the path (realpath; in Rust canonicalize), and ask whether it starts with the canonical root, segment by segment.",
    ..HOUSE
};
const NOT_FOUND: Check = Check {
    expects: "404 (or 400), never 500",
    ..HOUSE
};

/// None of these is a file that is served.
const fn missing(targets: &'static [&'static str]) -> Option<Rows> {
    on_files(answered(TARGET, targets, &[404, 400]))
}

/// None of these leads to the secret.
const fn secret(targets: &'static [&'static str]) -> Option<Rows> {
    on_files(judged(TARGET, targets, |answer, _| hides_secret(answer)))
}

pub(super) const CHECKS: &[Check] = &[
    Check {
        name: "file",
        rule: "Stage 09: files below ROOT",
        sends: "GET for files of several kinds, one of them in a folder",
        expects: "200 and the bytes of the file",
        hint: "Join the root and the decoded path; open; copy.",
        run: |server| {
            let site = Site::new(server, &[])?;
            for name in [
                "style.css",
                "picture.png",
                "sub/file.txt",
                "no-index/file.txt",
                "no-extension",
            ] {
                serves_file(&site, &format!("/{name}"), name)?;
            }
            Ok(())
        },
        ..HOUSE
    },
    Check {
        name: "file-empty",
        rule: "RFC 9110 §8.6: a length of zero is a length",
        sends: "GET /empty.txt",
        expects: "200 with Content-Length: 0",
        hint: "Nothing to do, unless you take empty for missing.",
        run: |server| serves_file(&Site::new(server, &[])?, "/empty.txt", "empty.txt"),
        ..HOUSE
    },
    Check {
        name: "file-types",
        rule: "RFC 9110 §8.3: Content-Type says what the bytes are; text needs its charset",
        sends: "GET for .html, .css, .js, .txt, .json, .png, an unknown extension, and none",
        expects: "text/… with charset=utf-8, image/png without, application/octet-stream where nothing is known",
        hint: "The type follows from the ending of the name: html, css, png and so on; what is unknown is application/octet-stream. In Rust mime_guess::from_path(…).first_or_octet_stream().",
        run: file_types,
        ..HOUSE
    },
    Check {
        name: "file-head",
        rule: "RFC 9110 §9.3.2: the fields of GET, and no content",
        sends: "HEAD /style.css and HEAD /big.bin (100 MB)",
        expects: "200, Content-Type and Content-Length of the file, no body",
        hint: "The length is in the metadata: do not read the file for it.",
        run: |server| {
            let site = Site::new(server, &[])?;
            let get = site.server.get("/style.css")?;
            let head = site.server.head("/style.css")?;
            head.status(200)?;
            head.field_is("Content-Type", &get.field("Content-Type")?)?;
            head.field_is("Content-Length", &get.body.len().to_string())?;
            site.server
                .head("/big.bin")?
                .field_is("Content-Length", &BIG.to_string())
        },
        ..HOUSE
    },
    Check {
        name: "file-other-methods",
        rule: "RFC 9110 §15.5.6: 405 with Allow",
        sends: "POST, PUT and DELETE /style.css",
        expects: "405 with Allow: GET, HEAD; and the file is still there",
        hint: "A file supports GET and HEAD.",
        run: |server| {
            let site = Site::new(server, &[])?;
            for method in ["POST", "PUT", "DELETE"] {
                let answer = site.server.ask(request(method, "/style.css"))?;
                answer.status(405)?;
                allows(&answer, &["GET", "HEAD"])?;
            }
            serves_file(&site, "/style.css", "style.css")
        },
        ..HOUSE
    },
    Check {
        name: "index-of-root",
        rule: "Stage 09: GET / is index.html",
        sends: "GET / and GET /index.html",
        expects: "200 and the bytes of index.html",
        hint: "A folder is served by its index.html.",
        run: |server| {
            let site = Site::new(server, &[])?;
            serves_file(&site, "/", "index.html")?;
            serves_file(&site, "/index.html", "index.html")
        },
        ..HOUSE
    },
    Check {
        name: "index-of-folder",
        rule: "Stage 09: GET /dir/ is dir/index.html",
        sends: "GET /sub/",
        expects: "200 and the bytes of sub/index.html",
        hint: "A folder is served by its index.html.",
        run: |server| serves_file(&Site::new(server, &[])?, "/sub/", "sub/index.html"),
        ..HOUSE
    },
    Check {
        name: "folder-redirects",
        rule: "RFC 9110 §15.4.2: /dir → /dir/, else relative links in its page lead astray",
        sends: "GET and HEAD /sub",
        expects: "301 with Location: /sub/",
        hint: "If the path is a folder and does not end with a slash, redirect.",
        run: |server| {
            let site = Site::new(server, &[])?;
            for answer in [site.server.get("/sub")?, site.server.head("/sub")?] {
                answer.status(301)?;
                answer.field_is("Location", "/sub/")?;
            }
            Ok(())
        },
        ..HOUSE
    },
    Check {
        name: "folder-redirect-stays-here",
        rule: "RFC 3986 §4.2: a reference that begins with // names another host",
        sends: "GET //sub, ///sub, //evil.example/%2e%2e/sub, and /\\odd.example, which is a folder",
        expects: "404, or a redirect whose Location begins with one slash and no backslash",
        hint: "Collapse the slashes at the beginning, or //evil.example is where your visitors go.",
        run: |server| {
            let site = Site::new(server, &[])?;
            for target in [
                "//sub",
                "///sub",
                "//evil.example/%2e%2e/sub",
                "/\\evil.example/..%2fsub",
                "/\\odd.example",
            ] {
                let answer = site.server.get(target)?;
                answer.status_in(&[301, 400, 404])?;
                for location in answer.values("Location") {
                    let leaves = location.starts_with("//")
                        || location.starts_with("/\\")
                        || !location.starts_with('/');
                    answer.ensure(!leaves, leaves_the_site(&location))?;
                }
            }
            Ok(())
        },
        harm: Harm::LetsIn,
        ..HOUSE
    },
    Check {
        name: "folder-without-index",
        rule: "House: a folder without index.html is not found (no listing)",
        sends: "GET /no-index/, and GET /odd/, where index.html is a folder; and GET / when its index.html is gone",
        hint: "Open its index.html, and take the answer from there.",
        run: |server| {
            let site = Site::new(server, &[])?;
            not_found(&site, &["/no-index/", "/odd/"])?;
            fs::remove_file(site.root().join("index.html"))
                .map_err(|e| Failure::new(format!("the checker cannot delete a file: {e}")))?;
            not_found(&site, &["/"])
        },
        ..NOT_FOUND
    },
    Check {
        name: "file-with-slash",
        rule: "RFC 3986 §6.2.4: /file and /file/ are alike only where the server redirects; here one of the two is there",
        hint: "The system says `not a directory`: that is a 404 as well.",
        rows: missing(&["/style.css/", "/style.css/x", "/style.css/index.html"]),
        ..NOT_FOUND
    },
    Check {
        name: "percent-decoded",
        rule: "RFC 3986 §2.1 and §6.2.2.2: %XX stands for a byte, in either case",
        sends: "GET /a%20space.txt · /%73tyle.css · /%C3%ab.txt · /100%25.txt · /a%2Bplus.txt",
        expects: "200 and the file",
        hint: "Decode bytes, then make text of them: ë has two.",
        run: |server| {
            let site = Site::new(server, &[])?;
            serves_file(&site, "/a%20space.txt", "a space.txt")?;
            serves_file(&site, "/%73tyle.css", "style.css")?;
            serves_file(&site, "/%C3%ab.txt", "ë.txt")?;
            serves_file(&site, "/ë.txt", "ë.txt")?;
            serves_file(&site, "/100%25.txt", "100%.txt")?;
            serves_file(&site, "/a%2Bplus.txt", "a+plus.txt")
        },
        ..HOUSE
    },
    Check {
        name: "plus-is-a-plus",
        rule: "RFC 3986 §2.2: + means a space in forms only, not in paths",
        sends: "GET /a+plus.txt and GET /a+space.txt",
        expects: "200 and the file; 404",
        hint: "The decoder for paths leaves + alone.",
        run: |server| {
            let site = Site::new(server, &[])?;
            serves_file(&site, "/a+plus.txt", "a+plus.txt")?;
            not_found(&site, &["/a+space.txt"])
        },
        ..HOUSE
    },
    Check {
        name: "percent-decoded-once",
        rule: "RFC 3986 §2.4: implementations must not decode the same string twice",
        hint: "One decoder, called in one place.",
        rows: missing(&[
            "/%2573tyle.css",
            "/a%2520space.txt",
            "/%252e%252e/secret.txt",
        ]),
        ..NOT_FOUND
    },
    Check {
        name: "percent-invalid",
        rule: "RFC 3986 §2.1: a percent sign is followed by two hex digits",
        sends: "GET /%zz · /% · /%2 · /%+1 · /100%.txt · /%u0041",
        hint: "What is no encoding stays as it is, and names no file here; do not look for digits past the end of the text.",
        run: |server| {
            let site = Site::new(server, &[])?;
            not_found(
                &site,
                &["/%zz", "/%", "/%2", "/%+1", "/%u0041", "/%C3%", "/%\u{eb}"],
            )?;
            // `100%.txt` is there: literally, or refused as badly encoded.
            site.server.get("/100%.txt")?.status_in(&[200, 400, 404])
        },
        ..NOT_FOUND
    },
    Check {
        name: "name-with-nul",
        rule: "House: a strange name is not found; it is no fault of the server",
        hint: "The system refuses NUL in a name: every error of opening is a 404, unless you know better.",
        rows: missing(&["/style.css%00", "/style.css%00.png", "/%00"]),
        ..NOT_FOUND
    },
    Check {
        name: "name-no-utf-8",
        rule: "House: a strange name is not found; it is no fault of the server",
        sends: "GET /%ff%fe · /%c3 · /%ed%a0%80 and the same bytes raw",
        hint: "Make the path from bytes, or refuse what is no UTF-8; a failed decoding must not end the server.",
        run: |server| {
            let site = Site::new(server, &[])?;
            not_found(&site, &["/%ff%fe", "/%c3", "/%ed%a0%80"])?;
            let answer = site
                .server
                .ask(b"GET /\xff\xfe HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")?;
            answer.status_in(&[400, 404])
        },
        ..NOT_FOUND
    },
    Check {
        name: "odd-names-are-no-fault",
        rule: "RFC 9110 §15.6: 5xx says that the server has failed; a name that cannot be is the client's affair",
        sends: "GET /%00 · /a%00.html · /%ff%fe · /%zz · /% · a name of 300 and of 5,000 characters · /%2f · /..%2f, from whatever folder is served",
        expects: "an answer below 500 (404, 400, 414 …), and the next client is served",
        hint: "Opening a file fails in many ways: NUL, ENAMETOOLONG, ENOTDIR, bytes that are no UTF-8. Each is a 404 unless you know better.",
        run: |server| {
            for target in [
                "/%00",
                "/a%00.html",
                "/%ff%fe",
                "/%zz",
                "/%",
                "/%2f",
                "/..%2f",
            ]
            .map(String::from)
            .into_iter()
            .chain([300, 5_000].map(|length| format!("/{}", "a".repeat(length))))
            {
                let answer = server.get(&target)?;
                answer.ensure(
                    answer.status < 500,
                    format!("{} for a name that cannot be there", answer.status),
                )?;
            }
            server.serves_on()
        },
        level: Level::Should,
        ..HOUSE
    },
    Check {
        name: "name-too-long",
        rule: "House: a strange name is not found; it is no fault of the server",
        sends: "GET for a name of 300 and of 5,000 characters, and a path of 2,000 folders",
        hint: "ENAMETOOLONG is an error of its own; treat it as not found.",
        run: |server| {
            let site = Site::new(server, &[])?;
            not_found(
                &site,
                &[
                    &format!("/{}", "a".repeat(300)),
                    &format!("/{}", "a".repeat(5_000)),
                    &"/a".repeat(2_000),
                ],
            )
        },
        ..NOT_FOUND
    },
    Check {
        name: "dot-files",
        rule: "House: no segment that begins with a dot is served",
        hint: "One rule for ., .., .git and .env.",
        rows: missing(&[
            "/.hidden",
            "/.git/config",
            "/.git/",
            "/.git",
            "/%2ehidden",
            "/%2Egit/config",
            "/sub/../.hidden",
        ]),
        harm: Harm::GivesAway,
        ..NOT_FOUND
    },
    Check {
        name: "well-known",
        rule: "RFC 8615 §3: /.well-known/ is where certificate authorities, and others, look",
        sends: "GET /.well-known/acme-challenge/token; and what lies beside it and begins with a dot",
        expects: "200 and the file; 404 (or 400) for the others",
        hint: "One exception to the rule of dots: the first segment may be .well-known.",
        run: |server| {
            let site = Site::new(server, &[])?;
            let name = ".well-known/acme-challenge/token";
            serves_file(&site, "/.well-known/acme-challenge/token", name)?;
            not_found(
                &site,
                &[
                    "/.well-known/.hidden",
                    "/.well-known/../.hidden",
                    "/.well-known/%2e%2e/.git/config",
                    "/.well-known-not/token",
                    "/sub/.well-known/token",
                ],
            )
        },
        ..HOUSE
    },
    Check {
        name: "dot-segments",
        rule: "House: no segment that begins with a dot is served, though it would stay within the root (browsers and curl remove them before they ask)",
        hint: "One rule for ., .., .git and .env.",
        rows: missing(&[
            "/./style.css",
            "/sub/../style.css",
            "/sub/.",
            "/sub/..",
            "/...",
        ]),
        ..NOT_FOUND
    },
    Check {
        name: "traversal-plain",
        rows: secret(&[
            "/../secret.txt",
            "/sub/../../secret.txt",
            "/sub/deep/../../../secret.txt",
            "/../www/../secret.txt",
            "/./../secret.txt",
            "//../secret.txt",
        ]),
        harm: Harm::GivesAway,
        ..TRAVERSAL
    },
    Check {
        name: "traversal-encoded",
        rows: secret(&[
            "/%2e%2e/secret.txt",
            "/.%2e/secret.txt",
            "/%2E./secret.txt",
            "/..%2fsecret.txt",
            "/..%2Fsecret.txt",
            "/%2e%2e%2fsecret.txt",
            "/sub%2f..%2f..%2fsecret.txt",
            "/sub/..%2f../secret.txt",
        ]),
        harm: Harm::GivesAway,
        ..TRAVERSAL
    },
    Check {
        name: "traversal-odd-encodings",
        rows: secret(&[
            "/%c0%ae%c0%ae/secret.txt",
            "/..%c0%afsecret.txt",
            "/%252e%252e/secret.txt",
            "/..\\secret.txt",
            "/..%5csecret.txt",
            "/..;/secret.txt",
            "/..%09/secret.txt",
            "/..%00/secret.txt",
            "/%u002e%u002e/secret.txt",
        ]),
        harm: Harm::GivesAway,
        ..TRAVERSAL
    },
    Check {
        name: "traversal-absolute",
        sends: "the absolute path of the secret after //, after %2f, and in an absolute-form target",
        run: |server| {
            let site = Site::new(server, &[])?;
            let secret = site
                .root()
                .with_file_name("secret.txt")
                .display()
                .to_string();
            keeps_secret(
                &site,
                &[
                    &secret,
                    &format!("/{secret}"),
                    &format!("//{secret}"),
                    &format!("/%2f{secret}"),
                    &format!("/sub/%2F{secret}"),
                    &format!("http://localhost/{secret}"),
                    &format!("http://localhost/../secret.txt?{secret}"),
                ],
            )
        },
        harm: Harm::GivesAway,
        ..TRAVERSAL
    },
    Check {
        name: "traversal-sibling",
        rows: secret(&[
            "/../www-private/secret.txt",
            "-private/secret.txt",
            "/-private/secret.txt",
            "/%2e%2e/www-private/secret.txt",
            "/link-to-sibling/secret.txt",
            "/link-to-sibling/",
        ]),
        harm: Harm::GivesAway,
        ..TRAVERSAL
    },
    Check {
        name: "traversal-by-link",
        rows: secret(&[
            "/link-outside.txt",
            "/link-up.txt",
            "/link-to-parent/secret.txt",
            "/link-to-parent/www-private/secret.txt",
        ]),
        harm: Harm::GivesAway,
        ..TRAVERSAL
    },
    Check {
        name: "traversal-to-passwd",
        rule: "RFC 9110 §17.3: a path must not reach files outside of the folder that is served",
        sends: "the way to /etc/passwd from any folder, plain, encoded, absolute",
        expects: "any answer but the contents of that file",
        hint: "`open(\".\" + path)` serves the whole disk. Refuse segments that begin with a dot, after decoding; then compare canonical paths.",
        run: passwd,
        harm: Harm::GivesAway,
        ..PROTOCOL
    },
    Check {
        name: "no-open-redirect",
        rule: "RFC 3986 §4.2: a reference that begins with // names another host",
        sends: "GET //evil.example, with dots behind it, encoded and not, and with a backslash",
        expects: "any answer but a redirect to evil.example",
        hint: "The target comes from whoever made the link: do not copy its leading slashes into Location.",
        run: |server| {
            for target in [
                "//evil.example",
                "//evil.example/",
                "//evil.example/..",
                "//evil.example/%2e%2e",
                "/\\evil.example/%2e%2e",
                "//evil.example//",
            ] {
                let mut client = server.connect()?;
                client.send(request("GET", target));
                let Ok(answer) = client.answer() else {
                    continue;
                };
                for location in answer.values("Location") {
                    answer.ensure(!leads_away(&location), leaves_the_site(&location))?;
                }
            }
            Ok(())
        },
        harm: Harm::LetsIn,
        ..PROTOCOL
    },
    Check {
        name: "links-within-root",
        rule: "House: symbolic links are followed within ROOT",
        sends: "GET /link-inside.txt and /link-to-sub/file.txt",
        expects: "200 and the file",
        hint: "Resolve all links (realpath; in Rust canonicalize); the question is only where the path ends up.",
        run: |server| {
            let site = Site::new(server, &[])?;
            serves_file(&site, "/link-inside.txt", "plain.txt")?;
            serves_file(&site, "/link-to-sub/file.txt", "sub/file.txt")
        },
        ..HOUSE
    },
    Check {
        name: "links-to-nowhere",
        rule: "House: a strange name is not found; it is no fault of the server",
        hint: "ELOOP is one more error of opening: not found.",
        rows: missing(&["/link-round", "/link-nowhere", "/link-round/x"]),
        ..NOT_FOUND
    },
    Check {
        name: "special-files",
        rule: "House: special files never hang a thread",
        sends: "GET and HEAD for a FIFO, a socket, and a link to /dev/zero",
        hint: "Opening a FIFO waits for a writer: ask for the metadata first, and serve plain files only.",
        run: |server| {
            let site = Site::new(server, &["--threads", "2"])?;
            for _ in 0..3 {
                not_found(&site, &["/fifo", "/socket", "/link-to-zero"])?;
                site.server.head("/fifo")?.status_in(&[400, 404])?;
            }
            site.server.serves_on()
        },
        harm: Harm::Loses,
        ..NOT_FOUND
    },
    Check {
        name: "routes-before-files",
        rule: "House: routes win over files",
        sends: "GET /hello, where ROOT has a file of that name",
        expects: "the page of the route",
        hint: "Look into the table first.",
        run: |server| {
            let site = Site::new(server, &[])?;
            fs::write(site.root().join("hello"), "a file named as a route").map_err(|e| {
                Failure::new(format!("the checker cannot write the file hello: {e}"))
            })?;
            site.server.get("/hello")?.page_has("<h1>Hello")
        },
        ..HOUSE
    },
    Check {
        name: "route-decoded",
        rule: "RFC 3986 §6.2.2.2: %68 and h are the same in a path",
        sends: "GET /%68ello and GET /hell%6F",
        expects: "the page of /hello",
        hint: "Decode the path before you look it up, for routes as for files.",
        run: |server| {
            for target in ["/%68ello", "/hell%6F"] {
                let answer = server.get(target)?;
                answer.status(200)?;
                answer.page_has("<h1>Hello")?;
            }
            Ok(())
        },
        ..HOUSE
    },
    Check {
        name: "allow-unites-routes-and-files",
        rule: "RFC 9110 §10.2.1: Allow lists the methods that the resource supports",
        sends: "DELETE / and DELETE /echo; and DELETE /hello, where ROOT has a file of that name",
        expects: "405 with Allow: GET, HEAD, POST (the file's and the route's); POST; and GET, HEAD, each once",
        hint: "Add the file's methods if there is a file.",
        run: |server| {
            let site = Site::new(server, &[])?;
            let root = site.server.ask(request("DELETE", "/"))?;
            root.status(405)?;
            allows(&root, &["GET", "HEAD", "POST"])?;
            let echo = site.server.ask(request("DELETE", "/echo"))?;
            echo.status(405)?;
            allows(&echo, &["POST"])?;
            fs::write(site.root().join("hello"), "a file named as a route").map_err(|e| {
                Failure::new(format!("the checker cannot write the file hello: {e}"))
            })?;
            let hello = site.server.ask(request("DELETE", "/hello"))?;
            hello.status(405)?;
            allows(&hello, &["GET", "HEAD"])
        },
        ..HOUSE
    },
    Check {
        name: "own-public-folder",
        rule: "Stage 09: without ROOT the stage's own public/ is served, from whatever folder it is started",
        sends: "GET / and GET /style.css without a ROOT",
        expects: "200, text/html and text/css",
        hint: "The folder belongs to the program, not to where it is started. In Rust, `cargo run` sets CARGO_MANIFEST_DIR to the crate's folder: ask for it when you run, and not with env! when you compile, or a moved checkout is lost.",
        run: |server| {
            // Another server's folder is its owner's choice.
            server.only_ours()?;
            let page = server.get("/")?;
            page.status(200)?;
            page.field_is("Content-Type", "text/html; charset=utf-8")?;
            let style = server.get("/style.css")?;
            style.status(200)?;
            style.field_is("Content-Type", "text/css; charset=utf-8")
        },
        ..HOUSE
    },
    Check {
        name: "root-is-missing",
        rule: "House: a bad ROOT: clear error, exit status 1",
        sends: "nothing: starts the server on a folder that is not there, and on a file",
        expects: "exit status 1 and `error: …` with the path on stderr",
        hint: "Resolve it at the start (realpath; in Rust canonicalize), and look whether it is a folder.",
        run: |server| {
            let missing = "/no/such/folder-wirecheck";
            for root in [missing, "/etc/passwd"] {
                let ended = server.run_to_end(&["--port", "0", root])?;
                let stderr = String::from_utf8_lossy(&ended.stderr);
                let said =
                    stderr.contains("error: ") && stderr.contains(root) && ended.stdout.is_empty();
                ensure(
                    ended.status == Some(1) && said,
                    format!(
                        "exit status {:?} for {root}; stderr: {stderr}",
                        ended.status
                    ),
                )?;
            }
            Ok(())
        },
        ..HOUSE
    },
    Check {
        name: "big-file",
        rule: "House: a large file is streamed in constant memory",
        sends: "GET /big.bin, 100 MB",
        expects: "all its bytes, and less than 50 MB of memory at any time (where /proc tells)",
        hint: "Copy the file in blocks; do not read it whole (fs::read in Rust, read() in Python).",
        run: big_file,
        ..HOUSE
    },
    Check {
        name: "big-file-and-gone",
        rule: "RFC 9112 §9.5: a client may break off at any time, and the server must cope",
        sends: "GET /big.bin, reads a little, then closes or resets, ten times (--threads 2)",
        expects: "the next client is served",
        hint: "A failed write ends the copy, not the thread.",
        run: |server| {
            let site = Site::new(server, &["--threads", "2"])?;
            for i in 0..10 {
                let mut client = site.server.connect()?;
                client.send(request("GET", "/big.bin"));
                client.bytes(1000)?;
                if i % 2 == 0 {
                    client.reset();
                }
            }
            site.server.serves_on()
        },
        harm: Harm::Ends,
        ..HOUSE
    },
    Check {
        name: "big-file-never-read",
        rule: "House: a client that does not read is left after some timeouts",
        sends: "GET /big.bin on two connections that read nothing, to a server with --threads 2 and --timeout 1; then GET /",
        expects: "the answer to the third, once the time of the others has passed",
        hint: "Set a time limit on writes: one that never ends holds its thread for ever. In Rust set_write_timeout.",
        run: |server| {
            server.only_ours()?;
            let mut site = Site::new(server, &["--threads", "2", "--timeout", "1"])?;
            // Six timeouts in a row, and more before them that ended with a part.
            site.server.patience = 3 * server.patience;
            let mut deaf = Vec::new();
            for _ in 0..2 {
                let mut client = site.server.connect()?;
                client.send(request("GET", "/big.bin"));
                deaf.push(client);
            }
            thread::sleep(Duration::from_millis(20));
            site.server.serves_on()?;
            drop(deaf);
            Ok(())
        },
        harm: Harm::Loses,
        ..HOUSE
    },
    Check {
        name: "cut-off-is-logged",
        rule: "Common Log Format: the bytes of the body that were sent",
        sends: "GET /big.bin (100 MB), reads a little, and breaks off",
        expects: "a line with the bytes that went out: more than none, and fewer than all",
        hint: "Count what is written, and log the count when the writing has ended, however it has.",
        run: |server| {
            let site = Site::new(server, &[])?;
            let mut client = site.server.connect()?;
            client.send(request("GET", "/big.bin"));
            client.bytes(1 << 20)?;
            client.reset();
            let line = site.server.stdout_line("\"GET /big.bin HTTP/1.1\" 200 ")?;
            let bytes = line
                .rsplit(' ')
                .next()
                .and_then(|text| text.parse::<u64>().ok());
            let cut = bytes.is_some_and(|bytes| (1 << 19..BIG).contains(&bytes));
            ensure(
                cut,
                format!("more than a MiB went out, and less than all: {line}"),
            )
        },
        ..HOUSE
    },
    Check {
        name: "file-logged",
        rule: "Common Log Format: the bytes of the body that were sent",
        sends: "GET /style.css and GET /a%20space.txt",
        expects: "lines with 200 and the size of the file; the target as it was sent",
        hint: "Log the line of the request, not the path that you made of it.",
        run: |server| {
            let site = Site::new(server, &[])?;
            for (target, size) in [("/style.css", "19"), ("/a%20space.txt", "6")] {
                site.server.get(target)?.status(200)?;
                logged(
                    &site.server,
                    &format!("\"GET {target} HTTP/1.1\""),
                    200,
                    &[size],
                )?;
            }
            Ok(())
        },
        ..HOUSE
    },
];

/// GET answers 200 with the bytes of this file.
fn serves_file(site: &Site, target: &str, name: &str) -> Verdict {
    let wanted = fs::read(site.root().join(name))
        .map_err(|e| Failure::new(format!("the checker cannot read {name}: {e}")))?;
    let answer = site.server.get(target)?;
    answer.status(200)?;
    answer.body_is(&wanted)
}

fn not_found(site: &Site, targets: &[&str]) -> Verdict {
    for target in targets {
        site.server.get(target)?.status_in(&[404, 400])?;
    }
    site.server.still_runs()
}

/// Neither the secret nor a redirect or a listing that tells of it.
fn keeps_secret(site: &Site, targets: &[&str]) -> Verdict {
    for target in targets {
        hides_secret(&site.server.get(target)?)?;
    }
    Ok(())
}

fn hides_secret(answer: &Answer) -> Verdict {
    answer.page_lacks(SECRET)?;
    answer.status_in(&[400, 404])
}

/// WHATWG URL §4.4: in an http URL a backslash is a slash.
fn leaves_the_site(location: &str) -> String {
    format!(
        "Location {location} leaves the site: a host follows // and /\\, for browsers read \\ as /"
    )
}

fn file_types(server: &Server) -> Verdict {
    let site = Site::new(server, &[])?;
    let types: [(&str, &[&str]); 8] = [
        ("page.html", &["text/html; charset=utf-8"]),
        ("style.css", &["text/css; charset=utf-8"]),
        ("script.js", &["text/javascript; charset=utf-8"]),
        ("plain.txt", &["text/plain; charset=utf-8"]),
        (
            "data.json",
            &["application/json", "application/json; charset=utf-8"],
        ),
        ("picture.png", &["image/png"]),
        ("unknown.wirecheck", &["application/octet-stream"]),
        ("no-extension", &["application/octet-stream"]),
    ];
    for (name, wanted) in types {
        let answer = site.server.get(&format!("/{name}"))?;
        answer.status(200)?;
        let found = answer.field("Content-Type")?;
        answer.ensure(
            wanted.contains(&found.as_str()),
            format!(
                "the type of {name} should be {} and is {found}",
                wanted.join(" or ")
            ),
        )?;
    }
    Ok(())
}

fn passwd(server: &Server) -> Verdict {
    let passwd = fs::read("/etc/passwd").unwrap_or_default();
    // A page may frame the file, and change what follows its last letter.
    let passwd = passwd.trim_ascii();
    if passwd.is_empty() {
        return Ok(());
    }
    let up = "../".repeat(12);
    let targets = [
        format!("/{up}etc/passwd"),
        format!("/{}etc/passwd", up.replace("..", "%2e%2e")),
        format!("/{}etc/passwd", up.replace("..", "%252e%252e")),
        format!("/?file=/{up}etc/passwd"),
        format!("/{}etc%2fpasswd", up.replace('/', "%2f")),
        format!("/{}etc/passwd", up.replace("..", ".%2e")),
        format!("/index.html/{up}etc/passwd"),
        format!("/..;/{up}etc/passwd"),
        "//etc/passwd".to_string(),
        "/%2fetc/passwd".to_string(),
        "///etc/passwd".to_string(),
        "/etc/passwd".to_string(),
        format!("http://localhost/{up}etc/passwd"),
    ];
    for target in targets {
        let mut client = server.connect()?;
        client.send(request("GET", &target));
        // A close without an answer serves no file either.
        if let Ok(answer) = client.answer() {
            answer.ensure(
                !answer.body.windows(passwd.len()).any(|part| part == passwd),
                "this is /etc/passwd of the server's machine",
            )?;
        }
    }
    Ok(())
}

/// As a browser reads it: a backslash is a slash, and any number of slashes is two.
pub(super) fn leads_away(location: &str) -> bool {
    let location = location.replace('\\', "/");
    let rest = location
        .trim_start_matches("http:")
        .trim_start_matches("https:");
    rest.starts_with("//") && rest.trim_start_matches('/').starts_with("evil.example")
}

fn big_file(server: &Server) -> Verdict {
    let site = Site::new(server, &[])?;
    let mut client = site.server.connect()?;
    client.send(request("GET", "/big.bin"));
    let head = Answer::read_head(&mut client)?;
    head.status(200)?;
    head.field_is("Content-Length", &BIG.to_string())?;
    let mut rest = BIG;
    while rest > 0 {
        let block = client.some_bytes()?;
        rest = rest.saturating_sub(block.len() as u64);
        ensure(
            block == vec![0; block.len()],
            "the bytes are not those of the file",
        )?;
    }
    let peak = site.server.proc_status("VmHWM").unwrap_or_default();
    ensure(peak < 50_000, format!("{peak} kB of memory for one file"))
}
