//! What people get to see.

use std::fmt::Display;
use std::io::IsTerminal;
use std::io::Write;
use std::time::Duration;

use anstyle::AnsiColor;
use anstyle::Style;

use crate::check::Check;
use crate::check::Failure;
use crate::check::Kind;
use crate::exercises;
use crate::server::end_all;

/// How a check ended, kept until the summary.
pub struct Ended {
    /// Which.
    pub check: Check,
    /// How.
    pub verdict: Result<(), Failure>,
    /// After how long.
    pub took: Duration,
}

const GREEN: Style = AnsiColor::Green.on_default();
const RED: Style = AnsiColor::Red.on_default().bold();
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
    let why = first_line(failure);
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
            let why = first_line(failure);
            say(format!("  {RED}✗ {name}{RED:#}: {why}{took}"));
        }
    }
}

fn took(time: Duration) -> String {
    if time < LONG {
        return String::new();
    }
    format!(" {DIM}({} s){DIM:#}", time.as_secs())
}

/// The failures (the first in full, or all of them), and the figures.
pub fn summary(ended: &[Ended], stage: u8, all: bool) {
    let mut failed: Vec<_> = ended.iter().filter(|e| is_wrong(&e.verdict)).collect();
    // Without an answer to GET / all the others fail, too; and a log line in another form is
    // mended after what breaks clients.
    failed.sort_by_key(|e| (e.check.name != PLAIN, e.check.kind != Kind::Protocol));
    for (i, failed) in failed.iter().enumerate() {
        let Err(failure) = &failed.verdict else {
            continue;
        };
        if i == 0 || all {
            let (name, since) = (failed.check.name, failed.check.since);
            say(format!("\n{RED}✗ {name}{RED:#} (stage {since:02})"));
            say(explain(&failed.check, failure, stage));
        }
    }
    if failed.len() > 1 && !all {
        say("\nMend this one first: others may follow from it. --all shows each in full.");
    }
    let passed = ended.iter().filter(|e| e.verdict.is_ok()).count();
    let skipped = ended.len() - passed - failed.len();
    let style = if failed.is_empty() { GREEN } else { RED };
    say(format!(
        "\n{style}{passed} passed, {} failed, {skipped} skipped{style:#}",
        failed.len()
    ));
    for (reason, count) in skip_reasons(ended) {
        say(format!("{DIM}  {count} skipped: {reason}{DIM:#}"));
    }
}

fn is_wrong(verdict: &Result<(), Failure>) -> bool {
    matches!(verdict, Err(Failure::Wrong { .. }))
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

fn first_line(failure: &Failure) -> String {
    let sentence = sentence(failure);
    sentence.lines().next().unwrap_or_default().to_string()
}

/// Why it failed, in a sentence.
pub fn sentence(failure: &Failure) -> String {
    match failure {
        Failure::Wrong { says, .. } => says.clone(),
        Failure::Skipped(reason) => format!("skipped: {reason}"),
    }
}

/// All that helps to find the fault: what happened, the bytes, the rule, the hint.
pub fn explain(check: &Check, failure: &Failure, stage: u8) -> String {
    let mut text = format!("{}\n", sentence(failure));
    if let Failure::Wrong { exchange, .. } = failure {
        for line in exchange.to_string().lines() {
            text += &format!("    {line}\n");
        }
    }
    text + &row(check, &check.expects_in(stage))
}

/// What the table says of a check.
fn row(check: &Check, expects: &str) -> String {
    format!(
        "  sends    {}\n  expects  {expects}\n  rule     {}\n  hint     {}",
        check.sends, check.rule, check.hint
    )
}

/// The check as the table has it, with its place.
pub fn describe(check: &Check) {
    let until = match check.until {
        Some(last) if last == check.since => "only".to_string(),
        Some(last) => format!("to {last:02}"),
        None => "and later".to_string(),
    };
    let demanded_by = match check.kind {
        Kind::Protocol => "the protocol, or what any server owes its users",
        Kind::House => "our own stages: their routes, texts, flags and choices",
        Kind::Exercise => "the exercise of this name in the chapter",
    };
    let (name, since) = (check.name, check.since);
    say(format!("{BOLD}{name}{BOLD:#}"));
    say(format!("  stage    {since:02} {until} (chapter {since})"));
    say(format!("  asked by {demanded_by}"));
    say(row(check, check.expects));
}

/// One line of `--list`.
pub fn listed(check: &Check) {
    let kind = match check.kind {
        Kind::Protocol => "protocol",
        Kind::House => "house   ",
        Kind::Exercise => "exercise",
    };
    let until = check
        .until
        .map(|last| format!("-{last:02}"))
        .unwrap_or_default();
    let stages = format!("{:02}{until}", check.since);
    say(format!("{stages:<5}  {kind}  {}", check.name));
}

/// The exercises (of a stage, if one is given) after the checks, for `--list`.
pub fn listed_exercises(stage: Option<u8>) {
    let mut exercises = exercises::all();
    exercises.retain(|exercise| stage.is_none_or(|stage| exercise.holds_for(stage)));
    say("\nExercises of the book, each run by --exercise NAME:");
    exercises.iter().for_each(listed);
}
