//! Faults that a server must survive: the system has nothing left to give, what
//! it writes to or reads from goes away, and clients that use up its patience.

use std::fs;
use std::fs::File;
use std::io;
use std::io::Read;
use std::io::Write;
use std::net::TcpStream;
use std::thread;
use std::time::Duration;

use libtest_mimic::Failed;
use libtest_mimic::Trial;
use rustix::process::Signal;
use wirecheck::check::Failure;
use wirecheck::check::Verdict;
use wirecheck::check::ensure;
use wirecheck::report;
use wirecheck::server::Origin;
use wirecheck::server::PATIENCE;
use wirecheck::server::Server;
use wirecheck::server::post_head;
use wirecheck::server::request;
use wirecheck::server::wait_until;
use wirecheck::site::BIG;
use wirecheck::site::Site;
use wirecheck::stages::Stage;

/// A fault, and the first stage that survives it.
type Fault = (&'static str, u8, fn(&Server) -> Verdict);

const FAULTS: &[Fault] = &[
    // The log has nowhere to go.
    ("stdout-closed", 3, stdout_closed),
    ("stderr-closed", 3, stderr_closed),
    ("stdout-and-stderr-closed", 3, both_closed),
    ("sigpipe", 1, sigpipe),
    // Handlers.
    ("panics-at-the-same-time", 7, panics),
    // Files that change.
    ("root-removed", 9, root_removed),
    ("file-shrinks", 9, file_shrinks),
    ("file-grows", 9, file_grows),
    ("file-vanishes", 9, file_vanishes),
    ("file-becomes-a-fifo", 9, file_becomes_fifo),
    // Bounds in time, with a short `--timeout`.
    ("drip-in-request-line", 7, |s| drip(s, "GET /")),
    ("drip-in-head", 7, |s| {
        drip(s, "GET / HTTP/1.1\r\nHost: localhost\r\nX: ")
    }),
    ("drip-in-body", 8, |s| {
        drip(s, &post_head("/echo", "Content-Length: 100000\r\n"))
    }),
    ("drip-in-chunk-size", 8, |s| drip_chunked(s, "0")),
    ("drip-in-chunk-extension", 8, |s| drip_chunked(s, "5;")),
    ("drip-in-chunk", 8, |s| drip_chunked(s, "ffff\r\n")),
    ("drip-in-trailer", 8, |s| drip_chunked(s, "0\r\nX: ")),
    ("drip-while-closing", 7, drip_while_closing),
    ("silence-while-closing", 7, silence_while_closing),
    ("slow-body-with-progress", 8, slow_body),
    ("slow-chunks-with-progress", 8, slow_chunks),
    ("headway-is-no-credit", 8, headway_is_no_credit),
    ("echo-never-read", 8, echo_never_read),
    ("file-never-read", 9, file_never_read),
    ("file-read-after-a-pause", 9, file_read_after_a_pause),
    // Bounds in bytes.
    ("endless-body-ignored", 4, endless_body),
];

/// What only Linux lets us do or see.
#[cfg(target_os = "linux")]
const LINUX_FAULTS: &[Fault] = &[
    ("disk-full-under-stdout", 3, |s| {
        disk_full(s, 1, "> /dev/full")
    }),
    ("disk-full-under-stderr", 3, |s| {
        disk_full(s, 2, "2> /dev/full")
    }),
    ("disk-full-under-both", 3, |s| {
        disk_full(s, 3, "> /dev/full 2>&1")
    }),
    ("descriptors-used-up", 7, descriptors_used_up),
    ("descriptors-used-up-by-a-crowd", 7, crowd),
    ("no-more-threads", 7, no_more_threads),
    ("stopped-in-the-middle", 2, stopped),
    ("stopped-while-it-sends", 9, stopped_while_it_sends),
];

#[cfg(not(target_os = "linux"))]
const LINUX_FAULTS: &[Fault] = &[];

/// A fault that stages after this one cannot meet any more, as they are built otherwise: its
/// chapter says why.
const ENDED: &[(&str, u8)] = &[
    // The threads are there from the start: one a core.
    ("no-more-threads", 14),
];

/// Does a stage have to survive it?
fn holds_for(stage: u8, fault: &str, since: u8) -> bool {
    let ended = |(name, last): &(&str, u8)| *name == fault && stage > *last;
    since <= stage && !ENDED.iter().any(ended)
}

/// A test for each fault on each stage; the last stages have those that take longest.
pub fn trials(stages: &[Stage]) -> Vec<Trial> {
    let mut trials = Vec::new();
    for stage in stages.iter().rev() {
        for &(fault, since, run) in FAULTS.iter().chain(LINUX_FAULTS) {
            if holds_for(stage.number, fault, since) {
                let name = format!("faults::stage{:02}::{fault}", stage.number);
                let stage = stage.clone();
                trials.push(Trial::test(name, move || survives(&stage, run)));
            }
        }
    }
    trials
}

fn survives(stage: &Stage, fault: fn(&Server) -> Verdict) -> Result<(), Failed> {
    let origin = Origin::Stage(stage.program());
    let verdict = Server::start(stage.number, &origin).and_then(|server| fault(&server));
    verdict.map_err(|failure| match &failure {
        Failure::Wrong { exchange, .. } => {
            format!("{}\n{exchange}", report::sentence(&failure)).into()
        }
        Failure::Skipped(reason) => reason.into(),
    })
}

/// What we do ourselves must work; if it does not, that is not the server's fault.
fn ours(error: io::Error) -> Failure {
    Failure::new(format!("the test itself failed: {error}"))
}

/// A bare connection, for clients who do not care about answers.
fn connect(server: &Server) -> Result<TcpStream, Failure> {
    let stream = TcpStream::connect(server.address).map_err(ours)?;
    stream.set_read_timeout(Some(PATIENCE)).map_err(ours)?;
    stream.set_write_timeout(Some(PATIENCE)).map_err(ours)?;
    Ok(stream)
}

/// Makes the server write to its log: a client, a refusal, an error, a panic.
fn provoke(server: &Server) -> Verdict {
    for _ in 0..5 {
        server.serves_on()?;
        let mut client = server.connect()?;
        client.send("nonsense\r\n");
        client.half_close();
        // Stage 01 reads nothing, so that its close is a reset.
        let _ = client.rest();
        server.connect()?.reset();
        if server.stage >= 6 {
            server.get("/fail")?.status(500)?;
        }
        if server.stage >= 7 {
            server.get("/panic")?.status(500)?;
        }
    }
    server.serves_on()
}

fn stdout_closed(server: &Server) -> Verdict {
    provoke(&server.own_deaf()?)
}

/// `true` reads nothing and ends at once.
fn stderr_closed(server: &Server) -> Verdict {
    provoke(&server.own_in_shell(r#"{ "$0" --port 0 2>&1 >&3 | true; } 3>&1"#)?)
}

/// `head` leaves when it has seen the ready line.
fn both_closed(server: &Server) -> Verdict {
    provoke(&server.own_in_shell(r#""$0" --port 0 2>&1 | head -n 1"#)?)
}

/// Nothing can be written to `/dev/full`, so there is no ready line to learn the port from.
/// But all of 127.0.0.0/8 is this machine: enough addresses for one that nobody else uses.
#[cfg(target_os = "linux")]
fn disk_full(server: &Server, number: u8, redirection: &str) -> Verdict {
    let [.., high, low] = std::process::id().to_be_bytes();
    let ip = format!("127.{high}.{low}.{}", server.stage * 10 + number);
    let full = server.own_in_shell(&format!(
        "echo listening on {ip}:8080; exec \"$0\" --bind {ip} --port 8080 {redirection}"
    ))?;
    let is_ready = wait_until(PATIENCE, || TcpStream::connect(full.address).is_ok());
    ensure(is_ready, "it does not listen")?;
    provoke(&full)?;
    full.still_runs()
}

/// Sends the server a signal.
fn signal(server: &Server, signal: Signal) -> Verdict {
    let pid = server
        .pid()
        .ok_or_else(|| Failure::new("it has no process"))?;
    rustix::process::kill_process(pid, signal).map_err(|e| ours(e.into()))
}

fn sigpipe(server: &Server) -> Verdict {
    signal(server, Signal::PIPE)?;
    server.serves_on()?;
    server.still_runs()
}

fn panics(server: &Server) -> Verdict {
    let mut clients = Vec::new();
    for _ in 0..100 {
        let mut client = server.connect()?;
        client.send("GET /panic HTTP/1.1\r\nHost: loc");
        clients.push(client);
    }
    for client in &mut clients {
        client.send("alhost\r\n\r\n");
    }
    for mut client in clients {
        client.answer()?.status(500)?;
    }
    server.serves_on()
}

fn root_removed(server: &Server) -> Verdict {
    let site = Site::new(server, &[])?;
    fs::remove_dir_all(site.root()).map_err(ours)?;
    site.server.get("/plain.txt")?.status(404)?;
    site.server.get("/teapot")?.status(418)?;
    fs::create_dir(site.root()).map_err(ours)?;
    fs::write(site.root().join("plain.txt"), "back").map_err(ours)?;
    let answer = site.server.get("/plain.txt")?;
    answer.status(200)?;
    answer.body_is(b"back")
}

/// Asks for the big file and reads its first bytes: now the server is in the middle
/// of it, because the file is much larger than what the kernel takes from it.
fn begin_big(server: &Server) -> Result<TcpStream, Failure> {
    let mut stream = connect(server)?;
    stream
        .write_all(request("GET", "/big.bin").as_bytes())
        .map_err(ours)?;
    stream.read_exact(&mut [0; 1000]).map_err(ours)?;
    Ok(stream)
}

/// Reads the rest; gives its length, whether it ends in order or with a reset.
fn rest(mut stream: TcpStream) -> Result<u64, Failure> {
    let mut block = vec![0; 1 << 20];
    let mut total = 0;
    loop {
        match stream.read(&mut block) {
            Ok(0) => return Ok(total),
            Ok(count) => total += count as u64,
            Err(error) if error.kind() == io::ErrorKind::ConnectionReset => return Ok(total),
            Err(error) => return Err(Failure::new(format!("after {total} bytes: {error}"))),
        }
    }
}

fn resize_big(site: &Site, length: u64) -> Verdict {
    let path = site.root().join("big.bin");
    let file = File::options().write(true).open(path).map_err(ours)?;
    file.set_len(length).map_err(ours)
}

fn file_shrinks(server: &Server) -> Verdict {
    let site = Site::new(server, &[])?;
    let client = begin_big(&site.server)?;
    resize_big(&site, 1000)?;
    let received = rest(client)?;
    ensure(
        received < BIG,
        format!("{received} bytes of a file that was cut"),
    )?;
    site.server.serves_on()
}

fn file_grows(server: &Server) -> Verdict {
    let site = Site::new(server, &[])?;
    let client = begin_big(&site.server)?;
    resize_big(&site, BIG * 2)?;
    whole_and_no_more(rest(client)?)?;
    site.server.serves_on()
}

fn file_vanishes(server: &Server) -> Verdict {
    let site = Site::new(server, &[])?;
    let client = begin_big(&site.server)?;
    fs::remove_file(site.root().join("big.bin")).map_err(ours)?;
    site.server.get("/big.bin")?.status(404)?;
    // What is open stays until it is closed.
    whole_and_no_more(rest(client)?)?;
    site.server.serves_on()
}

fn file_becomes_fifo(server: &Server) -> Verdict {
    let site = Site::new(server, &[])?;
    let client = begin_big(&site.server)?;
    fs::rename(site.root().join("fifo"), site.root().join("big.bin")).map_err(ours)?;
    // To open a FIFO waits until somebody writes into it: nobody ever does.
    site.server.get("/big.bin")?.status(404)?;
    whole_and_no_more(rest(client)?)?;
    site.server.serves_on()
}

/// `begin_big` has read the head, and may have read of the file what fits in its 1,000 bytes.
fn whole_and_no_more(received: u64) -> Verdict {
    ensure(
        (BIG - 1000..=BIG).contains(&received),
        format!("{received} bytes came of the file, which had {BIG}"),
    )
}

/// Goes on with a byte every few milliseconds, and is sent away.
fn drip(server: &Server, beginning: &str) -> Verdict {
    let own = server.own(&["--timeout", "1"])?;
    let mut client = own.connect()?;
    client.send(beginning);
    let is_answered = wait_until(PATIENCE, || {
        client.send("0");
        !client.is_quiet()
    });
    ensure(is_answered, "it waits for as long as bytes come")?;
    client.answer()?.status(408)
}

fn drip_chunked(server: &Server, beginning: &str) -> Verdict {
    let head = post_head("/echo", "Transfer-Encoding: chunked\r\n");
    drip(server, &(head + beginning))
}

/// Is answered, and then sends bytes until the connection is really closed.
fn drip_while_closing(server: &Server) -> Verdict {
    let own = server.own(&["--timeout", "1"])?;
    let mut client = connect(&own)?;
    client.write_all(b"nonsense\r\n").map_err(ours)?;
    let gone = wait_until(PATIENCE, || client.write_all(b"x").is_err());
    ensure(
        gone,
        "after its answer the server listens on, for as long as bytes come",
    )
}

/// Is answered, and stays, which must not keep a thread or a descriptor.
fn silence_while_closing(server: &Server) -> Verdict {
    let own = server.own(&["--timeout", "1"])?;
    let mut clients = Vec::new();
    for _ in 0..3 {
        let mut client = connect(&own)?;
        client.write_all(b"nonsense\r\n").map_err(ours)?;
        client.read_to_end(&mut Vec::new()).map_err(ours)?;
        clients.push(client);
    }
    // Stage 06 serves one client after the other.
    own.serves_on()
}

/// Sends for longer than the deadline, with pauses, but fast enough on the whole. Two
/// seconds, so that the test may be stopped for one of them on a busy machine.
fn slow_body(server: &Server) -> Verdict {
    let own = server.own(&["--timeout", "2"])?;
    let mut client = own.connect()?;
    let length = 60 * 16_384;
    client.send(post_head("/echo", &format!("Content-Length: {length}\r\n")));
    for _ in 0..60 {
        client.send([b'x'; 16_384]);
        thread::sleep(Duration::from_millis(50));
    }
    client.answer()?.status(200)
}

/// The same in chunks, each of which arrives whole.
fn slow_chunks(server: &Server) -> Verdict {
    let own = server.own(&["--timeout", "2"])?;
    let mut client = own.connect()?;
    client.send(post_head("/echo", "Transfer-Encoding: chunked\r\n"));
    for _ in 0..75 {
        client.send(format!("1f40\r\n{}\r\n", "x".repeat(8000)));
        thread::sleep(Duration::from_millis(40));
    }
    client.send("0\r\n\r\n");
    client.answer()?.status(200)
}

/// Whoever sends much at once has not earned the right to be silent for long.
/// The client's disk is slow, say: for longer than one write may take, and not for six.
fn file_read_after_a_pause(server: &Server) -> Verdict {
    let site = Site::new(server, &["--timeout", "1"])?;
    let client = begin_big(&site.server)?;
    thread::sleep(Duration::from_secs(3));
    whole_and_no_more(rest(client)?)
}

fn headway_is_no_credit(server: &Server) -> Verdict {
    let own = server.own(&["--timeout", "1"])?;
    let mut client = own.connect()?;
    client.send(post_head("/echo", "Content-Length: 1000000\r\n"));
    client.send([b'x'; 900_000]);
    client.answer()?.status(408)
}

/// Asks for more than the kernel keeps for it, and never reads. The access log says
/// when the server has given up.
fn echo_never_read(server: &Server) -> Verdict {
    let mut own = server.own(&["--timeout", "1", "--max-body", "30000000"])?;
    // A write may take six timeouts, and again if it ended with a part.
    own.patience = 6 * PATIENCE;
    let mut client = connect(&own)?;
    let head = post_head("/echo", "Content-Length: 30000000\r\n");
    client.write_all(head.as_bytes()).map_err(ours)?;
    client.write_all(&vec![b'x'; 30_000_000]).map_err(ours)?;
    own.stdout_line("POST /echo")?;
    own.serves_on()
}

fn file_never_read(server: &Server) -> Verdict {
    let mut site = Site::new(server, &["--timeout", "1"])?;
    // Six timeouts in a row, and more before them that ended with a part.
    site.server.patience = 3 * PATIENCE;
    let _client = begin_big(&site.server)?;
    site.server.stdout_line("GET /big.bin")?;
    site.server.serves_on()
}

/// Announces a body of a gigabyte and sends it, whatever the answer is.
fn endless_body(server: &Server) -> Verdict {
    const BLOCK: usize = 1 << 16;
    let mut client = connect(server)?;
    let head = post_head("/", "Content-Length: 1000000000\r\n");
    client.write_all(head.as_bytes()).map_err(ours)?;
    let mut sent = 0;
    while sent < 1_000_000_000 && client.write_all(&[b'x'; BLOCK]).is_ok() {
        sent += BLOCK;
    }
    // 32 MiB are read, and the kernel takes some more.
    ensure(
        (20_000_000..100_000_000).contains(&sent),
        format!("{sent} bytes of an endless body are read"),
    )?;
    server.serves_on()
}

#[cfg(target_os = "linux")]
use linux::crowd;
#[cfg(target_os = "linux")]
use linux::descriptors_used_up;
#[cfg(target_os = "linux")]
use linux::no_more_threads;
#[cfg(target_os = "linux")]
use linux::stopped;
#[cfg(target_os = "linux")]
use linux::stopped_while_it_sends;

/// Limits that can be set on a running process, and what `/proc` says about it.
#[cfg(target_os = "linux")]
mod linux {
    use std::time::SystemTime;

    use rustix::process::Resource;
    use rustix::process::Rlimit;
    use rustix::process::prlimit;
    use wirecheck::client::Connection;

    use super::*;

    /// Sets a limit of the server; gives the one that it had.
    fn limit(server: &Server, resource: Resource, current: Option<u64>) -> Result<Rlimit, Failure> {
        let maximum = rustix::process::getrlimit(resource).maximum;
        let new = Rlimit { current, maximum };
        prlimit(server.pid(), resource, new).map_err(|error| ours(error.into()))
    }

    /// A file or folder in `/proc/PID`.
    fn proc(server: &Server, name: &str) -> String {
        let pid = server.pid().map_or(0, |pid| pid.as_raw_nonzero().get());
        format!("/proc/{pid}/{name}")
    }

    /// The process state (`T` is stopped), and the time that the process has had from the
    /// processors, in hundredths of a second.
    fn state_and_time(server: &Server) -> (String, u64) {
        let stat = fs::read_to_string(proc(server, "stat")).unwrap_or_default();
        // The name of the program, in brackets, may hold anything.
        let rest = stat.rsplit_once(") ").map_or("", |(_, rest)| rest);
        let fields: Vec<&str> = rest.split(' ').collect();
        let number = |at: usize| {
            fields
                .get(at)
                .and_then(|text| text.parse::<u64>().ok())
                .unwrap_or_default()
        };
        (fields[0].to_string(), number(11) + number(12))
    }

    fn lines_on_stderr(server: &Server, part: &str) -> Result<usize, Failure> {
        let (_, stderr) = server.output()?;
        Ok(String::from_utf8_lossy(&stderr).matches(part).count())
    }

    /// The minute on the clock: the stages write one rare line in each.
    fn minute() -> u64 {
        let time = SystemTime::UNIX_EPOCH.elapsed().unwrap_or_default();
        time.as_secs() / 60
    }

    /// One cause gets one line a minute, also where the clock's minute ends meanwhile.
    fn one_line_a_minute(server: &Server, part: &str, began: u64) -> Verdict {
        let lines = lines_on_stderr(server, part)?;
        let minutes = minute() - began;
        ensure(
            lines >= 1 && lines as u64 <= 1 + minutes,
            format!("{lines} log lines for one cause, and the clock went on by {minutes} minutes"),
        )
    }

    /// All descriptors are in use: nobody can be accepted, and there is nothing to do but
    /// to wait. When some are free again, the clients that waited are served.
    pub fn descriptors_used_up(server: &Server) -> Verdict {
        let began = minute();
        // All that it needs to start has been opened.
        server.serves_on()?;
        // Below the limit no number is free, and a new descriptor takes the lowest.
        let is_free = |number: &u64| {
            let name = proc(server, &format!("fd/{number}"));
            fs::symlink_metadata(name).is_err()
        };
        let before = limit(server, Resource::Nofile, (0..1 << 20).find(is_free))?;
        let (_, time) = state_and_time(server);
        // The accept that waits now may have its descriptor already: that client leaves.
        drop(connect(server)?);
        let clients: Vec<_> = (0..20).map(|_| connect(server)).collect();
        server.stderr_line("cannot accept")?;
        // Long enough for a loop that spins to show itself.
        thread::sleep(Duration::from_millis(300));
        let spent = state_and_time(server).1 - time;
        ensure(
            spent < 6,
            format!("{spent} hundredths of a second spent on waiting"),
        )?;
        one_line_a_minute(server, "cannot accept", began)?;
        limit(server, Resource::Nofile, before.current)?;
        drop(clients);
        server.serves_on()
    }

    /// More silent clients than descriptors, some of which leave while others come.
    pub fn crowd(server: &Server) -> Verdict {
        let began = minute();
        let own = server.own_with_files(64)?;
        let mut clients = Vec::new();
        for _ in 0..100 {
            clients.push(connect(&own)?);
        }
        own.stderr_line("cannot accept")?;
        let (_, time) = state_and_time(&own);
        for client in &mut clients {
            *client = connect(&own)?;
        }
        let spent = state_and_time(&own).1 - time;
        drop(clients);
        // Until the last of them is noticed, a page that is a file may not open either.
        let recovered = wait_until(PATIENCE, || own.serves_on().is_ok());
        ensure(recovered, "the crowd is gone, and it does not serve")?;
        one_line_a_minute(&own, "cannot accept", began)?;
        ensure(
            spent < 100,
            format!("{spent} hundredths of a second spent on waiting"),
        )
    }

    /// There is room for what is there and a little more, but not for the 2 MiB of a
    /// thread's stack: the threads that there are serve on, and later others join them.
    pub fn no_more_threads(server: &Server) -> Verdict {
        let began = minute();
        server.serves_on()?;
        // A thread that has begun and has no room for all that it needs ends the program.
        let rests = wait_until(PATIENCE, || is_at_rest(server));
        ensure(rests, "its threads do not come to rest")?;
        let size = server.proc_status("VmSize").unwrap_or_default() * 1024;
        let before = limit(server, Resource::As, Some(size + (1 << 20)))?;
        let clients = half_asked(server)?;
        server.stderr_line("cannot start a thread")?;
        // Served in the order in which they came, by as few threads as there are.
        for client in clients {
            finish(client)?;
        }
        one_line_a_minute(server, "cannot start a thread", began)?;
        limit(server, Resource::As, before.current)?;
        // In the reverse order: each needs a thread of its own.
        for client in half_asked(server)?.into_iter().rev() {
            finish(client)?;
        }
        Ok(())
    }

    /// Whether each of its threads waits (`S`): none is only just starting.
    fn is_at_rest(server: &Server) -> bool {
        let threads = fs::read_dir(proc(server, "task")).into_iter().flatten();
        threads.flatten().all(|thread| {
            // Nothing is left of one that has ended meanwhile.
            let stat = fs::read_to_string(thread.path().join("stat")).unwrap_or_default();
            stat.is_empty() || stat.contains(") S ")
        })
    }

    /// Fifty clients that have begun to ask.
    fn half_asked(server: &Server) -> Result<Vec<Connection>, Failure> {
        let mut clients = Vec::new();
        for _ in 0..50 {
            let mut client = server.connect()?;
            client.send("GET / HTTP/1.1\r\nHost: loc");
            clients.push(client);
        }
        Ok(clients)
    }

    fn finish(mut client: Connection) -> Verdict {
        client.send("alhost\r\n\r\n");
        client.answer()?.accepted()
    }

    /// Ctrl-Z and `fg`: a read or an accept that is interrupted begins again.
    pub fn stopped(server: &Server) -> Verdict {
        let mut client = server.connect()?;
        client.send("GET / HTTP/1.1\r\nHost: loc");
        let port = client.port()?;
        let is_taken = wait_until(PATIENCE, || is_accepted(server, port));
        ensure(is_taken, "it does not accept")?;
        // Nothing is there to be read when it goes on …
        stop(server)?;
        signal(server, Signal::CONT)?;
        let goes_on = wait_until(PATIENCE, || state_and_time(server).0 == "S");
        ensure(goes_on, "it does not go on")?;
        client.send("al");
        // … or something is.
        stop(server)?;
        client.send("host\r\n\r\n");
        let mut other = server.connect()?;
        other.send(request("GET", "/"));
        signal(server, Signal::CONT)?;
        for mut client in [client, other] {
            client.half_close();
            let answer = client.rest()?;
            let is_right = match server.stage {
                2 => answer.starts_with(b"GET / HTTP/1.1\r\nHost: localhost"),
                3 => answer.is_empty(),
                _ => answer.starts_with(b"HTTP/1.1 200"),
            };
            ensure(is_right, format!("the answer is {}", answer.escape_ascii()))?;
        }
        server.serves_on()
    }

    pub fn stopped_while_it_sends(server: &Server) -> Verdict {
        let site = Site::new(server, &[])?;
        let client = begin_big(&site.server)?;
        for _ in 0..20 {
            stop(&site.server)?;
            signal(&site.server, Signal::CONT)?;
            // The first stop ends a write that has sent a part. The next one shall meet a write
            // that waits, so all threads must have run again.
            site.server.serves_on()?;
        }
        whole_and_no_more(rest(client)?)
    }

    /// Whether the server has taken the client that has this port. Until then the kernel has the socket, and no file
    /// leads to it: its inode is 0 (proc_net_tcp).
    fn is_accepted(server: &Server, port: u16) -> bool {
        let ends = format!(":{:04X} 0100007F:{port:04X} ", server.address.port());
        let sockets = fs::read_to_string(proc(server, "net/tcp")).unwrap_or_default();
        let Some(socket) = sockets.lines().find(|line| line.contains(&ends)) else {
            return false;
        };
        socket.split_whitespace().nth(9) != Some("0")
    }

    fn stop(server: &Server) -> Verdict {
        signal(server, Signal::STOP)?;
        let stopped = wait_until(PATIENCE, || state_and_time(server).0 == "T");
        ensure(stopped, "it does not stop")
    }
}
