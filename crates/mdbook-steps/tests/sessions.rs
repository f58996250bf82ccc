//! Replays the console sessions of the book against the built stages, on free ports.
//!
//! `UPDATE=1 cargo test -p mdbook-steps --test sessions` (or `scripts/record`) writes what
//! really came back into the chapters. How a session is written is told in the README.

use std::collections::BTreeSet;
use std::env;
use std::fs;
use std::io;
use std::io::BufRead;
use std::io::BufReader;
use std::io::PipeReader;
use std::io::Read;
use std::io::Write;
use std::mem;
use std::path::Path;
use std::path::PathBuf;
use std::process::Child;
use std::process::Command;
use std::process::Stdio;
use std::sync::OnceLock;
use std::sync::mpsc;
use std::sync::mpsc::Receiver;
use std::sync::mpsc::Sender;
use std::thread;
use std::time::Duration;
use std::time::Instant;

use mdbook_steps::diff;
use mdbook_steps::diff::Tag;
use mdbook_steps::stage;
use snapbox::Data;
use snapbox::filter::NormalizeToExpected;

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
    [ "$1" = run ] || { command cargo "$@"; return; }
    program=
    while [ $# -gt 0 ]; do
        case $1 in
            -p) program=$2; shift ;;
            --example) program=examples/$2; shift ;;
            --) shift; break ;;
        esac
        shift
    done
    case "$program $*" in
        wirecheck* | *--port*) ;;
        *) set -- "$@" --port "$PORT" ;;
    esac
    "$PROGRAMS/$program" "$@"
}
"#;

#[test]
fn the_sessions_of_the_book_are_true() {
    let src = stage::workspace().join("docs/src");
    let update = env::var_os("UPDATE").is_some();
    // Only the chapters whose names contain this, for whoever works on one
    let wanted = env::var("CHAPTER").unwrap_or_default();
    let mut faults = String::new();
    let (mut replayed, mut skipped) = (0, Vec::new());
    // Each chapter has servers of its own, so they can be replayed side by side.
    let replays: Vec<Replay> = thread::scope(|scope| {
        let mut threads = Vec::new();
        for path in chapters(&src) {
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            if !name.contains(&wanted) {
                continue;
            }
            threads.push(scope.spawn(move || {
                let text = fs::read_to_string(&path).unwrap();
                let replay = replay(&name, &text, update);
                if update && replay.text != text {
                    fs::write(&path, &replay.text).unwrap();
                }
                replay
            }));
        }
        threads
            .into_iter()
            .map(|thread| thread.join().unwrap())
            .collect()
    });
    for replay in replays {
        faults += &replay.faults;
        skipped.extend(replay.skipped);
        replayed += replay.replayed;
    }
    // Straight to stderr, past the test harness: this is to be seen when all is well, too.
    let mut stderr = io::stderr();
    let _ = writeln!(stderr, "{replayed} blocks replayed, {} not", skipped.len());
    for reason in skipped {
        let _ = writeln!(stderr, "  {reason}");
    }
    assert!(
        faults.is_empty(),
        "{faults}\nRecord anew with: scripts/record"
    );
}

#[test]
fn the_sessions_of_the_readme_are_true() {
    let text = fs::read_to_string(stage::workspace().join("README.md")).unwrap();
    // What follows is commands only.
    let (sessions, _) = text.split_once("Ctrl-C").unwrap();
    // People see a real date there; it changes.
    let (before, after) = sessions.split_once("\nDate: ").unwrap();
    let (_, after) = after.split_once('\n').unwrap();
    let replay = replay(
        "../../README.md",
        &format!("{before}\nDate: [..]\n{after}"),
        false,
    );
    assert_eq!(replay.replayed, 2);
    assert_eq!(replay.faults, "");
}

/// What `--help` says is read by people, too.
#[test]
fn the_help_is_as_recorded() {
    let mut help = String::new();
    for stage in stage::read_all(&stage::workspace()).unwrap() {
        if stage.number == 1 {
            continue; // it takes an address and nothing else
        }
        let output = Command::new(programs().join(&stage.name))
            .arg("--help")
            .output()
            .unwrap();
        help += &format!("$ cargo run -p {} -- --help\n", stage.name);
        help += &String::from_utf8(output.stdout).unwrap();
        help.push('\n');
    }
    is_as_recorded("help.txt", &help);
}

