//! The command as its readers use it: on a server that is theirs (here one of our stages,
//! started as if it were not ours), and on servers that go wrong in the first minute.

use std::fs::File;
use std::io::Read;
use std::io::Write;
use std::net::Ipv4Addr;
use std::net::SocketAddr;
use std::net::TcpListener;
use std::path::Path;
use std::process::Child;
use std::process::Command;
use std::process::Stdio;
use std::thread;
use std::time::Duration;

use rustix::process::Pid;
use rustix::process::Signal;
use rustix::pty::OpenptFlags;
use wirecheck::checks::LAST_STAGE;
use wirecheck::server::Origin;
use wirecheck::server::PATIENCE;
use wirecheck::server::Server;
use wirecheck::server::wait_until;
use wirecheck::stages;

fn wirecheck() -> Command {
    let mut command = Command::new(stages::beside_this("wirecheck"));
    // Where a reader types it, and where our stages find their files.
    command.current_dir(stages::checkout().unwrap());
    command
}

/// Exit status, stdout, stderr.
fn run(arguments: &[&str]) -> (Option<i32>, String, String) {
    let output = wirecheck().args(arguments).output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (
        output.status.code(),
        text(output.stdout),
        text(output.stderr),
    )
}

/// The program of our stage of this number.
fn stage(number: u8) -> String {
    let mut own = stages::all();
    own.retain(|stage| stage.number == number);
    stages::build(&own).unwrap();
    own[0].program().display().to_string()
}

/// A path as a word for a shell, also with a space in it.
fn word(path: impl AsRef<Path>) -> String {
    format!("'{}'", path.as_ref().display())
}

/// This very test, as a command for a shell: a server to be checked.
fn this_test(name: &str) -> String {
    let program = word(std::env::current_exe().unwrap());
    format!("{program} --ignored --exact --nocapture {name}")
}

/// A server in the background; what it does with each client it decides itself.
fn serve(each: impl Fn(std::net::TcpStream) + Send + 'static) -> SocketAddr {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || listener.incoming().flatten().for_each(each));
    address
}

/// Reads on until the empty line, but no more than 16 KiB.
fn read_head(client: &mut impl Read, mut head: Vec<u8>) {
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n")
        && head.len() < 16 * 1024
        && client.read(&mut byte).is_ok_and(|n| n > 0)
    {
        head.extend(byte);
    }
}

/// A port on which nobody listens.
fn free_port() -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    listener.local_addr().unwrap().port()
}

fn entries(folder: &Path) -> usize {
    folder.read_dir().unwrap().count()
}

#[test]
fn root_is_a_folder_of_test_files_and_is_removed() {
    let folder = tempfile::tempdir().unwrap();
    let line = format!("{} --port {{port}} {{root}}", word(stage(9)));
    let output = wirecheck()
        .args(["9", "--run", &line])
        .args(["--only", "file", "--only", "own-public-folder"])
        .args(["--only", "form-page", "--only", "not-found"])
        .env("TMPDIR", folder.path())
        .output()
        .unwrap();
    let stdout = String::from_utf8(output.stdout).unwrap();
    assert!(stdout.contains("3 passed, 0 failed, 1 skipped"), "{stdout}");
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(entries(folder.path()), 0);
}

#[test]
fn without_root_it_says_what_to_add() {
    let line = format!("{} --port {{port}}", word(stage(9)));
    let (status, stdout, _) = run(&["9", "--run", &line, "--only", "file"]);
    assert!(stdout.contains("put {root} where"), "{stdout}");
    // Nothing was tried, so nothing can be said.
    assert_eq!(status, Some(2));
}

#[test]
fn test_files_that_somebody_else_serves_are_known() {
    let folder = tempfile::tempdir().unwrap();
    let files = folder.path().join("files").display().to_string();
    let (status, stdout, _) = run(&["--lay-out", &files]);
    assert_eq!(status, Some(0));
    let root = format!("{files}/www");
    assert!(stdout.contains(&format!("--root {root}")), "{stdout}");
    // What is there already stays.
    assert_eq!(run(&["--lay-out", &files]).0, Some(2));
    let line = format!("{} --port {{port}} {}", word(stage(9)), word(&root));
    let server = Server::start(9, &Origin::Command(line)).unwrap();
    let addr = server.address.to_string();
    // The second deletes a file that the third asks for.
    let only = [
        "file",
        "folder-without-index",
        "index-of-root",
        "dot-files",
        "traversal-by-link",
    ];
    let only = only.map(|name| ["--only", name]).concat();
    let told = ["9", "--addr", &addr, "--root", &root];
    let (_, stdout, _) = run(&[&told[..], &only].concat());
    assert!(stdout.contains("5 passed, 0 failed, 0 skipped"), "{stdout}");
    // Anybody's folder is left as it is.
    let told = ["9", "--addr", &addr, "--root", &files];
    let (_, stdout, _) = run(&[&told[..], &only].concat());
    assert!(stdout.contains("5 skipped: needs to serve"), "{stdout}");
}

