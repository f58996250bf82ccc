//! The exercises of chapter 15.

use super::exercise;
use crate::check::Check;
use crate::check::Failure;
use crate::check::Verdict;
use crate::check::ensure;
use crate::server::Server;
use crate::server::wait_until;

const EXERCISE: Check = exercise(15);

pub(super) const EXERCISES: &[Check] = &[
    Check {
        name: "15-clients",
        rule: "/clients tells how many clients are connected",
        sends: "GET /clients, and again while seven others are connected, and when they have left",
        expects: "`clients: 1`, then `clients: 8`, and at last `clients: 1` again",
        hint: "Count where the loop puts a client into its map, and where it takes one out.",
        run: clients,
        ..EXERCISE
    },
    Check {
        name: "15-loops",
        rule: "--loops N starts N event loops",
        sends: "GET / to a server with --loops 1, and to one with --loops 4",
        expects: "an answer, and three threads more (where /proc tells)",
        hint: "An Option in Args; without the flag it is still one a core.",
        run: |server| {
            let one = threads(server, "1")?;
            let four = threads(server, "4")?;
            ensure(
                four == one.map(|threads| threads + 3),
                format!("{one:?} threads with --loops 1, {four:?} with --loops 4"),
            )
        },
        ..EXERCISE
    },
];

fn clients(server: &Server) -> Verdict {
    let own = server.own(&["--timeout", "60"])?;
    let says = |count: u32| {
        let right = || {
            let answer = own.get("/clients");
            answer.is_ok_and(|answer| answer.text().contains(&format!("clients: {count}")))
        };
        ensure(
            wait_until(own.patience, right),
            format!("/clients never says `clients: {count}`"),
        )
    };
    says(1)?;
    let others: Result<Vec<_>, Failure> = (0..7).map(|_| own.connect()).collect();
    let others = others?;
    says(8)?;
    drop(others);
    says(1)
}

/// How many threads a server has with so many loops.
fn threads(server: &Server, loops: &str) -> Result<Option<u64>, Failure> {
    let own = server.own(&["--loops", loops])?;
    own.get("/")?.accepted()?;
    Ok(own.proc_status("Threads"))
}