/// Requests that bring all pages of the stages.
const PAGES: &[&str] = &[
    "/",
    "/hello",
    "'/hello?name=Ada'",
    "'/query?a=1&b=2'",
    "'/kittens?size=50'",
    "/nowhere",
    "/home",
    "/teapot",
    "/fail",
    "/slow",
    "/panic",
    "/notes/",
    "-X DELETE /hello",
    "-d name=Ada /",
    "-d name=Ada /echo",
];

#[test]
fn the_pages_are_as_recorded() {
    let mut threads = Vec::new();
    for stage in stage::read_all(&stage::workspace()).unwrap() {
        // The first three answer nobody.
        if stage.number >= 4 {
            threads.push(thread::spawn(move || pages(&stage.name)));
        }
    }
    let mut recorded = String::new();
    for thread in threads {
        recorded += &thread.join().unwrap();
    }
    is_as_recorded("pages.txt", &recorded);
}

/// All pages of a stage.
fn pages(stage: &str) -> String {
    let server = Server::start(&format!("cargo run -p {stage}")).unwrap();
    let mut pages = format!("$ cargo run -p {stage}\n");
    for page in PAGES {
        let (options, path) = page.rsplit_once(' ').unwrap_or(("", page));
        let path = path.trim_matches('\'');
        let command = format!("curl -i 'http://127.0.0.1:8080{path}' {options}");
        let command = command.trim_end();
        pages += &format!("$ {command}\n");
        for line in run(command, &server).unwrap().lines() {
            pages += &format!("{}\n", without_chance(line.trim_end()));
        }
    }
    pages + "\n"
}

/// Compares with what stands in docs/generated, or writes it there.
fn is_as_recorded(file: &str, text: &str) {
    let path = stage::workspace().join("docs/generated").join(file);
    if env::var_os("UPDATE").is_some() {
        fs::write(&path, text).unwrap();
    }
    let recorded = fs::read_to_string(&path).unwrap_or_default();
    if recorded != text {
        let changes = changes_of_commands(&recorded, text);
        panic!("not what docs/generated/{file} says:\n{changes}\nRecord anew with: scripts/record");
    }
}

/// The changes alone, behind the commands that they belong to: the file is long.
fn changes_of_commands(recorded: &str, text: &str) -> String {
    let changes = changes(recorded, text);
    let mut list = String::new();
    let (mut server, mut command) = ("", "");
    for line in changes.lines() {
        if line.starts_with("      $ cargo") {
            (server, command) = (line, "");
        } else if line.starts_with("      $ ") {
            command = line;
        } else if !line.starts_with("      ") {
            for above in [mem::take(&mut server), mem::take(&mut command), line] {
                if !above.is_empty() {
                    list += &format!("{above}\n");
                }
            }
        }
    }
    list
}

/// All Markdown files below a folder, if there is one.
fn chapters(folder: &Path) -> BTreeSet<PathBuf> {
    let mut found = BTreeSet::new();
    for entry in fs::read_dir(folder).into_iter().flatten() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(chapters(&path));
        } else if path.extension().is_some_and(|extension| extension == "md") {
            found.insert(path);
        }
    }
    found
}

/// What came of replaying a chapter.
#[derive(Default)]
struct Replay {
    /// The chapter with what really came back.
    text: String,
    faults: String,
    replayed: usize,
    /// Why sessions were left out.
    skipped: Vec<String>,
}

fn replay(name: &str, text: &str, update: bool) -> Replay {
    let mut replay = Replay::default();
    let mut server: Option<Server> = None;
    let mut lines = text.lines().enumerate().peekable();
    while let Some((at, line)) = lines.next() {
        replay.text += &format!("{line}\n");
        let Some(info) = line.strip_prefix("```console") else {
            continue;
        };
        let mut body = Vec::new();
        while let Some((_, line)) = lines.next_if(|(_, line)| *line != "```") {
            body.push(line);
        }
        if let Some((_, reason)) = info.split_once("norun=") {
            replay.skipped.push(format!("{name}:{}: {reason}", at + 1));
            replay.text += &body
                .iter()
                .map(|line| format!("{line}\n"))
                .collect::<String>();
            continue;
        }
        replay.replayed += 1;
        let actual = match session(name, info, &body, &mut server, update) {
            Ok(actual) => actual,
            Err(fault) => {
                replay.faults += &format!("docs/src/{name}:{}: {fault}\n", at + 1);
                body.join("\n")
            }
        };
        let expected = body.join("\n");
        if actual.trim_end() != expected.trim_end() && !update {
            let changes = changes(&expected, &actual);
            replay.faults += &format!(
                "docs/src/{name}:{}: not what the book says:\n{changes}",
                at + 1
            );
        }
        replay.text += &format!("{}\n", actual.trim_end());
    }
    replay
}

