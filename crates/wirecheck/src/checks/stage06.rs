//! Stage 06 tells the truth in its status, sets a deadline, and keeps a log.

use super::house;
use super::protocol;
use super::stage04::logged;
use super::stage05::refuses;
use crate::answer::Answer;
use crate::check::Check;
use crate::check::Failure;
use crate::check::Harm;
use crate::check::Level;
use crate::check::Verdict;
use crate::check::ensure;
use crate::rows::LINE;
use crate::rows::METHOD;
use crate::rows::TARGET;
use crate::rows::accepted;
use crate::rows::answered;
use crate::server::Server;
use crate::server::get_with;
use crate::server::request;

const HOUSE: Check = house(6);
const PROTOCOL: Check = protocol(6);

pub(super) const CHECKS: &[Check] = &[
    Check {
        name: "not-found",
        rule: "RFC 9110 §15.5.5: what is not there gets 404",
        sends: "GET /no/such/page, /hello/, /hello/x and //hello",
        expects: "404, and a page with <h1>404 Not Found</h1>",
        hint: "The page may say what it likes; programs read the status.",
        run: |server| {
            for target in ["/no/such/page", "/hello/", "/hello/x", "//hello"] {
                let answer = server.get(target)?;
                answer.status(404)?;
                answer.page_has("<h1>404 Not Found</h1>")?;
            }
            Ok(())
        },
        ..HOUSE
    },
    Check {
        name: "missing-is-404",
        rule: "RFC 9110 §15.5.5: what is not there gets 404, and not 200 with an apology",
        expects: "404, or 410, whatever the page says",
        hint: "Put the status into the first line: `HTTP/1.1 404 Not Found`. Search engines, caches and programs read it; the page is for people.",
        rows: answered(TARGET, &["/no/such/page-4719"], &[404, 410]),
        level: Level::Should,
        ..HOUSE
    },
    Check {
        name: "redirect",
        rule: "RFC 9110 §15.4.2: 301 with Location",
        sends: "GET /home",
        expects: "301, Location: /, and a short page",
        hint: "Location is a field of the answer; the browser follows it.",
        run: |server| {
            let answer = server.get("/home")?;
            answer.status(301)?;
            answer.field_is("Location", "/")
        },
        ..HOUSE
    },
    Check {
        name: "teapot",
        rule: "RFC 2324 §2.3.2: 418",
        sends: "GET /teapot",
        expects: "418, and a page",
        hint: "A route may answer with any status.",
        run: |server| {
            let answer = server.get("/teapot")?;
            answer.status(418)?;
            answer.page_has("<h1>418 ")
        },
        ..HOUSE
    },
    Check {
        name: "handler-fails",
        rule: "RFC 9110 §15.6.1: 500 for an unexpected condition; its cause is for the log, not for the client",
        sends: "GET /fail",
        expects: "500; a line on stderr with the cause; the page says none of it; the next client is served",
        hint: "Let one place call the handlers, and turn an error of theirs into a 500 and a log line. In Rust handlers return a Result.",
        run: handler_fails,
        ..HOUSE
    },
    Check {
        name: "error-page-has-type",
        rule: "RFC 9110 §15.5: an answer with an error SHOULD explain it, and so has a type",
        sends: "requests that get 400, 404, 405 and 501",
        expects: "text/html with charset=utf-8, and the status in <h1>",
        hint: "Errors are answers like others: build them with the same function.",
        run: |server| {
            let requests = [
                (400, "nonsense\r\n\r\n".to_string()),
                (404, request("GET", "/no/such/page")),
                (405, request("DELETE", "/hello")),
                (501, request("BREW", "/")),
            ];
            for (status, head) in requests {
                let answer = server.ask(head)?;
                answer.status(status)?;
                answer.field_is("Content-Type", "text/html; charset=utf-8")?;
                answer.page_has(&format!("<h1>{status} "))?;
            }
            Ok(())
        },
        ..HOUSE
    },
    Check {
        name: "method-not-allowed",
        rule: "RFC 9110 §15.5.6: the resource does not support the method: 405",
        expects: "405",
        hint: "The path is in the table, the method is not.",
        rows: answered(
            METHOD,
            &[
                "PUT /hello",
                "DELETE /hello",
                "OPTIONS /hello",
                "TRACE /hello",
                "PATCH /hello",
            ],
            &[405],
        ),
        ..HOUSE
    },
    Check {
        name: "allow-with-405",
        rule: "RFC 9110 §15.5.6: the origin server MUST send Allow with 405",
        sends: "DELETE /",
        expects: "if the status is 405: a field Allow (a server may allow DELETE, or not know it)",
        hint: "Without Allow the client learns what it may not do, and not what it may.",
        run: |server| {
            let answer = server.ask(request("DELETE", "/"))?;
            let fits = answer.status != 405 || !answer.values("Allow").is_empty();
            answer.ensure(fits, "405 without Allow")
        },
        ..PROTOCOL
    },
    Check {
        name: "allow-is-computed",
        rule: "RFC 9110 §10.2.1: Allow lists the methods that the resource supports",
        sends: "DELETE /hello",
        expects: "405 with Allow: GET, HEAD",
        hint: "Collect the methods of all rows with this path; GET brings HEAD with it.",
        run: |server| {
            let answer = server.ask(request("DELETE", "/hello"))?;
            answer.status(405)?;
            allows(&answer, &["GET", "HEAD"])
        },
        ..HOUSE
    },
    Check {
        name: "method-unknown",
        rule: "RFC 9110 §9.1 and §15.6.2: a method that the server does not know SHOULD get 501",
        expects: "501: methods are case-sensitive",
        hint: "Known are the eight of RFC 9110 §9.3 and PATCH.",
        rows: answered(METHOD, &["BREW /", "get /", "GETX /", "PROPFIND /"], &[501]),
        ..HOUSE
    },
    Check {
        name: "connect-refused",
        rule: "RFC 9112 §3.2.3: the authority form is for CONNECT to a proxy",
        expects: "405 or 501: the request is right, but an origin server is no proxy",
        hint: "Let a host and a port through the parser when the method is CONNECT, and refuse the method.",
        rows: answered(
            METHOD,
            &[
                "CONNECT localhost:80",
                "CONNECT a.example:80",
                "CONNECT [::1]:80",
            ],
            &[405, 501],
        ),
        ..HOUSE
    },
    Check {
        name: "connect-needs-a-host-and-port",
        rule: "RFC 9112 §3.2.3: the authority form is uri-host \":\" port, and CONNECT has no other",
        expects: "400",
        hint: "Judge the target by the form that belongs to the method.",
        rows: answered(
            METHOD,
            &[
                "CONNECT /",
                "CONNECT a.example",
                "CONNECT a.example:",
                "CONNECT :80",
                "CONNECT http://a.example:80/",
                "CONNECT a.example:80/",
                "CONNECT u@a.example:80",
                "CONNECT *",
            ],
            &[400],
        ),
        ..HOUSE
    },
    Check {
        name: "refusal-says-why-in-the-log",
        rule: "House: for a refusal, stderr tells which rule was broken, and by which request",
        sends: "GET /logged-4719 with a field that has no colon, and `nonsense-4720`",
        expects: "a line on stderr for each, with the request line, 400, and a reason that is not in the page",
        hint: "Carry the reason beside the status. Whoever writes a client looks for it; strangers need not read it.",
        run: |server| {
            for (head, line) in [
                (
                    get_with("/logged-4719", "nonsense\r\n"),
                    "GET /logged-4719 HTTP/1.1",
                ),
                ("nonsense-4720\r\n\r\n".into(), "nonsense-4720"),
            ] {
                let answer = server.ask(head)?;
                answer.status(400)?;
                let logged = server.stderr_line(line)?;
                let (_, reason) = logged.split_once(line).unwrap_or_default();
                let words = reason.split(|c: char| !c.is_alphabetic());
                let words = words.filter(|word| word.len() > 2).count();
                // `" 400 Bad Request` is two.
                ensure(
                    reason.contains("400") && words > 3,
                    format!("the line on stderr gives no reason: {logged}"),
                )?;
            }
            Ok(())
        },
        ..HOUSE
    },
    Check {
        name: "options-asterisk",
        rule: "RFC 9112 §3.2.4: OPTIONS * is a right request",
        expects: "anything but 400, 404 or a fault of the server (ours: 200)",
        hint: "Let * through the parser when the method is OPTIONS.",
        rows: answered(METHOD, &["OPTIONS *"], &[200, 204, 405, 501]),
        ..HOUSE
    },
    Check {
        name: "version-other-major",
        rule: "RFC 9110 §15.6.6: 505 for a major version that the server does not speak",
        expects: "505",
        hint: "Judge the major version, the first digit.",
        rows: answered(
            LINE,
            &[
                "GET / HTTP/2.0",
                "GET / HTTP/3.0",
                "GET / HTTP/0.9",
                "GET / HTTP/9.9",
            ],
            &[505],
        ),
        ..HOUSE
    },
    Check {
        name: "version-higher-minor",
        rule: "RFC 9110 §6.2: a higher minor version is read as the highest that the server knows",
        expects: "served as HTTP/1.1, and answered with HTTP/1.1",
        hint: "Only the major version can be refused.",
        rows: accepted(LINE, &["GET / HTTP/1.2", "GET / HTTP/1.9"]),
        level: Level::Should,
        ..HOUSE
    },
    Check {
        name: "request-line-too-long",
        rule: "RFC 9112 §3: a target longer than the server wishes to parse MUST get 414",
        sends: "a request line of 8,100 bytes, and one of 1 MB whose end never comes",
        expects: "414 both times, readable though the client still sends",
        hint: "Look at the line's length before its parts; and do not wait for an end that may not come.",
        run: |server| {
            server
                .get(&format!("/{}", "a".repeat(8_084)))?
                .status(414)?;
            server
                .ask(format!("GET /{}", "a".repeat(1_000_000)))?
                .status(414)
        },
        ..HOUSE
    },
    Check {
        name: "request-line-of-8000",
        rule: "RFC 9112 §3: it is RECOMMENDED to support request lines of 8,000 octets at least",
        sends: "a request line of 7,990 bytes",
        expects: "anything but 414 or 400 (ours: 404)",
        hint: "Allow 8,000 bytes.",
        run: |server| {
            let head = request("GET", &format!("/{}", "a".repeat(7_975)));
            server.ask(head)?.accepted()
        },
        level: Level::Should,
        ..HOUSE
    },
    Check {
        name: "field-too-large",
        rule: "RFC 9110 §5.4: fields larger than the server wishes to process MUST get a 4xx",
        sends: "one field of 20 kB, and one of 1 MB whose end never comes",
        expects: "431, readable though the client still sends",
        hint: "Count the bytes of the head while you read it; above 16 KiB it is 431 (RFC 6585 §5).",
        run: |server| {
            server
                .ask(get_with(
                    "/",
                    &format!("X-Wirecheck: {}\r\n", "a".repeat(20_000)),
                ))?
                .status(431)?;
            let endless = "a".repeat(1_000_000);
            server
                .ask(format!("GET / HTTP/1.1\r\nHost: localhost\r\nX: {endless}"))?
                .status(431)
        },
        ..HOUSE
    },
    Check {
        name: "head-too-large",
        rule: "RFC 9110 §5.4: fields larger than the server wishes to process MUST get a 4xx",
        sends: "heads of 16,300 and of 16,500 bytes, in fields of 300",
        expects: "the first is served, the second gets 431",
        hint: "The limit is for the whole head, not for a line.",
        run: |server| {
            let head = |length: usize| {
                let lines = format!("X-Wirecheck: {}\r\n", "a".repeat(285)).repeat(54);
                let rest = length - get_with("/", &lines).len() - "X: \r\n".len();
                get_with("/", &format!("{lines}X: {}\r\n", "a".repeat(rest)))
            };
            server.ask(head(16_300))?.accepted()?;
            server.ask(head(16_500))?.status(431)
        },
        ..HOUSE
    },
    Check {
        name: "fields-too-many",
        rule: "RFC 6585 §5: 431; ours take a hundred fields",
        sends: "100 fields, then 101",
        expects: "100 are served, 101 get 431",
        hint: "A head of 16 KiB can hold four thousand fields: count them.",
        run: |server| {
            server
                .ask(get_with("/", &"a: b\r\n".repeat(98)))?
                .accepted()?;
            server
                .ask(get_with("/", &"a: b\r\n".repeat(99)))?
                .status(431)
        },
        ..HOUSE
    },
    Check {
        name: "huge-head-survived",
        rule: "RFC 9110 §5.4: a head that is too large gets a 4xx, and ends no server",
        sends: "a field name of 100 kB, a field value of 100 kB, and a target of 100 kB",
        expects: "served, a 4xx, or a close; for the fields never a 5xx; the next client is served",
        hint: "Libraries have limits of their own, and some fail hard on long names: test yours.",
        run: |server| {
            let long = "a".repeat(100_000);
            for (fields, head) in [
                (true, get_with("/", &format!("{long}: a\r\n"))),
                (true, get_with("/", &format!("a: {long}\r\n"))),
                (false, request("GET", &format!("/{long}"))),
            ] {
                let mut client = server.connect()?;
                client.send(head);
                // A server may close while we still send: no answer is no fault here.
                if let Ok(answer) = client.answer() {
                    answer.ensure(
                        answer.status < 500 || !fields,
                        "a fault of the client, not of the server",
                    )?;
                }
            }
            server.serves_on()
        },
        harm: Harm::Ends,
        ..PROTOCOL
    },
    Check {
        name: "nonsense-judged-at-once",
        rule: "RFC 9112 §3.2: an invalid request line SHOULD get 400; there is nothing to wait for",
        sends: "`nonsense` and CRLF, and keeps its side open",
        expects: "400, though no empty line has come",
        hint: "Judge the request line as soon as it is complete.",
        run: |server| refuses(server, &["nonsense\r\n"]),
        ..HOUSE
    },
    Check {
        name: "head-cut-off",
        rule: "RFC 9112 §8: a request that ends early is incomplete; 400 where it can still be sent",
        sends: "a part of a head, then half-closes; at four places",
        expects: "400",
        hint: "End of stream with bytes in the buffer is an error; with an empty buffer it is a farewell.",
        run: |server| {
            for part in [
                "G",
                "GET / HT",
                "GET / HTTP/1.1\r\n",
                "GET / HTTP/1.1\r\nHost: local",
            ] {
                let mut client = server.connect()?;
                client.send(part);
                client.half_close();
                client.answer()?.status(400)?;
            }
            Ok(())
        },
        ..HOUSE
    },
    Check {
        name: "nothing-sent-nothing-answered",
        rule: "RFC 9112 §9.5: a browser's spare connection is closed without a word",
        sends: "nothing (and one empty line), then half-closes",
        expects: "the end of the stream without a byte",
        hint: "No request, no answer: if the buffer is empty at the end, just close.",
        run: |server| {
            for part in ["", "\r\n"] {
                let mut client = server.connect()?;
                client.send(part);
                client.half_close();
                client.closes_silently()?;
            }
            Ok(())
        },
        ..HOUSE
    },
    Check {
        name: "no-field-injected",
        rule: "RFC 9110 §5.5: CR and LF end a field: what is copied into one must not hold them",
        sends: "GET for paths and queries with %0D%0A, %0A and a field X-Wirecheck behind them",
        expects: "no field X-Wirecheck in any answer",
        hint: "Whoever decodes the target and copies it into Location lets others write the answer (response splitting). Copy it as it was sent, or refuse control bytes.",
        run: |server| {
            let field = "X-Wirecheck:%20injected";
            for target in [
                format!("/%0d%0a{field}"),
                format!("/%0D%0A{field}/"),
                format!("/%0a{field}"),
                format!("/home%0d%0a{field}"),
                format!("/home?next=/%0d%0a{field}"),
                format!("/?url=/%0d%0a{field}"),
                format!("//%0d%0a{field}/%2e%2e"),
            ] {
                let mut client = server.connect()?;
                client.send(request("GET", &target));
                // A close without an answer has no fields either.
                if let Ok(head) = Answer::read_final_head(&mut client) {
                    let injected = !head.values("X-Wirecheck").is_empty();
                    head.ensure(!injected, "the client has written a field of the answer")?;
                }
            }
            Ok(())
        },
        harm: Harm::LetsIn,
        ..PROTOCOL
    },
    Check {
        name: "no-content-means-none",
        rule: "RFC 9110 §8.6, §15.3.5 and §15.4.5: 204 and 304 have no content, and 204 no Content-Length",
        sends: "GET / on the condition that it has changed, OPTIONS /, GET /favicon.ico",
        expects: "if the status is 204 or 304: nothing after the empty line; with 204 neither Content-Length nor Transfer-Encoding",
        hint: "The client reads no body after a 204 or a 304: what you send is taken for the next answer.",
        run: |server| {
            let condition =
                "If-None-Match: *\r\nIf-Modified-Since: Sun, 06 Nov 2094 08:49:37 GMT\r\n";
            for head in [
                get_with("/", condition),
                get_with("/", "If-None-Match: *\r\n"),
                request("OPTIONS", "/"),
                request("GET", "/favicon.ico"),
            ] {
                let answer = server.ask(head)?;
                let framed = !answer.values("Content-Length").is_empty()
                    || !answer.values("Transfer-Encoding").is_empty();
                answer.ensure(
                    answer.status != 204 || !framed,
                    "204 has no content, and so no Content-Length (RFC 9110 §8.6)",
                )?;
            }
            Ok(())
        },
        ..PROTOCOL
    },
    Check {
        name: "slow-page",
        rule: "Stage 06: /slow takes a second",
        sends: "GET /slow",
        expects: "200, sooner or later",
        hint: "Let the handler wait (in Rust thread::sleep).",
        run: |server| server.get("/slow")?.status(200),
        waits: true,
        ..HOUSE
    },
    Check {
        name: "access-log-of-refusals",
        rule: "Common Log Format: each request has its line, the refused ones too",
        sends: "BREW /logged-4714, and `nonsense-4715`",
        expects: "lines with 501 and 400",
        hint: "Log where the answer is sent: there every request comes by.",
        run: |server| {
            let size = server.ask(request("BREW", "/logged-4714"))?.body.len();
            logged(
                server,
                "\"BREW /logged-4714 HTTP/1.1\"",
                501,
                &[&size.to_string()],
            )?;
            let size = server.ask("nonsense-4715\r\n\r\n")?.body.len();
            logged(server, "\"nonsense-4715\"", 400, &[&size.to_string()])
        },
        ..HOUSE
    },
    Check {
        name: "access-log-of-head",
        rule: "Common Log Format: the bytes of the body that were sent; for none 0 or -",
        sends: "HEAD /logged-4716",
        expects: "a line with 404 and 0 (or -)",
        hint: "Log the bytes that you write, not Content-Length.",
        run: |server| {
            server.head("/logged-4716")?;
            logged(server, "\"HEAD /logged-4716 HTTP/1.1\"", 404, &["0", "-"])
        },
        ..HOUSE
    },
    Check {
        name: "refusals-in-order",
        rule: "House: request line 400, 414 → version 505 → fields 400, 431 → method 501 → 404 → 405",
        sends: "requests with two faults each",
        expects: "the status of the fault that comes first",
        hint: "Judge in the order in which the bytes arrive.",
        run: refusals_in_order,
        ..HOUSE
    },
    Check {
        name: "head-of-errors",
        rule: "RFC 9110 §9.3.2: no content in an answer to HEAD, whatever its status",
        sends: "HEAD for requests that get 301, 400, 404, 414, 418 and 500, and GET for the same",
        expects: "the same status and Content-Length as for GET, and no body",
        hint: "One place writes answers, and it alone leaves the body out.",
        run: |server| {
            for target in ["/home", "/no/such/page", "/teapot", "/fail"] {
                let (head, get) = (server.head(target)?, server.get(target)?);
                head.status(get.status)?;
                head.field_is("Content-Length", &get.body.len().to_string())?;
            }
            server
                .head(&format!("/{}", "a".repeat(9_000)))?
                .status(414)?;
            server
                .ask("HEAD / HTTP/1.1\r\nConnection: close\r\n\r\n")?
                .status(400)
        },
        ..HOUSE
    },
    Check {
        name: "refusal-readable-while-sending",
        rule: "RFC 9112 §9.6: a refusal is lost if a reset follows it: close in stages",
        sends: "`nonsense`, then 5 MB more, and reads only then",
        expects: "400, readable to its end",
        hint: "The same closing for refusals as for answers.",
        run: |server| {
            let mut client = server.connect()?;
            client.send("nonsense\r\n");
            client.send(vec![b'x'; 5_000_000]);
            let answer = client.answer()?;
            answer.status(400)?;
            answer.is_not_reset()
        },
        harm: Harm::Loses,
        ..HOUSE
    },
    Check {
        name: "head-has-no-body",
        rule: "RFC 9110 §9.3.2: the server MUST NOT send content in the answer to HEAD",
        sends: "HEAD /",
        expects: "nothing after the empty line",
        hint: "Build the answer as for GET, and leave the body out when you write it.",
        run: |server| server.head("/").map(|_| ()),
        ..PROTOCOL
    },
    Check {
        name: "head-supported",
        rule: "RFC 9110 §9.1: a general-purpose server MUST support GET and HEAD",
        sends: "HEAD /, and GET /",
        expects: "the same status for both",
        hint: "Find the answer for HEAD as for GET.",
        run: |server| {
            let get = server.get("/")?;
            let head = server.head("/")?;
            let says = format!("GET gets {}, and HEAD {}", get.status, head.status);
            head.ensure(head.status == get.status, says)
        },
        ..PROTOCOL
    },
    Check {
        name: "head-has-the-fields-of-get",
        rule: "RFC 9110 §9.3.2 and §8.6: the same fields as for GET; a Content-Length only with GET's value",
        sends: "HEAD / and GET /, and both for a path that is not there",
        expects: "Content-Type alike; Content-Length alike, where HEAD has one",
        hint: "Count the body before you drop it. Error pages, too, leave it out for HEAD.",
        run: |server| {
            for target in ["/", "/no/such/page"] {
                let get = server.get(target)?;
                let head = server.head(target)?;
                // That HEAD is served at all has a check of its own.
                if head.status != get.status {
                    continue;
                }
                for name in ["Content-Type", "Content-Length"] {
                    let (wanted, found) = (get.values(name), head.values(name));
                    // A server may leave out what it would have to make the body to know.
                    let fits = found == wanted || found.is_empty() || wanted.is_empty();
                    head.ensure(
                        fits || varies(server, target, name)?,
                        format!("{name}: {found:?} for HEAD, {wanted:?} for GET"),
                    )?;
                }
            }
            Ok(())
        },
        ..PROTOCOL
    },
];

