//! Stage 14 packs text, where the client says that it can unpack it.

use std::fs;
use std::fs::File;
use std::io::Read;
use std::io::Write;
use std::time::Duration;
use std::time::SystemTime;

use flate2::Compression;
use flate2::read::MultiGzDecoder;
use flate2::write::GzEncoder;

use super::house;
use super::must;
use super::should;
use crate::answer::Answer;
use crate::check::Check;
use crate::check::Failure;
use crate::check::Harm;
use crate::check::Verdict;
use crate::server::Server;
use crate::server::get_with;
use crate::server::post_head;
use crate::site::Site;

const HOUSE: Check = house(14);
const GZIP: &str = "Accept-Encoding: gzip";

pub(super) const CHECKS: &[Check] = &[
    Check {
        name: "packed-when-asked",
        rule: "RFC 9110 §8.4.1.3: gzip is a coding that nearly every client knows",
        sends: "GET for 40 KB of CSS with Accept-Encoding: gzip · GZip · x-gzip · br, gzip;q=0.8 · gzip ; q=1 · *",
        expects: "Content-Encoding: gzip, fewer bytes, and unpacked the same",
        hint: "Split the list at commas, the weight off at the semicolon; compare without case.",
        run: |server| {
            let (site, text) = site(server)?;
            for value in [
                "gzip",
                "GZip",
                "x-gzip",
                "br, gzip;q=0.8",
                "gzip ; q=1",
                "*",
            ] {
                let line = format!("Accept-Encoding: {value}\r\n");
                let answer = site.server.ask(get_with("/long.css", &line))?;
                is_packed(&answer, &text)?;
            }
            Ok(())
        },
        ..HOUSE
    },
    Check {
        name: "unpacked-is-the-same",
        rule: "RFC 9110 §8.4: a coding must not lose anything: unpacked it is the page",
        sends: "GET with Accept-Encoding: gzip",
        expects: "no Content-Encoding; or gzip, and unpacked the bytes that a client without it gets",
        hint: "Finish the encoder: its last bytes hold the length and the checksum.",
        harm: Harm::Loses,
        run: |server| {
            let page = Packed::of(server)?;
            is_packed(&page.ask("GET", GZIP)?, &page.plain.body)
        },
        ..must(14)
    },
    Check {
        name: "not-packed-unasked",
        rule: "House: a client that does not ask for a coding may know none, though RFC 9110 §12.5.3 would allow any",
        sends: "GET without Accept-Encoding",
        expects: "no Content-Encoding",
        hint: "No field means: as it is.",
        run: |server| is_plain(&Packed::of(server)?.plain),
        ..HOUSE
    },
    Check {
        name: "not-packed-against-the-wish",
        rule: "RFC 9110 §12.5.3: if no coding is acceptable, a server SHOULD send the page without any; §12.4.2: a weight of 0 means: not acceptable",
        sends: "GET with Accept-Encoding: gzip;q=0 · gzip;q=0.000, * · identity · br · the empty one · *;q=0",
        expects: "no Content-Encoding: gzip",
        hint: "Do not look for the word alone: its weight may be zero.",
        run: |server| {
            let page = Packed::of(server)?;
            for value in ["gzip;q=0", "gzip;q=0.000, *", "identity", "br", "", "*;q=0"] {
                is_plain(&page.ask("GET", &format!("Accept-Encoding: {value}"))?)?;
            }
            Ok(())
        },
        ..should(14)
    },
    Check {
        name: "packed-by-weight",
        rule: "RFC 9110 §12.5.3: the coding with the highest weight is preferred",
        sends: "GET with Accept-Encoding: gzip;q=0 · gzip;q=0.3, identity;q=0.9 · gzip;q=0.9, identity;q=0.3",
        expects: "as it is, as it is, packed",
        hint: "`identity` is the name for the bytes as they are.",
        run: |server| {
            let (site, text) = site(server)?;
            let ask = |value: &str| {
                let line = format!("Accept-Encoding: {value}\r\n");
                site.server.ask(get_with("/long.css", &line))
            };
            is_plain(&ask("gzip;q=0")?)?;
            is_plain(&ask("gzip;q=0.3, identity;q=0.9")?)?;
            is_packed(&ask("gzip;q=0.9, identity;q=0.3")?, &text)
        },
        ..HOUSE
    },
    Check {
        name: "packed-varies",
        rule: "RFC 9110 §12.5.5: an origin server SHOULD say in Vary what its choice depended on",
        sends: "GET with and without Accept-Encoding: gzip",
        expects: "Vary: Accept-Encoding in both answers",
        hint: "Without it a cache gives the packed page to a client that cannot unpack it.",
        harm: Harm::Loses,
        run: |server| {
            let page = Packed::of(server)?;
            for answer in [&page.plain, &page.ask("GET", GZIP)?] {
                let vary = answer.values("Vary").join(",").to_ascii_lowercase();
                let named = vary
                    .split(',')
                    .any(|name| matches!(name.trim(), "accept-encoding" | "*"));
                answer.ensure(named, format!("Vary is {vary:?}"))?;
            }
            Ok(())
        },
        ..should(14)
    },
    Check {
        name: "packed-has-a-tag-of-its-own",
        rule: "RFC 9110 §8.8.3.3: other bytes, another strong tag",
        sends: "GET with and without Accept-Encoding: gzip",
        expects: "two different tags, if they are strong",
        hint: "Nothing forbids a tag like \"gzip-1f4-6b0bfff0\".",
        run: |server| {
            let page = Packed::of(server)?;
            let packed = page.ask("GET", GZIP)?;
            let (plain, own) = (page.plain.values("ETag"), packed.values("ETag"));
            let differ = plain != own || own.iter().all(|tag| tag.starts_with("W/"));
            packed.ensure(differ, format!("both have {}", own.join(", ")))
        },
        ..must(14)
    },
    Check {
        name: "packed-304",
        rule: "RFC 9110 §13.1.2: a condition is judged for what would be sent",
        sends: "GET with Accept-Encoding: gzip and the tag of the packed page, and with that of the plain one",
        expects: "304 with that tag and Vary; 200",
        hint: "Choose the coding first, and then compare tags.",
        run: |server| {
            let (site, _) = site(server)?;
            let ask = |lines: &str| site.server.ask(get_with("/long.css", lines));
            let plain = ask("")?.field("ETag")?;
            let packed = ask(&format!("{GZIP}\r\n"))?.field("ETag")?;
            let answer = ask(&format!("{GZIP}\r\nIf-None-Match: {packed}\r\n"))?;
            answer.status(304)?;
            answer.field_is("ETag", &packed)?;
            answer.field_is("Vary", "Accept-Encoding")?;
            ask(&format!("{GZIP}\r\nIf-None-Match: {plain}\r\n"))?.status(200)
        },
        ..HOUSE
    },
    Check {
        name: "packed-head",
        rule: "RFC 9110 §9.3.2: HEAD SHOULD get the fields that GET would get",
        sends: "HEAD and GET with Accept-Encoding: gzip",
        expects: "the same Content-Encoding, ETag and Vary; no body for HEAD",
        hint: "Leave the body out, and nothing else.",
        run: |server| {
            let page = Packed::of(server)?;
            let (get, head) = (page.ask("GET", GZIP)?, page.ask("HEAD", GZIP)?);
            for name in ["Content-Encoding", "ETag", "Vary"] {
                head.ensure(
                    head.values(name) == get.values(name),
                    format!("{name} is not the same for HEAD"),
                )?;
            }
            Ok(())
        },
        ..should(14)
    },
    Check {
        name: "packed-not-in-chunks-for-http-1-0",
        rule: "RFC 9112 §6.1: a server MUST NOT send Transfer-Encoding to a client of HTTP/1.0",
        sends: "GET HTTP/1.0 with Accept-Encoding: gzip",
        expects: "no Transfer-Encoding",
        hint: "It takes the sizes of the chunks for a part of the page.",
        harm: Harm::Loses,
        run: |server| {
            let page = Packed::of(server)?;
            let target = &page.target;
            let head = format!("GET {target} HTTP/1.0\r\nHost: localhost\r\n{GZIP}\r\n\r\n");
            let answer = page.server().ask(head)?;
            answer.status(200)?;
            answer.ensure(
                answer.values("Transfer-Encoding").is_empty(),
                "HTTP/1.0 knows no chunks",
            )
        },
        ..must(14)
    },
    Check {
        name: "only-what-shrinks",
        rule: "House: text from 1 KiB on is packed, and nothing else",
        sends: "GET with Accept-Encoding: gzip for a picture and a .docx of 40 KB, and 1,023 bytes of text; for 1,024, and for .json, .mjs, .svg and .rng",
        expects: "as they are; packed",
        hint: "A picture is packed already, a .docx is a zip whatever the xml in its type, and a short text fits into one packet anyway.",
        run: |server| {
            let (site, text) = site(server)?;
            let write = |name: &str, bytes: &[u8]| {
                fs::write(site.root().join(name), bytes).map_err(|e| Failure::new(e.to_string()))
            };
            write("large.png", &text)?;
            write("large.docx", &text)?;
            write("short.txt", &text[..1023])?;
            write("long.txt", &text[..1024])?;
            let ask = |target: &str| site.server.ask(get_with(target, &format!("{GZIP}\r\n")));
            for name in ["/large.png", "/large.docx", "/short.txt"] {
                is_plain(&ask(name)?)?;
            }
            for name in ["long.json", "long.mjs", "long.svg", "long.rng"] {
                write(name, &text)?;
                is_packed(&ask(&format!("/{name}"))?, &text)?;
            }
            is_packed(&ask("/long.txt")?, &text[..1024])
        },
        ..HOUSE
    },
    Check {
        name: "packed-page-of-a-handler",
        rule: "House: pages that are made are packed like files",
        sends: "GET /query with a query of 4 KB and Accept-Encoding: gzip",
        expects: "Content-Encoding: gzip, Vary, and unpacked the page",
        hint: "Pack after the handler, in one place for all.",
        run: |server| {
            server.only_ours()?;
            let target = format!("/query?{}", "a=lorem+ipsum&".repeat(300));
            let plain = server.get(&target)?;
            plain.field_is("Vary", "Accept-Encoding")?;
            is_packed(
                &server.ask(get_with(&target, &format!("{GZIP}\r\n")))?,
                &plain.body,
            )
        },
        ..HOUSE
    },
    Check {
        name: "packed-has-no-ranges",
        rule: "House: parts of what is packed are not sent: nobody could unpack them",
        sends: "GET with Accept-Encoding: gzip and Range: bytes=0-4",
        expects: "200, whole and packed, without Accept-Ranges",
        hint: "The bytes of a range are those of the packed page.",
        run: |server| {
            let (site, text) = site(server)?;
            let lines = format!("{GZIP}\r\nRange: bytes=0-4\r\n");
            let answer = site.server.ask(get_with("/long.css", &lines))?;
            answer.ensure(
                answer.values("Accept-Ranges") != ["bytes"],
                "it offers ranges of the packed page",
            )?;
            is_packed(&answer, &text)
        },
        ..HOUSE
    },
    Check {
        name: "packed-neighbour",
        rule: "House: long.css.gz is sent for long.css, if it is not older",
        sends: "GET /long.css with Accept-Encoding: gzip, where a long.css.gz lies beside it; where that is a day older; and where it is a folder",
        expects: "its bytes with their length; the file, packed on the way, twice",
        hint: "Compare the times of the two files, and take nothing but a file.",
        run: |server| {
            let (site, text) = site(server)?;
            let path = site.root().join("long.css.gz");
            let packed = pack(b"/* lies ready */")?;
            fs::write(&path, &packed).map_err(|e| Failure::new(e.to_string()))?;
            let ask = || {
                site.server
                    .ask(get_with("/long.css", &format!("{GZIP}\r\n")))
            };
            let answer = ask()?;
            answer.field_is("Content-Length", &packed.len().to_string())?;
            answer.field_is("Content-Type", "text/css; charset=utf-8")?;
            is_packed(&answer, b"/* lies ready */")?;
            let yesterday = SystemTime::now() - Duration::from_secs(86_400);
            let file = File::options().write(true).open(&path);
            file.and_then(|file| file.set_modified(yesterday))
                .map_err(|e| Failure::new(e.to_string()))?;
            is_packed(&ask()?, &text)?;
            fs::remove_file(&path)
                .and_then(|()| fs::create_dir(&path))
                .map_err(|e| Failure::new(e.to_string()))?;
            is_packed(&ask()?, &text)
        },
        ..HOUSE
    },
    Check {
        name: "packed-big-file",
        rule: "House: a large file is packed while it is sent, in constant memory",
        sends: "GET for 100 MB of text with Accept-Encoding: gzip",
        expects: "all its bytes, packed, and less than 50 MB of memory at any time (where /proc tells)",
        hint: "Pack block by block, and send each in a chunk.",
        run: |server| {
            let (site, _) = site(server)?;
            let file = File::create(site.root().join("big.txt"));
            file.and_then(|file| file.set_len(100 << 20))
                .map_err(|e| Failure::new(e.to_string()))?;
            let answer = site
                .server
                .ask(get_with("/big.txt", &format!("{GZIP}\r\n")))?;
            answer.field_is("Content-Encoding", "gzip")?;
            let mut unpacked = MultiGzDecoder::new(&answer.body[..]);
            let length = std::io::copy(&mut unpacked, &mut std::io::sink());
            answer.ensure(
                length.as_ref().is_ok_and(|length| *length == 100 << 20),
                format!("unpacked it gives {length:?}"),
            )?;
            match site.server.proc_status("VmHWM") {
                Some(kib) if kib > 50 * 1024 => Err(Failure::new(format!("it took {kib} KiB"))),
                _ => Ok(()),
            }
        },
        ..HOUSE
    },
    Check {
        name: "packed-on-a-kept-connection",
        rule: "RFC 9112 §7.1: the last chunk says where the answer ends",
        sends: "GET with Accept-Encoding: gzip, and GET / behind it on the same connection",
        expects: "two answers, or the close after the first",
        hint: "The chunk of size zero, and an empty line after it.",
        harm: Harm::Loses,
        run: |server| {
            let page = Packed::of(server)?;
            let target = &page.target;
            let mut client = page.server().connect()?;
            client.send(format!(
                "GET {target} HTTP/1.1\r\nHost: localhost\r\n{GZIP}\r\n\r\n\
                 GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
            ));
            let first = Answer::read_next(&mut client, false)?;
            is_packed(&first, &page.plain.body)?;
            if first.says_close() {
                return Ok(());
            }
            Answer::read_next(&mut client, false)?.status(page.server().get("/")?.status)
        },
        ..must(14)
    },
    Check {
        name: "body-unpacked",
        rule: "RFC 9110 §8.4: Content-Encoding of a request says how its body is packed",
        sends: "POST /echo with `Hello!`, packed, by length and in chunks, as gzip and GZIP",
        expects: "`Hello!` back",
        hint: "Unpack after the chunks are joined.",
        run: |server| {
            server.only_ours()?;
            let packed = pack(b"Hello!")?;
            let length = packed.len();
            for coding in ["gzip", "GZIP", "x-gzip"] {
                let head = format!("Content-Encoding: {coding}\r\nContent-Length: {length}\r\n");
                let answer =
                    server.ask([post_head("/echo", &head).as_bytes(), &packed].concat())?;
                answer.status(200)?;
                answer.body_is(b"Hello!")?;
            }
            let head = "Content-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n";
            let chunk = [
                format!("{length:x}\r\n").as_bytes(),
                &packed,
                b"\r\n0\r\n\r\n",
            ]
            .concat();
            let answer = server.ask([post_head("/echo", head).as_bytes(), &chunk].concat())?;
            answer.status(200)?;
            answer.body_is(b"Hello!")
        },
        ..HOUSE
    },
    Check {
        name: "body-that-is-a-bomb",
        rule: "House: --max-body bounds the body as it is after unpacking",
        sends: "POST /echo with 100 MB of zeros, packed to 100 KB; with 1,000 bytes and with 1,001, where 1,000 are allowed",
        expects: "413, and less than 50 MB of memory (where /proc tells); 200; 413",
        hint: "Stop unpacking at the bound.",
        run: |server| {
            let ask = |own: &Server, length| {
                let packed = pack(&vec![0; length])?;
                let head = format!(
                    "Content-Encoding: gzip\r\nContent-Length: {}\r\n",
                    packed.len()
                );
                own.ask([post_head("/echo", &head).as_bytes(), &packed].concat())
            };
            let own = server.own(&[])?;
            ask(&own, 100 << 20)?.status(413)?;
            if let Some(kib) = own.proc_status("VmHWM").filter(|kib| *kib > 50 * 1024) {
                return Err(Failure::new(format!("it took {kib} KiB")));
            }
            own.serves_on()?;
            let own = server.own(&["--max-body", "1000"])?;
            let answer = ask(&own, 1000)?;
            answer.status(200)?;
            answer.body_is(&[0; 1000])?;
            ask(&own, 1001)?.status(413)
        },
        ..HOUSE
    },
    Check {
        name: "no-body-to-unpack",
        rule: "RFC 9110 §8.4: Content-Encoding says how a body is packed; where there's none, there's nothing to unpack",
        sends: "GET / with Content-Encoding: gzip and br; POST /echo with Content-Length: 0, and Content-Encoding: gzip",
        expects: "200, as without the field",
        hint: "Some clients say the same fields with each request. No bytes are no text, packed or not.",
        run: |server| {
            server.only_ours()?;
            for coding in ["gzip", "br"] {
                let line = format!("Content-Encoding: {coding}\r\n");
                server.ask(get_with("/", &line))?.status(200)?;
            }
            let head = "Content-Encoding: gzip\r\nContent-Length: 0\r\n";
            let answer = server.ask(post_head("/echo", head))?;
            answer.status(200)?;
            answer.body_is(b"")
        },
        ..HOUSE
    },
    Check {
        name: "body-in-another-coding",
        rule: "RFC 9110 §15.5.16: 415 for a coding that the server does not take; Accept-Encoding says what it takes",
        sends: "POST /echo with Content-Encoding: br and gzip, gzip",
        expects: "415 with Accept-Encoding, and gzip in it",
        hint: "What you cannot unpack you must not take for the text.",
        run: |server| {
            server.only_ours()?;
            for coding in ["br", "gzip, gzip"] {
                let head = format!("Content-Encoding: {coding}\r\nContent-Length: 2\r\n");
                let answer = server.ask(post_head("/echo", &head) + "hi")?;
                answer.status(415)?;
                let taken = answer.field("Accept-Encoding")?;
                answer.ensure(
                    taken.split(',').any(|coding| coding.trim() == "gzip"),
                    format!("Accept-Encoding is {taken:?}, and gzip is taken"),
                )?;
            }
            Ok(())
        },
        ..HOUSE
    },
    Check {
        name: "body-that-is-not-packed",
        rule: "RFC 9110 §15.5.1: 400 for a body that is not what its fields say",
        sends: "POST /echo with Content-Encoding: gzip and `Hello!` as it is; and half of a packed body",
        expects: "400",
        hint: "The unpacker says so.",
        run: |server| {
            server.only_ours()?;
            let packed = pack(b"Hello!")?;
            for body in [&b"Hello!"[..], &packed[..packed.len() / 2]] {
                let head = format!(
                    "Content-Encoding: gzip\r\nContent-Length: {}\r\n",
                    body.len()
                );
                server
                    .ask([post_head("/echo", &head).as_bytes(), body].concat())?
                    .status(400)?;
            }
            Ok(())
        },
        ..HOUSE
    },
];

