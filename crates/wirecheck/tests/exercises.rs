//! The exercises of the book, their checks and their solutions belong together.
//! `scripts/exercises` tries the solutions; here is what needs no building.

use std::fs;
use std::path::Path;
use std::path::PathBuf;
use std::process::Command;

use wirecheck::exercises;
use wirecheck::stages;

/// With the command that readers are told, from the folder in which they type it.
#[test]
fn each_has_a_solution_that_applies() {
    for exercise in exercises::all() {
        let name = exercise.name;
        let stage = stages::all()
            .into_iter()
            .find(|stage| stage.number == exercise.since);
        let git = Command::new("git")
            .args(["apply", "--check"])
            .arg(format!("--directory=crates/{}", stage.unwrap().package))
            .arg(format!("docs/exercises/{name}.patch"))
            .current_dir(workspace())
            // A tarball may lie in somebody else's repository; git would apply it there.
            .env("GIT_CEILING_DIRECTORIES", workspace().parent().unwrap())
            .output()
            .unwrap();
        let says = String::from_utf8_lossy(&git.stderr);
        assert!(
            git.status.success(),
            "docs/exercises/{name}.patch does not apply; CONTRIBUTING.md says under \
             \"A new exercise\" how to carry a solution\n{says}"
        );
    }
}

#[test]
fn each_solution_has_an_exercise() {
    for file in files("docs/exercises") {
        let known = exercises::all()
            .iter()
            .any(|exercise| file.ends_with(format!("{}.patch", exercise.name)));
        assert!(known, "{} solves no exercise", file.display());
    }
}

#[test]
fn each_stands_in_its_chapter_and_each_chapter_has_two() {
    let book = workspace().join("docs/src");
    if !book.join("SUMMARY.md").exists() {
        return;
    }
    let headings = headings();
    let exercises = exercises::all();
    let mut faults = String::new();
    for Heading { file, name, hints } in &headings {
        if !exercises.iter().any(|exercise| exercise.name == name) {
            faults += &format!("{file}: there is no check for the heading {name}\n");
        }
        if *hints != 3 {
            faults += &format!("{file}: {name} has {hints} hints, and should have three\n");
        }
    }
    for exercise in &exercises {
        let name = exercise.name;
        if !headings.iter().any(|heading| heading.name == name) {
            faults += &format!("docs/src: no heading `### {name}: …` for the check {name}\n");
        }
    }
    for stage in stages::all() {
        let stage = stage.number;
        let here = exercises.iter().filter(|exercise| exercise.since == stage);
        let count = here.count();
        if count < 2 {
            faults += &format!("stage {stage:02} has {count} exercises, and should have two\n");
        }
    }
    assert!(faults.is_empty(), "\n{faults}");
}

/// An exercise in its chapter.
struct Heading {
    file: String,
    name: String,
    hints: usize,
}

/// `### 01-whoami: tell them` in the chapters, each in the one of its stage or in the last.
fn headings() -> Vec<Heading> {
    let mut headings = Vec::new();
    for file in files("docs/src") {
        let Ok(text) = fs::read_to_string(&file) else {
            continue;
        };
        let chapter = file.file_stem().unwrap_or_default().to_string_lossy();
        for section in text.split("\n### ").skip(1) {
            let name = section.split(':').next().unwrap_or_default();
            if !name.starts_with(|first: char| first.is_ascii_digit()) {
                continue;
            }
            let here = chapter.starts_with(&format!("stage{}-", &name[..2]));
            assert!(
                here || chapter == "real-servers",
                "{name} stands in {chapter}"
            );
            headings.push(Heading {
                file: format!("docs/src/{chapter}.md"),
                name: name.to_string(),
                hints: section.matches("<summary>Hint ").count(),
            });
        }
    }
    headings
}

fn files(folder: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(workspace().join(folder)).unwrap();
    entries.map(|entry| entry.unwrap().path()).collect()
}

fn workspace() -> &'static Path {
    stages::checkout().unwrap()
}
