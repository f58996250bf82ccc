//! Somebody's server: it keeps connections, serves a folder below `/files/`, greets, echoes and
//! redirects. It is right, or wrong in one way. What is asked of every page, of kept connections
//! and of the process is tried on it here.
//!
//! The tests' own program is that server when it is started as `anybody-FAULT` (a link to it).

use std::env;
use std::fs;
use std::io::Read;
use std::io::Write;
use std::net::Shutdown;
use std::net::TcpListener;
use std::net::TcpStream;
use std::os::unix::fs::symlink;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering;
use std::thread;
use std::time::Duration;
use std::time::Instant;
use std::time::SystemTime;

use flate2::Compression;
use flate2::write::GzEncoder;
use libtest_mimic::Failed;
use libtest_mimic::Trial;
use tempfile::TempDir;
use wirecheck::check::Check;
use wirecheck::check::Failure;
use wirecheck::check::Level;
use wirecheck::checks;
use wirecheck::report;
use wirecheck::server::Origin;
use wirecheck::server::Server;

/// How it is wrong, the check that is meant to find it, and a part of what it says then.
type Wrong = (&'static str, &'static str, &'static str);

// A row a line.
#[rustfmt::skip]
const WRONG: &[Wrong] = &[
    ("no-length-404", "page-framing", "GET /no/such/page-4711: the answer has no Content-Length, and the connection stays open"),
    ("no-length-405", "error-framing", "DELETE /: the answer has no Content-Length, and the connection stays open"),
    ("silent-404", "page-framing", "GET /no/such/page-4711: the server closed the connection without an answer"),
    ("half-405", "error-framing", "DELETE /: the server closed the connection in the middle of the header fields"),
    ("bare-lf-404", "page-line-ends", "GET /no/such/page-4711: a line ends with LF"),
    ("lf-in-chunks-sent", "page-line-ends", "GET /hello?name=Ada: a line ends with LF"),
    ("bare-lf-405", "error-line-ends", "DELETE /: a line ends with LF"),
    ("no-date-404", "page-date", "GET /no/such/page-4711: expected one field Date, found 0"),
    ("no-date-405", "error-date", "DELETE /: expected one field Date, found 0"),
    ("closes-unsaid-404", "kept-close-unsaid", "GET /no/such/page-4711: the answer does not say"),
    ("closes-unsaid-405", "error-close-said", "DELETE /: the answer does not say"),
    ("contenttype", "fields-spelt-right", "nobody knows a field contenttype"),
    ("no-type-hello", "page-has-type", "GET /hello?name=Ada: there is a body, and no Content-Type"),
    ("head-body-hello", "page-head", "HEAD /hello?name=Ada: bytes follow the fields of an answer to HEAD"),
    ("head-body-404", "page-head", "HEAD /no/such/page-4711: bytes follow"),
    ("always-304", "page-conditional", "304, though the client has no such page"),
    ("reads-once-hello", "page-split", "the server answered or closed before the whole head was sent"),
    ("body-of-one-read", "body-late", "POST /echo, the body after the head: the body is lost"),
    ("nuls-for-a-late-body", "body-late", "there are NULs in the answer where the body should be"),
    ("chunks-of-one-read", "chunked-late", "POST /echo in chunks, cut in two: the status is 400"),
    ("dies-of-a-folder", "survives-a-look-around", "GET /files/: the server has ended"),
    ("dies-above-8-kb", "large-body-survived", "the server has ended"),
    ("keeps-8-kb", "large-body-whole", "the answer does not hold their end"),
    ("dies-of-a-tib", "page-framing", "POST / that declares 1 TiB: the server has ended"),
    ("any-file", "traversal-below-prefix", "this is /etc/passwd"),
    ("root-by-letters", "traversal-beside-root", "this file lies beside the folder that is served"),
    ("files-are-text", "files-of-root", "the body should have"),
    ("redirects-anywhere", "no-open-redirect-anywhere", "leads to another site: Location: //evil.example/"),
    ("hello-unescaped", "parameters-escaped", "what the client sent would run in a browser"),
    ("lf-in-chunks", "chunk-lines-end-in-crlf", "a size that ends in LF is taken for one that is right"),
    ("closes-after-two", "kept-for-three", "request 3 on the connection: the server closed the connection"),
    ("drops-pipelined", "kept-pipelined-in-order", "ten requests were pipelined, and 1 answers came"),
    ("drops-half-a-request", "kept-pipelined-and-cut", "answer 3 of ten pipelined requests should be 200 and is 400"),
    ("body-is-next", "kept-after-a-body", "something of the request before it was read as a request"),
    ("one-spelling-of-close", "kept-close-in-any-form", "with Connection: CLOSE the connection stays open"),
    ("close-unsaid", "kept-close-is-said", "the answer does not say Connection: close"),
    ("keeps-old-clients", "kept-not-for-http-1-0", "the answer does not say keep-alive"),
    ("serves-after-close", "kept-after-an-error", "after an answer that says Connection: close (RFC 9112 §9.6): one more answer comes"),
    ("short-length-404", "kept-after-an-error", "GET /no/such/page-4711 HTTP/1.1: the answer to GET / behind it"),
    ("head-body-404", "kept-after-head", "HEAD /no/such/page-4711: the answer to GET / behind it"),
    ("content-with-304", "kept-after-no-content", "after 304: the answer to GET / behind it"),
    ("kept-in-doubt", "kept-not-when-in-doubt", "a request behind it is served"),
    ("408-on-idle", "kept-idle-ends-quietly", "bytes come on an idle connection"),
    ("cuts-what-has-begun", "kept-request-under-way-not-cut", "a request that began before an idle connection would have been closed"),
    ("leaks-descriptors", "descriptors-given-back", "more descriptors are open than before 20 clients came, to connect and close"),
    ("leaks-descriptors-on-errors", "descriptors-given-back", "to close with half a head sent"),
    ("leaks-threads", "threads-given-back", "more threads run than before"),
    ("spins", "rests-when-all-have-left", "the server keeps a processor busy after clients came"),
];

/// Right as well, in a way that a check once took for a fault.
const RIGHT: &[(&str, &str)] = &[
    ("answers-before-the-body", "kept-not-when-in-doubt"),
    ("answers-before-the-body", "error-close-said"),
    ("differs-each-time", "page-head"),
    ("differs-each-time", "page-split"),
    ("differs-each-time", "if-none-match-own-tag"),
    ("differs-each-time", "304-has-the-fields"),
];

/// So long it waits for the next request …
const IDLE: Duration = Duration::from_millis(800);
/// … and so long for one that has begun.
const DEADLINE: Duration = Duration::from_secs(5);

/// The checks that are tried here.
pub fn names() -> impl Iterator<Item = &'static str> {
    WRONG.iter().map(|(_, name, _)| *name)
}

