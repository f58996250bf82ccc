//! The exercises of chapter 05.

use std::time::Duration;

use super::exercise;
use crate::check::Check;
use crate::check::Verdict;
use crate::server::Server;

const EXERCISE: Check = exercise(5);

pub(super) const EXERCISES: &[Check] = &[
    Check {
        name: "05-time-page",
        rule: "/time shows the date, in the form of the field Date",
        sends: "GET /time",
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

fn time_page(server: &Server) -> Verdict {
    let answer = server.get("/time")?;
    answer.status(200)?;
    let date = answer.field("Date")?;
    let Ok(sent) = httpdate::parse_http_date(&date) else {
        return answer.has_valid_date();
    };
    // The page is made a moment before the head is.
    let shown = [0, 1, 2].map(|ago| httpdate::fmt_http_date(sent - Duration::from_secs(ago)));
    let page = answer.text();
    answer.ensure(
        shown.iter().any(|date| page.contains(date)),
        format!("the page should show the time, {date}"),
    )
}
