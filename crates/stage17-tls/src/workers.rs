//! Workers: threads that wait for jobs side by side and do one each.
//!
//! The last one to leave the queue starts another, so that somebody always waits for the next
//! job; one that comes back to enough others waiting ends.

use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::AtomicU32;
use std::sync::atomic::Ordering::SeqCst;
use std::sync::mpsc;
use std::task::Waker;
use std::thread;

use rustls::ServerConfig;

use crate::Args;
use crate::log_error_rarely;
use crate::request::Request;
use crate::routes;
use crate::routes::Answer;
use crate::turns;

/// How many workers may wait for a job: more than that are left over from a crowd.
const MAX_WAITING: u32 = 16;

/// What all workers share.
///
/// An atomic is a number that threads share: each change of it is one step, and no other
/// thread can come in between. (`SeqCst` is the strictest of the orders in which threads may
/// see each other's changes, and the only one that needs no thought.)
pub struct Workers {
    /// Where the jobs go in
    entrance: mpsc::Sender<Job>,
    /// Where they come out
    jobs: Mutex<mpsc::Receiver<Job>>,
    /// The command line
    pub args: Args,
    /// What TLS is begun with, if there is a certificate
    pub tls: Option<Arc<ServerConfig>>,
    /// How many workers there are
    total: AtomicU32,
    /// How many of them wait for a job, or are about to
    waiting: AtomicU32,
}

/// A request whose handler waits; where the answer goes; who waits for it
type Job = (Request, mpsc::Sender<Answer>, Waker);

/// Starts the first worker.
pub fn run(args: Args, tls: Option<Arc<ServerConfig>>) -> Arc<Workers> {
    let (entrance, jobs) = mpsc::channel();
    let workers = Arc::new(Workers {
        entrance,
        jobs: Mutex::new(jobs),
        args,
        tls,
        total: AtomicU32::new(0),
        waiting: AtomicU32::new(0),
    });
    start(&workers);
    workers
}

/// Makes the answer to a request; has a worker do it if its handler waits.
pub async fn respond(request: Request, workers: &Workers) -> Answer {
    if !routes::waits(&request) {
        return routes::respond(request, &workers.args);
    }
    let (sender, receiver) = mpsc::channel();
    let job = (request, sender, turns::bell().await);
    let _ = workers.entrance.send(job);
    loop {
        turns::pause().await;
        if let Ok(answer) = receiver.try_recv() {
            return answer;
        }
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
        let jobs = workers.jobs.lock().unwrap();
        let (request, sender, bell) = jobs.recv().expect("the entrance is open");
        drop(jobs);
        if workers.waiting.fetch_sub(1, SeqCst) == 1 {
            // That was the last one: nobody waits for the next job now.
            start(workers);
        }
        // If this fails, the client has gone.
        let _ = sender.send(routes::respond(request, &workers.args));
        bell.wake();
        if workers.waiting.load(SeqCst) >= MAX_WAITING {
            workers.total.fetch_sub(1, SeqCst);
            return;
        }
        workers.waiting.fetch_add(1, SeqCst);
    }
}
