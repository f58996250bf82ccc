//! The program under test: started, watched, ended.

use std::hash::BuildHasher;
use std::hash::Hasher;
use std::io;
use std::io::Read;
use std::io::Write;
use std::net::IpAddr;
use std::net::Ipv4Addr;
use std::net::Ipv6Addr;
use std::net::Shutdown;
use std::net::SocketAddr;
use std::net::TcpListener;
use std::net::TcpStream;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::path::PathBuf;
use std::process::Child;
use std::process::Command;
use std::process::ExitStatus;
use std::process::Stdio;
use std::sync::Arc;
use std::sync::Condvar;
use std::sync::LazyLock;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering;
use std::sync::atomic::Ordering::SeqCst;
use std::thread;
use std::time::Duration;
use std::time::Instant;

use rustix::process::Pid;
use rustix::process::Signal;

use crate::answer::Answer;
use crate::check::Failure;
use crate::check::Verdict;
use crate::client::Connection;
use crate::exchange::Exchange;
use crate::exchange::visible;
use crate::pages::Learned;
use crate::pages::Told;
use crate::site::Files;
use crate::stages;
use crate::tls;
use crate::tls::Identity;
use crate::tls::Tunnel;

/// How long a server may take. Reached only when something is wrong, so it
/// can be generous.
pub const PATIENCE: Duration = Duration::from_secs(10);

/// In a reader's command line: the folder of test files.
const ROOT: &str = "{root}";

/// There, too: a certificate for localhost, and its key. Who takes them speaks HTTPS.
const CERT: &str = "{cert}";
const KEY: &str = "{key}";

/// Of what a server complains: Node begins with the reason …
const FIRST_LINES: usize = 10;
/// … and Python ends with it.
const LAST_LINES: usize = 5;
/// Of what it logs: the last lines are those of the check that looks for one.
const LOG_LINES: usize = 20;

/// Between two looks at something that is about to happen.
const GLANCE: Duration = Duration::from_millis(5);

/// A server that listens.
pub struct Server {
    /// The stage whose checks it is held to.
    pub stage: u8,
    /// Where it listens.
    pub address: SocketAddr,
    /// How long to wait for it.
    pub patience: Duration,
    /// What we were told about it.
    pub told: Told,
    origin: Origin,
    /// When the check that runs on it must be through.
    pub(crate) until: Option<Instant>,
    process: Option<Arc<Process>>,
    /// What went over the connection that was left last: if the server ends, it is why.
    pub(crate) last: Arc<Mutex<Exchange>>,
    /// What it serves, where we have laid it out; deleted after the process has ended.
    pub(crate) files: Option<Arc<Files>>,
    /// Where it speaks HTTPS: the way to it, and `address` is where that begins.
    pub(crate) tunnel: Option<Arc<Tunnel>>,
    pub(crate) learned: Arc<Learned>,
    /// Those that a check has started beside this one and let go. If one of them has ended
    /// by itself, that explains what the clients saw.
    beside: Arc<Mutex<Vec<Arc<Process>>>>,
    is_beside: bool,
}

/// Where a server comes from, and so whether we can start another one like it.
#[derive(Clone, Debug)]
pub enum Origin {
    /// The program of one of our stages, which knows our flags.
    Stage(PathBuf),
    /// A reader's command line with `{port}` in it, and perhaps `{root}`.
    Command(String),
    /// It runs already ([`first_that_answers`]).
    Address(SocketAddr),
    /// The same, and it speaks HTTPS ([`first_that_answers_securely`]).
    Secure(SocketAddr),
}

impl Server {
    /// Ends the process, whoever else looks at it.
    pub fn ends(&mut self) {
        if let Some(process) = self.process.take() {
            end(process.pid, process.mark.as_deref());
        }
    }

    /// Starts a server and waits until it listens, or takes the one that runs.
    pub fn start(stage: u8, origin: &Origin) -> Result<Server, Failure> {
        match origin {
            Origin::Stage(program) => Server::start_stage(stage, program, 0, &[]),
            Origin::Command(line) => Server::start_on_free_port(stage, line),
            Origin::Address(address) => Ok(Server::new(stage, *address, origin.clone(), None)),
            Origin::Secure(address) => {
                Server::new(stage, *address, origin.clone(), None).through_a_tunnel(None)
            }
        }
    }

    /// The same server, behind the tunnel that leads to it.
    fn through_a_tunnel(mut self, identity: Option<Identity>) -> Result<Server, Failure> {
        let tunnel = Tunnel::open(self.address, identity, self.patience)
            .map_err(|e| Failure::new(format!("cannot open a tunnel: {e}")))?;
        self.address = tunnel.entrance;
        self.tunnel = Some(Arc::new(tunnel));
        Ok(self)
    }

    /// Another server like this one that speaks HTTPS, with these flags. A reader's server is
    /// taken as it is.
    pub fn secure(&self, flags: &[&str]) -> Result<Server, Failure> {
        match &self.origin {
            Origin::Stage(_) => {
                let identity = Identity::new()?;
                let (cert, key) = (identity.cert(), identity.key());
                let (cert, key) = (cert.to_string_lossy(), key.to_string_lossy());
                let flags = [&["--cert", &cert, "--key", &key], flags].concat();
                self.own(&flags)?.through_a_tunnel(Some(identity))
            }
            Origin::Secure(_) if flags.is_empty() => {
                let again = Server::start(self.stage, &self.origin)?;
                Ok(again.like(self))
            }
            Origin::Command(line) if line.contains(CERT) && flags.is_empty() => self.another(),
            _ if flags.is_empty() => Err(skip(
                "needs a server that speaks HTTPS: https://HOST:PORT/, or {cert} and {key} in --run",
            )),
            _ => Err(skip("needs flags that only our own stages know")),
        }
    }

