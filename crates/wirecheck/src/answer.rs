//! An answer, read as a client must read it: status line, fields, framing.

use std::time::Duration;

use crate::check::Failure;
use crate::check::Verdict;
use crate::client::Connection;
use crate::exchange::Exchange;

/// Why nothing is said of a server that answers 429 or 503.
pub const LIMITS: &str = "the server answers 429 or 503: it limits its clients";

/// A whole answer.
#[derive(Clone, Debug)]
pub struct Answer {
    /// `HTTP/1.1`, as sent.
    pub version: String,
    /// The three digits.
    pub status: u16,
    /// The fields in order, names as sent, values without the space around them.
    pub fields: Vec<(String, String)>,
    /// The body, chunked coding undone.
    pub body: Vec<u8>,
    /// Did the server close after it by itself?
    pub closed: bool,
    /// Did a line of its head end with LF and not with CRLF?
    pub bare_lf: bool,
    /// Did a reset follow it? A client may then lose what it has not read yet.
    pub reset: bool,
    ours: bool,
    exchange: Exchange,
}

impl Answer {
    /// Reads the final answer and whatever follows it; nothing may follow.
    pub fn read(connection: &mut Connection) -> Result<Answer, Failure> {
        let mut answer = Answer::read_final_head(connection)?;
        answer.read_body(connection)?;
        if !answer.closed {
            answer.read_end(connection)?;
        }
        answer.reset = connection.was_reset;
        answer.exchange = connection.exchange.clone();
        if connection.ours {
            answer.keeps_house()?;
        }
        Ok(answer)
    }

    /// Reads status line and fields, and leaves what follows unread.
    pub fn read_head(connection: &mut Connection) -> Result<Answer, Failure> {
        let line = read_line(connection, "the status line")?;
        let (version, status) = status_line(&line).map_err(|says| connection.wrong(says))?;
        // RFC 6585 §4: nothing can be said of a server that is fed up with us.
        if status == 429 && !connection.ours {
            return Err(Failure::Skipped(LIMITS.to_string()));
        }
        let mut fields = Vec::new();
        loop {
            let line = read_line(connection, "the header fields")?;
            if line.is_empty() {
                break;
            }
            fields.push(field_line(&line).map_err(|says| connection.wrong(says))?);
        }
        Ok(Answer {
            version,
            status,
            fields,
            body: Vec::new(),
            closed: false,
            bare_lf: connection.bare_lf,
            reset: false,
            ours: connection.ours,
            exchange: connection.exchange.clone(),
        })
    }

    /// The same of the final answer: what comes before it is read and left aside.
    pub fn read_final_head(connection: &mut Connection) -> Result<Answer, Failure> {
        let mut answer = Answer::read_head(connection)?;
        // RFC 9110 §15.2: a client must be able to parse interim answers.
        while (100..200).contains(&answer.status) {
            answer = Answer::read_head(connection)?;
        }
        Ok(answer)
    }

    /// After its head: whatever follows, until the server closes without being asked to.
    pub fn is_closed_after(&self, connection: &mut Connection) -> Verdict {
        let Err(failure) = connection.rest() else {
            return Ok(());
        };
        let body = &connection.buffer;
        let length = self.values("Content-Length").concat().parse::<usize>();
        let is_chunked = !self.values("Transfer-Encoding").is_empty();
        let is_whole = length.is_ok_and(|length| body.len() >= length)
            || (is_chunked && body.ends_with(b"0\r\n\r\n"));
        if is_whole && !connection.was_reset {
            return Err(connection.wrong("the answer is complete, but the connection stays open"));
        }
        Err(failure)
    }

    /// The next answer on a connection that may be kept; what follows it is left unread.
    /// No body follows the answer to a HEAD.
    pub fn read_next(connection: &mut Connection, to_head: bool) -> Result<Answer, Failure> {
        connection.bare_lf = false;
        let mut answer = Answer::read_final_head(connection)?;
        answer.read_body_after(connection, to_head)?;
        answer.exchange = connection.exchange.clone();
        Ok(answer)
    }

    /// RFC 9112 §9.6: does it say that the connection ends with it? The list of options is
    /// compared without case; HTTP/1.0 says so by saying nothing.
    pub fn says_close(&self) -> bool {
        let options = self.values("Connection").join(",").to_ascii_lowercase();
        let has = |wanted: &str| options.split(',').any(|option| option.trim() == wanted);
        has("close") || (self.version == "HTTP/1.0" && !has("keep-alive"))
    }

    /// RFC 9112 §6.3: can a client tell where it ends without waiting for the close?
    pub fn is_framed(&self) -> bool {
        let has = |name: &str| !self.values(name).is_empty();
        matches!(self.status, 204 | 304) || has("Content-Length") || has("Transfer-Encoding")
    }

