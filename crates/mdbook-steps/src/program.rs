//! The program as it is at one point of a chapter: the previous stage, what the chapter has
//! shown so far, and what is there for now.

use std::collections::BTreeMap;

use crate::diff::FileDiff;
use crate::diff::Tag;
use crate::edit::Edit;
use crate::lesson::Lesson;
use crate::stage::Stage;
use crate::units::Kind;

const MANIFEST: &str = "Cargo.toml";

/// What a reader who types along has in their folder.
#[derive(Debug, Clone)]
pub struct State {
    /// For each file of the diff, which of its lines have been shown.
    shown: Vec<Vec<bool>>,
    /// What is there for now, with its name.
    drafts: Vec<(String, Edit)>,
    /// Drafts that did not fit.
    dropped: Vec<String>,
}

impl State {
    /// Before the first step of a chapter. The crate's name is changed already.
    pub fn new(lesson: &Lesson) -> State {
        let lines = lesson.diff.iter().map(|file| vec![false; file.lines.len()]);
        let mut state = State {
            shown: lines.collect(),
            drafts: Vec::new(),
            dropped: Vec::new(),
        };
        for (at, unit) in lesson.units.iter().enumerate() {
            if unit.kind == Kind::Silent {
                state.show(lesson, at);
            }
        }
        state
    }

    /// The reader types a unit.
    pub fn show(&mut self, lesson: &Lesson, unit: usize) {
        let unit = &lesson.units[unit];
        for line in &unit.lines {
            self.shown[unit.file][*line] = true;
        }
    }

    /// Something is there from here on, for now.
    pub fn draft(&mut self, name: &str, edit: Edit) {
        self.drafts.push((name.to_owned(), edit));
    }

    /// It is not there any more. Was it?
    pub fn end(&mut self, name: &str) -> bool {
        let before = self.drafts.len();
        self.drafts.retain(|draft| draft.0 != name);
        self.drafts.len() < before || self.dropped.iter().any(|dropped| dropped == name)
    }

    /// Has the reader seen a `Cargo.toml`? Before the first stage they may not have.
    pub fn has_manifest(&self, lesson: &Lesson) -> bool {
        let mut files = lesson.diff.iter().zip(&self.shown);
        let shown = files.find(|(file, _)| file.path == MANIFEST && file.new);
        shown.is_none_or(|(_, shown)| shown.contains(&true))
    }

    /// The names of what is there for now.
    pub fn drafts(&self) -> Vec<&str> {
        self.drafts.iter().map(|(name, _)| name.as_str()).collect()
    }

    /// The program, or why a draft does not fit. Such a draft is dropped, so that this is said
    /// once.
    pub fn program(&mut self, lesson: &Lesson) -> Result<Stage, String> {
        let mut stage = lesson.stage.clone();
        stage.files = lesson
            .before
            .map_or_else(BTreeMap::new, |before| before.files.clone());
        for (file, shown) in lesson.diff.iter().zip(&self.shown) {
            match text(file, shown, lesson) {
                Some(text) => _ = stage.files.insert(file.path.clone(), text),
                None => _ = stage.files.remove(&file.path),
            }
        }
        // Before the first stage `cargo new` has made one, whether the chapter shows ours or not.
        if !stage.files.contains_key(MANIFEST) {
            let made = lesson.stage.files.get(MANIFEST).cloned();
            stage
                .files
                .extend(made.map(|text| (MANIFEST.to_owned(), text)));
        }
        for (at, (name, edit)) in self.drafts.iter().enumerate() {
            if let Err(why) = edit.apply(&mut stage.files) {
                let fault = format!("the draft {name} does not fit here: {why}");
                self.dropped.push(self.drafts.remove(at).0);
                return Err(fault);
            }
        }
        Ok(stage)
    }
}

/// A file with these of its changes made; nothing if it is not there yet, or any more.
fn text(file: &FileDiff, shown: &[bool], lesson: &Lesson) -> Option<String> {
    let changes = file.lines.iter().zip(shown);
    let counts = |line: &crate::diff::Line| line.tag != Tag::Equal && !line.text.trim().is_empty();
    let mut changes = changes
        .filter(|(line, _)| counts(line))
        .map(|(_, shown)| *shown);
    let (mut some, mut all) = (false, true);
    changes.by_ref().for_each(|shown| {
        some |= shown;
        all &= shown;
    });
    if all {
        return lesson.stage.files.get(&file.path).cloned();
    }
    if !some {
        return lesson.before?.files.get(&file.path).cloned();
    }
    let mut text = String::new();
    let mut blank = false; // does an empty line come before the next?
    for (line, shown) in file.lines.iter().zip(shown) {
        let there = match line.tag {
            Tag::Equal => true,
            Tag::Insert => *shown,
            Tag::Delete => !shown,
        };
        // The blank lines between pieces belong to none of them.
        if line.text.trim().is_empty() && line.tag != Tag::Equal && !shown {
            blank = true;
        } else if there {
            let wanted = !text.is_empty()
                && !text.ends_with("\n\n")
                && !text.ends_with("{\n")
                && !line.text.trim().is_empty()
                && !line.text.trim_start().starts_with('}');
            if std::mem::take(&mut blank) && wanted {
                text.push('\n');
            }
            text += &line.text;
            text.push('\n');
        }
    }
    Some(text)
}
