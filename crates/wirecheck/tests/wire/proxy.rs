//! A wrong server, made of a right one: our own stage with a proxy in front of it, which is
//! wrong in one way ([`Way`]) and passes on all else as it comes.
//!
//! The tests' own program is the proxy when it is started under the name of a wrong server
//! (a link to it, `program` makes one): to the checks it is a program like any other, with a
//! process, flags, and a log.

use std::env;
use std::fs;
use std::io;
use std::io::BufRead;
use std::io::BufReader;
use std::io::Read;
use std::io::Write;
use std::net::Ipv4Addr;
use std::net::Shutdown;
use std::net::SocketAddr;
use std::net::TcpListener;
use std::net::TcpStream;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::path::PathBuf;
use std::process::Child;
use std::process::Command;
use std::process::ExitCode;
use std::process::Stdio;
use std::process::exit;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::thread;
use std::time::Duration;

use socket2::Domain;
use socket2::SockRef;
use socket2::Socket;
use socket2::Type;
use tempfile::TempDir;
use wirecheck::stages;
use wirecheck::stages::Stage;

use crate::over_tls;
use crate::over_tls::Fault;
use crate::over_tls::Served;

/// How a server is wrong.
#[derive(Clone, Copy)]
pub enum Way {
    /// In no way.
    Right,
    /// What a client sends is changed before the stage gets it: what was wrong in it goes
    /// unseen, or what was right is refused. A segment at a time.
    Hears(fn(&[u8]) -> Vec<u8>),
    /// The answer is changed; the request is given first. Content-Length follows the body.
    Says(fn(&[u8], &[u8]) -> Vec<u8>),
    /// Each line of the log is changed, on stdout and stderr; an empty one is left out.
    Logs(fn(&str) -> String),
    /// The command line is changed.
    Told(fn(&mut Vec<String>)),
    /// A program that refuses to start ends with this status.
    Ends(u8),
    /// A path is opened below the folder that is served, and only what cannot be read there
    /// is left to the stage.
    Opens(fn(&Path, &str) -> PathBuf),
    /// Nothing is done until this holds for what came, or the client stops for so long
    /// (milliseconds, 0 is for ever).
    Gathers(fn(&[u8]) -> bool, u64),
    /// Ends as a program when such bytes come.
    DiesOf(fn(&[u8]) -> bool),
    /// Ends as a program when a client closes its side after such bytes; the flag says whether
    /// it had its answer by then.
    DiesOfTheEnd(fn(&[u8], bool) -> bool),
    /// Says this before it is asked.
    Greets(&'static str),
    /// Says this where the stage closes without a word.
    Parts(&'static str),
    /// Says the second after the answer to a request that holds the first.
    Follows(&'static str, &'static str),
    /// Says nothing more, and keeps the connection, when these bytes come.
    Hangs(&'static [u8]),
    /// Reads this from whoever has sent all and half-closes.
    Adds(&'static str),
    /// Reads no more than so many bytes of a request.
    ReadsAtMost(usize),
    /// Accepts so many clients.
    Accepts(usize),
    /// It speaks TLS, and something is wrong with that.
    Over(Fault),
    /// What is left needs no figure.
    Habit(Habit),
}

/// A way to be wrong that has no parameter.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Habit {
    /// Serves one client to its end before it takes the next.
    OneAtATime,
    /// Takes the first read for the whole request.
    ReadsOnce,
    /// Takes anything for GET /.
    AnswersFirstRead,
    /// Takes a client that half-closes for one that has gone.
    DropsHalfClosed,
    /// Ends when a client breaks off.
    DiesOfReset,
    /// Ends when it cannot accept.
    DiesOfFewFiles,
    /// Ends when nobody reads its log.
    DiesOfClosedLog,
    /// Goes on after Ctrl-C.
    IgnoresCtrlC,
    /// Listens without SO_REUSEADDR.
    WaitsForTimeWait,
    /// The connection stays open after the answer.
    NeverCloses,
    /// Closes at once after the answer, which resets the connection.
    Resets,
    /// Keeps a thread for each client that there ever was.
    KeepsThreads,
    /// Takes a MiB for each client.
    TakesMemory,
    /// Has the whole answer in memory before it sends it.
    KeepsAnswer,
    /// Sends each answer twice.
    AnswersTwice,
    /// Prints what comes as it comes.
    PrintsRaw,
}

/// A program that is wrong in this way: row so and so of the table. It is there as long as
/// the folder is.
pub fn program(row: usize, stage: &Stage) -> io::Result<(TempDir, PathBuf)> {
    let folder = tempfile::tempdir()?;
    let program = folder.path().join(format!("wrong-{row}"));
    let package = stages::checkout().map(|checkout| checkout.join("crates"));
    let package = package.unwrap_or_default().join(&stage.package);
    symlink(env::current_exe()?, &program)?;
    symlink(stage.program(), program.with_extension("stage"))?;
    symlink(package, program.with_extension("package"))?;
    Ok((folder, program))
}

/// The row of the wrong server under whose name this program was started, and that name.
pub fn asked_for() -> Option<(usize, PathBuf)> {
    let program = PathBuf::from(env::args_os().next()?);
    let row = program.file_name()?.to_str()?.strip_prefix("wrong-")?;
    Some((row.parse().ok()?, program))
}

/// Is the wrong server.
pub fn serve(way: Way, name: &Path) -> ExitCode {
    let mut arguments: Vec<String> = env::args().skip(1).collect();
    if let Way::Told(change) = way {
        change(&mut arguments);
    }
    if way.is(Habit::IgnoresCtrlC) {
        let _ = ctrlc::set_handler(|| {});
    }
    let tls = match way {
        Way::Over(fault) => over_tls::Front::new(&mut arguments, fault),
        _ => None,
    };
    // Where it cannot listen the stage cannot either, and says so.
    let own = listen(&arguments, way);
    if way.is(Habit::WaitsForTimeWait) && own.is_none() {
        return ExitCode::FAILURE;
    }
    let behind = match &own {
        Some(_) => elsewhere(&arguments),
        None => arguments.clone(),
    };
    let linked = |to: &str| fs::read_link(name.with_extension(to)).unwrap_or_default();
    let child = Command::new(linked("stage"))
        .args(&behind)
        .env("CARGO_MANIFEST_DIR", linked("package"))
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn();
    let Ok(mut child) = child else {
        return ExitCode::FAILURE;
    };
    let (Some(stdout), Some(stderr)) = (child.stdout.take(), child.stderr.take()) else {
        return ExitCode::FAILURE;
    };
    let complaints = thread::spawn(move || log(BufReader::new(stderr), way, io::stderr()));
    let mut stdout = BufReader::new(stdout);
    let mut line = String::new();
    let _ = stdout.read_line(&mut line);
    let line = line.trim_end();
    let (Some(ready), Some(own)) = (ready_address(line), own) else {
        write_line(line, way, &mut io::stdout());
        log(stdout, way, io::stdout());
        let _ = complaints.join();
        let status = child.wait().ok().and_then(|status| status.code());
        return match way {
            Way::Ends(status) => ExitCode::from(status),
            _ => ExitCode::from(status.map_or(1, |status| u8::try_from(status).unwrap_or(1))),
        };
    };
    let address = own.local_addr().unwrap_or(ready);
    let mut line = line.replace(&ready.to_string(), &address.to_string());
    if tls.is_some() {
        line = line.replace("http:", "https:");
    }
    write_line(&line, way, &mut io::stdout());
    thread::spawn(move || log(stdout, way, io::stdout()));
    let root = PathBuf::from(behind.last().map_or("", String::as_str));
    let front = Front {
        way,
        tls,
        stage: ready,
        root,
        child: Mutex::new(child),
    };
    accept(own, Box::leak(Box::new(front)))
}

/// The address in the stage's ready line. Without one the stage has ended.
fn ready_address(line: &str) -> Option<SocketAddr> {
    let address = line.strip_prefix("listening on ")?;
    address.rsplit('/').next()?.parse().ok()
}

/// Listens where the arguments say. A lone address is that of stage 01.
fn listen(arguments: &[String], way: Way) -> Option<TcpListener> {
    let value = |long: &str, short: &str| {
        let at = arguments.iter().position(|a| a == long || a == short)?;
        arguments.get(at + 1)
    };
    let alone = arguments.iter().find_map(|a| a.parse::<SocketAddr>().ok());
    let ip = match value("--bind", "-b") {
        Some(ip) => ip.parse().ok()?,
        None => Ipv4Addr::LOCALHOST.into(),
    };
    let port = match value("--port", "-p") {
        Some(port) => port.parse().ok()?,
        None => 8080,
    };
    let address = alone.unwrap_or(SocketAddr::new(ip, port));
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, None).ok()?;
    let reuse = !way.is(Habit::WaitsForTimeWait);
    socket.set_reuse_address(reuse).ok()?;
    socket.bind(&address.into()).ok()?;
    socket.listen(128).ok()?;
    Some(socket.into())
}

/// The same arguments for the stage behind, which listens on a port of its own.
fn elsewhere(arguments: &[String]) -> Vec<String> {
    let mut behind = Vec::new();
    let mut arguments = arguments.iter();
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--bind" | "-b" | "--port" | "-p" => {
                arguments.next();
            }
            address if address.parse::<SocketAddr>().is_ok() => {
                return vec!["127.0.0.1:0".into()];
            }
            other => behind.push(other.into()),
        }
    }
    behind.splice(0..0, ["--port".into(), "0".into()]);
    behind
}

