//! What went over a connection, kept to be shown when a check fails.

use std::fmt;

/// Of a long message this many bytes are kept; what follows is only counted.
const KEPT: usize = 64 * 1024;
/// A message is shown up to this many lines …
const LINES: usize = 16;
/// … of this many characters.
const WIDTH: usize = 160;
/// From this length on a run of one byte is shown once, with a count.
const RUN: usize = 32;

/// The events on one connection, in order.
#[derive(Clone, Debug, Default)]
pub struct Exchange {
    events: Vec<Event>,
    /// The server ended over it.
    last: bool,
}

#[derive(Clone, Debug)]
enum Event {
    Sent { bytes: Vec<u8>, total: usize },
    Received { bytes: Vec<u8>, total: usize },
    Note(String),
}

impl Exchange {
    /// The client sent this.
    pub fn sent(&mut self, new: &[u8]) {
        // Each segment stays an event of its own: where the cut was matters.
        let bytes = new[..new.len().min(KEPT)].to_vec();
        let total = new.len();
        self.events.push(Event::Sent { bytes, total });
    }

    /// The client received this.
    pub fn received(&mut self, new: &[u8]) {
        if let Some(Event::Received { bytes, total }) = self.events.last_mut() {
            *total += new.len();
            bytes.extend(&new[..new.len().min(KEPT.saturating_sub(bytes.len()))]);
            return;
        }
        let bytes = new[..new.len().min(KEPT)].to_vec();
        let total = new.len();
        self.events.push(Event::Received { bytes, total });
    }

    /// Something else happened: a close, a reset, a wait in vain.
    pub fn note(&mut self, what: impl Into<String>) {
        self.events.push(Event::Note(what.into()));
    }

    /// A note before all others.
    pub fn put_before(&mut self, what: &str) {
        self.events.insert(0, Event::Note(what.to_string()));
    }

    /// What went over another connection, before all of this.
    pub fn put_exchange_before(&mut self, earlier: Exchange) {
        self.events.splice(0..0, earlier.events);
        self.last |= earlier.last;
    }

    /// The server has ended over this.
    pub fn is_the_last(&mut self) {
        self.last = true;
    }

    /// Has it?
    pub fn was_the_last(&self) -> bool {
        self.last
    }

    /// Has nothing happened?
    pub fn is_empty(&self) -> bool {
        self.events.is_empty()
    }

    /// Has anything come?
    pub fn has_received(&self) -> bool {
        let came = |event: &Event| matches!(event, Event::Received { .. });
        self.events.iter().any(came)
    }

    /// Has nothing come since then?
    pub fn received_as_much_as(&self, before: &Exchange) -> bool {
        self.received_total() == before.received_total()
    }

    fn received_total(&self) -> usize {
        let bytes = |event: &Event| match event {
            Event::Received { total, .. } => *total,
            _ => 0,
        };
        self.events.iter().map(bytes).sum()
    }

    /// The first line of what was sent last on a connection of its own: after nothing, or after
    /// an answer.
    pub fn last_request(&self) -> Option<String> {
        let mut last = None;
        let mut goes_on = false;
        for event in &self.events {
            match event {
                Event::Sent { bytes, .. } if !goes_on => last = Some(bytes),
                _ => {}
            }
            goes_on = matches!(event, Event::Sent { .. });
        }
        let line = last?.split(|b| *b == b'\n').next()?;
        Some(visible(line.trim_ascii_end()))
    }

    /// The first bytes that were sent.
    pub fn begins_with(&self, start: &[u8]) -> bool {
        let mut sent = Vec::new();
        for event in &self.events {
            if let Event::Sent { bytes, .. } = event {
                sent.extend(bytes);
            }
            if sent.len() >= start.len() {
                break;
            }
        }
        sent.starts_with(start)
    }
}

impl fmt::Display for Exchange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut pieces = 0;
        for event in &self.events {
            match event {
                // A hundred segments of a byte each would bury what matters.
                Event::Sent { .. } if pieces == LINES => writeln!(f, "> … and so on")?,
                Event::Sent { .. } if pieces > LINES => {}
                Event::Sent { bytes, total } => show(f, '>', bytes, *total)?,
                Event::Received { bytes, total } => show(f, '<', bytes, *total)?,
                Event::Note(what) => writeln!(f, "* {what}")?,
            }
            pieces += usize::from(matches!(event, Event::Sent { .. }));
        }
        Ok(())
    }
}

fn show(f: &mut fmt::Formatter<'_>, mark: char, bytes: &[u8], total: usize) -> fmt::Result {
    let mut shown = 0;
    for line in bytes.split_inclusive(|b| *b == b'\n').take(LINES) {
        shown += line.len();
        writeln!(f, "{mark} {}", visible(line))?;
    }
    if shown < total {
        writeln!(f, "{mark} … and {} bytes more", total - shown)?;
    }
    Ok(())
}

/// The bytes as text, line ends and everything unprintable made visible.
pub fn visible(bytes: &[u8]) -> String {
    let mut text = String::new();
    let mut rest = bytes;
    while let Some(&byte) = rest.first() {
        if text.len() > WIDTH && rest.len() > 2 {
            return text + &format!("… ({} bytes more)", rest.len());
        }
        let run = rest.iter().take_while(|b| **b == byte).count();
        let escaped = byte.escape_ascii().to_string();
        // In a message of HTTP quotes are harmless, and backslashes would mislead.
        let plain = if matches!(byte, b'"' | b'\'') {
            char::from(byte).to_string()
        } else {
            escaped
        };
        if run >= RUN {
            text += &format!("{plain}…(×{run})");
            rest = &rest[run..];
        } else {
            text += &plain;
            rest = &rest[1..];
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn line_ends_are_visible() {
        assert_eq!(visible(b"a: \"b\"\r\n"), "a: \"b\"\\r\\n");
    }

    #[test]
    fn long_runs_are_counted() {
        assert_eq!(visible(&[b'a'; 8000]), "a…(×8000)");
    }

    #[test]
    fn what_was_sent_since_is_nothing_received() {
        let mut exchange = Exchange::default();
        exchange.received(b"HTTP/1.1 200 OK");
        let before = exchange.clone();
        exchange.sent(b"GET / HTTP/1.1");
        assert!(exchange.received_as_much_as(&before));
        exchange.received(b"H");
        assert!(!exchange.received_as_much_as(&before));
    }

    #[test]
    fn a_beginning_may_come_in_pieces() {
        let mut exchange = Exchange::default();
        for piece in ["H", "EAD", " / HTTP/1.1"] {
            exchange.sent(piece.as_bytes());
        }
        assert!(exchange.begins_with(b"HEAD "));
        assert!(!exchange.begins_with(b"GET "));
    }

    #[test]
    fn the_last_request_is_the_line_that_begins_it() {
        let mut exchange = Exchange::default();
        assert_eq!(exchange.last_request(), None);
        exchange.sent(b"GET / HTTP/1.1\r\n\r\n");
        exchange.received(b"HTTP/1.1 200 OK\r\n\r\n");
        exchange.sent(b"GET // HTTP/1.1\r\nHo");
        exchange.sent(b"st: a\r\n\r\n");
        exchange.note("by now the server has ended");
        assert_eq!(exchange.last_request().as_deref(), Some("GET // HTTP/1.1"));
    }

    #[test]
    fn what_is_not_shown_is_counted() {
        let mut exchange = Exchange::default();
        exchange.received(&b"x\n".repeat(50));
        assert!(exchange.to_string().ends_with("< … and 68 bytes more\n"));
    }
}
