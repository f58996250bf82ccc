//! The client of the echo server: sends a message and prints what comes back.
//!
//! See it:   cargo run -p stage02-echo
//! and then, in a second terminal:   cargo run -p stage02-echo --example client -- "Hello, echo"

use std::io;
use std::io::ErrorKind;
use std::io::Write;
use std::net::IpAddr;
use std::net::Shutdown;
use std::net::SocketAddr;
use std::net::TcpStream;
use std::process;
use std::thread;

use clap::Parser;

/// Sends a message to the echo server and prints what comes back.
#[derive(Parser)]
#[command(version)]
struct Args {
    /// What to send; "-" sends standard input
    #[arg(default_value = "Hello, world")]
    message: String,
    /// IP address of the server
    #[arg(long, default_value = "127.0.0.1")]
    host: IpAddr,
    /// Port of the server
    #[arg(short, long, default_value_t = 8080)]
    port: u16,
}

fn main() {
    let args = Args::parse();
    let address = SocketAddr::new(args.host, args.port);
    if let Err(error) = talk(address, args.message) {
        eprintln!("error: {address}: {error}");
        if error.kind() == ErrorKind::ConnectionRefused {
            eprintln!("hint: is the server running? cargo run -p stage02-echo");
        }
        process::exit(1);
    }
}

/// Sends `message` while it prints what comes back.
fn talk(address: SocketAddr, message: String) -> io::Result<()> {
    let stream = TcpStream::connect(address)?;
    let sending_end = stream.try_clone()?;
    // The sender is a thread of its own. A client that first sends all and then reads
    // waits for ever once the message is larger than what the buffers on the way hold:
    // the server cannot send any more, so it does not read any more either.
    let sender = thread::spawn(move || send(sending_end, &message));
    io::copy(&mut &stream, &mut io::stdout())?;
    match sender.join() {
        Ok(result) => result,
        Err(_) => Err(io::Error::other("the sending thread panicked")),
    }
}

/// Sends the message, and then says that it was the last byte.
fn send(mut stream: TcpStream, message: &str) -> io::Result<()> {
    if message == "-" {
        io::copy(&mut io::stdin(), &mut stream)?;
    } else {
        writeln!(stream, "{message}")?;
    }
    stream.shutdown(Shutdown::Write)
}
