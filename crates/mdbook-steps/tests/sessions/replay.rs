//! Replays the sessions of a chapter.

use mdbook_steps::stage;

use crate::programs::Program;
use crate::server::Server;
use crate::settle::changes;
use crate::settle::settle;

/// What came of replaying a chapter.
#[derive(Default)]
pub struct Replay {
    /// The chapter with what really came back.
    pub text: String,
    pub faults: String,
    pub replayed: usize,
    /// Why sessions were left out.
    pub skipped: Vec<String>,
}

/// Replays the blocks of a text. `program` knows on which program one runs that begins in a
/// line, if its chapter says so.
pub fn replay(
    name: &str,
    text: &str,
    update: bool,
    program: &dyn Fn(usize) -> Option<Result<Program, String>>,
) -> Replay {
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
        if info.contains(",linux") && !cfg!(target_os = "linux") {
            replay
                .skipped
                .push(format!("{name}:{}: needs Linux", at + 1));
            let lines = body.iter().map(|line| format!("{line}\n"));
            replay.text += &lines.collect::<String>();
            continue;
        }
        replay.replayed += 1;
        let block = Block {
            chapter: stage::number_of(name),
            program: program(at + 1),
            info,
            body: &body,
        };
        let actual = match block.session(&mut server, update) {
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

/// A ```console block.
struct Block<'a> {
    chapter: Option<u32>,
    /// What the chapter says that it runs on.
    program: Option<Result<Program, String>>,
    info: &'a str,
    body: &'a [&'a str],
}

impl Block<'_> {
    /// Replays it; gives it back with what came back.
    fn session(&self, server: &mut Option<Server>, update: bool) -> Result<String, String> {
        let mut program = self.program.clone();
        if program.is_none() {
            program = self.chapter.map(Program::of_stage);
        }
        let (mut log, mut second) = (false, false);
        let attributes = self.info.split(',').map(str::trim);
        for attribute in attributes.filter(|attribute| !attribute.is_empty()) {
            match attribute.split_once('=') {
                Some(("stage", value)) => {
                    let number = value.parse().map_err(|_| "stage= needs a number")?;
                    program = Some(Program::of_stage(number));
                }
                None if attribute == "log" => log = true,
                None if attribute == "second" => second = true,
                None if attribute == "linux" => {}
                _ => {
                    return Err(format!(
                        "console,{attribute} means nothing; there are stage=NN, log, second, linux, norun=\"…\""
                    ));
                }
            }
        }
        if log {
            let server = server
                .as_mut()
                .ok_or("no server is running whose log this could be")?;
            return Ok(server.log(&self.body.join("\n"), update));
        }
        let program = program.transpose()?;
        let mut output = String::new();
        for (at, (command, expected)) in commands(self.body)?.into_iter().enumerate() {
            output += &format!("$ {}\n", command.replace('\n', "\n> "));
            if let Some(said) = refused(&command, program.as_ref()) {
                output += &format!("{}\n", settle(&said, &expected, update));
                continue;
            }
            if at == 0 && !second && starts_server(&command) {
                *server = None; // its port and its log end here
                let named = named(&command, program.as_ref())?;
                let started = server.insert(Server::start(&named, &command)?);
                output += &format!("{}\n", started.log(&expected, update));
                continue;
            }
            let other = |running: &Server| {
                program
                    .as_ref()
                    .is_some_and(|program| program.name != running.program.name)
            };
            if server.as_ref().is_none_or(other) {
                let program = program.as_ref();
                let program = program.ok_or("which stage? write ```console,stage=05")?;
                *server = None;
                server
                    .insert(Server::start(program, "cargo run")?)
                    .seen
                    .clear();
            }
            let running = server.as_ref().expect("it has just been started");
            if shows_progress(&command) {
                return Err("on a terminal curl would show its progress here: curl -s".into());
            }
            let actual = running.run(&command)?;
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
}

/// What the compiler says when this command has it look at a program that it refuses.
fn refused(command: &str, program: Option<&Program>) -> Option<String> {
    let cargo = ["cargo run", "cargo build", "cargo check"];
    let program = program.filter(|_| cargo.iter().any(|cargo| command.starts_with(cargo)))?;
    let other = command.contains(" -p ") && !command.contains(&program.stage);
    program.refused.clone().filter(|_| !other)
}

/// The program that `cargo run -p stage05-routing` means: that of the block, if it is of that
/// stage.
fn named(command: &str, program: Option<&Program>) -> Result<Program, String> {
    let name = command
        .split_whitespace()
        .find(|word| word.starts_with("stage"));
    let number = name.map(|name| stage::number_of(name).ok_or(format!("there is no {name}")));
    match (program, number.transpose()?) {
        (Some(program), None) => Ok(program.clone()),
        (Some(program), Some(number)) if number == program.number => Ok(program.clone()),
        (_, Some(number)) => Program::of_stage(number),
        (None, None) => Err("which stage? write cargo run -p stageNN-name".into()),
    }
}

fn starts_server(command: &str) -> bool {
    let once = ["--help", "-h", "--version", "-V", "--example"];
    let mut words = command.split_whitespace();
    let ours = !command.contains(" -p ") || command.contains("-p stage");
    command.starts_with("cargo run") && ours && !words.any(|word| once.contains(&word))
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

/// Of a text that is no chapter of the book.
#[cfg(test)]
fn replayed(name: &str, text: &str, update: bool) -> Replay {
    replay(name, text, update, &|_| None)
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
127.0.0.1 - - [[..]] \"GET / HTTP/1.1\" 200 [..]
```

```console,norun=\"a reason\"
$ false
```
";

#[test]
fn a_true_session_has_no_faults() {
    let replay = replayed("stage04-x.md", SESSION, false);
    assert_eq!(replay.faults, "");
    assert_eq!(replay.text, SESSION);
    assert_eq!(replay.skipped, ["stage04-x.md:26: \"a reason\""]);
}

#[test]
fn a_false_session_is_noticed_and_mended() {
    let wrong = SESSION
        .replace("200 OK", "404 Not Found")
        .replace("one two", "three");
    let found = replayed("stage04-x.md", &wrong, false).faults;
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
        replayed("stage04-x.md", &wrong, true)
            .text
            .contains("HTTP/1.1 200 OK\nDate: [..]\n")
    );
}

#[test]
fn a_false_log_is_noticed_and_recorded() {
    let text = "```console,stage=04\n$ curl -s -o /dev/null http://127.0.0.1:8080/\n```\n\n```console,log\n```\n";
    let recorded = replayed("welcome.md", text, true).text;
    assert!(
        recorded.contains("127.0.0.1 - - [[..]] \"GET / HTTP/1.1\" 200 "),
        "{recorded}"
    );
    assert_eq!(replayed("welcome.md", &recorded, false).faults, "");
}

#[test]
fn a_block_without_sense_is_a_fault() {
    let fault =
        |block: &str| replayed("welcome.md", &format!("{block}\n$ true\n```\n"), false).faults;
    assert!(fault("```console,stgae=01").contains("means nothing"));
    assert!(fault("```console").contains("which stage?"));
    assert!(fault("```console,log").contains("no server is running"));
    assert!(fault("```console,stage=77").contains("there is no stage 77"));
    assert!(fault("```console,stage=01\n$ echo '> a'").contains("like more of the command"));
    assert!(fault("```console,stage=01\n$ curl localhost | cat").contains("show its progress"));
}