/// Replays one block; gives it back with what came back.
fn session(
    chapter: &str,
    info: &str,
    body: &[&str],
    server: &mut Option<Server>,
    update: bool,
) -> Result<String, String> {
    let mut number = stage::number_of(chapter);
    let mut log = false;
    for attribute in info
        .split(',')
        .map(str::trim)
        .filter(|attribute| !attribute.is_empty())
    {
        match attribute.split_once('=') {
            Some(("stage", value)) => number = value.parse().ok(),
            None if attribute == "log" => log = true,
            _ => {
                return Err(format!(
                    "console,{attribute} means nothing; there are stage=NN, log, norun=\"…\""
                ));
            }
        }
    }
    if log {
        let server = server
            .as_mut()
            .ok_or("no server is running whose log this could be")?;
        return Ok(server.log(&body.join("\n"), update));
    }
    let mut output = String::new();
    for (at, (command, expected)) in commands(body)?.into_iter().enumerate() {
        output += &format!("$ {}\n", command.replace('\n', "\n> "));
        if at == 0 && starts_server(&command) {
            *server = None; // its port and its log end here
            let started = server.insert(Server::start(&command)?);
            output += &format!("{}\n", started.log(&expected, update));
            continue;
        }
        let running = match server {
            Some(running) if number.is_none_or(|number| number == running.stage) => running,
            _ => {
                let number = number.ok_or("which stage? write ```console,stage=05")?;
                *server = None;
                let started = server.insert(Server::start(&format!(
                    "cargo run -p {}",
                    name_of(number)?
                ))?);
                started.seen.clear();
                started
            }
        };
        if shows_progress(&command) {
            return Err("on a terminal curl would show its progress here: curl -s".into());
        }
        let actual = run(&command, running)?;
        if actual.starts_with("> ") {
            return Err("what comes back begins with \"> \", like more of the command".into());
        }
        output += &settle(&actual, &expected, update);
        if !output.ends_with('\n') {
            output.push('\n');
        }
    }
    Ok(output)
}

/// Whether curl, typed into a terminal, draws its progress beside what the book shows: it
/// does where what it gets goes elsewhere.
fn shows_progress(command: &str) -> bool {
    let command = command.replace("\\\n", " ").replace("2>&1", "");
    for statement in command.split(['\n', ';', '&']) {
        let mut parts = statement.split('|').peekable();
        while let Some(part) = parts.next() {
            let elsewhere = parts.peek().is_some() || part.contains(" -o ") || part.contains(" > ");
            let silent = part.contains("2>")
                || part.split_whitespace().any(|word| {
                    word.starts_with('-') && !word.starts_with("--") && word.contains('s')
                });
            if part.contains("curl ") && elsewhere && !silent {
                return true;
            }
        }
    }
    false
}

/// The commands of a block, each with what follows it.
fn commands(body: &[&str]) -> Result<Vec<(String, String)>, String> {
    let mut commands: Vec<(String, String)> = Vec::new();
    let mut typing = false; // is the command still being typed, on lines that begin with "> "?
    for line in body {
        if let Some(command) = line.strip_prefix("$ ") {
            commands.push((command.to_owned(), String::new()));
            typing = true;
            continue;
        }
        let (command, output) = commands
            .last_mut()
            .ok_or("a session begins with a line \"$ command\"")?;
        match line.strip_prefix("> ") {
            Some(more) if typing => *command += &format!("\n{more}"),
            _ => {
                typing = false;
                *output += &format!("{line}\n");
            }
        }
    }
    Ok(commands)
}

/// What came back, with wildcards where the book has them and they fit.
fn settle(actual: &str, expected: &str, update: bool) -> String {
    let tidy: Vec<&str> = actual.lines().map(str::trim_end).collect();
    let actual = tidy.join("\n").trim_end().to_owned();
    let expected = Data::text(expected.trim_end());
    let fitted = NormalizeToExpected::new()
        .redact()
        .normalize(Data::text(actual), &expected);
    let fitted = fitted.render().unwrap_or_default();
    if !update || Some(&fitted) == expected.render().as_ref() {
        return fitted;
    }
    fitted
        .lines()
        .map(without_chance)
        .collect::<Vec<_>>()
        .join("\n")
}

