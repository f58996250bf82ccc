//! The exercises of chapter 04.

use super::exercise;
use crate::check::Check;

const EXERCISE: Check = exercise(4);

pub(super) const EXERCISES: &[Check] = &[
    Check {
        name: "04-server-field",
        rule: "RFC 9110 §10.2.4: Server names the program, and its version if it likes",
        sends: "GET /",
        expects: "one field Server that begins with a name, a token as in RFC 9110 §5.6.2; behind a `/`, perhaps, its version",
        hint: "One more line in the head, before the empty one, with its \\r\\n.",
        run: |server| {
            let answer = server.get("/")?;
            let value = answer.field("Server")?;
            let name = value.split(['/', ' ', '\t']).next().unwrap_or_default();
            answer.ensure(
                is_token(name),
                format!("Server should begin with a name and is {value:?}"),
            )
        },
        ..EXERCISE
    },
    Check {
        name: "04-text",
        rule: "With --text the answer is plain text; RFC 9110 §8.3: Content-Type says so",
        sends: "GET / to a server with --text (yours: start it so)",
        expects: "200, Content-Type: text/plain; charset=utf-8, and as the body `Hello, World!` with a line end, 14 bytes; without the flag the page",
        hint: "Response::new makes an answer of any type; page is only one way to call it.",
        run: |server| {
            let answer = server.with_flag("--text")?.get("/")?;
            answer.status(200)?;
            answer.field_is("Content-Type", "text/plain; charset=utf-8")?;
            answer.body_is(b"Hello, World!\n")?;
            if !server.is_ours() {
                return Ok(());
            }
            let page = server.get("/")?;
            let kind = page.field_is("Content-Type", "text/html; charset=utf-8");
            kind.map_err(|failure| failure.titled("without --text:"))
        },
        ..EXERCISE
    },
];

fn is_token(text: &str) -> bool {
    let allowed = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c);
    !text.is_empty() && text.chars().all(allowed)
}