    /// Where a server that speaks HTTPS listens, and what it was given.
    pub fn tunnel(&self) -> Result<&Tunnel, Failure> {
        let no = || skip("needs a server that speaks HTTPS");
        self.tunnel.as_deref().ok_or_else(no)
    }

    /// Where it listens itself.
    pub fn behind(&self) -> SocketAddr {
        self.tunnel.as_ref().map_or(self.address, |way| way.server)
    }

    /// Its first page, as one would write it in a browser.
    pub fn url(&self) -> String {
        let scheme = self.tunnel.as_ref().map_or("http", |_| "https");
        format!("{scheme}://{}/", self.behind())
    }

    fn new(stage: u8, address: SocketAddr, origin: Origin, process: Option<Process>) -> Server {
        Server {
            stage,
            address,
            patience: PATIENCE,
            told: Told::default(),
            origin,
            until: None,
            process: process.map(Arc::new),
            last: Arc::default(),
            files: None,
            tunnel: None,
            learned: Arc::default(),
            beside: Arc::default(),
            is_beside: false,
        }
    }

    /// The same server, for one check that must be through after so long. What happens to
    /// this one's connections is not mixed with what happens to others.
    pub fn for_one_check(&self, bound: Duration) -> Server {
        Server {
            stage: self.stage,
            address: self.address,
            patience: self.patience,
            told: self.told.clone(),
            origin: self.origin.clone(),
            until: Some(Instant::now() + bound),
            process: self.process.clone(),
            last: Arc::default(),
            files: self.files.clone(),
            tunnel: self.tunnel.clone(),
            learned: self.learned.clone(),
            beside: Arc::default(),
            is_beside: false,
        }
    }

    /// Stage 01 takes an address, the others `--port` and more flags.
    fn start_stage(
        stage: u8,
        program: &Path,
        port: u16,
        flags: &[&str],
    ) -> Result<Server, Failure> {
        let mut command = Command::new(program);
        match stage {
            1 => command.arg(format!("127.0.0.1:{port}")),
            _ => command.arg("--port").arg(port.to_string()),
        };
        command.args(flags);
        Server::start_ready(stage, program, command, false)
    }

    /// Starts it and reads the port from its ready line.
    fn start_ready(
        stage: u8,
        program: &Path,
        mut command: Command,
        deaf: bool,
    ) -> Result<Server, Failure> {
        as_cargo_starts_it(&mut command, program);
        let process = Process::start(command, deaf, true)?;
        let line = process.stdout.wait_for("listening on ", PATIENCE);
        let address = line.as_deref().and_then(ready_address);
        let Some(address) = address else {
            return Err(Failure::new(format!(
                "no ready line `listening on …`: {}",
                process.last_words()
            )));
        };
        let origin = Origin::Stage(program.to_path_buf());
        Ok(Server::new(stage, address, origin, Some(process)))
    }

    /// A port that was free may be taken before the server binds it: then another one is tried.
    fn start_on_free_port(stage: u8, line: &str) -> Result<Server, Failure> {
        let mut tries = 1;
        loop {
            match Server::start_command(stage, line, free_port()?) {
                Err(Failure::Wrong { says, .. }) if tries < 5 && says.contains("in use") => {}
                started => return started,
            }
            tries += 1;
        }
    }

    /// Starts a reader's server and waits until it accepts.
    fn start_command(stage: u8, line: &str, port: u16) -> Result<Server, Failure> {
        let files = line.contains(ROOT).then(Files::lay_out).transpose()?;
        let root = files.as_ref().map(Files::root).unwrap_or_default();
        let filled = line
            .replace("{port}", &port.to_string())
            .replace(ROOT, &root.to_string_lossy());
        let identity = line.contains(CERT).then(Identity::new).transpose()?;
        let path = |path: Option<PathBuf>| path.unwrap_or_default().to_string_lossy().into_owned();
        let filled = filled
            .replace(CERT, &path(identity.as_ref().map(Identity::cert)))
            .replace(KEY, &path(identity.as_ref().map(Identity::key)));
        let mut command = Command::new("sh");
        command.arg("-c").arg(filled);
        // Into a pipe Python would print when its buffer is full; on a terminal, at once.
        command.env("PYTHONUNBUFFERED", "1");
        // What cargo tells us about our own package would lead a Rust server astray.
        command.env_remove("CARGO_MANIFEST_DIR");
        let process = Process::start(command, false, false)?;
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        let answers = || match identity {
            Some(_) => knock_securely(address).is_ok(),
            None => knock(address).is_ok(),
        };
        let ready = wait_until(PATIENCE, || process.status().is_some() || answers());
        if process.status().is_some() {
            let words = process.last_words();
            return Err(Failure::new(format!("`{line}` does not serve: {words}")));
        }
        if !ready && knock(SocketAddr::from((Ipv6Addr::LOCALHOST, port))).is_ok() {
            return Err(Failure::new(format!(
                "`{line}` listens on [::1]:{port}, and `--run` asks {address}"
            )));
        }
        if !ready {
            let seconds = PATIENCE.as_secs();
            return Err(Failure::new(format!(
                "`{line}` runs, but nothing listens on {address} after {seconds} s: \
                 does it use the port that it is given? (If it is built first, build it before.)"
            )));
        }
        let origin = Origin::Command(line.to_string());
        let mut server = Server::new(stage, address, origin, Some(process));
        server.files = files.map(Arc::new);
        match identity {
            Some(_) => server.through_a_tunnel(identity),
            None => Ok(server),
        }
    }

