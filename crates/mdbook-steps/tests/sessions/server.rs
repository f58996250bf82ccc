//! A program that runs, and the reader's other terminal.

use std::fs;
use std::io;
use std::io::BufRead;
use std::io::BufReader;
use std::io::PipeReader;
use std::io::Read;
use std::net::SocketAddr;
use std::net::TcpListener;
use std::process::Child;
use std::process::Command;
use std::process::Stdio;
use std::sync::atomic::AtomicU32;
use std::sync::atomic::Ordering::SeqCst;
use std::sync::mpsc;
use std::sync::mpsc::Receiver;
use std::sync::mpsc::Sender;
use std::thread;
use std::time::Duration;
use std::time::Instant;

use mdbook_steps::stage;

use crate::programs::Program;
use crate::programs::built;
use crate::settle::settle;

/// How long to wait for a command, a server, or a line of its log.
const PATIENCE: Duration = Duration::from_secs(20);
/// While recording nobody knows what to wait for; a log that is silent so long is complete.
const QUIET: Duration = Duration::from_millis(500);

/// What a reader types is what runs, with small differences: programs are built already,
/// they find the server's port, and curl shows no progress, as on a terminal.
const SHELL: &str = r#"
exec 2>&1
curl() { command curl -sSN "$@"; }
cargo() {
    [ "$*" = build ] && return
    [ "$1" = run ] || { command cargo "$@"; return; }
    program=$STAGE example=
    while [ $# -gt 0 ]; do
        case $1 in
            -p) program=$2; shift ;;
            --example) example=$2; shift ;;
            --) shift; break ;;
        esac
        shift
    done
    path=$BUILT/$program folder=crates/$program
    if [ -n "$example" ]; then path=$BUILT/examples/$example; fi
    if [ "$program" = "$STAGE" ]; then
        path=$OWN folder=$OWN_FOLDER
        if [ -n "$example" ]; then path=$OWN_EXAMPLES$example; fi
    fi
    takes=--port
    case "$program" in stage01*) takes=address ;; esac
    if [ "$program$example" = "$STAGE" ]; then takes=$OWN_TAKES; fi
    case "$program $takes $*" in
        wirecheck* | *" --port "*--port* | *" address "*127.0.0.1:*) ;;
        *" address "*) set -- "$@" "127.0.0.1:$PORT" ;;
        *) set -- "$@" --port "$PORT" ;;
    esac
    CARGO_MANIFEST_DIR=$folder "$path" "$@"
}
"#;

/// What a reader's own program is called, in a folder that `cargo new my-server` has made.
const READERS_OWN: &str = "target/debug/my-server";

/// A program that runs.
pub struct Server {
    child: Child,
    /// Which it is.
    pub program: Program,
    /// The port that it really has, and the one that the book speaks of.
    port: String,
    in_book: String,
    lines: Receiver<String>,
    /// Lines that no block of the book has shown yet.
    pub seen: Vec<String>,
}

impl Server {
    /// Starts it as `cargo run -- --timeout 1` would, on a free port.
    pub fn start(program: &Program, command: &str) -> Result<Server, String> {
        let name = &program.stage;
        // `| head -n 1`: its output is read to the end of its first line, and then no more.
        let (command, deaf) = match command.strip_suffix(" | head -n 1") {
            Some(command) => (command, true),
            None => (command, false),
        };
        let (_, rest) = command.split_once(" -- ").unwrap_or_default();
        let mut args: Vec<&str> = rest.split_whitespace().collect();
        let mut in_book = "8080".to_owned();
        let cannot = |error| format!("cannot start {name}: {error}");
        // At first a program takes an address, and before that one is built in: no system can be
        // asked to choose, so we look for a port that is free now.
        let takes_address = takes(program) == "address";
        let address = match takes_address {
            true => free_address(),
            false => Ok(SocketAddr::from(([127, 0, 0, 1], 0))),
        };
        let address = address.map_err(cannot)?.to_string();
        let mut port = vec!["--port", "0"];
        if let Some(at) = args.iter().position(|arg| *arg == "--port") {
            in_book = args.get(at + 1).ok_or("--port needs a number")?.to_string();
            args.drain(at..at + 2);
        }
        if takes_address {
            if let Some(asked) = args.pop() {
                asked
                    .rsplit(':')
                    .next()
                    .unwrap_or_default()
                    .clone_into(&mut in_book);
            }
            port = vec![&address];
        }
        // One pipe for both, as on a terminal: the lines stay in their order.
        let (output, stdout) = io::pipe().map_err(cannot)?;
        let stderr = stdout.try_clone().map_err(cannot)?;
        let mut head = None;
        let mut stdout = stdout;
        if deaf {
            let (reader, writer) = io::pipe().map_err(cannot)?;
            head = Some(reader);
            stdout = writer;
        }
        let child = Command::new(&program.path)
            .args(args)
            .args(port)
            .env("ADDRESS", &address)
            .env_remove("RUST_BACKTRACE")
            .env("CARGO_MANIFEST_DIR", &program.folder)
            .current_dir(stage::workspace())
            .stdin(Stdio::null())
            .stdout(stdout)
            .stderr(stderr)
            .spawn()
            .map_err(cannot)?;
        let (sender, lines) = mpsc::channel();
        if let Some(head) = head {
            let first = BufReader::new(head).lines().next().and_then(Result::ok);
            let _ = sender.send(first.unwrap_or_default());
        }
        forward(output, sender);
        let mut server = Server {
            child,
            program: program.clone(),
            port: String::new(),
            in_book,
            lines,
            seen: Vec::new(),
        };
        let ready = server.lines.recv_timeout(PATIENCE);
        let ready = ready.map_err(|_| format!("{name} does not say that it listens"))?;
        let (_, port) = ready
            .rsplit_once(':')
            .ok_or_else(|| format!("{name} says: {ready}"))?;
        server.port = match takes_address {
            true => address.rsplit(':').next().unwrap_or_default().to_owned(),
            false => port.to_owned(),
        };
        server.seen.push(ready);
        Ok(server)
    }

