//! The exercises of chapter 05.

use std::thread;
use std::time::Duration;
use std::time::SystemTime;

use super::exercise;
use crate::check::Check;
use crate::check::Failure;
use crate::check::Verdict;
use crate::server::Server;

const EXERCISE: Check = exercise(5);

pub(super) const EXERCISES: &[Check] = &[
    Check {
        name: "05-time-page",
        rule: "/time shows the date, in the form of the field Date",
        sends: "GET /time, again and again for a second",
        expects: "200, and a page that contains the time of the answer, such as `Sun, 06 Nov 1994 08:49:37 GMT`",
        hint: "A row in the table, and a handler that asks the clock each time.",
        run: time_page,
        ..EXERCISE
    },
    Check {
        name: "05-second-path",
        rule: "/hi shows what /hello shows",
        sends: "GET /hello, then GET /hi",
        expects: "200 and the same body twice",
        hint: "Two rows of the table may name the same function.",
        run: |server| {
            let hello = server.get("/hello")?;
            let hi = server.get("/hi")?;
            hi.status(200)?;
            hi.body_is(&hello.body)
        },
        ..EXERCISE
    },
];

/// A page that is made only once is right at first, and soon too late.
fn time_page(server: &Server) -> Verdict {
    let first = shown_time(server)?;
    for _ in 0..100 {
        if shown_time(server)? != first {
            return Ok(());
        }
        thread::sleep(Duration::from_millis(50));
    }
    Err(Failure::new(format!("the time stands still at {first}")))
}

fn shown_time(server: &Server) -> Result<String, Failure> {
    let answer = server.get("/time")?;
    answer.status(200)?;
    answer.has_valid_date()?;
    let date = answer.field("Date")?;
    let sent = httpdate::parse_http_date(&date).unwrap_or(SystemTime::UNIX_EPOCH);
    // The page is made a moment before the head is.
    let times = [0, 1, 2].map(|ago| {
        let time = sent - Duration::from_secs(ago);
        // It panics at a time before 1970.
        httpdate::fmt_http_date(time.max(SystemTime::UNIX_EPOCH))
    });
    let page = answer.text();
    let shown = times.into_iter().find(|time| page.contains(time));
    answer.ensure(
        shown.is_some(),
        format!("the page should show the time, {date}"),
    )?;
    Ok(shown.unwrap_or_default())
}