/// The ports from which the proxy asks, and those of its clients: a log shall tell of these.
static PORTS: Mutex<Vec<(u16, u16)>> = Mutex::new(Vec::new());

fn log(from: impl BufRead, way: Way, mut to: impl Write) {
    for line in from.split(b'\n').map_while(Result::ok) {
        let mut line = String::from_utf8_lossy(&line).into_owned();
        if line.contains("127.0.0.1:") {
            let ports = PORTS.lock().unwrap_or_else(PoisonError::into_inner);
            for (ours, theirs) in ports.iter() {
                line = line.replace(&format!(":{ours}"), &format!(":{theirs}"));
            }
        }
        write_line(&line, way, &mut to);
    }
}

fn write_line(line: &str, way: Way, to: &mut impl Write) {
    let line = match way {
        Way::Logs(change) => change(line),
        _ => line.to_string(),
    };
    let written = line.is_empty() || writeln!(to, "{line}").and_then(|()| to.flush()).is_ok();
    if !written && way.is(Habit::DiesOfClosedLog) {
        exit(101);
    }
}

impl Way {
    fn is(self, habit: Habit) -> bool {
        matches!(self, Way::Habit(own) if own == habit)
    }
}

/// What a client has sent, and whether an answer has begun.
#[derive(Default)]
struct Heard {
    bytes: Vec<u8>,
    answered: bool,
}

