//! The exercises of chapter 16.

use super::exercise;
use crate::check::Check;
use crate::check::Verdict;
use crate::check::ensure;
use crate::server::Server;
use crate::server::request;
use crate::server::wait_until;

const EXERCISE: Check = exercise(16);

pub(super) const EXERCISES: &[Check] = &[
    Check {
        name: "16-goodbye",
        rule: "The last line on stdout is `goodbye`, when everybody has been served",
        sends: "GET /slow, and SIGTERM meanwhile",
        expects: "the answer, exit status 0, and `goodbye` behind the line about /slow",
        hint: "Behind the loops, in main. Mind who prints what is put aside.",
        run: goodbye,
        ..EXERCISE
    },
    Check {
        name: "16-ready",
        rule: "/ready says 200, and 503 when the server is about to end",
        sends: "GET /ready; half of it on another connection, SIGTERM, and the other half",
        expects: "200, then 503",
        hint: "A handler that looks at the same flag as everybody.",
        run: |server| {
            let own = server.own(&[])?;
            own.get("/ready")?.status(200)?;
            let mut client = own.connect()?;
            client.send("GET /ready HTTP/1.1\r\nHost: loc");
            own.ask(request("GET", "/hello"))?.status(200)?;
            own.terminate()?;
            let shut = wait_until(own.patience, || own.connect().is_err());
            ensure(shut, "it was asked to end, and still accepts")?;
            client.send("alhost\r\n\r\n");
            client.answer()?.status(503)
        },
        ..EXERCISE
    },
];

fn goodbye(server: &Server) -> Verdict {
    let own = server.own(&[])?;
    let mut client = own.connect()?;
    client.send("GET /slow HTTP/1.1\r\nHost: localhost\r\n\r\n");
    own.ask(request("GET", "/hello"))?.status(200)?;
    own.terminate()?;
    client.answer()?.status(200)?;
    drop(client);
    own.ends_well()?;
    let last = || {
        let (stdout, _) = own.output().unwrap_or_default();
        String::from_utf8_lossy(&stdout)
            .trim_end()
            .ends_with("\ngoodbye")
    };
    ensure(
        wait_until(own.patience, last),
        "`goodbye` is not the last line on stdout",
    )
}
