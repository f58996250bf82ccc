//! The exercises of the book, one module a stage. Each has a check of its own, which
//! the stage fails until the exercise is done: `wirecheck --exercise 01-whoami`.
//! `docs/exercises` holds the solutions, and `scripts/exercises` tries them.

use crate::check::Check;
use crate::check::Harm;
use crate::check::Level;

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

/// All exercises, by stage.
pub fn all() -> Vec<Check> {
    [
        stage01::EXERCISES,
        stage02::EXERCISES,
        stage03::EXERCISES,
        stage04::EXERCISES,
        stage05::EXERCISES,
        stage06::EXERCISES,
        stage07::EXERCISES,
        stage08::EXERCISES,
        stage09::EXERCISES,
        stage10::EXERCISES,
        stage11::EXERCISES,
        stage12::EXERCISES,
        stage13::EXERCISES,
        stage14::EXERCISES,
        stage15::EXERCISES,
        stage16::EXERCISES,
        stage17::EXERCISES,
    ]
    .concat()
}

/// What the exercises of one stage have in common; each fills in the rest.
/// A later stage starts without the exercises of the ones before it.
const fn exercise(stage: u8) -> Check {
    Check {
        name: "",
        since: stage,
        until: Some(stage),
        rule: "",
        sends: "",
        expects: "",
        hint: "",
        level: Level::Exercise,
        harm: Harm::Misleads,
        waits: false,
        rows: None,
        run: |_| Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks;

    #[test]
    fn every_row_is_whole() {
        let mut names: Vec<_> = checks::all().iter().map(|check| check.name).collect();
        for exercise in all() {
            let name = exercise.name;
            assert!(!names.contains(&name), "{name} stands twice");
            names.push(name);
            let number = format!("{:02}-", exercise.since);
            assert!(name.starts_with(&number), "{name} is not of this stage");
            let kebab = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
            assert!(name.chars().all(kebab), "{name:?}");
            for text in [
                exercise.rule,
                exercise.sends,
                exercise.expects,
                exercise.hint,
            ] {
                assert!(!text.is_empty(), "{name} lacks a text");
            }
        }
    }
}
