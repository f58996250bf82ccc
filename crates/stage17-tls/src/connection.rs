//! A connection to a client: what has arrived, and how to wait for more.

use std::io;
use std::io::ErrorKind;
use std::io::Read;
use std::io::Write;
use std::net::Shutdown;
use std::time::Duration;
use std::time::Instant;

use crate::shutdown;
use crate::tls::Stream;
use crate::turns;

/// The longest request line that is read, in bytes: 8,000 and a line end.
const MAX_REQUEST_LINE: usize = 8002;

/// The longest head that is read, in bytes.
pub const MAX_HEAD: usize = 16 * 1024;

/// How much of what a client still sends is read before its connection is closed, in bytes.
const MAX_DRAIN: usize = 32 * 1024 * 1024;

/// A long body may take long, as long as so many bytes come in the time that a client has.
const HEADWAY: usize = 64 * 1024;

/// How long a connection must have been idle before it's closed because the server ends. Until
/// then, a request may be on its way.
const A_MOMENT: Duration = Duration::from_millis(500);

/// What is wrong with a request, in words for a person. (`&'static str` is a text that is
/// part of the program itself.)
pub type Fault = &'static str;

/// Why a request is refused.
pub struct Refusal {
    /// For the client: status code and reason phrase (RFC 9110 §15)
    pub status: &'static str,
    /// For our log: what was wrong, in words for a person
    pub cause: String,
}

impl Refusal {
    /// Refuses with this status.
    pub fn new(status: &'static str, cause: &str) -> Refusal {
        let cause = cause.to_string();
        Refusal { status, cause }
    }
}

/// What is wrong with a request is the client's fault: where a `Fault` meets a `?`, it
/// becomes a 400.
impl From<Fault> for Refusal {
    fn from(fault: Fault) -> Refusal {
        Refusal::new("400 Bad Request", fault)
    }
}

/// What goes wrong while we answer is our fault: 500. The client need not know the cause.
impl From<io::Error> for Refusal {
    fn from(error: io::Error) -> Refusal {
        Refusal::new("500 Internal Server Error", &error.to_string())
    }
}

/// A connection to a client.
pub struct Connection {
    /// The way to the client and back
    pub stream: Stream,
    /// The request line as it came, without its line end; for the log
    pub request_line: String,
    /// Whether another request may follow
    pub lasts: bool,
    /// What has arrived
    buffer: Vec<u8>,
    /// Where in the buffer the next line begins: all before it has been used
    position: usize,
    /// How many bytes the lines that are still to come may take
    room: usize,
    /// How long the client may take
    timeout: Duration,
    /// When its time is up
    deadline: Instant,
    /// How many bytes more give it that time anew
    headway: usize,
    /// How often it has been sent something
    writes: usize,
    /// Since when the client could have asked for something
    idle_since: Instant,
}

impl Connection {
    /// Takes over a stream from which nothing has been read yet.
    pub fn new(stream: Stream, timeout: Duration) -> Connection {
        // Nagle's algorithm holds back what is small until the client has acknowledged what
        // came before: with a second answer on the same connection that takes 40 ms.
        let _ = stream.socket.set_nodelay(true);
        Connection {
            stream,
            request_line: String::new(),
            lasts: false,
            buffer: Vec::new(),
            position: 0,
            room: MAX_REQUEST_LINE,
            timeout,
            deadline: Instant::now() + timeout,
            headway: HEADWAY,
            writes: 0,
            idle_since: Instant::now(),
        }
    }

    /// Waits for the next request, but no longer than `patience`; says whether it comes.
    pub async fn next_request(&mut self, patience: Duration) -> bool {
        self.request_line.clear();
        self.lasts = false;
        self.room = MAX_REQUEST_LINE;
        self.headway = HEADWAY;
        self.deadline = Instant::now() + patience;
        self.idle_since = Instant::now();
        // What came too much is the beginning of the next one, or all of it. The rest of the
        // buffer goes: a client that waits needs none.
        self.buffer = self.buffer.split_off(self.position);
        self.position = 0;
        let comes = !self.buffer.is_empty() || self.read_more().await.is_ok();
        self.start_clock();
        comes
    }

    /// Whether nothing has come from the client but line ends.
    pub fn is_untouched(&self) -> bool {
        self.request_line.is_empty() && self.position == self.buffer.len()
    }

    /// Whether the client wants an answer without a body, as far as can be seen.
    pub fn is_head(&self) -> bool {
        let unused = &self.buffer[self.position..];
        self.request_line.starts_with("HEAD ")
            || (self.request_line.is_empty() && unused.starts_with(b"HEAD "))
    }

    /// Sets how many bytes the lines that are still to come may take.
    pub fn set_room(&mut self, bytes: usize) {
        self.room = bytes;
    }