/// A test for each fault; and for all that is asked of anybody, that the server without one
/// passes.
pub fn trials() -> Vec<Trial> {
    let mut trials = Vec::new();
    for &(fault, name, says) in WRONG {
        let title = format!("anybody::{name} finds {fault}");
        trials.push(Trial::test(title, move || is_found(fault, name, says)));
    }
    for check in checks::all() {
        // These are asked of those who speak HTTPS, and this one speaks plain HTTP.
        let speaks = !check.name.starts_with("tls-");
        let asked_of_all = check.level != Level::Ours && check.until.is_none() && speaks;
        if asked_of_all || names().any(|name| name == check.name) {
            let title = format!("anybody::{} passes the right one", check.name);
            trials.push(Trial::test(title, move || passes(&check, "none")));
        }
        for &(way, _) in RIGHT.iter().filter(|(_, name)| *name == check.name) {
            let title = format!("anybody::{} passes {way}", check.name);
            trials.push(Trial::test(title, move || passes(&check, way)));
        }
    }
    trials
}

fn is_found(fault: &str, name: &str, says: &str) -> Result<(), Failed> {
    let check = checks::all().into_iter().find(|check| check.name == name);
    let check = check.ok_or(format!("there is no check {name}"))?;
    let mut found = String::new();
    // On a busy machine two segments may arrive as one, which hides some faults.
    for _ in 0..3 {
        let (_folder, mut server) = start(fault)?;
        server.patience = Duration::from_secs(1);
        found = match check.run_on(&server) {
            Err(failure @ Failure::Wrong { .. }) => report::sentence(&failure),
            Err(Failure::Skipped(reason)) => return Err(format!("skipped: {reason}").into()),
            Ok(()) => "nothing".into(),
        };
        if found.contains(says) {
            return Ok(());
        }
    }
    Err(format!("expected `{says}`, found: {found}").into())
}

