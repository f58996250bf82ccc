//! Stage 03: read a request.
//!
//! A browser sends lines of text, and after the last one an empty line. They may arrive
//! in one piece or in twenty: the server reads until it has seen the empty line, and
//! prints what it got.
//!
//! See it:   cargo run -p stage03-request-logging
//! and then open http://127.0.0.1:8080/ in a browser.

mod connection;
mod request;

use std::io;
use std::io::ErrorKind;
use std::io::Write;
use std::net::IpAddr;
use std::net::SocketAddr;
use std::net::TcpListener;
use std::net::TcpStream;
use std::process;

use clap::Parser;
use connection::Connection;

const EXAMPLES: &str = "\
Try it, in a second terminal:
  curl http://127.0.0.1:8080/
  nc 127.0.0.1 8080";

/// Prints the requests of its clients.
#[derive(Parser)]
#[command(version, after_help = EXAMPLES)]
struct Args {
    /// IP address to listen on
    #[arg(short, long, default_value = "127.0.0.1")]
    bind: IpAddr,
    /// Port to listen on; 0 lets the system choose one
    #[arg(short, long, default_value_t = 8080)]
    port: u16,
}

fn main() {
    let args = Args::parse();
    let listener = listen(SocketAddr::new(args.bind, args.port));
    loop {
        match listener.accept() {
            Ok((stream, peer)) => handle(stream, peer),
            Err(error) => log_error(&format!("cannot accept a connection: {error}")),
        }
    }
}

/// Opens the listening socket, or ends the program with a message that says what to do.
fn listen(address: SocketAddr) -> TcpListener {
    // `bind` is three system calls: socket, bind and listen. On Unix it also sets
    // SO_REUSEADDR, so that a restart needn't wait until the last connections have
    // left TIME_WAIT.
    match TcpListener::bind(address) {
        Ok(listener) => {
            // With port 0 only the system knows which port it chose.
            let address = listener.local_addr().unwrap_or(address);
            log(&format!("listening on http://{address}"));
            listener
        }
        Err(error) => {
            eprintln!("error: cannot listen on {address}: {error}");
            match error.kind() {
                ErrorKind::AddrInUse => {
                    eprintln!("hint: is another stage still running? end it, or choose a --port");
                }
                ErrorKind::PermissionDenied => {
                    eprintln!("hint: a port below 1024 needs privileges; try --port 8080");
                }
                ErrorKind::AddrNotAvailable => {
                    eprintln!("hint: this machine has no such address; try --bind 127.0.0.1");
                }
                _ => {}
            }
            process::exit(1);
        }
    }
}

/// Serves one client.
fn handle(stream: TcpStream, peer: SocketAddr) {
    log(&format!("{peer} connected"));
    let mut connection = Connection::new(stream);
    if let Err(fault) = request::read(&mut connection) {
        log_error(&format!("{peer} {fault}"));
    }
}

/// Prints a line. `println!` would end the program when nobody reads its output any more.
fn log(line: &str) {
    let _ = writeln!(io::stdout(), "{line}");
}

/// Prints a line about something that went wrong.
fn log_error(line: &str) {
    let _ = writeln!(io::stderr(), "{line}");
}