    /// Another server like this one, on a folder of test files. Only our own stages
    /// know these flags; a reader's server is taken as it is.
    pub fn on_files(&self, flags: &[&str]) -> Result<Server, Failure> {
        match &self.origin {
            Origin::Stage(_) => {
                let files = Files::lay_out()?;
                let root = files.root().to_string_lossy().into_owned();
                let mut server = self.own(&[flags, &[&root]].concat())?;
                server.files = Some(Arc::new(files));
                Ok(server)
            }
            Origin::Command(line) if line.contains(ROOT) => self.another(),
            Origin::Command(_) => Err(skip(
                "needs to serve the checker's test files: put {root} where your server takes its folder",
            )),
            Origin::Address(_) | Origin::Secure(_) => {
                let files = self.told.root.as_deref().and_then(Files::again);
                let Some(files) = files else {
                    return Err(skip(
                        "needs to serve the checker's test files: --run './my-server --port {port} {root}', or --lay-out DIR, and --root DIR/www",
                    ));
                };
                let mut server = Server::start(self.stage, &self.origin)?.like(self);
                server.files = Some(Arc::new(files));
                Ok(server)
            }
        }
    }

    /// Another server like this one, with these flags. Only our own stages know them.
    pub fn own(&self, flags: &[&str]) -> Result<Server, Failure> {
        let server = Server::start_stage(self.stage, self.program()?, 0, flags)?;
        Ok(server.like(self))
    }

    /// Another server like this one, with a flag that an exercise adds. A reader's server
    /// is taken as it is: only its owner knows how to give it the flag.
    pub fn with_flag(&self, flag: &str) -> Result<Server, Failure> {
        if self.is_ours() {
            return self.own(&[flag]);
        }
        Ok(Server::start(self.stage, &self.origin)?.like(self))
    }

    /// A server whose stdout nobody reads any more once it is ready.
    pub fn own_deaf(&self) -> Result<Server, Failure> {
        let program = self.program()?;
        let mut command = Command::new(program);
        command.args(["--port", "0"]);
        let server = Server::start_ready(self.stage, program, command, true)?;
        Ok(server.like(self))
    }

    /// A server that may open only so many files.
    pub fn own_with_files(&self, limit: u32) -> Result<Server, Failure> {
        self.own_in_shell(&format!("ulimit -n {limit}; exec \"$0\" --port 0"))
    }

    /// A server that a shell starts: the script runs it as `"$0" --port 0`.
    pub fn own_in_shell(&self, script: &str) -> Result<Server, Failure> {
        let program = self.program()?;
        let mut command = Command::new("sh");
        command.arg("-c").arg(script).arg(program);
        let server = Server::start_ready(self.stage, program, command, false)?;
        Ok(server.like(self))
    }

    /// Another server like this one, started in the same way.
    pub fn another(&self) -> Result<Server, Failure> {
        if let Origin::Address(_) | Origin::Secure(_) = self.origin {
            return Err(skip("needs to start the server itself: use --run"));
        }
        Ok(Server::start(self.stage, &self.origin)?.like(self))
    }

    /// Ends this server and starts one like it on the same port.
    pub fn restart(mut self) -> Result<Server, Failure> {
        self.process = None;
        // That was the shell, perhaps; the server that it started ends a moment later.
        wait_until(PATIENCE, || knock(self.behind()).is_err());
        let port = self.behind().port();
        let again = match &self.origin {
            Origin::Stage(program) => Server::start_stage(self.stage, program, port, &[])?,
            Origin::Command(line) => Server::start_command(self.stage, line, port)?,
            Origin::Address(_) | Origin::Secure(_) => {
                return Err(skip("needs to start the server itself: use --run"));
            }
        };
        Ok(again.like(&self))
    }

    /// What was learned of the one holds for the other.
    pub fn like(mut self, other: &Server) -> Server {
        self.patience = other.patience;
        self.told = other.told.clone();
        self.learned = other.learned.clone();
        self.until = other.until;
        self.beside = other.beside.clone();
        self.is_beside = true;
        self
    }

    /// Runs the program with these arguments until it ends; one that does not is a failure.
    pub fn run_to_end(&self, arguments: &[&str]) -> Result<Ended, Failure> {
        let program = self.program()?;
        let mut command = Command::new(program);
        command.args(arguments);
        as_cargo_starts_it(&mut command, program);
        let process = Process::start(command, false, true)?;
        wait_until(PATIENCE, || process.status().is_some());
        let Some(status) = process.status() else {
            let line = arguments.join(" ");
            return Err(Failure::new(format!(
                "with `{line}` the program should end at once"
            )));
        };
        process.stdout.wait_for_end();
        process.stderr.wait_for_end();
        Ok(Ended {
            status: status.code(),
            stdout: process.stdout.whole(),
            stderr: process.stderr.whole(),
        })
    }

    fn program(&self) -> Result<&Path, Failure> {
        let Origin::Stage(program) = &self.origin else {
            return Err(skip("needs flags that only our own stages know"));
        };
        Ok(program)
    }