    /// RFC 9112 §6.3: the length of the body, in this order. What follows is left unread.
    pub fn read_body(&mut self, connection: &mut Connection) -> Verdict {
        let to_head = connection.exchange.begins_with(b"HEAD ");
        self.read_body_after(connection, to_head)
    }

    fn read_body_after(&mut self, connection: &mut Connection, to_head: bool) -> Verdict {
        let lengths = self.values("Content-Length");
        let codings = self.values("Transfer-Encoding").join(", ");
        if lengths.len() > 1 {
            return Err(connection.wrong("the answer has more than one Content-Length"));
        }
        if !codings.is_empty() && !lengths.is_empty() {
            return Err(connection.wrong(
                "the answer has both Content-Length and Transfer-Encoding (RFC 9112 §6.2)",
            ));
        }
        let length = match lengths.first() {
            None => None,
            Some(text) if text.bytes().all(|b| b.is_ascii_digit()) => text.parse::<usize>().ok(),
            Some(text) => {
                return Err(connection.wrong(format!("Content-Length is no number: {text:?}")));
            }
        };
        let no_body = to_head || matches!(self.status, 204 | 304);
        if no_body {
            connection.in_answer = !connection.buffer.is_empty();
            return Ok(());
        }
        if codings.eq_ignore_ascii_case("chunked") {
            self.body = read_chunks(connection)?;
            self.bare_lf |= connection.bare_lf;
            connection.in_answer = !connection.buffer.is_empty();
            return Ok(());
        }
        if !codings.is_empty() {
            return Err(connection.wrong(format!(
                "the client cannot read Transfer-Encoding: {codings}"
            )));
        }
        if let Some(length) = length {
            self.body = connection.bytes(length)?;
            connection.in_answer = !connection.buffer.is_empty();
            return Ok(());
        }
        self.body = connection.rest()?;
        self.closed = true;
        Ok(())
    }

    /// What follows the answer: nothing, and (sooner or later) the end.
    fn read_end(&mut self, connection: &mut Connection) -> Verdict {
        if !connection.ours || !self.says_close() {
            // A server may keep the connection, and then waits for us: tell it that
            // nothing more will come, and do not wait long. That it closes when it
            // is asked to has a check of its own.
            connection.half_close();
            connection.wait_at_most(Duration::from_millis(500));
        }
        let end = connection.read_more();
        self.closed = matches!(end, Ok(0));
        if matches!(end, Ok(1..)) || !connection.buffer.is_empty() {
            let what = if connection.exchange.begins_with(b"HEAD ") {
                "bytes follow the fields of an answer to HEAD, which has no body (RFC 9110 §9.3.2)"
            } else if connection.buffer.starts_with(b"HTTP/1.") {
                "a second answer follows: the server took what came after the request for another one"
            } else {
                "bytes follow the end of the answer: is Content-Length too small?"
            };
            return Err(connection.wrong(what));
        }
        if connection.ours {
            end?;
        }
        Ok(())
    }

    /// What every answer of our own stages keeps, beyond what the RFCs demand.
    fn keeps_house(&self) -> Verdict {
        self.has_right_line_ends()?;
        self.ensure(self.version == "HTTP/1.1", "the version should be HTTP/1.1")?;
        // RFC 9110 §8.6: 204 must not have one, and 304 need not. What is packed on the way
        // comes in chunks.
        self.ensure(self.is_framed(), "there is no Content-Length")?;
        let option = self.field("Connection")?;
        self.ensure(
            option == "close" || option == "keep-alive",
            format!("Connection is {option:?}"),
        )?;
        self.has_valid_date()
    }

    /// RFC 9112 §9.6: whoever closes while bytes are unread takes the answer back.
    pub fn is_not_reset(&self) -> Verdict {
        self.ensure(
            !self.reset,
            "a reset follows the answer: a client that is slower than this one loses it",
        )
    }

    /// RFC 9112 §2.1: CRLF at the end of each line of the head.
    pub fn has_right_line_ends(&self) -> Verdict {
        self.ensure(!self.bare_lf, "a line ends with LF and not with CRLF")
    }

    /// What a failure shows from now on.
    pub(crate) fn shows(&mut self, connection: &Connection) {
        self.exchange = connection.exchange.clone();
    }

    /// All values of a field.
    pub fn values(&self, name: &str) -> Vec<String> {
        let same = self
            .fields
            .iter()
            .filter(|(n, _)| n.eq_ignore_ascii_case(name));
        same.map(|(_, value)| value.clone()).collect()
    }

