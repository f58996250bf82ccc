//! What the stages say with `--help`, and all their pages, as they are in `docs/generated`.

use std::env;
use std::fs;
use std::mem;
use std::process::Command;
use std::thread;

use mdbook_steps::stage;

use crate::programs::Program;
use crate::server::Server;
use crate::settle::changes;
use crate::settle::without_chance;

/// What `--help` says is read by people, too.
#[test]
fn the_help_is_as_recorded() {
    let mut help = String::new();
    for stage in stage::read_all(&stage::workspace()).unwrap() {
        // The first takes nothing but an address.
        if stage.number == 1 {
            continue;
        }
        let program = Program::of_stage(stage.number).unwrap();
        let output = Command::new(program.path)
            .arg("--help")
            .env("CARGO_MANIFEST_DIR", program.folder)
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
            threads.push(thread::spawn(move || pages(stage.number)));
        }
    }
    let mut recorded = String::new();
    for thread in threads {
        recorded += &thread.join().unwrap();
    }
    is_as_recorded("pages.txt", &recorded);
}

/// All pages of a stage.
fn pages(number: u32) -> String {
    let program = Program::of_stage(number).unwrap();
    let mut pages = format!("$ cargo run -p {}\n", program.stage);
    let server = Server::start(&program, "cargo run").unwrap();
    for page in PAGES {
        let (options, path) = page.rsplit_once(' ').unwrap_or(("", page));
        let path = path.trim_matches('\'');
        let command = format!("curl -i 'http://127.0.0.1:8080{path}' {options}");
        let command = command.trim_end();
        pages += &format!("$ {command}\n");
        for line in server.run(command).unwrap().lines() {
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