    /// A check that asks for what only our own stages have begins with this.
    pub fn only_ours(&self) -> Verdict {
        self.program().map(|_| ())
    }

    /// Is it one of our own stages?
    pub fn is_ours(&self) -> bool {
        matches!(self.origin, Origin::Stage(_))
    }

    /// Opens a connection.
    pub fn connect(&self) -> Result<Connection, Failure> {
        Connection::open(self)
    }

    /// Sends this on a new connection and reads the answer.
    pub fn ask(&self, request: impl AsRef<[u8]>) -> Result<Answer, Failure> {
        let mut connection = self.connect()?;
        connection.send(request);
        connection.answer()
    }

    /// GET.
    pub fn get(&self, target: &str) -> Result<Answer, Failure> {
        self.ask(request("GET", target))
    }

    /// HEAD.
    pub fn head(&self, target: &str) -> Result<Answer, Failure> {
        self.ask(request("HEAD", target))
    }

    /// POST with a body and its length.
    pub fn post(&self, target: &str, body: impl AsRef<[u8]>) -> Result<Answer, Failure> {
        self.ask(post(target, body))
    }

    /// It serves the next client as if nothing had happened.
    pub fn serves_on(&self) -> Verdict {
        self.still_runs()?;
        let last = self.last();
        self.serves_next()
            .map_err(|failure| failure.titled("then, the next client:").after(last))
    }

    /// What went over the connection that was left last.
    pub fn last(&self) -> Exchange {
        let last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        last.clone()
    }

    fn serves_next(&self) -> Verdict {
        match self.stage {
            1 => self.connect()?.closes_silently(),
            2 => {
                let mut client = self.connect()?;
                client.send("still there?");
                client.half_close();
                let back = client.rest()?;
                if back == b"still there?" {
                    return Ok(());
                }
                Err(client.wrong("the next client gets no echo"))
            }
            3 => {
                let mut client = self.connect()?;
                client.send(request("GET", "/"));
                client.closes_silently()
            }
            _ => {
                let mut client = self.connect()?;
                client.send(request("GET", "/"));
                self.answers(&mut client)
            }
        }
    }

    /// It answers what this client has sent, and does not refuse it. An answer that cannot be
    /// read is an answer, too: how it is written has checks of its own, from `answer-is-http`
    /// on. Our stages are held to it here as well.
    pub fn answers(&self, client: &mut Connection) -> Verdict {
        match client.answer() {
            Err(Failure::Wrong { .. }) if client.exchange.has_received() && !self.is_ours() => {
                Ok(())
            }
            answer => answer?.accepted(),
        }
    }

    /// It has lived through the first client, who looked whether it is there, and
    /// answers the next one or closes. Whoever does less need not be checked.
    pub fn serves_at_all(&self) -> Verdict {
        // The end of a process is seen a moment after that of its connections.
        wait_until(Duration::from_millis(200), || self.still_runs().is_err());
        if let Some(process) = &self.process
            && process.status().is_some()
        {
            let words = process.last_words();
            return Err(Failure::new(format!("a client sent GET /, and {words}")));
        }
        if !self.responds() {
            let (address, seconds) = (self.behind(), self.patience.as_secs_f32());
            return Err(Failure::new(format!(
                "a client sent GET / to {address}, and in {seconds} s the server neither answered nor closed"
            )));
        }
        Ok(())
    }

    /// The status that an ordinary request gets. Where it gets none, or is refused, all that
    /// follows may fail for this alone.
    pub fn plain_status(&self) -> Result<u16, Failure> {
        let answer = self.get("/")?;
        answer.accepted()?;
        Ok(answer.status)
    }

    /// After each third of many clients who only come and go: the queue of a server may hold
    /// five, and whoever does not fit in waits for a second.
    pub fn catches_up(&self, clients: usize) {
        if clients % 3 == 2 && !self.is_ours() && self.stage >= 4 {
            // Those who came and went stay the last, should the server end over one of them.
            self.for_one_check(self.patience).responds();
        }
    }

    /// It says something, or closes: it has not stopped altogether.
    pub fn responds(&self) -> bool {
        let Ok(mut client) = self.connect() else {
            return false;
        };
        client.send(request("GET", "/"));
        client.half_close();
        client.read_more().is_ok() || client.was_reset
    }

    /// How long its clients may be silent; nobody knows, unless we were told.
    pub fn deadline(&self) -> Option<Duration> {
        self.told.deadline.or(self.is_ours().then_some(PATIENCE))
    }

    /// The check that runs has some of its time left.
    pub fn is_in_time(&self) -> Verdict {
        let over = self.until.is_some_and(|until| Instant::now() > until);
        crate::check::ensure(!over, "the time for this check is over")
    }

    /// The process has not ended.
    pub fn still_runs(&self) -> Verdict {
        match &self.process {
            Some(process) if process.status().is_some() => Err(Failure::new(process.last_words())),
            _ => Ok(()),
        }
    }

    /// Ends those that were started beside it. When a check has failed, the last words of one
    /// that had ended by itself say why.
    pub(crate) fn end_those_beside(&self, failed: bool) -> Option<String> {
        let mut beside = self.beside.lock().unwrap_or_else(PoisonError::into_inner);
        let processes = std::mem::take(&mut *beside);
        drop(beside);
        let ended = || processes.iter().find(|process| process.status().is_some());
        if failed && !processes.is_empty() {
            // The end of a process is seen a moment after that of its connections.
            wait_until(Duration::from_millis(200), || ended().is_some());
        }
        ended().map(|process| process.last_words())
    }

