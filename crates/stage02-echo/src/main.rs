//! Stage 02: an echo server.
//!
//! Whatever a client sends comes back, byte for byte, until the client says
//! that it has sent all.
//!
//! See it:   cargo run -p stage02-echo
//! and then, in a second terminal:   cargo run -p stage02-echo --example client

use std::io;
use std::io::ErrorKind;
use std::io::Read;
use std::io::Write;
use std::net::IpAddr;
use std::net::SocketAddr;
use std::net::TcpListener;
use std::net::TcpStream;
use std::process;

use clap::Parser;

const EXAMPLES: &str = "\
Try it, in a second terminal:
  cargo run -p stage02-echo --example client
  nc 127.0.0.1 8080";

/// Sends back whatever its clients send.
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
            Err(error) => eprintln!("cannot accept a connection: {error}"),
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
            println!("listening on {address}");
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
    println!("{peer} connected");
    match echo(stream) {
        Ok(total) => println!("{peer} echoed {total} bytes"),
        Err(error) => eprintln!("{peer} {error}"),
    }
}

/// Sends every byte back until the client has sent its last; gives their number.
fn echo(mut stream: TcpStream) -> io::Result<usize> {
    let mut buffer = [0; 4096];
    let mut total = 0;
    loop {
        // However much the client sent at once: a read gives what is there, 1 byte or 4096.
        let count = stream.read(&mut buffer)?;
        if count == 0 {
            return Ok(total);
        }
        stream.write_all(&buffer[..count])?;
        total += count;
    }
}
