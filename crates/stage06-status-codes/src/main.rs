//! Stage 06: say what happened.
//!
//! Every request gets an answer with the status that fits: found, moved, not found,
//! malformed, too long. What was wrong with it is for our log.
//!
//! See it:   cargo run -p stage06-status-codes
//! and then, in a second terminal:   curl -i http://127.0.0.1:8080/nowhere

mod connection;
mod request;
mod response;
mod routes;

use std::io;
use std::io::ErrorKind;
use std::io::Write;
use std::net::IpAddr;
use std::net::SocketAddr;
use std::net::TcpListener;
use std::net::TcpStream;
use std::process;
use std::time::SystemTime;

use clap::Parser;
use connection::Connection;
use connection::Refusal;
use response::Response;
use routes::Answer;

const EXAMPLES: &str = "\
Try it, in a second terminal:
  curl -i http://127.0.0.1:8080/home
  curl -i http://127.0.0.1:8080/nowhere
  curl -I http://127.0.0.1:8080/";

/// Answers requests with the status that fits.
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
    let mut connection = Connection::new(stream);
    if serve(&mut connection, peer) {
        connection.close();
    }
}

/// Answers one request; says whether there was something to answer.
fn serve(connection: &mut Connection, peer: SocketAddr) -> bool {
    let mut response = match answer(connection) {
        Ok(response) => response,
        // Browsers open spare connections and may never use them.
        Err(_) if connection.is_untouched() => return false,
        Err(Refusal { status, cause }) => {
            let line = connection.request_line.escape_default();
            log_error(&format!("{peer} \"{line}\" {status}: {cause}"));
            Response::status_page(status)
        }
    };
    let with_body = !connection.is_head();
    if let Err(error) = response.send(&mut connection.stream, with_body) {
        log_error(&format!("{peer} {error}"));
    }
    log_access(peer, &connection.request_line, &response);
    true
}

/// Reads one request and makes its answer.
fn answer(connection: &mut Connection) -> Answer {
    let request = request::read(connection)?;
    routes::respond(request)
}

/// Logs an answer in the Common Log Format, which tools for web servers read.
fn log_access(peer: SocketAddr, request_line: &str, response: &Response) {
    let date = httpdate::fmt_http_date(SystemTime::now());
    // "Sun, 06 Nov 1994 08:49:37 GMT" becomes "06/Nov/1994:08:49:37 +0000".
    let (day, month, year, time) = (&date[5..7], &date[8..11], &date[12..16], &date[17..25]);
    let date = format!("{day}/{month}/{year}:{time} +0000");
    // Escaped, so that a client cannot steer our terminal.
    let line = request_line.escape_default();
    let (ip, code, sent) = (peer.ip(), &response.status[..3], response.sent);
    log(&format!("{ip} - - [{date}] \"{line}\" {code} {sent}"));
}

/// Prints a line. `println!` would end the program when nobody reads its output any more.
fn log(line: &str) {
    let _ = writeln!(io::stdout(), "{line}");
}

/// Prints a line about something that went wrong.
fn log_error(line: &str) {
    let _ = writeln!(io::stderr(), "{line}");
}
