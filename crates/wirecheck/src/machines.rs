//! The results for machines: JSON for scripts, JUnit for what shows tests in a browser.

use std::fs;
use std::path::Path;

use quick_junit::NonSuccessKind;
use quick_junit::Report;
use quick_junit::TestCase;
use quick_junit::TestCaseStatus;
use quick_junit::TestSuite;
use serde_json::Value;
use serde_json::json;

use crate::check::Failure;
use crate::report::Outcome;
use crate::report::outcome;
use crate::report::sentence;
use crate::run::Ended;
use crate::run::Run;

/// One object: the figures, and each check with how it ended.
pub fn json(run: &Run, known: &dyn Fn(&str) -> bool) -> String {
    let mut checks: Vec<Value> = Vec::new();
    for one in &run.ended {
        let check = &one.check;
        let mut row = json!({
            "name": check.name,
            "level": check.level.name(),
            "result": outcome(one, known).name(),
            "seconds": (one.took.as_secs_f64() * 1000.0).round() / 1000.0,
            "rule": check.rule,
        });
        if let Err(failure) = &one.verdict {
            row["says"] = sentence(failure).into();
            row["hint"] = check.hint.into();
        }
        if let Err(Failure::Wrong { exchange, .. }) = &one.verdict {
            let lines = exchange.to_string();
            row["exchange"] = lines.lines().collect::<Vec<_>>().into();
        }
        checks.push(row);
    }
    for check in &run.not_run {
        let level = check.level.name();
        checks.push(json!({ "name": check.name, "level": level, "result": "not run" }));
    }
    let count = |outcome: Outcome| {
        let same = |row: &&Value| row["result"] == outcome.name();
        checks.iter().filter(same).count()
    };
    let whole = json!({
        "wirecheck": env!("CARGO_PKG_VERSION"),
        "passed": count(Outcome::Passed),
        "failed": count(Outcome::Failed),
        "warned": count(Outcome::Warned),
        "known": count(Outcome::Known),
        "skipped": count(Outcome::Skipped),
        "not_run": run.not_run.len(),
        "checks": checks,
    });
    format!("{whole:#}\n")
}

/// A test suite with a test a check.
pub fn junit(run: &Run, known: &dyn Fn(&str) -> bool) -> Result<String, String> {
    let mut suite = TestSuite::new("wirecheck");
    for one in &run.ended {
        let mut case = TestCase::new(one.check.name, status(one, known));
        case.set_classname(one.check.level.name());
        case.set_time(one.took);
        suite.add_test_case(case);
    }
    let mut report = Report::new("wirecheck");
    report.add_test_suite(suite);
    report.to_string().map_err(|error| error.to_string())
}

fn status(one: &Ended, known: &dyn Fn(&str) -> bool) -> TestCaseStatus {
    let Err(failure) = &one.verdict else {
        return TestCaseStatus::success();
    };
    let mut status = match outcome(one, known) {
        Outcome::Failed => TestCaseStatus::non_success(NonSuccessKind::Failure),
        // A known failure and a warning turn nothing red.
        _ => TestCaseStatus::skipped(),
    };
    status.set_message(failure.first_line());
    if outcome(one, known) == Outcome::Failed {
        status.set_description(crate::report::explain(&one.check, failure, None));
    }
    status
}

/// Writes a report where it was asked for.
pub fn write(path: &Path, text: &str) -> Result<(), String> {
    fs::write(path, text).map_err(|error| format!("cannot write {}: {error}", path.display()))
}