#[test]
fn an_interrupt_ends_the_server_and_removes_the_folder() {
    let folder = tempfile::tempdir().unwrap();
    let started = folder.path().join("started");
    let files = folder.path().join("files");
    std::fs::create_dir(&files).unwrap();
    // It never listens, so that the checker waits for it.
    let line = format!(
        "echo $$ > {}; exec sleep 60 # {{port}} {{root}}",
        word(&started)
    );
    let mut checker = wirecheck()
        .args(["9", "--run", &line])
        .env("TMPDIR", &files)
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let pid = || {
        let text = std::fs::read_to_string(&started).ok()?;
        text.strip_suffix('\n')?.parse().ok()
    };
    assert!(wait_until(PATIENCE, || pid().is_some()));
    assert_eq!(entries(&files), 1);
    rustix::process::kill_process(Pid::from_child(&checker), Signal::INT).unwrap();
    assert_eq!(ends(&mut checker), Some(130));
    assert_eq!(entries(&files), 0);
    let server = Pid::from_raw(pid().unwrap()).unwrap();
    let gone = || rustix::process::test_kill_process(server).is_err();
    assert!(wait_until(PATIENCE, gone), "the server still runs");
}

/// Its exit status, within the patience.
fn ends(child: &mut Child) -> Option<i32> {
    wait_until(PATIENCE, || child.try_wait().unwrap().is_some());
    child.try_wait().unwrap().and_then(|status| status.code())
}

#[test]
fn addr_takes_names_and_the_ready_line() {
    let server = Server::start(1, &Origin::Stage(stage(1).into())).unwrap();
    let port = server.address.port();
    // On many systems localhost is ::1 first, and there nobody listens.
    for addr in [
        format!("localhost:{port}"),
        format!("http://127.0.0.1:{port}/"),
        format!("http://127.0.0.1:{port}/a/page"),
        format!(":{port}"),
        format!("{port}"),
    ] {
        let only = ["--only", "survives-garbage"];
        let (status, stdout, stderr) = run(&[&["1", "--addr", &addr][..], &only].concat());
        assert_eq!(status, Some(0), "{stdout}{stderr}");
    }
}

#[test]
fn https_is_asked_through_tls() {
    let server = Server::start(LAST_STAGE, &Origin::Stage(stage(LAST_STAGE).into())).unwrap();
    let secure = server.secure(&[]).unwrap();
    let url = secure.url();
    assert!(url.starts_with("https://127.0.0.1:"), "{url}");
    let (status, stdout, stderr) = run(&[&url, "--only", "page-date", "--only", "tls-goodbye"]);
    assert_eq!(status, Some(0), "{stdout}{stderr}");
    assert!(stdout.contains("2 passed, 0 failed, 0 skipped"), "{stdout}");
    assert!(stdout.contains(&format!("{url}: it keeps")), "{stdout}");
}

#[test]
fn addr_says_what_is_wrong() {
    for (addr, says) in [
        (format!("localhost:{}", free_port()), "nobody listens on"),
        ("localhost".to_string(), "it should look like"),
        (
            format!("https://localhost:{}", free_port()),
            "nobody speaks HTTPS on",
        ),
        ("no.such.host.invalid:80".to_string(), "it should look like"),
        ("ftp://localhost:80".to_string(), "http:// or https://"),
    ] {
        let (status, _, stderr) = run(&["1", "--addr", &addr]);
        assert!(stderr.contains(says), "{stderr}");
        assert_eq!(status, Some(2));
    }
}

#[test]
fn a_command_that_does_not_serve_is_told_from_one_that_does_not_listen() {
    for (line, says) in [
        ("no-such-program-4711 {port}", "not found"),
        (
            "echo oh no >&2; exit 3 # {port}",
            "has ended (exit status: 3)",
        ),
        ("true {port}", "has ended (exit status: 0)"),
        ("true {port}", "does it put itself in the background?"),
        ("my-server", "--run needs {port}"),
    ] {
        let (status, stdout, stderr) = run(&["1", "--run", line]);
        assert!(stderr.contains(says), "{stderr}");
        assert_eq!((status, stdout.as_str()), (Some(2), ""));
    }
}