fn passes(check: &Check, way: &str) -> Result<(), Failed> {
    if !cfg!(target_os = "linux") && check.waits {
        return Ok(());
    }
    let (_folder, server) = start(way)?;
    match check.run_on(&server) {
        Err(failure) => Err(report::explain(check, &failure, None).into()),
        Ok(()) => Ok(()),
    }
}

fn start(fault: &str) -> Result<(TempDir, Server), Failed> {
    let folder = tempfile::tempdir()?;
    let program = folder.path().join(format!("anybody-{fault}"));
    let root = folder.path().join("www");
    symlink(env::current_exe()?, &program)?;
    fs::create_dir(&root)?;
    fs::write(root.join("data.bin"), b"\x89\xff\xfe\0\r\n")?;
    fs::write(root.join("text.txt"), "text, and a little more of it")?;
    let line = format!("exec '{}' {{port}} '{}'", program.display(), root.display());
    let started = Server::start(10, &Origin::Command(line));
    let mut server = started.map_err(|failure| report::sentence(&failure))?;
    server.told.root = Some(root);
    server.told.deadline = Some(2 * DEADLINE);
    server.told.paths = vec!["/files/text.txt".into(), "/go".into()];
    Ok((folder, server))
}

/// Is that server, if this program was started under the name of one.
pub fn serve() -> Option<ExitCode> {
    let mut arguments = env::args_os();
    let program = PathBuf::from(arguments.next()?);
    let fault = program.file_name()?.to_str()?.strip_prefix("anybody-")?;
    let port: u16 = arguments.next()?.to_str()?.parse().ok()?;
    let shared = Arc::new(Shared {
        fault: fault.to_string(),
        root: PathBuf::from(arguments.next()?),
        asked: AtomicUsize::new(0),
    });
    let Ok(listener) = TcpListener::bind(("127.0.0.1", port)) else {
        return Some(ExitCode::FAILURE);
    };
    for stream in listener.incoming().flatten() {
        let shared = shared.clone();
        thread::spawn(move || shared.take(stream));
    }
    None
}

struct Shared {
    fault: String,
    root: PathBuf,
    /// How often a page was asked for that is another one each time.
    asked: AtomicUsize,
}

struct Client<'a> {
    shared: &'a Shared,
    stream: TcpStream,
    /// Read and not used.
    buffer: Vec<u8>,
    ends: Instant,
}

#[derive(Default)]
struct Request {
    method: String,
    target: String,
    fields: Vec<(String, String)>,
    body: Vec<u8>,
    old: bool,
    answered: bool,
}

struct Answer {
    status: u16,
    fields: String,
    body: Vec<u8>,
}

impl Request {
    fn values(&self, name: &str) -> Vec<&str> {
        let same = self.fields.iter().filter(|(n, _)| n == name);
        same.map(|(_, value)| value.as_str()).collect()
    }
}

impl Shared {
    fn has(&self, fault: &str) -> bool {
        self.fault == fault
    }

    fn take(&self, stream: TcpStream) {
        let copy = stream.try_clone();
        let mut client = Client {
            shared: self,
            stream,
            buffer: Vec::new(),
            ends: Instant::now() + DEADLINE,
        };
        let mut served = 0;
        let broke = loop {
            match client.serve(served) {
                Ok(true) => served += 1,
                Ok(false) => break false,
                Err(broke) => break broke,
            }
        };
        if self.has("leaks-descriptors") || (broke && self.has("leaks-descriptors-on-errors")) {
            std::mem::forget(copy);
        } else {
            drop(copy);
        }
        let _ = client.stream.shutdown(Shutdown::Write);
        let until = Instant::now() + DEADLINE;
        let _ = client.stream.set_read_timeout(Some(DEADLINE));
        while Instant::now() < until && matches!(client.stream.read(&mut [0; 65536]), Ok(1..)) {}
        drop(client);
        if self.has("leaks-threads") {
            thread::park();
        }
        while self.has("spins") {
            std::hint::spin_loop();
        }
    }
}