    /// It has ended, or nobody listens any more; how, as far as that is known.
    pub(crate) fn has_ended(&self) -> Option<Failure> {
        // The end of a process is seen a moment after that of its connections.
        if self.pid().is_some() {
            wait_until(Duration::from_millis(200), || self.still_runs().is_err());
        }
        let mut failure = match self.still_runs() {
            Err(failure) => failure,
            Ok(()) if self.pid().is_some() => return None,
            Ok(()) => TcpStream::connect_timeout(&self.behind(), self.patience)
                .err()
                .map(|_| Failure::new("the server has ended: nobody listens any more"))?,
        };
        if let Failure::Wrong { exchange, .. } = &mut failure {
            exchange.is_the_last();
        }
        Some(failure)
    }

    /// Waits for a line on stdout that contains this.
    pub fn stdout_line(&self, part: &str) -> Result<String, Failure> {
        self.line_on(&self.process()?.stdout, "stdout", part)
    }

    /// Waits for a line on stderr that contains this.
    pub fn stderr_line(&self, part: &str) -> Result<String, Failure> {
        self.line_on(&self.process()?.stderr, "stderr", part)
    }

    fn line_on(&self, output: &Output, name: &str, part: &str) -> Result<String, Failure> {
        output.wait_for(part, self.patience).ok_or_else(|| {
            let lines = excerpt(&output.whole(), 0, LOG_LINES);
            let log = match lines.as_slice() {
                [] => "is empty: is the line still in a buffer of the program? Flush after each \
                    (C: setvbuf, Perl: $|, Ruby: $stdout.sync)"
                    .to_string(),
                lines => format!("holds:\n  {}", lines.join("\n  ")),
            };
            Failure::new(format!("no line on {name} contains `{part}`\n{name} {log}"))
        })
    }

    /// All that it has written until now, to stdout and to stderr.
    pub fn output(&self) -> Result<(Vec<u8>, Vec<u8>), Failure> {
        let process = self.process()?;
        Ok((process.stdout.whole(), process.stderr.whole()))
    }

    /// How much it has complained until now, in bytes.
    pub fn complained(&self) -> usize {
        self.process
            .as_ref()
            .map_or(0, |process| process.stderr.total())
    }

    /// What it has complained since then, a few lines of it. The last words of one that
    /// has ended are told elsewhere.
    pub fn complaints_since(&self, start: usize) -> Vec<String> {
        let Some(process) = &self.process else {
            return Vec::new();
        };
        excerpt(&process.stderr.since(start), FIRST_LINES, LAST_LINES)
    }

    /// Ctrl-C, which a terminal sends to the whole group.
    pub fn interrupt(&self) -> Verdict {
        let process = self.process()?;
        let _ = rustix::process::kill_process_group(process.pid, Signal::INT);
        crate::check::ensure(
            wait_until(self.patience, || process.status().is_some()),
            "Ctrl-C should end the server",
        )
    }

    /// Asks it to end, as a service manager does: SIGTERM.
    pub fn terminate(&self) -> Verdict {
        let process = self.process()?;
        let _ = rustix::process::kill_process_group(process.pid, Signal::TERM);
        Ok(())
    }

    /// It ends by itself, with exit status 0.
    pub fn ends_well(&self) -> Verdict {
        let process = self.process()?;
        let ended = wait_until(self.patience, || process.status().is_some());
        crate::check::ensure(ended, "it was asked to end, and goes on")?;
        let status = process.status().map(|status| status.to_string());
        crate::check::ensure(
            status.as_deref() == Some("exit status: 0"),
            format!("it ended with {}", status.unwrap_or_default()),
        )
    }

    /// The process, where we have started it.
    pub fn pid(&self) -> Option<Pid> {
        self.process.as_ref().map(|process| process.pid)
    }

    /// A figure from `/proc/PID/status`, where there is such a thing; memory is in KiB there.
    pub fn proc_status(&self, name: &str) -> Option<u64> {
        let pid = self.pid()?.as_raw_nonzero();
        let status = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
        let line = status.lines().find(|line| line.starts_with(name))?;
        line.split_whitespace().nth(1)?.parse().ok()
    }

    /// The process and all that it has started, where we have started it.
    pub fn processes(&self) -> Vec<i32> {
        let process = self.process.as_ref();
        let mark = |process: &Process| process.mark.clone().unwrap_or_default();
        process.map_or(Vec::new(), |process| {
            family::of(process.pid, &mark(process))
        })
    }

    fn process(&self) -> Result<&Process, Failure> {
        self.process
            .as_deref()
            .ok_or_else(|| skip("needs to see the server's process: use --run"))
    }
}

impl Drop for Server {
    /// One that stands beside another is kept until the check has ended.
    fn drop(&mut self) {
        if let (true, Some(process)) = (self.is_beside, self.process.take()) {
            let mut beside = self.beside.lock().unwrap_or_else(PoisonError::into_inner);
            beside.push(process);
        }
    }
}

