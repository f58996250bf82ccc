//! A client who sends one thing, right or wrong, and leaves: whatever it is, the server answers
//! in HTTP, or not at all.

use std::io::ErrorKind;
use std::io::Read;
use std::io::Write;
use std::net::Shutdown;
use std::net::SocketAddr;
use std::net::TcpStream;
use std::time::Duration;

use fastrand::Rng;
use wirecheck::server::wait_until;

use crate::TOO_LONG;
use crate::pick;
use crate::random_bytes;

/// A client: what it sends, in which pieces, and how it leaves.
pub struct Client {
    bytes: Vec<u8>,
    /// The length of a piece; the last one may be shorter.
    piece: usize,
    leaves: Leaves,
}

#[derive(PartialEq)]
enum Leaves {
    /// It waits for the answer, and never says that it has sent all.
    Trusting,
    /// It says that it has sent all and reads the answer.
    Polite,
    /// It says so and reads only this many bytes.
    Halfway(usize),
    /// It closes without having read anything.
    Deaf,
    /// It resets the connection.
    Reset,
}

impl Client {
    pub fn new(stage: u8, rng: &mut Rng) -> Client {
        let mut bytes = request(rng);
        let mut is_valid = false;
        match rng.u8(..8) {
            0..4 => is_valid = true,
            4..7 => mutate(&mut bytes, rng),
            _ => bytes = random_bytes(rng.usize(..20_000), rng),
        }
        if rng.u8(..5) == 0 {
            is_valid = false;
            bytes.truncate(rng.usize(..=bytes.len()));
        }
        let leaves = match rng.u8(..8) {
            // If the request is not whole, a server may well wait until its deadline,
            // and stage 02 waits for the end in any case.
            0..2 if is_valid && stage >= 3 => Leaves::Trusting,
            0..5 => Leaves::Polite,
            5 => Leaves::Halfway(rng.usize(..200)),
            6 => Leaves::Deaf,
            _ => Leaves::Reset,
        };
        if leaves == Leaves::Trusting && stage >= 11 {
            // Else the server would rightly wait for the next request.
            let at = bytes.iter().position(|byte| *byte == b'\n').unwrap_or(0) + 1;
            bytes.splice(at..at, *b"Connection: close\r\n");
        }
        let piece = if rng.bool() {
            bytes.len()
        } else {
            rng.usize(1..200)
        };
        Client {
            // At most some 50 pieces.
            piece: piece.max(bytes.len() / 50).max(1),
            bytes,
            leaves,
        }
    }

    /// Does what it is made for; an error is the server's.
    pub fn talk(&self, stage: u8, address: SocketAddr) -> Result<(), String> {
        let mut stream = None;
        // After many thousand connections the system may be out of ports for a moment.
        wait_until(TOO_LONG, || {
            stream = TcpStream::connect(address).ok();
            stream.is_some()
        });
        let mut stream = stream.ok_or("cannot connect")?;
        let _ = stream.set_nodelay(true);
        let _ = stream.set_read_timeout(Some(TOO_LONG));
        let _ = stream.set_write_timeout(Some(TOO_LONG));
        for piece in self.bytes.chunks(self.piece) {
            // Most servers stop reading at some point. That is their right.
            if stream.write_all(piece).is_err() {
                break;
            }
        }
        let limit = match self.leaves {
            Leaves::Deaf => return Ok(()),
            Leaves::Reset => {
                let _ = socket2::SockRef::from(&stream).set_linger(Some(Duration::ZERO));
                return Ok(());
            }
            Leaves::Halfway(limit) => limit,
            Leaves::Polite | Leaves::Trusting => usize::MAX,
        };
        if self.leaves != Leaves::Trusting {
            let _ = stream.shutdown(Shutdown::Write);
        }
        let mut answer = Vec::new();
        match (&stream).take(limit as u64).read_to_end(&mut answer) {
            Ok(_) if limit == usize::MAX => self.judge(stage, &answer),
            Err(error) if error.kind() == ErrorKind::WouldBlock => Err(format!(
                "no end of the answer to {}",
                self.bytes.escape_ascii()
            )),
            _ => Ok(()),
        }
    }

    /// Whether an answer may be one to what was sent.
    fn judge(&self, stage: u8, answer: &[u8]) -> Result<(), String> {
        let asks_for_it = |name: &[u8]| self.bytes.windows(name.len()).any(|part| part == name);
        let is_fine = match stage {
            1 | 3 => answer.is_empty(),
            2 => answer == self.bytes,
            _ if answer.is_empty() => true,
            // A 500 only from the handlers that are made for it.
            _ if answer.starts_with(b"HTTP/1.1 500") => {
                asks_for_it(b"fail") || asks_for_it(b"panic")
            }
            _ => answer.starts_with(b"HTTP/1.1 "),
        };
        if is_fine {
            return Ok(());
        }
        let (sent, answer) = (self.bytes.escape_ascii(), answer.escape_ascii());
        Err(format!("{sent}\nis answered with\n{answer}"))
    }
}

