//! A request: what a client asks for.

use crate::connection::Connection;
use crate::connection::Fault;
use crate::connection::is_empty_line;
use crate::log;

/// Reads the head of one request, through the empty line, and prints it line by line.
pub fn read(connection: &mut Connection) -> Result<(), Fault> {
    let mut line = connection.read_line()?;
    while is_empty_line(&line) {
        // Some clients send a line end or two too many after a request (RFC 9112 §2.2).
        line = connection.read_line()?;
    }
    loop {
        // Escaped: the line end becomes visible, and a client cannot steer our terminal.
        log(&line.escape_default().to_string());
        if is_empty_line(&line) {
            return Ok(());
        }
        line = connection.read_line()?;
    }
}
