//! A chapter: its directives carried out, the programs of its checkpoints, and all that is
//! wrong with it.

use std::collections::BTreeMap;

use crate::book::Book;
use crate::book::Problem;
use crate::card;
use crate::checks;
use crate::directive;
use crate::directive::Arguments;
use crate::edit::Edit;
use crate::fences::Fences;
use crate::figure;
use crate::lesson::Lesson;
use crate::lesson::Plan;
use crate::program::State;
use crate::render;
use crate::sizes;
use crate::stage;
use crate::stage::Stage;
use crate::whole;
use crate::wire;

/// So many lines may change between two checkpoints.
pub const MOST_LINES: usize = 60;
/// So many pieces may a chapter have.
pub const MOST_PIECES: usize = 20;

/// A chapter with its directives carried out.
#[derive(Debug, Default)]
pub struct Chapter {
    /// Markdown and HTML.
    pub html: String,
    /// What is wrong with it.
    pub problems: Vec<Problem>,
    /// Where a reader can stop.
    pub checkpoints: Vec<Checkpoint>,
    /// What is broken on purpose.
    pub breaks: Vec<Broken>,
    /// On which program the session runs that begins in a line, counted from 1.
    pub sessions: BTreeMap<usize, Runs>,
    /// How many pieces it has.
    pub pieces: usize,
}

/// A point at which the program compiles.
#[derive(Debug)]
pub struct Checkpoint {
    /// `5.3`
    pub name: String,
    /// Where it is, in `docs/src`, counted from 1.
    pub line: usize,
    /// `compiles`, and what else the author has said.
    pub says: String,
    /// The program.
    pub program: Stage,
    /// The lines of code that have changed since the one before.
    pub changed: usize,
}

/// A program with lines that are broken on purpose.
#[derive(Debug)]
pub struct Broken {
    /// Where it is, in `docs/src`, counted from 1.
    pub line: usize,
    /// The program.
    pub program: Stage,
    /// What the compiler must say about it, if it must refuse it.
    pub fails: Option<String>,
}

/// The program that a session runs on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Runs {
    /// The checkpoint, by its place in the list.
    Checkpoint(usize),
    /// What is broken, by its place in the list.
    Broken(usize),
}

/// A chapter that is being worked on.
struct Work<'a> {
    book: &'a Book,
    text: &'a str,
    lesson: Option<Lesson<'a>>,
    plan: Plan,
    state: Option<State>,
    /// The program at the last checkpoint, and at the last piece.
    program: Stage,
    at_checkpoint: Option<Stage>,
    /// In which line the last piece is that no checkpoint has closed yet.
    open: Option<usize>,
    /// On what sessions run here.
    runs: Option<Runs>,
    /// Which piece shows a unit.
    shown_by: BTreeMap<usize, usize>,
    done: Chapter,
}

/// Carries out the directives of a chapter.
pub fn chapter(book: &Book, file: &str, text: &str) -> Chapter {
    let number = stage::number_of(file.rsplit('/').next().unwrap_or_default());
    let mut faults = Vec::new();
    let mut lesson = None;
    if let Some(number) = number {
        match book.lesson(number) {
            Ok(found) => lesson = Some(found),
            Err(message) => faults.push((0, message)),
        }
    }
    let mut plan = lesson
        .as_mut()
        .map(|lesson| lesson.plan(text))
        .unwrap_or_default();
    faults.append(&mut plan.faults);
    let mut state = lesson.as_ref().map(State::new);
    let nothing = Stage::default();
    let program = match (&lesson, &mut state) {
        (Some(lesson), Some(state)) => state.program(lesson).unwrap_or(nothing),
        _ => nothing,
    };
    let mut work = Work {
        book,
        text,
        lesson,
        plan,
        state,
        program,
        at_checkpoint: None,
        open: None,
        runs: None,
        shown_by: BTreeMap::new(),
        done: Chapter::default(),
    };
    work.walk(&mut faults);
    work.judge(&mut faults);
    faults.sort_by_key(|fault| fault.0);
    let problem = |(line, message)| Problem {
        file: file.to_owned(),
        line: line + 1,
        message,
    };
    work.done.problems = faults.into_iter().map(problem).collect();
    work.done
}

/// A block of the author's that is read to its end before it is carried out.
struct Block<'a> {
    line: usize,
    info: &'a str,
    body: Vec<&'a str>,
}

