//! Workers: threads that wait for clients side by side and serve one each.
//!
//! A few are enough as long as clients are quick. When one of them is held up by a slow
//! client and nobody is left to wait for the next, `main` starts more; and a worker that
//! comes back and finds enough others waiting ends.

use std::net::TcpListener;
use std::sync::Arc;
use std::sync::atomic::AtomicU32;
use std::sync::atomic::Ordering::SeqCst;
use std::thread;
use std::time::Duration;

use crate::Args;
use crate::accept;
use crate::handle;
use crate::log_error_rarely;

/// How long `main` watches before it decides that the workers are held up.
const PATIENCE: Duration = Duration::from_millis(5);

/// What all workers share.
///
/// An atomic is a number that threads share: each change of it is one step, and no other
/// thread can come in between. (`SeqCst` is the strictest of the orders in which threads may
/// see each other's changes, and the only one that needs no thought.)
struct Workers {
    /// Where the clients arrive
    listener: TcpListener,
    /// The command line
    args: Args,
    /// The thread that starts workers
    main: thread::Thread,
    /// How many workers may wait for a client: one for each core of the processor
    cores: u32,
    /// How many workers there are
    total: AtomicU32,
    /// How many of them wait for a client, or are about to
    waiting: AtomicU32,
    /// How many clients they have taken since `main` last looked
    taken: AtomicU32,
}

/// Starts workers, and more whenever they are needed. Does not return.
pub fn run(listener: TcpListener, args: Args) {
    let workers = Arc::new(Workers {
        listener,
        args,
        main: thread::current(),
        cores: thread::available_parallelism().map_or(2, |cores| cores.get() as u32),
        total: AtomicU32::new(0),
        waiting: AtomicU32::new(0),
        taken: AtomicU32::new(0),
    });
    loop {
        while workers.waiting.load(SeqCst) == 0 {
            workers.taken.store(0, SeqCst);
            thread::sleep(PATIENCE);
            // Nobody waits, and fewer clients were taken than there are workers: so at least
            // one worker has had the same client all the time. Then as many workers again.
            // (At the beginning there are none, and one for each core is started.)
            let total = workers.total.load(SeqCst).max(workers.cores);
            if workers.taken.load(SeqCst) < total && workers.waiting.load(SeqCst) == 0 {
                start(&workers, total);
            }
        }
        // Sleep until a worker says that nobody waits any more.
        thread::park();
    }
}

/// Starts so many workers, but never more than `--threads` in all.
fn start(workers: &Arc<Workers>, count: u32) {
    for _ in 0..count.min(workers.args.threads - workers.total.load(SeqCst)) {
        workers.total.fetch_add(1, SeqCst);
        workers.waiting.fetch_add(1, SeqCst);
        // What is shared lives as long as anybody has a share of it.
        let share = Arc::clone(workers);
        if let Err(error) = thread::Builder::new().spawn(move || work(&share)) {
            workers.total.fetch_sub(1, SeqCst);
            workers.waiting.fetch_sub(1, SeqCst);
            log_error_rarely(&format!("cannot start a thread: {error}"));
            return;
        }
    }
}

/// What a worker does: wait, serve, and again, until enough others wait.
fn work(workers: &Workers) {
    loop {
        let (stream, peer) = accept(&workers.listener);
        workers.taken.fetch_add(1, SeqCst);
        // `fetch_sub` subtracts, and gives the number from before, in one step.
        if workers.waiting.fetch_sub(1, SeqCst) == 1 {
            // That was the last one: nobody waits for the next client now.
            workers.main.unpark();
        }
        handle(stream, peer, &workers.args);
        if workers.waiting.load(SeqCst) >= workers.cores {
            workers.total.fetch_sub(1, SeqCst);
            return;
        }
        workers.waiting.fetch_add(1, SeqCst);
    }
}
