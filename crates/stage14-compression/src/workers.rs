//! Workers: threads that wait for clients side by side and serve one each.
//!
//! The last one to leave the queue starts another, so that somebody always waits for the next
//! client; one that comes back to enough others waiting ends.

use std::net::TcpListener;
use std::panic;
use std::sync::Arc;
use std::sync::atomic::AtomicU32;
use std::sync::atomic::Ordering::SeqCst;
use std::thread;

use crate::Args;
use crate::accept;
use crate::handle;
use crate::log_error_rarely;

/// How many workers may wait for a client: more than that are left over from a crowd.
const MAX_WAITING: u32 = 16;

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
    /// How many workers there are
    total: AtomicU32,
    /// How many of them wait for a client, or are about to
    waiting: AtomicU32,
}

/// Starts the first worker. Does not return: when `main` ends, so does the program.
pub fn run(listener: TcpListener, args: Args) {
    let workers = Arc::new(Workers {
        listener,
        args,
        total: AtomicU32::new(0),
        waiting: AtomicU32::new(0),
    });
    start(&workers);
    loop {
        thread::park();
    }
}

/// Starts a worker, if there are fewer than `--threads`.
fn start(workers: &Arc<Workers>) {
    // `fetch_add` adds, and gives the number from before, in one step.
    if workers.total.fetch_add(1, SeqCst) >= workers.args.threads {
        workers.total.fetch_sub(1, SeqCst);
        return;
    }
    workers.waiting.fetch_add(1, SeqCst);
    // What is shared lives as long as anybody has a share of it.
    let share = Arc::clone(workers);
    if let Err(error) = thread::Builder::new().spawn(move || work(&share)) {
        workers.total.fetch_sub(1, SeqCst);
        workers.waiting.fetch_sub(1, SeqCst);
        log_error_rarely(&format!("cannot start a thread: {error}"));
    }
}

/// What a worker does: wait, serve, and again, until enough others wait.
fn work(workers: &Arc<Workers>) {
    loop {
        let (stream, peer) = accept(&workers.listener);
        if workers.waiting.fetch_sub(1, SeqCst) == 1 {
            // That was the last one: nobody waits for the next client now.
            start(workers);
        }
        // Whatever panics in there ends the connection, and not the worker.
        let _ = panic::catch_unwind(|| handle(stream, peer, &workers.args));
        if workers.waiting.load(SeqCst) >= MAX_WAITING {
            workers.total.fetch_sub(1, SeqCst);
            return;
        }
        workers.waiting.fetch_add(1, SeqCst);
    }
}
