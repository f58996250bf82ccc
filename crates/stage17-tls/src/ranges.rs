//! Ranges: which bytes of a file a client wants (RFC 9110 §14).

use std::ops::Range;

use crate::request::Request;

/// Gives the bytes that a request asks for of a file of this length; an empty range if the file
/// has none of them. `None` means the whole file: that is what a client gets that asks for
/// several ranges, in another unit, or in a way that we cannot read (§14.2).
pub fn wanted(request: &Request, length: u64) -> Option<Range<u64>> {
    let [value] = request.values("range")[..] else {
        return None;
    };
    let (unit, range) = value.split_once('=')?;
    let (first, last) = range.split_once('-')?;
    if request.method != "GET" || !unit.eq_ignore_ascii_case("bytes") {
        return None;
    }
    if first.is_empty() {
        // `-10`: the last ten.
        return Some(length.saturating_sub(read_number(last)?)..length);
    }
    let first = read_number(first)?;
    if last.is_empty() {
        // `10-`: all from the eleventh on.
        return Some(first..length);
    }
    let last = read_number(last)?;
    if last < first {
        return None;
    }
    Some(first..length.min(last.saturating_add(1)))
}

/// Reads a number; one that is too large for us is larger than any file.
fn read_number(text: &str) -> Option<u64> {
    if text.is_empty() || !text.chars().all(|c| c.is_ascii_digit()) {
        return None;
    }
    Some(text.parse().unwrap_or(u64::MAX))
}
