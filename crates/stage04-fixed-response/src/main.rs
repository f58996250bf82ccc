//! Stage 04: answer every request with the same page.
//!
//! The answer is a few lines of text and a page of HTML. With it the server has done
//! what a client came for, and can close the connection, politely.
//!
//! See it:   cargo run -p stage04-fixed-response
//! and then open http://127.0.0.1:8080/ in a browser.

mod connection;
mod request;
mod response;

use std::io;
use std::io::ErrorKind;
use std::io::Write;
use std::net::IpAddr;
use std::net::SocketAddr;
use std::net::TcpListener;
use std::net::TcpStream;
use std::process;
use std::thread;
use std::time::Duration;

use clap::Parser;
use connection::Connection;
use response::Response;

/// How long to wait after a failed accept before trying again.
const ACCEPT_PAUSE: Duration = Duration::from_secs(1);

const EXAMPLES: &str = "\
Try it, in a second terminal:
  curl -i http://127.0.0.1:8080/
  nc 127.0.0.1 8080";

/// Answers every request with the same page.
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
        let (stream, peer) = accept(&listener);
        handle(stream, peer);
    }
}

/// Opens the listening socket, or ends the program with a message that says what to do.
fn listen(address: SocketAddr) -> TcpListener {
    // `bind` is three system calls: socket, bind and listen. On Unix it also sets
    // SO_REUSEADDR, so that a restart need not wait until the last connections have
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

/// Waits for the next client; gives its connection and its address.
fn accept(listener: &TcpListener) -> (TcpStream, SocketAddr) {
    loop {
        match listener.accept() {
            Ok(connection) => return connection,
            Err(error) => {
                // No more file descriptors, for instance. It passes: wait, and try again.
                log_error(&format!("cannot accept a connection: {error}"));
                thread::sleep(ACCEPT_PAUSE);
            }
        }
    }
}

/// Serves one client.
fn handle(stream: TcpStream, peer: SocketAddr) {
    log(&format!("{peer} connected"));
    let mut connection = Connection::new(stream);
    if let Err(refusal) = request::read(&mut connection) {
        log_error(&format!("{peer} {refusal}"));
        return;
    }
    let content = "<p>This page came out of a socket.</p>";
    let response = Response::page("200 OK", "Hello, World!", content);
    if let Err(error) = response.send(&mut connection.stream) {
        log_error(&format!("{peer} {error}"));
    }
    connection.close();
}

/// Prints a line. `println!` would end the program when nobody reads its output any more.
fn log(line: &str) {
    let _ = writeln!(io::stdout(), "{line}");
}

/// Prints a line about something that went wrong.
fn log_error(line: &str) {
    let _ = writeln!(io::stderr(), "{line}");
}
