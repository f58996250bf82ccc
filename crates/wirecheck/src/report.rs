//! What people get to see.

use std::fmt::Display;
use std::io::IsTerminal;
use std::io::Write;
use std::time::Duration;

use anstyle::AnsiColor;
use anstyle::Style;

use crate::check::Check;
use crate::check::Failure;
use crate::check::Harm;
use crate::check::Level;
use crate::checks::needs_many_at_once;
use crate::exercises;
use crate::run::Ended;
use crate::run::Run;
use crate::server::end_all;

const GREEN: Style = AnsiColor::Green.on_default();
const RED: Style = AnsiColor::Red.on_default().bold();
const YELLOW: Style = AnsiColor::Yellow.on_default();
const DIM: Style = Style::new().dimmed();
const BOLD: Style = Style::new().bold();

/// Of what takes longer, the time is shown. Our own checks wait for a deadline of a second.
const LONG: Duration = Duration::from_secs(2);

/// The check of an ordinary GET /.
const PLAIN: &str = "answer-is-http";

/// A line to stdout. When nobody reads on (`| head`), there is nobody to work for.
pub fn say(line: impl Display) {
    if writeln!(anstream::stdout(), "{line}").is_err() {
        end_all(2);
    }
}

/// On a terminal, the name of what runs now, until it is dropped.
pub struct Running(usize);

impl Running {
    /// Shows it.
    pub fn show(what: &str) -> Running {
        let mut stdout = std::io::stdout();
        if !stdout.is_terminal() {
            return Running(0);
        }
        let line = format!("  … {what}");
        let _ = write!(stdout, "{line}");
        let _ = stdout.flush();
        Running(line.chars().count())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if self.0 > 0 {
            // Spaces, since not every terminal knows how to erase a line.
            let mut stdout = std::io::stdout();
            let _ = write!(stdout, "\r{:1$}\r", "", self.0);
            let _ = stdout.flush();
        }
    }
}

/// Before the checks of a stage.
pub fn heading(stage: u8) {
    say(format!("{BOLD}stage {stage:02}{BOLD:#}"));
}

/// Before all checks: `GET /` has failed already.
pub fn plain_is_wrong(failure: &Failure) {
    let why = failure.first_line();
    say(format!(
        "{RED}Before anything else{RED:#}: an ordinary GET / is not answered rightly: {why}\n\
         Whatever fails below may follow from it; {PLAIN} is the check to mend first."
    ));
}

/// After the checks of a server that has no page.
pub fn proves_little(status: u16) {
    say(format!(
        "\nGET / is answered with {status}: most checks prove little. Give it a page at /."
    ));
}

/// One line a check.
pub fn line(ended: &Ended) {
    let name = ended.check.name;
    let took = took(ended.took);
    match &ended.verdict {
        Ok(()) => say(format!("  {GREEN}✓{GREEN:#} {name}{took}")),
        // The summary counts them, by reason.
        Err(Failure::Skipped(_)) => {}
        Err(failure) => {
            let (style, mark) = mark(ended);
            let why = failure.first_line();
            say(format!("  {style}{mark} {name}{style:#}: {why}{took}"));
        }
    }
}

/// A warning is no failure, unless the server ended over it.
fn is_warning(ended: &Ended) -> bool {
    let ends = matches!(&ended.verdict, Err(failure) if failure.ended_it());
    ended.check.level == Level::Should && !ends
}

fn mark(ended: &Ended) -> (Style, char) {
    if is_warning(ended) {
        return (YELLOW, '!');
    }
    (RED, '✗')
}

/// How a check ended, in a word.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Outcome {
    /// The server does what it should.
    Passed,
    /// It does not.
    Failed,
    /// It does not what is recommended.
    Warned,
    /// It fails, as was expected.
    Known,
    /// It could not be tried.
    Skipped,
}

impl Outcome {
    /// The word.
    pub fn name(self) -> &'static str {
        match self {
            Outcome::Passed => "passed",
            Outcome::Failed => "failed",
            Outcome::Warned => "warned",
            Outcome::Known => "known",
            Outcome::Skipped => "skipped",
        }
    }
}

/// How it ended; `known` names the failures that are expected.
pub fn outcome(ended: &Ended, known: &dyn Fn(&str) -> bool) -> Outcome {
    match &ended.verdict {
        Ok(()) => Outcome::Passed,
        Err(Failure::Skipped(_)) => Outcome::Skipped,
        Err(_) if known(ended.check.name) => Outcome::Known,
        Err(_) if is_warning(ended) => Outcome::Warned,
        Err(_) => Outcome::Failed,
    }
}

fn took(time: Duration) -> String {
    if time < LONG {
        return String::new();
    }
    format!(" {DIM}({} s){DIM:#}", time.as_secs())
}