impl<'a> Work<'a> {
    fn walk(&mut self, faults: &mut Vec<(usize, String)>) {
        let mut block: Option<Block> = None;
        let mut session: Option<render::Session> = None;
        let mut fences = Fences::default();
        let mut last = 0;
        for (at, line) in self.text.lines().enumerate() {
            last = at;
            if let Err(message) = fences.line(line) {
                faults.push((at, message));
            }
            if let Some(mut open) = block.take() {
                if line.trim() != "```" {
                    open.body.push(line);
                    block = Some(open);
                    continue;
                }
                match self.block(&open) {
                    Ok(html) => self.done.html += &html,
                    Err(message) => faults.push((open.line, message)),
                }
                continue;
            }
            let info = line.strip_prefix("```").map(str::trim);
            let word = info.and_then(|info| info.split_whitespace().next());
            if let (Some(info), Some("bytes" | "draft" | "break")) = (info, word) {
                block = Some(Block {
                    line: at,
                    info,
                    body: Vec::new(),
                });
                continue;
            }
            if let Some(attributes) = line.strip_prefix("```console") {
                if let Err(message) = self.session(at, attributes) {
                    faults.push((at, message));
                }
                session = Some(render::Session::default());
                let chapter = self.lesson.as_ref().map(|lesson| lesson.stage.number);
                self.done.html += &render::Session::begin(attributes, chapter);
                continue;
            }
            if let Some(open) = &mut session {
                self.done.html += &open.line(line);
                if line == "```" {
                    session = None;
                }
                continue;
            }
            if fences.is_open() {
                self.done.html += &format!("{line}\n");
                continue;
            }
            if line.starts_with('#') {
                self.mend();
            }
            match self.line(at, line) {
                Ok(Some(output)) => self.done.html += &output,
                Ok(None) => self.done.html += &format!("{line}\n"),
                Err(message) => faults.push((at, message)),
            }
        }
        if fences.is_open() {
            faults.push((last, "this block is not closed".into()));
        }
    }

    /// What can only be said at the end.
    fn judge(&mut self, faults: &mut Vec<(usize, String)>) {
        let last = self.text.lines().count().saturating_sub(1);
        let Some(lesson) = &self.lesson else { return };
        for unit in &self.plan.left {
            let fault = lesson.left_out(*unit, &self.plan.left);
            faults.extend(fault.map(|fault| (last, fault)));
        }
        for directive in [
            "{{#card",
            "{{#whole-diff",
            "{{#whole-files",
            "{{#checkpoint",
        ] {
            if !self.text.lines().any(|line| line.starts_with(directive)) {
                faults.push((last, format!("this chapter has no {directive} …}}}}")));
            }
        }
        if self.done.pieces > MOST_PIECES {
            let message = format!(
                "{} pieces, more than {MOST_PIECES}: show some together, {{{{#step \"…\" with \"…\"}}}}",
                self.done.pieces
            );
            faults.push((0, message));
        }
        if let Some(line) = self.open {
            let message = "no checkpoint follows this piece: write {{#checkpoint}}".to_owned();
            faults.push((line, message));
        }
        for draft in self.state.iter().flat_map(State::drafts) {
            let message = format!("the draft {draft} is still there: {{{{#end-draft {draft}}}}}");
            faults.push((last, message));
        }
        // If pieces are missing, that has been said.
        let end = self.done.checkpoints.last().filter(|_| faults.is_empty());
        if let Some(end) = end {
            for (path, text) in &lesson.stage.files {
                if end.program.files.get(path) != Some(text) {
                    let message = format!("the last checkpoint is not the stage: {path} differs");
                    faults.push((end.line - 1, message));
                }
            }
        }
    }

    /// What stands for the line, if a directive of ours is on it.
    fn line(&mut self, at: usize, line: &str) -> Result<Option<String>, String> {
        let book = self.book;
        let found = directive::on_line(line, |name, arguments| book.included(name, arguments))?;
        let Some(found) = found else { return Ok(None) };
        let arguments = &found.arguments;
        if ["step", "checkpoint", "end-draft"].contains(&found.name) {
            self.mend();
        }
        match found.name {
            "step" => self.step(at),
            "checkpoint" => self.checkpoint(at, arguments),
            "end-draft" => self.end_draft(at, arguments),
            "break" => self.break_line(at, arguments),
            "mend" => {
                self.mend();
                Ok(String::new())
            }
            "whole-files" => self.lesson().map(|lesson| {
                let shown_by = &self.shown_by;
                let typed = book.as_typed(lesson.stage).unwrap_or_default();
                whole::files(lesson, &typed, &|unit| shown_by.get(&unit).copied())
            }),
            "whole-diff" => self.lesson().map(|lesson| render::whole_diff(&lesson.diff)),
            "card" => card::card(self.lesson()?, self.text, arguments),
            "sizes" => Ok(card::sizes_table(&book.stages)),
            "matrix" => checks::matrix(book),
            _ => wire::recorded(&book.root, arguments),
        }
        .map(Some)
    }

