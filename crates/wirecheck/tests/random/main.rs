//! Random clients: whatever they send, in whatever pieces, and however they
//! leave, the server serves on and keeps no thread, no file and no memory.
//!
//! Up to stage 10 they send one thing and leave (`once`). From stage 11 on most of them keep their
//! connection (`kept`), and know what must be answered to each of their requests: to those for
//! pages and to those that are refused (`pages`), and to those for files, their parts, and what is
//! not sent again (`files`).
//!
//! `cargo test -p wirecheck --test random` sends 1,000 or 2,000 to every stage,
//! `scripts/random 1000000 06 10` as many as you like to the stages you name.
//! A failure names the seed; with `SEED=…` the same clients come again.

mod files;
mod gzip;
mod kept;
mod once;
mod pages;

use std::env;
use std::fs;
use std::process::ExitCode;
use std::sync::OnceLock;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::SeqCst;
use std::thread;
use std::time::Duration;

use fastrand::Rng;
use files::Folder;
use libtest_mimic::Arguments;
use libtest_mimic::Trial;
use wirecheck::check::Failure;
use wirecheck::server::Origin;
use wirecheck::server::PATIENCE;
use wirecheck::server::Server;
use wirecheck::server::wait_until;
use wirecheck::stages;

/// So many come between two looks at the server.
const BATCH: u64 = 500;

/// So many come at the same time.
const AT_ONCE: usize = 8;

/// Files that a server may open after it has said that it listens: its event loops, for
/// instance. A leak goes beyond that in the first batch.
const SPARE_FILES: usize = 16;

/// The threads that a server may keep when nobody is there: `main` and, from
/// stage 07 on, the workers that wait.
const SPARE_THREADS: usize = 1 + 17;

/// By so many kB a server may be larger after the last batch than after the
/// first, however many came between: what its allocator keeps at hand.
const SPARE_MEMORY: u64 = 16 * 1024;

/// By so many kB it may have been larger at any moment: a bomb of 64 MiB goes beyond that.
const SPARE_PEAK: u64 = 48 * 1024;

/// Longer than any deadline of a server, and than what a busy machine takes to deliver a packet.
pub const TOO_LONG: Duration = Duration::from_secs(90);

/// A test for each stage that is there, called like it: `stage06`.
fn main() -> ExitCode {
    let mut arguments = Arguments::from_args();
    // They wait more than they work.
    arguments.test_threads = arguments.test_threads.or(Some(16));
    let mut trials = Vec::new();
    for stage in stages::all() {
        let name = format!("stage{:02}", stage.number);
        let trial = Trial::test(name, move || {
            throw_at(stage.number);
            Ok(())
        });
        // `/proc` knows what a server keeps, and only Linux has it.
        trials.push(trial.with_ignored_flag(!cfg!(target_os = "linux")));
    }
    libtest_mimic::run(&arguments, trials).exit_code()
}

