//! Every check on every stage for which it holds, and that each stage can do what the one
//! before it cannot.

use std::time::Duration;

use libtest_mimic::Failed;
use libtest_mimic::Trial;
use wirecheck::check::Check;
use wirecheck::check::Failure;
use wirecheck::checks;
use wirecheck::report;
use wirecheck::server::Origin;
use wirecheck::server::Server;
use wirecheck::stages::Stage;

/// A test for each check on each stage; the last stages have those that take longest.
pub fn trials(stages: &[Stage]) -> Vec<Trial> {
    let mut trials = Vec::new();
    for (before, stage) in stages.iter().enumerate().rev() {
        for check in checks::all() {
            if check.holds_for(stage.number) {
                let name = format!("checks::stage{:02}::{}", stage.number, check.name);
                let stage = stage.clone();
                trials.push(Trial::test(name, move || passes(&check, &stage)));
            }
        }
        if before > 0 {
            let previous = stages[before - 1].clone();
            let name = format!(
                "checks::stage{:02}::fails-on-stage{:02}",
                stage.number, previous.number
            );
            let since = stage.number;
            trials.push(Trial::test(name, move || one_fails(since, &previous)));
        }
    }
    trials
}

/// A server of its own for each check: what one leaves behind disturbs no other.
fn passes(check: &Check, stage: &Stage) -> Result<(), Failed> {
    let server = start(stage)?;
    match check.run_on(&server) {
        Ok(()) => Ok(()),
        Err(Failure::Skipped(reason)) => Err(format!("skipped: {reason}").into()),
        Err(failure) => Err(report::explain(check, &failure, Some(stage.number)).into()),
    }
}

/// What is new in a stage, the stage before it cannot do.
fn one_fails(since: u8, previous: &Stage) -> Result<(), Failed> {
    let new = checks::all()
        .into_iter()
        .filter(|check| check.since == since);
    for check in new {
        let mut server = start(previous)?;
        // It is meant to fail, so there is no use in waiting long.
        server.patience = Duration::from_millis(300);
        if check.run_on(&server).is_err() {
            return Ok(());
        }
    }
    Err(format!("{} passes all checks of stage {since}", previous.package).into())
}

fn start(stage: &Stage) -> Result<Server, Failed> {
    let origin = Origin::Stage(stage.program());
    Server::start(stage.number, &origin).map_err(|failure| report::sentence(&failure).into())
}