#[test]
fn a_port_that_is_taken_at_the_start_is_left_for_another() {
    let folder = tempfile::tempdir().unwrap();
    let once = word(folder.path().join("once"));
    let program = word(stage(4));
    let line = format!(
        "mkdir {once} 2>/dev/null && echo 'Address already in use' >&2 && exit 1; exec {program} --port {{port}}"
    );
    let (status, stdout, stderr) = run(&["4", "--only", "answer-is-http", "--run", &line]);
    assert_eq!(status, Some(0), "{stdout}{stderr}");
}

#[test]
fn what_has_no_meaning_is_refused() {
    let (status, _, stderr) = run(&["3", "--protocol", "--addr", "127.0.0.1:1"]);
    assert_eq!(status, Some(2));
    assert!(stderr.contains("--protocol begins at stage 4"), "{stderr}");
    let (status, _, stderr) = run(&["4", "--patience", "1e19"]);
    assert_eq!(status, Some(2));
    assert!(stderr.contains("below 3600"), "{stderr}");
}

#[test]
fn of_a_long_complaint_the_beginning_and_the_end_are_shown() {
    let line = "for i in $(seq 100); do echo line $i. >&2; done; exit 1 # {port}";
    let (_, _, stderr) = run(&["1", "--run", line]);
    for shown in [
        "line 1.\n",
        "line 10.\n",
        "… 85 lines\n",
        "line 96.\n",
        "line 100.",
    ] {
        assert!(stderr.contains(shown), "{stderr}");
    }
    assert!(
        !stderr.contains("line 11.") && !stderr.contains("line 95."),
        "{stderr}"
    );
}

#[test]
fn who_answers_nobody_is_not_checked() {
    let silent = serve(std::mem::forget).to_string();
    let (status, _, stderr) = run(&["4", "--addr", &silent, "--patience", "0.3"]);
    assert!(stderr.contains("neither answered nor closed"), "{stderr}");
    assert_eq!(status, Some(2));
}

#[test]
fn an_answer_without_an_end_comes_to_an_end() {
    let block = vec![b'x'; 1 << 20];
    comes_to_no_end(serve(
        move |mut client| {
            while client.write_all(&block).is_ok() {}
        },
    ));
}

#[test]
fn single_bytes_in_time_come_to_an_end() {
    comes_to_no_end(serve(|mut client| {
        while client.write_all(b"x").is_ok() {
            thread::sleep(Duration::from_millis(50));
        }
    }));
}

fn comes_to_no_end(server: SocketAddr) {
    let addr = server.to_string();
    let only = ["--only", "closes-without-a-word", "--patience", "0.3"];
    let (status, stdout, stderr) = run(&[&["1", "--addr", &addr][..], &only].concat());
    assert!(
        stdout.contains("sends and sends, and comes to no end"),
        "{stdout}{stderr}"
    );
    assert_eq!(status, Some(1));
}

#[test]
fn the_probe_after_a_check_is_labelled() {
    let greeter = serve(|mut client| {
        let _ = client.write_all(b"hello");
    });
    let addr = greeter.to_string();
    let (status, stdout, _) = run(&["1", "--addr", &addr, "--only", "survives-connect-and-close"]);
    assert!(stdout.contains("* then, the next client:"), "{stdout}");
    assert_eq!(status, Some(1));
}

#[test]
fn what_stage_05_still_does_is_told_of_stage_05_only() {
    let page = serve(|mut client| {
        let _ = client.read(&mut [0; 4096]);
        let _ = client.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    });
    let addr = page.to_string();
    for (stage, is_told) in [("5", true), ("6", false)] {
        let (status, stdout, _) = run(&[stage, "--addr", &addr, "--only", "host-missing"]);
        assert!(stdout.contains("expects  400 Bad Request"), "{stdout}");
        assert_eq!(stdout.contains("in stage 05 still"), is_told, "{stdout}");
        assert_eq!(status, Some(1));
    }
}

#[test]
fn an_echo_of_text_shows_the_first_byte_that_differs() {
    let text = serve(|mut client| {
        let mut block = [0; 4096];
        while let Ok(n @ 1..) = client.read(&mut block) {
            let _ = client.write_all(String::from_utf8_lossy(&block[..n]).as_bytes());
        }
    });
    let addr = text.to_string();
    let (_, stdout, _) = run(&["2", "--addr", &addr, "--only", "echo-10-mib"]);
    assert!(
        stdout.contains(r"at byte 117: sent \x80\x81\x82\x83, got \xef\xbf\xbd\xef"),
        "{stdout}"
    );
    assert!(stdout.lines().count() < 20, "{stdout}");
}

