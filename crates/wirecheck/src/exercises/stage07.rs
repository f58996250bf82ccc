//! The exercises of chapter 07.

use super::exercise;
use crate::check::Check;
use crate::check::Failure;
use crate::check::Verdict;
use crate::check::ensure;
use crate::server::Server;
use crate::server::request;

/// How many clients say nothing while the server counts its workers.
const SILENT: u32 = 40;

const EXERCISE: Check = exercise(7);

pub(super) const EXERCISES: &[Check] = &[
    Check {
        name: "07-stats",
        rule: "/stats tells how many workers there are, and how many requests there have been",
        sends: "GET /stats and /hello, then /stats twice while forty clients say nothing",
        expects: "`requests: N`, in the end `requests: N+3`; and `workers: 41` or more, as each client holds one",
        hint: "Count requests where all of them come by, and before they are answered.",
        run: stats,
        ..EXERCISE
    },
    Check {
        name: "07-options",
        rule: "RFC 9110 §9.3.7: OPTIONS * asks about the server as a whole; §8.6: no Content-Length with 204",
        sends: "OPTIONS *",
        expects: "204 with Allow: GET, HEAD, no Content-Length, no body",
        hint: "A 204 has no length, not even zero: leave the field out.",
        run: |server| {
            let answer = server.ask(request("OPTIONS", "*"))?;
            answer.status(204)?;
            answer.field_is("Allow", "GET, HEAD")?;
            answer.ensure(
                answer.values("Content-Length").is_empty(),
                "a 204 must not have a Content-Length",
            )
        },
        ..EXERCISE
    },
];

fn stats(server: &Server) -> Verdict {
    let before = number(server, "requests")?;
    server.get("/hello")?.status(200)?;
    let mut silent = Vec::new();
    for _ in 0..SILENT {
        silent.push(server.connect()?);
    }
    // Clients are taken in the order in which they came: each of the silent ones has its
    // worker when this one is served.
    let workers = number(server, "workers")?;
    ensure(
        workers > SILENT,
        format!("{SILENT} silent clients and this one, but only {workers} workers"),
    )?;
    let after = number(server, "requests")?;
    ensure(
        after == before + 3,
        format!("after {before} requests and three more there are {after}"),
    )
}

/// The number behind this name in /stats.
fn number(server: &Server, name: &str) -> Result<u32, Failure> {
    let answer = server.get("/stats")?;
    answer.status(200)?;
    let text = answer.text();
    let mark = format!("{name}: ");
    let rest = text.split_once(&mark).map_or("", |(_, rest)| rest);
    let end = rest.find(|char: char| !char.is_ascii_digit());
    let digits = &rest[..end.unwrap_or(rest.len())];
    answer.ensure(
        digits.parse::<u32>().is_ok(),
        format!("no number follows {mark:?}"),
    )?;
    Ok(digits.parse().unwrap_or_default())
}