/// A request without a body. `Connection: close`, so that servers which keep
/// connections and servers which do not both close after the answer.
pub fn request(method: &str, target: &str) -> String {
    format!("{method} {target} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
}

/// A GET with more field lines, each with its line end.
pub fn get_with(target: &str, lines: &str) -> String {
    format!("GET {target} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n{lines}\r\n")
}

/// The head of a POST, with these field lines, each with its line end.
pub fn post_head(target: &str, lines: &str) -> String {
    format!("POST {target} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n{lines}\r\n")
}

/// A POST with a body and its length.
pub fn post(target: &str, body: impl AsRef<[u8]>) -> Vec<u8> {
    let body = body.as_ref();
    let head = post_head(target, &format!("Content-Length: {}\r\n", body.len()));
    [head.as_bytes(), body].concat()
}

/// A program that ran to its end.
pub struct Ended {
    /// The exit status, if no signal ended it.
    pub status: Option<i32>,
    /// What it wrote.
    pub stdout: Vec<u8>,
    /// What it complained.
    pub stderr: Vec<u8>,
}

/// Waits until something holds; false if it does not within `patience`.
pub fn wait_until(patience: Duration, mut holds: impl FnMut() -> bool) -> bool {
    let end = Instant::now() + patience;
    while !holds() {
        if Instant::now() > end {
            return false;
        }
        thread::sleep(GLANCE);
    }
    true
}

/// The first and the last lines, escaped: they may hold what came from the network.
fn excerpt(bytes: &[u8], first: usize, last: usize) -> Vec<String> {
    let text: Vec<_> = bytes.trim_ascii_end().split(|b| *b == b'\n').collect();
    let mut lines: Vec<String> = text.iter().map(|line| visible(line)).collect();
    if lines == [""] {
        return Vec::new();
    }
    let left = lines.len().saturating_sub(first + last);
    if left > 0 {
        lines.splice(first..first + left, [format!("… {left} lines")]);
    }
    lines
}

/// Of what a program complains at its end, the line that names the error.
fn telling_line(lines: &[String]) -> Option<&str> {
    let tells = |line: &&str| {
        let word = line.split([':', ' ', '(']).next().unwrap_or_default();
        let allocation = line.starts_with("memory allocation of ");
        let panic = line.starts_with("panic: ");
        word.ends_with("Error") || word.ends_with("Exception") || panic || allocation
    };
    let lines = lines.iter().map(|line| line.trim());
    let mut errors = lines.clone().filter(tells);
    errors
        .next_back()
        .or_else(|| lines.rev().find(|line| line.contains("panicked at")))
}

/// cargo tells a program where its package lies, and so it finds its files.
fn as_cargo_starts_it(command: &mut Command, program: &Path) {
    match stages::package_of(program) {
        Some(package) => command.env("CARGO_MANIFEST_DIR", package),
        None => command.env_remove("CARGO_MANIFEST_DIR"),
    };
    // The handler that panics is ours, and known; a trace of its stack takes a second.
    command.env_remove("RUST_BACKTRACE");
}

fn skip(reason: &str) -> Failure {
    Failure::Skipped(reason.to_string())
}

/// A port that is free now, and that the system gives nobody: its own begin at 32768 on Linux,
/// and at 49152 elsewhere. So it is free a moment later, when the server binds it.
/// Each is given once: of two servers that start at the same time, neither takes the other's.
fn free_port() -> Result<u16, Failure> {
    static NEXT: LazyLock<AtomicU64> = LazyLock::new(|| {
        let chance = std::hash::RandomState::new().build_hasher().finish();
        AtomicU64::new(chance % 10_000)
    });
    for _ in 0..100 {
        let port = 20_000 + (NEXT.fetch_add(1, SeqCst) % 10_000) as u16;
        if TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok() {
            return Ok(port);
        }
    }
    Err(Failure::new("no port from 20000 to 30000 is free"))
}

/// Is somebody there? Asked with a whole request: a server that ends when a
/// client connects and says nothing shall fail in the check that is about that.
fn knock(address: SocketAddr) -> io::Result<()> {
    let mut stream = TcpStream::connect_timeout(&address, PATIENCE)?;
    // To the end, if it comes soon: a server that writes on may not survive that we leave.
    let soon = Duration::from_secs(2);
    stream.set_read_timeout(Some(soon))?;
    let _ = stream.write_all(request("GET", "/").as_bytes());
    let _ = stream.shutdown(Shutdown::Write);
    let end = Instant::now() + soon;
    while Instant::now() < end && stream.read(&mut [0; 8192]).is_ok_and(|n| n > 0) {}
    Ok(())
}

/// The same, in HTTPS.
fn knock_securely(address: SocketAddr) -> io::Result<()> {
    tls::knock(address, &request("GET", "/"), PATIENCE)
}

/// Of the addresses of a host, the first on which somebody answers in HTTPS.
pub fn first_that_answers_securely(addresses: &[SocketAddr]) -> Option<SocketAddr> {
    let mut addresses = addresses.iter().copied();
    addresses.find(|address| knock_securely(*address).is_ok())
}

/// Of the addresses of a host, the first on which somebody answers.
pub fn first_that_answers(addresses: &[SocketAddr]) -> Option<SocketAddr> {
    addresses
        .iter()
        .copied()
        .find(|address| knock(*address).is_ok())
}

/// `listening on http://127.0.0.1:8080` → the address to connect to.
fn ready_address(line: &str) -> Option<SocketAddr> {
    let address = line.strip_prefix("listening on ")?;
    let address = address.rsplit("://").next()?;
    let mut address: SocketAddr = address.trim_end_matches('/').parse().ok()?;
    if address.ip().is_unspecified() {
        address.set_ip(IpAddr::V4(Ipv4Addr::LOCALHOST));
    }
    Some(address)
}

/// The process groups that run now, each with its mark; our own stages have none.
static RUNNING: Mutex<Vec<(Pid, Option<String>)>> = Mutex::new(Vec::new());

/// How many servers were started until now.
static STARTED: AtomicUsize = AtomicUsize::new(0);

/// A variable that a server hands on to whatever it starts.
const MARK: &str = "WIRECHECK_SERVER";

/// Ends a group, and whoever has left it for a session of its own. They are looked up before:
/// whose parent has ended belongs to nobody.
fn end(pid: Pid, mark: Option<&str>) {
    let mut left = mark.map_or(Vec::new(), |mark| family::of(pid, mark));
    let _ = rustix::process::kill_process_group(pid, Signal::KILL);
    // One that is ended may have started another in the meantime.
    for _ in 0..10 {
        left.retain(|left| *left != pid.as_raw_nonzero().get());
        if left.is_empty() {
            return;
        }
        for pid in left.into_iter().filter_map(Pid::from_raw) {
            let _ = rustix::process::kill_process(pid, Signal::KILL);
        }
        left = mark.map_or(Vec::new(), |mark| family::of(pid, mark));
    }
}

/// Who belongs to a server: asked of `/proc`, where there is one.
mod family {
    use std::collections::HashMap;
    use std::fs;

    use rustix::process::Pid;

    /// The processes that carry this mark, and those that come from this one: some write over
    /// their variables. A zombie is none.
    pub fn of(first: Pid, mark: &str) -> Vec<i32> {
        let mark = format!("{}={mark}", super::MARK);
        let own = std::process::id().cast_signed();
        let since = fs::read_to_string(format!("/proc/{}/stat", first.as_raw_nonzero()));
        let since = since.map_or(0, |stat| started(&stat));
        let mut parents = HashMap::new();
        let mut found = Vec::new();
        for entry in fs::read_dir("/proc").into_iter().flatten().flatten() {
            let Ok(pid) = entry.file_name().to_string_lossy().parse::<i32>() else {
                continue;
            };
            let stat = fs::read_to_string(entry.path().join("stat")).unwrap_or_default();
            // Whoever was there before is not of the family; to look at its variables takes time.
            if started(&stat) < since {
                continue;
            }
            // The name of the program, in brackets, may hold anything.
            let rest = stat.rsplit_once(") ").map_or("", |(_, rest)| rest);
            let mut fields = rest.split(' ');
            if matches!(fields.next(), None | Some("" | "Z")) {
                continue;
            }
            let parent = fields.next().and_then(|field| field.parse::<i32>().ok());
            let parent = parent.unwrap_or(0);
            parents.insert(pid, parent);
            // Its number is free for others once it has ended and was waited for.
            let is_first = pid == first.as_raw_nonzero().get() && parent == own;
            let variables = fs::read(entry.path().join("environ")).unwrap_or_default();
            let marked = variables.split(|b| *b == 0).any(|v| v == mark.as_bytes());
            if marked || is_first {
                found.push(pid);
            }
        }
        let mut at = 0;
        while at < found.len() {
            let children = parents.iter().filter(|(_, parent)| **parent == found[at]);
            let new: Vec<i32> = children.map(|(pid, _)| *pid).collect();
            found.extend(
                new.iter()
                    .filter(|pid| !found.contains(pid))
                    .copied()
                    .collect::<Vec<_>>(),
            );
            at += 1;
        }
        found
    }

    /// When a process was started, in ticks since the machine was.
    fn started(stat: &str) -> u64 {
        let rest = stat.rsplit_once(") ").map_or("", |(_, rest)| rest);
        let time = rest.split(' ').nth(19);
        time.and_then(|time| time.parse().ok()).unwrap_or_default()
    }
}

/// From now on Ctrl-C ends the servers too: in groups of their own, they do not hear it.
pub fn end_with_ctrl_c() {
    let _ = ctrlc::set_handler(|| {
        // Not behind the line that the terminal has begun.
        let _ = writeln!(io::stderr(), "\ninterrupted");
        end_all(130);
    });
}

/// Ends this program at once, and with it all that it has started and laid out.
pub fn end_all(status: i32) -> ! {
    // The lock is kept: nothing more is started.
    let running = RUNNING.lock().unwrap_or_else(PoisonError::into_inner);
    for (pid, mark) in running.iter() {
        end(*pid, mark.as_deref());
    }
    crate::site::remove_all();
    std::process::exit(status);
}

/// A child in a process group of its own, so that its children end with it.
struct Process {
    pid: Pid,
    /// What all that it starts can be known by. Our own stages start nothing, and to look
    /// through all processes takes time.
    mark: Option<String>,
    child: Mutex<Child>,
    stdout: Output,
    stderr: Output,
}

impl Process {
    fn start(mut command: Command, deaf: bool, ours: bool) -> Result<Process, Failure> {
        let mut running = RUNNING.lock().unwrap_or_else(PoisonError::into_inner);
        let started = STARTED.fetch_add(1, Ordering::Relaxed);
        let mark = (!ours).then(|| format!("{}-{started}", std::process::id()));
        if let Some(mark) = &mark {
            command.env(MARK, mark);
        }
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0)
            .spawn()
            .map_err(|e| Failure::new(format!("cannot start {command:?}: {e}")))?;
        let pid = Pid::from_child(&child);
        running.push((pid, mark.clone()));
        drop(running);
        let stdout = Output::read(child.stdout.take(), deaf);
        let stderr = Output::read(child.stderr.take(), false);
        Ok(Process {
            pid,
            mark,
            child: Mutex::new(child),
            stdout,
            stderr,
        })
    }

    fn status(&self) -> Option<ExitStatus> {
        let mut child = self.child.lock().unwrap_or_else(PoisonError::into_inner);
        let status = child.try_wait().ok().flatten();
        if status.is_some() {
            // Held for ever by whoever ends us all: what it has killed is nothing to tell of.
            drop(RUNNING.lock());
        }
        status
    }

    /// How it has ended, and the end of what it said about that.
    fn last_words(&self) -> String {
        let Some(status) = self.status() else {
            return "the server still runs".to_string();
        };
        self.stderr.wait_for_end();
        let whole = self.stderr.whole();
        let lines = excerpt(&whole, FIRST_LINES, LAST_LINES);
        let mut text = format!("the server has ended ({status})");
        if let Some(line) = telling_line(&excerpt(&whole, usize::MAX, 0)) {
            text += &format!(": {line}");
        }
        if status.success() {
            text += "\ndoes it put itself in the background? Keep it in front (`daemon off`, `-D`, no `&`)";
        }
        if !lines.is_empty() {
            text += "\non stderr:";
        }
        for line in lines {
            text += &format!("\n  {line}");
        }
        text
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let mut running = RUNNING.lock().unwrap_or_else(PoisonError::into_inner);
        running.retain(|(pid, _)| *pid != self.pid);
        drop(running);
        end(self.pid, self.mark.as_deref());
        let child = self.child.get_mut().unwrap_or_else(PoisonError::into_inner);
        let _ = child.wait();
    }
}

