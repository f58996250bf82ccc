//! Taking turns: how a function that has to wait lets the others go on.
//!
//! An `async fn` can stop in its middle, at an `.await`, and go on there later. What it knows
//! meanwhile, its local variables, is kept in a value called a future. Whoever holds the future
//! goes on with it by calling `poll`, which says `Ready` at the end, and `Pending` before.

use std::future;
use std::mem;
use std::task::Poll;
use std::task::Waker;

/// Stops here until the loop comes back: something has happened to the client's socket.
pub async fn pause() {
    // Asked for the first time it says `Pending`, and from then on `Ready`.
    let mut next = Poll::Pending;
    future::poll_fn(|_| mem::replace(&mut next, Poll::Ready(()))).await;
}

/// Gives the bell that calls the loop back, from any thread.
pub async fn bell() -> Waker {
    future::poll_fn(|context| Poll::Ready(context.waker().clone())).await
}
