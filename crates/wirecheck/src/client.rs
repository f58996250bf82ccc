//! One connection to the server under test, from the client's side.

use std::io;
use std::io::ErrorKind;
use std::io::Read;
use std::io::Write;
use std::net::Shutdown;
use std::net::TcpStream;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::thread;
use std::time::Duration;
use std::time::Instant;

use crate::answer::Answer;
use crate::check::Failure;
use crate::check::Verdict;
use crate::exchange::Exchange;
use crate::server::Server;
use crate::server::wait_until;

/// Between two segments, so that the kernel does not hand them over as one.
/// Too short hides a fault, and never raises a false alarm.
const PAUSE: Duration = Duration::from_millis(5);

/// No answer to a check is longer than this, or takes so many times the patience …
const LONGEST: usize = 64 << 20;
/// … though single bytes may come in time.
const SLOWEST: u32 = 5;

/// The rest of an answer that nobody judges is waited for so long at a time, and so much of
/// it is read.
const SOON: Duration = Duration::from_millis(250);
const ENOUGH: usize = 4 << 20;

/// A connection and all that went over it.
pub struct Connection {
    pub(crate) stream: TcpStream,
    pub(crate) exchange: Exchange,
    /// Received and not yet used.
    pub(crate) buffer: Vec<u8>,
    /// One of our own stages: hold it to our own rules too.
    pub(crate) ours: bool,
    /// A line of an answer ended with LF alone.
    pub(crate) bare_lf: bool,
    /// The server broke the connection off.
    pub(crate) was_reset: bool,
    /// An answer has begun and is not read to its end.
    pub(crate) in_answer: bool,
    patience: Duration,
    opened: Instant,
    /// When the check must be through, whatever the patience.
    until: Option<Instant>,
    last: Arc<Mutex<Exchange>>,
}

impl Connection {
    /// Connects. A server that does not accept in time, or refuses, is a failure.
    pub fn open(server: &Server) -> Result<Connection, Failure> {
        let stream = TcpStream::connect_timeout(&server.address, server.patience)
            .and_then(|stream| {
                // Each `send` shall leave as a segment of its own.
                stream.set_nodelay(true)?;
                stream.set_read_timeout(Some(server.patience))?;
                stream.set_write_timeout(Some(server.patience))?;
                Ok(stream)
            })
            .map_err(|e| cannot_connect(server, &e))?;
        Ok(Connection {
            stream,
            exchange: Exchange::default(),
            buffer: Vec::new(),
            ours: server.is_ours(),
            bare_lf: false,
            was_reset: false,
            in_answer: false,
            patience: server.patience,
            opened: Instant::now(),
            until: server.until,
            last: server.last.clone(),
        })
    }

    /// The port at our end, by which the kernel's tables tell this connection from others.
    pub fn port(&self) -> Result<u16, Failure> {
        let address = self.stream.local_addr();
        address
            .map(|address| address.port())
            .map_err(|e| Failure::new(format!("cannot ask for our own port: {e}")))
    }

    /// Sends. That the server has stopped listening is no failure in itself:
    /// what matters is whether its answer can be read.
    pub fn send(&mut self, bytes: impl AsRef<[u8]>) {
        let bytes = bytes.as_ref();
        self.exchange.sent(bytes);
        if let Err(e) = self.stream.write_all(bytes) {
            let reset = if is_reset(&e) { " (reset)" } else { "" };
            self.exchange.note(format!("sending stopped{reset}: {e}"));
            self.was_reset |= is_reset(&e);
        }
    }