/// What stands in front of a stage.
struct Front {
    way: Way,
    tls: Option<over_tls::Front>,
    stage: SocketAddr,
    root: PathBuf,
    child: Mutex<Child>,
}

fn accept(listener: TcpListener, front: &'static Front) -> ExitCode {
    let mut accepted = 0;
    loop {
        if matches!(front.way, Way::Accepts(count) if count == accepted) {
            thread::park();
            continue;
        }
        match listener.accept() {
            Ok((client, peer)) if front.is(Habit::OneAtATime) => front.take(&client, peer),
            Ok((client, peer)) => {
                let taken = thread::Builder::new().spawn(move || {
                    front.take(&client, peer);
                    drop(client);
                    while front.is(Habit::KeepsThreads) {
                        thread::park();
                    }
                });
                drop(taken);
            }
            Err(_) if front.is(Habit::DiesOfFewFiles) => front.die(),
            Err(_) => thread::sleep(Duration::from_millis(20)),
        }
        accepted += 1;
    }
}

impl Front {
    fn is(&self, habit: Habit) -> bool {
        self.way.is(habit)
    }

    fn die(&self) -> ! {
        let mut child = self.child.lock().unwrap_or_else(PoisonError::into_inner);
        let _ = child.kill();
        let _ = child.wait();
        exit(101);
    }

    /// One client, from its first byte to its last.
    fn take(&self, mut client: &TcpStream, peer: SocketAddr) {
        if self.is(Habit::TakesMemory) {
            Box::leak(Box::new(vec![1_u8; 1 << 20]));
        }
        if let Some(tls) = &self.tls {
            if let Ok(Served::Dies) = tls.serve(client, || self.connect(client, peer)) {
                self.die();
            }
            return;
        }
        if let Way::Greets(words) = self.way {
            let _ = client.write_all(words.as_bytes());
        }
        let (mut first, ended) = self.gather(client);
        if self.is(Habit::DropsHalfClosed) && ended {
            return;
        }
        if self.is(Habit::AnswersFirstRead) && !first.is_empty() {
            first = b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".into();
        }
        if let Way::Opens(find) = self.way
            && let Some(answer) = open(&first, &self.root, find)
        {
            let _ = client.write_all(&answer);
            let _ = client.shutdown(Shutdown::Write);
            while client.read(&mut [0; 1024]).is_ok_and(|n| n > 0) {}
            return;
        }
        let Ok(stage) = self.connect(client, peer) else {
            return;
        };
        let heard = Mutex::new(Heard::default());
        thread::scope(|scope| {
            let back = thread::Builder::new();
            let back = back.spawn_scoped(scope, || self.back(&stage, client, &heard));
            if back.is_err() {
                return;
            }
            self.pass(&first, &stage, &heard);
            if ended || self.is(Habit::ReadsOnce) {
                self.end(&stage);
            } else {
                self.forth(client, &stage, &heard);
            }
        });
        while self.is(Habit::NeverCloses) {
            thread::park();
        }
    }