/// The worst failure in full (or all of them), the others in a line each, and the figures.
pub fn summary(run: &Run, stage: Option<u8>, all: bool, known: &dyn Fn(&str) -> bool) {
    let wanted = |wanted: Outcome| {
        let same = move |one: &&Ended| outcome(one, known) == wanted;
        run.ended.iter().filter(same).collect::<Vec<&Ended>>()
    };
    let (mut failed, mut warned) = (wanted(Outcome::Failed), wanted(Outcome::Warned));
    failed.sort_by_key(|one| weight(one, stage));
    warned.sort_by_key(|one| weight(one, stage));
    let failures = causes(&failed, run);
    let warnings = causes(&warned, run);
    for (i, cause) in failures.iter().chain(&warnings).enumerate() {
        if all || i == 0 {
            in_full(cause, stage);
        }
    }
    if !all {
        briefly(
            "Mend this one first; then:",
            failures.get(1..).unwrap_or_default(),
        );
        let from = usize::from(failures.is_empty());
        let rest = warnings.get(from..).unwrap_or_default();
        briefly("Warnings, for what an RFC only recommends:", rest);
    }
    figures(run, known);
    if let Some(cause) = failures.first()
        && !all
    {
        let name = cause[0].check.name;
        say(format!(
            "\nwirecheck … --only {name} tries it again; --explain NAME says what to do about any other; --all shows all in full."
        ));
    }
}

/// The least comes first. Without an answer to GET / all others fail, too. A reader of the
/// book mends the earliest stage first; anybody else, what does most harm.
fn weight(ended: &Ended, stage: Option<u8>) -> (bool, u8, Harm, bool) {
    let check = &ended.check;
    let ends = matches!(&ended.verdict, Err(failure) if failure.ended_it());
    let harm = if ends {
        check.harm.min(Harm::Ends)
    } else {
        check.harm
    };
    let since = stage.map_or(0, |_| check.since);
    (check.name != PLAIN, since, harm, check.level != Level::Must)
}

/// What fails for one cause stands together, after its first.
fn causes<'a>(failed: &[&'a Ended], run: &Run) -> Vec<Vec<&'a Ended>> {
    let mut causes: Vec<Vec<&Ended>> = Vec::new();
    for one in failed {
        let same = |cause: &&mut Vec<&Ended>| is_one_cause(cause[0], one, run);
        match causes.iter_mut().find(same) {
            Some(cause) => cause.push(one),
            None => causes.push(vec![one]),
        }
    }
    causes
}

fn is_one_cause(first: &Ended, other: &Ended, run: &Run) -> bool {
    let says = |ended: &Ended| {
        let failure = ended.verdict.as_ref().err();
        failure
            .map_or("", |failure| failure.first_line())
            .to_string()
    };
    let waits = |one: &Ended| {
        let ended = one.verdict.as_ref().is_err_and(Failure::ended_it);
        needs_many_at_once(one.check.name) && !ended
    };
    if waits(first) && waits(other) {
        return true;
    }
    if first.check.name == PLAIN {
        return matches!(&run.plain, Err(plain) if plain.first_line() == says(other));
    }
    says(first) == says(other)
}

fn in_full(cause: &[&Ended], stage: Option<u8>) {
    let first = cause[0];
    let Err(failure) = &first.verdict else {
        return;
    };
    let check = &first.check;
    let (style, mark) = mark(first);
    let place = match stage {
        Some(_) => format!("stage {:02}, {}", check.since, check.level.name()),
        None => check.level.name().to_string(),
    };
    say(format!("\n{style}{mark} {}{style:#} ({place})", check.name));
    say(explain(check, failure, stage));
    if let Some(others) = others(cause) {
        say(format!("  also     {others}"));
    }
}

fn briefly(title: &str, causes: &[Vec<&Ended>]) {
    if causes.is_empty() {
        return;
    }
    say(format!("\n{title}"));
    for cause in causes {
        let (style, mark) = mark(cause[0]);
        let name = cause[0].check.name;
        let Err(failure) = &cause[0].verdict else {
            continue;
        };
        let mut why = failure.first_line().to_string();
        // The name says what is asked; what ended the server may have been a part of it.
        if let Failure::Wrong { exchange, .. } = failure
            && failure.ended_it()
            && let Some(request) = exchange.last_request()
            && !why.starts_with(request.split(" HTTP/").next().unwrap_or_default())
        {
            why += &format!(" (over {request})");
        }
        say(format!("  {style}{mark} {name}{style:#}: {why}"));
        if let Some(others) = others(cause) {
            say(format!("      {DIM}{others}{DIM:#}"));
        }
    }
}

