//! Stage 10 cuts the query from the path, and reads it.

use super::house;
use super::protocol;
use crate::answer::Answer;
use crate::check::Check;
use crate::check::Harm;
use crate::check::Verdict;
use crate::rows::TARGET;
use crate::rows::WHOLE;
use crate::rows::answered;
use crate::rows::judged;
use crate::rows::on_files;
use crate::rows::refused;
use crate::server::Server;
use crate::server::post;
use crate::server::post_head;
use crate::server::request;
use crate::site::SECRET;
use crate::site::Site;

const HOUSE: Check = house(10);
const PROTOCOL: Check = protocol(10);
/// The query of the page that shows it.
const QUERY: &str = "GET /query?{} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
const URLENCODED: &str = "WHATWG URL §5.1: application/x-www-form-urlencoded";
/// What /query must show.
const PAIRS: Check = Check {
    rule: URLENCODED,
    expects: "200, and one <li>name = value</li> a pair, escaped, in order: what the crate form_urlencoded makes of it",
    ..HOUSE
};

pub(super) const CHECKS: &[Check] = &[
    Check {
        name: "query-on-file",
        rule: "RFC 3986 §3.4: the query begins at the first question mark, and is no part of the path",
        sends: "GET /style.css?v=2 · /style.css? · /sub/?a/b · /?a=b?c",
        expects: "200 and the file",
        hint: "Cut the target at the first ? before you look anything up.",
        run: |server| {
            let site = Site::new(server, &[])?;
            for (with, without) in [
                ("/style.css?v=2", "/style.css"),
                ("/style.css?", "/style.css"),
                ("/sub/?a/b", "/sub/"),
                ("/?a=b?c", "/"),
                ("/style.css?../../x", "/style.css"),
                ("http://localhost/style.css?v=2", "/style.css"),
                ("http://localhost?v=2", "/"),
            ] {
                let plain = site.server.get(without)?;
                let answer = site.server.get(with)?;
                answer.status(200)?;
                answer.body_is(&plain.body)?;
            }
            Ok(())
        },
        ..HOUSE
    },
    Check {
        name: "query-on-root",
        rule: "RFC 9110 §4.2.1: path and query identify the resource; an unknown query is no error of the message",
        sends: "GET /?wirecheck=1",
        expects: "an answer that does not call the request malformed",
        hint: "A question mark is allowed in every target.",
        run: |server| server.get("/?wirecheck=1&a=%20b")?.accepted(),
        ..PROTOCOL
    },
    Check {
        name: "query-cut-from-path",
        rule: "RFC 3986 §3.4: the query begins at the first question mark, and is no part of the path",
        sends: "GET /?wirecheck=1 · /?a=b?c · /?",
        expects: "the status of GET /",
        hint: "Cut the target at the first ? before you look anything up.",
        run: |server| {
            let plain = server.get("/")?;
            for target in ["/?wirecheck=1", "/?a=b?c", "/?", "/?/../x"] {
                server.get(target)?.status(plain.status)?;
            }
            Ok(())
        },
        ..HOUSE
    },
    Check {
        name: "query-on-route",
        rule: "Stage 10: the query is cut from the path everywhere",
        sends: "GET /teapot?a=b · /home?a=b · POST /echo?a=b · /no/such/page?a=b",
        expects: "418, 301, 200, 404: as without the query",
        hint: "Route by the path alone.",
        run: |server| {
            server.get("/teapot?a=b")?.status(418)?;
            server.get("/home?a=b")?.status(301)?;
            server
                .ask(post("/echo?a=b", "Hello!"))?
                .body_is(b"Hello!")?;
            server.get("/no/such/page?a=b")?.status(404)?;
            server.ask(request("DELETE", "/hello?a=b"))?.status(405)
        },
        ..HOUSE
    },
    Check {
        name: "query-kept-in-redirect",
        rule: "House: Location for /dir keeps the query",
        sends: "GET /sub?a=b&c",
        expects: "301 with Location: /sub/?a=b&c",
        hint: "Path, slash, and what followed the path.",
        run: |server| {
            let answer = Site::new(server, &[])?.server.get("/sub?a=b&c")?;
            answer.status(301)?;
            answer.field_is("Location", "/sub/?a=b&c")
        },
        ..HOUSE
    },
    Check {
        name: "question-mark-in-name",
        rule: "RFC 3986 §2.2: %3F is a character of the path, and begins no query",
        expects: "404: no file of this name is there",
        hint: "First cut, then decode.",
        rows: on_files(answered(TARGET, &["/style.css%3Fv=2"], &[404, 400])),
        ..HOUSE
    },
    Check {
        name: "traversal-with-query",
        rule: "RFC 9110 §17.3: a path must not reach files outside of the folder that is served",
        expects: "400 or 404, or the page without the query; not a byte of the secret",
        hint: "Cut first, then look at the segments.",
        rows: on_files(judged(
            TARGET,
            &[
                "/../secret.txt?a",
                "/?/../secret.txt",
                "/%2e%2e/secret.txt?x=/../",
                "/.hidden?a",
            ],
            |answer, _| answer.page_lacks(SECRET),
        )),
        harm: Harm::GivesAway,
        ..HOUSE
    },
    Check {
        name: "hello-by-name",
        rule: "Stage 10: /hello?name=Ada answers Hello, Ada!",
        sends: "GET /hello?name=Ada · /hello?x=y&name=Ada · /hello",
        expects: "<h1>Hello, Ada!</h1>; without a name <h1>Hello!</h1>",
        hint: "Look for the first pair with this name.",
        run: |server| {
            for target in ["/hello?name=Ada", "/hello?x=y&name=Ada"] {
                let answer = server.get(target)?;
                answer.status(200)?;
                answer.page_has("<h1>Hello, Ada!</h1>")?;
            }
            server.get("/hello")?.page_has("<h1>Hello!</h1>")?;
            server.get("/hello?x=y")?.page_has("<h1>Hello!</h1>")
        },
        ..HOUSE
    },
    Check {
        name: "hello-decoded",
        rule: URLENCODED,
        sends: "GET /hello?name=Zo%C3%AB+Ada%21",
        expects: "<h1>Hello, Zoë Ada!!</h1>",
        hint: "+ is a space in a query; %XX are bytes of UTF-8.",
        run: |server| {
            server
                .get("/hello?name=Zo%C3%AB+Ada%21")?
                .page_has("<h1>Hello, Zoë Ada!!</h1>")
        },
        ..HOUSE
    },
    Check {
        name: "hello-escaped",
        rule: "HTML Standard §13.3: what comes from outside is escaped, or it runs in the browser",
        sends: "GET /hello?name=<script>alert(1)</script>, raw and percent-encoded",
        expects: "200, and no <script> in the page",
        hint: "Escape after decoding, not before.",
        run: |server| {
            for target in [
                "/hello?name=<script>alert(1)</script>",
                "/hello?name=%3Cscript%3Ealert(1)%3C/script%3E",
            ] {
                let answer = server.get(target)?;
                answer.status(200)?;
                answer.page_lacks("<script")?;
                answer.page_has("&lt;script&gt;")?;
            }
            Ok(())
        },
        harm: Harm::LetsIn,
        ..HOUSE
    },
    Check {
        name: "query-pairs",
        hint: "Split at &, then each part at its first =.",
        rows: judged(QUERY, &["a=1&b=2&c=3"], shows),
        ..PAIRS
    },
    Check {
        name: "query-repeated-keys",
        hint: "A list of pairs, not a map.",
        rows: judged(QUERY, &["a=1&b=2&a=3&a=1"], shows),
        ..PAIRS
    },
    Check {
        name: "query-empty-parts",
        hint: "A part without = has an empty value; an empty part is no pair.",
        rows: judged(
            QUERY,
            &[
                "a=", "a", "=b", "=", "&&", "a&&b", "&", "", "&a=1&", "a=1&=&b",
            ],
            shows,
        ),
        ..PAIRS
    },
    Check {
        name: "query-equals-in-value",
        hint: "Split at the first =; the others belong to the value. In Rust split_once('=').",
        rows: judged(
            QUERY,
            &["a=b=c", "a==b", "a=b?", "a=?x=1", "a/b=c/d", "a:b=@"],
            shows,
        ),
        ..PAIRS
    },
    Check {
        name: "query-plus-and-percent",
        hint: "First split, then decode: %26 is an & that separates nothing.",
        rows: judged(
            QUERY,
            &[
                "a+b=c+d",
                "a%20b=%2B",
                "%61=%3D%26",
                "+=+",
                "a%3Db=c",
                "a%26b=c",
            ],
            shows,
        ),
        ..PAIRS
    },
    Check {
        name: "query-percent-invalid",
        hint: "What is no encoding stays as it is.",
        rows: judged(
            QUERY,
            &[
                "a=%", "%=%", "a=%z", "a=%2", "a=%zz%41", "a=%%41", "a=%+1", "a=%4%31",
            ],
            shows,
        ),
        ..PAIRS
    },
    Check {
        name: "query-utf-8",
        hint: "Put U+FFFD where the bytes are no UTF-8, and go on. In Rust String::from_utf8_lossy, in Python errors=\"replace\".",
        rows: judged(
            QUERY,
            &[
                "a=%C3%AB",
                "ë=ë",
                "a=%F0%9F%A6%80",
                "a=%FF",
                "a=%C3",
                "%C3=%28",
                "a=%ED%A0%80",
                "a=%F0%9F%A6",
            ],
            shows,
        ),
        ..PAIRS
    },
    Check {
        name: "query-semicolon",
        hint: "Only & separates; the semicolon went out of use.",
        rows: judged(QUERY, &["a=1;b=2"], shows),
        ..PAIRS
    },
    Check {
        name: "query-escaped",
        sends: "GET /query with < > & \" ' in names and values, raw and percent-encoded",
        hint: "Escape names too.",
        run: |server| {
            let query = "%3Cb%3E=%26amp;%22'&<i>=<script>alert(1)</script>";
            let answer = server.get(&format!("/query?{query}"))?;
            shows(&answer, query)?;
            answer.page_lacks("<script")?;
            // Between quotes, in an attribute, a quote would end the value.
            answer.page_lacks("\"'")
        },
        harm: Harm::LetsIn,
        ..PAIRS
    },
    Check {
        name: "query-anything",
        sends: "GET /query three hundred times, with queries put together by chance",
        hint: "Try your decoder on all kinds of bytes against one that is known to be right (in Rust form_urlencoded): that needs no server.",
        run: anything,
        ..PAIRS
    },
    Check {
        name: "form-decoded",
        rule: URLENCODED,
        sends: "POST / with Content-Type: application/x-www-form-urlencoded and text=Zo%C3%AB+%26+Ada%21",
        expects: "200, and `text = Zoë &amp; Ada!` in the page",
        hint: "A browser sends a form's fields as it writes a query: the same decoder reads both.",
        run: |server| {
            let body = "text=Zo%C3%AB+%26+Ada%21";
            let lines = format!(
                "Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n",
                body.len()
            );
            let answer = server.ask(post_head("/", &lines) + body)?;
            answer.status(200)?;
            answer.page_has("text = Zoë &amp; Ada!")
        },
        ..HOUSE
    },
    Check {
        name: "template-filled",
        rule: "Stage 10: /kittens?size=200 fills a template file",
        sends: "GET /kittens?size=321, and without a size",
        expects: "200, and width=\"321\" in the page; without a size width=\"200\"",
        hint: "Read the template, replace the placeholder.",
        run: |server| {
            let answer = server.get("/kittens?size=321")?;
            answer.status(200)?;
            answer.page_has("width=\"321\"")?;
            let plain = server.get("/kittens")?;
            plain.status(200)?;
            plain.page_has("width=\"200\"")
        },
        ..HOUSE
    },
    Check {
        name: "template-needs-a-number",
        rule: "RFC 9110 §15.5.1: what the client asked for makes no sense: 400",
        sends: "GET /kittens?size= with nothing behind it · big · -1 · 1e3 · 2.5 · 0x10 · %3Cscript%3E",
        expects: "400, and no <script> in the page",
        hint: "What is no number is an error of the client: answer 400. In Rust parse::<u32>() and ? instead of unwrap.",
        run: |server| {
            for size in [
                "",
                "big",
                "-1",
                "1e3",
                "2.5",
                "%3Cscript%3E",
                "0x10",
                "1%202",
            ] {
                let answer = server.get(&format!("/kittens?size={size}"))?;
                answer.status(400)?;
                answer.page_lacks("<script")?;
            }
            Ok(())
        },
        ..HOUSE
    },
    Check {
        name: "query-logged",
        rule: "Common Log Format: the request line as it was sent, query and all",
        sends: "GET /hello?name=logged-4718",
        expects: "a line with the whole target",
        hint: "Log the line of the request, not the path that you made of it.",
        run: |server| {
            server.get("/hello?name=logged-4718")?.status(200)?;
            server
                .stdout_line("\"GET /hello?name=logged-4718 HTTP/1.1\"")
                .map(|_| ())
        },
        ..HOUSE
    },
    Check {
        name: "target-absolute-form",
        rule: "RFC 9112 §3.2.2: a server MUST accept the absolute form",
        sends: "GET http://localhost/",
        expects: "the same as for GET /",
        hint: "Strip http:// and the authority; what is left is the path.",
        run: |server| same_as_root(server, "http://localhost/"),
        ..PROTOCOL
    },
    Check {
        name: "target-absolute-form-variants",
        rule: "RFC 9110 §4.2.3 and RFC 3986 §3.1: the scheme in any case, an empty path means /",
        sends: "HTTP://localhost/ · http://localhost · http://localhost:8080/ · http://[::1]/",
        expects: "the same as for GET /",
        hint: "If nothing is left after the authority, the path is /.",
        run: |server| {
            for target in [
                "HTTP://localhost/",
                "http://localhost",
                "http://localhost:8080/",
                "http://[::1]/",
            ] {
                same_as_root(server, target)?;
            }
            Ok(())
        },
        ..HOUSE
    },
    Check {
        name: "target-absolute-form-host-invalid",
        rule: "RFC 9110 §4.2.1 and RFC 3986 §3.2.2: the host of an http URI is held to the same rules as that of Host",
        sends: "GET http://[::1%1]/ · http://[fe80::1%2]:80/ · http://a%zz/ · http://%/ · http://x%2/ and more, and http://[v1.x]:80/",
        expects: "400; the last one, which is valid, is served",
        hint: "One function judges a host, wherever it stands.",
        run: |server| {
            for host in [
                "[::1%1]",
                "[fe80::1%2]:80",
                "[zz]",
                "[::1",
                "a%zz",
                "%",
                "x%2",
                "%%41",
                "a,b:80x",
                "<a>",
            ] {
                let head = request("GET", &format!("http://{host}/"));
                server.ask(head)?.status(400)?;
            }
            for host in ["[v1.x]:80", "[VF.a:b]", "%C3%AB.example"] {
                server.get(&format!("http://{host}/"))?.accepted()?;
            }
            Ok(())
        },
        ..HOUSE
    },
    Check {
        name: "target-absolute-form-host-ignored",
        rule: "RFC 9112 §3.2.2: with an absolute target the server MUST ignore the Host field's value",
        sends: "GET http://localhost/ with Host: other.example",
        expects: "the same as for GET /",
        hint: "Nothing to do, as long as you do not compare the two.",
        run: |server| same_with_host(server, "http://localhost/", "other.example"),
        ..PROTOCOL
    },
    Check {
        name: "target-absolute-form-needs-host",
        rule: "RFC 9112 §3.2.2: Host is demanded of every request of HTTP/1.1, absolute target or not",
        hint: "Check Host before you look at the target.",
        rows: refused(
            WHOLE,
            &["GET http://localhost/ HTTP/1.1\r\nConnection: close\r\n\r\n"],
        ),
        expects: "400 Bad Request",
        ..PROTOCOL
    },
];

