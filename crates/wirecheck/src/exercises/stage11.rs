//! The exercises of chapter 11.

use super::exercise;
use crate::answer::Answer;
use crate::check::Check;
use crate::check::Verdict;
use crate::pages::get;
use crate::server::Server;

const EXERCISE: Check = exercise(11);

pub(super) const EXERCISES: &[Check] = &[
    Check {
        name: "11-say-how-long",
        rule: "Keep-Alive: timeout=5 tells a client how long the connection waits for its next request",
        sends: "GET /hello, and with Connection: close; both again to a server with --keep-alive 2",
        expects: "Keep-Alive: timeout=5 (or 2) beside Connection: keep-alive, and none beside close",
        hint: "Push it where Connection is pushed, with args.keep_alive in it.",
        run: say_how_long,
        ..EXERCISE
    },
    Check {
        name: "11-hundred",
        rule: "A connection ends with its hundredth answer, and says so in it (RFC 9112 §9.6)",
        sends: "GET /hello 99 times on one connection, and once more",
        expects: "keep-alive in the first 99 answers, close in the hundredth, then the close",
        hint: "Count in the connection, in next_request; lasts is false for the hundredth.",
        run: hundred,
        ..EXERCISE
    },
];

fn say_how_long(server: &Server) -> Verdict {
    let two = server.own(&["--keep-alive", "2"])?;
    for (server, seconds) in [(server, 5), (&two, 2)] {
        let mut client = server.connect()?;
        client.send(get("/hello"));
        let answer = Answer::read_next(&mut client, false)?;
        answer.status(200)?;
        answer.field_is("Connection", "keep-alive")?;
        answer.field_is("Keep-Alive", &format!("timeout={seconds}"))?;
        let answer = server.get("/hello")?;
        answer.field_is("Connection", "close")?;
        answer.ensure(
            answer.values("Keep-Alive").is_empty(),
            "the connection ends, and Keep-Alive says that it waits",
        )?;
    }
    Ok(())
}

fn hundred(server: &Server) -> Verdict {
    let mut client = server.connect()?;
    for number in 1..=100 {
        client.send(get("/hello"));
        let answer = Answer::read_next(&mut client, false)?;
        answer.status(200)?;
        let wanted = if number < 100 { "keep-alive" } else { "close" };
        let option = answer.field("Connection")?;
        answer.ensure(
            option == wanted,
            format!("answer {number} says {option}, and should say {wanted}"),
        )?;
    }
    if client.rest()?.is_empty() {
        return Ok(());
    }
    Err(client.wrong("more comes after the hundredth answer"))
}
