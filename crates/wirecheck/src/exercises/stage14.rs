//! The exercises of chapter 14.

use std::fs;
use std::io::Write;

use flate2::Compression;
use flate2::write::ZlibEncoder;

use super::exercise;
use crate::check::Check;
use crate::check::Failure;
use crate::check::Verdict;
use crate::server::Server;
use crate::server::get_with;
use crate::server::post_head;
use crate::site::Site;

const EXERCISE: Check = exercise(14);

pub(super) const EXERCISES: &[Check] = &[
    Check {
        name: "14-deflate",
        rule: "RFC 9110 §8.4.1.2: deflate is the zlib format; §12.5.3: Accept-Encoding in a 415 says what a server takes",
        sends: "POST /echo with a body packed as deflate; with one that unpacks to more than --max-body; with br",
        expects: "the body unpacked; 413; 415 with Accept-Encoding: gzip, deflate",
        hint: "flate2::read::ZlibDecoder, under the same bound.",
        run: deflate,
        ..EXERCISE
    },
    Check {
        name: "14-brotli-neighbour",
        rule: "A neighbour style.css.br is sent to clients that take br (RFC 9110 §12.5.3)",
        sends: "GET for a file with a neighbour .br: with Accept-Encoding: br, gzip · gzip · br;q=0; and for one without a neighbour",
        expects: "the neighbour with Content-Encoding: br and a tag of its own; gzip; the file; gzip",
        hint: "Look for it where the neighbour .gz is looked for.",
        run: brotli,
        ..EXERCISE
    },
];

fn deflate(server: &Server) -> Verdict {
    let own = server.own(&["--max-body", "10000"])?;
    let pack = |bytes: &[u8]| {
        let mut packer = ZlibEncoder::new(Vec::new(), Compression::default());
        let packed = packer.write_all(bytes).and_then(|()| packer.finish());
        packed.map_err(|e| Failure::new(e.to_string()))
    };
    let ask = |coding: &str, body: &[u8]| {
        let lines = format!(
            "Content-Encoding: {coding}\r\nContent-Length: {}\r\n",
            body.len()
        );
        own.ask([post_head("/echo", &lines).as_bytes(), body].concat())
    };
    let answer = ask("deflate", &pack(b"Hello!")?)?;
    answer.status(200)?;
    answer.body_is(b"Hello!")?;
    ask("deflate", &pack(&[0; 10_001])?)?.status(413)?;
    ask("deflate", b"Hello!")?.status(400)?;
    let answer = ask("br", b"Hello!")?;
    answer.status(415)?;
    answer.field_is("Accept-Encoding", "gzip, deflate")
}

fn brotli(server: &Server) -> Verdict {
    let site = Site::new(server, &[])?;
    let write = |name: &str, bytes: &[u8]| {
        fs::write(site.root().join(name), bytes).map_err(|e| Failure::new(e.to_string()))
    };
    write("long.css", &[b'a'; 5000])?;
    write("long.css.br", b"packed by somebody else")?;
    write("other.css", &[b'a'; 5000])?;
    let ask = |target: &str, codings: &str| {
        let line = format!("Accept-Encoding: {codings}\r\n");
        site.server.ask(get_with(target, &line))
    };
    let brotli = ask("/long.css", "br, gzip")?;
    brotli.status(200)?;
    brotli.field_is("Content-Encoding", "br")?;
    brotli.field_is("Content-Type", "text/css; charset=utf-8")?;
    brotli.field_is("Vary", "Accept-Encoding")?;
    brotli.body_is(b"packed by somebody else")?;
    let gzip = ask("/long.css", "gzip")?;
    gzip.field_is("Content-Encoding", "gzip")?;
    let plain = ask("/long.css", "br;q=0")?;
    plain.ensure(
        plain.values("Content-Encoding").is_empty(),
        "br;q=0 means: never",
    )?;
    for other in [&gzip, &plain] {
        brotli.ensure(
            brotli.field("ETag")? != other.field("ETag")?,
            "the same tag for other bytes",
        )?;
    }
    ask("/other.css", "br, gzip")?.field_is("Content-Encoding", "gzip")
}
