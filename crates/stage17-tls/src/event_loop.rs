//! The event loop: one thread that serves thousands of clients, because it waits for none.
//!
//! The kernel says which sockets can go on. The loop goes on with each of their clients until
//! that one would have to wait, and turns to the next.

use std::collections::HashMap;
use std::io;
use std::net::TcpListener;
use std::panic;
use std::sync::Arc;
use std::sync::mpsc;
use std::task::Context;
use std::task::Wake;
use std::task::Waker;
use std::thread;
use std::time::Duration;
use std::time::Instant;

use mio::Events;
use mio::Interest;
use mio::Poll;
use mio::Token;

use crate::accept;
use crate::flush_log;
use crate::handle;
use crate::shutdown;
use crate::workers::Workers;

/// How often the loop turns to all its clients: one that waits too long finds out then.
const SWEEP: Duration = Duration::from_millis(500);

/// What calls the loop back to a client, from any thread.
struct Bell {
    key: usize,
    calls: mpsc::Sender<usize>,
    waker: Arc<mio::Waker>,
}

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        // If one of them fails, the next sweep comes to that client.
        let _ = self.calls.send(self.key);
        let _ = self.waker.wake();
    }
}

/// Runs a loop on each core, until the server is asked to end and all clients are served.
pub fn run(listener: TcpListener, workers: &Arc<Workers>) {
    let cores = thread::available_parallelism().map_or(1, usize::from);
    thread::scope(|scope| {
        for _ in 0..cores {
            let listener = listener.try_clone();
            scope.spawn(|| run_loop(listener, workers).expect("cannot start an event loop"));
        }
        // The loops have the rest: when the last one lets go, the port is closed.
        drop(listener);
    });
}

/// Serves clients until the end; fails only while it starts.
fn run_loop(listener: io::Result<TcpListener>, workers: &Arc<Workers>) -> io::Result<()> {
    let listener = listener?;
    listener.set_nonblocking(true)?;
    let mut listener = mio::net::TcpListener::from_std(listener);
    let mut poll = Poll::new()?;
    let registry = poll.registry().try_clone()?;
    registry.register(&mut listener, Token(0), Interest::READABLE)?;
    let mut listener = Some(listener);
    let waker = Arc::new(mio::Waker::new(&registry, Token(0))?);
    let (calls, called) = mpsc::channel();
    let mut events = Events::with_capacity(1024);
    let mut clients = HashMap::new();
    let mut key = 0;
    let mut next_sweep = Instant::now();
    loop {
        // Only here the thread waits. A signal may end that early, and does no harm.
        let _ = poll.poll(&mut events, Some(SWEEP));
        let mut turn: Vec<usize> = called.try_iter().collect();
        turn.extend(events.iter().map(|event| event.token().0));
        if Instant::now() > next_sweep {
            next_sweep = Instant::now() + SWEEP;
            turn = clients.keys().copied().chain([0]).collect();
        }
        let ends = shutdown::is_near();
        // 0 is the listener or a bell. Asking in vain isn't cheap: the kernel makes a socket first.
        let knocks = ends || turn.contains(&0);
        while knocks
            && let Some(door) = &listener
            && let Some((mut stream, peer)) = accept(door)
        {
            key += 1;
            let both = Interest::READABLE | Interest::WRITABLE;
            // If this fails, the sweep serves that client, slowly.
            let _ = registry.register(&mut stream, Token(key), both);
            let (calls, waker) = (calls.clone(), Arc::clone(&waker));
            let bell = Waker::from(Arc::new(Bell { key, calls, waker }));
            let client = Box::pin(handle(stream, peer, Arc::clone(workers)));
            clients.insert(key, (client, bell));
            turn.push(key);
        }
        if ends {
            // Whoever stood in front of it is in. Now it's closed.
            listener = None;
        }
        for key in turn {
            // 0 is nobody, and some clients have gone.
            let Some((client, bell)) = clients.get_mut(&key) else {
                continue;
            };
            let mut context = Context::from_waker(bell);
            let go_on = panic::AssertUnwindSafe(|| client.as_mut().poll(&mut context));
            // Whatever panics in there ends the connection, and not the loop.
            if panic::catch_unwind(go_on).map_or(true, |poll| poll.is_ready()) {
                clients.remove(&key);
            }
        }
        flush_log();
        if listener.is_none() && clients.is_empty() {
            return Ok(());
        }
    }
}
