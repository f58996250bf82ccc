//! Workers: threads that wait for clients side by side and serve one each.
//!
//! ```text
//!             takes a client     none is left waiting: starts one
//! worker 1    ─ wait ─┬─ serve ───────────────── wait ─┬─ serve ─
//! worker 2    ─ wait ─│─ wait ──┬─ serve ──────────────│─ wait ──
//! worker 3                      └ starts, wait ────────│─ too many wait: ends
//! ```

use std::io;
use std::net::TcpListener;
use std::sync::Arc;
use std::sync::atomic::AtomicU32;
use std::sync::atomic::Ordering::SeqCst;
use std::thread;

use crate::Args;
use crate::accept;
use crate::handle;
use crate::log_error_rarely;

/// A worker that takes a client and leaves fewer than this waiting starts another.
const MIN_WAITING: u32 = 4;

/// A worker that is done and finds this many waiting ends.
const MAX_WAITING: u32 = 16;

/// What all workers share.
pub struct Workers {
    /// Where the clients arrive
    pub listener: TcpListener,
    /// The command line
    pub args: Args,
    /// How many workers there are.
    /// An atomic is a number that many threads may change at the same time.
    pub total: AtomicU32,
    /// How many of them wait for a client
    pub waiting: AtomicU32,
}

/// Starts one more worker, unless there are `--threads` already.
pub fn start(workers: &Arc<Workers>) -> io::Result<()> {
    // fetch_add adds and gives the number from before, in one step: no other thread can
    // come between the question and the change.
    if workers.total.fetch_add(1, SeqCst) >= workers.args.threads {
        workers.total.fetch_sub(1, SeqCst);
        return Ok(());
    }
    // Each worker owns a share; what is shared lives as long as one of them.
    let share = Arc::clone(workers);
    let started = thread::Builder::new().spawn(move || work(&share));
    if let Err(error) = started {
        workers.total.fetch_sub(1, SeqCst);
        return Err(error);
    }
    Ok(())
}

/// What a worker does: wait, serve, and again, until there is not enough to do.
fn work(workers: &Arc<Workers>) {
    while workers.waiting.fetch_add(1, SeqCst) < MAX_WAITING {
        let (stream, peer) = accept(&workers.listener);
        let still_waiting = workers.waiting.fetch_sub(1, SeqCst) - 1;
        // First see to it that somebody waits for the next client, then serve this one.
        if still_waiting < MIN_WAITING
            && let Err(error) = start(workers)
        {
            log_error_rarely(&format!("cannot start a thread: {error}"));
        }
        handle(stream, peer, &workers.args);
    }
    workers.waiting.fetch_sub(1, SeqCst);
    workers.total.fetch_sub(1, SeqCst);
}