impl Client<'_> {
    fn has(&self, fault: &str) -> bool {
        self.shared.has(fault)
    }

    /// One request; is there another one to come? An error says whether the client broke off.
    fn serve(&mut self, served: usize) -> Result<bool, bool> {
        if served > 0 && self.has("cuts-what-has-begun") {
            self.ends = Instant::now() + IDLE;
        } else {
            self.ends = Instant::now() + if served == 0 { DEADLINE } else { IDLE };
        }
        if self.buffer.is_empty() {
            match self.more() {
                Ok(()) => {}
                Err(408) if self.has("408-on-idle") && served > 0 => {
                    self.write(&Request::default(), &page(408, "too late"), true);
                    return Ok(false);
                }
                Err(_) => return Ok(false),
            }
        }
        if !(served > 0 && self.has("cuts-what-has-begun")) {
            self.ends = Instant::now() + DEADLINE;
        }
        let mut request = Request::default();
        if let Err(status) = self.request(&mut request) {
            if status == 0 {
                return Err(true);
            }
            if status == 408 && self.has("cuts-what-has-begun") {
                return Ok(false);
            }
            // What is left is no request; one that is kept in doubt finds one in it.
            let kept = self.has("kept-in-doubt");
            self.write(&request, &page(status, "refused"), !kept);
            if let (true, Some(at)) = (kept, find(&self.buffer, b"GET ")) {
                self.buffer.drain(..at);
                return Ok(true);
            }
            return Ok(false);
        }
        let options = request.values("connection").join(",").to_ascii_lowercase();
        let mut close = options.split(',').any(|option| option.trim() == "close");
        if self.has("one-spelling-of-close") {
            close = request.values("connection").contains(&"close");
        }
        close |= request.old && !self.has("keeps-old-clients");
        let answer = self.shared.respond(&request);
        if self.has("serves-after-close") && answer.status == 404 {
            self.write(&request, &answer, true);
        } else if !request.answered {
            self.write(&request, &answer, close);
        }
        if self.has("drops-pipelined") {
            self.buffer.clear();
        }
        if self.has("drops-half-a-request") && find(&self.buffer, b"\r\n\r\n").is_none() {
            self.buffer.clear();
        }
        let status = answer.status;
        let unsaid = ["closes-unsaid", "silent", "half"]
            .iter()
            .any(|fault| self.has(&format!("{fault}-{status}")))
            || (self.has("closes-after-two") && served == 1);
        Ok(!close && !unsaid)
    }

    fn more(&mut self) -> Result<(), u16> {
        let left = self.ends.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(408);
        }
        let _ = self.stream.set_read_timeout(Some(left));
        let mut block = [0; 64 * 1024];
        match self.stream.read(&mut block) {
            Ok(0) => Err(0),
            Ok(n) => {
                self.buffer.extend(&block[..n]);
                Ok(())
            }
            Err(e) if e.kind() == std::io::ErrorKind::WouldBlock => Err(408),
            Err(_) => Err(0),
        }
    }

    fn line(&mut self) -> Result<String, u16> {
        while !self.buffer.contains(&b'\n') {
            if self.buffer.len() > 16_000 {
                return Err(431);
            }
            self.more()?;
        }
        let end = self.buffer.iter().position(|b| *b == b'\n').unwrap_or(0);
        let line: Vec<u8> = self.buffer.drain(..=end).collect();
        Ok(line.iter().map(|b| char::from(*b)).collect())
    }

    fn request(&mut self, request: &mut Request) -> Result<(), u16> {
        if self.has("reads-once-hello") && self.buffer.starts_with(b"GET /hello") {
            while find(&self.buffer, b"\r\n\r\n").is_none() {
                self.buffer
                    .extend(b"\r\nHost: x\r\nConnection: close\r\n\r\n");
            }
        }
        let mut line = self.line()?;
        if line == "\r\n" {
            line = self.line()?;
        }
        let mut parts = line.trim_end_matches(['\r', '\n']).split(' ');
        let (Some(method), Some(target), Some(version), None) =
            (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(400);
        };
        request.method = method.into();
        request.target = target.into();
        request.old = version == "HTTP/1.0";
        if !version.starts_with("HTTP/1.") {
            return Err(505);
        }
        let mut size = line.len();
        loop {
            let line = self.line()?;
            size += line.len();
            if size > 16_000 {
                return Err(431);
            }
            let line = line.trim_end_matches(['\r', '\n']);
            if line.is_empty() {
                break;
            }
            let (name, value) = line.split_once(':').ok_or(400_u16)?;
            let value = value.trim_matches([' ', '\t']);
            if name.is_empty() || name.contains([' ', '\t']) {
                return Err(400);
            }
            request
                .fields
                .push((name.to_ascii_lowercase(), value.into()));
        }
        if request.values("host").len() != 1 && !request.old {
            return Err(400);
        }
        if !["GET", "HEAD", "POST", "DELETE", "OPTIONS", "PUT"].contains(&method) {
            return Err(501);
        }
        self.body(request)
    }

    fn body(&mut self, request: &mut Request) -> Result<(), u16> {
        if request.values("expect").contains(&"100-continue") && !request.old {
            let _ = self.stream.write_all(b"HTTP/1.1 100 Continue\r\n\r\n");
        }
        let lengths = request.values("content-length").join(",");
        let codings = request.values("transfer-encoding").join(",");
        if !codings.is_empty() && !lengths.is_empty() {
            return Err(400);
        }
        let has_length = !lengths.is_empty() && lengths.bytes().all(|b| b.is_ascii_digit());
        let early = self.has("answers-before-the-body") && request.target != "/echo";
        if early && (has_length || codings == "chunked") {
            self.write(request, &self.shared.respond(request), false);
            request.answered = true;
        }
        if codings == "chunked" {
            request.body = self.chunks()?;
            return Ok(());
        }
        if !codings.is_empty() {
            return Err(400);
        }
        if request.values("content-length").is_empty() || self.has("body-is-next") {
            return Ok(());
        }
        if !has_length {
            return Err(400);
        }
        let length = lengths
            .parse()
            .ok()
            .filter(|n| *n <= 5 << 20 || request.answered || self.has("dies-of-a-tib"))
            .ok_or(413_u16)?;
        if lengths == "1099511627776" && self.has("dies-of-a-tib") {
            std::process::exit(134);
        }
        if length > 8192 && self.has("dies-above-8-kb") {
            std::process::exit(139);
        }
        if self.has("body-of-one-read") {
            request.body = std::mem::take(&mut self.buffer);
            return Ok(());
        }
        if self.has("nuls-for-a-late-body") {
            request.body = std::mem::take(&mut self.buffer);
            request.body.resize(length, 0);
            return Ok(());
        }
        request.body = self.counted(length)?;
        if self.has("keeps-8-kb") {
            request.body.truncate(8192);
        }
        Ok(())
    }

    fn counted(&mut self, count: usize) -> Result<Vec<u8>, u16> {
        while self.buffer.len() < count {
            self.more()?;
        }
        Ok(self.buffer.drain(..count).collect())
    }

    fn chunks(&mut self) -> Result<Vec<u8>, u16> {
        if self.has("chunks-of-one-read") && find(&self.buffer, b"0\r\n\r\n").is_none() {
            return Err(400);
        }
        let mut body = Vec::new();
        loop {
            let line = self.line()?;
            if !line.ends_with("\r\n") && !self.has("lf-in-chunks") {
                return Err(400);
            }
            let size = line.trim_end().split(';').next().unwrap_or_default();
            if size.is_empty() || !size.bytes().all(|b| b.is_ascii_hexdigit()) {
                return Err(400);
            }
            let size = usize::from_str_radix(size, 16).map_err(|_| 413_u16)?;
            if size == 0 {
                break;
            }
            body.extend(self.counted(size)?);
            if self.counted(2)? != b"\r\n" {
                return Err(400);
            }
        }
        while self.line()? != "\r\n" {}
        Ok(body)
    }

    fn write(&mut self, request: &Request, answer: &Answer, close: bool) {
        let status = answer.status;
        let has = |fault: &str| self.has(&format!("{fault}-{status}"));
        let hello = request.target.starts_with("/hello");
        let mut head = format!("HTTP/1.1 {status} \r\n");
        if !has("no-date") {
            let date = httpdate::fmt_http_date(SystemTime::now());
            head += &format!("Date: {date}\r\n");
        }
        let chunked = hello && status == 200 && self.has("lf-in-chunks-sent");
        let length = answer.body.len() - usize::from(has("short-length"));
        if chunked {
            head += "Transfer-Encoding: chunked\r\n";
        } else if !has("no-length") && !matches!(status, 204 | 304) {
            head += &format!("Content-Length: {length}\r\n");
        }
        head += &answer.fields;
        let typed = answer.fields.contains("Content-Type");
        if self.has("contenttype") {
            head += "contenttype: text/html\r\n";
        } else if !(typed || hello && self.has("no-type-hello")) {
            head += "Content-Type: text/html; charset=utf-8\r\n";
        }
        if close && !self.has("close-unsaid") {
            head += "Connection: close\r\n";
        }
        head += "\r\n";
        if has("bare-lf") {
            head = head.replace("\r\n", "\n");
        }
        let mut bytes = head.into_bytes();
        let told = (hello && self.has("head-body-hello"))
            || has("head-body")
            || (status == 304 && self.has("content-with-304"));
        let bodiless = request.method == "HEAD" || matches!(status, 204 | 304);
        if chunked && !bodiless {
            bytes.extend(format!("{:x}\n", answer.body.len()).bytes());
            bytes.extend(&answer.body);
            bytes.extend(b"\r\n0\r\n\r\n");
        } else if !bodiless || told {
            bytes.extend(&answer.body);
        }
        if has("silent") {
            bytes.clear();
        }
        if has("half") {
            bytes.truncate(40);
        }
        let _ = self.stream.write_all(&bytes);
    }
}

