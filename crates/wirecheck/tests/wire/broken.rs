//! Is the checker right? Servers that are wrong in one way each: the check that
//! is meant to find the fault finds it. And the same server without a fault:
//! everything that the protocol demands passes.

use std::fs;
use std::io::ErrorKind;
use std::io::Read;
use std::io::Write;
use std::net::Shutdown;
use std::net::SocketAddr;
use std::net::TcpListener;
use std::net::TcpStream;
use std::sync::Arc;
use std::thread;
use std::time::Duration;
use std::time::Instant;
use std::time::SystemTime;

use libtest_mimic::Failed;
use libtest_mimic::Trial;
use wirecheck::check::Check;
use wirecheck::check::Failure;
use wirecheck::check::Level;
use wirecheck::checks;
use wirecheck::report;
use wirecheck::server::Origin;
use wirecheck::server::Server;

use crate::anybody;

/// What is wrong, and the check that is meant to find it.
const FAULTS: &[(Fault, &str)] = &[
    (Fault::NoLength, "answer-length"),
    (Fault::LengthTooSmall, "answer-is-http"),
    (Fault::LengthTooLarge, "answer-is-http"),
    (Fault::TwoLengths, "answer-is-http"),
    (Fault::BareLf, "answer-line-ends"),
    (Fault::NoStatusLine, "answer-is-http"),
    (Fault::SpaceBeforeColonSent, "answer-is-http"),
    (Fault::NoDate, "answer-date"),
    (Fault::LocalDate, "answer-date"),
    (Fault::AlwaysOk, "not-found"),
    (Fault::AlwaysOk, "missing-is-404"),
    (Fault::OneRead, "split-everywhere"),
    (Fault::OneRead, "one-byte-at-a-time"),
    (Fault::AnswersFirstRead, "split-everywhere"),
    (Fault::AnswersFirstRead, "one-byte-at-a-time"),
    (Fault::ReadsToEnd, "answer-before-the-close"),
    (Fault::NeverCloses, "closes-after-the-answer"),
    (Fault::DropsHalfClosed, "half-close-after-request"),
    (Fault::EndsOnEmpty, "survives-connect-and-close"),
    (Fault::EndsOnReset, "survives-reset"),
    (Fault::EndsOnBytesOfNoText, "survives-garbage"),
    (Fault::EndsOnHalfAHead, "half-a-head-and-gone"),
    (Fault::OneAtATime, "answered-in-reverse-order"),
    (Fault::OneAtATime, "idle-client-blocks-nobody"),
    (Fault::ClosesWithReset, "20-mb-sent-to-a-page"),
    (Fault::SecondRequestServed, "pipelined-request-after-close"),
    (Fault::HeadWithBody, "head-has-no-body"),
    (Fault::HeadWithoutLength, "head-of-errors"),
    (Fault::NoHostCheck, "host-missing"),
    (Fault::NoHostCheck, "host-twice"),
    (Fault::SpaceBeforeColon, "space-before-colon"),
    (Fault::ObsFold, "obs-fold"),
    (Fault::LfOnlyRefused, "bare-lf-line-ends"),
    (Fault::NamesByCase, "field-name-any-case"),
    (Fault::NoAbsoluteForm, "target-absolute-form"),
    (Fault::OkForAbsoluteForm, "target-absolute-form"),
    (
        Fault::OkForAbsoluteForm,
        "target-absolute-form-host-ignored",
    ),
    (Fault::PathNotEscaped, "path-escaped-in-page"),
    (Fault::NoAllow, "allow-with-405"),
    (Fault::BodyOfOneRead, "body-in-second-segment"),
    (Fault::BodyOfOneRead, "body-split-everywhere"),
    (Fault::BodyTakesAll, "body-ends-where-it-should"),
    (Fault::PlusInLength, "length-invalid"),
    (Fault::LastLengthWins, "lengths-differ"),
    (Fault::CodingAndLength, "coding-and-length"),
    (Fault::CodingAndLength, "smuggled-by-coding-and-length"),
    (Fault::AnyCodingIsChunked, "coding-disguised"),
    (Fault::ChunkExtensionRefused, "chunk-extensions"),
    (Fault::ChunkLineLf, "chunk-line-bare-lf"),
    (Fault::TrailersUnread, "chunk-trailers"),
    (Fault::NoContinue, "continue"),
    (Fault::ContinueForAll, "continue-not-for-http-1-0"),
    (Fault::NoLength, "close-announced"),
    (Fault::CloseUnsaid, "close-announced"),
    (Fault::ChunkedForOldClients, "http-1-0-answered-in-kind"),
    (Fault::NeverCloses, "http-1-0-answered-in-kind"),
    (Fault::EndsOnLineOfNoText, "survives-garbage"),
    (Fault::EndsOnBadPercent, "survives-garbage"),
    (Fault::PathDecodedInPage, "path-escaped-in-page"),
    (Fault::LengthInCharacters, "length-counts-bytes"),
    (Fault::DecodesIntoLocation, "no-field-injected"),
    (Fault::ContentWith304, "no-content-means-none"),
    (Fault::LengthWith204, "no-content-means-none"),
    (Fault::NoDeadline, "some-deadline"),
    (Fault::DeadlineForEachRead, "some-deadline"),
    (Fault::BodyIsNextRequest, "body-is-no-request"),
    (Fault::LengthWraps, "length-overflow"),
    (Fault::ChunkExtensionRefused, "chunked-forms-understood"),
    (Fault::TrailersUnread, "chunked-forms-understood"),
    (Fault::ChunkSizeGuessed, "chunk-size-not-guessed"),
    (Fault::ChunkSizeCutAtSpace, "chunk-size-not-guessed"),
    (Fault::NoContinue, "continue-or-final"),
    (Fault::ServesNonsense, "request-line-nonsense"),
    (Fault::FaultsOnOddNames, "odd-names-are-no-fault"),
    (Fault::QueryInPath, "query-cut-from-path"),
    (Fault::ServesAnyFile, "traversal-to-passwd"),
    (Fault::RedirectsAway, "no-open-redirect"),
];