    /// From a port that is known before the stage can log it.
    fn connect(&self, client: &TcpStream, peer: SocketAddr) -> io::Result<TcpStream> {
        let socket = Socket::new(Domain::for_address(self.stage), Type::STREAM, None)?;
        socket.bind(&SocketAddr::new(self.stage.ip(), 0).into())?;
        let ours = socket.local_addr()?.as_socket().map_or(0, |a| a.port());
        let mut ports = PORTS.lock().unwrap_or_else(PoisonError::into_inner);
        ports.push((ours, peer.port()));
        drop(ports);
        socket.connect(&self.stage.into())?;
        let stage = TcpStream::from(socket);
        stage.set_nodelay(true)?;
        client.set_nodelay(true)?;
        Ok(stage)
    }

    /// What is read before anything is done, and whether the client has ended there.
    fn gather(&self, mut client: &TcpStream) -> (Vec<u8>, bool) {
        let mut gathered = Vec::new();
        let (enough, pause): (fn(&[u8]) -> bool, _) = match self.way {
            Way::Gathers(enough, pause) => (enough, pause),
            Way::Habit(Habit::DropsHalfClosed) => (|_| false, 50),
            Way::Opens(_) => (|bytes| find(bytes, b"\r\n\r\n").is_some(), 0),
            Way::Habit(Habit::ReadsOnce | Habit::AnswersFirstRead) => {
                (|bytes| !bytes.is_empty(), 0)
            }
            _ => return (gathered, false),
        };
        let pause = (pause > 0).then(|| Duration::from_millis(pause));
        let _ = client.set_read_timeout(pause);
        let mut block = [0; 64 * 1024];
        while !enough(&gathered) {
            match client.read(&mut block) {
                Ok(0) => return (gathered, true),
                Ok(n) => gathered.extend(&block[..n]),
                Err(_) => break,
            }
        }
        let _ = client.set_read_timeout(None);
        (gathered, false)
    }

    /// What the client has sent goes on to the stage.
    fn pass(&self, segment: &[u8], mut stage: &TcpStream, heard: &Mutex<Heard>) {
        let mut heard = heard.lock().unwrap_or_else(PoisonError::into_inner);
        let kept = segment.len().min(1 << 16);
        heard.bytes.extend(&segment[..kept]);
        drop(heard);
        match self.way {
            Way::DiesOf(such) if such(segment) => self.die(),
            Way::Hangs(bytes) if find(segment, bytes).is_some() => loop {
                thread::park();
            },
            Way::Habit(Habit::PrintsRaw) => {
                let _ = io::stdout().write_all(segment);
                let _ = io::stdout().write_all(b"\n");
            }
            _ => {}
        }
        let _ = match self.way {
            Way::Hears(change) => stage.write_all(&change(segment)),
            _ => stage.write_all(segment),
        };
    }

    fn end(&self, mut stage: &TcpStream) {
        if let Way::Adds(bytes) = self.way {
            let _ = stage.write_all(bytes.as_bytes());
        }
        let _ = stage.shutdown(Shutdown::Write);
    }

    fn forth(&self, mut client: &TcpStream, stage: &TcpStream, heard: &Mutex<Heard>) {
        let mut block = [0; 64 * 1024];
        let mut left = match self.way {
            Way::ReadsAtMost(count) => count,
            _ => usize::MAX,
        };
        loop {
            match client.read(&mut block) {
                Ok(0) => {
                    let heard = heard.lock().unwrap_or_else(PoisonError::into_inner);
                    if let Way::DiesOfTheEnd(such) = self.way
                        && such(&heard.bytes, heard.answered)
                    {
                        self.die();
                    }
                    break;
                }
                Ok(n) => {
                    self.pass(&block[..n.min(left)], stage, heard);
                    left -= n.min(left);
                    if left == 0 {
                        let _ = stage.shutdown(Shutdown::Write);
                    }
                }
                Err(_) => {
                    if self.is(Habit::DiesOfReset) {
                        self.die();
                    }
                    break;
                }
            }
        }
        self.end(stage);
    }