fn page(status: u16, text: &str) -> Answer {
    Answer {
        status,
        fields: String::new(),
        body: format!("<h1>{status} {text}</h1>").into_bytes(),
    }
}

fn redirect(location: &str) -> Answer {
    Answer {
        fields: format!("Location: {location}\r\n"),
        ..page(302, "found")
    }
}

/// Packs a page for a client that says that it can unpack it.
fn packed(request: &Request, mut answer: Answer) -> Answer {
    answer.fields += "Vary: Accept-Encoding\r\n";
    let codings = request.values("accept-encoding").join(",");
    if codings.split(',').any(|coding| coding.trim() == "gzip") {
        answer.fields += "Content-Encoding: gzip\r\n";
        let mut packer = GzEncoder::new(Vec::new(), Compression::default());
        let whole = packer.write_all(&answer.body);
        answer.body = whole.and_then(|()| packer.finish()).unwrap_or_default();
    }
    answer
}

/// What its files have, however old they are.
const VALIDATORS: &str =
    "ETag: \"wire-check's-own\"\r\nLast-Modified: Sun, 06 Nov 2016 08:49:37 GMT\r\n";

/// RFC 9110 §13.2.2, one step after the other.
fn judged(request: &Request, answer: Answer) -> Answer {
    let own = "\"wire-check's-own\"";
    let listed = |name: &str| {
        let values = request.values(name).join(",");
        let tags: Vec<_> = values
            .split(',')
            .map(|tag| tag.trim().to_string())
            .collect();
        (!values.is_empty()).then_some(tags)
    };
    // Years are enough: that of the files is 2016.
    let year = |name: &str| {
        let date = httpdate::parse_http_date(request.values(name).first()?).ok()?;
        Some(httpdate::fmt_http_date(date)[12..16].to_string())
    };
    let matches = match (listed("if-match"), year("if-unmodified-since")) {
        (Some(tags), _) => tags.iter().any(|tag| tag == "*" || tag == own),
        (None, Some(year)) => year.as_str() >= "2016",
        (None, None) => true,
    };
    let known = match (listed("if-none-match"), year("if-modified-since")) {
        (Some(tags), _) => tags
            .iter()
            .any(|tag| tag == "*" || tag.trim_start_matches("W/") == own),
        (None, Some(year)) => year.as_str() >= "2016",
        (None, None) => false,
    };
    match (matches, known) {
        (false, _) => page(412, "no longer"),
        (true, true) => Answer {
            fields: VALIDATORS.into(),
            ..page(304, "")
        },
        (true, false) => answer,
    }
}