/// What a server does wrong.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Fault {
    None,
    NoLength,
    LengthTooSmall,
    LengthTooLarge,
    TwoLengths,
    BareLf,
    NoStatusLine,
    SpaceBeforeColonSent,
    NoDate,
    LocalDate,
    AlwaysOk,
    OneRead,
    AnswersFirstRead,
    ReadsToEnd,
    NeverCloses,
    DropsHalfClosed,
    EndsOnEmpty,
    EndsOnReset,
    EndsOnBytesOfNoText,
    EndsOnHalfAHead,
    OneAtATime,
    ClosesWithReset,
    SecondRequestServed,
    HeadWithBody,
    HeadWithoutLength,
    NoHostCheck,
    SpaceBeforeColon,
    ObsFold,
    LfOnlyRefused,
    NamesByCase,
    NoAbsoluteForm,
    OkForAbsoluteForm,
    PathNotEscaped,
    NoAllow,
    BodyOfOneRead,
    BodyTakesAll,
    PlusInLength,
    LastLengthWins,
    CodingAndLength,
    AnyCodingIsChunked,
    ChunkExtensionRefused,
    ChunkLineLf,
    TrailersUnread,
    NoContinue,
    ContinueForAll,
    ServesAnyFile,
    RedirectsAway,
    CloseUnsaid,
    ChunkedForOldClients,
    EndsOnLineOfNoText,
    EndsOnBadPercent,
    PathDecodedInPage,
    LengthInCharacters,
    DecodesIntoLocation,
    ContentWith304,
    LengthWith204,
    NoDeadline,
    DeadlineForEachRead,
    BodyIsNextRequest,
    LengthWraps,
    ChunkSizeGuessed,
    ChunkSizeCutAtSpace,
    ServesNonsense,
    FaultsOnOddNames,
    QueryInPath,
}

/// How long the right server waits for a request.
const DEADLINE: Duration = Duration::from_secs(2);