/// What a process has written to one of its outputs.
#[derive(Clone, Default)]
struct Output(Arc<(Mutex<Written>, Condvar)>);

/// Of what a server prints so much is kept from the beginning, and as much from the end.
const KEPT: usize = 1 << 20;

#[derive(Default)]
struct Written {
    bytes: Vec<u8>,
    /// What was dropped in the middle is counted, too.
    total: usize,
    ended: bool,
}

impl Output {
    /// Collects until the end; a `deaf` reader goes away after the first line.
    fn read(pipe: Option<impl Read + Send + 'static>, deaf: bool) -> Output {
        let output = Output::default();
        let shared = output.clone();
        thread::spawn(move || {
            let Some(mut pipe) = pipe else { return };
            let mut block = [0; 8192];
            loop {
                let n = match pipe.read(&mut block) {
                    Err(e) if e.kind() == io::ErrorKind::Interrupted => continue,
                    other => other.unwrap_or(0),
                };
                let (written, changed) = &*shared.0;
                let mut written = written.lock().unwrap_or_else(PoisonError::into_inner);
                written.bytes.extend(&block[..n]);
                written.total += n;
                let len = written.bytes.len();
                if len > 3 * KEPT {
                    written.bytes.drain(KEPT..len - KEPT);
                }
                let enough = deaf && written.bytes.contains(&b'\n');
                written.ended = n == 0 || enough;
                changed.notify_all();
                if written.ended {
                    return;
                }
            }
        });
        output
    }

