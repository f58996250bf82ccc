//! Stage 01: a socket that accepts connections.
//!
//! The server asks the operating system for a listening socket, waits for
//! clients, writes down who called, and hangs up.
//!
//! See it:   cargo run -p stage01-socket-accept
//! and then, in a second terminal:   curl http://127.0.0.1:8080/

use std::env;
use std::io;
use std::net::TcpListener;

fn main() -> io::Result<()> {
    let address = env::args().nth(1);
    let address = address.unwrap_or("127.0.0.1:8080".to_string());
    let listener = TcpListener::bind(address)?;
    println!("listening on {}", listener.local_addr()?);
    loop {
        match listener.accept() {
            // Nobody keeps the stream, and that closes the connection.
            Ok((_stream, peer)) => println!("{peer} connected"),
            Err(error) => eprintln!("cannot accept a connection: {error}"),
        }
    }
}
