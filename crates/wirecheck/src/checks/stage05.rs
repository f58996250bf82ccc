//! Stage 05 parses the request line and the fields, strictly, and routes.
//! It gives no answer yet to what is malformed; from stage 06 on that is 400.

use super::house;
use super::protocol;
use crate::answer::Answer;
use crate::check::Check;
use crate::check::Harm;
use crate::check::Level;
use crate::check::Verdict;
use crate::rows::FIELD;
use crate::rows::FIELDS;
use crate::rows::HOST;
use crate::rows::LINE;
use crate::rows::TARGET;
use crate::rows::WHOLE;
use crate::rows::accepted;
use crate::rows::refused;
use crate::server::Server;
use crate::server::get_with;
use crate::server::request;

const HOUSE: Check = house(5);
const PROTOCOL: Check = protocol(5);
/// A message that every server must refuse.
const MALFORMED: Check = Check {
    expects: "400 Bad Request (in stage 05 still: closed without an answer)",
    ..PROTOCOL
};
/// A message that the RFCs let a server repair; ours refuse it.
const REFUSED: Check = Check {
    level: Level::Ours,
    ..MALFORMED
};

pub(super) const CHECKS: &[Check] = &[
    Check {
        name: "hello-route",
        until: Some(9),
        rule: "Stage 05: a table of routes",
        sends: "GET /hello",
        expects: "200, and a page with <h1>Hello!</h1>",
        hint: "Look the target up in the table.",
        run: |server| {
            let answer = server.get("/hello")?;
            answer.status(200)?;
            answer.page_has("<h1>Hello!</h1>")
        },
        ..HOUSE
    },
    Check {
        name: "unknown-path-says-so",
        rule: "Stage 05: any other path gets a page that says so",
        sends: "GET /no/such/page",
        expects: "a page with `not found` and the path (with status 200 in stage 05, 404 later)",
        hint: "What is not in the table gets this page.",
        run: |server| {
            let answer = server.get("/no/such/page")?;
            answer.status(if server.stage == 5 { 200 } else { 404 })?;
            let text = answer.text().to_lowercase();
            answer.ensure(
                text.contains("not found"),
                "the page should say `not found`",
            )?;
            answer.page_has("/no/such/page")
        },
        ..HOUSE
    },
    Check {
        name: "path-escaped-in-page",
        rule: "HTML Standard §13.3: what comes from outside is escaped, or it runs in the browser",
        sends: "GET /<script>alert(4711)</script>&amp;\", raw and percent-encoded, in the path and in the query",
        expects: "no <script>alert(4711)</script> in a page that a browser takes for HTML",
        hint: "Replace & < > \" (in this order) before you put the path into HTML.",
        run: |server| {
            // Not alert(1): that is what a page of somebody's own might hold.
            for target in [
                "/<script>alert(4711)</script>&amp;\"",
                "/%3Cscript%3Ealert(4711)%3C/script%3E",
                "/?<script>alert(4711)</script>",
                "/?name=%3Cscript%3Ealert(4711)%3C/script%3E",
            ] {
                let mut client = server.connect()?;
                client.send(request("GET", target));
                // Neither < nor " is part of a URI: whoever sends them may be shut out.
                if !server.is_ours() && client.read_more().unwrap_or(0) == 0 {
                    continue;
                }
                let answer = client.answer()?;
                let kind = answer.values("Content-Type").join(",").to_ascii_lowercase();
                // Without a type the browser guesses, and guesses HTML.
                if kind.is_empty() || ["html", "xml", "svg"].iter().any(|k| kind.contains(k)) {
                    answer.page_lacks("<script>alert(4711)</script>")?;
                }
            }
            Ok(())
        },
        harm: Harm::LetsIn,
        ..PROTOCOL
    },
    Check {
        name: "length-counts-bytes",
        rule: "RFC 9110 §8.6: Content-Length counts octets: ë is one character and two bytes",
        sends: "GET /ë (raw), /%C3%AB and /?name=%C3%AB",
        expects: "answers that end where their Content-Length says, whether the page shows the ë or not",
        hint: "Encode the page first, then take the length of the bytes: len(text.encode()), Buffer.byteLength(text).",
        run: |server| {
            for target in ["/ë", "/%C3%AB", "/?name=%C3%AB", "/hello?name=%C3%AB"] {
                let mut client = server.connect()?;
                client.send(request("GET", target));
                // A byte above 0x7F is no part of a URI: whoever sends it may be shut out.
                if client.read_more().unwrap_or(0) > 0 {
                    client.answer()?;
                }
            }
            Ok(())
        },
        ..PROTOCOL
    },
    Check {
        name: "path-is-case-sensitive",
        rule: "RFC 9110 §4.2.3: all of a URI but scheme and host is case-sensitive",
        sends: "GET /HELLO",
        expects: "the page for a path that is not there",
        hint: "Compare paths byte for byte.",
        run: |server| {
            let answer = server.get("/HELLO")?;
            answer.page_lacks("<h1>Hello")
        },
        ..HOUSE
    },
    Check {
        name: "host-missing",
        rule: "RFC 9112 §3.2: a server MUST answer 400 to a request of HTTP/1.1 without Host",
        hint: "Count the fields named Host: it must be one.",
        rows: refused(WHOLE, &["GET / HTTP/1.1\r\nConnection: close\r\n\r\n"]),
        ..MALFORMED
    },
    Check {
        name: "host-twice",
        rule: "RFC 9112 §3.2: a server MUST answer 400 to a request with more than one Host field",
        sends: "two Host fields: alike, different, and written in different case",
        hint: "Count the fields named Host: it must be one. Names have no case: hOST is Host.",
        run: |server| {
            refuses(
                server,
                &[
                    &get_with("/", "Host: localhost\r\n"),
                    &get_with("/", "Host: other.example\r\n"),
                    &get_with("/", "hOST: localhost\r\n"),
                ],
            )
        },
        ..MALFORMED
    },
    Check {
        name: "host-invalid",
        rule: "RFC 9112 §3.2: a server MUST answer 400 to a Host field with an invalid value",
        hint: "uri-host [ \":\" port ]: letters, digits, -._~%!$&'()*+,;= or an address in brackets.",
        rows: refused(
            HOST,
            &[
                "a b",
                "a/b",
                "a,b.example/",
                "user@a",
                "a?b",
                "a#b",
                "<a>",
                "a\\b",
            ],
        ),
        ..REFUSED
    },
    Check {
        name: "host-port-invalid",
        rule: "RFC 9112 §3.2 and RFC 3986 §3.2.3: port = *DIGIT",
        hint: "After the colon only digits (or nothing).",
        rows: refused(HOST, &["localhost:80x", "localhost:-1", "localhost:80:80"]),
        ..REFUSED
    },
    Check {
        name: "host-bracket-invalid",
        rule: "RFC 3986 §3.2.2: an IPv6 address stands in brackets, and the brackets close",
        hint: "Between the brackets stands an IPv6 address, and after them nothing or a port. In Rust Ipv6Addr parses it.",
        rows: refused(
            HOST,
            &[
                "[::1",
                "::1",
                "[zz]",
                "[::1]x",
                "[]",
                "[1.2.3.4]",
                "[v1.]",
                "[v.x]",
                "[vg.x]",
                "[v1.a/b]",
            ],
        ),
        ..REFUSED
    },
    Check {
        name: "host-zone-invalid",
        rule: "RFC 3986 §3.2.2: an IPv6 address in a URI has no zone: that is for one machine alone",
        hint: "Parsers of addresses may take a zone: take the brackets off, and parse an address without port. In Rust Ipv6Addr, not SocketAddrV6.",
        rows: refused(
            HOST,
            &["[::1%1]", "[fe80::1%2]:80", "[fe80::1%25eth0]", "[::1%lo]"],
        ),
        ..REFUSED
    },
    Check {
        name: "host-percent-invalid",
        rule: "RFC 3986 §2.1 and §3.2.2: in a name a percent sign is followed by two hex digits",
        hint: "Allow % only before two hex digits.",
        rows: refused(HOST, &["%", "a%zz", "x%2", "%%41", "a%4g.example:80", "a%"]),
        ..REFUSED
    },
    Check {
        name: "host-of-the-future",
        rule: "RFC 3986 §3.2.2: IP-literal = \"[\" ( IPv6address / IPvFuture ) \"]\"",
        expects: "each is served: they are valid, though no such address exists yet",
        hint: "v, hex digits, a dot, and then letters, digits, -._~!$&'()*+,;= and colons.",
        rows: accepted(
            HOST,
            &["[v1.x]:80", "[vF.a:b]", "[V1a.1]", "%C3%AB.example"],
        ),
        ..HOUSE
    },
    Check {
        name: "host-forms-accepted",
        rule: "RFC 9110 §7.2: Host = uri-host [ \":\" port ]",
        sends: "Host with a port, as an IPv4 and an IPv6 address, with and without a port",
        expects: "each is served (by a server that knows some hosts only, localhost with its port)",
        hint: "A colon belongs to Host's value: split each field at its first colon only.",
        run: |server| {
            let ask = |host: &str| {
                let head = format!("GET / HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
                server.ask(head)?.accepted()
            };
            // A server may know some hosts only, and then refuses any other name, too.
            if !server.is_ours() && ask("wirecheck.example").is_err() {
                return ask(&format!("localhost:{}", server.address.port()));
            }
            for host in [
                "localhost:8080",
                "127.0.0.1",
                "127.0.0.1:80",
                "[::1]",
                "[::1]:8080",
            ] {
                ask(host)?;
            }
            Ok(())
        },
        ..PROTOCOL
    },
    Check {
        name: "host-empty-accepted",
        rule: "RFC 9112 §3.2: a client without an authority MUST send Host with an empty value",
        expects: "it is served",
        hint: "That Host is there is demanded; that it says something is not.",
        rows: accepted(
            WHOLE,
            &["GET / HTTP/1.1\r\nHost:\r\nConnection: close\r\n\r\n"],
        ),
        ..HOUSE
    },
    Check {
        name: "field-name-any-case",
        rule: "RFC 9110 §5.1: field names are case-insensitive",
        expects: "it is served",
        hint: "Compare names without case. In Rust eq_ignore_ascii_case; elsewhere turn both to lower case.",
        rows: accepted(
            WHOLE,
            &["GET / HTTP/1.1\r\nhOsT: localhost\r\ncONNECTION: close\r\n\r\n"],
        ),
        ..PROTOCOL
    },
    Check {
        name: "http-1-0-without-host",
        rule: "RFC 9112 §3.2: Host is demanded of HTTP/1.1 only",
        expects: "it is served",
        hint: "Look at the version before you ask for Host.",
        rows: accepted(WHOLE, &["GET / HTTP/1.0\r\n\r\n"]),
        ..PROTOCOL
    },
    Check {
        name: "space-before-colon",
        rule: "RFC 9112 §5.1: a server MUST answer 400 to whitespace between a field's name and the colon",
        hint: "Proxies disagree on what such a name means, and requests are smuggled through the gap. Check that the name is a token.",
        rows: refused(
            FIELDS,
            &[
                "Host: localhost\r\nX-Wirecheck : a",
                "Host: localhost\r\nX-Wirecheck\t: a",
                "Host : localhost",
            ],
        ),
        harm: Harm::LetsIn,
        ..MALFORMED
    },
    Check {
        name: "obs-fold",
        rule: "RFC 9112 §5.2: a server MUST refuse a folded line with 400 or read the fold as spaces; ours refuse",
        hint: "A field line begins with a name, and a name with a token's character.",
        rows: refused(FIELD, &["X-Wirecheck: a\r\n b", "X-Wirecheck: a\r\n\tb"]),
        ..REFUSED
    },
    Check {
        name: "space-before-first-field",
        rule: "RFC 9112 §2.2: whitespace between the start line and the first field: refuse, or ignore such lines; ours refuse",
        hint: "The same rule as for a folded line: a name begins the line.",
        rows: refused(FIELDS, &[" Host: localhost", " \r\nHost: localhost"]),
        ..REFUSED
    },
    Check {
        name: "bare-cr",
        rule: "RFC 9112 §2.2: a bare CR makes the element invalid, or becomes a space; ours refuse",
        hint: "Split at LF, take one CR from the end, and refuse any that is left.",
        rows: refused(
            WHOLE,
            &[
                "GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nX-Wirecheck: a\rb\r\n\r\n",
                "GET /a\rb HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n",
                "GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nX-Wirecheck: a\rX-Other: b\r\n\r\n",
                "GET / HTTP/1.1\r\r\nHost: localhost\r\nConnection: close\r\n\r\n",
            ],
        ),
        ..REFUSED
    },
    Check {
        name: "nul-in-field",
        rule: "RFC 9110 §5.5: CR, LF and NUL in a value are dangerous: refuse the message, or replace them; ours refuse",
        hint: "No control byte but HTAB belongs in a field line.",
        rows: refused(FIELD, &["X-Wirecheck: a\0b", "X-Wire\0check: a"]),
        ..REFUSED
    },
    Check {
        name: "control-byte-in-field",
        rule: "RFC 9110 §5.5: field values hold visible characters, space, tab and bytes above 0x7F",
        hint: "No control byte but HTAB belongs in a field line.",
        rows: refused(
            FIELD,
            &[
                "X-Wirecheck: a\x01b",
                "X-Wirecheck: a\x0bb",
                "X-Wirecheck: a\x1bb",
                "X-Wirecheck: a\x7fb",
            ],
        ),
        ..REFUSED
    },
    Check {
        name: "field-without-colon",
        rule: "RFC 9112 §5: field-line = field-name \":\" OWS field-value OWS",
        hint: "A line without a colon makes the whole request malformed: refuse it, do not skip the line. In Rust split_once(':') gives None.",
        rows: refused(FIELD, &["nonsense"]),
        ..REFUSED
    },
    Check {
        name: "field-without-name",
        rule: "RFC 9110 §5.1: a field name is a token: one character at least",
        hint: "A token is not empty.",
        rows: refused(FIELD, &[": value"]),
        ..REFUSED
    },
    Check {
        name: "field-name-no-token",
        rule: "RFC 9110 §5.6.2: a token has letters, digits and !#$%&'*+-.^_`|~, nothing else",
        hint: "Check each byte of the name.",
        rows: refused(
            FIELD,
            &[
                "X Wirecheck: a",
                "X/Wirecheck: a",
                "X(Wirecheck): a",
                "\"X\": a",
                "X-Wirëcheck: a",
            ],
        ),
        ..REFUSED
    },
    Check {
        name: "field-value-space-around",
        rule: "RFC 9112 §5.1: whitespace around a value is no part of it",
        expects: "each is served",
        hint: "Take spaces and tabs from both ends of the value, and nothing else. In Rust trim_matches([' ', '\\t']); trim() takes more.",
        rows: accepted(
            WHOLE,
            &[
                "GET / HTTP/1.1\r\nHost:localhost\r\nConnection:\t close \t\r\n\r\n",
                "GET / HTTP/1.1\r\nHost:   localhost  \r\nConnection:\t close \t\r\n\r\n",
            ],
        ),
        ..PROTOCOL
    },
    Check {
        name: "field-values-odd-but-right",
        rule: "RFC 9110 §5.5: an empty value, a tab, colons, bytes above 0x7F and every visible character are allowed",
        sends: "fields with such values, and one name of every character of a token",
        expects: "it is served",
        hint: "Read values as bytes: they need not be UTF-8.",
        run: |server| {
            let lines = b"X-Empty:\r\nX-Tab: a\tb\r\nX-Colon: a:b::c\r\nX-High: \xe9\xff\r\n\
                X-All: !\"#$%&'()*+,-./:;<=>?@[]^_`{|}~\\\r\n!#$%&'*+-.^_`|~09azAZ: token\r\n";
            let head = get_with("/", "\0");
            let (start, end) = head.split_once('\0').unwrap_or_default();
            server
                .ask([start.as_bytes(), lines, end.as_bytes()].concat())?
                .accepted()
        },
        ..HOUSE
    },
    Check {
        name: "fields-unknown-ignored",
        rule: "RFC 9110 §5.1: unknown fields SHOULD be ignored, and there may be many",
        sends: "GET / with twenty fields that nobody knows, and one name twice",
        expects: "it is served",
        hint: "Look for the fields you need; leave the others alone.",
        run: |server| {
            let mut lines = String::from("X-Wirecheck: a\r\n");
            for i in 0..20 {
                lines += &format!("X-Wirecheck-{}: {i}\r\n", i.max(1));
            }
            server.ask(get_with("/", &lines))?.accepted()
        },
        ..PROTOCOL
    },
    Check {
        name: "request-line-nonsense",
        rule: "RFC 9112 §3.2: an invalid request line SHOULD get 400 or a redirect; ours get 400",
        sends: "`nonsense`, and `one two three four`, each followed by Host and an empty line",
        expects: "400 Bad Request (in stage 05 still: closed without an answer); from another server any refusal, or a close",
        hint: "Three parts with one space between them; what is else is malformed.",
        run: |server| {
            let requests = [
                "nonsense\r\nHost: localhost\r\n\r\n",
                "one two three four\r\nHost: localhost\r\n\r\n",
            ];
            if server.is_ours() {
                return refuses(server, &requests);
            }
            requests
                .iter()
                .try_for_each(|request| not_served(server, request))
        },
        level: Level::Should,
        ..PROTOCOL
    },
    Check {
        name: "cr-is-no-line-end",
        rule: "RFC 9112 §2.2: a bare CR is invalid, or a space; who ends lines there reads other requests than the proxy in front",
        sends: "GET / whose lines end in CR alone, in one line that CRLF ends",
        expects: "400 Bad Request (in stage 05 still: closed without an answer); from another server any refusal, or a close",
        hint: "Read up to LF. Java's readLine, and Python's splitlines, end lines at a CR, too.",
        run: |server| {
            let requests = ["GET / HTTP/1.1\rHost: localhost\rConnection: close\r\r\r\n\r\n"];
            if server.is_ours() {
                return refuses(server, &requests);
            }
            // How a refusal is written has a check of its own, on a line that is nonsense.
            match not_served(server, requests[0]) {
                Err(failure) if failure.first_line().starts_with("the answer does not") => Ok(()),
                verdict => verdict,
            }
        },
        harm: Harm::LetsIn,
        ..PROTOCOL
    },
    Check {
        name: "request-line-without-version",
        rule: "RFC 9112 §3: request-line = method SP request-target SP HTTP-version",
        hint: "HTTP/0.9 had no version; nobody speaks it any more.",
        rows: refused(LINE, &["GET /", "GET / "]),
        ..REFUSED
    },
    Check {
        name: "request-line-spaces",
        rule: "RFC 9112 §3: single spaces; a lenient parser MAY take more, ours do not",
        hint: "Split at each single space, and keep the empty parts. Rust's split_whitespace() and Python's split() hide them; split(' ') does not.",
        rows: refused(
            LINE,
            &[
                "GET  / HTTP/1.1",
                "GET /  HTTP/1.1",
                "GET\t/\tHTTP/1.1",
                " GET / HTTP/1.1",
                "GET / HTTP/1.1 ",
            ],
        ),
        ..REFUSED
    },
    Check {
        name: "version-malformed",
        rule: "RFC 9112 §2.3: HTTP-version = %s\"HTTP\" \"/\" DIGIT \".\" DIGIT, in capitals",
        hint: "Eight bytes, two of them digits: compare them, do not parse a float.",
        rows: refused(
            LINE,
            &[
                "GET / http/1.1",
                "GET / HTTP/1",
                "GET / HTTP/1.1.1",
                "GET / HTTP/11",
                "GET / HTTP/1.10",
                "GET / HTTP/a.b",
                "GET / HTTQ/1.1",
                "GET / HTTP/+1.1",
                "GET / HTTP/ 1.1",
            ],
        ),
        ..REFUSED
    },
    Check {
        name: "method-no-token",
        rule: "RFC 9110 §9.1: method = token",
        hint: "The same check as for a field's name.",
        rows: refused(
            LINE,
            &[
                "G(T / HTTP/1.1",
                "\"GET\" / HTTP/1.1",
                "GÉT / HTTP/1.1",
                "G\x01T / HTTP/1.1",
                " / HTTP/1.1",
            ],
        ),
        ..REFUSED
    },
    Check {
        name: "target-absolute-form-invalid",
        rule: "RFC 9110 §4.2.1 and §4.2.4: an http URI with an empty host, or with userinfo, is refused",
        hint: "Between http:// and the next slash stands a host, as in the Host field, and it is not empty.",
        rows: refused(
            TARGET,
            &[
                "http:///",
                "http://:80/",
                "http://user@localhost/",
                "ftp://localhost/",
                "http:/",
            ],
        ),
        ..REFUSED
    },
    Check {
        name: "target-asterisk-with-get",
        rule: "RFC 9112 §3.2.4: the asterisk form is for OPTIONS only",
        hint: "A target begins with a slash, or is absolute, or is * with OPTIONS.",
        rows: refused(TARGET, &["*"]),
        ..REFUSED
    },
    Check {
        name: "target-without-slash",
        rule: "RFC 9112 §3.2.1: the origin form begins with a slash",
        hint: "Look at the first byte of the target: it is a slash, or it is another form.",
        rows: refused(TARGET, &["hello", "?a=b", "%2F"]),
        ..REFUSED
    },
    Check {
        name: "target-control-byte",
        rule: "RFC 9112 §3.2: no whitespace is allowed in a target; RFC 3986 §2: and no control byte",
        hint: "A target may hold any byte but controls, space and DEL.",
        rows: refused(TARGET, &["/a\0b", "/a\x01b", "/a\x1bb", "/a\x7fb", "/a\tb"]),
        ..REFUSED
    },
    Check {
        name: "target-fragment",
        rule: "RFC 9112 §3.2: a target has no fragment: that is for the client alone",
        hint: "Refuse # in a target; %23 is a character of a path.",
        rows: refused(TARGET, &["/style.css#x", "/#", "/?a#b"]),
        ..REFUSED
    },
    Check {
        name: "target-raw-bytes",
        rule: "House: curl sends ë and | raw, and gets an answer; the raw byte means the same as its %XX",
        sends: "GET /ë (UTF-8, raw) · GET /a|b · GET /\"<>^`{}\\",
        expects: "an answer as for any path that is not there",
        hint: "A target is bytes; do not insist on UTF-8.",
        run: |server| {
            let plain = server.get("/no/such/page")?;
            let targets: [&[u8]; 4] = [b"/\xc3\xab", b"/a|b", b"/\"<>^`{}\\", b"/\xff\xfe"];
            for target in targets {
                let head = [
                    b"GET ",
                    target,
                    b" HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n",
                ]
                .concat();
                server.ask(head)?.status(plain.status)?;
            }
            Ok(())
        },
        ..HOUSE
    },
    Check {
        name: "connection-option-any-case",
        rule: "RFC 9110 §7.6.1: connection options are case-insensitive, in a list",
        sends: "Connection: foo, CLOSE",
        expects: "the answer, then the close",
        hint: "Split at commas, trim, compare without case. (A server that always closes is right by itself.)",
        run: |server| {
            let mut client = server.connect()?;
            client.send("GET / HTTP/1.1\r\nHost: localhost\r\nConnection: foo, CLOSE\r\n\r\n");
            Answer::read_final_head(&mut client)?.is_closed_after(&mut client)
        },
        ..PROTOCOL
    },
    Check {
        name: "malformed-then-the-next",
        rule: "RFC 9112 §2.2: what is no request is refused, and concerns nobody else",
        sends: "fifty malformed heads, then GET /",
        expects: "the next client is served",
        hint: "What cannot be parsed ends one request, not the server: catch the error (in Rust return it, do not panic).",
        run: |server| {
            for i in 0..50 {
                let head = format!("{} / / \r\n: \r\n\r\n", "\u{e9} ".repeat(i));
                if server.is_ours() {
                    refuses(server, &[&head])?;
                    continue;
                }
                // That it is refused has checks of its own.
                let mut client = server.connect()?;
                client.send(head);
                client.half_close();
                let closed = client.rest().is_ok() || client.was_reset;
                if !closed && i > 0 {
                    // Fifty such would take minutes. (The first head has no é.)
                    break;
                }
            }
            server.serves_on()
        },
        harm: Harm::Ends,
        ..PROTOCOL
    },
];

/// 400; in stage 05 the connection may still be closed without an answer.
pub(crate) fn refuses(server: &Server, requests: &[&str]) -> Verdict {
    for bytes in requests {
        let mut client = server.connect()?;
        client.send(bytes);
        if server.stage == 5 && server.is_ours() {
            client.closes_silently()?;
            continue;
        }
        if server.stage == 5 && client.read_more()? == 0 {
            continue;
        }
        let answer = client.answer()?;
        if server.stage == 5 {
            let says = format!(
                "the request is malformed, and is answered with {}: refuse it with 400, or close without an answer",
                answer.status
            );
            answer.ensure(answer.status == 400, says)?;
        }
        answer.status(400)?;
    }
    Ok(())
}

/// Refused in whatever way: with a status, or with a close and no word.
fn not_served(server: &Server, request: &str) -> Verdict {
    let mut client = server.connect()?;
    client.send(request);
    client.half_close();
    match client.read_more() {
        Ok(0) => return Ok(()),
        Err(_) if client.was_reset => return Ok(()),
        read => read?,
    };
    let answer = client.answer()?;
    answer.ensure(
        answer.status >= 300,
        format!(
            "this is no request, and the server answers {}",
            answer.status
        ),
    )
}