/// A new line of the book, with `[..]` for a date, for the version of curl, and for the
/// port of a client.
fn without_chance(line: &str) -> String {
    for (mark, end) in [("Date: ", ""), ("User-Agent: curl/", ""), (" - - [", "]")] {
        if let Some((before, after)) = line.split_once(mark) {
            let rest = if end.is_empty() {
                ""
            } else {
                after.find(end).map_or("", |at| &after[at..])
            };
            return format!("{before}{mark}[..]{rest}");
        }
    }
    let Some((before, after)) = line.split_once("127.0.0.1:") else {
        return line.to_owned();
    };
    let rest = after.trim_start_matches(|c: char| c.is_ascii_digit());
    match after.starts_with("8080") || rest.len() == after.len() {
        true => line.to_owned(),
        false => format!("{before}127.0.0.1:[..]{rest}"),
    }
}

fn changes(expected: &str, actual: &str) -> String {
    let mut text = String::new();
    for line in diff::lines(expected, actual) {
        let mark = match line.tag {
            Tag::Equal => ' ',
            Tag::Delete => '-',
            Tag::Insert => '+',
        };
        text += &format!("    {mark} {}\n", line.text);
    }
    text
}

/// Where cargo puts the programs. They are built once, if they are not yet.
fn programs() -> &'static Path {
    // What went wrong is kept, too: many tests ask, and one build is enough.
    static PROGRAMS: OnceLock<Result<PathBuf, &str>> = OnceLock::new();
    let programs = PROGRAMS.get_or_init(|| {
        let mut build = Command::new(env::var_os("CARGO").unwrap_or("cargo".into()));
        build.args([
            "build",
            "--quiet",
            "--locked",
            "--workspace",
            "--bins",
            "--examples",
        ]);
        // This test is target/debug/deps/sessions-0123456789abcdef.
        let folder = env::current_exe()
            .unwrap()
            .parent()
            .unwrap()
            .parent()
            .unwrap()
            .to_owned();
        if folder.ends_with("release") {
            build.arg("--release");
        }
        let status = build.current_dir(stage::workspace()).status().unwrap();
        if !status.success() {
            return Err("the stages do not build");
        }
        Ok(folder)
    });
    programs.as_ref().unwrap_or_else(|fault| panic!("{fault}"))
}

fn name_of(number: u32) -> Result<String, String> {
    let stages = stage::read_all(&stage::workspace()).map_err(|error| error.to_string())?;
    let stage = stages.into_iter().find(|stage| stage.number == number);
    Ok(stage.ok_or(format!("there is no stage {number:02}"))?.name)
}

fn starts_server(command: &str) -> bool {
    let once = ["--help", "-h", "--version", "-V", "--example"];
    command.starts_with("cargo run ")
        && command.contains("-p stage")
        && !command.split_whitespace().any(|word| once.contains(&word))
}

/// A stage that runs.
struct Server {
    child: Child,
    stage: u32,
    /// The port that it really has, and the one that the book speaks of.
    port: String,
    in_book: String,
    lines: Receiver<String>,
    /// Lines that no block of the book has shown yet.
    seen: Vec<String>,
}

impl Server {
    /// Starts what `cargo run -p stage05-routing -- --timeout 1` would start, on a free port.
    fn start(command: &str) -> Result<Server, String> {
        let (cargo, rest) = command.split_once(" -- ").unwrap_or((command, ""));
        let name = cargo
            .split_whitespace()
            .find(|word| word.starts_with("stage"));
        let name = name.ok_or("which stage? write cargo run -p stageNN-name")?;
        let mut args: Vec<&str> = rest.split_whitespace().collect();
        let mut in_book = "8080".to_owned();
        if let Some(at) = args.iter().position(|arg| *arg == "--port") {
            in_book = args.get(at + 1).ok_or("--port needs a number")?.to_string();
            args.drain(at..at + 2);
        }
        let cannot = |error| format!("cannot start {name}: {error}");
        // One pipe for both, as on a terminal: the lines stay in their order.
        let (output, stdout) = io::pipe().map_err(cannot)?;
        let stderr = stdout.try_clone().map_err(cannot)?;
        let child = Command::new(programs().join(name))
            .args(args)
            .args(["--port", "0"])
            .current_dir(stage::workspace())
            .stdin(Stdio::null())
            .stdout(stdout)
            .stderr(stderr)
            .spawn()
            .map_err(cannot)?;
        let (sender, lines) = mpsc::channel();
        forward(output, sender);
        let stage = stage::number_of(name).ok_or("which stage?")?;
        let mut server = Server {
            child,
            stage,
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
        server.port = port.to_owned();
        server.seen.push(ready);
        Ok(server)
    }

    /// What it has printed since it was last asked. Waits until that is what is expected,
    /// but not for ever.
    fn log(&mut self, expected: &str, update: bool) -> String {
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
            match self.lines.recv_timeout(patience) {
                Ok(line) => self.seen.push(line),
                Err(_) => {
                    self.seen.clear();
                    return fitted;
                }
            }
        }
    }

