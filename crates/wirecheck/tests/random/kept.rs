//! A client who keeps its connection (stage 11): it sends several requests, some of them before
//! the answers to those before have come, cut at random places, and knows of each what must be
//! answered. The k-th answer is held to the k-th request.

use std::ops::Range;

use fastrand::Rng;
use wirecheck::answer::Answer;
use wirecheck::check::Failure;
use wirecheck::check::Verdict;
use wirecheck::client::Connection;
use wirecheck::exchange::visible;
use wirecheck::server::Server;
use wirecheck::server::wait_until;

use crate::TOO_LONG;
use crate::files;
use crate::files::Folder;
use crate::gzip;
use crate::pages;
use crate::pick;

/// So much is sent at most before the answers are read, unless it is one request: what both
/// sides have room for, so that neither waits for the other.
const BURST: usize = 32 * 1024;

/// A request, and what must come back.
pub struct Ask {
    pub bytes: Vec<u8>,
    /// To HEAD: no body follows.
    to_head: bool,
    /// Whether another request may follow.
    pub lasts: bool,
    wanted: Wanted,
}

/// An answer that is right.
pub struct Wanted {
    pub status: u16,
    /// Fields that must be there, once, and what they must say.
    pub fields: Vec<(&'static str, String)>,
    /// Fields that must not be there.
    pub lacks: Vec<&'static str>,
    pub body: Body,
    pub coding: Coding,
}

pub enum Body {
    /// Not looked at
    Any,
    /// Exactly this, once it is unpacked
    Is(Vec<u8>),
    /// A page that says this
    Says(String),
}

pub enum Coding {
    Plain,
    Packed,
    /// Packed if it is text, long enough, and the client takes it
    IfItPays(bool),
}

impl Wanted {
    pub fn new(status: u16, body: Body) -> Wanted {
        Wanted {
            status,
            fields: Vec::new(),
            lacks: Vec::new(),
            body,
            coding: Coding::Plain,
        }
    }

    /// With this field.
    pub fn field(mut self, name: &'static str, value: impl Into<String>) -> Wanted {
        self.fields.push((name, value.into()));
        self
    }
}

/// What a request says of its connection, and in which version.
pub struct Manner {
    pub version: &'static str,
    line: String,
    lasts: bool,
}

impl Manner {
    pub fn new(rng: &mut Rng) -> Manner {
        // RFC 9112 §9.3: 1.1 lasts unless it is told not to, 1.0 only if it is told to. To close
        // is stronger, and the names of options know no case.
        let (version, option, lasts) = match rng.u8(..40) {
            0 => ("HTTP/1.0", "", false),
            1 => ("HTTP/1.0", "x-other", false),
            2 => ("HTTP/1.0", "close, keep-alive", false),
            3 | 4 => ("HTTP/1.0", "keep-alive", true),
            5 | 6 => ("HTTP/1.0", "x-other,\tKeep-Alive", true),
            7 => ("HTTP/1.1", pick(&["close", "Close", "CLOSE"], rng), false),
            8 => ("HTTP/1.1", "keep-alive ,close", false),
            9 => ("HTTP/1.1", "x-closed", true),
            10..15 => ("HTTP/1.1", "keep-alive", true),
            _ => ("HTTP/1.1", "", true),
        };
        let line = match option {
            "" => String::new(),
            _ => format!("Connection: {option}"),
        };
        Manner {
            version,
            line,
            lasts,
        }
    }
}

impl Ask {
    /// Writes a request: its lines come in any order, its body with a length or in chunks.
    pub fn new(
        (method, target): (&str, &str),
        manner: Manner,
        mut lines: Vec<String>,
        body: Option<&[u8]>,
        wanted: Wanted,
        rng: &mut Rng,
    ) -> Ask {
        lines.push(manner.line);
        if manner.version == "HTTP/1.1" || rng.bool() {
            lines.push("Host: localhost".to_string());
        }
        let is_chunked = body.is_some() && manner.version == "HTTP/1.1" && rng.bool();
        if let Some(body) = body {
            lines.push(match is_chunked {
                true => "Transfer-Encoding: chunked".to_string(),
                false => format!("Content-Length: {}", body.len()),
            });
            if rng.u8(..8) == 0 {
                lines.push("Expect: 100-continue".to_string());
            }
        }
        lines.retain(|line| !line.is_empty());
        rng.shuffle(&mut lines);
        let end = pick(&["\r\n", "\r\n", "\r\n", "\n"], rng);
        let before = pick(&["", "", "", "", "", "", "", "\r\n"], rng);
        let mut head = format!("{before}{method} {target} {}{end}", manner.version);
        for line in lines {
            head += &format!("{line}{end}");
        }
        let mut bytes = (head + end).into_bytes();
        match body {
            Some(body) if is_chunked => bytes.extend(chunked(body, rng)),
            Some(body) => bytes.extend(body),
            None => {}
        }
        Ask {
            bytes,
            to_head: method == "HEAD",
            lasts: manner.lasts,
            wanted,
        }
    }