/// A test for each fault, and for each check that the server without a fault passes.
pub fn trials() -> Vec<Trial> {
    let mut trials = Vec::new();
    for &(fault, name) in FAULTS {
        let trial = format!("broken::{fault:?} is found by {name}");
        trials.push(Trial::test(trial, move || is_found(fault, name)));
    }
    for check in checks::all() {
        let found_here = FAULTS.iter().any(|(_, name)| *name == check.name);
        if anybody::names().any(|name| name == check.name) {
            continue;
        }
        if found_here || (check.level != Level::Ours && check.until.is_none()) {
            let trial = format!("broken::right server passes {}", check.name);
            trials.push(Trial::test(trial, move || passes(&check)));
        }
    }
    trials
}

/// The checks that find something here.
pub fn names() -> impl Iterator<Item = &'static str> {
    FAULTS.iter().map(|(_, name)| *name)
}

fn is_found(fault: Fault, name: &str) -> Result<(), Failed> {
    let check = checks::all().into_iter().find(|check| check.name == name);
    let check = check.ok_or(format!("there is no check {name}"))?;
    // On a busy machine two segments may arrive as one, which hides some faults.
    for _ in 0..10 {
        let mut server = start(fault)?;
        server.told.deadline = Some(DEADLINE + DEADLINE / 2);
        // It is meant to fail, so there is no use in waiting long.
        server.patience = Duration::from_millis(500);
        match check.run_on(&server) {
            Err(Failure::Wrong { .. }) => return Ok(()),
            Err(Failure::Skipped(reason)) => return Err(format!("skipped: {reason}").into()),
            Ok(()) => {}
        }
    }
    Err(format!("{name} does not see it").into())
}

fn passes(check: &Check) -> Result<(), Failed> {
    let mut server = start(Fault::None)?;
    server.told.deadline = Some(2 * DEADLINE);
    match check.run_on(&server) {
        Err(failure) => Err(report::explain(check, &failure, None).into()),
        Ok(()) => Ok(()),
    }
}

fn start(fault: Fault) -> Result<Server, Failed> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let address: SocketAddr = listener.local_addr()?;
    thread::spawn(move || serve(&Arc::new(listener), fault));
    Server::start(10, &Origin::Address(address)).map_err(|f| report::sentence(&f).into())
}

/// Accepts until a connection ends the server, if its fault is of that kind.
fn serve(listener: &Arc<TcpListener>, fault: Fault) {
    while let Ok((stream, _)) = listener.accept() {
        let ends = matches!(
            fault,
            Fault::EndsOnEmpty
                | Fault::EndsOnReset
                | Fault::EndsOnBytesOfNoText
                | Fault::EndsOnHalfAHead
                | Fault::EndsOnLineOfNoText
                | Fault::EndsOnBadPercent
        );
        if fault == Fault::OneAtATime || ends {
            if !connection(stream, fault) {
                return;
            }
        } else {
            thread::spawn(move || connection(stream, fault));
        }
    }
}

/// One connection; false if it ends the server.
fn connection(stream: TcpStream, fault: Fault) -> bool {
    let mut client = Client {
        stream,
        buffer: Vec::new(),
        ended: false,
        reset: false,
        head: false,
        old: false,
        no_text: false,
        begun: Instant::now(),
        fault,
    };
    let answer = client
        .request()
        .map_or_else(error, |request| respond(&request, fault));
    if client.no_text {
        return false;
    }
    let nothing = client.ended && client.buffer.is_empty();
    match fault {
        Fault::EndsOnEmpty if nothing => return false,
        Fault::EndsOnReset if client.reset => return false,
        Fault::EndsOnBytesOfNoText if std::str::from_utf8(&client.buffer).is_err() => return false,
        Fault::EndsOnHalfAHead if client.ended && !nothing => return false,
        _ => {}
    }
    if nothing {
        return true;
    }
    client.write(&answer);
    if fault == Fault::BodyIsNextRequest && client.read_more().is_ok() {
        client.write(&error(400));
    }
    if fault == Fault::SecondRequestServed && client.buffer.windows(4).any(|w| w == b"GET ") {
        client.write(&answer);
    }
    client.close();
    true
}