/// A folder with 40 KB of CSS in it.
fn site(server: &Server) -> Result<(Site, Vec<u8>), Failure> {
    let site = Site::new(server, &[])?;
    let mut text = String::new();
    while text.len() < 40_000 {
        text += &format!(".rule-{} {{ margin: 0 auto }}\n", text.len());
    }
    fs::write(site.root().join("long.css"), &text).map_err(|e| Failure::new(e.to_string()))?;
    Ok((site, text.into_bytes()))
}

fn pack(bytes: &[u8]) -> Result<Vec<u8>, Failure> {
    let mut packer = GzEncoder::new(Vec::new(), Compression::default());
    let packed = packer.write_all(bytes).and_then(|()| packer.finish());
    packed.map_err(|e| Failure::new(e.to_string()))
}

fn is_packed(answer: &Answer, text: &[u8]) -> Verdict {
    answer.status(200)?;
    answer.field_is("Content-Encoding", "gzip")?;
    let mut unpacked = Vec::new();
    if let Err(error) = MultiGzDecoder::new(&answer.body[..]).read_to_end(&mut unpacked) {
        return Err(answer.wrong(format!("the body cannot be unpacked: {error}")));
    }
    answer.ensure(
        unpacked == text,
        format!(
            "unpacked it has {} bytes, and the page {}",
            unpacked.len(),
            text.len()
        ),
    )
}

