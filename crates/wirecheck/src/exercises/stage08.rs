//! The exercises of chapter 08.

use std::thread;

use super::exercise;
use crate::check::Check;
use crate::check::Failure;
use crate::check::Verdict;
use crate::server::Server;

const EXERCISE: Check = exercise(8);

pub(super) const EXERCISES: &[Check] = &[
    Check {
        name: "08-count",
        rule: "POST /count tells how many bytes and LFs the body has",
        sends: "four bodies: two lines, nothing, no line end, and bytes that are no text",
        expects: "200, text/plain, and for instance `12 bytes, 2 lines`",
        hint: "Count bytes, not characters, and LFs, not pieces between them.",
        run: |server| {
            let bodies: [(&[u8], &str); 4] = [
                (b"Hello,\nAda.\n", "12 bytes, 2 lines"),
                (b"", "0 bytes, 0 lines"),
                ("Zo\u{eb}".as_bytes(), "4 bytes, 0 lines"),
                (b"\r\n\r\0\xff\xfe\n\n", "8 bytes, 3 lines"),
            ];
            for (body, wanted) in bodies {
                let answer = server.post("/count", body)?;
                answer.status(200)?;
                let kind = answer.field("Content-Type")?;
                answer.ensure(
                    kind.starts_with("text/plain"),
                    format!("Content-Type should be text/plain and is {kind:?}"),
                )?;
                answer.ensure(
                    answer.text().trim_end() == wanted,
                    format!("the answer should be {wanted:?}"),
                )?;
            }
            Ok(())
        },
        ..EXERCISE
    },
    Check {
        name: "08-upload",
        rule: "RFC 9110 §15.3.2: 201 with Location; the body is kept in a file",
        sends: "POST /upload and GET it; two clients that POST and GET at once; GET from a second server",
        expects: "201 with Location: /upload; always the whole of one upload; and the second server has it too",
        hint: "Write a file with a name of its own, then rename it. What is kept in memory only, a second server does not have.",
        run: upload,
        ..EXERCISE
    },
];

fn upload(server: &Server) -> Verdict {
    if !server.is_ours() {
        uploads(server)?;
        return match server.another() {
            Ok(another) => is_kept(&another),
            // We cannot start it.
            Err(_) => Ok(()),
        };
    }
    // A folder for temporary files that no other server uses.
    let folder = tempfile::tempdir()
        .map_err(|e| Failure::new(format!("cannot make a folder for temporary files: {e}")))?;
    let script = format!("TMPDIR='{}' exec \"$0\" --port 0", folder.path().display());
    uploads(&server.own_in_shell(&script)?)?;
    is_kept(&server.own_in_shell(&script)?)
}

fn uploads(server: &Server) -> Verdict {
    server.get("/upload")?.status_in(&[200, 404])?;
    let all: Vec<u8> = (0..=255).collect();
    round_trip(server, &all, &[&all])?;
    let (short, long) = (vec![b'a'; 200_000], vec![b'b'; 300_000]);
    thread::scope(|scope| {
        let often = |body| {
            let both = [&short[..], &long[..]];
            scope.spawn(move || (0..20).try_for_each(|_| round_trip(server, body, &both)))
        };
        let clients = [often(&short), often(&long)];
        clients.into_iter().try_for_each(|client| {
            let crashed = |_| Err(Failure::new("the checker's client ended"));
            client.join().unwrap_or_else(crashed)
        })
    })?;
    round_trip(server, b"the last one", &[b"the last one"])
}

/// POSTs a body, then GETs one of these.
fn round_trip(server: &Server, body: &[u8], wanted: &[&[u8]]) -> Verdict {
    let answer = server.post("/upload", body)?;
    answer.status(201)?;
    answer.field_is("Location", "/upload")?;
    let answer = server.get("/upload")?;
    answer.status(200)?;
    answer.ensure(
        wanted.contains(&&answer.body[..]),
        "what comes back is no upload, or not the whole of it",
    )
}

fn is_kept(server: &Server) -> Verdict {
    let answer = server.get("/upload")?;
    answer.status(200)?;
    answer.body_is(b"the last one")
}
