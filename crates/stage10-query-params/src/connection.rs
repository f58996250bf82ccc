//! A connection to a client: what has arrived, and how to wait for more.

use std::io::ErrorKind;
use std::io::Read;
use std::mem;
use std::net::Shutdown;
use std::net::TcpStream;
use std::time::Duration;
use std::time::Instant;

use crate::request::BAD_REQUEST;

/// The longest request line that is read, in bytes: 8,000 and a line end.
pub const MAX_REQUEST_LINE: usize = 8002;

/// The longest head that is read, in bytes.
pub const MAX_HEAD: usize = 16 * 1024;

/// How much of what a client still sends is read before its connection is closed, in bytes.
const MAX_DRAIN: usize = 32 * 1024 * 1024;

/// How fast a body must come at the least, once the time for the head is over.
const MIN_BYTES_PER_SECOND: u32 = 16 * 1024;

/// Why a request is refused: status code and reason phrase (RFC 9110 §15). (`&'static str`
/// is a text that stands in the program itself.)
pub type Refusal = &'static str;

/// The client has had its time.
const TIMED_OUT: Refusal = "408 Request Timeout";

/// A connection to a client.
pub struct Connection {
    /// The way to the client and back
    pub stream: TcpStream,
    /// The request line as it came, without its line end; for the log
    pub request_line: String,
    /// What has arrived and has not been used yet
    buffer: Vec<u8>,
    /// How many bytes the lines that are still to come may take
    pub room: usize,
    /// How long the client may take
    timeout: Duration,
    /// When its time is up
    deadline: Instant,
    /// How much time each byte adds
    time_per_byte: Duration,
}

impl Connection {
    /// Takes over a stream from which nothing has been read yet.
    pub fn new(stream: TcpStream, timeout: Duration) -> Connection {
        // Fails only for a timeout of zero.
        let _ = stream.set_write_timeout(Some(timeout));
        Connection {
            stream,
            request_line: String::new(),
            buffer: Vec::new(),
            room: MAX_REQUEST_LINE,
            timeout,
            deadline: Instant::now() + timeout,
            time_per_byte: Duration::ZERO,
        }
    }

    /// Whether nothing has come from the client but line ends.
    pub fn is_untouched(&self) -> bool {
        self.request_line.is_empty() && self.buffer.is_empty()
    }

    /// Whether all that has arrived has been used.
    pub fn is_used_up(&self) -> bool {
        self.buffer.is_empty()
    }

    /// Whether the client wants an answer without a body, as far as can be seen.
    pub fn is_head(&self) -> bool {
        self.request_line.starts_with("HEAD ")
            || (self.request_line.is_empty() && self.buffer.starts_with(b"HEAD "))
    }

    /// Takes the next line out of the buffer, its line end included.
    ///
    /// Waits until the line is complete. A line ends with LF; the CR before it may be
    /// missing (RFC 9112 §2.2). A line that does not fit in the room gives `too_long`.
    pub fn read_line(&mut self, too_long: Refusal) -> Result<String, Refusal> {
        loop {
            let seen = self.buffer.len().min(self.room);
            if let Some(end) = self.buffer[..seen].iter().position(|&byte| byte == b'\n') {
                self.room -= end + 1;
                // One byte becomes one character. What follows the line stays in the buffer.
                return Ok(self.buffer.drain(..=end).map(char::from).collect());
            }
            if seen == self.room {
                return Err(too_long);
            }
            self.read_more()?;
        }
    }

    /// Lets the bytes that come from now on add to the client's time: a long body may take
    /// long, as long as it makes headway.
    pub fn begin_body(&mut self) {
        self.time_per_byte = Duration::from_secs(1) / MIN_BYTES_PER_SECOND;
    }

    /// Takes exactly `count` bytes out of the buffer; waits until they are there.
    pub fn read_exact(&mut self, count: usize) -> Result<Vec<u8>, Refusal> {
        while self.buffer.len() < count {
            self.read_more()?;
        }
        // The front goes to the caller as it is, and is not copied: it may be long.
        let rest = self.buffer.split_off(count);
        Ok(mem::replace(&mut self.buffer, rest))
    }

    /// Waits for more bytes and adds them to the buffer.
    fn read_more(&mut self) -> Result<(), Refusal> {
        let mut bytes = [0; 16 * 1024];
        // One deadline for all reads. A timeout for each would let a client that sends a
        // byte now and then go on for ever.
        let left = self.deadline.saturating_duration_since(Instant::now());
        if left.is_zero() || self.stream.set_read_timeout(Some(left)).is_err() {
            return Err(TIMED_OUT);
        }
        match self.stream.read(&mut bytes) {
            // The client has sent its last byte, and the request is not whole.
            Ok(0) => Err(BAD_REQUEST),
            Ok(count) => {
                self.buffer.extend_from_slice(&bytes[..count]);
                let earned = self.time_per_byte * (count as u32);
                self.deadline = (self.deadline + earned).min(Instant::now() + self.timeout);
                Ok(())
            }
            // Stopped with Ctrl-Z, and gone on: who asked looks again.
            Err(error) if error.kind() == ErrorKind::Interrupted => Ok(()),
            // What Unix calls it when a read takes longer than its timeout
            Err(error) if error.kind() == ErrorKind::WouldBlock => Err(TIMED_OUT),
            Err(_) => Err(BAD_REQUEST),
        }
    }

    /// Closes the connection in stages (RFC 9112 §9.6).
    ///
    /// Closed while bytes of the client wait unread or are still on their way, a
    /// connection is reset, and the client may lose the answer that it has not read yet.
    /// So: say that we have sent all, read what still comes, and only then close.
    pub fn close(mut self) {
        let _ = self.stream.shutdown(Shutdown::Write);
        self.deadline = Instant::now() + self.timeout;
        self.time_per_byte = Duration::ZERO;
        let mut drained = 0;
        while drained < MAX_DRAIN && self.read_more().is_ok() {
            drained += self.buffer.len();
            self.buffer.clear();
        }
    }
}

/// Whether a line holds nothing but its line end: it closes the head.
pub fn is_empty_line(line: &str) -> bool {
    line == "\r\n" || line == "\n"
}
