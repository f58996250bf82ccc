//! Stage 17 speaks TLS. Each of these starts a server that does, or asks the one that it was given.

use std::fs;
use std::io;
use std::io::Read;
use std::io::Write;
use std::net::TcpStream;
use std::thread;
use std::time::Duration;
use std::time::Instant;

use ring::digest;
use rustls::ProtocolVersion;
use rustls::SupportedProtocolVersion;
use rustls::version::TLS12;
use rustls::version::TLS13;

use super::house;
use super::protocol;
use super::should;
use crate::check::Check;
use crate::check::Failure;
use crate::check::Harm;
use crate::check::Verdict;
use crate::check::ensure;
use crate::server::Server;
use crate::server::request;
use crate::server::wait_until;
use crate::site::Files;
use crate::tls::Client;
use crate::tls::End;
use crate::tls::Talk;

/// A handshake (RFC 8446 §5.1) …
const HANDSHAKE: u8 = 22;
/// … and an alert.
const ALERT: u8 = 21;

pub(super) const CHECKS: &[Check] = &[
    Check {
        name: "tls-1-3",
        rule: "Stage 17: TLS 1.3",
        sends: "GET / over TLS 1.3",
        expects: "200",
        hint: "A library for TLS speaks it if you let it.",
        run: |server| speaks(server, &TLS13, ProtocolVersion::TLSv1_3),
        ..house(17)
    },
    Check {
        name: "tls-1-2",
        rule: "Stage 17: TLS 1.2, for clients that know no better",
        sends: "GET / over TLS 1.2",
        expects: "200",
        hint: "A library for TLS speaks it if you let it.",
        run: |server| speaks(server, &TLS12, ProtocolVersion::TLSv1_2),
        ..house(17)
    },
    Check {
        name: "tls-old-is-refused",
        rule: "RFC 8996 §4 and §5: TLS 1.0 and 1.1 must not be negotiated",
        sends: "a ClientHello that knows nothing above TLS 1.1",
        expects: "an alert, or the end; and no ServerHello",
        hint: "Nobody has to forbid it who has a library that doesn't know them any more.",
        harm: Harm::LetsIn,
        run: |server| {
            let own = server.secure(&[])?;
            let back = raw(&own, &old_hello(), |_| true)?;
            let refused = back.is_empty() || back.first() == Some(&ALERT);
            ensure(
                refused,
                format!(
                    "the server answers a ClientHello of TLS 1.1 with {}",
                    hex(&back)
                ),
            )?;
            own.serves_on()
        },
        ..protocol(17)
    },
    Check {
        name: "tls-chooses-http-1-1",
        rule: "RFC 7301 §3.2: the server chooses one of the client's protocols, and says which",
        sends: "a handshake with the protocols h2 and http/1.1",
        expects: "http/1.1",
        hint: "Tell the library which protocols you speak: `http/1.1`, as ALPN has it.",
        run: |server| {
            let own = server.secure(&[])?;
            let talk = open(&own, &Client::new(own.patience).speaks(&["h2", "http/1.1"]))?;
            let chosen = talk.protocol();
            ensure(
                chosen.as_deref() == Some("http/1.1"),
                format!("of h2 and http/1.1 the server chooses {chosen:?}"),
            )
        },
        ..house(17)
    },
    Check {
        name: "tls-takes-http-1-0",
        rule: "Stage 17: HTTP/1.0 has a name in the list of protocols (IANA), and a client that speaks nothing else says so: curl -0",
        sends: "a handshake with the one protocol http/1.0",
        expects: "http/1.0",
        hint: "Whoever serves HTTP/1.0 names it beside http/1.1.",
        run: |server| {
            let own = server.secure(&[])?;
            let talk = open(&own, &Client::new(own.patience).speaks(&["http/1.0"]))?;
            let chosen = talk.protocol();
            ensure(
                chosen.as_deref() == Some("http/1.0"),
                format!("the server chooses {chosen:?}"),
            )
        },
        ..house(17)
    },
    Check {
        name: "tls-unknown-protocol-is-refused",
        rule: "RFC 7301 §3.2: where there is no protocol in common, the alert no_application_protocol",
        sends: "a handshake with the one protocol nobody/0",
        expects: "no handshake",
        hint: "Tell the library which protocols you speak; then it refuses all others by itself.",
        run: |server| {
            let own = server.secure(&[])?;
            let client = Client::new(own.patience).speaks(&["nobody/0"]);
            match client.open(own.tunnel()?.server) {
                Err(_) => own.serves_on(),
                Ok(talk) => Err(Failure::new(format!(
                    "a client that speaks nothing but nobody/0 is let in, and told {:?}",
                    talk.protocol()
                ))),
            }
        },
        ..protocol(17)
    },
    Check {
        name: "tls-chain",
        rule: "RFC 8446 §4.4.2: the server's certificate comes first, then the one that certifies it",
        sends: "a handshake of a client that knows only the root; {cert} holds the certificate and the one in between",
        expects: "all that is in the file is sent, so that the client finds its way to the root",
        hint: "The file holds more than one certificate. Hand all of them to the library, not only the first.",
        harm: Harm::Loses,
        run: |server| {
            let own = server.secure(&[])?;
            let tunnel = own.tunnel()?;
            let Some(identity) = &tunnel.identity else {
                return Err(Failure::Skipped(
                    "needs to give the server a certificate: {cert} and {key} in --run".into(),
                ));
            };
            open(&own, &Client::that_knows(own.patience, identity)).map(|_| ())
        },
        ..should(17)
    },
    Check {
        name: "tls-goodbye",
        rule: "RFC 8446 §6.1: each side must say close_notify before it closes",
        sends: "GET / with Connection: close, over TLS 1.2 and 1.3",
        expects: "the answer, then close_notify, then the end",
        hint: "Without it, the client can't tell your end from one that somebody on the way has made up. Say it, send it, and then close.",
        harm: Harm::Loses,
        run: |server| {
            let own = server.secure(&[])?;
            for version in [&TLS12, &TLS13] {
                let mut talk = open(&own, &Client::of_version(own.patience, version))?;
                send(&mut talk, request("GET", "/"))?;
                says_goodbye(&mut talk, "after its answer")?;
            }
            Ok(())
        },
        ..protocol(17)
    },
    Check {
        name: "tls-goodbye-to-idle-clients",
        rule: "RFC 8446 §6.1: each side must say close_notify before it closes",
        sends: "nothing on one connection, GET /hello on another that is kept (--keep-alive 1, --timeout 1)",
        expects: "close_notify, then the end",
        hint: "Whoever closes an idle connection says goodbye, too.",
        run: |server| {
            let own = server.secure(&["--keep-alive", "1", "--timeout", "1"])?;
            let mut silent = open(&own, &Client::new(own.patience))?;
            let mut kept = open(&own, &Client::new(own.patience))?;
            send(&mut kept, "GET /hello HTTP/1.1\r\nHost: localhost\r\n\r\n")?;
            says_goodbye(&mut silent, "to a client that has asked for nothing")?;
            says_goodbye(&mut kept, "to a client that asks for nothing more").map(|_| ())
        },
        waits: true,
        ..house(17)
    },
    Check {
        name: "tls-says-https-to-plain-http",
        rule: "Stage 17: plain HTTP on the port is answered with a 400 that says so",
        sends: "GET / in plain HTTP, where HTTPS is spoken; and again, behind an empty line",
        expects: "400 in plain HTTP, and its page holds `https`; or a redirect there",
        hint: "Look at the first byte before you hand it to the library: 22 begins a handshake, and no method begins so.",
        run: |server| {
            let own = server.secure(&[])?;
            for before in ["", "\r\n"] {
                let asked = format!("{before}{}", request("GET", "/"));
                let back = raw(&own, asked.as_bytes(), |_| false)?;
                let text = String::from_utf8_lossy(&back);
                let told = text.starts_with("HTTP/1.1 400 ") && text.contains("https");
                let sent =
                    text.starts_with("HTTP/1.1 3") && text.contains("\r\nLocation: https://");
                ensure(
                    told || sent,
                    format!("plain HTTP is answered with {}", hex(&back)),
                )?;
            }
            own.serves_on()
        },
        ..house(17)
    },
    Check {
        name: "tls-handshake-has-a-deadline",
        rule: "Stage 17: the handshake is under the same deadline",
        sends: "one byte of a handshake, and nothing more (--timeout 1)",
        expects: "the end",
        hint: "The handshake is part of the time that a client has for its first request.",
        harm: Harm::Ends,
        run: |server| {
            let own = server.secure(&["--timeout", "1"])?;
            raw(&own, &[HANDSHAKE], |_| false).map(|_| ())
        },
        waits: true,
        ..house(17)
    },
    Check {
        name: "tls-slow-handshake",
        rule: "Stage 17: the handshake is under the same deadline",
        sends: "a ClientHello, a byte every tenth of a second (--timeout 1)",
        expects: "the end, long before the last byte",
        hint: "One deadline for all of it, and not one for each read.",
        harm: Harm::Ends,
        run: slow_handshake,
        waits: true,
        ..house(17)
    },
    Check {
        name: "tls-garbage",
        rule: "Whatever comes, the server lives on",
        sends: "what begins like a handshake, and is none; and one with a length that lies",
        expects: "an alert, or the end; the next client is served",
        hint: "An error from the library ends this connection, and nothing else.",
        harm: Harm::Ends,
        run: |server| {
            let own = server.secure(&[])?;
            let garbage: [&[u8]; 4] = [
                &[HANDSHAKE, 3, 1, 0, 5, b'h', b'e', b'l', b'l', b'o'],
                &[HANDSHAKE, 3, 1, 0xff, 0xff, 1, 0, 0, 0],
                &[HANDSHAKE, 3, 3, 0, 4, 1, 0xff, 0xff, 0xff],
                &[HANDSHAKE, 0, 0, 0, 0],
            ];
            for bytes in garbage {
                raw(&own, bytes, |_| true)?;
                own.serves_on()?;
            }
            Ok(())
        },
        ..protocol(17)
    },
    Check {
        name: "tls-half-handshakes-hold-nobody",
        rule: "Stage 17: a handshake waits without a thread, and without the others",
        sends: "fifty clients stop in the middle of their handshake; then GET / from another",
        expects: "200",
        hint: "Shake hands where you read, and let the loop come back when more has come.",
        harm: Harm::Ends,
        run: |server| {
            let own = server.secure(&[])?;
            let mut half = Vec::new();
            for _ in 0..50 {
                let mut socket = connect(&own)?;
                let _ = socket.write_all(&old_hello()[..20]);
                half.push(socket);
            }
            own.get("/")?.accepted()
        },
        ..house(17)
    },
    Check {
        name: "tls-byte-by-byte",
        rule: "RFC 8446 §5.1: the boundaries of records mean nothing",
        sends: "GET /hello, each byte in a record of its own",
        expects: "200",
        hint: "What comes out of the library is a stream of bytes like any other.",
        run: |server| {
            let own = server.secure(&[])?;
            let mut talk = open(&own, &Client::new(own.patience))?;
            for byte in request("GET", "/").bytes() {
                send(&mut talk, [byte])?;
            }
            let (received, _) = talk.rest();
            is_served(&received)
        },
        ..house(17)
    },
    Check {
        name: "tls-https-target",
        rule: "RFC 9112 §3.2.2: a server must accept the absolute form, and over TLS its scheme is https",
        sends: "GET https://localhost/ over TLS",
        expects: "the same status as GET /",
        hint: "Over TLS, `https` is your scheme, too.",
        run: |server| {
            let own = server.secure(&[])?;
            own.ask(request("GET", "https://localhost/"))?
                .status(own.plain_status()?)
        },
        ..protocol(17)
    },
    Check {
        name: "https-target-in-the-open",
        rule: "RFC 9110 §7.4: a request for an https resource must be refused unless it came over TLS",
        sends: "GET https://localhost/ in plain HTTP",
        expects: "a refusal, 400 or 421",
        hint: "Whether the scheme may be https depends on how the request came.",
        run: |server| {
            let answer = server.ask(request("GET", "https://localhost/"))?;
            ensure(
                [400, 421].contains(&answer.status),
                format!("it is answered with {}", answer.status),
            )
        },
        ..house(17)
    },
    Check {
        name: "tls-large-both-ways",
        rule: "Stage 17: what is encrypted and not yet sent is not forgotten",
        sends: "POST /echo with 900,000 bytes, and nobody reads the answer at first",
        expects: "the same bytes",
        hint: "The library may hold encrypted bytes for which the socket has no room: they must be sent before you wait for anything else.",
        harm: Harm::Loses,
        run: large_both_ways,
        ..house(17)
    },
    Check {
        name: "tls-late-readers-get-the-end",
        rule: "Stage 17: what is encrypted and not yet sent is not forgotten",
        sends: "GET /big.bin, 60 clients, each a range of another length from 2.5 to 5.4 MB, who read nothing for a second",
        expects: "all of it, for each of them",
        hint: "For one of them, all buffers on the way are full when its last block is encrypted. What the library holds then must be sent before you close.",
        harm: Harm::Loses,
        run: late_readers,
        waits: true,
        ..house(17)
    },
    Check {
        name: "tls-never-reads-is-left",
        rule: "Stage 17: whoever takes no answer gets no goodbye, either",
        sends: "GET /big.bin on a connection that reads nothing; when it has had its time, nothing on up to three others, one after the other (--timeout 1)",
        expects: "it is gone when they have had theirs (where /proc tells)",
        hint: "To say goodbye you may have to wait. Don't, if you have just waited in vain.",
        run: never_reads_is_left,
        waits: true,
        ..house(17)
    },
    Check {
        name: "tls-refused-hear-nothing-plain",
        rule: "Stage 17: nothing leaves in the open where HTTPS is spoken",
        sends: "nothing on two connections (--per-client 1)",
        expects: "the end of one of them, and no byte of plain HTTP before",
        hint: "Before the handshake there's no way to say 503. Close.",
        harm: Harm::GivesAway,
        run: refused_hear_nothing_plain,
        ..house(17)
    },
    Check {
        name: "tls-shutdown",
        rule: "Stage 17: who has begun is served to the end, over TLS, too",
        sends: "GET /slow over TLS, then SIGTERM",
        expects: "200, close_notify, and exit status 0",
        hint: "It's the same end as before; only the goodbye is new.",
        harm: Harm::Loses,
        run: |server| {
            let own = server.secure(&[])?;
            let mut talk = open(&own, &Client::new(own.patience))?;
            send(&mut talk, "GET /slow HTTP/1.1\r\nHost: localhost\r\n\r\n")?;
            // Served after it: so it has been read.
            own.get("/")?.status(200)?;
            own.terminate()?;
            let received = says_goodbye(&mut talk, "after its last answer")?;
            is_served(&received)?;
            drop(talk);
            own.ends_well()
        },
        ..house(17)
    },
    Check {
        name: "tls-self-signed",
        rule: "Stage 17: --self-signed makes a certificate at the start, and prints its fingerprint",
        sends: "GET /hello over TLS, to a server with --self-signed",
        expects: "200, and SHA-256 of the certificate on stdout, as openssl shows it",
        hint: "The hash of the certificate's own bytes (DER), in pairs of hexadecimal digits with colons between.",
        run: |server| {
            let own = server.own(&["--self-signed"])?;
            let ready = own.stdout_line("listening on ")?;
            ensure(
                ready.starts_with("listening on https://"),
                format!("with --self-signed it says `{ready}`"),
            )?;
            let mut talk = Client::new(own.patience)
                .open(own.address)
                .map_err(|e| Failure::new(format!("no handshake: {e}")))?;
            let digest = digest::digest(&digest::SHA256, talk.certificate());
            let pairs: Vec<String> = digest.as_ref().iter().map(|b| format!("{b:02X}")).collect();
            own.stdout_line(&pairs.join(":"))?;
            send(&mut talk, request("GET", "/hello"))?;
            let received = says_goodbye(&mut talk, "after its answer")?;
            is_served(&received)
        },
        ..house(17)
    },
    Check {
        name: "tls-files-are-looked-at",
        rule: "Stage 17: what cannot be used is said at the start",
        sends: "--cert with a file that is not there, with a key in it, and with somebody else's key; --self-signed --key",
        expects: "exit status 1, a word on which file it is, and no ready line; 2 where one flag forbids the other",
        hint: "Read both files and try them before you listen.",
        run: files_are_looked_at,
        ..house(17)
    },
];