    /// Sends one piece after the other, each in a segment of its own.
    pub fn send_pieces<'a>(&mut self, pieces: impl IntoIterator<Item = &'a [u8]>) {
        for (i, piece) in pieces.into_iter().enumerate() {
            if i > 0 {
                thread::sleep(PAUSE);
            }
            self.send(piece);
        }
    }

    /// The same with the pieces of one head. A server that answers or closes before the last
    /// of them is sent has not read up to the empty line (RFC 9112 §2.2).
    pub fn send_unanswered<'a>(&mut self, pieces: impl IntoIterator<Item = &'a [u8]>) -> Verdict {
        let mut sent = Vec::new();
        for (i, piece) in pieces.into_iter().enumerate() {
            if i > 0 {
                thread::sleep(PAUSE);
            }
            // Who takes a CR for a line end (Java's readLine does) has read the whole head before
            // its last byte comes: that has a check of its own.
            let is_last_lf = piece == b"\n" && sent.ends_with(b"\n\r");
            sent.extend(piece);
            if !is_last_lf && !self.is_quiet() {
                // To be shown.
                let _ = self.read_more();
                return Err(
                    self.wrong("the server answered or closed before the whole head was sent")
                );
            }
            self.send(piece);
        }
        Ok(())
    }

    /// The status of the answer that follows the one that was read.
    pub(crate) fn next_status(&mut self) -> Option<u16> {
        while self.buffer.len() < 12 && self.read_more().is_ok_and(|n| n > 0) {}
        let status = self.buffer.strip_prefix(b"HTTP/1.")?.get(2..5)?;
        std::str::from_utf8(status).ok()?.parse().ok()
    }

    /// Says that nothing more will be sent, and goes on listening.
    pub fn half_close(&mut self) {
        self.exchange.note("the client half-closes");
        let _ = self.stream.shutdown(Shutdown::Write);
    }

    /// Leaves in the middle, on purpose.
    pub fn leave(mut self) {
        self.in_answer = false;
    }

    /// Breaks the connection off: the server gets a reset, not an orderly close.
    pub fn reset(mut self) {
        self.in_answer = false;
        self.exchange.note("the client resets the connection");
        let _ = socket2::SockRef::from(&self.stream).set_linger(Some(Duration::ZERO));
    }

    /// From here on, waits no longer than this.
    pub fn wait_at_most(&mut self, patience: Duration) {
        self.patience = patience;
        let _ = self.stream.set_read_timeout(Some(patience));
    }

    /// A failure that shows what went over this connection.
    pub fn wrong(&self, says: impl Into<String>) -> Failure {
        Failure::Wrong {
            says: says.into(),
            exchange: self.exchange.clone(),
        }
    }

    /// The final answer. Interim ones (100) are read and left aside.
    pub fn answer(&mut self) -> Result<Answer, Failure> {
        Answer::read(self)
    }

    /// The server closes in order and has sent nothing.
    pub fn closes_silently(&mut self) -> Verdict {
        let received = self.rest()?;
        if received.is_empty() {
            return Ok(());
        }
        Err(self.wrong("the server should close the connection without a word"))
    }

    /// Everything until the server closes.
    pub fn rest(&mut self) -> Result<Vec<u8>, Failure> {
        while self.read_more()? > 0 {}
        Ok(std::mem::take(&mut self.buffer))
    }

    /// Exactly so many bytes.
    pub fn bytes(&mut self, count: usize) -> Result<Vec<u8>, Failure> {
        while self.buffer.len() < count {
            if self.read_more()? == 0 {
                let got = self.buffer.len();
                return Err(self.wrong(format!(
                    "the server closed the connection after {got} of {count} bytes"
                )));
            }
        }
        Ok(self.buffer.drain(..count).collect())
    }

    /// What there is, and at least one byte: for answers too long to keep.
    pub fn some_bytes(&mut self) -> Result<Vec<u8>, Failure> {
        if self.buffer.is_empty() && self.read_more()? == 0 {
            return Err(self.wrong("the server closed the connection before the end of the answer"));
        }
        Ok(std::mem::take(&mut self.buffer))
    }

    /// Has the server sent nothing and kept the connection open until now?
    pub fn is_quiet(&mut self) -> bool {
        let _ = self.stream.set_nonblocking(true);
        let peeked = self.stream.peek(&mut [0]);
        let _ = self.stream.set_nonblocking(false);
        self.buffer.is_empty() && matches!(peeked, Err(e) if e.kind() == ErrorKind::WouldBlock)
    }

    /// Reads what is there into the buffer; 0 is the end of the stream.
    pub(crate) fn read_more(&mut self) -> Result<usize, Failure> {
        let mut block = [0; 64 * 1024];
        self.is_in_time()?;
        loop {
            match self.stream.read(&mut block) {
                Ok(0) => {
                    self.in_answer = false;
                    self.exchange.note("the server closed the connection");
                    return Ok(0);
                }
                Ok(n) => {
                    self.in_answer = true;
                    self.exchange.received(&block[..n]);
                    self.buffer.extend(&block[..n]);
                    if self.buffer.len() > LONGEST
                        || self.opened.elapsed() > SLOWEST * self.patience
                    {
                        return Err(self.wrong("the server sends and sends, and comes to no end"));
                    }
                    return Ok(n);
                }
                Err(e) if e.kind() == ErrorKind::Interrupted => {}
                Err(e) => return Err(self.broken(&e)),
            }
        }
    }

    /// A check has a time, and where little of it is left, a read has no more.
    fn is_in_time(&mut self) -> Verdict {
        let Some(until) = self.until else {
            return Ok(());
        };
        let left = until.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(self.wrong("the time for this check is over, and the server is still busy"));
        }
        if left < self.patience {
            let _ = self.stream.set_read_timeout(Some(left));
        }
        Ok(())
    }

    /// Reads an answer that was begun to its end, if that comes soon. A server that still
    /// writes to a client who has gone may end over it, and that is for other checks to find.
    fn read_out(&mut self) {
        let _ = self.stream.shutdown(Shutdown::Write);
        let _ = self.stream.set_read_timeout(Some(SOON));
        let end = Instant::now() + 4 * SOON;
        let mut block = [0; 64 * 1024];
        let mut left = ENOUGH;
        while left > 0 && Instant::now() < end {
            match self.stream.read(&mut block) {
                Ok(n @ 1..) => left = left.saturating_sub(n),
                _ => return,
            }
        }
    }

    fn broken(&mut self, error: &io::Error) -> Failure {
        self.in_answer = false;
        self.was_reset |= is_reset(error);
        let (note, says) = match error.kind() {
            ErrorKind::WouldBlock | ErrorKind::TimedOut => (
                format!("nothing came for {} s", self.patience.as_secs_f32()),
                if self.buffer.is_empty() {
                    "the server says nothing and keeps the connection open\nis it waiting for more, or has it stopped?"
                } else {
                    "the server stopped in the middle and keeps the connection open"
                }
                .to_string(),
            ),
            ErrorKind::ConnectionReset | ErrorKind::BrokenPipe => (
                "the server reset the connection".to_string(),
                "the server reset the connection\nit closed while bytes from the client were unread, \
                 or it has ended; a client may lose the answer"
                    .to_string(),
            ),
            _ => (error.to_string(), format!("reading failed: {error}")),
        };
        self.exchange.note(note);
        self.wrong(says)
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        if self.in_answer {
            self.read_out();
        }
        if self.exchange.is_empty() {
            self.exchange
                .note("a client connects, sends nothing, and leaves");
        }
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        *last = std::mem::take(&mut self.exchange);
    }
}

fn cannot_connect(server: &Server, error: &io::Error) -> Failure {
    let address = server.behind();
    if error.kind() != ErrorKind::ConnectionRefused {
        return Failure::new(format!("cannot connect to {address}: {error}"));
    }
    // The end of a process is seen a moment after that of its sockets.
    let ended = || server.still_runs().is_err();
    if server.pid().is_some() && !wait_until(Duration::from_millis(200), ended) {
        return Failure::new(format!(
            "nobody listens on {address} at this moment, though the program runs\n\
             does it close its listening socket between two clients?"
        ));
    }
    Failure::new(format!(
        "the server has ended: nobody listens on {address} any more"
    ))
}

/// The other side wants nothing more to do with this connection.
fn is_reset(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::ConnectionReset | ErrorKind::BrokenPipe
    )
}
