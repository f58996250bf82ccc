//! Replays the console sessions of the book against the stages, and against the programs of
//! its checkpoints, on free ports.
//!
//! `UPDATE=1 cargo test -p mdbook-steps --test sessions` (or `scripts/record`) writes what
//! really came back into the chapters. How a session is written is told in the README.

mod programs;
mod recorded;
mod replay;
mod server;
mod settle;

use std::collections::BTreeMap;
use std::env;
use std::fs;
use std::io;
use std::io::Write;
use std::iter;
use std::path::Path;
use std::sync::Mutex;
use std::thread;

use mdbook_steps::book::Book;
use mdbook_steps::chapter::Chapter;
use mdbook_steps::stage;
use programs::Programs;
use replay::Replay;
use replay::replay;

/// So many chapters are replayed at the same time.
const AT_ONCE: usize = 5;

#[test]
fn the_sessions_of_the_book_are_true() {
    let root = stage::workspace();
    let src = root.join("docs/src");
    let update = env::var_os("UPDATE").is_some();
    // Only the chapters whose names contain this, for whoever works on one
    let wanted = env::var("CHAPTER").unwrap_or_default();
    let book = Book::read(&root).unwrap();
    let chapters: BTreeMap<String, Chapter> = book.chapters().unwrap().into_iter().collect();
    let is_wanted = |number: u32| {
        let named =
            |name: &String| stage::number_of(name) == Some(number) && name.contains(&wanted);
        chapters.keys().any(named)
    };
    let all: Vec<&Chapter> = chapters.values().collect();
    let programs = Programs::build(&all, book.stages, &is_wanted);
    let mut faults = String::new();
    let (mut replayed, mut skipped) = (0, Vec::new());
    // Each chapter has servers of its own, so they can be replayed side by side: a few at a time,
    // because what a session shows may depend on who comes first, by half a second.
    let mut names = pages(&src);
    names.retain(|name| name.contains(&wanted));
    let names = Mutex::new(names.into_iter());
    let next = || names.lock().unwrap().next();
    let replay_next = || {
        let name = next()?;
        let (chapter, path) = (chapters.get(&name), src.join(&name));
        let text = fs::read_to_string(&path).unwrap();
        let replay = replay(&name, &text, update, &|line| {
            let runs = chapter?.sessions.get(&line)?;
            Some(programs.get(chapter?, *runs))
        });
        if update && replay.text != text {
            fs::write(&path, &replay.text).unwrap();
        }
        Some(replay)
    };
    let replays: Vec<Replay> = thread::scope(|scope| {
        let mut threads = Vec::new();
        for _ in 0..AT_ONCE {
            threads.push(scope.spawn(|| iter::from_fn(replay_next).collect::<Vec<_>>()));
        }
        let joined = threads.into_iter().map(|thread| thread.join().unwrap());
        joined.flatten().collect()
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

/// Chapters are replayed side by side. A server that a session starts by itself really takes the
/// port that it names.
#[test]
fn no_two_chapters_take_the_same_port() {
    let src = stage::workspace().join("docs/src");
    let mut taken: BTreeMap<String, String> = BTreeMap::new();
    for name in pages(&src) {
        let text = fs::read_to_string(src.join(&name)).unwrap();
        for line in text.lines() {
            let Some((_, after)) = line.split_once("--port ") else {
                continue;
            };
            if !line.starts_with("$ target/debug/") {
                continue;
            }
            let port: String = after.chars().take_while(char::is_ascii_digit).collect();
            let first = taken.entry(port.clone()).or_insert_with(|| name.clone());
            assert_eq!(*first, name, "both take port {port}");
        }
    }
    assert!(!taken.is_empty(), "no session starts a server by itself");
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
        &|_| None,
    );
    assert_eq!(replay.replayed, 2);
    assert_eq!(replay.faults, "");
}

/// The names of all pages of the book.
fn pages(src: &Path) -> Vec<String> {
    let mut names = Vec::new();
    for entry in fs::read_dir(src).unwrap() {
        names.push(entry.unwrap().file_name().to_string_lossy().into_owned());
    }
    names.retain(|name| name.ends_with(".md"));
    names.sort();
    names
}
