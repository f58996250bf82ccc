//! Stage 17: TLS.
//!
//! Nobody on the way can read along or change anything, and the client can find out whom it
//! talks to.
//!
//! See it:   cargo run -p stage17-tls -- --self-signed
//! and then, in a second terminal:   curl -k https://127.0.0.1:8080/hello

mod body;
mod conditions;
mod connection;
mod event_loop;
mod files;
mod packing;
mod percent;
mod query;
mod ranges;
mod request;
mod response;
mod routes;
mod seats;
mod shutdown;
mod tls;
mod turns;
mod workers;

use std::io;
use std::io::ErrorKind;
use std::io::Write;
use std::net::IpAddr;
use std::net::SocketAddr;
use std::net::TcpListener;
use std::path::Path;
use std::path::PathBuf;
use std::process;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::SeqCst;
use std::time::Duration;
use std::time::SystemTime;

use crate::workers::Workers;
use clap::Parser;
use connection::Connection;
use connection::Refusal;
use mio::net::TcpStream;
use response::Response;
use routes::Answer;
use seats::Seat;
use tls::Stream;

const EXAMPLES: &str = "\
Try it, in a second terminal:
  curl -k https://127.0.0.1:8080/hello     with --self-signed
  curl http://127.0.0.1:8080/hello         without";

/// Serves files and pages, and lets nobody read along.
#[derive(Parser)]
#[command(version, after_help = EXAMPLES)]
struct Args {
    /// IP address to listen on
    #[arg(short, long, default_value = "127.0.0.1")]
    bind: IpAddr,
    /// Port to listen on; 0 lets the system choose one
    #[arg(short, long, default_value_t = 8080)]
    port: u16,
    /// Seconds that a client may keep the server waiting
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..=3600))]
    timeout: u64,
    /// The most threads for pages that have to wait
    #[arg(short, long, default_value_t = 512, value_parser = clap::value_parser!(u32).range(1..))]
    threads: u32,
    /// The longest body that a request may have, in bytes
    #[arg(long, value_name = "BYTES", default_value_t = 1024 * 1024)]
    max_body: usize,
    /// Seconds that a connection may wait for its next request; 0 closes it after each answer
    #[arg(long, value_name = "SECONDS", default_value_t = 5, value_parser = clap::value_parser!(u64).range(..=3600))]
    keep_alive: u64,
    /// Seconds for which a client may use its copy of a file without asking again
    #[arg(long, value_name = "SECONDS")]
    max_age: Option<u32>,
    /// Seconds for which requests under way may go on after Ctrl-C or SIGTERM
    #[arg(long, value_name = "SECONDS", default_value_t = 10)]
    grace: u64,
    /// The most connections that one address may have; without it, as many as come
    #[arg(long, value_name = "N")]
    per_client: Option<u32>,
    /// File with the certificate, and with those that lead to one that clients know (PEM)
    #[arg(long, value_name = "FILE", requires = "key")]
    cert: Option<PathBuf>,
    /// File with the key that belongs to the certificate (PEM)
    #[arg(long, value_name = "FILE", requires = "cert")]
    key: Option<PathBuf>,
    /// Make a key and a certificate for this run, which no client knows
    #[arg(long, conflicts_with_all = ["cert", "key"])]
    self_signed: bool,
    /// Folder whose files are served; without it, the one that comes with this stage
    #[arg(default_value_os_t = files::that_comes_along("public"), hide_default_value = true)]
    root: PathBuf,
}

fn main() {
    let mut args = Args::parse();
    args.root = open_root(&args.root);
    if let Err(error) = shutdown::listen(Duration::from_secs(args.grace)) {
        eprintln!("error: cannot wait for signals: {error}");
        process::exit(1);
    }
    let secure = args.self_signed || args.cert.is_some();
    let scheme = if secure { "https" } else { "http" };
    let listener = listen(SocketAddr::new(args.bind, args.port), scheme);
    let tls = tls::config(&args).unwrap_or_else(|error| {
        eprintln!("error: {error}");
        eprintln!("hint: two PEM files (-----BEGIN …), and the key belongs to the certificate");
        process::exit(1);
    });
    // Whoever reads that we listen may come.
    flush_log();
    event_loop::run(listener, &workers::run(args, tls));
}

/// Finds the folder to serve, without symbolic links, or ends the program with a message.
fn open_root(root: &Path) -> PathBuf {
    match root.canonicalize() {
        Ok(folder) if folder.is_dir() => return folder,
        Ok(_) => eprintln!("error: cannot serve {}: it is not a folder", root.display()),
        Err(error) => eprintln!("error: cannot serve {}: {error}", root.display()),
    }
    eprintln!("hint: name an existing folder, or start it with cargo run in its checkout");
    process::exit(1);
}

