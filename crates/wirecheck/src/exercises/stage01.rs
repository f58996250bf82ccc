//! The exercises of chapter 01.

use super::exercise;
use crate::check::Check;
use crate::check::Failure;
use crate::check::ensure;
use crate::client::Connection;
use crate::server::Server;

const EXERCISE: Check = exercise(1);

pub(super) const EXERCISES: &[Check] = &[
    Check {
        name: "01-nth-client",
        rule: "The log says how many clients there have been",
        sends: "nothing: connects three times, one after the other",
        expects: "on stdout, behind the address of each, `connected, client N`, where N grows by one",
        hint: "Count in main: a variable before the loop lives longer than one round of it.",
        run: |server| {
            let first = client_number(server)?;
            for later in 1..3 {
                let number = client_number(server)?;
                ensure(
                    number == first + later,
                    format!("after client {first}, {later} later, comes client {number}"),
                )?;
            }
            Ok(())
        },
        ..EXERCISE
    },
    Check {
        name: "01-whoami",
        rule: "With --whoami each client gets a line with its own address, then the close",
        sends: "nothing: connects to a server with --whoami after its address (yours: start it so), and reads; then to ours without it",
        expects: "the address and port of the client, a line end, the end of the stream; without the flag nothing",
        hint: "writeln! writes to a stream as it does to stdout; the address is there already.",
        run: |server| {
            let own = server.with_flag("--whoami")?;
            let mut client = own.connect()?;
            let told = client.rest()?;
            let line = format!("{}\n", address_of(&client));
            if told != line.as_bytes() {
                return Err(client.wrong(format!("the client should be told {line:?}")));
            }
            if !server.is_ours() {
                return Ok(());
            }
            let without = server.connect()?.closes_silently();
            without.map_err(|failure| failure.titled("without --whoami:"))
        },
        ..EXERCISE
    },
];

/// Connects, and looks up in the log which client that was.
fn client_number(server: &Server) -> Result<u64, Failure> {
    let mut client = server.connect()?;
    client.half_close();
    client.rest()?;
    let line = server.stdout_line(&format!("{} connected", address_of(&client)))?;
    let number = line.split_once(" connected, client ");
    number
        .and_then(|(_, number)| number.trim_end().parse().ok())
        .ok_or_else(|| Failure::new(format!("the log does not count the clients: {line:?}")))
}

/// What the server sees as the address of its peer.
fn address_of(client: &Connection) -> String {
    let address = client.stream.local_addr();
    address.map(|it| it.to_string()).unwrap_or_default()
}