    fn whole(&self) -> Vec<u8> {
        let written = self.0.0.lock().unwrap_or_else(PoisonError::into_inner);
        written.bytes.clone()
    }

    fn total(&self) -> usize {
        let written = self.0.0.lock().unwrap_or_else(PoisonError::into_inner);
        written.total
    }

    /// What came after so many bytes, as far as it is kept.
    fn since(&self, start: usize) -> Vec<u8> {
        let written = self.0.0.lock().unwrap_or_else(PoisonError::into_inner);
        let new = written.total - start;
        written.bytes[written.bytes.len().saturating_sub(new)..].to_vec()
    }

    /// The first whole line that contains this.
    fn wait_for(&self, part: &str, patience: Duration) -> Option<String> {
        let find = |bytes: &[u8]| {
            let whole = bytes.iter().rposition(|b| *b == b'\n')?;
            let text = String::from_utf8_lossy(&bytes[..whole]).into_owned();
            text.split('\n')
                .find(|line| line.contains(part))
                .map(String::from)
        };
        let written = self.0.0.lock().unwrap_or_else(PoisonError::into_inner);
        let waits = |written: &mut Written| !written.ended && find(&written.bytes).is_none();
        let done = self.0.1.wait_timeout_while(written, patience, waits);
        let (written, _) = done.unwrap_or_else(PoisonError::into_inner);
        find(&written.bytes)
    }

    fn wait_for_end(&self) {
        let written = self.0.0.lock().unwrap_or_else(PoisonError::into_inner);
        let waits = |written: &mut Written| !written.ended;
        let _ = self
            .0
            .1
            .wait_timeout_while(written, Duration::from_secs(1), waits);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_ended_it_is_told_and_not_what_it_has_lived_through() {
        let told = |lines: &[&str]| {
            let lines: Vec<String> = lines.iter().map(ToString::to_string).collect();
            telling_line(&lines).unwrap_or_default().to_string()
        };
        let (first, second) = ("thread 'a' panicked at x:1", "thread 'b' panicked at x:2");
        let memory = "memory allocation of 1099511627776 bytes failed";
        assert_eq!(told(&[first, second, "note: a backtrace"]), second);
        assert_eq!(told(&[first, memory, "stack backtrace:"]), memory);
    }
}