/// Allow lists exactly these, in any order.
pub(super) fn allows(answer: &Answer, methods: &[&str]) -> Verdict {
    let field = answer.field("Allow")?;
    let mut found: Vec<_> = field.split(',').map(str::trim).collect();
    found.sort_unstable();
    let mut wanted = methods.to_vec();
    wanted.sort_unstable();
    answer.ensure(
        found == wanted,
        format!("Allow should list {wanted:?} and says {field:?}"),
    )
}

fn handler_fails(server: &Server) -> Verdict {
    let own = server.own(&[])?;
    let answer = own.get("/fail")?;
    answer.status(500)?;
    own.serves_on()?;
    let line = own.stderr_line("")?;
    let cause = line.rsplit(": ").next().unwrap_or_default();
    ensure(!cause.is_empty(), "the cause of the 500 is not on stderr")?;
    answer.page_lacks(cause)
}

fn refusals_in_order(server: &Server) -> Verdict {
    let long = "a".repeat(9_000);
    let requests = [
        (
            414,
            format!("GET /{long} HTTP/2.0\r\nHost: localhost\r\n\r\n"),
        ),
        (505, "GET / HTTP/2.0\r\nno colon\r\n\r\n".to_string()),
        (400, "BREW / HTTP/1.1\r\nno colon\r\n\r\n".to_string()),
        (501, request("BREW", "/no/such/page")),
        (404, request("DELETE", "/no/such/page")),
        (405, request("DELETE", "/teapot")),
    ];
    for (status, head) in requests {
        let answer = server.ask(head).map_err(|failure| match failure {
            Failure::Wrong { says, exchange } => Failure::Wrong {
                says: format!("expected {status}: {says}"),
                exchange,
            },
            skipped @ Failure::Skipped(_) => skipped,
        })?;
        answer.status(status)?;
    }
    Ok(())
}

/// A page may be another one each time: by the clock, or at random. Then two answers differ
/// without a fault, for GET, or for HEAD.
fn varies(server: &Server, target: &str, name: &str) -> Result<bool, Failure> {
    let ask = || {
        Ok((
            server.get(target)?.values(name),
            server.head(target)?.values(name),
        ))
    };
    let first = ask()?;
    if first.0 == first.1 {
        return Ok(true);
    }
    for _ in 0..10 {
        if ask()? != first {
            return Ok(true);
        }
    }
    Ok(false)
}