struct Client {
    stream: TcpStream,
    /// Read and not yet used.
    buffer: Vec<u8>,
    ended: bool,
    reset: bool,
    /// The request is a HEAD, even if it is refused.
    head: bool,
    /// The client speaks HTTP/1.0.
    old: bool,
    /// A line was no UTF-8, and that ends the server.
    no_text: bool,
    begun: Instant,
    fault: Fault,
}

struct Request {
    method: String,
    path: String,
    body: Vec<u8>,
    /// Asked for only if it has changed.
    conditional: bool,
}

struct Answer {
    status: u16,
    fields: String,
    body: Vec<u8>,
}

fn error(status: u16) -> Answer {
    let body = format!("<h1>{status}</h1>").into_bytes();
    Answer {
        status,
        fields: String::new(),
        body,
    }
}

impl Client {
    fn has(&self, fault: Fault) -> bool {
        self.fault == fault
    }

    fn read_more(&mut self) -> Result<(), u16> {
        let mut block = [0; 64 * 1024];
        let left = match self.fault {
            Fault::NoDeadline => Some(DEADLINE * 100),
            Fault::DeadlineForEachRead => Some(DEADLINE),
            _ => DEADLINE.checked_sub(self.begun.elapsed()),
        };
        let left = left.filter(|left| !left.is_zero()).ok_or(408_u16)?;
        let _ = self.stream.set_read_timeout(Some(left));
        let read = self.stream.read(&mut block);
        self.reset |= matches!(&read, Err(e) if e.kind() == ErrorKind::ConnectionReset);
        let n = read.unwrap_or(0);
        self.ended |= n == 0;
        self.buffer.extend(&block[..n]);
        if n == 0 { Err(400) } else { Ok(()) }
    }

    fn line(&mut self) -> Result<String, u16> {
        loop {
            if let Some(end) = self.buffer.iter().position(|b| *b == b'\n') {
                let line: Vec<u8> = self.buffer.drain(..=end).collect();
                let bad = line.windows(3).any(|w| w == b"%zz");
                if self.has(Fault::EndsOnLineOfNoText) && std::str::from_utf8(&line).is_err()
                    || self.has(Fault::EndsOnBadPercent) && bad
                {
                    self.no_text = true;
                    return Err(400);
                }
                return Ok(line.into_iter().map(char::from).collect());
            }
            if self.buffer.len() > 16_000 {
                return Err(431);
            }
            self.read_more()?;
        }
    }

    fn counted(&mut self, count: usize) -> Result<Vec<u8>, u16> {
        if count > 1 << 20 {
            return Err(413);
        }
        while self.buffer.len() < count {
            self.read_more()?;
        }
        Ok(self.buffer.drain(..count).collect())
    }

    /// The request, or the status that refuses it.
    fn request(&mut self) -> Result<Request, u16> {
        if self.has(Fault::OneRead) {
            self.read_more()?;
            let whole = self.buffer.windows(4).any(|w| w == b"\r\n\r\n");
            whole.then_some(()).ok_or(400_u16)?;
        }
        if self.has(Fault::AnswersFirstRead) {
            self.read_more()?;
            self.buffer = b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n".to_vec();
        }
        if self.has(Fault::ReadsToEnd) {
            while self.read_more().is_ok() {}
        }
        if self.has(Fault::EndsOnBytesOfNoText) {
            self.read_more()?;
        }
        let (method, path, version) = self.request_line()?;
        let fields = self.fields()?;
        if self.has(Fault::DropsHalfClosed) {
            let _ = self
                .stream
                .set_read_timeout(Some(Duration::from_millis(50)));
            self.ended = matches!(self.stream.peek(&mut [0]), Ok(0));
            self.buffer.clear();
        }
        let named = |name: &str| -> Vec<&str> {
            let by_case = self.fault == Fault::NamesByCase;
            let same = |n: &str| {
                if by_case {
                    n == name
                } else {
                    n.eq_ignore_ascii_case(name)
                }
            };
            let found = fields.iter().filter(|(n, _)| same(n));
            found.map(|(_, value)| value.as_str()).collect()
        };
        let hosts = named("Host").len();
        let host_wrong = hosts > 1 || (hosts == 0 && version == "HTTP/1.1");
        if host_wrong && !self.has(Fault::NoHostCheck) {
            return Err(400);
        }
        let lengths: Vec<String> = named("Content-Length")
            .into_iter()
            .map(String::from)
            .collect();
        let codings = named("Transfer-Encoding").join(", ").to_ascii_lowercase();
        let conditional = !named("If-None-Match").is_empty();
        let expects = named("Expect")
            .iter()
            .any(|e| e.eq_ignore_ascii_case("100-continue"));
        let wanted = expects && (version == "HTTP/1.1" || self.has(Fault::ContinueForAll));
        if wanted && !self.has(Fault::NoContinue) {
            let _ = self.stream.write_all(b"HTTP/1.1 100 Continue\r\n\r\n");
        }
        let body = self.body(&lengths, &codings)?;
        Ok(Request {
            method,
            path,
            body,
            conditional,
        })
    }