    /// One that is refused, and after which nobody knows where the next one begins.
    pub fn refused(bytes: &str, status: u16) -> Ask {
        Ask {
            bytes: bytes.into(),
            to_head: false,
            lasts: false,
            wanted: Wanted::new(status, Body::Any),
        }
    }

    /// Whether the answer is the right one.
    fn judge(&self, answer: &Answer, stage: u8) -> Verdict {
        answer.status(self.wanted.status)?;
        answer.has_right_line_ends()?;
        answer.field_is(
            "Connection",
            if self.lasts { "keep-alive" } else { "close" },
        )?;
        for (name, value) in &self.wanted.fields {
            answer.field_is(name, value)?;
        }
        for name in &self.wanted.lacks {
            let is_there = !answer.values(name).is_empty();
            answer.ensure(!is_there, format!("{name} should not be there"))?;
        }
        let codings = answer.values("Content-Encoding");
        let is_packed = match codings.join(",").as_str() {
            "" => false,
            "gzip" => true,
            other => return Err(answer.wrong(format!("a coding that nobody wanted: {other}"))),
        };
        let mut answer = answer.clone();
        if is_packed && !self.to_head {
            let unpacked = gzip::unpack(&answer.body);
            answer.body = unpacked.map_err(|e| answer.wrong(format!("cannot be unpacked: {e}")))?;
        }
        let is_due = match self.wanted.coding {
            Coding::Plain => false,
            Coding::Packed => true,
            Coding::IfItPays(_) if self.to_head => is_packed,
            Coding::IfItPays(takes) => {
                let is_text = answer.values("Content-Type").concat().starts_with("text/");
                let pays = stage >= 14 && is_text && answer.body.len() >= 1024;
                answer.ensure(
                    pays != answer.values("Vary").is_empty(),
                    "Vary is there, or isn't, and it should be the other way round",
                )?;
                pays && takes
            }
        };
        answer.ensure(
            is_packed == is_due,
            if is_due {
                "should be packed"
            } else {
                "should not be packed"
            },
        )?;
        match &self.wanted.body {
            _ if self.to_head => Ok(()),
            Body::Any => Ok(()),
            Body::Is(bytes) => answer.body_is(bytes),
            Body::Says(text) => answer.page_has(text),
        }
    }
}

/// Puts a body into chunks.
fn chunked(body: &[u8], rng: &mut Rng) -> Vec<u8> {
    let mut bytes = Vec::new();
    let longest = rng.usize(1..10_000).max(body.len() / 50);
    for chunk in body.chunks(longest) {
        let extension = pick(&["", "", ";a=b"], rng);
        bytes.extend(format!("{:x}{extension}\r\n", chunk.len()).bytes());
        bytes.extend(chunk);
        bytes.extend(b"\r\n");
    }
    bytes.extend(pick(&["0\r\n\r\n", "0\r\nX: y\r\n\r\n"], rng).bytes());
    bytes
}

/// A client: what it asks, how much of it at a time, and how it leaves.
pub struct Client {
    asks: Vec<Ask>,
    /// Which of them go out before their answers are read.
    bursts: Vec<Range<usize>>,
    /// The last burst is cut at places that only this seed knows.
    seed: u64,
    leaves: Leaves,
}

#[derive(PartialEq)]
enum Leaves {
    /// When it has all its answers, it says that it has sent all.
    Politely,
    /// When it has all its answers, it is gone.
    Silently,
    /// In the middle of its last request.
    InTheMiddle,
    /// Without having read the last answers.
    Deaf,
    /// The same, with a reset.
    Reset,
}

impl Client {
    pub fn new(stage: u8, folder: &Folder, rng: &mut Rng) -> Client {
        let mut asks = Vec::new();
        for _ in 0..rng.usize(1..=8) {
            asks.push(match rng.u8(..32) {
                0 => pages::refused(rng),
                1..10 => pages::page(stage, rng),
                10..16 => pages::echo(stage, folder, rng),
                _ => files::file(stage, folder, rng),
            });
        }
        let mut bursts = Vec::new();
        let mut start = 0;
        while start < asks.len() {
            let wanted = rng.usize(start + 1..=asks.len());
            let mut end = start + 1;
            let mut size = asks[start].bytes.len();
            while end < wanted && size + asks[end].bytes.len() < BURST {
                size += asks[end].bytes.len();
                end += 1;
            }
            bursts.push(start..end);
            start = end;
        }
        let leaves = match rng.u8(..32) {
            0 => Leaves::Deaf,
            1 => Leaves::Reset,
            2..5 => Leaves::InTheMiddle,
            5..18 => Leaves::Politely,
            _ => Leaves::Silently,
        };
        Client {
            asks,
            bursts,
            seed: rng.u64(..),
            leaves,
        }
    }

