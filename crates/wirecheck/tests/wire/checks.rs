//! Every check on every stage for which it holds, that each stage can do what the one before it
//! cannot, and that the last does over TLS what the RFCs demand of anybody.

use std::time::Duration;

use libtest_mimic::Failed;
use libtest_mimic::Trial;
use wirecheck::check::Check;
use wirecheck::check::Failure;
use wirecheck::check::Level;
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
    if let Some(last) = stages.last() {
        trials.extend(over_tls(last));
    }
    trials
}

/// The same demands on the last stage, and all that is sent and received is encrypted on its way.
fn over_tls(last: &Stage) -> Vec<Trial> {
    let mut trials = Vec::new();
    for check in checks::all() {
        let in_the_open = check.name.starts_with("tls-") || check.until.is_some();
        if check.level == Level::Ours || in_the_open || !check.holds_for(last.number) {
            continue;
        }
        let stage = last.clone();
        let name = format!("checks::over-tls::{}", check.name);
        trials.push(Trial::test(name, move || {
            let program = stage.program();
            let line = format!(
                "exec '{}' --port {{port}} --cert {{cert}} --key {{key}} {{root}}",
                program.display()
            );
            let origin = Origin::Command(line);
            let mut server = Server::start(stage.number, &origin)
                .map_err(|failure| Failed::from(report::sentence(&failure)))?;
            server.told.posts = vec!["/echo".to_string()];
            // Twice what it gives them.
            server.told.deadline = Some(Duration::from_secs(20));
            judge(&check, &server, &stage)
        }));
    }
    trials
}

/// A server of its own for each check: what one leaves behind disturbs no other.
fn passes(check: &Check, stage: &Stage) -> Result<(), Failed> {
    judge(check, &start(stage)?, stage)
}

fn judge(check: &Check, server: &Server, stage: &Stage) -> Result<(), Failed> {
    match check.run_on(server) {
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
