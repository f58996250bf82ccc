//! What people get to see.

use anstyle::AnsiColor;
use anstyle::Style;

use crate::check::Check;
use crate::check::Failure;
use crate::check::Kind;
use crate::exercises;

/// How a check ended, kept until the summary.
pub struct Ended {
    /// Which.
    pub check: Check,
    /// How.
    pub verdict: Result<(), Failure>,
}

const GREEN: Style = AnsiColor::Green.on_default();
const RED: Style = AnsiColor::Red.on_default().bold();
const DIM: Style = Style::new().dimmed();
const BOLD: Style = Style::new().bold();

/// Before the checks of a stage.
pub fn heading(stage: u8) {
    anstream::println!("{BOLD}stage {stage:02}{BOLD:#}");
}

/// One line a check.
pub fn line(ended: &Ended) {
    let name = ended.check.name;
    match &ended.verdict {
        Ok(()) => anstream::println!("  {GREEN}✓{GREEN:#} {name}"),
        // The summary counts them, by reason.
        Err(Failure::Skipped(_)) => {}
        Err(failure) => anstream::println!("  {RED}✗ {name}{RED:#}: {}", first_line(failure)),
    }
}

/// The failures (the first in full, or all of them), and the figures.
pub fn summary(ended: &[Ended], all: bool) {
    let failed: Vec<_> = ended.iter().filter(|e| is_wrong(&e.verdict)).collect();
    for (i, failed) in failed.iter().enumerate() {
        let Err(failure) = &failed.verdict else {
            continue;
        };
        if i == 0 || all {
            let (name, since) = (failed.check.name, failed.check.since);
            anstream::println!("\n{RED}✗ {name}{RED:#} (stage {since:02})");
            anstream::print!("{}", explain(&failed.check, failure));
        }
    }
    if failed.len() > 1 && !all {
        anstream::println!(
            "\nMend this one first: others may follow from it. --all shows each in full."
        );
    }
    let passed = ended.iter().filter(|e| e.verdict.is_ok()).count();
    let skipped = ended.len() - passed - failed.len();
    let style = if failed.is_empty() { GREEN } else { RED };
    anstream::println!(
        "\n{style}{passed} passed, {} failed, {skipped} skipped{style:#}",
        failed.len()
    );
    for (reason, count) in skip_reasons(ended) {
        anstream::println!("{DIM}  {count} skipped: {reason}{DIM:#}");
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
pub fn explain(check: &Check, failure: &Failure) -> String {
    let mut text = format!("{}\n", sentence(failure));
    if let Failure::Wrong { exchange, .. } = failure {
        for line in exchange.to_string().lines() {
            text += &format!("    {line}\n");
        }
    }
    text + &row(check)
}

/// What the table says of a check.
pub fn row(check: &Check) -> String {
    format!(
        "  sends    {}\n  expects  {}\n  rule     {}\n  hint     {}\n",
        check.sends, check.expects, check.rule, check.hint
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
        Kind::Protocol => "the protocol",
        Kind::House => "our own stages: their routes, texts, flags and choices",
        Kind::Exercise => "the exercise of this name in the chapter",
    };
    anstream::println!("{BOLD}{}{BOLD:#}", check.name);
    anstream::println!(
        "  stage    {:02} {until} (chapter {})",
        check.since,
        check.since
    );
    anstream::println!("  asked by {demanded_by}");
    anstream::print!("{}", row(check));
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
    anstream::println!("{stages:<5}  {kind}  {}", check.name);
}

/// The exercises (of a stage, if one is given) after the checks, for `--list`.
pub fn listed_exercises(stage: Option<u8>) {
    let mut exercises = exercises::all();
    exercises.retain(|exercise| stage.is_none_or(|stage| exercise.holds_for(stage)));
    anstream::println!("\nExercises of the book, each run by --exercise NAME:");
    exercises.iter().for_each(listed);
}