    fn block(&mut self, block: &Block) -> Result<String, String> {
        if block.info == "bytes" {
            let text: String = block.body.iter().map(|line| format!("{line}\n")).collect();
            return Ok(wire::bytes(&wire::unescape(&text)?));
        }
        let kind = block.info.split_whitespace().next().unwrap_or_default();
        let (mut name, mut file, mut fails) = ("", "", None);
        // A value in quotes may have spaces in it.
        let words = block_words(block.info[kind.len()..].trim())?;
        for (word, value) in &words {
            match word.as_str() {
                "name" if kind == "draft" => name = value,
                "file" => file = value,
                "fails" if kind == "break" => fails = Some(value.clone()),
                _ => return Err(format!("```{kind} knows no {word}")),
            }
        }
        if file.is_empty() || (kind == "draft" && name.is_empty()) {
            let head = match kind {
                "draft" => "```draft name=once file=src/main.rs",
                _ => "```break file=src/main.rs",
            };
            return Err(format!("write {head}"));
        }
        let edit = Edit::parse(file, &block.body)?;
        if kind == "break" {
            return self.break_with(block.line, edit, fails);
        }
        self.mend();
        let name = name.to_owned();
        let stage = self.lesson()?.stage;
        let end = stage.files.get(file).map_or("", String::as_str);
        let note = if edit.stays(end) { "" } else { "for now" }.to_owned();
        self.piece(block.line, note, None, |_, state| {
            state.draft(&name, edit);
            Ok(())
        })
    }

