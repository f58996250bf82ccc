//! The body of a request: how long it is, and how it is read (RFC 9112 §6 and §7.1).

use std::io::Write;

use crate::connection::Connection;
use crate::connection::Refusal;
use crate::request::BAD_REQUEST;
use crate::request::HEAD_TOO_LARGE;
use crate::request::Request;
use crate::request::has_control;
use crate::request::parse_field;

/// The body is longer than we take.
const TOO_LARGE: Refusal = "413 Content Too Large";

/// The most bytes that the extensions of all chunks may take, or the trailer.
const MAX_EXTRAS: usize = 8 * 1024;

/// Reads the body that the head announces, of at most `max_body` bytes; or gives the status
/// that refuses it.
pub fn read(
    connection: &mut Connection,
    request: &Request,
    max_body: usize,
) -> Result<Vec<u8>, Refusal> {
    let lengths = request.values("content-length");
    let codings = request.values("transfer-encoding");
    connection.begin_body();
    match (&lengths[..], &codings[..]) {
        ([], []) => Ok(Vec::new()),
        (_, []) => {
            let length = parse_length(&lengths.join(","), max_body)?;
            send_continue(connection, request);
            connection.read_exact(length)
        }
        ([], _) if request.version != "HTTP/1.0" => {
            check_codings(&codings.join(","))?;
            send_continue(connection, request);
            read_chunked(connection, max_body)
        }
        // Both fields, or chunks in HTTP/1.0 (RFC 9112 §6.1): a proxy may see other requests
        // than we do. That is how requests are smuggled (§11.2).
        _ => Err(BAD_REQUEST),
    }
}

/// Reads the value of Content-Length: a number, or the same number several times.
fn parse_length(value: &str, max_body: usize) -> Result<usize, Refusal> {
    let mut numbers = Vec::new();
    for number in value.split(',') {
        let number = number.trim_matches([' ', '\t']);
        // Digits only: `parse` would take "+5" too.
        if number.is_empty() || !number.chars().all(|char| char.is_ascii_digit()) {
            return Err(BAD_REQUEST);
        }
        numbers.push(number);
        if number != numbers[0] {
            return Err(BAD_REQUEST);
        }
    }
    match numbers[0].parse() {
        Ok(length) if length <= max_body => Ok(length),
        _ => Err(TOO_LARGE),
    }
}

/// Checks the value of Transfer-Encoding: we know `chunked`, and it must come last, once.
fn check_codings(value: &str) -> Result<(), Refusal> {
    let mut codings = Vec::new();
    for coding in value.split(',') {
        let coding = coding.trim_matches([' ', '\t']).to_ascii_lowercase();
        if !coding.is_empty() {
            codings.push(coding);
        }
    }
    match codings.iter().position(|coding| coding == "chunked") {
        Some(0) if codings.len() == 1 => Ok(()),
        Some(position) if position == codings.len() - 1 => Err("501 Not Implemented"),
        _ => Err(BAD_REQUEST),
    }
}

/// Tells a client to go on that asks before it sends its body (RFC 9110 §10.1.1).
fn send_continue(connection: &mut Connection, request: &Request) {
    if request.has_member("expect", "100-continue") && request.version != "HTTP/1.0" {
        // If this fails, so will what comes next.
        let _ = connection
            .stream
            .write_all(b"HTTP/1.1 100 Continue\r\n\r\n");
    }
}

/// Reads chunks until the one of size zero, and the trailer after it.
fn read_chunked(connection: &mut Connection, max_body: usize) -> Result<Vec<u8>, Refusal> {
    let mut body = Vec::new();
    let mut extras = 0;
    loop {
        connection.room = MAX_EXTRAS;
        let line = connection.read_line(BAD_REQUEST)?;
        let (size, extension) = parse_chunk_line(&line)?;
        extras += extension;
        if extras > MAX_EXTRAS {
            return Err(BAD_REQUEST);
        }
        if size == 0 {
            break;
        }
        if size > max_body - body.len() {
            return Err(TOO_LARGE);
        }
        body.extend(connection.read_exact(size)?);
        if connection.read_exact(2)? != b"\r\n" {
            return Err(BAD_REQUEST);
        }
    }
    // Fields may follow. Nobody here needs them, but they must be right.
    connection.room = MAX_EXTRAS;
    loop {
        let line = connection.read_line(HEAD_TOO_LARGE)?;
        if line == "\r\n" {
            return Ok(body);
        }
        parse_field(line.strip_suffix("\r\n").ok_or(BAD_REQUEST)?)?;
    }
}

/// Takes the line before a chunk apart; gives the chunk's size and the length of the rest.
fn parse_chunk_line(line: &str) -> Result<(usize, usize), Refusal> {
    // Here LF alone does not end a line: two readers that disagree about the end of a
    // chunk see two different requests.
    let line = line.strip_suffix("\r\n").ok_or(BAD_REQUEST)?;
    let digits = line
        .find(|char: char| !char.is_ascii_hexdigit())
        .unwrap_or(line.len());
    let (size, extension) = line.split_at(digits);
    let rest = extension.trim_start_matches([' ', '\t']);
    if size.is_empty() || has_control(extension) {
        return Err(BAD_REQUEST);
    }
    if !extension.is_empty() && !rest.starts_with(';') {
        return Err(BAD_REQUEST);
    }
    let size = usize::from_str_radix(size, 16).map_err(|_| TOO_LARGE)?;
    Ok((size, extension.len()))
}