    /// Does what it is made for; an error is the server's.
    pub fn talk(&self, server: &Server) -> Verdict {
        let mut connection = Err(Failure::new("cannot connect"));
        // After many thousand connections the system may be out of ports for a moment.
        wait_until(TOO_LONG, || {
            connection = server.connect();
            connection.is_ok()
        });
        let mut connection = connection?;
        let mut rng = Rng::with_seed(self.seed);
        for burst in &self.bursts {
            let is_last = burst.end == self.asks.len();
            let asks = &self.asks[burst.clone()];
            let mut bytes: Vec<u8> = asks.iter().flat_map(|ask| ask.bytes.clone()).collect();
            let mut whole = asks.len();
            if is_last && self.leaves == Leaves::InTheMiddle {
                whole -= 1;
                let length = asks[whole].bytes.len();
                bytes.truncate(bytes.len() - length + rng.usize(..length));
            }
            send(&mut connection, &bytes, &mut rng);
            match self.leaves {
                Leaves::Deaf if is_last => {
                    connection.leave();
                    return Ok(());
                }
                Leaves::Reset if is_last => {
                    connection.reset();
                    return Ok(());
                }
                _ => {}
            }
            for ask in &asks[..whole] {
                let answer = Answer::read_next(&mut connection, ask.to_head)?;
                if let Err(failure) = ask.judge(&answer, server.stage) {
                    return Err(failure.titled(&format!("asked: {}", visible(&ask.bytes))));
                }
                if !ask.lasts {
                    return ends(&mut connection);
                }
            }
        }
        match self.leaves {
            Leaves::Politely => {
                connection.half_close();
                ends(&mut connection)
            }
            Leaves::InTheMiddle => {
                connection.half_close();
                is_refused(&mut connection)
            }
            _ => {
                connection.leave();
                Ok(())
            }
        }
    }
}

/// Sends in pieces: as a whole, cut at a few places, or byte by byte.
fn send(connection: &mut Connection, bytes: &[u8], rng: &mut Rng) {
    let mut cuts = vec![0, bytes.len()];
    match rng.u8(..16) {
        0 if bytes.len() < 1000 => cuts.extend(1..bytes.len()),
        0..8 => {}
        _ => cuts.extend((0..rng.usize(1..8)).map(|_| rng.usize(..=bytes.len()))),
    }
    cuts.sort_unstable();
    for pair in cuts.windows(2) {
        if pair[0] < pair[1] {
            connection.send(&bytes[pair[0]..pair[1]]);
        }
    }
}

/// Nothing more comes, but the end.
fn ends(connection: &mut Connection) -> Verdict {
    let rest = connection.rest()?;
    if rest.is_empty() {
        return Ok(());
    }
    Err(connection.wrong("bytes after the last answer"))
}

/// A request that isn't whole is refused, or nobody says anything to it.
fn is_refused(connection: &mut Connection) -> Verdict {
    let mut rest = &connection.rest()?[..];
    // Perhaps it was asked to go on.
    rest = rest
        .strip_prefix(b"HTTP/1.1 100 Continue\r\n\r\n")
        .unwrap_or(rest);
    let answers = rest.windows(9).filter(|part| part == b"HTTP/1.1 ").count();
    let is_refusal = rest.starts_with(b"HTTP/1.1 4") || rest.starts_with(b"HTTP/1.1 5");
    if rest.is_empty() || (is_refusal && answers == 1) {
        return Ok(());
    }
    Err(connection.wrong("half a request was answered like a whole one, or twice"))
}
