//! The answer to a request.

use std::fs::File;
use std::io;
use std::io::Read;
use std::io::Write;
use std::time::SystemTime;

use flate2::Compression;
use flate2::write::GzEncoder;

/// A file is sent in blocks of this size, in bytes: one of a gigabyte needs no gigabyte.
const BLOCK_SIZE: u64 = 256 * 1024;

/// What is packed on the way is sent when there is so much of it, in bytes: with more, a client
/// would wait long for the first of what shrinks well.
const CHUNK_SIZE: usize = 4 * 1024;

/// An answer: its status, and what it brings.
pub struct Response {
    /// Status code and reason phrase, `200 OK` for instance (RFC 9110 §15)
    pub status: &'static str,
    /// Names and values of its fields
    pub fields: Vec<(&'static str, String)>,
    /// The page itself
    pub body: Vec<u8>,
    /// A file that is sent instead
    pub file: Option<File>,
    /// How much of it is still to be sent, in bytes
    pub file_length: u64,
    /// What packs them on the way, if that is wanted
    packer: Option<GzEncoder<Vec<u8>>>,
    /// How many bytes of the body have been sent; for the log
    pub sent: u64,
}

impl Response {
    /// Makes an answer from the bytes of its body.
    pub fn new(status: &'static str, content_type: &str, body: Vec<u8>) -> Response {
        Response {
            status,
            fields: vec![("Content-Type", content_type.to_string())],
            body,
            file: None,
            file_length: 0,
            packer: None,
            sent: 0,
        }
    }

    /// Makes a page with a heading; `content` is HTML, and so is `heading`.
    pub fn page(status: &'static str, heading: &str, content: &str) -> Response {
        let html = format!(
            "<!DOCTYPE html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n\
             <meta name=\"viewport\" content=\"width=device-width\">\n\
             <meta name=\"color-scheme\" content=\"light dark\">\n\
             <title>{heading}</title>\n<h1>{heading}</h1>\n{content}\n"
        );
        Response::new(status, "text/html; charset=utf-8", html.into_bytes())
    }

    /// Makes an answer without content: 304, for instance (RFC 9110 §6.4.1).
    pub fn empty(status: &'static str) -> Response {
        let mut response = Response::new(status, "", Vec::new());
        response.fields.clear();
        response
    }

    /// Makes a page that says no more than its status.
    pub fn status_page(status: &'static str) -> Response {
        Response::page(status, status, "<p><a href=\"/\">Home</a></p>")
    }

    /// Lets the body be packed while it is sent.
    pub fn pack(&mut self) {
        self.fields.push(("Content-Encoding", "gzip".to_string()));
        self.packer = Some(GzEncoder::new(Vec::new(), Compression::default()));
    }

    /// Writes the head: status line, fields, an empty line.
    fn head(&self) -> Vec<u8> {
        let length = self.body.len() as u64 + self.file_length;
        let date = httpdate::fmt_http_date(SystemTime::now());
        let mut head = format!("HTTP/1.1 {}\r\n", self.status);
        head += &format!("Date: {date}\r\n");
        for (name, value) in &self.fields {
            head += &format!("{name}: {value}\r\n");
        }
        if self.packer.is_some() {
            // How long it will be, nobody knows yet.
            head += "Transfer-Encoding: chunked\r\n";
        } else if !self.status.starts_with("304") {
            head += &format!("Content-Length: {length}\r\n");
        }
        head += "\r\n";
        head.into_bytes()
    }

    /// Sends the answer. Fails if the client is gone.
    ///
    /// The answer to HEAD has the length of the body, but no body (RFC 9110 §9.3.2).
    pub fn send(&mut self, stream: &mut impl Write, with_body: bool) -> io::Result<()> {
        // One write, so that a small answer travels in one packet.
        let mut bytes = self.head();
        if !with_body {
            return stream.write_all(&bytes);
        }
        let mut block = Vec::new();
        self.pack_block(&mut block)?;
        bytes.extend_from_slice(&block);
        stream.write_all(&bytes)?;
        drop(bytes);
        while !block.is_empty() {
            self.sent += block.len() as u64;
            self.pack_block(&mut block)?;
            stream.write_all(&block)?;
        }
        Ok(())
    }

    /// Puts the next part of the body into `block`, and nothing when there is no more. Fails if
    /// the file cannot be read, or has become shorter.
    fn read_block(&mut self, block: &mut Vec<u8>) -> io::Result<()> {
        let Some(file) = &mut self.file else {
            *block = std::mem::take(&mut self.body);
            return Ok(());
        };
        block.resize(BLOCK_SIZE.min(self.file_length) as usize, 0);
        self.file_length -= block.len() as u64;
        file.read_exact(block)
    }

    /// The same, packed and in chunks where that is wanted (RFC 9112 §7.1).
    fn pack_block(&mut self, block: &mut Vec<u8>) -> io::Result<()> {
        self.read_block(block)?;
        let Some(mut packer) = self.packer.take() else {
            return Ok(());
        };
        while !block.is_empty() {
            packer.write_all(block)?;
            if packer.get_ref().len() >= CHUNK_SIZE {
                *block = chunk(packer.get_ref());
                packer.get_mut().clear();
                self.packer = Some(packer);
                return Ok(());
            }
            self.read_block(block)?;
        }
        *block = chunk(&packer.finish()?);
        block.extend_from_slice(b"0\r\n\r\n");
        Ok(())
    }
}

/// Puts bytes between their length and a line end.
fn chunk(bytes: &[u8]) -> Vec<u8> {
    [format!("{:x}\r\n", bytes.len()).as_bytes(), bytes, b"\r\n"].concat()
}

/// Makes a text safe to stand in a page: what a client sends must never become HTML.
pub fn escape_html(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}
