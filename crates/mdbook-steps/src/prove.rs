//! The proof that every checkpoint of the book compiles, and what chapter writers ask for.

use std::collections::BTreeSet;
use std::fmt::Write;

use crate::book::Book;
use crate::chapter::Chapter;
use crate::chapter::Checkpoint;
use crate::chapter::Runs;
use crate::units;
use crate::units::Kind;
use crate::workshop;
use crate::workshop::Workshop;

/// A line for each checkpoint.
pub fn list(chapters: &[(String, Chapter)]) -> String {
    let mut list = String::new();
    for (file, chapter) in chapters {
        for checkpoint in &chapter.checkpoints {
            let _ = writeln!(list, "{}", line(file, checkpoint));
        }
    }
    list
}

fn line(file: &str, checkpoint: &Checkpoint) -> String {
    let Checkpoint {
        name,
        line,
        says,
        changed,
        ..
    } = checkpoint;
    format!("{name:<6}docs/src/{file}:{line}  {says}  {changed} lines")
}

/// Builds the programs of these chapters, of all the book's chapters. What is wrong, if
/// anything is.
pub fn prove(
    book: &Book,
    all: &[(String, Chapter)],
    wanted: &dyn Fn(u32) -> bool,
) -> Result<String, String> {
    let chapters: Vec<&Chapter> = all.iter().map(|(_, chapter)| chapter).collect();
    let workshop = Workshop::new(&book.root, &chapters).map_err(|error| error.to_string())?;
    let mut names = BTreeSet::new();
    for chapter in &chapters {
        let programs = workshop::programs(chapter);
        names.extend(
            programs
                .into_iter()
                .filter(|(_, stage)| wanted(stage.number))
                .map(|(name, _)| name),
        );
    }
    let verdicts = workshop.build(&names).map_err(|error| error.to_string())?;
    let (mut right, mut faults) = (0, String::new());
    for (file, chapter) in all {
        for (at, checkpoint) in chapter.checkpoints.iter().enumerate() {
            let number = checkpoint.program.number;
            let Some(verdict) = verdicts.get(&workshop::name_of(number, Runs::Checkpoint(at)))
            else {
                continue;
            };
            match verdict {
                None => right += 1,
                Some(said) => {
                    let (name, line) = (&checkpoint.name, checkpoint.line);
                    let _ = writeln!(
                        faults,
                        "docs/src/{file}:{line}: checkpoint {name} does not compile \
                         (mdbook-steps at {name} DIR writes it down):\n{}",
                        indented(said)
                    );
                }
            }
        }
        for (at, broken) in chapter.breaks.iter().enumerate() {
            let number = broken.program.number;
            let Some(verdict) = verdicts.get(&workshop::name_of(number, Runs::Broken(at))) else {
                continue;
            };
            let wrong = match (verdict, &broken.fails) {
                (None, None) => None,
                (Some(said), Some(words)) if said.contains(words.as_str()) => None,
                (Some(said), Some(words)) => Some(format!(
                    "the compiler does not say {words:?}:\n{}",
                    indented(said)
                )),
                (Some(said), None) => Some(format!(
                    "what is broken here does not compile; if that is what you show: fails \"…\"\n{}",
                    indented(said)
                )),
                (None, Some(_)) => Some("what is broken here compiles".to_owned()),
            };
            match wrong {
                None => right += 1,
                Some(wrong) => _ = writeln!(faults, "docs/src/{file}:{}: {wrong}", broken.line),
            }
        }
    }
    match faults.is_empty() {
        true => Ok(format!("{right} programs are as the book says\n")),
        false => Err(faults),
    }
}

fn indented(text: &str) -> String {
    let lines = text.lines().map(|line| format!("    {line}\n"));
    lines.collect()
}

/// A chapter's directives, ready to be put in order.
pub fn skeleton(book: &Book, number: u32) -> Result<String, String> {
    let lesson = book.lesson(number)?;
    let mut text = "{{#card see=\"…\" rfc=\"9112 §…\"}}\n\n".to_owned();
    let mut along = String::new();
    for (at, unit) in lesson.units.iter().enumerate() {
        let lines = unit.lines.len();
        let place = &unit.place;
        let naming = units::naming(&lesson.diff, &lesson.units, unit);
        let why = match &unit.kind {
            Kind::Silent => continue,
            Kind::Code => {
                let _ = writeln!(text, "{}\n    {place}, {lines} lines", lesson.directive(at));
                continue;
            }
            Kind::Import(name) | Kind::Dependency(name) => {
                let used = lesson.units.iter().any(|other| lesson.needs(other, unit));
                match used {
                    true => format!("with what mentions {name}"),
                    false => format!("nothing mentions {name}: say with {naming}"),
                }
            }
            Kind::Module(name) => format!("with src/{name}.rs"),
            Kind::Header => "with the first piece of its file".into(),
            Kind::Frame => "with the first of its methods".into(),
        };
        let _ = writeln!(
            along,
            "    {naming}\n        {place}, {lines} lines, travels {why}"
        );
    }
    text += "{{#checkpoint}}\n{{#checkpoint \"nothing to see yet\"}}\n{{#checkpoint \"run it now\"}}\n\n";
    text += "{{#whole-files}}\n\n{{#whole-diff}}\n\n";
    Ok(text + "What travels by itself, if no step names it:\n" + &along)
}