/// Opens the listening socket, or ends the program with a message that says what to do.
fn listen(address: SocketAddr, scheme: &str) -> TcpListener {
    // `bind` is three system calls: socket, bind and listen. On Unix it also sets
    // SO_REUSEADDR, so that a restart needn't wait until the last connections have
    // left TIME_WAIT.
    match TcpListener::bind(address) {
        Ok(listener) => {
            // With port 0 only the system knows which port it chose.
            let address = listener.local_addr().unwrap_or(address);
            log(&format!("listening on {scheme}://{address}"));
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

/// Takes the next client that waits, if there is one; gives its connection and its address.
fn accept(listener: &mio::net::TcpListener) -> Option<(TcpStream, SocketAddr)> {
    match listener.accept() {
        Ok(connection) => return Some(connection),
        Err(error) if error.kind() == ErrorKind::WouldBlock => {}
        // No more file descriptors, for instance. It passes: the next sweep tries again.
        Err(error) => log_error_rarely(&format!("cannot accept a connection: {error}")),
    }
    None
}

/// Serves one client.
async fn handle(stream: TcpStream, peer: SocketAddr, workers: Arc<Workers>) {
    let args = &workers.args;
    let mut patience = Duration::from_secs(args.timeout);
    let stream = Stream::new(stream, workers.tls.clone());
    let mut connection = Connection::new(stream, patience);
    let Some(_seat) = Seat::take(peer.ip(), args.per_client) else {
        return refuse(connection, peer).await;
    };
    while connection.next_request(patience).await
        // In a box of its own: between requests nobody needs the room for one.
        && Box::pin(serve(&mut connection, peer, &workers)).await
    {
        patience = Duration::from_secs(args.keep_alive);
    }
    connection.say_goodbye().await;
    if !connection.is_untouched() {
        connection.close().await;
    }
}

/// Sends a client away whose address has enough connections. It isn't closed in stages: that would
/// give it the time and the place which it's not to have.
async fn refuse(mut connection: Connection, peer: SocketAddr) {
    let mut response = Response::status_page("503 Service Unavailable");
    response.fields.push(("Retry-After", "1".to_string()));
    response.fields.push(("Connection", "close".to_string()));
    let _ = response.send(&mut connection, true).await;
    log_access(peer, "", &response);
}

/// Answers one request; says whether another may follow.
async fn serve(connection: &mut Connection, peer: SocketAddr, workers: &Workers) -> bool {
    let mut response = match answer(connection, workers).await {
        Ok(response) => response,
        // Browsers open spare connections and may never use them.
        Err(_) if connection.is_untouched() => return false,
        Err(Refusal { status, cause }) => {
            let line = connection.request_line.escape_default();
            log_error(&format!("{peer} \"{line}\" {status}: {cause}"));
            let mut page = Response::status_page(status);
            if status.starts_with("415") {
                page.fields.push(("Accept-Encoding", "gzip".to_string()));
            }
            page
        }
    };
    let with_body = !connection.is_head();
    connection.lasts &= !shutdown::is_near();
    let option = if connection.lasts {
        "keep-alive"
    } else {
        "close"
    };
    response.fields.push(("Connection", option.to_string()));
    if let Err(error) = response.send(connection, with_body).await {
        log_error(&format!("{peer} {error}"));
        connection.lasts = false;
    }
    log_access(peer, &connection.request_line, &response);
    connection.lasts
}

/// Reads one request and makes its answer.
async fn answer(connection: &mut Connection, workers: &Workers) -> Answer {
    let args = &workers.args;
    let mut request = request::read(connection).await?;
    if workers.tls.is_some() && !connection.stream.is_secure() {
        return Ok(plain_page());
    }
    request.body = body::read(connection, &request, args.max_body).await?;
    // Only now do we know where the next one begins.
    connection.lasts = args.keep_alive > 0 && request.keeps_connection();
    packing::unpack(&mut request, args.max_body)?;
    let accepts_gzip = packing::accepts_gzip(&request);
    let mut response = workers::respond(request, workers).await?;
    packing::pack_page(&mut response, accepts_gzip);
    Ok(response)
}

/// The answer to plain HTTP where we speak TLS.
fn plain_page() -> Response {
    let content = "<p>Here we speak HTTPS: write https:// instead of http:// in front.</p>";
    Response::page("400 Bad Request", "400 Bad Request", content)
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

/// The lines that are to be printed at the end of a turn of the loop.
static LINES: Mutex<String> = Mutex::new(String::new());

/// Prints a line, soon.
fn log(line: &str) {
    *LINES.lock().unwrap() += &format!("{line}\n");
}

/// Prints all lines at once. `print!` would end the program when nobody reads its output any
/// more.
fn flush_log() {
    let lines = LINES.lock().unwrap().split_off(0);
    let _ = io::stdout().write_all(lines.as_bytes());
}

/// Prints a line about something that went wrong.
fn log_error(line: &str) {
    let _ = writeln!(io::stderr(), "{line}");
}

/// Logs what can go wrong a thousand times a second: one line a minute, whatever it is.
fn log_error_rarely(line: &str) {
    static LAST_MINUTE: AtomicU64 = AtomicU64::new(0);
    let time = SystemTime::UNIX_EPOCH.elapsed().unwrap_or_default();
    let minute = time.as_secs() / 60;
    // `swap` puts a number in and gives the one that was there, in one step.
    if LAST_MINUTE.swap(minute, SeqCst) != minute {
        log_error(line);
    }
}