    fn lesson(&self) -> Result<&Lesson<'a>, String> {
        self.lesson
            .as_ref()
            .ok_or_else(|| "this chapter has no stage: its name is not stageNN….md".into())
    }

    fn step(&mut self, at: usize) -> Result<String, String> {
        let Some(step) = self.plan.steps.remove(&at) else {
            self.lesson()?;
            return Ok(String::new()); // the plan has said what is wrong
        };
        if step.units.is_empty() {
            self.open = Some(at);
            return Ok(String::new());
        }
        for unit in &step.units {
            self.shown_by.insert(*unit, self.done.pieces + 1);
        }
        let first = step
            .units
            .first()
            .and_then(|unit| self.lesson.as_ref()?.units.get(*unit));
        let first = first.and_then(|unit| Some(self.lesson.as_ref()?.diff[unit.file].path.clone()));
        self.piece(at, String::new(), first.as_deref(), |lesson, state| {
            for draft in &step.ends {
                if !state.end(draft) {
                    return Err(no_draft(draft, state));
                }
            }
            for unit in &step.units {
                state.show(lesson, *unit);
            }
            Ok(())
        })
    }

    fn end_draft(&mut self, at: usize, arguments: &Arguments) -> Result<String, String> {
        let [(_, name)] = &arguments[..] else {
            return Err("write {{#end-draft name}}".into());
        };
        let html = self.piece(at, "not any more".into(), None, |_, state| {
            match state.end(name) {
                true => Ok(()),
                false => Err(no_draft(name, state)),
            }
        })?;
        Ok(html)
    }

    /// The reader changes the program, and sees how.
    fn piece(
        &mut self,
        at: usize,
        note: String,
        first: Option<&str>,
        change: impl FnOnce(&Lesson, &mut State) -> Result<(), String>,
    ) -> Result<String, String> {
        let (Some(lesson), Some(state)) = (&self.lesson, &mut self.state) else {
            return Err(self.lesson().err().unwrap_or_default());
        };
        self.open = Some(at);
        let had_manifest = state.has_manifest(lesson);
        change(lesson, state)?;
        let program = state.program(lesson)?;
        let mut before = self.book.as_typed(&self.program)?;
        let mut after = self.book.as_typed(&program)?;
        if !had_manifest {
            before.files.remove("Cargo.toml");
        }
        if !state.has_manifest(lesson) {
            after.files.remove("Cargo.toml");
        }
        self.done.pieces += 1;
        let number = (lesson.stage.number, self.done.pieces);
        let html = figure::piece(number, &before, &after, &note, first);
        self.program = program;
        Ok(html)
    }

    fn checkpoint(&mut self, at: usize, arguments: &Arguments) -> Result<String, String> {
        let says = match &arguments[..] {
            [] => "compiles".to_owned(),
            [(word, also)] if word.is_empty() && SAYS.contains(&also.as_str()) => {
                format!("compiles, {also}")
            }
            _ => {
                return Err(format!(
                    "write {{{{#checkpoint}}}}, or say \"{}\"",
                    SAYS.join("\" or \"")
                ));
            }
        };
        let lesson = self.lesson()?;
        let nothing = lesson.before;
        let before = self.at_checkpoint.as_ref().or(nothing);
        let changed = sizes::size(before, &self.program).total();
        let name = format!(
            "{}.{}",
            lesson.stage.number,
            self.done.checkpoints.len() + 1
        );
        let html = figure::checkpoint(&name, &says);
        self.done.checkpoints.push(Checkpoint {
            name: name.clone(),
            line: at + 1,
            says,
            program: self.program.clone(),
            changed,
        });
        self.runs = Some(Runs::Checkpoint(self.done.checkpoints.len() - 1));
        self.at_checkpoint = Some(self.program.clone());
        let empty = self.open.take().is_none();
        if empty {
            return Err(format!(
                "checkpoint {name} closes nothing: no piece since the one before"
            ));
        }
        if changed > MOST_LINES {
            return Err(format!(
                "checkpoint {name}: {changed} changed lines since the one before, more than {MOST_LINES}: \
                 put a checkpoint between (later \"…\" cuts a long piece)"
            ));
        }
        Ok(html)
    }

    fn break_line(&mut self, at: usize, arguments: &Arguments) -> Result<String, String> {
        let (mut old, mut new, mut place, mut fails) = (None, None, "", None);
        for (word, value) in arguments {
            match word.as_str() {
                "" if old.is_none() => old = Some(value),
                "becomes" => new = Some(value),
                "in" => place = value,
                "fails" => fails = Some(value.clone()),
                _ => return Err(HOW_TO_BREAK.into()),
            }
        }
        let (Some(old), Some(new)) = (old, new) else {
            return Err(HOW_TO_BREAK.into());
        };
        let edit = Edit::of_line(&self.whole()?.files, place, old, new)?;
        self.break_with(at, edit, fails)
    }

    /// The program that is broken: that of the last checkpoint, or the stage.
    fn whole(&self) -> Result<&Stage, String> {
        self.lesson()?;
        if self.open.is_some() {
            return Err("close the step first: {{#checkpoint}}".into());
        }
        let last = self.at_checkpoint.as_ref();
        last.ok_or_else(|| "there is no checkpoint before it whose program could break".into())
    }

    fn break_with(
        &mut self,
        at: usize,
        edit: Edit,
        fails: Option<String>,
    ) -> Result<String, String> {
        self.mend();
        let whole = self.whole()?.clone();
        let mut program = whole.clone();
        edit.apply(&mut program.files)?;
        let name = self
            .done
            .checkpoints
            .last()
            .map(|checkpoint| checkpoint.name.as_str());
        let html = figure::broken(&whole, &program, fails.is_some(), name.unwrap_or_default());
        self.done.breaks.push(Broken {
            line: at + 1,
            program,
            fails,
        });
        self.runs = Some(Runs::Broken(self.done.breaks.len() - 1));
        Ok(html)
    }

    /// What was broken is whole again.
    fn mend(&mut self) {
        if let Some(Runs::Broken(_)) = self.runs {
            let last = self.done.checkpoints.len().checked_sub(1);
            self.runs = last.map(Runs::Checkpoint);
        }
    }

    /// Notes on which program a session runs.
    fn session(&mut self, at: usize, attributes: &str) -> Result<(), String> {
        if attributes.contains("stage=") || attributes.contains("norun=") {
            return Ok(());
        }
        if let Some(runs) = self.runs {
            self.done.sessions.insert(at + 1, runs);
        }
        if self.open.is_some() {
            return Err("a session runs on a checkpoint: write {{#checkpoint}} before it".into());
        }
        if self.lesson.is_some() && self.runs.is_none() {
            return Err(
                "no checkpoint comes before this session: on which stage does it run? \
                        ```console,stage=NN"
                    .into(),
            );
        }
        Ok(())
    }
}

const SAYS: [&str; 2] = ["nothing to see yet", "run it now"];
const HOW_TO_BREAK: &str = "write {{#break \"a line\" becomes \"another\"}}, and if needed in \"src/main.rs\" \
     or fails \"what the compiler says\"";

fn no_draft(name: &str, state: &State) -> String {
    match &state.drafts()[..] {
        [] => format!("there is no draft {name} here, and no other"),
        there => format!(
            "there is no draft {name} here; there is {}",
            there.join(", ")
        ),
    }
}

/// The words of a block's first line: `name=once file=src/main.rs fails="a b"`.
fn block_words(text: &str) -> Result<Arguments, String> {
    let mut quoted = String::new();
    for part in text.split_inclusive(char::is_whitespace) {
        match part.split_once('=') {
            Some((word, value)) if !value.starts_with(['"', '\'']) && !value.trim().is_empty() => {
                quoted += &format!("{word}={} ", directive::quote(value.trim()));
            }
            _ => quoted += part,
        }
    }
    directive::arguments(&quoted)
}