    /// Gives the next line, its line end included; waits until it is complete.
    ///
    /// A line ends with LF; the CR before it may be missing (RFC 9112 §2.2). One for which
    /// there is no room is refused with the status `too_long`.
    pub async fn read_line(&mut self, too_long: &'static str) -> Result<String, Refusal> {
        loop {
            let unused = &self.buffer[self.position..];
            let seen = unused.len().min(self.room);
            if let Some(end) = unused[..seen].iter().position(|&byte| byte == b'\n') {
                // One byte becomes one character.
                let line = unused[..=end]
                    .iter()
                    .map(|&byte| char::from(byte))
                    .collect();
                self.position += end + 1;
                self.room -= end + 1;
                return Ok(line);
            }
            if seen == self.room {
                return Err(Refusal::new(too_long, "a line that is too long"));
            }
            self.read_more().await?;
        }
    }

    /// Gives exactly so many bytes; waits until they are there.
    pub async fn read_exact(&mut self, count: usize) -> Result<Vec<u8>, Refusal> {
        while self.buffer.len() - self.position < count {
            self.read_more().await?;
        }
        let end = self.position + count;
        let bytes = self.buffer[self.position..end].to_vec();
        self.position = end;
        Ok(bytes)
    }

    /// Gives the client its time, from now on.
    fn start_clock(&mut self) {
        self.deadline = Instant::now() + self.timeout;
    }

    /// Waits for more bytes and adds them to the buffer.
    async fn read_more(&mut self) -> Result<(), Refusal> {
        while !self.read_now()? {
            // Who has asked for nothing gets nothing any more, unless they've only just come.
            if shutdown::is_near() && self.is_untouched() && self.idle_since.elapsed() > A_MOMENT {
                return Err("the server ends".into());
            }
            turns::pause().await;
        }
        Ok(())
    }

    /// Adds to the buffer what is there; says whether something was.
    fn read_now(&mut self) -> Result<bool, Refusal> {
        // One deadline for all reads. A timeout for each would let a client that sends a
        // byte now and then go on for ever.
        let in_time = Instant::now() <= self.deadline;
        // What has been used makes room for what comes.
        self.buffer.drain(..self.position);
        self.position = 0;
        let mut bytes = [0; 16 * 1024];
        match self.stream.read(&mut bytes) {
            Ok(0) => Err("the client sent no more".into()),
            Ok(count) => {
                self.buffer.extend_from_slice(&bytes[..count]);
                self.headway = self.headway.saturating_sub(count);
                if self.headway == 0 {
                    self.headway = HEADWAY;
                    self.start_clock();
                }
                Ok(true)
            }
            // Nothing is there yet. (What is there is taken, even if we come late.)
            Err(error) if error.kind() == ErrorKind::WouldBlock && in_time => Ok(false),
            Err(error) if error.kind() == ErrorKind::WouldBlock => Err(timed_out()),
            Err(_) => Err("the connection broke".into()),
        }
    }

    /// Sends bytes; waits while the client has no room for them.
    pub async fn write_all(&mut self, mut bytes: &[u8]) -> io::Result<()> {
        // A client that reads slowly makes room by the megabyte: it gets more time.
        let deadline = Instant::now() + self.timeout * 6;
        while !bytes.is_empty() || self.stream.is_behind() {
            match self.stream.write(bytes) {
                Ok(count) => bytes = &bytes[count..],
                Err(error) if error.kind() != ErrorKind::WouldBlock => return Err(error),
                Err(_) if Instant::now() > deadline => return Err(ErrorKind::TimedOut.into()),
                Err(_) => turns::pause().await,
            }
            // One that never makes us wait must not have all our time: now and then we ring our
            // own bell, and let the others go first.
            self.writes += 1;
            if self.writes.is_multiple_of(64) {
                turns::bell().await.wake();
                turns::pause().await;
            }
        }
        Ok(())
    }

    /// Says that no more comes, so that the client can tell the end from a broken connection.
    pub async fn say_goodbye(&mut self) {
        // Who takes nothing any more gets no goodbye either.
        if !self.stream.is_behind() {
            self.stream.end();
            let _ = self.write_all(&[]).await;
        }
    }

    /// Closes the connection in stages (RFC 9112 §9.6).
    ///
    /// Closed while bytes of the client wait unread or are still on their way, a
    /// connection is reset, and the client may lose the answer that it has not read yet.
    /// So: say that we have sent all, read what still comes, and only then close.
    pub async fn close(mut self) {
        let _ = self.stream.socket.shutdown(Shutdown::Write);
        self.start_clock();
        self.headway = MAX_DRAIN;
        let mut drained = 0;
        while drained < MAX_DRAIN && self.read_more().await.is_ok() {
            drained += self.buffer.len();
            self.buffer.clear();
        }
    }
}

/// Refuses a client that has had its time (RFC 9110 §15.5.9).
fn timed_out() -> Refusal {
    Refusal::new("408 Request Timeout", "the request is not whole")
}

/// Whether a line holds nothing but its line end: it closes the head.
pub fn is_empty_line(line: &str) -> bool {
    line == "\r\n" || line == "\n"
}