    /// A text with the port of the book instead of the real one.
    fn told(&self, text: &str) -> String {
        text.replace(&format!(":{}", self.port), &format!(":{}", self.in_book))
            .replace(
                &format!("port {}", self.port),
                &format!("port {}", self.in_book),
            )
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
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

/// Runs a command as the reader would, in another terminal than the server's.
fn run(command: &str, server: &Server) -> Result<String, String> {
    let script = SHELL.to_owned() + &command.replace(&server.in_book, &server.port);
    let mut child = Command::new("sh")
        .args(["-c", &script])
        .env("PROGRAMS", programs())
        .env("PORT", &server.port)
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
            Ok(server.told(&lines.join("\n")))
        }
        Err(_) => Err(format!("{command} takes longer than {PATIENCE:?}")),
    }
}

const SESSION: &str = "\
```console
$ cargo run -p stage04-fixed-response
listening on http://127.0.0.1:8080
```

```console
$ curl -i http://127.0.0.1:8080/
HTTP/1.1 200 OK
Date: [..]
...
$ printf 'a\\n' | tr a b; echo c >&2
b
c
$ echo one \\
> two
one two
$ cargo run -p stage04-fixed-response
error: cannot listen on 127.0.0.1:8080: Address already in use (os error [..])
hint: is another stage still running? end it, or choose a --port
```

```console,log
127.0.0.1:[..] connected
GET / HTTP/1.1\\r\\n
Host: 127.0.0.1:8080\\r\\n
...
```

```console,norun=\"a reason\"
$ false
```
";

#[test]
fn a_true_session_has_no_faults() {
    let replay = replay("stage04-x.md", SESSION, false);
    assert_eq!(replay.faults, "");
    assert_eq!(replay.text, SESSION);
    assert_eq!(replay.skipped, ["stage04-x.md:29: \"a reason\""]);
}

#[test]
fn a_false_session_is_noticed_and_mended() {
    let wrong = SESSION
        .replace("200 OK", "404 Not Found")
        .replace("one two", "three");
    let found = replay("stage04-x.md", &wrong, false).faults;
    assert!(
        found.contains("docs/src/stage04-x.md:6: not what the book says:"),
        "{found}"
    );
    assert!(
        found.contains("    - HTTP/1.1 404 Not Found\n    + HTTP/1.1 200 OK"),
        "{found}"
    );
    assert!(found.contains("    - three\n    + one two"), "{found}");
    assert!(
        replay("stage04-x.md", &wrong, true)
            .text
            .contains("HTTP/1.1 200 OK\nDate: [..]\n")
    );
}

#[test]
fn a_false_log_is_noticed_and_recorded() {
    let text = "```console,stage=04\n$ curl -s -o /dev/null http://127.0.0.1:8080/\n```\n\n```console,log\n```\n";
    let recorded = replay("welcome.md", text, true).text;
    assert!(
        recorded.contains("127.0.0.1:[..] connected\nGET / HTTP/1.1"),
        "{recorded}"
    );
    assert_eq!(replay("welcome.md", &recorded, false).faults, "");
}

#[test]
fn a_block_without_sense_is_a_fault() {
    let fault =
        |block: &str| replay("welcome.md", &format!("{block}\n$ true\n```\n"), false).faults;
    assert!(fault("```console,stgae=01").contains("means nothing"));
    assert!(fault("```console").contains("which stage?"));
    assert!(fault("```console,log").contains("no server is running"));
    assert!(fault("```console,stage=77").contains("there is no stage 77"));
    assert!(fault("```console,stage=01\n$ echo '> a'").contains("like more of the command"));
    assert!(fault("```console,stage=01\n$ curl localhost | cat").contains("show its progress"));
}
