//! The table, one module a stage. A row stands in the module of the first
//! stage that it holds for.

use crate::check::Check;
use crate::check::Harm;
use crate::check::Level;

mod at_once;
mod kept;
mod pages;
mod process;
mod stage01;
mod stage02;
mod stage03;
mod stage04;
mod stage05;
mod stage06;
mod stage07;
mod stage08;
mod stage09;
mod stage10;
mod stage11;
mod stage12;
mod stage13;
mod stage14;
mod stage15;
mod stage16;
mod stage17;

pub use at_once::needs_many_at_once;
pub(crate) use stage05::refuses;

/// The rows, a list for each stage, and those for any page, connection and process.
const TABLES: &[&[Check]] = &[
    stage01::CHECKS,
    stage02::CHECKS,
    stage03::CHECKS,
    stage04::CHECKS,
    stage05::CHECKS,
    stage06::CHECKS,
    stage07::CHECKS,
    stage08::CHECKS,
    stage08::length::CHECKS,
    stage08::chunked::CHECKS,
    stage08::codings::CHECKS,
    stage08::limits::CHECKS,
    stage09::CHECKS,
    stage10::CHECKS,
    stage11::CHECKS,
    stage12::CHECKS,
    stage13::CHECKS,
    stage14::CHECKS,
    stage15::CHECKS,
    stage16::CHECKS,
    stage17::CHECKS,
    // These are of several stages.
    pages::CHECKS,
    kept::CHECKS,
    process::CHECKS,
];

/// The highest stage that there are checks for.
pub const LAST_STAGE: u8 = 17;

/// All checks, by stage.
pub fn all() -> Vec<Check> {
    let mut checks = TABLES.concat();
    checks.sort_by_key(|check| check.since);
    checks
}

/// What the rows of one stage have in common; each row fills in the rest.
const fn house(since: u8) -> Check {
    Check {
        name: "",
        since,
        until: None,
        rule: "",
        sends: "",
        expects: "",
        hint: "",
        level: Level::Ours,
        harm: Harm::Misleads,
        waits: false,
        rows: None,
        run: |_| Ok(()),
    }
}

/// The same for rows that the RFCs demand of any server.
const fn protocol(since: u8) -> Check {
    Check {
        level: Level::Must,
        ..house(since)
    }
}

/// A row that the RFCs demand of any server.
const fn must(since: u8) -> Check {
    protocol(since)
}

/// A row that an RFC recommends.
const fn should(since: u8) -> Check {
    Check {
        level: Level::Should,
        ..house(since)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn every_row_is_whole() {
        let mut names = HashSet::new();
        for check in all() {
            let name = check.name;
            let kebab = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
            assert!(!name.is_empty() && name.chars().all(kebab), "{name:?}");
            assert!(names.insert(name), "{name} stands twice");
            let sends = check.what_it_sends();
            for text in [check.rule, &sends, check.expects, check.hint] {
                assert!(!text.is_empty(), "{name} lacks a text");
            }
            assert!((1..=LAST_STAGE + 1).contains(&check.since), "{name}");
            assert!(check.until.is_none_or(|last| last >= check.since), "{name}");
        }
    }

    #[test]
    fn there_are_enough() {
        let checks = all();
        assert!(checks.len() >= 150, "only {} checks", checks.len());
        for stage in [6, 8, 9] {
            let new = checks.iter().filter(|check| check.since == stage).count();
            assert!(new >= 15, "only {new} checks are new in stage {stage}");
        }
    }
}
