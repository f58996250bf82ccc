//! Shutdown: how the server ends without cutting anybody off.

use std::io;
use std::process;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering::SeqCst;
use std::thread;
use std::time::Duration;

use signal_hook::consts::SIGINT;
use signal_hook::consts::SIGTERM;
use signal_hook::iterator::Signals;

use crate::flush_log;
use crate::log_error;

/// Whether the server has been asked to end.
static ASKED: AtomicBool = AtomicBool::new(false);

/// Whether the server is about to end: nobody new is served, and nobody stays.
pub fn is_near() -> bool {
    ASKED.load(SeqCst)
}

/// Waits for Ctrl-C or SIGTERM, on a thread of its own. The first asks all to finish what they
/// have begun, within `grace`. A second one, or the end of that time, ends the server at once.
pub fn listen(grace: Duration) -> io::Result<()> {
    let mut signals = Signals::new([SIGINT, SIGTERM])?;
    thread::spawn(move || {
        signals.forever().next();
        log_error("ending when all that has begun is answered");
        ASKED.store(true, SeqCst);
        thread::spawn(move || {
            thread::sleep(grace);
            end();
        });
        signals.forever().next();
        end();
    });
    Ok(())
}

/// Ends the server, whatever it's doing.
fn end() {
    flush_log();
    process::exit(0);
}