#[test]
fn what_breaks_clients_is_shown_before_what_is_of_the_house() {
    let bare = serve(|mut client| {
        let _ = client.read(&mut [0; 4096]);
        let _ = client.write_all(b"HTTP/1.1 200 OK\nContent-Length: 0\n\n");
    });
    let addr = bare.to_string();
    let only = ["--only", "hello-world", "--only", "close-announced"];
    let (_, stdout, _) = run(&[&["4", "--addr", &addr][..], &only].concat());
    let (_, rest) = stdout.split_once("\n\n").unwrap();
    assert!(rest.starts_with("✗ close-announced"), "{stdout}");
}

#[test]
fn how_an_answer_is_written_is_not_the_matter_of_who_survives_or_understands() {
    for answer in [
        "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n\u{fc}",
        "a page and nothing else",
    ] {
        let malformed = serve(|mut client| {
            let _ = client.read(&mut [0; 4096]);
            let _ = client.write_all(answer.as_bytes());
        });
        let addr = malformed.to_string();
        for (name, wanted) in [
            ("survives-connect-and-close", 0),
            ("bare-lf-line-ends", 0),
            ("answer-is-http", 1),
        ] {
            let (status, stdout, _) = run(&["4", "--addr", &addr, "--only", name]);
            assert_eq!(status, Some(wanted), "{stdout}");
        }
    }
}

#[test]
fn the_bytes_that_ended_a_server_are_shown() {
    let line = format!("PORT={{port}} exec {}", this_test("ends_without_a_head"));
    for (name, shown) in [
        ("half-a-head-and-gone", "    > G"),
        (
            "survives-connect-and-close",
            "* a client connects, sends nothing",
        ),
    ] {
        let (_, stdout, _) = run(&["4", "--run", &line, "--only", name]);
        assert!(
            stdout.contains("the server has ended (exit status: 0)"),
            "{stdout}"
        );
        assert!(stdout.contains(shown), "{stdout}");
        assert!(stdout.contains("* by now the server has ended"), "{stdout}");
    }
}

#[test]
#[ignore = "a server, which other tests start"]
fn ends_without_a_head() {
    let Ok(port) = std::env::var("PORT") else {
        return;
    };
    let listener = TcpListener::bind(format!("127.0.0.1:{port}")).unwrap();
    for mut client in listener.incoming().flatten() {
        let mut head = [0; 4096];
        let n = client.read(&mut head).unwrap_or(0);
        if !head[..n].ends_with(b"\r\n\r\n") {
            return;
        }
        let _ = client.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    }
}

#[test]
fn a_program_that_runs_and_does_not_listen_has_not_ended() {
    let line = format!(
        "PORT={{port}} exec {}",
        this_test("listens_for_two_clients")
    );
    let only = ["--only", "survives-connect-and-close"];
    let (_, stdout, _) = run(&[&["1", "--run", &line][..], &only].concat());
    assert!(stdout.contains("though the program runs"), "{stdout}");
}

#[test]
#[ignore = "a server, which other tests start"]
fn listens_for_two_clients() {
    let Ok(port) = std::env::var("PORT") else {
        return;
    };
    let listener = TcpListener::bind(format!("127.0.0.1:{port}")).unwrap();
    // Those who look whether it is there.
    listener.incoming().take(2).for_each(drop);
    drop(listener);
    thread::park();
}

#[test]
fn what_goes_on_meanwhile_is_told() {
    let one_at_a_time = serve(|mut client| {
        read_head(&mut client, Vec::new());
        let _ = client.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    });
    let addr = one_at_a_time.to_string();
    for (name, says) in [
        (
            "idle-client-blocks-nobody",
            "while 3 other clients are connected and silent, ",
        ),
        ("drip-blocks-nobody", "while 3 other clients send slowly, "),
        (
            "answered-in-reverse-order",
            "while 3 clients before it have sent half a head, ",
        ),
    ] {
        let only = ["--only", name, "--patience", "0.5"];
        let (_, stdout, _) = run(&[&["7", "--addr", &addr][..], &only].concat());
        assert!(stdout.contains(says), "{stdout}");
    }
}

#[test]
fn what_another_server_may_do_is_told_of_later_stages_too() {
    let page = serve(|mut client| {
        let _ = client.read(&mut [0; 4096]);
        let _ = client.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    });
    let addr = page.to_string();
    let (_, stdout, _) = run(&["6", "--addr", &addr, "--only", "request-line-nonsense"]);
    let expects = "expects  400 Bad Request; from another server any refusal, or a close";
    assert!(stdout.contains(expects), "{stdout}");
}

