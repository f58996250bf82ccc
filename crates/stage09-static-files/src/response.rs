//! The answer to a request.

use std::fs::File;
use std::io;
use std::io::Write;
use std::net::TcpStream;
use std::time::SystemTime;

use crate::connection::Refusal;
use crate::files;

/// An answer: its status, and what it brings.
pub struct Response {
    /// Status code and reason phrase, `200 OK` for instance (RFC 9110 §15)
    pub status: &'static str,
    /// What the body is, for the field Content-Type
    pub content_type: String,
    /// Fields that only some answers have: names and values
    pub fields: Vec<(&'static str, String)>,
    /// The page itself
    pub body: Vec<u8>,
    /// A file that follows the page
    pub file: Option<File>,
    /// How much of the file is sent, in bytes
    pub file_length: u64,
}

impl Response {
    /// Makes an answer from the bytes of its body.
    pub fn new(status: &'static str, content_type: &str, body: Vec<u8>) -> Response {
        Response {
            status,
            content_type: content_type.to_string(),
            fields: Vec::new(),
            body,
            file: None,
            file_length: 0,
        }
    }

    /// Makes a page with a heading; `content` is HTML, and so is `heading`.
    pub fn page(status: &'static str, heading: &str, content: &str) -> Response {
        let html = format!(
            "<!DOCTYPE html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n\
             <title>{heading}</title>\n<h1>{heading}</h1>\n{content}\n"
        );
        Response::new(status, "text/html; charset=utf-8", html.into_bytes())
    }

    /// Makes the page for a request that is refused.
    pub fn refusal(status: Refusal) -> Response {
        Response::page(status, status, "")
    }

    /// Sends the answer: status line, fields, an empty line, the body. Fails if the client is
    /// gone, or takes nothing for too long.
    ///
    /// The answer to HEAD has the length of the body, but no body (RFC 9110 §9.3.2).
    /// Gives how many bytes of the body were sent.
    pub fn send(&self, stream: &mut TcpStream, with_body: bool) -> io::Result<u64> {
        let length = self.body.len() as u64 + self.file_length;
        let date = httpdate::fmt_http_date(SystemTime::now());
        let mut head = format!("HTTP/1.1 {}\r\n", self.status);
        head += &format!("Date: {date}\r\n");
        head += &format!("Content-Type: {}\r\n", self.content_type);
        head += &format!("Content-Length: {length}\r\n");
        for (name, value) in &self.fields {
            head += &format!("{name}: {value}\r\n");
        }
        head += "Connection: close\r\n";
        head += "\r\n";
        // One write, so that a small answer travels in one packet.
        let mut bytes = head.into_bytes();
        if with_body {
            bytes.extend_from_slice(&self.body);
        }
        stream.write_all(&bytes)?;
        if !with_body {
            return Ok(0);
        }
        if let Some(file) = &self.file {
            files::send(file, self.file_length, stream)?;
        }
        Ok(length)
    }
}

/// Makes a text safe to stand in a page: what a client sends must never become HTML.
pub fn escape_html(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}