/// A request as a client may send it, though not always one that a server likes.
fn request(rng: &mut Rng) -> Vec<u8> {
    let method = pick(
        &[
            "GET", "GET", "GET", "HEAD", "POST", "POST", "PUT", "OPTIONS", "BREW",
        ],
        rng,
    );
    // Not `/slow`: a second of it would stop the stages that serve one at a time.
    let mut target = pick(
        &[
            "/",
            "/hello",
            "/home",
            "/teapot",
            "/fail",
            "/echo",
            "/style.css",
            "/notes",
            "/notes/",
            "/kitten.svg?x",
            "/nowhere",
            "/query?a=1&b=%41+%ff&&=",
            "/hello?name=%3Cb%3E",
            "/kittens?size=20",
            "/kittens?size=x",
            "/../../etc/passwd",
            "/%2e%2e/%00",
            "//",
            "*",
            "http://localhost/hello",
            "/a/very/long/one/",
        ],
        rng,
    )
    .to_string();
    if target.ends_with("one/") {
        target += &"a".repeat(rng.usize(..9000));
    } else if rng.u8(..200) == 0 {
        // Rare: each writes a message about itself.
        target = "/panic".to_string();
    }
    let version = pick(
        &["HTTP/1.1", "HTTP/1.1", "HTTP/1.1", "HTTP/1.0", "HTTP/2.0"],
        rng,
    );
    let mut head = format!("{method} {target} {version}\r\n");
    if rng.u8(..20) > 0 {
        head += "Host: localhost\r\n";
    }
    for _ in 0..pick(&[0, 1, 3, 99, 120], rng) {
        head += pick(
            &[
                "Accept: */*\r\n",
                "X:\r\n",
                "User-Agent: \tsomebody \r\n",
                "Cookie: a=\"b\"\r\n",
            ],
            rng,
        );
    }
    if rng.u8(..10) == 0 {
        head += "Expect: 100-continue\r\n";
    }
    let length = pick(&[0, 1, 100, 5000, 100_000], rng);
    let body = random_bytes(rng.usize(..=length), rng);
    let mut bytes = head.into_bytes();
    match rng.u8(..4) {
        0 => {
            bytes.extend(format!("Content-Length: {}\r\n\r\n", body.len()).bytes());
            bytes.extend(body);
        }
        1 => {
            bytes.extend(b"Transfer-Encoding: chunked\r\n\r\n");
            for chunk in body.chunks(rng.usize(1..10_000).max(length / 50)) {
                let extension = pick(&["", "", ";a=b"], rng);
                bytes.extend(format!("{:x}{extension}\r\n", chunk.len()).bytes());
                bytes.extend(chunk);
                bytes.extend(b"\r\n");
            }
            bytes.extend(pick(&["0\r\n\r\n", "0\r\nX: y\r\n\r\n"], rng).bytes());
        }
        _ => bytes.extend(b"\r\n"),
    }
    bytes
}

/// Spoils a few places.
fn mutate(bytes: &mut Vec<u8>, rng: &mut Rng) {
    const PIECES: [&[u8]; 18] = [
        b"\r\n",
        b"\r\n\r\n",
        b"\n",
        b"\r",
        b"\0",
        b" ",
        b"\t",
        b":",
        b";",
        b"%",
        b"\xff",
        b"/..",
        b"Host: b\r\n",
        b"Content-Length: 5\r\n",
        b"Content-Length: 99999999999999999999\r\n",
        b"Transfer-Encoding: chunked\r\n",
        b"ffffffffffffffff\r\n",
        &[b'a'; 9000],
    ];
    for _ in 0..rng.u8(1..5) {
        // Nearer to the start is more interesting.
        let near = rng.usize(..=bytes.len()).min(rng.usize(..=200));
        let end = bytes.len().min(near + rng.usize(..20));
        match rng.u8(..4) {
            0 if near < bytes.len() => bytes[near] = rng.u8(..),
            1 => drop(bytes.drain(near..end)),
            2 => bytes.extend_from_within(near..end),
            _ => drop(bytes.splice(
                near..near,
                PIECES[rng.usize(..PIECES.len())].iter().copied(),
            )),
        }
    }
}