/// The page of /query shows what the oracle makes of the query.
fn shows(answer: &Answer, query: &str) -> Verdict {
    answer.status(200)?;
    let wanted: Vec<_> = form_urlencoded::parse(query.as_bytes())
        .into_owned()
        .collect();
    let wanted: Vec<_> = wanted
        .iter()
        .map(|(name, value)| format!("{name} = {value}"))
        .collect();
    let found = items(answer);
    answer.ensure(
        found == wanted,
        format!("the list should be {wanted:?} and is {found:?}"),
    )
}

/// The list items of a page, as a browser shows them.
fn items(answer: &Answer) -> Vec<String> {
    let text = answer.text();
    let items = text.split("<li>").skip(1);
    let items = items.map(|item| item.split("</li>").next().unwrap_or_default());
    items.map(unescape).collect()
}

fn unescape(text: &str) -> String {
    let text = text.replace("&lt;", "<").replace("&gt;", ">");
    let text = text
        .replace("&quot;", "\"")
        .replace("&#39;", "'")
        .replace("&#x27;", "'");
    // Last, or &amp;lt; would be unescaped twice.
    text.replace("&amp;", "&")
}

fn anything(server: &Server) -> Verdict {
    let parts = [
        "a", "b", "Ada", "=", "=", "&", "&", "+", "%", "%2", "%41", "%c3%ab", "%C3", "%ff", "%26",
        "%3d", "%25", "%2B", "ë", "?", "/", ";", "<", "\"", "'", "%00", "0",
    ];
    // A generator of one line: the same queries on every run.
    let mut seed: u32 = 1;
    let mut chance = |below: usize| {
        seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (seed >> 16) as usize % below
    };
    for _ in 0..300 {
        let length = chance(12);
        let query: String = (0..length).map(|_| parts[chance(parts.len())]).collect();
        shows(&server.get(&format!("/query?{query}"))?, &query)?;
    }
    Ok(())
}

fn same_as_root(server: &Server, target: &str) -> Verdict {
    same_with_host(server, target, "localhost")
}

fn same_with_host(server: &Server, target: &str, host: &str) -> Verdict {
    let plain = server.get("/")?;
    let head = format!("GET {target} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
    let answer = server.ask(head)?;
    answer.status(plain.status)?;
    if server.is_ours() {
        return answer.body_is(&plain.body);
    }
    // A page may show the time, the target or the Host, so it may be another one than for
    // GET /. What it must not be is the page for a path that is not there.
    let missing = server.get("/no/such/page")?;
    let is_missing = without(&answer, target) == without(&missing, "/no/such/page");
    let differ = without(&plain, "/") != without(&missing, "/no/such/page");
    if !is_missing || !differ {
        return Ok(());
    }
    for _ in 0..10 {
        if server.get("/")?.body != plain.body {
            return Ok(());
        }
    }
    answer.ensure(
        false,
        format!("{target} gets the page for a path that is not there"),
    )
}

/// The page without what it says of the target. Slashes go, too: the target / is one.
fn without(answer: &Answer, target: &str) -> String {
    answer.text().replace(target, "").replace('/', "")
}