    /// The value of a field that must be there once.
    pub fn field(&self, name: &str) -> Result<String, Failure> {
        let values = self.values(name);
        if values.len() != 1 {
            return Err(self.wrong(format!("expected one field {name}, found {}", values.len())));
        }
        Ok(values[0].clone())
    }

    /// The field is there once and has this value.
    pub fn field_is(&self, name: &str, value: &str) -> Verdict {
        let found = self.field(name)?;
        // RFC 9110 §4.2.3: the case of a path matters.
        let same = if name == "Location" {
            found == value
        } else {
            found.eq_ignore_ascii_case(value)
        };
        if same {
            return Ok(());
        }
        Err(self.wrong(format!("{name} should be {value:?} and is {found:?}")))
    }

    /// RFC 9110 §6.6.1: a Date in the one form that may be sent.
    pub fn has_valid_date(&self) -> Verdict {
        let date = self.field("Date")?;
        let again = httpdate::parse_http_date(&date).map(httpdate::fmt_http_date);
        self.ensure(
            again.is_ok_and(|again| again == date),
            format!("Date is no IMF-fixdate: {date:?}"),
        )
    }

    /// The status is this one.
    pub fn status(&self, wanted: u16) -> Verdict {
        self.status_in(&[wanted])
    }

    /// The status is one of these.
    pub fn status_in(&self, wanted: &[u16]) -> Verdict {
        let list: Vec<_> = wanted.iter().map(u16::to_string).collect();
        self.ensure(
            wanted.contains(&self.status),
            format!(
                "the status should be {} and is {}",
                list.join(" or "),
                self.status
            ),
        )
    }

    /// The request was understood: whatever the server makes of the path, it
    /// found nothing wrong with the message.
    pub fn accepted(&self) -> Verdict {
        let faulted = matches!(self.status, 400 | 408 | 411 | 413 | 414 | 417 | 431 | 500..);
        self.ensure(
            !faulted,
            format!(
                "the request is right, and the server refuses it with {}",
                self.status
            ),
        )
    }

    /// The body is exactly this.
    pub fn body_is(&self, wanted: &[u8]) -> Verdict {
        let found = &self.body;
        let same = found.iter().zip(wanted).take_while(|(a, b)| a == b).count();
        self.ensure(
            found == wanted,
            format!(
                "the body should have {} bytes and has {}; it differs from byte {same} on",
                wanted.len(),
                found.len()
            ),
        )
    }

    /// The page says this.
    pub fn page_has(&self, wanted: &str) -> Verdict {
        self.ensure(
            self.text().contains(wanted),
            format!("the page should contain {wanted:?}"),
        )
    }

    /// The page does not say this.
    pub fn page_lacks(&self, unwanted: &str) -> Verdict {
        self.ensure(
            !self.text().contains(unwanted),
            format!("the page must not contain {unwanted:?}"),
        )
    }

    /// The body as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// `Ok` if it holds, else a failure that shows the bytes.
    pub fn ensure(&self, holds: bool, says: impl Into<String>) -> Verdict {
        if holds {
            return Ok(());
        }
        // RFC 9112 §9.4: a server may limit how many connections it serves, and how fast.
        if self.status == 503 && !self.ours {
            return Err(Failure::Skipped(LIMITS.to_string()));
        }
        Err(self.wrong(says))
    }

    /// A failure that shows what went over the connection.
    pub fn wrong(&self, says: impl Into<String>) -> Failure {
        Failure::Wrong {
            says: says.into(),
            exchange: self.exchange.clone(),
        }
    }
}

/// One line without its CRLF.
fn read_line(connection: &mut Connection, part: &str) -> Result<String, Failure> {
    let end = loop {
        let begun = &connection.buffer[..connection.buffer.len().min(5)];
        if part == "the status line" && !b"HTTP/".starts_with(begun) {
            // RFC 8446 §5.1: the record of an alert.
            let says = if begun.starts_with(b"\x15\x03") {
                "the server speaks TLS: name it with https://, or say {cert} and {key} in --run"
            } else {
                "the answer does not begin with HTTP/"
            };
            return Err(connection.wrong(says));
        }
        if let Some(at) = connection.buffer.iter().position(|b| *b == b'\n') {
            break at;
        }
        if connection.buffer.len() > 256 * 1024 {
            return Err(connection.wrong(format!("{part} has no line end")));
        }
        if connection.read_more()? == 0 {
            let says = if connection.buffer.is_empty() && part == "the status line" {
                "the server closed the connection without an answer".to_string()
            } else {
                format!("the server closed the connection in the middle of {part}")
            };
            return Err(connection.wrong(says));
        }
    };
    let line: Vec<u8> = connection.buffer.drain(..=end).collect();
    // RFC 9112 §2.1: a sender ends lines with CRLF. One check says so; the others
    // read on as clients do, and find what else is wrong.
    let end = if line.ends_with(b"\r\n") { 2 } else { 1 };
    connection.bare_lf |= end == 1;
    let line = &line[..line.len() - end];
    plain(line).ok_or_else(|| connection.wrong(format!("{part} contains a control byte")))
}

