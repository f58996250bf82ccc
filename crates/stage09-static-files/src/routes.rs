//! Which path leads to which page.

use std::fs;
use std::io;
use std::path::Path;
use std::thread;
use std::time::Duration;

use crate::connection::Refusal;
use crate::files;
use crate::log_error;
use crate::percent;
use crate::request::Request;
use crate::response::Response;
use crate::response::escape_html;

/// A function that answers a request, or says with which status it is refused.
type Handler = fn(Request) -> Result<Response, Refusal>;

const INTERNAL_ERROR: Refusal = "500 Internal Server Error";

/// The pages of this server. A new page is a new row.
const ROUTES: &[(&str, &str, Handler)] = &[
    // method, path, handler
    ("POST", "/", received),
    ("POST", "/echo", echo),
    ("GET", "/hello", hello),
    ("GET", "/home", moved_home),
    ("GET", "/teapot", teapot),
    ("GET", "/fail", fail),
    ("GET", "/slow", slow),
    ("GET", "/panic", panic),
];

/// Answers a request with the page or the file below `root` that its path leads to.
pub fn respond(request: Request, root: &Path) -> Result<Response, Refusal> {
    let is_get = request.method == "GET" || request.method == "HEAD";
    // `/%68ello` and `/hello` are the same path (RFC 3986 §6.2.2.2).
    let decoded = percent::decode(&request.path);
    let mut allowed = Vec::new();
    for (method, path, handler) in ROUTES {
        if path.as_bytes() != decoded {
            continue;
        }
        // Who answers GET answers HEAD too: `send` leaves the body out.
        if *method == request.method || (*method == "GET" && request.method == "HEAD") {
            // A handler that panics costs its client a 500, and nobody else anything.
            return std::panic::catch_unwind(|| handler(request)).unwrap_or(Err(INTERNAL_ERROR));
        }
        allowed.push(if *method == "GET" {
            "GET, HEAD"
        } else {
            *method
        });
    }
    if let Some(response) = files::find(root, &request.path)? {
        if is_get {
            return Ok(response);
        }
        if !allowed.contains(&"GET, HEAD") {
            allowed.push("GET, HEAD");
        }
    }
    // A folder without an index.html is not found, even where one may POST.
    if allowed.is_empty() || (is_get && request.path.ends_with('/')) {
        return not_found(request);
    }
    let mut response = Response::refusal("405 Method Not Allowed");
    response.fields.push(("Allow", allowed.join(", ")));
    Ok(response)
}

/// Shows what a form sent.
fn received(request: Request) -> Result<Response, Refusal> {
    let text = String::from_utf8_lossy(&request.body);
    let content = format!("<pre>{}</pre>", escape_html(&text));
    Ok(Response::page("200 OK", "POST Data Received:", &content))
}

/// Sends the body back, byte for byte.
fn echo(request: Request) -> Result<Response, Refusal> {
    Ok(Response::new(
        "200 OK",
        "application/octet-stream",
        request.body,
    ))
}

fn hello(_request: Request) -> Result<Response, Refusal> {
    let content = "<p>This is another page.</p>";
    Ok(Response::page("200 OK", "Hello!", content))
}

fn moved_home(_request: Request) -> Result<Response, Refusal> {
    let mut response = Response::refusal("301 Moved Permanently");
    response.fields.push(("Location", "/".to_string()));
    Ok(response)
}

fn teapot(_request: Request) -> Result<Response, Refusal> {
    Err("418 I'm a teapot")
}

/// Fails, like a handler that needs a file which is not there.
fn fail(_request: Request) -> Result<Response, Refusal> {
    let content = fs::read_to_string("/no/such/file").map_err(internal_error)?;
    Ok(Response::page("200 OK", "It works", &content))
}

/// Takes a second, like a handler that waits for a database.
fn slow(_request: Request) -> Result<Response, Refusal> {
    thread::sleep(Duration::from_secs(1));
    Ok(Response::page("200 OK", "At last", ""))
}

/// Panics, like a handler with a bug.
fn panic(_request: Request) -> Result<Response, Refusal> {
    panic!("this handler has a bug");
}

fn not_found(request: Request) -> Result<Response, Refusal> {
    let content = format!("<p>There is nothing at {}.</p>", escape_html(&request.path));
    Ok(Response::page("404 Not Found", "404 Not Found", &content))
}

/// Refuses a request because of a fault of ours: the cause is for our log, not for the client.
pub fn internal_error(error: io::Error) -> Refusal {
    log_error(&format!("internal error: {error}"));
    INTERNAL_ERROR
}
