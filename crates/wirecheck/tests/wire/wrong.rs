//! Can each check fail? For each a server that is wrong in one way, and the check that names
//! it fails, with a sentence that says what is wrong. The same server without that fault, our
//! own stage behind a proxy, is held to what the RFCs demand as somebody else's server is.

use std::collections::HashSet;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering::SeqCst;
use std::time::Duration;
use std::time::SystemTime;

use libtest_mimic::Failed;
use libtest_mimic::Trial;
use wirecheck::check::Check;
use wirecheck::check::Failure;
use wirecheck::check::Level;
use wirecheck::checks;
use wirecheck::report;
use wirecheck::server::Origin;
use wirecheck::server::PATIENCE;
use wirecheck::server::Server;
use wirecheck::stages::Stage;

use crate::anybody;
use crate::over_tls::Fault;
use crate::proxy;
use crate::proxy::Habit::*;
use crate::proxy::Way;
use crate::proxy::Way::*;
use crate::proxy::find;
use crate::proxy::swap;

/// A check, a server that it finds wrong, a part of what it says then (or one of several, with
/// a bar between them), and how it is wrong.
type Wrong = (&'static str, &'static str, &'static str, Way);

// A row a line, as far as that goes.
#[rustfmt::skip]
const WRONG: &[Wrong] = &[
    // Stage 01: the program, its flags, and its life.
    ("closes-without-a-word", "greets", "the server should close the connection without a word", Greets("220 ready\r\n")),
    ("peer-logged", "logs no port", "no line on stdout", Logs(|line| match line.strip_prefix("127.0.0.1:") {
        Some(_) => "127.0.0.1".into(),
        None => line.into(),
    })),
    ("ready-line", "says something before", "once and first; stdout: starting", Logs(|line| line.replace("listening", "starting\nlistening"))),
    ("port-taken", "panics", "exit status Some(101)", Ends(101)),
    ("address-not-ours", "panics", "exit status Some(101)", Ends(101)),
    ("flag-unknown", "ends as after any error", "exit status Some(1) with [\"--no-such-flag\"]", Ends(1)),
    ("port-no-number", "ends as after any error", "exit status Some(1) with [\"--port\", \"65536\"]", Ends(1)),
    ("bind-no-address", "ends as after any error", "exit status Some(1) with [\"--bind\", \"127.0.0.1.1\"]", Ends(1)),
    ("bind-flag", "listens on a constant", "it listens on 127.0.0.1", Told(|flags| {
        if let Some(at) = flags.iter().position(|flag| flag == "-b") {
            flags.drain(at..at + 2);
        }
    })),
    ("help", "forgets a flag", "exit status Some(0); stdout:", Logs(|line| line.replace("--port", "--gate"))),
    ("version", "does not know it", "exit status Some(0)", Logs(|line| match line.contains("listening") {
        true => line.into(),
        false => "unknown".into(),
    })),
    ("ctrl-c", "goes on", "Ctrl-C should end the server", Habit(IgnoresCtrlC)),
    ("survives-connect-and-close", "ends", "the server has ended", DiesOfTheEnd(|heard, answered| heard.is_empty() && !answered)),
    ("survives-reset", "ends", "the server has ended", Habit(DiesOfReset)),
    ("survives-garbage", "makes text of it", "the server has ended", DiesOf(|bytes| str::from_utf8(bytes).is_err())),
    ("survives-garbage", "decodes percent signs", "the server has ended", DiesOf(|bytes| has(bytes, "%zz"))),
    ("survives-two-hundred-clients", "leaks descriptors", "the server says nothing|timed out", Accepts(199)),
    ("survives-closed-stdout", "ends when it cannot print", "the server has ended", Habit(DiesOfClosedLog)),
    ("restart-at-once", "sets no SO_REUSEADDR", "the server has ended (exit status: 1)", Habit(WaitsForTimeWait)),
    // Stage 02: an echo.
    ("echo-line", "reads to the end", "the server says nothing", Gathers(|_| false, 0)),
    ("echo-all-bytes", "makes text of bytes", "the first difference is at byte 128", Says(|_, echo| String::from_utf8_lossy(echo).into_owned().into())),
    ("echo-nothing", "never closes", "the server says nothing", Habit(NeverCloses)),
    ("echo-10-mib", "takes a part of a write for the whole", "came back", Says(|_, echo| echo[..echo.len().min(8192)].into())),
    ("echo-byte-by-byte", "fills a buffer of 16 first", "the server says nothing", Gathers(|bytes| bytes.len() >= 16, 0)),
    ("echo-line-without-end", "reads lines", "the server says nothing", Gathers(|bytes| bytes.contains(&b'\n'), 0)),
    ("echo-reset-midway", "ends", "the server has ended", Habit(DiesOfReset)),
    ("echo-many-in-a-row", "sends what its buffer held before", "49 bytes were sent, 50 came back", Says(|_, echo| {
        static BEFORE: Mutex<Vec<u8>> = Mutex::new(Vec::new());
        let mut before = BEFORE.lock().unwrap_or_else(PoisonError::into_inner);
        let kept = before.len().min(echo.len());
        before.splice(..kept, echo.iter().copied());
        before.clone()
    })),
    // Stage 03: a request, in however many pieces.
    ("head-logged", "hides the line ends", "no line on stdout", Logs(|line| line.replace("\\r\\n", ""))),
    ("closes-without-an-answer", "answers", "the server should close the connection without a word", Parts("HTTP/1.1 200 OK\r\n\r\n")),
    ("split-everywhere", "reads once", "before the whole head was sent|refuses it with 400", Habit(ReadsOnce)),
    ("one-byte-at-a-time", "reads once", "before the whole head was sent|refuses it with 400", Habit(ReadsOnce)),
    ("split-everywhere", "answers the first read", "before the whole head was sent|refuses it with 400", Habit(AnswersFirstRead)),
    ("one-byte-at-a-time", "answers the first read", "before the whole head was sent|refuses it with 400", Habit(AnswersFirstRead)),
    ("leading-empty-line", "takes it for a request", "the request is right, and the server refuses it with 400", Hears(|bytes| match bytes {
        [b'\r', b'\n', ..] => [b"?", bytes].concat(),
        _ => bytes.into(),
    })),
    ("leading-empty-lines", "skips one", "the request is right, and the server refuses it with 400", Hears(|bytes| match bytes {
        [b'\r', b'\n', b'\r', b'\n', rest @ ..] => [b"\r\n?\r\n", rest].concat(),
        _ => bytes.into(),
    })),
    ("bare-lf-line-ends", "waits for CR LF CR LF", "the server says nothing", Gathers(is_head, 0)),
    ("mixed-line-ends", "waits for CR LF CR LF", "the server says nothing", Gathers(is_head, 0)),
    ("head-of-10-kb", "has a buffer of 8 KiB", "the server refuses it with 400", ReadsAtMost(8192)),
    ("head-cut-off-unanswered", "takes the end of the stream for the end of the head", "the server should close the connection without a word", Adds("\r\n")),
    ("head-without-end", "reads for as long as bytes come", "1 MB of a head without an end was sent, and the server keeps the connection open", Gathers(is_head, 0)),
    ("half-a-head-and-gone", "ends", "the server has ended", DiesOfTheEnd(|heard, _| !heard.is_empty() && !is_head(heard))),
    ("nothing-raw-on-the-terminal", "prints what comes", "raw bytes from the network on stdout", Habit(PrintsRaw)),
    // Stage 04: an answer.
    ("answer-is-http", "has no status line", "the answer does not begin with HTTP/", Says(|_, answer| body(answer).into())),
    ("answer-is-http", "counts too few bytes", "is Content-Length too small?", Says(|_, answer| with_length(answer, |length| length - 1))),
    ("answer-is-http", "counts too many bytes", "closed the connection after", Says(|_, answer| with_length(answer, |length| length + 1))),
    ("answer-is-http", "sends two lengths", "more than one Content-Length", Says(|_, answer| swap(answer, "Connection", "Content-Length: 1\r\nConnection"))),
    ("answer-is-http", "puts a space before the colon", "this is no header field", Says(|_, answer| swap(answer, "Connection:", "Connection :"))),
    ("answer-line-ends", "ends lines with LF", "a line ends with LF and not with CRLF", Says(|_, answer| swap(answer, "\r\n", "\n"))),
    ("answer-length", "has none", "there is no Content-Length", Says(|_, answer| without_lines(answer, "Content-Length"))),
    ("close-announced", "keeps it to itself", "has not said `Connection: close`", Says(|_, answer| without_lines(answer, "Connection"))),
    ("close-announced", "says neither length nor close", "neither a length nor", Says(|_, answer| {
        without_lines(&without_lines(answer, "Connection"), "Content-Length")
    })),
    ("http-1-0-answered-in-kind", "sends chunks", "Transfer-Encoding in an answer to HTTP/1.0", Says(|_, answer| {
        swap(&without_lines(answer, "Content-Length"), "Connection", "Transfer-Encoding: chunked\r\nConnection")
    })),
    ("http-1-0-answered-in-kind", "keeps the connection", "the connection stays open", Habit(NeverCloses)),
    ("answer-date", "has none", "expected one field Date, found 0", Says(|_, answer| without_lines(answer, "Date"))),
    ("answer-date", "has its own form", "Date is no IMF-fixdate", Says(|_, answer| swap(answer, " GMT\r", " UTC\r"))),
    ("answer-date", "has stopped its clock", "not the time of this answer", Says(|_, answer| {
        swap(&without_lines(answer, "Date"), "Connection", "Date: Sun, 06 Nov 1994 08:49:37 GMT\r\nConnection")
    })),
    ("closes-after-the-answer", "keeps the connection", "the connection stays open", Habit(NeverCloses)),
    ("answer-before-the-close", "reads to the end", "the server says nothing", Gathers(|_| false, 0)),
    ("half-close-after-request", "takes it for the end", "closed the connection without an answer", Habit(DropsHalfClosed)),
    ("pipelined-request-after-close", "serves it", "a second answer follows", Habit(AnswersTwice)),
    ("20-mb-sent-to-a-page", "resets", "a reset", Habit(Resets)),
    ("answer-content-type", "has no charset", "Content-Type is \"text/html\"", Says(|_, answer| swap(answer, "; charset=utf-8", ""))),
    ("hello-world", "says it without a comma", "the page should contain \"<h1>Hello, World!</h1>\"", Says(|_, answer| swap(answer, "Hello, ", "Hello "))),
    ("same-page-everywhere", "knows what is not there", "the status should be 200 and is 404", Says(|asked, answer| match find(asked, b"no/such") {
        Some(_) => swap(answer, "200 OK", "404 Not Found"),
        None => answer.into(),
    })),
    ("pipelined-garbage", "answers twice", "a second answer follows: the server took what came after the request for another one", Habit(AnswersTwice)),
    ("reset-while-answered", "ends", "the server has ended", Habit(DiesOfReset)),
    ("closed-before-answered", "ends", "the server has ended", DiesOfTheEnd(|_, answered| !answered)),
    ("asks-and-never-reads", "waits for two who never read", "the server says nothing", Accepts(2)),
    ("page-close-said", "says it on pages only", "GET /no/such/page-4711: the answer does not say", Says(|_, answer| match find(answer, b" 404 ") {
        Some(_) => swap(answer, "Connection: close\r\n", ""),
        None => answer.into(),
    })),
    ("answers-alike", "counts its answers", "the same request gets another answer", Says(|_, answer| {
        static COUNT: Mutex<usize> = Mutex::new(0);
        let mut count = COUNT.lock().unwrap_or_else(PoisonError::into_inner);
        *count += 1;
        swap(answer, "</h1>", format!("</h1>{count}"))
    })),
    // Stage 05: requests are parsed, strictly.
    ("hello-route", "has another page there", "the page should contain \"<h1>Hello!</h1>\"", Says(|_, answer| swap(answer, "Hello!", "Good day!"))),
    ("unknown-path-says-so", "does not say which", "the page should contain \"/no/such/page\"", Says(|_, answer| swap(answer, "/no/such/page", "it"))),
    ("path-is-case-sensitive", "compares without case", "the page must not contain \"<h1>Hello\"", Hears(|bytes| swap(bytes, "GET /HELLO", "GET /hello"))),
    ("path-escaped-in-page", "escapes nothing", "the page must not contain", Says(|_, answer| {
        swap(&swap(answer, "&lt;", "<"), "&gt;", ">")
    })),
    ("path-escaped-in-page", "decodes after it has escaped", "the page must not contain", Says(|_, answer| {
        swap(&swap(answer, "%3C", "<"), "%3E", ">")
    })),
    ("length-counts-bytes", "counts characters", "is Content-Length too small?", Says(|_, answer| {
        let more = body(answer).len() - String::from_utf8_lossy(body(answer)).chars().count();
        with_length(answer, |length| length - more)
    })),
    ("head-has-no-body", "sends one", "bytes follow the fields of an answer to HEAD", Hears(|bytes| swap(bytes, "HEAD /", "GET /"))),
    ("head-has-the-fields-of-get", "counts what it leaves out", "for HEAD", Says(|asked, answer| match asked {
        [b'H', ..] => swap(answer, "Content-Length: ", "Content-Length: 1"),
        _ => answer.into(),
    })),
    ("host-missing", "needs none", "the status should be 400 and is 200", Hears(|bytes| swap(bytes, "HTTP/1.1\r\nConnection", "HTTP/1.0\r\nConnection"))),
    ("host-twice", "takes the last", "the status should be 400 and is 200", Hears(|bytes| swap(bytes, "Host: localhost\r\nConnection: close\r\nHost:", "Connection: close\r\nHost:"))),
    ("host-invalid", "looks at no byte of it", "the status should be 400 and is 200", Hears(|bytes| swap(bytes, "Host: a/b", "Host: ab"))),
    ("host-port-invalid", "stops at the first byte that is no digit", "the status should be 400 and is 200", Hears(|bytes| swap(bytes, ":80x", ":80"))),
    ("host-bracket-invalid", "takes anything in brackets", "the status should be 400 and is 200", Hears(|bytes| swap(bytes, "[zz]", "[::1]"))),
    ("host-zone-invalid", "parses a zone", "the status should be 400 and is 200", Hears(|bytes| swap(bytes, "%1]", "]"))),
    ("host-percent-invalid", "takes any percent sign", "the status should be 400 and is 200", Hears(|bytes| swap(bytes, "a%zz", "a.zz"))),
    ("host-of-the-future", "knows addresses of today", "the server refuses it with 400", Hears(|bytes| swap(bytes, "[v1.x]", "[]"))),
    ("host-forms-accepted", "knows no IPv6", "the request is right, and the server refuses it with 400", Hears(|bytes| swap(bytes, "Host: [", "Host: \0"))),
    ("host-empty-accepted", "wants it to say something", "the request is right, and the server refuses it with 400", Hears(|bytes| swap(bytes, "Host:\r\n", ""))),
    ("http-1-0-without-host", "wants it of everybody", "the request is right, and the server refuses it with 400", Hears(|bytes| swap(bytes, "HTTP/1.0\r\n\r\n", "HTTP/1.1\r\n\r\n"))),
    ("space-before-colon", "trims names", "the status should be 400 and is 200", Hears(|bytes| swap(bytes, "k : a", "k: a"))),
    ("obs-fold", "reads it as a space", "the status should be 400 and is 200", Hears(|bytes| swap(bytes, "\r\n b", " b"))),
    ("field-name-any-case", "knows one spelling", "the server refuses it with 400", Hears(|bytes| swap(bytes, "hOsT", "X-oS"))),
    ("space-before-first-field", "trims lines", "the status should be 400 and is 200", Hears(|bytes| swap(bytes, "\r\n Host", "\r\nHost"))),
    ("bare-cr", "takes it for a space", "the status should be 400 and is 200", Hears(|bytes| swap(bytes, "a\rb", "a b"))),
    ("nul-in-field", "leaves it out", "the status should be 400 and is 200", Hears(|bytes| swap(bytes, "\0", ""))),
    ("control-byte-in-field", "takes it for a letter", "the status should be 400 and is 200", Hears(|bytes| swap(bytes, "\x01", "x"))),
    ("field-without-colon", "skips the line", "the status should be 400 and is 200", Hears(|bytes| swap(bytes, "\nnonsense\r\n", "\n"))),
    ("field-without-name", "skips the line", "the status should be 400 and is 200", Hears(|bytes| swap(bytes, "\n: value\r\n", "\n"))),
    ("field-name-no-token", "takes a space in it", "the status should be 400 and is 200", Hears(|bytes| swap(bytes, "X Wire", "XWire"))),
    ("field-value-space-around", "splits at colon and space", "the request is right, and the server refuses it with 400", Hears(|bytes| swap(bytes, "Host:local", "Hostlocal"))),
    ("field-values-odd-but-right", "wants UTF-8", "the request is right, and the server refuses it with 400", Hears(|bytes| swap(bytes, b"\xe9\xff", "\0"))),
    ("fields-unknown-ignored", "knows all fields", "the request is right, and the server refuses it with 400", Hears(|bytes| swap(bytes, "\nX-Wire", "\n: "))),
    ("request-line-nonsense", "serves it", "this is no request, and the server answers 200", Hears(|bytes| swap(bytes, "nonsense\r\n", "GET / HTTP/1.0\r\n"))),
    ("request-line-nonsense", "waits for more", "the server says nothing", Hangs(b"nonsense")),
    ("cr-is-no-line-end", "ends lines at a CR", "this is no request, and the server answers 200", Hears(cr_ends_lines)),
    ("request-line-without-version", "speaks HTTP/0.9, too", "the status should be 400 and is 200", Hears(|bytes| swap(bytes, "GET /\r\n", "GET / HTTP/1.0\r\n"))),
    ("request-line-spaces", "splits at any white space", "the status should be 400 and is 200", Hears(|bytes| swap(bytes, "GET  /", "GET /"))),
    ("version-malformed", "compares without case", "the status should be 400 and is 200", Hears(|bytes| swap(bytes, "http/1.1", "HTTP/1.1"))),
    ("method-no-token", "takes a quote in it", "the status should be 400 and is 200", Hears(|bytes| swap(bytes, "\"GET\"", "GET"))),
    ("target-absolute-form", "calls it malformed", "the status should be 200 and is 400", Hears(|bytes| swap(bytes, "GET http", "GET nttp"))),
    ("target-absolute-form", "has nothing there", "gets the page for a path that is not there", Says(nothing_there)),
    ("target-absolute-form-host-ignored", "compares the two", "the status should be 200 and is 400", Hears(|bytes| swap(bytes, "other.", "other "))),
    ("target-absolute-form-host-ignored", "has nothing there", "gets the page for a path that is not there", Says(nothing_there)),
    ("target-absolute-form-variants", "wants the scheme in small letters", "the status should be 200 and is 400", Hears(|bytes| swap(bytes, "HTTP:", "FTP:"))),
    ("target-absolute-form-needs-host", "takes it from the target", "the status should be 400 and is 200", Hears(|bytes| swap(bytes, "HTTP/1.1\r\nConn", "HTTP/1.0\r\nConn"))),
    ("target-absolute-form-invalid", "needs no host in it", "the status should be 400 and is 200", Hears(|bytes| swap(bytes, "http:///", "/"))),
    ("target-asterisk-with-get", "takes it for a page", "the status should be 400 and is 200", Hears(|bytes| swap(bytes, "GET *", "GET /"))),
    ("target-without-slash", "adds one", "the status should be 400 and is 200", Hears(|bytes| swap(bytes, "GET hello", "GET /hello"))),
    ("target-control-byte", "takes it for a letter", "the status should be 400 and is 404", Hears(|bytes| swap(bytes, "\x1b", "x"))),
    ("target-fragment", "cuts it off", "the status should be 400 and is 200", Hears(|bytes| swap(bytes, "/#", "/"))),
    ("target-raw-bytes", "wants ASCII", "the status should be 404 and is 400", Hears(|bytes| swap(bytes, "/\u{eb}", "\0"))),
    ("connection-option-any-case", "knows one spelling", "the answer is complete, but the connection stays open", Habit(NeverCloses)),
    ("malformed-then-the-next", "ends", "the server has ended", DiesOf(|bytes| has(bytes, "\u{e9} \u{e9} \u{e9}"))),
    // Stage 06: the status tells the truth.
    ("not-found", "collapses slashes", "the status should be 404 and is 200", Hears(|bytes| swap(bytes, "//hello", "/hello"))),
    ("missing-is-404", "says 200", "the status should be 404 or 410 and is 200", Says(|_, answer| swap(answer, "404 Not Found\r", "200 OK\r"))),
    ("redirect", "sends there for now", "the status should be 301 and is 302", Says(|_, answer| swap(answer, "301 Moved Permanently", "302 Found"))),
    ("teapot", "is none", "the status should be 418 and is 200", Says(|_, answer| swap(answer, "HTTP/1.1 418", "HTTP/1.1 200"))),
    ("handler-fails", "tells no cause", "no line on stderr", Logs(|line| match line.contains("listening") {
        true => line.into(),
        false => String::new(),
    })),
    ("error-page-has-type", "has none", "expected one field Content-Type, found 0", Says(|_, answer| match find(answer, b" 501 ") {
        Some(_) => swap(answer, "Content-Type", "X-Type"),
        None => answer.into(),
    })),
    ("method-not-allowed", "takes PATCH for GET", "the status should be 405 and is 200", Hears(|bytes| swap(bytes, "PATCH /", "GET /"))),
    ("allow-with-405", "leaves it out", "405 without Allow", Says(|_, answer| without_lines(answer, "Allow"))),
    ("allow-is-computed", "forgets HEAD", "and says \"GET\"", Says(|_, answer| swap(answer, "GET, HEAD", "GET"))),
    ("method-unknown", "compares without case", "the status should be 501 and is 200", Hears(|bytes| swap(bytes, "get /", "GET /"))),
    ("connect-refused", "is a proxy", "the status should be 405 or 501 and is 200", Hears(|bytes| swap(bytes, "CONNECT localhost:80", "GET /"))),
    ("options-asterisk", "calls it malformed", "is 400", Says(|_, answer| swap(answer, "HTTP/1.1 200", "HTTP/1.1 400"))),
    ("connect-needs-a-host-and-port", "takes any target", "the status should be 400 and is 501", Hears(|bytes| swap(bytes, "CONNECT / ", "CONNECT a:1 "))),
    ("refusal-says-why-in-the-log", "logs the status", "gives no reason", Logs(|line| match line.split_once(" Request: ") {
        Some((start, _)) => format!("{start} Request"),
        None => line.into(),
    })),
    ("head-supported", "knows GET alone", "GET gets 200, and HEAD 405", Says(|asked, answer| match asked {
        [b'H', ..] => swap(answer, "200 OK", "405 Method Not Allowed"),
        _ => answer.into(),
    })),
    ("version-other-major", "looks at the minor", "the status should be 505 and is 200", Hears(|bytes| swap(bytes, "HTTP/3.0", "HTTP/1.0"))),
    ("version-higher-minor", "knows two versions", "the request is right, and the server refuses it with 505", Hears(|bytes| swap(bytes, "HTTP/1.9", "HTTP/9.9"))),
    ("request-line-too-long", "calls it malformed", "the status should be 414 and is 400", Says(|_, answer| swap(answer, "HTTP/1.1 414", "HTTP/1.1 400"))),
    ("request-line-of-8000", "takes 4,000", "the request is right, and the server refuses it with 414", Hears(|bytes| match bytes.len() {
        4000..8100 => swap(bytes, "GET /", format!("GET /{}", "a".repeat(4000))),
        _ => bytes.into(),
    })),
    ("field-too-large", "calls it malformed", "the status should be 431 and is 400", Says(|_, answer| swap(answer, "HTTP/1.1 431", "HTTP/1.1 400"))),
    ("head-too-large", "has a bound for each line only", "the status should be 431 and is 200", Hears(|bytes| without_lines(bytes, "X-Wirecheck"))),
    ("fields-too-many", "takes any number", "the status should be 431 and is 200", Hears(|bytes| without_lines(bytes, "a: b"))),
    ("huge-head-survived", "ends", "the server has ended", DiesOf(|bytes| has(bytes, [b'a'; 8192]))),
    ("nonsense-judged-at-once", "waits for the empty line", "the server says nothing", Gathers(is_head, 0)),
    ("head-cut-off", "takes the end of the stream for the end of the head", "the status should be 400 and is 200", Adds("alhost\r\n\r\n")),
    ("nothing-sent-nothing-answered", "calls nothing malformed", "the server should close the connection without a word", Adds("?\r\n\r\n")),
    ("deadline-for-the-head", "has none", "the server says nothing", Told(no_timeout)),
    ("deadline-for-the-whole-head", "has one for each read", "a client that sends a byte now and then is never sent away", Gathers(|_| false, 1000)),
    ("deadline-for-a-spare-connection", "answers 408", "the server should close the connection without a word", Parts("HTTP/1.1 408 Request Timeout\r\n\r\n")),
    ("some-deadline", "has none", "a client that says nothing more holds its connection", Told(no_timeout)),
    ("some-deadline", "has one for each read", "a client that sends a byte now and then holds", Gathers(|_| false, 1000)),
    ("some-deadline", "answers half a head, and has none", "holds its connection", Habit(AnswersFirstRead)),
    ("no-field-injected", "decodes into Location", "the client has written a field", Says(|asked, answer| match has(asked, "%0a") {
        true => swap(answer, "Connection", "Location: /\r\nX-Wirecheck: injected\r\nConnection"),
        false => answer.into(),
    })),
    ("no-content-means-none", "sends content with 304", "bytes follow", Says(|_, answer| match has(answer, " 304 ") {
        true => [answer, b"not modified"].concat(),
        false => answer.into(),
    })),
    ("no-content-means-none", "counts none for 204", "204 has no content, and so no Content-Length", Says(|asked, answer| match has(asked, "OPTIONS") {
        true => with_length(&swap(&answer[..answer.len() - body(answer).len()], "405 Method Not Allowed", "204 No Content"), |_| 0),
        false => answer.into(),
    })),
    ("head-of-errors", "leaves the length out", "there is no Content-Length", Says(|asked, answer| match asked {
        [b'H', ..] => without_lines(answer, "Content-Length"),
        _ => answer.into(),
    })),
    ("slow-page", "has none", "the status should be 200 and is 500", Hears(|bytes| swap(bytes, "/slow", "/fail"))),
    ("access-log", "logs the local time", "+0100", Logs(|line| line.replace("+0000", "+0100"))),
    ("access-log-of-refusals", "logs what it serves", "no line on stdout", Logs(|line| match line.contains("\" 501 ") {
        true => String::new(),
        false => line.into(),
    })),
    ("access-log-of-head", "logs what GET would send", "404 123", Logs(|line| line.replace("\" 404 0", "\" 404 123"))),
    ("access-log-cannot-be-forged", "escapes control bytes only", "the quote stands bare in the log", Logs(|line| line.replace("\\\"", "\""))),
    ("refusals-in-order", "judges the method before the fields", "the status should be 400 and is 501", Hears(|bytes| swap(bytes, "BREW / HTTP/1.1\r\nno colon", "BREW / HTTP/1.1\r\nHost: a"))),
    ("refusal-readable-while-sending", "resets", "reset", Habit(Resets)),
    // Stage 07: many clients.
    ("hundred-at-once", "has a pool of fifty", "while 99 clients before it have sent half a head, the server says nothing and keeps the connection open", Told(|flags| flags.extend(["-t".into(), "50".into()]))),
    ("answered-in-reverse-order", "serves one at a time", "have sent half a head, the server says nothing", Habit(OneAtATime)),
    ("idle-client-blocks-nobody", "serves one at a time", "are connected and silent, the server says nothing", Habit(OneAtATime)),
    ("slow-page-blocks-nobody", "serves one at a time", "the server says nothing", Habit(OneAtATime)),
    ("slow-pages-together", "serves one at a time", "the server says nothing", Habit(OneAtATime)),
    ("asks-and-never-reads-blocks-nobody", "serves one at a time", "while 3 other clients do not read, the server says nothing and keeps the connection open", Habit(OneAtATime)),
    ("drip-blocks-nobody", "serves one at a time", "while 3 other clients send slowly, the server says nothing and keeps the connection open", Habit(OneAtATime)),
    ("panic-costs-one-500", "closes without a word", "the server closed the connection without an answer", Says(|_, answer| match find(answer, b" 500 ") {
        Some(_) => Vec::new(),
        None => answer.into(),
    })),
    ("panics-cost-no-thread", "loses one each time", "the server says nothing", Accepts(4)),
    ("one-thread-is-enough", "loses it to a client that says nothing", "the server says nothing", Accepts(3)),
    ("threads-are-bounded", "takes no bound", "a third connection is served beside two, with --threads 2", Told(|flags| without_flag(flags, "--threads"))),
    ("threads-shrink-after-a-burst", "keeps all", "threads are left with nothing to do", Habit(KeepsThreads)),
    ("short-of-file-descriptors", "ends", "the server has ended", Habit(DiesOfFewFiles)),
    ("resets-while-others-wait", "ends", "the server has ended", Habit(DiesOfReset)),
    // Stage 08: bodies.
    ("echo-body", "calls it text", "Content-Type should be \"application/octet-stream\" and is \"text/plain\"", Says(|_, answer| swap(answer, "application/octet-stream", "text/plain"))),
    ("echo-of-1-mib", "takes a million", "the status should be 200 and is 413", Told(|flags| flags.extend(["--max-body".into(), "1000000".into()]))),
    ("echo-of-nothing", "wants a length", "the status should be 200 and is 411", Says(|asked, answer| match find(asked, b"Content-Length") {
        Some(_) => answer.into(),
        None => swap(answer, "200 OK", "411 Length Required"),
    })),
    ("body-in-second-segment", "reads once", "the status should be 200 and is 400", Habit(ReadsOnce)),
    ("body-split-everywhere", "reads once", "the status should be 200 and is 400", Habit(ReadsOnce)),
    ("body-is-no-request", "serves it", "a second answer follows", Follows("smuggled", "HTTP/1.1 404 Not Found\r\n\r\n")),
    ("body-is-no-request", "answers POST twice", "POST / is answered twice", Habit(AnswersTwice)),
    ("body-ends-where-it-should", "takes all that came", "the body should have 6 bytes and has 26", Hears(|bytes| swap(bytes, "Length: 6", "Length: 26"))),
    ("length-invalid", "takes a sign", "and is 200", Hears(|bytes| swap(bytes, ": +5", ": 5"))),
    ("length-overflow", "wraps", "a length that fits in no number is answered with 200", Hears(|bytes| swap(bytes, "18446744073709551621", "5"))),
    ("lengths-differ", "takes the last", "and is 200", Hears(|bytes| swap(bytes, "Content-Length: 5\r\nContent-Length: 6", "Content-Length: 6"))),
    ("chunked-split-everywhere", "reads once", "the status should be 200 and is 400", Habit(ReadsOnce)),
    ("post-page", "says something else", "the page should contain \"POST Data Received:\"", Says(|_, answer| swap(answer, "Data Received", "received"))),
    ("post-page-escaped", "escapes nothing", "the page should contain \"&lt;script&gt;\"", Says(|_, answer| swap(answer, "&lt;", "<"))),
    ("form-page", "has one for GET", "there is no form with method=\"post\"", Says(|_, answer| swap(answer, "method=\"post\"", "method=\"get\""))),
    ("allow-with-post", "forgets it", "Allow should list", Says(|_, answer| swap(answer, "POST, GET", "GET"))),
    ("body-with-get", "takes it for a request", "a second answer follows", Habit(AnswersTwice)),
    ("length-with-zeros", "takes it for octal", "the status should be 200 and is 400", Hears(|bytes| swap(bytes, ": 0006", ": 0o06"))),
    ("length-declared-huge", "ends", "the server has ended", DiesOf(|bytes| has(bytes, "1099511627776"))),
    ("memory-follows-what-arrives", "takes it in advance", "kB in use", Habit(TakesMemory)),
    ("body-cut-off", "takes a part for the whole", "the status should be 400 and is 200", Says(|_, answer| swap(answer, "400 Bad Request", "200 OK"))),
    ("chunked", "does not know it", "the body should have 6 bytes and has 16; it differs from byte 0 on", Hears(|bytes| match find(bytes, b"\r\n\r\n") {
        Some(end) => swap(bytes, "Transfer-Encoding: chunked", format!("Content-Length: {}", bytes.len() - end - 4)),
        None => bytes.into(),
    })),
    ("chunked-understood", "does not know it", "a right chunked body is refused", Hears(|bytes| swap(bytes, "g: chunked", "g: gzip, chunked"))),
    ("chunked-forms-understood", "knows no extensions", "a right chunked body is refused", Hears(|bytes| swap(bytes, "6;a", "x;a"))),
    ("chunked-forms-understood", "knows no trailers", "a right chunked body is refused", Hears(|bytes| swap(bytes, "X-Trailer", "X Trailer"))),
    ("chunk-size-not-guessed", "takes C's form", "\"0x5\" is no chunk size, and is taken for one", Hears(|bytes| swap(bytes, "\n0x5", "\n5"))),
    ("chunk-size-not-guessed", "reads up to the space", "\"5 5\" is no chunk size, and is taken for one", Hears(|bytes| swap(bytes, "\n5 5", "\n5"))),
    ("chunk-trailers", "knows none", "the status should be 200 and is 400", Hears(|bytes| swap(bytes, "X-Trailer", "X Trailer"))),
    ("chunk-line-bare-lf", "takes it", "the status should be 400 and is 200", Hears(|bytes| swap(bytes, "5\nHello", "5\r\nHello"))),
    ("coding-and-length", "takes the coding", "the status should be 400 and is 200", Hears(|bytes| without_lines(bytes, "Content-Length"))),
    ("smuggled-by-coding-and-length", "serves what is smuggled", "a second answer follows", Follows("smuggled", "HTTP/1.1 404 Not Found\r\n\r\n")),
    ("coding-disguised", "looks for the word", "and is 200", Hears(|bytes| swap(bytes, "xchunked", "chunked"))),
    ("continue", "does not know it", "the server says nothing", Hears(|bytes| without_lines(bytes, "Expect"))),
    ("continue-or-final", "does not know it", "the server says nothing", Hears(|bytes| without_lines(bytes, "Expect"))),
    ("continue-not-for-http-1-0", "says it to everybody", "a 100 in answer to HTTP/1.0", Greets("HTTP/1.1 100 Continue\r\n\r\n")),
    ("chunked-binary", "looks for the end", "the body should have 261 bytes and has 0; it differs from byte 0 on", Hears(|bytes| swap(bytes, "5\r\n0\r\n\r\n", "0\r\n\r\n"))),
    ("chunk-size-forms", "knows small letters", "the status should be 200 and is 400", Hears(|bytes| swap(bytes, "\nA\r", "\nX\r"))),
    ("chunk-extension-invalid", "cuts at the semicolon", "the status should be 400 and is 200", Hears(|bytes| swap(bytes, ";bad[=x", ""))),
    ("chunk-extensions", "takes no blanks", "the status should be 200 and is 400", Hears(|bytes| swap(bytes, " ; a", "x"))),
    ("chunk-extension-endless", "reads for as long as bytes come", "the server says nothing", Hears(|bytes| swap(bytes, "aaaa", ""))),
    ("chunk-trailers-endless", "reads for as long as bytes come", "the server says nothing", Gathers(|bytes| bytes.ends_with(b"0\r\n\r\n"), 0)),
    ("chunk-size-invalid", "takes a sign", "the status should be 400 and is 200", Hears(|bytes| swap(bytes, "\n+5\r", "\n5\r"))),
    ("chunk-size-overflow", "wraps", "the status should be 400 or 413 and is 200", Hears(|bytes| swap(bytes, "10000000000000005", "5"))),
    ("chunk-data-too-long", "takes the data for the size", "the status should be 400 and is 200", Hears(|bytes| swap(bytes, "3\r\nHello", "5\r\nHello"))),
    ("coding-in-http-1-0", "takes it", "the status should be 400 and is 200", Hears(|bytes| swap(bytes, "HTTP/1.0", "HTTP/1.1"))),
    ("coding-not-chunked-last", "looks for the word", "the status should be 400 or 411 or 501 and is 200", Hears(|bytes| swap(bytes, "chunked, gzip", "chunked"))),
    ("coding-known-but-not-spoken", "calls it malformed", "the status should be 501 and is 400", Says(|_, answer| swap(answer, "HTTP/1.1 501", "HTTP/1.1 400"))),
    ("coding-chunked-twice", "takes it", "the status should be 400 and is 200", Hears(|bytes| swap(bytes, "chunked, chunked", "chunked"))),
    ("coding-any-case", "knows one spelling", "the status should be 200 and is 400", Hears(|bytes| swap(bytes, "CHUNKED", "x"))),
    ("body-above-the-limit", "has another one", "the status should be 413 and is 200", Told(|flags| without_flag(flags, "--max-body"))),
    ("limit-judged-before-the-body", "reads first", "the server says nothing", Hears(|bytes| swap(bytes, "1048577", "1048576"))),
    ("413-readable-while-sending", "resets", "reset", Habit(Resets)),
    ("refusals-of-bodies-in-order", "judges the method first", "the status should be 413 and is 405", Hears(|bytes| match bytes {
        [b'D', ..] => without_lines(bytes, "Content-Length"),
        _ => bytes.into(),
    })),
    ("continue-any-case", "knows one spelling", "the server says nothing", Hears(|bytes| without_lines(bytes, "expect"))),
    ("continue-chunked", "sends it for a length only", "the server says nothing", Hears(|bytes| match find(bytes, b"chunked") {
        Some(_) => without_lines(bytes, "Expect"),
        None => bytes.into(),
    })),
    ("continue-not-for-refusals", "says it to everybody", "the status should be 413 and is 100", Greets("HTTP/1.1 100 Continue\r\n\r\n")),
    ("expectation-unknown", "takes any for 100-continue", "the status should be 200 or 417 and is 100", Hears(|bytes| swap(bytes, "the-impossible", "100-continue"))),
    ("deadline-for-the-body", "has none", "the server says nothing", Told(no_timeout)),
    ("deadline-for-a-dripping-body", "has one for each read", "a client that sends a byte now and then is never sent away", Gathers(|_| false, 1000)),
    ("gone-in-the-middle-of-a-body", "ends", "the server has ended", Habit(DiesOfReset)),
    // Stage 09: files.
    ("file", "reads text", "the body should have 11 bytes and has 10; it differs from byte 4 on", Says(|_, answer| swap(answer, "PNG\r\n", "PNG\n"))),
    ("file-empty", "takes empty for missing", "the status should be 200 and is 404", Hears(|bytes| swap(bytes, "/empty", "/no"))),
    ("file-types", "knows three", "the type of picture.png should be image/png and is application/octet-stream", Says(|_, answer| swap(answer, "image/png", "application/octet-stream"))),
    ("file-head", "counts what it leaves out", "Content-Length should be \"19\" and is \"0\"", Says(|asked, answer| match asked {
        [b'H', ..] => swap(answer, "Content-Length: 19", "Content-Length: 0"),
        _ => answer.into(),
    })),
    ("file-other-methods", "takes PUT for GET", "the status should be 405 and is 200", Hears(|bytes| swap(bytes, "PUT /", "GET /"))),
    ("index-of-root", "has another page there", "it differs from byte 1 on", Hears(|bytes| swap(bytes, "GET / ", "GET /page.html "))),
    ("index-of-folder", "has none", "the status should be 200 and is 404", Hears(|bytes| swap(bytes, "/sub/ ", "/no-index/ "))),
    ("folder-redirects", "serves its index there", "the status should be 301 and is 200", Hears(|bytes| swap(bytes, "/sub ", "/sub/ "))),
    ("folder-redirect-stays-here", "copies the slashes", "Location //sub/ leaves the site: a host follows // and /\\, for browsers read \\ as /", Says(|asked, answer| match find(asked, b"GET //sub") {
        Some(_) => swap(answer, "Location: /", "Location: //"),
        None => answer.into(),
    })),
    ("folder-without-index", "lists it", "the status should be 404 or 400 and is 200", Says(|_, answer| swap(answer, "404 Not Found\r", "200 OK\r"))),
    ("file-with-slash", "takes the slash away", "the status should be 404 or 400 and is 200", Hears(|bytes| swap(bytes, ".css/ ", ".css "))),
    ("percent-decoded", "does not decode", "the status should be 200 and is 404", Hears(|bytes| swap(bytes, "/%73", "/%2573"))),
    ("plus-is-a-plus", "takes it for a space", "the status should be 200 and is 404", Hears(|bytes| swap(bytes, "a+plus", "a%20plus"))),
    ("percent-decoded-once", "decodes twice", "the status should be 404 or 400 and is 200", Hears(|bytes| swap(bytes, "/%2573", "/%73"))),
    ("percent-invalid", "fails", "the status should be 404 or 400 and is 500", Hears(|bytes| swap(bytes, "/%zz", "/fail"))),
    ("odd-names-are-no-fault", "fails", "500 for a name that cannot be there", Hears(|bytes| swap(bytes, "/%00", "/fail"))),
    ("name-with-nul", "ends the name there", "the status should be 404 or 400 and is 200", Hears(|bytes| swap(bytes, ".css%00", ".css"))),
    ("name-no-utf-8", "fails", "the status should be 404 or 400 and is 500", Hears(|bytes| swap(bytes, "/%ff%fe", "/fail"))),
    ("name-too-long", "fails", "the status should be 404 or 400 and is 500", Hears(|bytes| match find(bytes, &[b'a'; 300]) {
        Some(_) => b"GET /fail HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".into(),
        None => bytes.into(),
    })),
    ("dot-files", "opens them", "the status should be 404 or 400 and is 200", Opens(|root, target| root.join(&target[1..]))),
    ("well-known", "has no exception", "the status should be 200 and is 404", Hears(|bytes| swap(bytes, "/.well", "/.ill"))),
    ("well-known", "takes it for one anywhere", "the status should be 404 or 400 and is 200", Opens(|root, target| match target.contains("..") {
        true => root.join("no"),
        false => root.join(&target[1..]),
    })),
    ("dot-segments", "takes them away", "the status should be 404 or 400 and is 200", Hears(|bytes| swap(bytes, "/./", "/"))),
    ("traversal-plain", "opens what it is asked for", "the page must not contain \"a secret that lies outside of the root\"", Opens(|root, target| root.join(target.trim_start_matches('/')))),
    ("traversal-encoded", "looks before it decodes", "the page must not contain \"a secret that lies outside of the root\"", Opens(|root, target| match target.contains("..") {
        true => root.join("no"),
        false => root.join(decoded(&target[1..])),
    })),
    ("traversal-odd-encodings", "decodes twice", "the page must not contain \"a secret that lies outside of the root\"", Opens(|root, target| match decoded(target).contains("..") {
        true => root.join("no"),
        false => root.join(decoded(&decoded(&target[1..]))),
    })),
    ("traversal-absolute", "joins an absolute path", "the page must not contain \"a secret that lies outside of the root\"", Opens(|root, target| match target.contains("..") {
        true => root.join("no"),
        false => root.join(decoded(&target[1..])),
    })),
    ("traversal-sibling", "compares the beginnings of the names", "the page must not contain \"a secret that lies outside of the root\"", Opens(|root, target| {
        let path = format!("{}{}", root.display(), decoded(target));
        let path = path.replace("/www/../www", "/www");
        match path.contains("..") {
            true => root.join("no"),
            false => path.into(),
        }
    })),
    ("traversal-by-link", "looks at the letters only", "the page must not contain \"a secret that lies outside of the root\"", Opens(|root, target| match target.contains("..") {
        true => root.join("no"),
        false => root.join(&target[1..]),
    })),
    ("traversal-to-passwd", "opens what it is asked for", "this is /etc/passwd", Opens(|_, target| format!(".{target}").into())),
    ("no-open-redirect", "copies the slashes", "leaves the site", Says(|asked, answer| match has(asked, "GET //evil.example ") {
        true => fixed("301 Moved Permanently\r\nLocation: //evil.example/", "moved"),
        false => answer.into(),
    })),
    ("links-within-root", "follows none", "the status should be 200 and is 404", Hears(|bytes| swap(bytes, "/link-to-sub", "/no"))),
    ("links-to-nowhere", "fails", "the status should be 404 or 400 and is 500", Hears(|bytes| swap(bytes, "/link-round", "/fail"))),
    ("special-files", "opens a FIFO", "the server says nothing", Opens(|root, target| root.join(&target[1..]))),
    ("routes-before-files", "looks for files first", "the page should contain \"<h1>Hello\"", Opens(|root, target| root.join(&target[1..]))),
    ("route-decoded", "decodes for files only", "the status should be 200 and is 404", Hears(|bytes| swap(bytes, "/%68", "/%2568"))),
    ("folder-without-index", "says that / takes POST", "and is 405", Says(|asked, answer| match has(asked, "GET / ") {
        true => swap(answer, "404 Not Found\r", "405 Method Not Allowed\r"),
        false => answer.into(),
    })),
    ("allow-unites-routes-and-files", "forgets the file", "Allow should list", Says(|_, answer| swap(answer, "POST, GET, HEAD", "POST"))),
    ("own-public-folder", "serves where it is started", "the status should be 200 and is 404", Told(|flags| {
        if flags.len() == 2 {
            flags.push(".".into());
        }
    })),
    ("root-is-missing", "panics", "exit status Some(101)", Ends(101)),
    ("big-file", "reads it whole", "kB of memory", Habit(KeepsAnswer)),
    ("big-file-and-gone", "ends", "the server has ended", Habit(DiesOfReset)),
    ("big-file-never-read", "waits for as long as it takes", "the server says nothing", Told(no_timeout)),
    ("cut-off-is-logged", "logs what it would have sent", "less than all", Logs(|line| match line.contains("big.bin") {
        true => format!("{} 104857600", line.rsplit_once(' ').unwrap_or_default().0),
        false => line.into(),
    })),
    ("cut-off-is-logged", "logs none of it", "less than all", Logs(|line| match line.contains("big.bin") {
        true => format!("{} 0", line.rsplit_once(' ').unwrap_or_default().0),
        false => line.into(),
    })),
    ("file-logged", "logs what it made of the target", "no line on stdout", Logs(|line| line.replace("%20", " "))),
    // Stage 10: the query.
    ("query-on-file", "takes it for a part of the name", "the status should be 200 and is 404", Hears(|bytes| swap(bytes, ".css?v", ".css%3Fv"))),
    ("query-on-root", "calls it malformed", "the request is right, and the server refuses it with 400", Hears(|bytes| swap(bytes, "/?wire", "/ wire"))),
    ("query-cut-from-path", "takes it for a part of the path", "the status should be 200 and is 404", Hears(|bytes| swap(bytes, "/?", "/%3F"))),
    ("query-on-route", "takes it for a part of the path", "the status should be 418 and is 404", Hears(|bytes| swap(bytes, "/teapot?", "/teapot%3F"))),
    ("query-kept-in-redirect", "drops it", "Location should be \"/sub/?a=b&c\" and is \"/sub/\"", Says(|_, answer| swap(answer, "/?a=b&c", "/"))),
    ("question-mark-in-name", "decodes first", "the status should be 404 or 400 and is 200", Hears(|bytes| swap(bytes, "%3Fv", "?v"))),
    ("traversal-with-query", "looks at the whole", "the page must not contain \"a secret that lies outside of the root\"", Opens(|root, target| match target.ends_with("txt") {
        true => root.join("no"),
        false => root.join(target[1..].split('?').next().unwrap_or_default()),
    })),
    ("target-absolute-form-host-invalid", "cuts it off unseen", "the status should be 400 and is 200", Hears(|bytes| swap(bytes, "http://a%zz/", "/"))),
    ("hello-by-name", "reads the first pair", "the page should contain \"<h1>Hello, Ada!</h1>\"", Hears(|bytes| swap(bytes, "x=y&name=Ada", "x=y"))),
    ("hello-decoded", "leaves the plus alone", "the page should contain \"<h1>Hello, Zoë Ada!!</h1>\"", Hears(|bytes| swap(bytes, "+", "%2B"))),
    ("hello-escaped", "escapes nothing", "the page must not contain \"<script\"", Says(|_, answer| swap(answer, "&lt;", "<"))),
    ("query-pairs", "sorts them", "the list should be [\"a = 1\", \"b = 2\", \"c = 3\"] and is [\"b = 2\", \"a = 1\", \"c = 3\"]", Hears(|bytes| swap(bytes, "a=1&b=2", "b=2&a=1"))),
    ("query-repeated-keys", "keeps one of a name", "the list should be [\"a = 1\", \"b = 2\", \"a = 3\", \"a = 1\"] and is [\"a = 1\", \"b = 2\", \"a = 1\"]", Hears(|bytes| swap(bytes, "a=3&a=1", "a=1"))),
    ("query-empty-parts", "skips what has no value", "the list should be [\"a = \"] and is []", Hears(|bytes| swap(bytes, "?a= ", "? "))),
    ("query-equals-in-value", "cuts at each", "the list should be [\"a = b=c\"] and is [\"a = b\"]", Hears(|bytes| swap(bytes, "a=b=c", "a=b"))),
    ("query-plus-and-percent", "decodes first", "the list should be [\"a = =&\"] and is [\"a = =\"]", Hears(|bytes| swap(bytes, "%26", "&"))),
    ("query-percent-invalid", "drops what it cannot read", "the list should be [\"a = %z\"] and is [\"a = z\"]", Hears(|bytes| swap(bytes, "a=%z ", "a=z "))),
    ("query-utf-8", "drops what it cannot read", "the list should be [\"a = �\"] and is [\"a = \"]", Hears(|bytes| swap(bytes, "%FF", ""))),
    ("query-semicolon", "separates there", "the list should be [\"a = 1;b=2\"] and is [\"a = 1\", \"b = 2\"]", Hears(|bytes| swap(bytes, ";", "&"))),
    ("query-escaped", "escapes nothing", "the page must not contain \"<script\"", Says(|_, answer| swap(answer, "&lt;", "<"))),
    ("query-anything", "drops NUL", "the list should be [\"%\\0\\0ë = \"] and is [\"%ë = \"]", Hears(|bytes| swap(bytes, "%00", ""))),
    ("form-decoded", "shows it as it came", "the page should contain", Hears(|bytes| swap(bytes, "Content-Type: application", "X-Type: application"))),
    ("query-escaped", "leaves quotes alone", "the page must not contain", Says(|_, answer| swap(answer, "&quot;", "\""))),
    ("template-filled", "has a constant in it", "the page should contain", Hears(|bytes| swap(bytes, "size=321", "size=200"))),
    ("template-needs-a-number", "reads hexadecimal, too", "the status should be 400 and is 200", Hears(|bytes| swap(bytes, "size=0x10", "size=16"))),
    ("query-logged", "logs the path", "no line on stdout", Logs(|line| match line.split_once('?') {
        Some((start, _)) => format!("{start} HTTP/1.1\" 200 1"),
        None => line.into(),
    })),
    // Stage 11: connections that last.
    ("keep-alive-all-on-one", "closes after an error", "Connection should be \"keep-alive\" and is \"close\"", Says(|_, answer| match has(answer, "404 Not") {
        true => swap(answer, "keep-alive", "close"),
        false => answer.into(),
    })),
    ("keep-alive-said-to-http-1-0", "compares with case", "Connection should be \"keep-alive\" and is \"close\"", Hears(|bytes| swap(bytes, ": Keep-Alive", ": Keep"))),
    ("keep-alive-zero", "takes it for no limit", "Connection should be \"close\" and is \"keep-alive\"", Told(|flags| without_flag(flags, "--keep-alive"))),
    ("keep-alive-not-when-refused", "goes on after it", "Connection should be \"close\" and is \"keep-alive\"", Says(|_, answer| swap(answer, "Connection: close", "Connection: keep-alive"))),
    ("keep-alive-after-a-panic", "gives up", "Connection should be \"keep-alive\" and is \"close\"", Says(|_, answer| match has(answer, "500 Int") {
        true => swap(answer, "keep-alive", "close"),
        false => answer.into(),
    })),
    ("keep-alive-empty-lines-between", "skips them at the start only", "behind an empty line GET / gets 400", Hears(|bytes| match bytes {
        [b'\r', b'\n', ..] => [b"?", bytes].concat(),
        _ => bytes.into(),
    })),
    ("keep-alive-next-in-pieces", "drops what came too much", "the status should be 200 and is 400", Hears(|bytes| match find(bytes, b"\r\n\r\n") {
        Some(end) => bytes[..end + 4].into(),
        None => bytes.into(),
    })),
    ("keep-alive-each-logged", "logs a connection, not an answer", "no line on stdout", Logs(|line| match line.contains("n=2") {
        true => String::new(),
        false => line.into(),
    })),
    ("keep-alive-late-is-answered", "hangs up on the late", "closed the connection without an answer|the server says nothing", Says(|request, answer| match has(request, "late") {
        true => Vec::new(),
        false => answer.into(),
    })),
    ("keep-alive-begun-is-told", "leaves without a word", "closed the connection without an answer", Says(|_, answer| match has(answer, "408 Req") {
        true => Vec::new(),
        false => answer.into(),
    })),
    // Stage 12: what a client has is not sent again.
    ("validators", "has no tag", "expected one field ETag, found 0", Says(|_, answer| swap(answer, "ETag:", "X-Tag:"))),
    ("etag-grammar", "forgets a quote", "this is no tag", Says(|_, answer| swap(answer, "ETag: \"", "ETag: "))),
    ("last-modified-not-in-the-future", "believes the file", "is later than", Says(|_, answer| swap(answer, "Last-Modified: ", "Last-Modified: Fri, 29 Oct 2094 19:43:31 GMT\r\nX-Modified: "))),
    ("last-modified-not-in-the-future", "has its own form", "this is no date", Says(|_, answer| swap(answer, "Last-Modified: ", "Last-Modified: on "))),
    ("etag-changes-with-the-file", "has one tag for all", "the tags were", Says(|_, answer| swap(answer, "ETag: ", "ETag: \"1\"\r\nX-Tag: "))),
    ("file-before-1970", "panics", "the status should be 200 and is 500", Says(|_, answer| match has(answer, " 1970 ") {
        true => swap(answer, "200 OK", "500 Internal Server Error"),
        false => answer.into(),
    })),
    ("if-none-match-own-tag", "does not look at it", "the status should be 304 and is 200", Hears(|bytes| swap(bytes, "If-None-Match", "X-None-Match"))),
    ("condition-names-any-case", "knows one spelling", "the status should be 304 and is 200", Hears(|bytes| swap(bytes, "iF-nOnE-mAtCh", "X-None-Match"))),
    ("if-none-match-in-a-list", "takes the list for a tag", "the status should be 304 and is 200", Hears(|bytes| swap(bytes, "up\", \"", "up "))),
    ("if-none-match-weak", "compares strongly", "the status should be 304 and is 200", Hears(|bytes| swap(bytes, "W/", "W-"))),
    ("conditions-in-two-fields", "looks at the first", "the status should be 304 and is 200", Hears(|bytes| swap(bytes, "up\"\r\nIf-None-Match", "up\"\r\nX-None-Match"))),
    ("conditions-in-two-fields", "looks at the last", "the status should be 200 and is 304", Hears(|bytes| swap(bytes, "GMT\r\nIf-Modified-Since", "GMT\r\nX-Modified-Since"))),
    ("if-none-match-star", "takes it for a tag", "the status should be 304 and is 200", Hears(|bytes| swap(bytes, "If-None-Match: *", "If-None-Match: \"*\""))),
    ("if-none-match-other-tag", "knows any tag", "the status should be 200 and is 304", Hears(|bytes| swap(bytes, "If-None-Match: ", "If-None-Match: *\r\nX-Match: "))),
    ("star-in-a-tag", "sees a star", "the status should be 200 and is 304", Hears(|bytes| swap(bytes, "\"a,*,b\"", "*"))),
    ("star-in-a-tag", "sees one in If-Match", "the status should be 412 and is 200", Hears(|bytes| swap(bytes, "If-Match: \"a,*,b\"", "If-Match: *"))),
    ("304-has-the-fields", "leaves the tag out", "ETag is not the same as in the 200", Says(|_, answer| match has(answer, " 304 ") {
        true => without_lines(answer, "ETag"),
        false => answer.into(),
    })),
    ("304-length", "counts what it sends", "Content-Length is 0, which is not that of the page", Says(|_, answer| match has(answer, " 304 ") {
        true => swap(answer, "Connection", "Content-Length: 0\r\nConnection"),
        false => answer.into(),
    })),
    ("if-modified-since-same", "does not look at it", "the status should be 304 and is 200", Hears(|bytes| swap(bytes, "If-Modified", "X-Modified"))),
    ("if-modified-since-later", "compares texts", "the status should be 304 and is 200", Hears(|bytes| swap(bytes, " 1995 ", " 1993 "))),
    ("if-modified-since-in-old-forms", "knows the form of today", "the status should be 304 and is 200", Hears(|bytes| swap(bytes, "day, ", "day; "))),
    ("if-modified-since-earlier", "asks no date", "the status should be 200 and is 304", Hears(|bytes| swap(bytes, "Sat, 29 Oct 1994", "Fri, 29 Oct 2094"))),
    ("if-modified-since-that-is-no-date", "takes any word", "the status should be 200 and is 304", Hears(|bytes| swap(bytes, "tomorrow", "Fri, 29 Oct 2094 19:43:31 GMT"))),
    ("if-modified-since-beside-a-tag", "looks at the date first", "the status should be 200 and is 304", Hears(|bytes| without_lines(bytes, "If-None-Match"))),
    ("if-match-other-tag", "does not look at it", "the status should be 412 and is 200", Hears(|bytes| swap(bytes, "If-Match", "X-Match"))),
    ("if-match-own-tag", "takes * for a tag", "the status should be 200 and is 412", Hears(|bytes| swap(bytes, "If-Match: *", "If-Match: \"*\""))),
    ("if-match-weak-tag", "compares weakly", "the status should be 412 and is 200", Hears(|bytes| swap(bytes, "W/", ""))),
    ("if-unmodified-since-earlier", "does not look at it", "the status should be 412 and is 200", Hears(|bytes| swap(bytes, "If-Unmodified", "X-Unmodified"))),
    ("if-unmodified-since-ignored", "takes any word", "the status should be 200 and is 412", Hears(|bytes| swap(bytes, "yesterday", "Sat, 29 Oct 1994 19:43:31 GMT"))),
    ("if-unmodified-since-ignored", "looks at the date first", "the status should be 200 and is 412", Hears(|bytes| without_lines(bytes, "If-Match"))),
    ("conditions-in-order", "looks at If-None-Match first", "the status should be 412 and is 304", Hears(|bytes| without_lines(bytes, "If-Match"))),
    ("conditions-not-for-errors", "judges first", "the status should be 404 and is 412", Says(|asked, answer| match has(asked, "If-Match") {
        true => swap(answer, "404 Not Found\r", "412 Precondition Failed\r"),
        false => answer.into(),
    })),
    ("conditions-come-again", "remembers the file", "the status should be 200 and is 304", Hears(|bytes| swap(bytes, "If-None-Match: ", "If-None-Match: *\r\nX-Match: "))),
    ("max-age", "says it once", "expected one field Cache-Control, found 0", Says(|_, answer| match has(answer, " 304 ") {
        true => without_lines(answer, "Cache-Control"),
        false => answer.into(),
    })),
    // Stage 13: ranges.
    ("accept-ranges", "keeps it to itself", "expected one field Accept-Ranges, found 0", Says(|_, answer| without_lines(answer, "Accept-Ranges"))),
    ("range-served", "does not know the last bytes", "the status should be 206 and is 200", Hears(|bytes| swap(bytes, "bytes=-4", "bytes=-"))),
    ("range-served", "minds capitals", "the status should be 206 and is 200", Hears(|bytes| swap(bytes, "Bytes=", "Chapters="))),
    ("range-first-bytes", "says how many, not which", "Content-Range should be", Says(|_, answer| swap(answer, "bytes 0-9/", "bytes 0-10/"))),
    ("range-first-bytes", "leaves out the last", "the body should have 10 bytes and has 9", Says(|_, answer| match has(answer, " 206 ") {
        true => swap(answer, "\r\n\r\n<!DOCTYPE ", "\r\n\r\n<!DOCTYPE"),
        false => answer.into(),
    })),
    ("range-from-on", "takes it for a number of bytes", "Content-Range should be", Hears(|bytes| swap(bytes, "bytes=10-", "bytes=0-9"))),
    ("range-of-more-than-there-is", "can't go back that far", "the status should be 206 and is 416", Hears(|bytes| swap(bytes, "bytes=-9999999\r", "bytes=9999999-\r"))),
    ("range-of-the-end", "begins at zero", "Content-Range should be", Hears(|bytes| swap(bytes, "bytes=-10\r", "bytes=0-10\r"))),
    ("range-longer-than-the-page", "refuses it", "the status should be 206 and is 416", Hears(|bytes| swap(bytes, "bytes=5-9999999\r", "bytes=9999999-\r"))),
    ("range-with-numbers-too-large", "overflows", "the status should be 206 and is 416", Hears(|bytes| swap(bytes, "bytes=5-99999999999999999999", "bytes=9999999-"))),
    ("range-behind-the-end", "does not say how long it is", "expected one field Content-Range, found 0", Says(|_, answer| match has(answer, " 416 ") {
        true => without_lines(answer, "Content-Range"),
        false => answer.into(),
    })),
    ("range-in-another-unit", "knows but one", "the status should be 200 and is 206", Hears(|bytes| swap(bytes, "lines=", "bytes="))),
    ("range-that-is-none", "guesses what is meant", "the status should be 200 and is 206", Hears(|bytes| swap(bytes, "bytes=9-5", "bytes=5-9"))),
    ("several-ranges", "does not say which part", "nobody can tell which bytes these are", Says(|asked, answer| match has(asked, "4-5") {
        true => swap(answer, "200 OK\r", "206 Partial Content\r"),
        false => answer.into(),
    })),
    ("range-said-twice", "takes the first", "the status should be 200 and is 206", Hears(|bytes| without_lines(bytes, "Range: bytes=4-5"))),
    ("range-only-with-get", "cuts what it does not send", "the status should be 200 and is 206", Says(|asked, answer| match has(asked, "HEAD") && has(asked, "Range") {
        true => swap(answer, "200 OK", "206 Partial Content"),
        false => answer.into(),
    })),
    ("range-not-with-post", "cuts what it is sent", "a part of the answer is missing", Says(|asked, answer| match has(asked, "Range") {
        true => swap(answer, "0123456789", "01234"),
        false => answer.into(),
    })),
    ("if-range-own-tag", "knows no tag", "the status should be 206 and is 200", Hears(|bytes| swap(bytes, "If-Range: \"", "If-Range: \"x"))),
    ("if-range-own-tag", "knows no date", "the status should be 206 and is 200", Hears(|bytes| swap(bytes, " GMT", " CET"))),
    ("if-range-other-tag", "does not look", "the status should be 200 and is 206", Hears(|bytes| swap(bytes, "If-Range", "If-Ranges"))),
    ("if-range-other-tag", "compares weakly", "the status should be 200 and is 206", Hears(|bytes| swap(bytes, "If-Range: W/", "If-Range: "))),
    ("if-range-other-tag", "takes an earlier date for the same", "the status should be 200 and is 206", Hears(|bytes| match has(bytes, "1994") {
        true => without_lines(bytes, "If-Range"),
        false => bytes.into(),
    })),
    ("range-after-conditions", "cuts first", "the status should be 304 and is 206", Hears(|bytes| without_lines(bytes, "If-None-Match"))),
    ("206-has-the-fields", "forgets the tag", "ETag is not the same as in the 200", Says(|_, answer| match has(answer, " 206 ") {
        true => without_lines(answer, "ETag"),
        false => answer.into(),
    })),
    ("range-not-for-errors", "cuts an error", "the status should be 404 and is 206", Says(|asked, answer| match has(asked, "Range") {
        true => swap(answer, "404 Not Found\r", "206 Partial Content\r"),
        false => answer.into(),
    })),
    ("range-of-nothing", "subtracts one", "the status should be 416 and is 500", Hears(|bytes| swap(bytes, "/empty.txt", "/fail"))),
    ("range-from-the-middle", "begins at zero", "Content-Range should be", Hears(|bytes| swap(bytes, "5000000-8999999", "0-3999999"))),
    ("range-not-for-handlers", "cuts these as well", "the status should be 200 and is 206", Says(|asked, answer| match has(asked, "Range") {
        true => swap(answer, "200 OK", "206 Partial Content"),
        false => answer.into(),
    })),
    ("range-keeps-the-connection", "has the length of more than it sends", "the server stopped in the middle", Says(|_, answer| match has(answer, " 206 ") {
        true => with_length(answer, |length| length + 1),
        false => answer.into(),
    })),
    ("range-of-a-big-file", "counts from zero again", "Content-Range should be", Hears(|bytes| swap(bytes, "99999990-99999999", "0-9"))),
    // Stage 14: packing.
    ("packed-when-asked", "minds capitals", "expected one field Content-Encoding, found 0", Hears(|bytes| swap(bytes, "GZip", "PZip"))),
    ("unpacked-is-the-same", "sends something else", "the body cannot be unpacked", Says(|_, answer| swap(answer, b"\x1f\x8b\x08", b"\x1f\x8b\x09"))),
    ("not-packed-unasked", "packs for everybody", "nobody has asked for Content-Encoding", Hears(|bytes| swap(bytes, "close\r\n\r\n", "close\r\nAccept-Encoding: gzip\r\n\r\n"))),
    ("not-packed-against-the-wish", "looks for the word", "nobody has asked for Content-Encoding", Hears(|bytes| swap(bytes, "gzip;q=0\r", "gzip\r"))),
    ("packed-by-weight", "knows no weights", "nobody has asked for Content-Encoding", Hears(|bytes| swap(bytes, ";q=0.3, identity;q=0.9", ""))),
    ("packed-varies", "keeps it to itself", "Vary is \"\"", Says(|_, answer| without_lines(answer, "Vary"))),
    ("packed-has-a-tag-of-its-own", "tags the file, not the bytes", "both have", Says(|_, answer| swap(answer, "\"gzip-", "\""))),
    ("packed-304", "forgets a field of it", "expected one field Vary, found 0", Says(|_, answer| match has(answer, " 304 ") {
        true => without_lines(answer, "Vary"),
        false => answer.into(),
    })),
    ("packed-head", "packs no HEAD", "Content-Encoding is not the same for HEAD", Says(|asked, answer| match asked {
        [b'H', ..] => without_lines(answer, "Content-Encoding"),
        _ => answer.into(),
    })),
    ("packed-not-in-chunks-for-http-1-0", "does not look at the version", "HTTP/1.0 knows no chunks", Hears(|bytes| swap(bytes, " HTTP/1.0\r", " HTTP/1.1\r"))),
    ("only-what-shrinks", "packs the short ones", "nobody has asked for Content-Encoding", Hears(|bytes| swap(bytes, "/short.txt", "/long.txt"))),
    ("only-what-shrinks", "packs what is packed", "nobody has asked for Content-Encoding", Hears(|bytes| swap(bytes, "/large.docx", "/long.css"))),
    ("only-what-shrinks", "knows no JSON", "expected one field Content-Encoding, found 0", Hears(|bytes| swap(bytes, "/long.json", "/large.png"))),
    ("packed-page-of-a-handler", "packs files", "expected one field Content-Encoding, found 0", Hears(|bytes| without_lines(bytes, "Accept-Encoding"))),
    ("packed-has-no-ranges", "offers them", "it offers ranges of the packed page", Says(|_, answer| swap(answer, "Content-Encoding", "Accept-Ranges: bytes\r\nContent-Encoding"))),
    ("packed-neighbour", "does not look for it", "Content-Length should be", Hears(|bytes| without_lines(bytes, "Accept-Encoding"))),
    ("packed-big-file", "leaves most of it out", "unpacked it gives Ok(40", Hears(|bytes| swap(bytes, "/big.txt", "/long.css"))),
    ("packed-on-a-kept-connection", "forgets the last chunk", "in the middle of a chunk's size", Says(|_, answer| swap(answer, "\r\n0\r\n\r\n", "\r\n"))),
    ("body-unpacked", "takes it for the text", "the body should have 6 bytes and has", Hears(|bytes| without_lines(bytes, "Content-Encoding"))),
    ("body-that-is-a-bomb", "does not unpack it", "the status should be 413 and is 200", Hears(|bytes| swap(bytes, "Content-Encoding: gzip\r\n", ""))),
    ("body-that-is-a-bomb", "stops one byte too soon", "the status should be 200 and is 413", Told(|flags| {
        if let Some(at) = flags.iter().position(|flag| flag == "1000") {
            flags[at] = "999".to_string();
        }
    })),
    ("no-body-to-unpack", "unpacks nothing", "the status should be 200 and is 400", Says(|asked, answer| match has(asked, "Content-Encoding") {
        true => swap(answer, "200 OK", "400 Bad Request"),
        false => answer.into(),
    })),
    ("body-in-another-coding", "takes all for gzip", "the status should be 415 and is 400", Hears(|bytes| swap(bytes, "Encoding: br\r", "Encoding: gzip\r"))),
    ("body-that-is-not-packed", "takes it for the text", "the status should be 400 and is 200", Hears(|bytes| without_lines(bytes, "Content-Encoding"))),
    // Stage 15: crowds.
    ("crowd-is-silent", "has a bound", "the server says nothing", Accepts(300)),
    ("crowd-stops-in-the-head", "has a bound", "the server says nothing", Accepts(300)),
    ("crowd-stops-in-the-body", "has a bound", "the server says nothing", Accepts(300)),
    ("crowd-never-reads", "serves one after the other", "the server says nothing", Habit(OneAtATime)),
    ("never-reads-is-left", "waits for as long as it takes", "no line on stdout", Told(no_timeout)),
    ("crowd-has-few-threads", "has one for each", "threads before", Habit(KeepsThreads)),
    ("crowd-takes-little-memory", "takes a MiB for each", "idle clients take", Habit(TakesMemory)),
    ("crowd-is-sent-away", "forgets them", "keeps the connection open", Gathers(is_head, 0)),
    ("slow-pages-have-threads", "has a thread for each", "0 of two slow pages wait", Told(|flags| {
        if let Some(at) = flags.iter().position(|flag| flag == "--threads") {
            flags[at + 1] = "8".to_string();
        }
    })),
    ("slow-page-keeps-its-turn", "has no slow page", "not in the order", Hears(|bytes| swap(bytes, "/slow", "/home"))),
    ("pipeline-blocks-nobody", "serves one after the other", "the server says nothing", Accepts(4)),
    ("flood-blocks-nobody", "serves four, and no more", "the server says nothing", Accepts(4)),
    ("pipeline-is-logged", "logs the first one", "in the log of 100", Logs(|line| match line.contains("/hello") {
        true => String::new(),
        false => line.into(),
    })),
    // Stage 16: the end.
    ("sigterm-ends-it-well", "does not hear it", "the server has ended|it ended with signal: 15", Right),
    ("shutdown-answers-what-has-begun", "ends at once", "the server has ended", Right),
    ("shutdown-reads-on", "ends at once", "the server has ended", Right),
    ("shutdown-closes-the-door", "goes on", "still accepts", Habit(IgnoresCtrlC)),
    ("shutdown-hears-who-has-just-come", "lets in, and answers nobody", "closed the connection without an answer", Habit(IgnoresCtrlC)),
    ("shutdown-ends-idle-connections", "goes on", "goes on|keeps the connection open", Habit(IgnoresCtrlC)),
    ("shutdown-has-a-grace", "goes on", "it was asked to end, and goes on", Habit(IgnoresCtrlC)),
    ("second-signal-ends-it", "goes on", "still accepts", Habit(IgnoresCtrlC)),
    ("address-has-its-share", "knows no bound", "the server says nothing", Told(|flags| without_flag(flags, "--per-client"))),
    ("refused-hold-nothing", "knows no bound", "the server says nothing", Told(|flags| without_flag(flags, "--per-client"))),
    // Stage 17: TLS.
    ("tls-1-3", "speaks TLS 1.2 only", "no handshake", Over(Fault::Only12)),
    ("tls-1-2", "speaks TLS 1.3 only", "no handshake", Over(Fault::Only13)),
    ("tls-old-is-refused", "goes along", "answers a ClientHello of TLS 1.1 with 16 03 02", Over(Fault::Old)),
    ("tls-chooses-http-1-1", "would rather have HTTP/2", "the server chooses Some(\"h2\")", Over(Fault::PrefersH2)),
    ("tls-takes-http-1-0", "knows http/1.1 alone", "no handshake", Over(Fault::Plain)),
    ("tls-unknown-protocol-is-refused", "knows no ALPN", "is let in", Over(Fault::NoAlpn)),
    ("tls-chain", "sends its own certificate alone", "no handshake: invalid peer certificate: UnknownIssuer", Over(Fault::LeafOnly)),
    ("tls-goodbye", "just closes", "after its answer without close_notify", Over(Fault::NoGoodbye)),
    ("tls-goodbye-to-idle-clients", "just closes", "without close_notify", Over(Fault::NoGoodbye)),
    ("tls-says-https-to-plain-http", "hands plain HTTP to the library", "plain HTTP is answered with", Over(Fault::Plain)),
    ("tls-handshake-has-a-deadline", "waits for the handshake", "the connection stays open", Over(Fault::Plain)),
    ("tls-slow-handshake", "waits for the handshake", "goes on after", Over(Fault::Plain)),
    ("tls-garbage", "ends over it", "the server has ended", Over(Fault::DiesOfGarbage)),
    ("tls-half-handshakes-hold-nobody", "shakes one hand after the other", "says nothing", Over(Fault::OneAtATime)),
    ("tls-byte-by-byte", "takes the first record for all", "the answer begins with", Over(Fault::FirstRecord)),
    ("tls-https-target", "knows one scheme", "the status should be 200 and is 400", Over(Fault::Plain)),
    ("https-target-in-the-open", "takes any scheme", "it is answered with 200", Hears(|bytes| swap(bytes, "https://", "http://"))),
    ("tls-large-both-ways", "forgets what it couldn't send", "closed the connection", Over(Fault::Forgets(300_000))),
    ("tls-late-readers-get-the-end", "forgets what it couldn't send", "of 60 don't get all", Over(Fault::Forgets(3_000_000))),
    ("tls-never-reads-is-left", "keeps whoever has left", "its connection is still open", Habit(NeverCloses)),
    ("tls-refused-hear-nothing-plain", "says 503 in the open", "is told in the open", Greets("HTTP/1.1 503 Service Unavailable\r\n\r\n")),
    ("tls-shutdown", "ends at once", "the server has ended", Right),
    ("tls-self-signed", "prints another fingerprint", "no line on stdout", Logs(|line| match line.starts_with("certificate") {
        true => line.replace(':', " "),
        false => line.into(),
    })),
    ("tls-files-are-looked-at", "says another status", "ends with Some(2), and not with 1", Ends(2)),
];

/// What only an earlier stage can be found to do, and the last that can: up to 10 they close
/// after each answer, and up to 14 a client that waits holds a thread.
const EARLIER: &[(&str, u8)] = &[
    ("close-announced", 10),
    ("page-close-said", 10),
    ("hundred-at-once", 14),
    ("big-file-never-read", 14),
];

/// What these look at, or an address of theirs, is there on Linux only.
const LINUX: &[&str] = &[
    "bind-flag",
    "threads-shrink-after-a-burst",
    "memory-follows-what-arrives",
    "big-file",
];

/// Odd, and right; or wrong in a way that another check is about: it passes.
#[rustfmt::skip]
const PASSES: &[Wrong] = &[
    ("peer-logged", "prints addresses as Python does", "", Logs(|line| match line.split_once(' ') {
        Some((address, rest)) if address.starts_with("127") => {
            format!("('{}) {rest}", address.replace(':', "', "))
        }
        _ => line.into(),
    })),
    ("split-everywhere", "ends lines at a CR", "", Hears(cr_ends_lines)),
    ("one-byte-at-a-time", "ends lines at a CR", "", Hears(cr_ends_lines)),
    ("cr-is-no-line-end", "refuses without a status line, as Python's does", "", Says(|asked, answer| match has(asked, "\rHost") {
        true => body(answer).into(),
        false => answer.into(),
    })),
    ("pipelined-garbage", "says that what follows is malformed", "", Follows("", "HTTP/1.1 400 Bad Request\r\n\r\n")),
    ("pipelined-request-after-close", "says that nothing may follow", "", Follows("", "HTTP/1.1 400 Bad Request\r\n\r\n")),
    ("head-has-no-body", "refuses HEAD", "", Says(|asked, answer| match asked {
        [b'H', ..] => swap(answer, "200 OK", "405 Method Not Allowed"),
        _ => answer.into(),
    })),
    ("head-has-the-fields-of-get", "refuses HEAD", "", Says(|asked, answer| match asked {
        [b'H', ..] => swap(answer, "200 OK\r\n", "405 Method Not Allowed\r\nAllow: GET\r\n"),
        _ => answer.into(),
    })),
];

fn has(bytes: &[u8], part: impl AsRef<[u8]>) -> bool {
    find(bytes, part.as_ref()).is_some()
}

fn is_head(bytes: &[u8]) -> bool {
    has(bytes, "\r\n\r\n")
}

/// The body of an answer.
fn body(answer: &[u8]) -> &[u8] {
    let start = find(answer, b"\r\n\r\n").map_or(0, |end| end + 4);
    &answer[start..]
}

/// An answer with another Content-Length.
fn with_length(answer: &[u8], change: impl Fn(usize) -> usize) -> Vec<u8> {
    let length = change(body(answer).len());
    let field = format!("Content-Length: {length}\r\nConnection");
    swap(
        &without_lines(answer, "Content-Length"),
        "Connection",
        field,
    )
}

/// An answer that is always the same; more fields may follow the status.
fn fixed(status: &str, page: &str) -> Vec<u8> {
    let date = httpdate::fmt_http_date(SystemTime::now());
    let length = page.len();
    format!(
        "HTTP/1.1 {status}\r\nDate: {date}\r\nContent-Type: text/html; charset=utf-8\r\n\
         Content-Length: {length}\r\nConnection: close\r\n\r\n{page}"
    )
    .into()
}

/// One page for what is not there, with 200; and an absolute target is not.
fn nothing_there(asked: &[u8], answer: &[u8]) -> Vec<u8> {
    match has(asked, "http://") || has(asked, "/no/such") {
        true => fixed("200 OK", "nothing"),
        false => answer.into(),
    }
}

/// As Java's readLine does: the line is there when its CR is, and an LF that comes later is
/// skipped.
fn cr_ends_lines(bytes: &[u8]) -> Vec<u8> {
    static AFTER_CR: AtomicBool = AtomicBool::new(false);
    let after_cr = AFTER_CR.swap(bytes.ends_with(b"\r"), SeqCst);
    let bytes = match bytes {
        [b'\n', rest @ ..] if after_cr => rest,
        _ => bytes,
    };
    swap(&swap(bytes, "\r\n", "\n"), "\r", "\n")
}

fn without_lines(bytes: &[u8], start: &str) -> Vec<u8> {
    let lines = bytes.split_inclusive(|b| *b == b'\n');
    lines
        .filter(|line| !line.starts_with(start.as_bytes()))
        .collect::<Vec<_>>()
        .concat()
}

fn without_flag(flags: &mut Vec<String>, name: &str) {
    if let Some(at) = flags.iter().position(|flag| flag == name) {
        flags.drain(at..at + 2);
    }
}

fn no_timeout(flags: &mut Vec<String>) {
    without_flag(flags, "--timeout");
    flags.splice(0..0, ["--timeout".into(), "600".into()]);
}

/// `%2e` is a dot.
fn decoded(target: &str) -> String {
    let mut parts = target.split('%');
    let mut text = String::from(parts.next().unwrap_or_default());
    for part in parts {
        let code = part
            .get(..2)
            .and_then(|digits| u8::from_str_radix(digits, 16).ok());
        match code {
            Some(code) => text += &format!("{}{}", char::from(code), &part[2..]),
            None => text += &format!("%{part}"),
        }
    }
    text
}

/// Where a server is found wrong because it does nothing, that is waited for: not long, but
/// longer than any deadline of the right one.
fn patience(says: &str) -> Duration {
    let nothing = [
        "says nothing",
        "stopped in the middle",
        "stays open",
        "holds",
        "never sent away",
        "bytes come",
        "no line on",
        "goes on after",
    ];
    match nothing.iter().any(|part| says.contains(part)) {
        true => Duration::from_secs(3),
        false => PATIENCE,
    }
}

/// A test for each wrong server; one for each demand of the RFCs, that the right one meets it;
/// and one that counts the checks that nobody has seen fail.
pub fn trials(stages: &[Stage]) -> Vec<Trial> {
    let mut trials = Vec::new();
    let mut tried = HashSet::new();
    let all = checks::all();
    let rows = WRONG.iter().chain(PASSES);
    for (row, &(name, what, says, _)) in rows.enumerate() {
        let Some(check) = all.iter().copied().find(|check| check.name == name) else {
            trials.push(Trial::test(format!("wrong::{name} is a check"), || {
                Err("it is none".into())
            }));
            continue;
        };
        if !cfg!(target_os = "linux") && LINUX.contains(&name) {
            continue;
        }
        let earlier = EARLIER.iter().find(|(earlier, _)| *earlier == name);
        let last = match earlier {
            Some((_, last)) => *last,
            None => check.until.unwrap_or(checks::LAST_STAGE),
        };
        let Some(stage) = stages.iter().find(|stage| stage.number == last) else {
            continue;
        };
        let mut add = |title: &str, row: usize, is_wrong: bool| {
            let own = stage.clone();
            let title = format!("wrong::{name} {title}");
            trials.push(Trial::test(title, move || match is_wrong {
                true => is_found(&check, &own, row, says),
                false => passes(&check, &own, row),
            }));
        };
        match row < WRONG.len() {
            true => add(&format!("finds one that {what}"), row, true),
            false => add(&format!("passes one that {what}"), row, false),
        }
        // That ours passes what we ask of ourselves is tried on each stage, without a proxy.
        if check.level != Level::Ours && tried.insert(name) {
            add("passes the right one", usize::MAX, false);
        }
    }
    trials.push(Trial::test("wrong::each check is seen to fail", each_fails));
    trials
}

fn each_fails() -> Result<(), Failed> {
    let proven: HashSet<&str> = WRONG
        .iter()
        .map(|row| row.0)
        .chain(anybody::names())
        .collect();
    let all = checks::all();
    let unproven: Vec<_> = all
        .iter()
        .map(|check| check.name)
        .filter(|name| !proven.contains(name))
        .collect();
    if unproven.is_empty() {
        return Ok(());
    }
    Err(format!(
        "nobody has seen these {} checks fail: {}",
        unproven.len(),
        unproven.join(" ")
    )
    .into())
}

/// On a busy machine two segments may arrive as one, or an answer late: it may try again.
fn is_found(check: &Check, stage: &Stage, row: usize, says: &str) -> Result<(), Failed> {
    let mut found = String::new();
    for left in (0..10).rev() {
        let (_folder, mut server) = start(check, stage, row)?;
        server.patience = patience(says);
        server.told.deadline = Some(server.patience);
        found = match check.run_on(&server) {
            Err(failure @ Failure::Wrong { .. }) => report::sentence(&failure),
            Err(Failure::Skipped(reason)) => return Err(format!("skipped: {reason}").into()),
            Ok(()) => "nothing".into(),
        };
        if says.split('|').any(|part| found.contains(part)) {
            return Ok(());
        }
        // Another sentence is another cause; only a race hides a fault altogether.
        if found != "nothing" && left < 7 {
            break;
        }
    }
    Err(format!("expected `{says}`, found: {found}").into())
}

fn passes(check: &Check, stage: &Stage, row: usize) -> Result<(), Failed> {
    let (_folder, server) = start(check, stage, row)?;
    match check.run_on(&server) {
        Err(failure) => Err(report::explain(check, &failure, Some(stage.number)).into()),
        Ok(()) => Ok(()),
    }
}

/// What the rules demand of everybody is asked of it as of somebody else's server, whose first
/// client, who looks whether it is there, sends all and half-closes.
fn start(check: &Check, stage: &Stage, row: usize) -> Result<(tempfile::TempDir, Server), Failed> {
    let (folder, program) = proxy::program(row, stage)?;
    let dies_early = matches!(WRONG.get(row), Some((.., DiesOfTheEnd(_))));
    let dies_early = dies_early || check.name == "some-deadline";
    let origin = match check.level {
        Level::Must | Level::Should if !dies_early => {
            // Some need a page in a folder that they know.
            let root = match check.since {
                14.. if check.name.starts_with("tls-") => "--cert {cert} --key {key} {root}",
                14.. => "{root}",
                _ => "",
            };
            Origin::Command(format!("exec {} --port {{port}} {root}", program.display()))
        }
        _ => Origin::Stage(program),
    };
    let server =
        Server::start(stage.number, &origin).map_err(|failure| report::sentence(&failure))?;
    Ok((folder, server))
}

/// Is the wrong server, if this program was started under the name of one.
pub fn serve() -> Option<ExitCode> {
    let (row, name) = proxy::asked_for()?;
    let way = WRONG
        .iter()
        .chain(PASSES)
        .nth(row)
        .map_or(Right, |row| row.3);
    Some(proxy::serve(way, Path::new(&name)))
}