    /// What the stage answers goes back to the client.
    fn back(&self, mut stage: &TcpStream, mut client: &TcpStream, heard: &Mutex<Heard>) {
        let mut block = [0; 64 * 1024];
        let mut kept = Vec::new();
        let mut sent = 0;
        loop {
            let n = match stage.read(&mut block) {
                Ok(0) => break,
                Ok(n) => n,
                Err(_) => {
                    let _ = SockRef::from(client).set_linger(Some(Duration::ZERO));
                    let _ = client.shutdown(Shutdown::Both);
                    return;
                }
            };
            let mut heard = heard.lock().unwrap_or_else(PoisonError::into_inner);
            let answer = match self.way {
                Way::Says(change) => {
                    with_its_length(&block[..n], change(&heard.bytes, &block[..n]))
                }
                _ => block[..n].to_vec(),
            };
            heard.answered = true;
            drop(heard);
            sent += n;
            if self.is(Habit::AnswersTwice) {
                kept.extend(&answer);
            }
            if self.is(Habit::KeepsAnswer) {
                kept.extend(answer);
                continue;
            }
            if client.write_all(&answer).is_err() {
                if self.is(Habit::DiesOfReset) {
                    self.die();
                }
                let _ = stage.shutdown(Shutdown::Both);
                return;
            }
        }
        let _ = client.write_all(&kept);
        let heard = heard.lock().unwrap_or_else(PoisonError::into_inner);
        let more = match (self.way, sent) {
            (Way::Parts(words), 0) => words,
            (Way::Follows(part, words), 1..) if find(&heard.bytes, part.as_bytes()).is_some() => {
                words
            }
            _ => "",
        };
        let _ = client.write_all(more.as_bytes());
        if self.is(Habit::Resets) {
            // The one that reads from the client ends, too, and the connection with it.
            let _ = SockRef::from(client).set_linger(Some(Duration::ZERO));
            let _ = client.shutdown(Shutdown::Read);
        } else if !self.is(Habit::NeverCloses) {
            let _ = client.shutdown(Shutdown::Write);
        }
    }
}

/// Where the change made the body longer or shorter, its length is made to fit; unless the
/// change was about the length.
fn with_its_length(before: &[u8], after: Vec<u8>) -> Vec<u8> {
    let parts = |bytes: &[u8]| {
        let end = find(bytes, b"\r\n\r\n")?;
        let head = String::from_utf8_lossy(&bytes[..end]).into_owned();
        let length = head.split("Content-Length: ").nth(1)?;
        let length: usize = length.lines().next()?.parse().ok()?;
        Some((head, length, bytes.len() - end - 4))
    };
    let (Some(old), Some(new)) = (parts(before), parts(&after)) else {
        return after;
    };
    if old.1 != new.1 || old.2 == new.2 || old.2 != old.1 {
        return after;
    }
    let field = |length: usize| format!("Content-Length: {length}\r\n");
    swap(&after, field(old.1), field(new.2))
}

/// What lies at a path, as an answer.
fn open(request: &[u8], root: &Path, find: fn(&Path, &str) -> PathBuf) -> Option<Vec<u8>> {
    let head = String::from_utf8_lossy(request);
    let target = head.split(' ').nth(1)?;
    let body = fs::read(find(root, target)).ok()?;
    let date = httpdate::fmt_http_date(std::time::SystemTime::now());
    let head = format!(
        "HTTP/1.1 200 OK\r\nDate: {date}\r\nContent-Type: text/plain; charset=utf-8\r\n\
         Content-Length: {}\r\nConnection: close\r\n\r\n",
        body.len()
    );
    Some([head.into_bytes(), body].concat())
}

/// Where these bytes stand for the first time.
pub fn find(bytes: &[u8], part: &[u8]) -> Option<usize> {
    bytes.windows(part.len()).position(|window| window == part)
}

/// Each occurrence of some bytes replaced by others.
pub fn swap(bytes: &[u8], from: impl AsRef<[u8]>, to: impl AsRef<[u8]>) -> Vec<u8> {
    let from = from.as_ref();
    let mut swapped = Vec::new();
    let mut rest = bytes;
    while let Some(at) = find(rest, from) {
        swapped.extend(&rest[..at]);
        swapped.extend(to.as_ref());
        rest = &rest[at + from.len()..];
    }
    swapped.extend(rest);
    swapped
}
