//! A connection to a client: what has arrived, and how to wait for more.

use std::io::Read;
use std::net::TcpStream;

/// The longest head that is read, in bytes.
pub const MAX_HEAD: usize = 16 * 1024;

/// Why the server gives up on a request, in words for a person. (`&'static str` is a text
/// that stands in the program itself.)
pub type Refusal = &'static str;

/// A connection to a client.
pub struct Connection {
    stream: TcpStream,
    /// What has arrived and has not been used yet
    buffer: Vec<u8>,
    /// How many bytes the lines that are still to come may take
    pub room: usize,
}

impl Connection {
    /// Takes over a stream from which nothing has been read yet.
    pub fn new(stream: TcpStream) -> Connection {
        Connection {
            stream,
            buffer: Vec::new(),
            room: MAX_HEAD,
        }
    }

    /// Takes the next line out of the buffer, its line end included.
    ///
    /// Waits until the line is complete. A line ends with LF; the CR before it may be
    /// missing (RFC 9112 §2.2).
    pub fn read_line(&mut self) -> Result<String, Refusal> {
        loop {
            let seen = self.buffer.len().min(self.room);
            if let Some(end) = self.buffer[..seen].iter().position(|&byte| byte == b'\n') {
                self.room -= end + 1;
                // One byte becomes one character. What follows the line stays in the buffer.
                return Ok(self.buffer.drain(..=end).map(char::from).collect());
            }
            if seen == self.room {
                return Err("the head is too long");
            }
            self.read_more()?;
        }
    }

    /// Waits for more bytes and adds them to the buffer.
    fn read_more(&mut self) -> Result<(), Refusal> {
        let mut bytes = [0; 16 * 1024];
        match self.stream.read(&mut bytes) {
            Ok(0) => Err("the client sent no more"),
            Ok(count) => {
                self.buffer.extend_from_slice(&bytes[..count]);
                Ok(())
            }
            Err(_) => Err("the connection broke"),
        }
    }
}

/// Whether a line holds nothing but its line end: it closes the head.
pub fn is_empty_line(line: &str) -> bool {
    line == "\r\n" || line == "\n"
}
