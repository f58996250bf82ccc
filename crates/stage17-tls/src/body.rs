//! The body of a request: how long it is, and how it is read (RFC 9112 §6 and §7.1).

use std::io::Write;

use crate::connection::Connection;
use crate::connection::Fault;
use crate::connection::Refusal;
use crate::request::HEAD_TOO_LARGE;
use crate::request::Request;
use crate::request::has_control;
use crate::request::in_tokens;
use crate::request::parse_field;

/// The body is longer than we take.
const TOO_LARGE: &str = "413 Content Too Large";

const BARE_LF: Fault = "a bare LF ends a line of a chunked body (RFC 9112 §7.1)";

const BAD_EXTENSION: Fault = "what follows a chunk size is no extension (RFC 9112 §7.1.1)";

/// The most bytes that the extensions of all chunks may take, or the trailer.
const MAX_EXTRAS: usize = 8 * 1024;

/// Reads the body that the head announces, of at most `max_body` bytes; or says why it is
/// refused.
pub async fn read(
    connection: &mut Connection,
    request: &Request,
    max_body: usize,
) -> Result<Vec<u8>, Refusal> {
    let lengths = request.values("content-length");
    let codings = request.values("transfer-encoding");
    if codings.is_empty() && lengths.is_empty() {
        return Ok(Vec::new());
    }
    if codings.is_empty() {
        let length = parse_length(&lengths.join(","), max_body)?;
        send_continue(connection, request);
        return connection.read_exact(length).await;
    }
    // A proxy may see other requests than we do. That is how requests are smuggled (§11.2).
    if !lengths.is_empty() || request.version == "HTTP/1.0" {
        return Err("Transfer-Encoding beside a length, or in HTTP/1.0 (RFC 9112 §6.1)".into());
    }
    check_codings(&codings.join(",").to_ascii_lowercase())?;
    send_continue(connection, request);
    read_chunked(connection, max_body).await
}

/// Reads the value of Content-Length: a number, or the same number several times.
fn parse_length(value: &str, max_body: usize) -> Result<usize, Refusal> {
    let (number, _) = value.split_once(',').unwrap_or((value, ""));
    let same = |other: &str| other.trim_matches([' ', '\t']) == number;
    // Digits only: `parse` would take "+5" too.
    let is_number = !number.is_empty() && number.chars().all(|c| c.is_ascii_digit());
    if !is_number || !value.split(',').all(same) {
        return Err("Content-Length is not one number (RFC 9112 §6.3)".into());
    }
    match number.parse() {
        Ok(length) if length <= max_body => Ok(length),
        _ => Err(Refusal::new(TOO_LARGE, "more than --max-body")),
    }
}

/// Checks the value of Transfer-Encoding, in lower case: we know `chunked`, and it must come last, once.
fn check_codings(value: &str) -> Result<(), Refusal> {
    if value == "chunked" {
        return Ok(());
    }
    let (others, last) = value.rsplit_once(',').unwrap_or(("", value));
    if last.trim_matches([' ', '\t']) != "chunked" || others.contains("chunked") {
        return Err("chunked is not the last coding, or comes twice (RFC 9112 §6.3)".into());
    }
    Err(Refusal::new("501 Not Implemented", "an unknown coding"))
}

/// Tells a client to go on that asks before it sends its body (RFC 9110 §10.1.1).
fn send_continue(connection: &mut Connection, request: &Request) {
    let expectation = request.values("expect").join(",");
    if expectation.eq_ignore_ascii_case("100-continue") && request.version != "HTTP/1.0" {
        let interim = b"HTTP/1.1 100 Continue\r\n\r\n";
        // If this fails, so will what comes next.
        let _ = connection.stream.write_all(interim);
    }
}

/// Reads chunks until the one of size zero, and the trailer after it.
async fn read_chunked(connection: &mut Connection, max_body: usize) -> Result<Vec<u8>, Refusal> {
    let mut body = Vec::new();
    let mut extras = 0;
    loop {
        connection.set_room(MAX_EXTRAS);
        let line = connection.read_line("400 Bad Request").await?;
        // Here LF alone does not end a line: two readers that disagree about the end of a
        // chunk see two different requests.
        let line = line.strip_suffix("\r\n").ok_or(BARE_LF)?;
        let digits = line.find(|c: char| !c.is_ascii_hexdigit());
        let (size, extensions) = line.split_at(digits.unwrap_or(line.len()));
        check_extensions(extensions)?;
        extras += extensions.len();
        if size.is_empty() || has_control(extensions) || extras > MAX_EXTRAS {
            return Err("a chunk line without a size, or with too much (RFC 9112 §7.1)".into());
        }
        // A number that does not fit is too large as well.
        let size = usize::from_str_radix(size, 16).unwrap_or(usize::MAX);
        if size == 0 {
            break;
        }
        if size > max_body - body.len() {
            return Err(Refusal::new(TOO_LARGE, "more than --max-body"));
        }
        body.extend(connection.read_exact(size).await?);
        if connection.read_exact(2).await? != b"\r\n" {
            return Err("a chunk that is longer than its size (RFC 9112 §7.1)".into());
        }
    }
    // Fields may follow. Nobody here needs them, but they must be right.
    connection.set_room(MAX_EXTRAS);
    loop {
        let line = connection.read_line(HEAD_TOO_LARGE).await?;
        let line = line.strip_suffix("\r\n").ok_or(BARE_LF)?;
        if line.is_empty() {
            return Ok(body);
        }
        parse_field(line)?;
    }
}

/// Checks what follows the size of a chunk: `;name`, `;name=value` or `;name="a value"`, any
/// number of them. Nobody sends them, but we must read past them (RFC 9112 §7.1.1).
fn check_extensions(text: &str) -> Result<(), Fault> {
    // What a backslash protects does not end a quoted text: put something harmless there.
    let text = text.replace("\\\\", "()").replace("\\\"", "()");
    let mut rest = &text[..];
    while !rest.is_empty() {
        rest = skip_token(skip_sign(rest, ';').ok_or(BAD_EXTENSION)?)?;
        if let Some(value) = skip_sign(rest, '=') {
            rest = match value.strip_prefix('"') {
                Some(quoted) => quoted.split_once('"').ok_or(BAD_EXTENSION)?.1,
                None => skip_token(value)?,
            };
        }
    }
    Ok(())
}

/// Gives what follows a sign and the blanks around it, if the sign is there.
fn skip_sign(text: &str, sign: char) -> Option<&str> {
    let rest = text.trim_start_matches([' ', '\t']).strip_prefix(sign)?;
    Some(rest.trim_start_matches([' ', '\t']))
}

/// Gives what follows a token, which must be there.
fn skip_token(text: &str) -> Result<&str, Fault> {
    let rest = text.trim_start_matches(in_tokens);
    if rest.len() == text.len() {
        return Err(BAD_EXTENSION);
    }
    Ok(rest)
}
