//! The tests that start servers, each a test with a name of its own. They wait more than
//! they work, so they are one program, which runs many at a time:
//!
//! - `checks::stage05::host`: a check on a stage for which it holds;
//! - `faults::stage09::root-removed`: a fault that a stage survives;
//! - `anybody::page-date finds no-date-404`: the same on a server that keeps connections;
//! - `wrong::host-twice finds one that takes the last`: a check on a server that is wrong.
//!
//! `cargo test -p wirecheck --test wire stage05` runs those with `stage05` in their names.

mod anybody;
mod checks;
mod faults;
mod over_tls;
mod proxy;
mod wrong;

use std::process::ExitCode;

use libtest_mimic::Arguments;
use rustix::process::Resource;
use wirecheck::server;
use wirecheck::stages;

/// So many at a time, unless `--test-threads` says otherwise.
const AT_ONCE: usize = 64;

/// So many sockets and files, they and their servers: systems begin with 256 or 1,024.
const OPEN_FILES: u64 = 10_240;

fn main() -> ExitCode {
    if let Some(ended) = anybody::serve().or_else(wrong::serve) {
        return ended;
    }
    let mut arguments = Arguments::from_args();
    arguments.test_threads = arguments.test_threads.or(Some(AT_ONCE));
    let stages = stages::all();
    if !arguments.list
        && let Err(says) = stages::build(&stages)
    {
        eprintln!("{says}");
        return ExitCode::FAILURE;
    }
    allow_open_files();
    server::end_with_ctrl_c();
    let mut trials = faults::trials(&stages);
    trials.extend(checks::trials(&stages));
    trials.extend(anybody::trials());
    trials.extend(wrong::trials(&stages));
    // Those first that wait longest.
    trials.sort_by_key(|trial| {
        let name = trial.name();
        !name.contains("file-never-read") && !name.contains("tls-never-reads")
    });
    libtest_mimic::run(&arguments, trials).exit_code()
}

/// If the system says no, the tests that need more will say so.
fn allow_open_files() {
    let mut limit = rustix::process::getrlimit(Resource::Nofile);
    limit.current = Some(limit.maximum.unwrap_or(OPEN_FILES).min(OPEN_FILES));
    let _ = rustix::process::setrlimit(Resource::Nofile, limit);
}