    /// What it has printed since it was last asked. Waits until that is what is expected,
    /// but not for ever.
    pub fn log(&mut self, expected: &str, update: bool) -> String {
        let deadline = Instant::now() + PATIENCE;
        loop {
            while let Ok(line) = self.lines.try_recv() {
                self.seen.push(line);
            }
            let actual = self.told(&self.seen.join("\n"));
            let fitted = settle(&actual, expected, update);
            let mut patience = deadline.saturating_duration_since(Instant::now());
            if update {
                patience = patience.min(QUIET);
            } else if fitted == expected.trim_end() {
                self.seen.clear();
                return fitted;
            }
            let Ok(line) = self.lines.recv_timeout(patience) else {
                self.seen.clear();
                return fitted;
            };
            self.seen.push(line);
        }
    }

    /// A text with the port of the book instead of the real one, and the stage's name
    /// instead of that in the workshop.
    fn told(&self, text: &str) -> String {
        text.replace(&self.program.name, &self.program.stage)
            .replace(&format!(":{}", self.port), &format!(":{}", self.in_book))
            .replace(
                &format!("port {}", self.port),
                &format!("port {}", self.in_book),
            )
    }

    /// Runs a command as the reader would, in another terminal than the server's.
    pub fn run(&self, command: &str) -> Result<String, String> {
        let command = command
            .replace(&self.in_book, &self.port)
            .replace(READERS_OWN, "\"$OWN\"");
        let script = SHELL.to_owned() + &command;
        let mut child = Command::new("sh")
            .args(["-c", &script])
            .env("BUILT", built())
            .env("STAGE", &self.program.stage)
            .env("OWN", &self.program.path)
            .env("OWN_TAKES", takes(&self.program))
            .env("OWN_FOLDER", &self.program.folder)
            .env("OWN_EXAMPLES", &self.program.examples)
            .env("PORT", &self.port)
            .env("ADDRESS", format!("127.0.0.1:{}", self.port))
            .env_remove("RUST_BACKTRACE")
            .env_remove("http_proxy")
            .env_remove("all_proxy")
            .env_remove("ALL_PROXY")
            .current_dir(stage::workspace())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|error| format!("cannot run sh: {error}"))?;
        let mut stdout = child.stdout.take().expect("it is piped");
        let (sender, output) = mpsc::channel();
        thread::spawn(move || {
            let mut bytes = Vec::new();
            let _ = stdout.read_to_end(&mut bytes);
            let _ = sender.send(String::from_utf8_lossy(&bytes).into_owned());
        });
        let output = output.recv_timeout(PATIENCE);
        let _ = child.kill();
        let _ = child.wait();
        match output {
            Ok(output) => {
                // What `curl -v` says about the body only where nobody sees the body.
                let notes = |line: &&str| line.ends_with(" bytes data]");
                let lines: Vec<&str> = output.lines().filter(|line| !notes(line)).collect();
                Ok(self.told(&lines.join("\n")))
            }
            Err(_) => Err(format!("{command} takes longer than {PATIENCE:?}")),
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// How it is told where to listen. Before stage 02 has learned what clap is for, a program
/// takes an address.
fn takes(program: &Program) -> &'static str {
    let main = fs::read_to_string(program.folder.join("src/main.rs")).unwrap_or_default();
    match main.contains("clap") {
        true => "--port",
        false => "address",
    }
}

fn forward(output: PipeReader, lines: Sender<String>) {
    thread::spawn(move || {
        for line in BufReader::new(output).lines().map_while(Result::ok) {
            if lines.send(line).is_err() {
                return;
            }
        }
    });
}

/// An address whose port is free now, and that the system gives nobody: so it is free a moment
/// later, too, when the program binds it. Each is given once.
fn free_address() -> io::Result<SocketAddr> {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    for _ in 0..100 {
        let number = std::process::id() * 10 + NEXT.fetch_add(1, SeqCst);
        let address = SocketAddr::from(([127, 0, 0, 1], 10_000 + (number % 9_000) as u16));
        if TcpListener::bind(address).is_ok() {
            return Ok(address);
        }
    }
    Err(io::Error::other("no port from 10000 to 19000 is free"))
}