    fn request_line(&mut self) -> Result<(String, String, String), u16> {
        let mut line = self.line()?;
        if line == "\r\n" {
            line = self.line()?;
        }
        if !line.ends_with("\r\n") && self.has(Fault::LfOnlyRefused) {
            return Err(400);
        }
        let line = line.trim_end_matches(['\r', '\n']);
        let parts: Vec<_> = line.split(' ').collect();
        let [method, target, version] = parts[..] else {
            if self.has(Fault::ServesNonsense) {
                return Ok(("GET".into(), "/".into(), "HTTP/1.0".into()));
            }
            return Err(400);
        };
        self.old = version == "HTTP/1.0";
        if !version.starts_with("HTTP/1.") || line.contains(char::is_control) || !is_token(method) {
            return Err(400);
        }
        let mut path = target.to_string();
        if let Some(rest) = target.strip_prefix("http://") {
            path = rest
                .find('/')
                .map_or("/".into(), |at| rest[at..].to_string());
            if self.has(Fault::NoAbsoluteForm) {
                return Err(400);
            }
        }
        self.head = method == "HEAD";
        if self.has(Fault::OkForAbsoluteForm) {
            return Ok((method.into(), target.into(), version.into()));
        }
        if !path.starts_with('/') {
            return Err(400);
        }
        Ok((method.into(), path, version.into()))
    }

    fn fields(&mut self) -> Result<Vec<(String, String)>, u16> {
        let mut fields: Vec<(String, String)> = Vec::new();
        let mut size = 0;
        loop {
            let line = self.line()?;
            size += line.len();
            if size > 16_000 {
                return Err(431);
            }
            let line = line.trim_end_matches(['\r', '\n']);
            if line.is_empty() {
                return Ok(fields);
            }
            if self.has(Fault::ObsFold) && line.starts_with([' ', '\t']) {
                continue;
            }
            let (name, value) = line.split_once(':').ok_or(400_u16)?;
            let name = if self.has(Fault::SpaceBeforeColon) {
                name.trim()
            } else {
                name
            };
            if !is_token(name) || value.contains(|c: char| c.is_control() && c != '\t') {
                return Err(400);
            }
            fields.push((name.into(), value.trim_matches([' ', '\t']).into()));
        }
    }

