//! The exercises of chapter 07.

use super::exercise;
use crate::check::Check;
use crate::check::Failure;
use crate::check::Verdict;
use crate::check::ensure;
use crate::server::Server;
use crate::server::request;

/// How many clients at least say nothing while the server counts its workers.
const SILENT: u32 = 40;

const EXERCISE: Check = exercise(7);

pub(super) const EXERCISES: &[Check] = &[
    Check {
        name: "07-stats",
        rule: "/stats tells how many workers there are, and how many requests there have been",
        sends: "to a server that has just started: GET /stats twice, /hello, then /stats twice while forty clients and more say nothing",
        expects: "`requests: 1`, in the end `requests: 5` (from yours one more each: the checker has knocked); and more `workers` than clients that say nothing, as each holds one",
        hint: "Count requests where all of them come by, and before they are answered.",
        run: stats,
        ..EXERCISE
    },
    Check {
        name: "07-options",
        rule: "RFC 9110 §9.3.7: OPTIONS * asks about the server as a whole; §8.6: no Content-Length with 204",
        sends: "OPTIONS *",
        expects: "204 with an Allow that names GET and HEAD, no Content-Length, no body",
        hint: "A 204 has no length, not even zero: leave the field out.",
        run: |server| {
            let answer = server.ask(request("OPTIONS", "*"))?;
            answer.status(204)?;
            let allow = answer.field("Allow")?;
            let methods: Vec<_> = allow.split(',').map(str::trim).collect();
            answer.ensure(
                methods.contains(&"GET") && methods.contains(&"HEAD"),
                format!("Allow should name GET and HEAD and is {allow:?}"),
            )?;
            answer.ensure(
                answer.values("Content-Length").is_empty(),
                "a 204 must not have a Content-Length",
            )
        },
        ..EXERCISE
    },
];

fn stats(server: &Server) -> Verdict {
    let own = server.another()?;
    // Before a reader's server is used, a client asks it for its page: does it listen yet?
    let first = if server.is_ours() { 1 } else { 2 };
    let before = number(&own, "requests")?;
    ensure(
        before == first,
        format!("this is request {first} of a new server, and it says {before}"),
    )?;
    let idle = number(&own, "workers")?;
    own.get("/hello")?.status(200)?;
    // More than there are workers, on a machine with many cores, too.
    let clients = SILENT + idle.min(400);
    let mut silent = Vec::new();
    for _ in 0..clients {
        silent.push(own.connect()?);
    }
    // Clients are taken in the order in which they came: each of the silent ones has its
    // worker when this one is served.
    let workers = number(&own, "workers")?;
    ensure(
        workers > clients.max(idle),
        format!(
            "{idle} workers, then {clients} silent clients and this one, and {workers} workers"
        ),
    )?;
    let after = number(&own, "requests")?;
    ensure(
        after == before + 4,
        format!("after {before} requests and four more there are {after}"),
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