#[test]
fn a_server_without_a_page_is_told_that_it_proves_little() {
    let missing = serve(|mut client| {
        let _ = client.read(&mut [0; 4096]);
        let _ = client.write_all(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n");
    });
    let addr = missing.to_string();
    let (status, stdout, _) = run(&["4", "--addr", &addr, "--only", "answer-is-http"]);
    assert!(stdout.contains("GET / is answered with 404"), "{stdout}");
    assert_eq!(status, Some(0));
}

#[test]
fn a_plain_answer_that_is_wrong_is_told_before_all_else() {
    for (answer, says) in [
        ("", "closed the connection without an answer"),
        ("b'HTTP/1.1 200 OK\\r\\n'", "does not begin with HTTP/"),
        ("\x15\x03\x01\0\x02\x02\x50", "speaks TLS"),
    ] {
        let server = serve(move |mut client| {
            let _ = client.read(&mut [0; 4096]);
            let _ = client.write_all(answer.as_bytes());
        });
        let addr = server.to_string();
        let only = ["--only", "survives-connect-and-close"];
        let only = [&only[..], &["--only", "answer-is-http"]].concat();
        let (_, stdout, _) = run(&[&["4", "--addr", &addr][..], &only].concat());
        assert!(stdout.starts_with("Before anything else"), "{stdout}");
        let (_, rest) = stdout.split_once("\n\n").unwrap();
        assert!(rest.starts_with("✗ answer-is-http"), "{stdout}");
        assert!(rest.contains(says), "{stdout}");
    }
}

#[test]
fn a_whole_answer_without_a_close_is_told_from_one_cut_short() {
    for (length, says) in [
        (5, "the answer is complete, but the connection stays open"),
        (6, "the server stopped in the middle"),
    ] {
        let keeps = serve(move |mut client| {
            let _ = client.read(&mut [0; 4096]);
            let answer = format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\nHello");
            let _ = client.write_all(answer.as_bytes());
            thread::spawn(move || client.read_to_end(&mut Vec::new()));
        });
        let addr = keeps.to_string();
        let only = ["--only", "closes-after-the-answer", "--patience", "0.5"];
        let (_, stdout, _) = run(&[&["4", "--addr", &addr][..], &only].concat());
        assert!(stdout.contains(says), "{stdout}");
    }
}

#[test]
fn that_sending_stopped_with_a_reset_is_said() {
    let resets = serve(|mut client| {
        let _ = client.read(&mut [0; 4096]);
        let _ = client.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    });
    let addr = resets.to_string();
    let (_, stdout, _) = run(&["4", "--addr", &addr, "--only", "20-mb-sent-to-a-page"]);
    assert!(stdout.contains("* sending stopped (reset): "), "{stdout}");
}

#[test]
fn in_stage_05_a_page_for_a_malformed_request_says_how_to_refuse_it() {
    let page = serve(|mut client| {
        let _ = client.read(&mut [0; 4096]);
        let _ = client.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    });
    let addr = page.to_string();
    let (_, stdout, _) = run(&["5", "--addr", &addr, "--only", "host-missing"]);
    assert!(
        stdout.contains("refuse it with 400, or close without an answer"),
        "{stdout}"
    );
}

#[test]
fn a_page_may_show_the_target() {
    // The same page everywhere, but for what was asked.
    let mirror = serve(|mut client| {
        let mut head = [0; 4096];
        let n = client.read(&mut head).unwrap_or(0);
        let head = String::from_utf8_lossy(&head[..n]).into_owned();
        let target = head.split(' ').nth(1).unwrap_or_default();
        let length = target.len();
        let answer = format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n{target}");
        let _ = client.write_all(answer.as_bytes());
    });
    let addr = mirror.to_string();
    let (_, stdout, _) = run(&["10", "--addr", &addr, "--only", "target-absolute-form"]);
    assert!(stdout.contains("1 passed"), "{stdout}");
}

#[test]
fn in_stage_05_a_malformed_request_may_stay_unanswered() {
    let closes = serve(|mut client| {
        let _ = client.read(&mut [0; 4096]);
    });
    let addr = closes.to_string();
    for (stage, wanted) in [("5", 0), ("6", 1)] {
        let (status, stdout, _) = run(&[stage, "--addr", &addr, "--only", "host-missing"]);
        assert_eq!(status, Some(wanted), "{stdout}");
    }
}

#[test]
fn in_stage_03_a_close_before_the_empty_line_is_seen_from_outside() {
    let one_read = serve(|mut client| {
        let _ = client.read(&mut [0; 4096]);
    });
    let whole = serve(|mut client| read_head(&mut client, Vec::new()));
    let only = [
        "--only",
        "split-everywhere",
        "--only",
        "one-byte-at-a-time",
        "--patience",
        "0.5",
    ];
    for (server, figures) in [
        (one_read, "0 passed, 2 failed"),
        (whole, "0 failed, 2 skipped"),
    ] {
        let addr = server.to_string();
        let (_, stdout, _) = run(&[&["3", "--addr", &addr][..], &only].concat());
        assert!(stdout.contains(figures), "{stdout}");
    }
    // Started, it is seen to print.
    let line = format!("{} --port {{port}}", word(stage(3)));
    let (_, stdout, _) = run(&[&["3", "--run", &line][..], &only].concat());
    assert!(stdout.contains("2 passed"), "{stdout}");
}

#[test]
fn of_a_log_the_last_lines_are_shown_and_of_complaints_those_of_the_check() {
    let line = format!("echo before the check >&2; {}", first_segment());
    let only = ["--only", "head-logged", "--patience", "0.5"];
    let (_, stdout, stderr) = run(&[&["3", "--run", &line][..], &only].concat());
    // It prints an ESC as it came, and so many lines.
    assert!(stdout.contains("… "), "{stdout}{stderr}");
    assert!(stdout.contains(r"\x1b[31m49"), "{stdout}");
    assert!(!stdout.contains(['\x1b']), "{stdout}");
    assert!(stdout.contains("* on stderr: a client came"), "{stdout}");
    assert!(!stdout.contains("before the check"), "{stdout}");
}

/// A command that starts `prints_the_first_segment`.
fn first_segment() -> String {
    format!("PORT={{port}} {}", this_test("prints_the_first_segment"))
}

#[test]
fn in_stage_03_a_head_that_is_not_printed_whole_is_seen() {
    let line = first_segment();
    let only = ["--only", "split-everywhere", "--patience", "0.5"];
    let (status, stdout, stderr) = run(&[&["3", "--run", &line][..], &only].concat());
    assert!(
        stdout.contains("its last field was not printed"),
        "{stdout}{stderr}"
    );
    assert_eq!(status, Some(1));
}

#[test]
#[ignore = "a server, which other tests start"]
fn prints_the_first_segment() {
    let Ok(port) = std::env::var("PORT") else {
        return;
    };
    let listener = TcpListener::bind(format!("127.0.0.1:{port}")).unwrap();
    for mut client in listener.incoming().flatten() {
        let mut first = vec![0; 4096];
        let n = client.read(&mut first).unwrap_or(0);
        first.truncate(n);
        eprintln!("a client came");
        println!("{}", String::from_utf8_lossy(&first).trim_end());
        (0..50).for_each(|i| println!("\x1b[31m{i}"));
        read_head(&mut client, first);
    }
}

#[test]
fn who_reads_a_head_without_an_end_is_not_spared_by_the_end_of_the_stream() {
    let endless = serve(|mut client| {
        let _ = client.read_to_end(&mut Vec::new());
    });
    let bounded = serve(|mut client| read_head(&mut client, Vec::new()));
    let only = ["--only", "head-without-end", "--patience", "2"];
    for (server, wanted) in [(endless, 1), (bounded, 0)] {
        let addr = server.to_string();
        let (status, stdout, _) = run(&[&["3", "--addr", &addr][..], &only].concat());
        assert_eq!(status, Some(wanted), "{stdout}");
    }
}

#[test]
fn what_is_not_run_is_said() {
    for (arguments, says) in [
        (
            &["4", "--only", "answer-date", "--only", "host-missing"][..],
            "begins at stage 5",
        ),
        (&["9", "--only", "hello-world"], "holds up to stage 8"),
        (
            &["6", "--protocol", "--only", "not-found"],
            "--protocol leaves out what",
        ),
        (
            &["foo"],
            &format!("a stage is a number from 1 to {LAST_STAGE}"),
        ),
        (&["4", "--patience", "-1"], "a number of seconds"),
    ] {
        let (status, _, stderr) = run(arguments);
        assert!(stderr.contains(says), "{stderr}");
        assert_eq!(status, Some(2));
    }
}

#[test]
fn a_misspelt_name_is_corrected() {
    for arguments in [
        ["1", "--only", "survives-conect-and-close"],
        ["1", "--explain", "survives-connect-and-closes"],
    ] {
        let (status, _, stderr) = run(&arguments);
        assert!(
            stderr.contains("mean survives-connect-and-close"),
            "{stderr}"
        );
        assert_eq!(status, Some(2));
    }
    let (_, _, stderr) = run(&["1", "--only", "xyzzy"]);
    assert!(stderr.contains("--list shows them all"), "{stderr}");
}

#[test]
fn a_reader_that_goes_away_ends_it_without_a_word() {
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let output = wirecheck().arg("--list").stdout(writer).output().unwrap();
    assert_eq!(String::from_utf8(output.stderr).unwrap(), "");
    assert_eq!(output.status.code(), Some(2));
}

#[test]
fn a_terminal_shows_what_runs_and_a_pipe_does_not() {
    let server = Server::start(1, &Origin::Stage(stage(1).into())).unwrap();
    let addr = server.address.to_string();
    let arguments = ["1", "--addr", &addr, "--only", "survives-garbage"];
    let (_, stdout, _) = run(&arguments);
    assert!(!stdout.contains(['…', '\r']), "{stdout}");

    let terminal = rustix::pty::openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
    rustix::pty::grantpt(&terminal).unwrap();
    rustix::pty::unlockpt(&terminal).unwrap();
    let name = rustix::pty::ptsname(&terminal, Vec::new()).unwrap();
    let far_end = File::options().write(true).open(name.to_str().unwrap());
    let mut command = wirecheck();
    command.args(arguments).env("NO_COLOR", "1");
    command.stdout(far_end.unwrap());
    let mut checker = command.spawn().unwrap();
    // Else the far end stays open here.
    drop(command);
    let mut shown = Vec::new();
    match File::from(terminal).read_to_end(&mut shown) {
        // How Linux says that the far end is closed.
        Err(e) if e.raw_os_error() == Some(5) => {}
        other => assert!(other.is_ok_and(|n| n > 0)),
    }
    let shown = String::from_utf8(shown).unwrap();
    let erased = format!("  … 1/1 survives-garbage\r{}\r", " ".repeat(24));
    assert!(shown.contains(&erased), "{shown:?}");
    assert!(shown.contains("\r  ✓ survives-garbage\r\n"), "{shown:?}");
    assert!(!shown.contains('\x1b'), "{shown:?}");
    assert_eq!(ends(&mut checker), Some(0));
}

/// A server that answers every request with this and closes.
fn always(answer: &'static str) -> String {
    let server = serve(move |mut client| {
        read_head(&mut client, Vec::new());
        let _ = client.write_all(answer.as_bytes());
    });
    server.to_string()
}

const NO_DATE: &str = "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Type: text/plain\r\nConnection: close\r\n\r\nx";

#[test]
fn without_a_stage_a_warning_is_no_failure_unless_it_shall_be_one() {
    let addr = always(NO_DATE);
    let url = format!("http://{addr}/");
    for (arguments, wanted) in [
        (&["--only", "missing-is-404"][..], 0),
        (&["--only", "missing-is-404", "--strict"], 1),
        (&["--only", "answer-date"], 1),
        (&["--only", "answer-is-http", "--strict"], 0),
    ] {
        let (status, stdout, stderr) = run(&[&[url.as_str()][..], arguments].concat());
        assert_eq!(status, Some(wanted), "{stdout}{stderr}");
        assert!(stdout.contains("it closes after each answer"), "{stdout}");
    }
    let (status, stdout, _) = run(&[&addr, "--only", "answer-date", "--only", "missing-is-404"]);
    assert!(
        stdout.contains("0 passed, 1 failed, 1 warned, 0 skipped"),
        "{stdout}"
    );
    assert_eq!(status, Some(1));
}

#[test]
fn a_server_without_a_stage_is_not_held_to_our_pages() {
    let addr = always(NO_DATE);
    let (status, _, stderr) = run(&[&addr, "--only", "hello-world"]);
    assert!(stderr.contains("give the number of a stage"), "{stderr}");
    assert_eq!(status, Some(2));
    for (text, says) in [
        ("99", "a stage is a number from 1 to "),
        ("foo", "is neither"),
        ("127.0.0.1:1", "nobody listens on 127.0.0.1:1"),
    ] {
        let (status, _, stderr) = run(&[text]);
        assert!(stderr.contains(says), "{stderr}");
        assert_eq!(status, Some(2));
    }
    let (_, _, stderr) = run(&[]);
    assert!(stderr.contains("which server?"), "{stderr}");
}

#[test]
fn known_failures_turn_nothing_red_and_others_do() {
    let addr = always(NO_DATE);
    let folder = tempfile::tempdir().unwrap();
    let list = folder.path().join("known.txt").display().to_string();
    let only = ["--only", "answer-date", "--only", "host-missing"];
    let only = [&[addr.as_str()][..], &only].concat();
    let (status, stdout, _) = run(&[&only[..3], &["--write-expect", &list]].concat());
    assert!(stdout.contains("1 known failures are in"), "{stdout}");
    assert_eq!(status, Some(0));
    let (status, stdout, _) = run(&[&only[..3], &["--expect", &list]].concat());
    assert!(stdout.contains("0 failed, 1 known"), "{stdout}");
    assert_eq!(status, Some(0));
    let (status, stdout, _) = run(&[&only[..], &["--expect", &list]].concat());
    assert!(stdout.contains("1 failed, 1 known"), "{stdout}");
    assert_eq!(status, Some(1));

    // One that passes by now is to be taken out.
    std::fs::write(&list, "answer-is-http # mended\n").unwrap();
    let only = [addr.as_str(), "--only", "answer-is-http"];
    for (arguments, wanted) in [
        (&["--expect", &list][..], 0),
        (&["--strict", "--expect", &list], 1),
    ] {
        let (status, stdout, _) = run(&[&only[..], arguments].concat());
        assert!(stdout.contains("Mended: answer-is-http."), "{stdout}");
        assert_eq!(status, Some(wanted), "{stdout}");
    }
    for (text, says) in [("answer-dat", "do you mean answer-date"), ("# none", "")] {
        std::fs::write(&list, text).unwrap();
        let (_, _, stderr) = run(&[&only[..], &["--expect", &list]].concat());
        assert!(stderr.contains(says), "{stderr}");
    }
}

#[test]
fn machines_get_what_people_get() {
    let addr = always(NO_DATE);
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).display().to_string();
    let (json, junit) = (path("a.json"), path("a.xml"));
    let only = ["--only", "answer-date", "--only", "answer-is-http"];
    let files = ["--json", &json, "--junit", &junit];
    let (status, stdout, _) = run(&[&[addr.as_str()][..], &only, &files].concat());
    assert_eq!(status, Some(1), "{stdout}");
    let read = |path: &str| std::fs::read_to_string(path).unwrap();
    let whole: serde_json::Value = serde_json::from_str(&read(&json)).unwrap();
    assert_eq!(whole["passed"], 1);
    assert_eq!(whole["failed"], 1);
    let failed = &whole["checks"][1];
    assert_eq!(failed["name"], "answer-date");
    assert_eq!(failed["level"], "must");
    assert_eq!(failed["result"], "failed");
    assert_eq!(failed["says"], "expected one field Date, found 0");
    assert_eq!(failed["exchange"][0], r"> GET / HTTP/1.1\r\n");
    let junit = read(&junit);
    assert!(
        junit.contains(r#"tests="2" skipped="0" errors="0" failures="1""#),
        "{junit}"
    );
    assert!(junit.contains("&gt; GET / HTTP/1.1"), "{junit}");
}

#[test]
fn who_answers_429_is_not_judged() {
    let addr =
        always("HTTP/1.1 429 Too Many Requests\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
    let only = [
        "--only",
        "answer-date",
        "--only",
        "host-missing",
        "--only",
        "page-date",
    ];
    let (status, _, stderr) = run(&[&[addr.as_str()][..], &only].concat());
    assert!(stderr.contains("429"), "{stderr}");
    assert_eq!(status, Some(2));
}

/// A server that has left for a session of its own, and a child of it that has no parent.
#[test]
#[cfg(target_os = "linux")]
fn who_has_left_for_a_session_of_its_own_is_ended_too() {
    let folder = tempfile::tempdir().unwrap();
    let left = folder.path().join("left").display().to_string();
    let line = format!(
        "setsid sh -c '(sleep 61 & echo $! > \"{left}\") ; exec sleep 61' & exec '{}' --port {{port}}",
        stage(4)
    );
    let (status, stdout, stderr) = run(&["4", "--only", "answer-is-http", "--run", &line]);
    assert_eq!(status, Some(0), "{stdout}{stderr}");
    let pid = std::fs::read_to_string(&left).unwrap();
    let pid = Pid::from_raw(pid.trim().parse().unwrap()).unwrap();
    let gone = || rustix::process::test_kill_process(pid).is_err();
    assert!(wait_until(PATIENCE, gone), "the sleeper still sleeps");
}