/// Throws random clients at a stage.
fn throw_at(stage: u8) {
    // Those who keep their connections do the work of several.
    let count = variable("COUNT").unwrap_or(if stage >= 11 { 1000 } else { 2000 });
    let seed = variable("SEED").unwrap_or_else(|| fastrand::u64(..));
    let mut folder = Folder::new(stage);
    let server = start(stage, &folder);
    folder.learn(&server);
    // Counted while nobody is connected.
    let files = count_in(&server, "fd");
    // The first panic loads what it takes to tell about it; that is no leak.
    let _ = server.get("/panic");
    let mut memory = None;
    for first in (0..count).step_by(BATCH as usize) {
        let end = count.min(first + BATCH);
        let context = || {
            format!(
                "stage {stage:02}, clients {first} to {end}; \
                 again: SEED={seed} scripts/random {end} {stage:02}"
            )
        };
        let next = AtomicU64::new(first);
        thread::scope(|scope| {
            for _ in 0..AT_ONCE {
                scope.spawn(|| {
                    loop {
                        let number = next.fetch_add(1, SeqCst);
                        if number >= end {
                            return;
                        }
                        // Its numbers do not depend on the thread that it comes from.
                        let mut rng = Rng::with_seed(seed.wrapping_add(number));
                        if let Err(what) = send_one(&server, &folder, &mut rng) {
                            // The others needn't go on.
                            next.store(end, SeqCst);
                            panic!("client {number}: {what}\n{}", context());
                        }
                    }
                });
            }
        });
        if let Err(failure) = server.still_runs().and_then(|()| server.serves_on()) {
            panic!("{failure:?}; {}", context());
        }
        let back = wait_until(PATIENCE, || {
            count_in(&server, "fd") <= files + SPARE_FILES
                && count_in(&server, "task") <= SPARE_THREADS
        });
        let (now, threads) = (count_in(&server, "fd"), count_in(&server, "task"));
        assert!(
            back,
            "{now} files, {files} at the start, {threads} threads; {}",
            context()
        );
        let resident = server.proc_status("VmRSS").unwrap_or_default();
        let first = *memory.get_or_insert(resident);
        let allowed = first + SPARE_MEMORY;
        assert!(
            resident <= allowed,
            "{resident} kB of memory, {allowed} allowed; {}",
            context()
        );
        let peak = server.proc_status("VmHWM").unwrap_or_default();
        let allowed = first + SPARE_PEAK;
        assert!(
            peak <= allowed,
            "{peak} kB of memory at some moment, {allowed} allowed; {}",
            context()
        );
    }
    if variable("COUNT").is_none() {
        return; // one test among many
    }
    println!(
        "stage {stage:02}: {count} clients, {} kB of memory after the first {BATCH}, {} in the end, {} at most; SEED={seed}",
        memory.unwrap_or_default(),
        server.proc_status("VmRSS").unwrap_or_default(),
        server.proc_status("VmHWM").unwrap_or_default()
    );
}

/// A number that the caller of the test has set.
fn variable(name: &str) -> Option<u64> {
    let text = env::var(name).ok()?;
    Some(
        text.parse()
            .unwrap_or_else(|_| panic!("{name}={text} is no number")),
    )
}

/// A client comes, and leaves; an error is the server's.
fn send_one(server: &Server, folder: &Folder, rng: &mut Rng) -> Result<(), String> {
    if server.stage < 11 || rng.u8(..4) == 0 {
        return once::Client::new(server.stage, rng).talk(server.stage, server.address);
    }
    let client = kept::Client::new(server.stage, folder, rng);
    client.talk(server).map_err(|failure| match failure {
        Failure::Wrong { says, exchange } => format!("{says}\n{exchange}"),
        Failure::Skipped(says) => says,
    })
}

/// Builds the stages, once, and starts one.
fn start(stage: u8, folder: &Folder) -> Server {
    static BUILT: OnceLock<Result<(), String>> = OnceLock::new();
    let stages = stages::all();
    let built = BUILT.get_or_init(|| stages::build(&stages));
    assert_eq!(*built, Ok(()));
    let ours = stages
        .iter()
        .find(|ours| ours.number == stage)
        .expect("it is there");
    let mut server = Server::start(stage, &Origin::Stage(ours.program())).expect("it starts");
    if stage >= 11 {
        // Another one like it, on our own files. Nobody who is slow today shall be cut off.
        let max_body = pages::MAX_BODY.to_string();
        let flags = [
            "--max-body",
            &max_body,
            // Longer than we wait: who should close, and doesn't, is found.
            "--keep-alive",
            "600",
            "--timeout",
            "60",
            &folder.path(),
        ];
        let on_files = server.own(&flags).expect("it starts");
        server.ends();
        server = on_files;
    }
    server.patience = TOO_LONG;
    server
}

/// How many entries `/proc/PID/fd` has, or `/proc/PID/task`.
fn count_in(server: &Server, folder: &str) -> usize {
    let pid = server.pid().expect("we have started it").as_raw_nonzero();
    fs::read_dir(format!("/proc/{pid}/{folder}")).map_or(0, Iterator::count)
}

pub fn random_bytes(count: usize, rng: &mut Rng) -> Vec<u8> {
    let mut bytes = vec![0; count];
    rng.fill(&mut bytes);
    bytes
}

pub fn pick<T: Copy>(choices: &[T], rng: &mut Rng) -> T {
    choices[rng.usize(..choices.len())]
}