    fn body(&mut self, lengths: &[String], codings: &str) -> Result<Vec<u8>, u16> {
        let chunked = codings == "chunked"
            || (codings.contains("chunked") && self.has(Fault::AnyCodingIsChunked));
        if !lengths.is_empty() && !codings.is_empty() {
            if !self.has(Fault::CodingAndLength) {
                return Err(400);
            }
            // As if Transfer-Encoding won and the connection were kept.
            let body = self.chunks()?;
            if !self.buffer.is_empty() {
                self.write(&error(200));
            }
            return Ok(body);
        }
        if chunked {
            return self.chunks();
        }
        if !codings.is_empty() {
            return Err(400);
        }
        let Some(length) = lengths.last() else {
            return Ok(Vec::new());
        };
        if lengths.len() > 1 && !self.has(Fault::LastLengthWins) {
            return Err(400);
        }
        let digits = !length.is_empty() && length.bytes().all(|b| b.is_ascii_digit());
        if !digits && !self.has(Fault::PlusInLength) {
            return Err(400);
        }
        if self.has(Fault::BodyOfOneRead) || self.has(Fault::BodyTakesAll) {
            return Ok(std::mem::take(&mut self.buffer));
        }
        if self.has(Fault::BodyIsNextRequest) {
            return Ok(Vec::new());
        }
        if self.has(Fault::LengthWraps) {
            let digits = length.bytes().map(|b| usize::from(b.wrapping_sub(b'0')));
            let wrapped = digits.fold(0, |n: usize, d| n.wrapping_mul(10).wrapping_add(d));
            return self.counted(wrapped);
        }
        self.counted(length.parse().map_err(|_| 400_u16)?)
    }

    fn chunks(&mut self) -> Result<Vec<u8>, u16> {
        let mut body = Vec::new();
        loop {
            let line = self.line()?;
            if !line.ends_with("\r\n") && !self.has(Fault::ChunkLineLf) {
                return Err(400);
            }
            let (size, _) = line.split_once(';').unwrap_or((&line, ""));
            if line.contains(';') && self.has(Fault::ChunkExtensionRefused) {
                return Err(400);
            }
            let mut size = size.trim_end_matches(['\r', '\n']);
            if line.contains(';') {
                size = size.trim_end_matches([' ', '\t']);
            }
            if self.has(Fault::ChunkSizeCutAtSpace) {
                size = size.split(' ').next().unwrap_or_default();
            }
            if self.has(Fault::ChunkSizeGuessed) {
                size = size.trim_start_matches("0x").trim_start_matches('+');
            }
            if size.is_empty() || !size.bytes().all(|b| b.is_ascii_hexdigit()) {
                return Err(400);
            }
            let size = usize::from_str_radix(size, 16).map_err(|_| 400_u16)?;
            if size == 0 {
                break;
            }
            body.extend(self.counted(size)?);
            if self.counted(2)? != b"\r\n" {
                return Err(400);
            }
        }
        if self.has(Fault::TrailersUnread) {
            return if self.line()? == "\r\n" {
                Ok(body)
            } else {
                Err(400)
            };
        }
        while self.line()? != "\r\n" {}
        Ok(body)
    }

    fn write(&mut self, answer: &Answer) {
        let mut head = format!("HTTP/1.1 {} \r\n", answer.status);
        let date = httpdate::fmt_http_date(SystemTime::now());
        let length = answer.body.len();
        let length = match self.fault {
            Fault::LengthInCharacters => String::from_utf8_lossy(&answer.body).chars().count(),
            Fault::LengthTooSmall => length - 1,
            Fault::LengthTooLarge => length + 1,
            _ => length,
        };
        match self.fault {
            Fault::NoDate => {}
            Fault::LocalDate => head += "Date: 2026-11-21 10:00:00\r\n",
            _ => head += &format!("Date: {date}\r\n"),
        }
        let no_length =
            self.has(Fault::NoLength) || (self.head && self.has(Fault::HeadWithoutLength));
        let chunked = self.old && self.has(Fault::ChunkedForOldClients);
        if chunked {
            head += "Transfer-Encoding: chunked\r\n";
        } else if answer.status == 204 && !self.has(Fault::LengthWith204) {
        } else if !no_length {
            head += &format!("Content-Length: {length}\r\n");
        }
        match self.fault {
            Fault::TwoLengths => head += &format!("Content-Length: {length}\r\n"),
            Fault::SpaceBeforeColonSent => head += "X-Odd : 1\r\n",
            _ => {}
        }
        head += &answer.fields;
        head += "Content-Type: text/html; charset=utf-8\r\n";
        if !self.has(Fault::CloseUnsaid) && !self.has(Fault::NoLength) {
            head += "Connection: close\r\n";
        }
        head += "\r\n";
        match self.fault {
            Fault::BareLf => head = head.replace("\r\n", "\n"),
            Fault::NoStatusLine => head.clear(),
            _ => {}
        }
        let mut bytes = head.into_bytes();
        let bodiless = self.head || matches!(answer.status, 204 | 304);
        if chunked {
            bytes.extend(format!("{:x}\r\n", answer.body.len()).bytes());
            bytes.extend(&answer.body);
            bytes.extend(b"\r\n0\r\n\r\n");
        } else if !bodiless || self.has(Fault::HeadWithBody) || self.has(Fault::ContentWith304) {
            bytes.extend(&answer.body);
        }
        let _ = self.stream.write_all(&bytes);
    }