impl Shared {
    fn respond(&self, request: &Request) -> Answer {
        let target = request.target.trim_start_matches("http://localhost");
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let value = |name: &str| {
            let pairs = query.split('&').filter_map(|pair| pair.split_once('='));
            let mut same = pairs.filter(|(n, _)| *n == name);
            decoded(same.next().map_or("", |(_, value)| value))
        };
        let escaped = |text: &str| text.replace('&', "&amp;").replace('<', "&lt;");
        let is_get = matches!(request.method.as_str(), "GET" | "HEAD");
        let fresh = request.values("if-none-match").contains(&"*");
        let conditional = request
            .fields
            .iter()
            .any(|(name, _)| name.starts_with("if-"));
        match (is_get, path) {
            (true, "/") if fresh || (conditional && self.has("always-304")) => page(304, ""),
            (true, "/") if self.has("differs-each-time") => {
                let asked = self.asked.fetch_add(1, Ordering::Relaxed);
                let mut answer = page(200, &".".repeat(asked));
                answer.fields = format!("ETag: \"{asked}\"\r\n");
                answer
            }
            (true, "/") => page(
                200,
                "<a href='/hello?name=Ada'>hello</a> <form action='/echo' method='post'></form>",
            ),
            (true, "/hello") => {
                let name = value("name");
                let safe = if self.has("hello-unescaped") {
                    name
                } else {
                    escaped(&name)
                };
                packed(request, page(200, &format!("Hello, {safe}!")))
            }
            (true, "/go") => {
                let to = value("to");
                let own = to.starts_with('/') && !to.starts_with("//") && !to.contains('\\');
                let to = if own || self.has("redirects-anywhere") {
                    &to
                } else {
                    "/"
                };
                redirect(if to.is_empty() { "/" } else { to })
            }
            (true, "/files/") if self.has("dies-of-a-folder") => std::process::exit(101),
            (true, _) => match path
                .strip_prefix("/files/")
                .and_then(|name| self.file(name))
            {
                Some(body) => judged(
                    request,
                    Answer {
                        status: 200,
                        // It sends the whole to whoever asks for a part, as it may.
                        fields: format!(
                            "Content-Type: application/octet-stream\r\nAccept-Ranges: bytes\r\n{VALIDATORS}"
                        ),
                        body,
                    },
                ),
                None => page(404, "not found"),
            },
            (false, "/echo") if request.method == "POST" => Answer {
                status: 200,
                fields: "Content-Type: text/plain\r\n".into(),
                body: request.body.clone(),
            },
            (false, "/" | "/hello" | "/echo") => Answer {
                fields: "Allow: GET, HEAD, POST\r\n".into(),
                ..page(405, "not allowed")
            },
            _ => page(404, "not found"),
        }
    }

    /// A file below the root.
    fn file(&self, name: &str) -> Option<Vec<u8>> {
        let path = self.root.join(decoded(name));
        let root = self.root.canonicalize().ok()?;
        let path = path.canonicalize().ok()?;
        let inside = match self.fault.as_str() {
            "any-file" => true,
            "root-by-letters" => path.to_str()?.starts_with(root.to_str()?),
            _ => path.starts_with(&root),
        };
        let body = fs::read(Some(&path).filter(|_| inside)?).ok()?;
        if self.has("files-are-text") {
            return Some(String::from_utf8_lossy(&body).into_owned().into_bytes());
        }
        Some(body)
    }
}

fn decoded(text: &str) -> String {
    text.replace("%2e", ".")
        .replace("%2f", "/")
        .replace("%3C", "<")
        .replace("%3E", ">")
        .replace("%5C", "\\")
}

fn find(bytes: &[u8], part: &[u8]) -> Option<usize> {
    bytes.windows(part.len()).position(|window| window == part)
}