fn is_plain(answer: &Answer) -> Verdict {
    answer.ensure(
        answer.values("Content-Encoding").is_empty(),
        "nobody has asked for Content-Encoding",
    )
}

/// A page that is packed for those who like it.
struct Packed<'a> {
    server: &'a Server,
    site: Option<Site>,
    target: String,
    plain: Answer,
}

impl Packed<'_> {
    fn of(server: &Server) -> Result<Packed<'_>, Failure> {
        // In a folder of ours lies a page that is long enough, else one may be known.
        if let Ok((site, _)) = site(server) {
            let target = "/long.css".to_string();
            let plain = site.server.get(&target)?;
            let line = format!("{GZIP}\r\n");
            let packed = site.server.ask(get_with(&target, &line))?;
            if server.is_ours() || packed.values("Content-Encoding") == ["gzip"] {
                let site = Some(site);
                return Ok(Packed {
                    server,
                    site,
                    target,
                    plain,
                });
            }
        }
        for target in &server.pages()?.get {
            let answer = server.ask(get_with(target, &format!("{GZIP}\r\n")))?;
            if answer.status == 200 && answer.values("Content-Encoding") == ["gzip"] {
                let (target, plain) = (target.clone(), server.get(target)?);
                return Ok(Packed {
                    server,
                    site: None,
                    target,
                    plain,
                });
            }
        }
        Err(Failure::Skipped("no page is packed".into()))
    }

    fn server(&self) -> &Server {
        self.site.as_ref().map_or(self.server, |site| &site.server)
    }

    fn ask(&self, method: &str, lines: &str) -> Result<Answer, Failure> {
        let target = &self.target;
        self.server().ask(format!(
            "{method} {target} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n{lines}\r\n\r\n"
        ))
    }
}
