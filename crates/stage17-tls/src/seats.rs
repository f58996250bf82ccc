//! Seats: how many connections one address may have.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Mutex;

/// How many connections each address has.
static TAKEN: Mutex<Option<HashMap<IpAddr, u32>>> = Mutex::new(None);

/// A place for one connection. It's free again when this goes away.
pub struct Seat(IpAddr);

impl Seat {
    /// Takes a seat for an address, if it has fewer than `most`, or there is no such bound.
    pub fn take(ip: IpAddr, most: Option<u32>) -> Option<Seat> {
        let mut taken = TAKEN.lock().unwrap();
        let count = taken.get_or_insert_default().entry(ip).or_insert(0);
        if most.is_some_and(|most| *count >= most) {
            return None;
        }
        *count += 1;
        Some(Seat(ip))
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut taken = TAKEN.lock().unwrap();
        let seats = taken.get_or_insert_default();
        let count = seats.entry(self.0).or_insert(1);
        *count -= 1;
        if *count == 0 {
            seats.remove(&self.0);
        }
    }
}
