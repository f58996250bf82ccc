//! Checks that are data: requests that differ in one place, and what each of them gets. What
//! is shown as sent is made from it, so it can't say more than is sent.

use crate::answer::Answer;
use crate::check::Verdict;
use crate::checks::refuses;
use crate::exchange::visible;
use crate::server::Server;

/// Requests that differ in one place.
#[derive(Clone, Copy)]
pub struct Rows {
    /// The request, with `{}` where they differ.
    frame: &'static str,
    /// What stands there, each in a request of its own.
    each: &'static [&'static str],
    wanted: Wanted,
    /// The server serves the checker's test files.
    on_files: bool,
}

/// What each of the requests gets.
#[derive(Clone, Copy)]
enum Wanted {
    Refused,
    Accepted,
    Status(&'static [u16]),
    Echoed(&'static str),
    Judged(Judge),
}

/// Judges an answer by what stood in the request.
type Judge = fn(&Answer, &str) -> Verdict;

/// A whole request.
pub const WHOLE: &str = "{}";
/// A request line.
pub const LINE: &str = "{}\r\nHost: localhost\r\nConnection: close\r\n\r\n";
/// A method and a target.
pub const METHOD: &str = "{} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
/// The target of a GET.
pub const TARGET: &str = "GET {} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
/// The value of Host.
pub const HOST: &str = "GET / HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n\r\n";
/// A field line beside Host and Connection.
pub const FIELD: &str = "GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n{}\r\n\r\n";
/// All field lines but Connection.
pub const FIELDS: &str = "GET / HTTP/1.1\r\n{}\r\nConnection: close\r\n\r\n";
/// A body in chunks.
pub const CHUNKS: &str = "POST /echo HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\
    Transfer-Encoding: chunked\r\n\r\n{}";
/// The size of a chunk of five bytes.
pub const CHUNK_SIZE: &str = "POST /echo HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\
    Transfer-Encoding: chunked\r\n\r\n{}\r\nHello\r\n0\r\n\r\n";
/// A field line above a body of five bytes in one chunk.
pub const CODING: &str = "POST /echo HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\
    {}\r\n\r\n5\r\nHello\r\n0\r\n\r\n";

/// Each of them is malformed.
pub const fn refused(frame: &'static str, each: &'static [&'static str]) -> Option<Rows> {
    rows(frame, each, Wanted::Refused)
}

/// Each of them is right.
pub const fn accepted(frame: &'static str, each: &'static [&'static str]) -> Option<Rows> {
    rows(frame, each, Wanted::Accepted)
}

/// Each gets one of these.
pub const fn answered(
    frame: &'static str,
    each: &'static [&'static str],
    status: &'static [u16],
) -> Option<Rows> {
    rows(frame, each, Wanted::Status(status))
}

/// Each gets this back, as a body.
pub const fn gives_back(
    frame: &'static str,
    each: &'static [&'static str],
    body: &'static str,
) -> Option<Rows> {
    rows(frame, each, Wanted::Echoed(body))
}

/// Each gets what only a function can judge.
pub const fn judged(
    frame: &'static str,
    each: &'static [&'static str],
    judge: Judge,
) -> Option<Rows> {
    rows(frame, each, Wanted::Judged(judge))
}

/// The same, asked of a server that serves the checker's test files.
pub const fn on_files(rows: Option<Rows>) -> Option<Rows> {
    match rows {
        Some(rows) => Some(Rows {
            on_files: true,
            ..rows
        }),
        None => None,
    }
}

const fn rows(frame: &'static str, each: &'static [&'static str], wanted: Wanted) -> Option<Rows> {
    Some(Rows {
        frame,
        each,
        wanted,
        on_files: false,
    })
}

impl Rows {
    /// Sends each, and looks at what comes back.
    pub fn try_on(&self, server: &Server) -> Verdict {
        let own = self.on_files.then(|| server.on_files(&[])).transpose()?;
        let server = own.as_ref().unwrap_or(server);
        for part in self.each {
            let request = self.frame.replacen("{}", part, 1);
            match self.wanted {
                Wanted::Refused => refuses(server, &[&request])?,
                Wanted::Accepted => server.ask(request)?.accepted()?,
                Wanted::Status(status) => server.ask(request)?.status_in(status)?,
                Wanted::Judged(judge) => judge(&server.ask(request)?, part)?,
                Wanted::Echoed(body) => {
                    let answer = server.ask(request)?;
                    answer.status(200)?;
                    answer.body_is(body.as_bytes())?;
                }
            }
        }
        Ok(())
    }

    /// What is sent, for people: the line in which they differ, as it is each time.
    pub fn sends(&self) -> String {
        let (before, after) = self.frame.split_once("{}").unwrap_or((self.frame, ""));
        let start = before.rsplit("\r\n").next().unwrap_or_default();
        let end = after.split("\r\n").next().unwrap_or_default();
        // Targets, and methods with them: what stands before them is said once.
        let once = !before.contains("\r\n") && end == " HTTP/1.1";
        let (start, end) = if once { ("", "") } else { (start, end) };
        let mut texts = Vec::new();
        for part in self.each {
            let line = format!("{start}{part}{end}");
            texts.push(visible(line.as_bytes()));
        }
        let list = texts.join(" · ");
        if once {
            return format!("{before}{list}");
        }
        // A part of the head is shown with its request line, and a body without the rest.
        match before.split_once(" HTTP/1.1\r\n") {
            Some((request, _)) => format!("{request} with {list}"),
            None => list,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_shown_is_what_is_sent() {
        let sends = |rows: Option<Rows>| rows.map(|rows| rows.sends()).unwrap_or_default();
        assert_eq!(
            sends(refused(HOST, &["a b", ""])),
            "GET / with Host: a b · Host: "
        );
        assert_eq!(
            sends(refused(LINE, &["GET  / HTTP/1.1"])),
            "GET  / HTTP/1.1"
        );
        assert_eq!(
            sends(refused(TARGET, &["/a\x01b", "/b"])),
            "GET /a\\x01b · /b"
        );
        assert_eq!(
            sends(gives_back(CHUNKS, &["5\nHello"], "")),
            "POST /echo with 5\\nHello"
        );
    }
}
