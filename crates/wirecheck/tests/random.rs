//! Random clients: whatever they send, in whatever pieces, and however they
//! leave, the server serves on and keeps no thread, no file and no memory.
//!
//! `cargo test -p wirecheck --test random` sends 2,000 to every stage,
//! `scripts/random 1000000 06 10` as many as you like to the stages you name.
//! A failure names the seed; with `SEED=…` the same clients come again.

use std::env;
use std::fs;
use std::io::ErrorKind;
use std::io::Read;
use std::io::Write;
use std::net::Shutdown;
use std::net::SocketAddr;
use std::net::TcpStream;
use std::process::ExitCode;
use std::sync::OnceLock;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::SeqCst;
use std::thread;
use std::time::Duration;

use fastrand::Rng;
use libtest_mimic::Arguments;
use libtest_mimic::Trial;
use wirecheck::server::Origin;
use wirecheck::server::PATIENCE;
use wirecheck::server::Server;
use wirecheck::server::wait_until;
use wirecheck::stages;

/// So many come between two looks at the server.
const BATCH: u64 = 500;

/// So many come at the same time.
const AT_ONCE: usize = 8;

/// Files that a server may open after it has said that it listens: its event loops, for
/// instance. A leak goes beyond that in the first batch.
const SPARE_FILES: usize = 16;

/// The threads that a server may keep when nobody is there: `main` and, from
/// stage 07 on, the workers that wait.
const SPARE_THREADS: usize = 1 + 17;

/// By so many kB a server may be larger after the last batch than after the
/// first, however many came between: what its allocator keeps at hand.
const SPARE_MEMORY: u64 = 16 * 1024;

/// Longer than any deadline of a server.
const TOO_LONG: Duration = Duration::from_secs(30);

/// A test for each stage that is there, called like it: `stage06`.
fn main() -> ExitCode {
    let mut arguments = Arguments::from_args();
    // They wait more than they work.
    arguments.test_threads = arguments.test_threads.or(Some(16));
    let mut trials = Vec::new();
    for stage in stages::all() {
        let name = format!("stage{:02}", stage.number);
        let trial = Trial::test(name, move || {
            throw_at(stage.number);
            Ok(())
        });
        // `/proc` knows what a server keeps, and only Linux has it.
        trials.push(trial.with_ignored_flag(!cfg!(target_os = "linux")));
    }
    libtest_mimic::run(&arguments, trials).exit_code()
}

/// Throws random clients at a stage.
fn throw_at(stage: u8) {
    let count = variable("COUNT").unwrap_or(2000);
    let seed = variable("SEED").unwrap_or_else(|| fastrand::u64(..));
    let server = start(stage);
    // Counted while nobody is connected.
    let files = count_in(&server, "fd");
    // The first panic loads what it takes to tell about it; that is no leak.
    let _ = server.get("/panic");
    let mut memory = None;
    for first in (0..count).step_by(BATCH as usize) {
        let end = count.min(first + BATCH);
        let context = || {
            format!(
                "stage {stage:02}, clients {first} to {end}; \
                 again: SEED={seed} scripts/random {end} {stage:02}"
            )
        };
        let next = AtomicU64::new(first);
        thread::scope(|scope| {
            for _ in 0..AT_ONCE {
                scope.spawn(|| {
                    loop {
                        let number = next.fetch_add(1, SeqCst);
                        if number >= end {
                            return;
                        }
                        // Its numbers do not depend on the thread that it comes from.
                        let mut rng = Rng::with_seed(seed.wrapping_add(number));
                        let talk = Client::new(stage, &mut rng).talk(stage, server.address);
                        if let Err(what) = talk {
                            panic!("client {number}: {what}\n{}", context());
                        }
                    }
                });
            }
        });
        if let Err(failure) = server.still_runs().and_then(|()| server.serves_on()) {
            panic!("{failure:?}; {}", context());
        }
        let back = wait_until(PATIENCE, || {
            count_in(&server, "fd") <= files + SPARE_FILES
                && count_in(&server, "task") <= SPARE_THREADS
        });
        let (now, threads) = (count_in(&server, "fd"), count_in(&server, "task"));
        assert!(
            back,
            "{now} files, {files} at the start, {threads} threads; {}",
            context()
        );
        let resident = server.proc_status("VmRSS").unwrap_or_default();
        let allowed = *memory.get_or_insert(resident) + SPARE_MEMORY;
        assert!(
            resident <= allowed,
            "{resident} kB of memory, {allowed} allowed; {}",
            context()
        );
    }
    if variable("COUNT").is_none() {
        return; // one test among many
    }
    println!(
        "stage {stage:02}: {count} clients, {} kB of memory after the first {BATCH}, {} in the end; SEED={seed}",
        memory.unwrap_or_default(),
        server.proc_status("VmRSS").unwrap_or_default()
    );
}

/// A number that the caller of the test has set.
fn variable(name: &str) -> Option<u64> {
    let text = env::var(name).ok()?;
    Some(
        text.parse()
            .unwrap_or_else(|_| panic!("{name}={text} is no number")),
    )
}

/// Builds the stages, once, and starts one.
fn start(stage: u8) -> Server {
    static BUILT: OnceLock<Result<(), String>> = OnceLock::new();
    let stages = stages::all();
    let built = BUILT.get_or_init(|| stages::build(&stages));
    assert_eq!(*built, Ok(()));
    let ours = stages
        .iter()
        .find(|ours| ours.number == stage)
        .expect("it is there");
    Server::start(stage, &Origin::Stage(ours.program())).expect("it starts")
}

/// How many entries `/proc/PID/fd` has, or `/proc/PID/task`.
fn count_in(server: &Server, folder: &str) -> usize {
    let pid = server.pid().expect("we have started it").as_raw_nonzero();
    fs::read_dir(format!("/proc/{pid}/{folder}")).map_or(0, Iterator::count)
}

/// A client: what it sends, in which pieces, and how it leaves.
struct Client {
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
    fn new(stage: u8, rng: &mut Rng) -> Client {
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
    fn talk(&self, stage: u8, address: SocketAddr) -> Result<(), String> {
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

fn random_bytes(count: usize, rng: &mut Rng) -> Vec<u8> {
    let mut bytes = vec![0; count];
    rng.fill(&mut bytes);
    bytes
}

fn pick<T: Copy>(choices: &[T], rng: &mut Rng) -> T {
    choices[rng.usize(..choices.len())]
}
