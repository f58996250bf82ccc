//! A request: what a client asks for.

use crate::connection::Connection;
use crate::connection::Fault;
use crate::connection::is_empty_line;

/// Reads the head of one request, through the empty line, and keeps its first line.
pub fn read(connection: &mut Connection) -> Result<(), Fault> {
    let mut line = connection.read_line()?;
    while is_empty_line(&line) {
        // Some clients send a line end or two too many after a request (RFC 9112 §2.2).
        line = connection.read_line()?;
    }
    connection.request_line = without_end(&line).to_string();
    loop {
        let line = connection.read_line()?;
        if is_empty_line(&line) {
            return Ok(());
        }
    }
}

/// Takes one line end off: CRLF, or LF alone.
fn without_end(line: &str) -> &str {
    let line = line.strip_suffix('\n').unwrap_or(line);
    line.strip_suffix('\r').unwrap_or(line)
}