/// A line as text, an octet a character. RFC 9110 §5.5: of all controls only the tab may be there.
fn plain(line: &[u8]) -> Option<String> {
    let odd = |b: &u8| b.is_ascii_control() && *b != b'\t';
    if line.iter().any(odd) {
        return None;
    }
    Some(line.iter().map(|b| char::from(*b)).collect())
}

/// `HTTP/1.1 200 OK`. RFC 9112 §4: the space after the code must be there even
/// if no reason follows.
fn status_line(line: &str) -> Result<(String, u16), String> {
    let wrong = || format!("this is no status line: {line:?}");
    let (version, rest) = line.split_once(' ').ok_or_else(wrong)?;
    let (code, _reason) = rest.split_once(' ').ok_or_else(wrong)?;
    // RFC 9110 §2.5: a higher minor version is read as the highest that one knows.
    let minor = version.strip_prefix("HTTP/1.").unwrap_or_default();
    let known = minor.len() == 1 && minor.bytes().all(|b| b.is_ascii_digit());
    let digits = code.len() == 3 && code.bytes().all(|b| b.is_ascii_digit());
    match code.parse() {
        Ok(code @ 100..600) if known && digits => Ok((version.to_string(), code)),
        _ => Err(wrong()),
    }
}

/// `Name: value`. RFC 9112 §5: nothing between name and colon, no folding.
fn field_line(line: &str) -> Result<(String, String), String> {
    let wrong = || format!("this is no header field: {line:?}");
    let (name, value) = line.split_once(':').ok_or_else(wrong)?;
    let token = |b: u8| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b);
    if name.is_empty() || !name.bytes().all(token) {
        return Err(wrong());
    }
    Ok((
        name.to_string(),
        value.trim_matches([' ', '\t']).to_string(),
    ))
}

/// RFC 9112 §7.1.
fn read_chunks(connection: &mut Connection) -> Result<Vec<u8>, Failure> {
    let mut body = Vec::new();
    loop {
        let line = read_line(connection, "a chunk's size")?;
        let Some(size) = chunk_size(&line) else {
            return Err(connection.wrong(format!("this is no chunk size: {line:?}")));
        };
        if size == 0 {
            break;
        }
        body.extend(connection.bytes(size)?);
        if connection.bytes(2)? != b"\r\n" {
            return Err(connection.wrong("CRLF is missing after a chunk"));
        }
    }
    while !read_line(connection, "the trailer fields")?.is_empty() {}
    Ok(body)
}

/// Hex digits only: Rust's parsing takes a sign as well.
fn chunk_size(line: &str) -> Option<usize> {
    let size = line.split(';').next().unwrap_or_default().trim_end();
    let digits = size.bytes().all(|b| b.is_ascii_hexdigit());
    usize::from_str_radix(size, 16).ok().filter(|_| digits)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tab_is_the_only_control_in_a_line() {
        assert_eq!(plain(b"a:\tb\xe9").as_deref(), Some("a:\tb\u{e9}"));
        for bad in [b"a\0b", b"a\rb", b"a\x7fb"] {
            assert_eq!(plain(bad), None, "{bad:?}");
        }
    }

    #[test]
    fn chunk_sizes() {
        assert_eq!(chunk_size("0a;b=c"), Some(10));
        assert_eq!(chunk_size("A "), Some(10));
        for bad in ["", "+5", "-5", "0x5", "5x", " 5"] {
            assert_eq!(chunk_size(bad), None, "{bad:?}");
        }
    }

    #[test]
    fn status_lines() {
        assert_eq!(status_line("HTTP/1.1 200 OK").unwrap().1, 200);
        assert_eq!(status_line("HTTP/1.1 200 ").unwrap().1, 200);
        for bad in [
            "",
            "HTTP/1.1 200",
            "HTTP/1.1 99 x",
            "HTTP/1.1 +20 x",
            "HTTP/2 200 OK",
        ] {
            assert!(status_line(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn field_lines() {
        assert_eq!(field_line("A: \t b ").unwrap(), ("A".into(), "b".into()));
        for bad in ["", "A", ": b", "A : b", " A: b"] {
            assert!(field_line(bad).is_err(), "{bad:?}");
        }
    }
}