    /// In stages, as RFC 9112 §9.6 has it.
    fn close(&mut self) {
        if self.has(Fault::ClosesWithReset) {
            return;
        }
        if !self.has(Fault::NeverCloses) {
            let _ = self.stream.shutdown(Shutdown::Write);
        }
        while self.read_more().is_ok() {
            self.buffer.clear();
        }
    }
}

fn is_token(text: &str) -> bool {
    let fits = |b: u8| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b);
    !text.is_empty() && text.bytes().all(fits)
}

fn respond(request: &Request, fault: Fault) -> Answer {
    let mut path = request.path.split('?').next().unwrap_or_default();
    if fault == Fault::QueryInPath {
        path = &request.path;
    }
    let decoded = request.path.replace("%3C", "<").replace("%3E", ">");
    let odd = path.contains("%00") || path.len() > 255;
    let page = |status: u16, text: &str| Answer {
        status,
        fields: String::new(),
        body: format!("<h1>{text}</h1>").into_bytes(),
    };
    if fault == Fault::ServesAnyFile
        && let Ok(body) = fs::read(format!(".{path}"))
    {
        return Answer {
            body,
            ..page(200, "")
        };
    }
    if fault == Fault::RedirectsAway && path.starts_with("//") {
        let fields = format!("Location: {path}/\r\n");
        return Answer {
            fields,
            ..page(301, "moved")
        };
    }
    match (request.method.as_str(), path) {
        ("GET", "/") if request.conditional => page(304, "Hello"),
        ("OPTIONS", "/") => page(204, ""),
        _ if fault == Fault::FaultsOnOddNames && odd => page(500, "500"),
        _ if fault == Fault::DecodesIntoLocation && path.contains("%0a") => Answer {
            fields: format!(
                "Location: {}\r\n",
                path.replace("%0a", "\n").replace("%20", " ")
            ),
            ..page(301, "moved")
        },
        _ if fault == Fault::PathDecodedInPage => page(404, &decoded),
        (_, path) if fault == Fault::LengthInCharacters && path != "/" => page(404, "\u{eb}"),
        ("GET" | "HEAD", "/" | "/hello") => page(200, "Hello"),
        ("GET" | "HEAD", "/home") => Answer {
            fields: "Location: /\r\n".into(),
            ..page(301, "moved")
        },
        ("GET" | "HEAD", "/teapot") => page(418, "418 I'm a teapot"),
        ("GET" | "HEAD", "/fail") => page(500, "500"),
        ("POST", "/echo" | "/") => Answer {
            body: request.body.clone(),
            ..page(200, "")
        },
        (_, "/" | "/hello" | "/echo") if fault == Fault::NoAllow => page(405, "405"),
        (_, "/" | "/hello" | "/echo") => Answer {
            fields: "Allow: GET, HEAD, POST\r\n".into(),
            ..page(405, "405 Method Not Allowed")
        },
        (_, path) if fault == Fault::PathNotEscaped => page(404, &format!("404 Not Found {path}")),
        _ if fault == Fault::AlwaysOk => page(200, "Hello"),
        _ if fault == Fault::OkForAbsoluteForm => page(200, &format!("no {path}")),
        _ => page(404, "404 Not Found"),
    }
}