/// A client of this version is served.
fn speaks(
    server: &Server,
    version: &'static SupportedProtocolVersion,
    expected: ProtocolVersion,
) -> Verdict {
    let own = server.secure(&[])?;
    let mut talk = open(&own, &Client::of_version(own.patience, version))?;
    ensure(
        talk.version() == Some(expected),
        format!("the server chooses {:?}", talk.version()),
    )?;
    send(&mut talk, request("GET", "/"))?;
    let (received, _) = talk.rest();
    is_served(&received)
}

/// A client that sends a ClientHello, a byte at a time.
fn slow_handshake(server: &Server) -> Verdict {
    let own = server.secure(&["--timeout", "1"])?;
    let mut socket = connect(&own)?;
    socket
        .set_read_timeout(Some(Duration::from_millis(100)))
        .map_err(broken)?;
    let end = Instant::now() + own.patience;
    // A long one, which is right as far as it goes.
    let hello = [HANDSHAKE, 3, 1, 0x3f, 0xff, 1, 0, 0x3f, 0xfb, 3, 3];
    for byte in hello.iter().chain(std::iter::repeat(&0)) {
        if socket.write_all(&[*byte]).is_err() {
            return Ok(());
        }
        match socket.read(&mut [0; 64]) {
            Ok(_) => return Ok(()),
            Err(e) if e.kind() == io::ErrorKind::ConnectionReset => return Ok(()),
            Err(_) if Instant::now() > end => break,
            Err(_) => {}
        }
    }
    Err(Failure::new(format!(
        "a handshake that comes a byte at a time goes on after {} s",
        own.patience.as_secs()
    )))
}