/// `3 others fail because GET / is not answered: …`, in one line.
fn others(cause: &[&Ended]) -> Option<String> {
    const SHOWN: usize = 6;
    let names: Vec<_> = cause[1..].iter().map(|one| one.check.name).collect();
    let fail = match names.len() {
        0 => return None,
        1 => "1 other fails",
        n => &format!("{n} others fail"),
    };
    let because = match cause[0].check.name {
        PLAIN => "because GET / is not answered rightly",
        _ if cause[0].verdict.as_ref().is_err_and(Failure::ended_it) => {
            "over it too, each for what it sends"
        }
        name if needs_many_at_once(name) => "because it serves one client at a time",
        _ => "in the same way",
    };
    let more = if names.len() > SHOWN { ", …" } else { "" };
    let shown = names[..names.len().min(SHOWN)].join(", ");
    Some(format!("{fail} {because}: {shown}{more}"))
}

fn figures(run: &Run, known: &dyn Fn(&str) -> bool) {
    let count = |wanted: Outcome| {
        let same = |one: &&Ended| outcome(one, known) == wanted;
        run.ended.iter().filter(same).count()
    };
    let (failed, warned) = (count(Outcome::Failed), count(Outcome::Warned));
    let style = if failed == 0 { GREEN } else { RED };
    let mut line = format!("{} passed, {failed} failed", count(Outcome::Passed));
    if warned > 0 {
        line += &format!(", {warned} warned");
    }
    if count(Outcome::Known) > 0 {
        line += &format!(", {} known", count(Outcome::Known));
    }
    line += &format!(", {} skipped", count(Outcome::Skipped));
    say(format!("\n{style}{line}{style:#}"));
    for (reason, count) in skip_reasons(&run.ended) {
        say(format!("{DIM}  {count} skipped: {reason}{DIM:#}"));
    }
    if let Some(why) = &run.cut_short {
        say(format!("{YELLOW}{why}{YELLOW:#}"));
    }
}

fn skip_reasons(ended: &[Ended]) -> Vec<(&str, usize)> {
    let mut reasons: Vec<(&str, usize)> = Vec::new();
    for ended in ended {
        if let Err(Failure::Skipped(reason)) = &ended.verdict {
            match reasons.iter_mut().find(|(known, _)| known == reason) {
                Some((_, count)) => *count += 1,
                None => reasons.push((reason, 1)),
            }
        }
    }
    reasons
}

/// Why it failed, in a sentence.
pub fn sentence(failure: &Failure) -> String {
    match failure {
        Failure::Wrong { says, .. } => says.clone(),
        Failure::Skipped(reason) => format!("skipped: {reason}"),
    }
}

/// All that helps to find the fault: what happened, the bytes, the rule, the hint.
pub fn explain(check: &Check, failure: &Failure, stage: Option<u8>) -> String {
    let mut text = format!("{}\n", sentence(failure));
    if let Failure::Wrong { exchange, .. } = failure {
        for line in exchange.to_string().lines() {
            text += &format!("    {line}\n");
        }
    }
    text + &row(
        check,
        &check.expects_in(stage.unwrap_or(check.since.max(6))),
    )
}

/// What the table says of a check.
fn row(check: &Check, expects: &str) -> String {
    format!(
        "  sends    {}\n  expects  {expects}\n  rule     {}\n  hint     {}",
        check.what_it_sends(),
        check.rule,
        check.hint
    )
}

/// The check as the table has it, with its place.
pub fn describe(check: &Check) {
    let until = match check.until {
        Some(last) if last == check.since => "only".to_string(),
        Some(last) => format!("to {last:02}"),
        None => "and later".to_string(),
    };
    let demanded_by = match check.level {
        Level::Must => "must: the RFCs demand it, or any server owes it to its users",
        Level::Should => "should: an RFC recommends it; to do otherwise is a warning",
        Level::Ours => {
            "ours: only this tutorial asks it, for its own routes, texts, flags and choices"
        }
        Level::Exercise => "the exercise of this name in the chapter",
    };
    let (name, since) = (check.name, check.since);
    say(format!("{BOLD}{name}{BOLD:#}"));
    say(format!("  stage    {since:02} {until} (chapter {since})"));
    say(format!("  level    {demanded_by}"));
    say(row(check, check.expects));
}

/// One line of `--list`.
pub fn listed(check: &Check) {
    let level = check.level.name();
    let until = check
        .until
        .map(|last| format!("-{last:02}"))
        .unwrap_or_default();
    let stages = format!("{:02}{until}", check.since);
    say(format!("{stages:<5}  {level:<8}  {}", check.name));
}

/// The exercises (of a stage, if one is given) after the checks, for `--list`.
pub fn listed_exercises(stage: Option<u8>) {
    let mut exercises = exercises::all();
    exercises.retain(|exercise| stage.is_none_or(|stage| exercise.holds_for(stage)));
    say("\nExercises of the book, each run by --exercise NAME:");
    exercises.iter().for_each(listed);
}
