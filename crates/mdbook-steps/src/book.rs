//! The book: its chapters, and all that is wrong with them.

use std::fmt;
use std::fs;
use std::io;
use std::path::Path;
use std::path::PathBuf;

use crate::chapter;
use crate::chapter::Chapter;
use crate::lesson::Lesson;
use crate::manifest;
use crate::stage;
use crate::stage::Stage;

/// So many lines of code does a step change in the median over the book.
pub const MEDIAN_LINES: usize = 30;

/// Something wrong with a chapter.
#[derive(Debug, PartialEq, Eq)]
pub struct Problem {
    /// The chapter, below `docs/src`.
    pub file: String,
    /// Which line of it, from 1.
    pub line: usize,
    /// What is wrong, and what would be right.
    pub message: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        write!(f, "docs/src/{}:{}: {}", self.file, self.line, self.message)
    }
}

/// What the book is made from.
pub struct Book {
    /// The workspace.
    pub root: PathBuf,
    /// All stages, in order.
    pub stages: Vec<Stage>,
    /// The workspace's `Cargo.toml`.
    manifest: String,
}

impl Book {
    /// Reads the stages of the workspace at `root`. A file that cannot be read is an error.
    pub fn read(root: &Path) -> io::Result<Book> {
        Ok(Book {
            root: root.to_owned(),
            stages: stage::read_all(root)?,
            manifest: fs::read_to_string(root.join("Cargo.toml"))?,
        })
    }

    /// All that is wrong in `docs/src`. A workspace that has no book yet has no faults.
    pub fn check(&self) -> io::Result<Vec<Problem>> {
        let src = self.root.join("docs/src");
        if !src.exists() {
            return Ok(Vec::new());
        }
        let summary = fs::read_to_string(src.join("SUMMARY.md"))?;
        let mut chapters = Vec::new();
        chapters_below(&src, "", &mut chapters)?;
        let mut problems = Vec::new();
        let mut taught = Vec::new();
        let mut steps = Vec::new();
        for (at, line) in summary.lines().enumerate() {
            let linked = line
                .split_once("](")
                .and_then(|(_, rest)| rest.split_once(')'));
            let Some((file, _)) = linked else { continue };
            let file = file.trim_start_matches("./");
            taught.extend(stage_of(file));
            if !file.is_empty() && !chapters.iter().any(|chapter| chapter == file) {
                let message = format!("there is no chapter {file}");
                problems.push(Problem {
                    file: "SUMMARY.md".into(),
                    line: at + 1,
                    message,
                });
            }
        }
        for stage in &self.stages {
            if !taught.contains(&stage.number) {
                let message = format!("there is no chapter for {0}, say {0}.md", stage.name);
                problems.push(Problem {
                    file: "SUMMARY.md".into(),
                    line: 1,
                    message,
                });
            }
        }
        for chapter in chapters {
            // The page for what is not there is nobody's next page.
            let apart = ["SUMMARY.md", "404.md"].contains(&chapter.as_str());
            if !apart && !summary.contains(&format!("{chapter})")) {
                let message = "SUMMARY.md does not list this chapter".into();
                problems.push(Problem {
                    file: chapter.clone(),
                    line: 1,
                    message,
                });
            }
            let text = fs::read_to_string(src.join(&chapter))?;
            let done = self.chapter(&chapter, &text);
            problems.extend(done.problems);
            steps.extend(done.checkpoints.iter().map(|checkpoint| checkpoint.changed));
        }
        steps.sort_unstable();
        if steps
            .get(steps.len() / 2)
            .is_some_and(|median| *median > MEDIAN_LINES)
        {
            problems.push(Problem {
                file: "SUMMARY.md".into(),
                line: 1,
                message: format!(
                    "half of all steps change more than {MEDIAN_LINES} lines of code; see \
                     mdbook-steps checkpoints --list"
                ),
            });
        }
        Ok(problems)
    }

    /// All chapters that are about a stage, with the names of their files, in order.
    pub fn chapters(&self) -> io::Result<Vec<(String, Chapter)>> {
        let src = self.root.join("docs/src");
        let mut names = Vec::new();
        chapters_below(&src, "", &mut names)?;
        names.retain(|name| stage_of(name).is_some());
        names.sort_by_key(|name| stage_of(name));
        let mut chapters = Vec::new();
        for name in names {
            let text = fs::read_to_string(src.join(&name))?;
            let chapter = self.chapter(&name, &text);
            chapters.push((name, chapter));
        }
        Ok(chapters)
    }

    /// One chapter with its directives carried out, and what is wrong with it.
    pub fn chapter(&self, file: &str, text: &str) -> Chapter {
        chapter::chapter(self, file, text)
    }

    /// mdBook leaves a wrong include empty and says nothing to the build.
    pub fn included(&self, name: &str, arguments: &str) -> Result<(), String> {
        let file = arguments
            .trim()
            .split(['}', ':', ' '])
            .next()
            .unwrap_or_default();
        let path = self.root.join("docs/src").join(file);
        if name.ends_with("include") && !path.exists() {
            return Err(format!("{{{{#{name}}}}}: there is no file docs/src/{file}"));
        }
        Ok(())
    }

    /// A program as a reader has it, in a folder of their own: `Cargo.toml` holds what ours
    /// takes from the workspace.
    pub fn as_typed(&self, program: &Stage) -> Result<Stage, String> {
        let mut typed = program.clone();
        if let Some(text) = typed.files.get_mut("Cargo.toml") {
            *text = manifest::inlined(text, &self.manifest)?;
        }
        Ok(typed)
    }

    /// What the chapter of a stage is about.
    pub fn lesson(&self, number: u32) -> Result<Lesson<'_>, String> {
        let at = self.stages.iter().position(|stage| stage.number == number);
        let at = at.ok_or_else(|| {
            let names: Vec<&str> = self
                .stages
                .iter()
                .map(|stage| stage.name.as_str())
                .collect();
            format!(
                "there is no stage {number:02}; there are {}",
                names.join(", ")
            )
        })?;
        let before = at.checked_sub(1).map(|before| &self.stages[before]);
        Ok(Lesson::new(before, &self.stages[at]))
    }
}

/// The stage that a chapter is about, by its name.
fn stage_of(chapter: &str) -> Option<u32> {
    stage::number_of(chapter.rsplit('/').next()?)
}

/// The Markdown files below a folder.
fn chapters_below(src: &Path, folder: &str, found: &mut Vec<String>) -> io::Result<()> {
    let mut names = Vec::new();
    for entry in fs::read_dir(src.join(folder))? {
        names.push(entry?.file_name().to_string_lossy().into_owned());
    }
    names.sort();
    for name in names {
        let path = if folder.is_empty() {
            name
        } else {
            format!("{folder}/{name}")
        };
        if src.join(&path).is_dir() {
            chapters_below(src, &path, found)?;
        } else if path.ends_with(".md") {
            found.push(path);
        }
    }
    Ok(())
}