/// More than fits into all buffers on the way, there and back.
fn large_both_ways(server: &Server) -> Verdict {
    let own = server.secure(&[])?;
    let body: Vec<u8> = (0..900_000_u32).map(|i| (i * 7 % 251) as u8).collect();
    let head = format!(
        "POST /echo HTTP/1.1\r\nHost: localhost\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    let mut client = own.connect()?;
    client.send([head.as_bytes(), &body].concat());
    // Until now nobody reads, and the answer fills what there is of room.
    own.get("/")?.status(200)?;
    let answer = client.answer()?;
    answer.status(200)?;
    answer.body_is(&body)
}

/// Where all buffers are full, nobody knows. So the lengths differ by less than a block.
fn late_readers(server: &Server) -> Verdict {
    server.only_ours()?;
    let files = Files::lay_out()?;
    let root = files.root().to_string_lossy().into_owned();
    let own = server.secure(&["--timeout", "60", &root])?;
    let cut: Vec<String> = thread::scope(|scope| {
        let mut clients = Vec::new();
        for i in 0..60 {
            let own = &own;
            clients.push(scope.spawn(move || late_reader(own, 2_500_000 + i * 48_000)));
        }
        let ends = clients.into_iter().filter_map(|client| client.join().ok());
        ends.filter_map(|end| end.err().map(|failure| failure.first_line().to_string()))
            .collect()
    });
    ensure(
        cut.is_empty(),
        format!(
            "{} of 60 don't get all: {}",
            cut.len(),
            cut.first().map_or("", String::as_str)
        ),
    )
}

fn late_reader(server: &Server, length: usize) -> Verdict {
    let mut talk = open(server, &Client::new(server.patience).with_little_room())?;
    let last = length - 1;
    send(
        &mut talk,
        format!(
            "GET /big.bin HTTP/1.1\r\nHost: localhost\r\nRange: bytes=0-{last}\r\n\
             Connection: close\r\n\r\n"
        ),
    )?;
    thread::sleep(Duration::from_secs(1));
    let (received, _) = talk.rest();
    let head = received.windows(4).position(|four| four == b"\r\n\r\n");
    let body = received.len() - head.map_or(received.len(), |end| end + 4);
    ensure(body == length, format!("{body} bytes come of {length}"))
}

/// A client who asks for much and reads nothing.
fn never_reads_is_left(server: &Server) -> Verdict {
    server.only_ours()?;
    let files = Files::lay_out()?;
    let root = files.root().to_string_lossy().into_owned();
    let mut own = server.secure(&["--timeout", "1", &root])?;
    // Six timeouts, and the sweep
    own.patience = 3 * server.patience;
    let open_files = || {
        let pid = own.pid().map_or(0, |pid| pid.as_raw_nonzero().get());
        fs::read_dir(format!("/proc/{pid}/fd")).map(Iterator::count)
    };
    let mut visitor = open(&own, &Client::new(own.patience))?;
    send(
        &mut visitor,
        "GET /?visitor HTTP/1.1\r\nHost: localhost\r\n\r\n",
    )?;
    own.stdout_line("\"GET /?visitor HTTP/1.1\" ")?;
    let Ok(with_visitor) = open_files() else {
        return Ok(());
    };
    drop(visitor);
    let left = wait_until(server.patience, || {
        open_files().is_ok_and(|now| now < with_visitor)
    });
    ensure(left, "a client has left, and its connection is still open")?;
    let mut client = open(&own, &Client::new(own.patience).with_little_room())?;
    send(&mut client, request("GET", "/big.bin"))?;
    own.stdout_line("\"GET /big.bin HTTP/1.1\" 200 ")?;
    // It has had its six timeouts. One more passes while another client says nothing. (The loop
    // gives the server time to be late, but not six timeouts.)
    for _ in 0..3 {
        let mut silent = open(&own, &Client::new(own.patience))?;
        silent.rest();
        drop(silent);
        let gone = wait_until(Duration::from_millis(200), || {
            open_files().is_ok_and(|now| now < with_visitor)
        });
        if gone {
            return Ok(());
        }
    }
    let now = open_files().unwrap_or_default();
    Err(Failure::new(format!(
        "it is still there: {now} open files, and {with_visitor} with one client"
    )))
}

/// Two clients where there is room for one. Which of them is let in is up to the server.
fn refused_hear_nothing_plain(server: &Server) -> Verdict {
    let own = server.secure(&["--per-client", "1", "--timeout", "60"])?;
    let clients = [connect(&own)?, connect(&own)?];
    let mut ended = None;
    let mut block = [0; 4096];
    let one_ends = wait_until(own.patience, || {
        for mut client in &clients {
            let _ = client.set_nonblocking(true);
            match client.read(&mut block) {
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => {}
                end => ended = Some(end.unwrap_or(0)),
            }
        }
        ended.is_some()
    });
    ensure(one_ends, "with --per-client 1 both stay open")?;
    let said = &block[..ended.unwrap_or(0)];
    ensure(
        said.is_empty(),
        format!("who should speak TLS is told in the open: {}", hex(said)),
    )
}

/// What does not fit ends the program, with a message.
fn files_are_looked_at(server: &Server) -> Verdict {
    server.only_ours()?;
    let (own, other) = (crate::tls::Identity::new()?, crate::tls::Identity::new()?);
    let path = |path: std::path::PathBuf| path.to_string_lossy().into_owned();
    let missing = path(own.folder().join("missing.pem"));
    let (cert, key) = (path(own.cert()), path(own.key()));
    let others = path(other.key());
    let cases = [
        (&missing, &key, "missing.pem"),
        (&cert, &missing, "missing.pem"),
        (&key, &key, "key.pem"),
        (&cert, &cert, "there is no key in"),
        (&cert, &others, "key"),
    ];
    for (cert, key, word) in cases {
        let ended = server.run_to_end(&["--port", "0", "--cert", cert, "--key", key])?;
        let line = format!("--cert {cert} --key {key}");
        let says = String::from_utf8_lossy(&ended.stderr).into_owned();
        ensure(
            ended.status == Some(1),
            format!(
                "with {line} it ends with {:?}, and not with 1",
                ended.status
            ),
        )?;
        ensure(
            says.contains(word),
            format!("with {line} it says only: {says}"),
        )?;
        ensure(
            ended.stdout.is_empty(),
            format!("with {line} it says that it listens"),
        )?;
    }
    let ended = server.run_to_end(&["--port", "0", "--self-signed", "--key", &key])?;
    ensure(
        ended.status == Some(2),
        format!(
            "with --self-signed --key {key} it ends with {:?}, and not with 2",
            ended.status
        ),
    )
}

/// Shakes hands with a server.
fn open(server: &Server, client: &Client) -> Result<Talk, Failure> {
    let address = server.tunnel()?.server;
    client
        .open(address)
        .map_err(|e| Failure::new(format!("no handshake: {e}")))
}

fn send(talk: &mut Talk, bytes: impl AsRef<[u8]>) -> Verdict {
    talk.send(bytes).map_err(broken)
}

/// It ends with close_notify; gives what came before.
fn says_goodbye(talk: &mut Talk, when: &str) -> Result<Vec<u8>, Failure> {
    match talk.rest() {
        (received, End::Goodbye) => Ok(received),
        (_, End::Cut) => Err(Failure::new(format!(
            "it closes {when} without close_notify"
        ))),
        (_, End::Never) => Err(Failure::new(format!("it keeps the connection open {when}"))),
        (_, End::Broken(e)) => Err(Failure::new(format!("the connection breaks {when}: {e}"))),
    }
}

fn connect(server: &Server) -> Result<TcpStream, Failure> {
    let address = server.tunnel()?.server;
    let socket = TcpStream::connect_timeout(&address, server.patience).map_err(broken)?;
    socket
        .set_read_timeout(Some(server.patience))
        .map_err(broken)?;
    Ok(socket)
}

/// Sends bytes as they are, and gives what comes back until the end, or until it is enough. A
/// reset is an end, too.
fn raw(server: &Server, bytes: &[u8], enough: fn(&[u8]) -> bool) -> Result<Vec<u8>, Failure> {
    let mut socket = connect(server)?;
    let _ = socket.write_all(bytes);
    let mut back = Vec::new();
    let mut block = [0; 4096];
    loop {
        match socket.read(&mut block) {
            Ok(0) => return Ok(back),
            Ok(count) => back.extend(&block[..count]),
            Err(e) if e.kind() == io::ErrorKind::ConnectionReset => return Ok(back),
            Err(_) => {
                return Err(Failure::new(format!(
                    "the server says nothing more to {}, and the connection stays open",
                    hex(bytes)
                )));
            }
        }
        if enough(&back) {
            return Ok(back);
        }
    }
}

fn broken(error: io::Error) -> Failure {
    Failure::new(format!("the connection broke: {error}"))
}

/// A ClientHello whose highest version is TLS 1.1 (RFC 4346 §7.4.1.2).
fn old_hello() -> Vec<u8> {
    let random = [7; 32];
    // No session; two suites that every server of that time knew, RSA and ECDHE; no compression.
    let suites = [0, 4, 0xc0, 0x14, 0, 0x2f];
    // The curves for the second one (RFC 4492 §5.1)
    let curves = [0, 10, 0, 4, 0, 2, 0, 23, 0, 11, 0, 2, 1, 0];
    let mut hello = vec![3, 2];
    hello.extend(random);
    hello.push(0);
    hello.extend(suites);
    hello.extend([1, 0]);
    hello.extend([0, curves.len() as u8]);
    hello.extend(curves);
    let mut message = vec![1, 0, 0, hello.len() as u8];
    message.extend(hello);
    let mut record = vec![HANDSHAKE, 3, 1, 0, message.len() as u8];
    record.extend(message);
    record
}

/// It's the answer to an ordinary request.
fn is_served(received: &[u8]) -> Verdict {
    ensure(
        received.starts_with(b"HTTP/1.1 200 "),
        format!("the answer begins with {}", hex(received)),
    )
}

/// The first bytes, for people.
fn hex(bytes: &[u8]) -> String {
    if bytes.is_empty() {
        return "nothing".to_string();
    }
    let shown = &bytes[..bytes.len().min(60)];
    match shown
        .iter()
        .all(|byte| byte.is_ascii_graphic() || b" \r\n".contains(byte))
    {
        true => format!("{:?}", String::from_utf8_lossy(shown)),
        false => shown.iter().map(|byte| format!("{byte:02x} ")).collect(),
    }
}
