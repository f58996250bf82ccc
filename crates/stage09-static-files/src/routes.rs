//! Which path leads to which page.

use std::fs;
use std::io;
use std::panic;
use std::path::Path;
use std::thread;
use std::time::Duration;

use crate::connection::Refusal;
use crate::files;
use crate::percent;
use crate::request::Request;
use crate::response::Response;
use crate::response::escape_html;

/// What comes of a request: a page, or why it is refused.
pub type Answer = Result<Response, Refusal>;

/// A function that answers a request.
type Handler = fn(Request) -> Answer;

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
    ("GET", "/panic", buggy),
    ("OPTIONS", "*", options),
];

/// Answers a request with the page or the file below `root` that its path leads to.
pub fn respond(request: Request, root: &Path) -> Answer {
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
            let panicked = Err(io::Error::other("the handler panicked").into());
            return panic::catch_unwind(|| handler(request)).unwrap_or(panicked);
        }
        allowed.push(*method);
    }
    if let Some(response) = files::find(root, &request)? {
        if is_get {
            return Ok(response);
        }
        // Once, even if a route has it as well.
        allowed.retain(|method| *method != "GET");
        allowed.push("GET");
    }
    // A folder without an index.html is not found, even where one may POST.
    if allowed.is_empty() || (is_get && request.path.ends_with('/')) {
        return not_found(request);
    }
    Ok(not_allowed(&allowed))
}

/// Shows what a form sent.
fn received(request: Request) -> Answer {
    let text = String::from_utf8_lossy(&request.body);
    let content = format!("<pre>{}</pre>", escape_html(&text));
    Ok(Response::page("200 OK", "POST Data Received:", &content))
}

/// Sends the body back, byte for byte.
fn echo(request: Request) -> Answer {
    let kind = "application/octet-stream";
    Ok(Response::new("200 OK", kind, request.body))
}

fn hello(_request: Request) -> Answer {
    let content = "<p>This is another page. <a href=\"/\">Home</a></p>";
    Ok(Response::page("200 OK", "Hello!", content))
}

fn moved_home(_request: Request) -> Answer {
    let mut response = Response::status_page("301 Moved Permanently");
    response.fields.push(("Location", "/".to_string()));
    Ok(response)
}

fn teapot(_request: Request) -> Answer {
    Ok(Response::status_page("418 I'm a teapot"))
}

/// Fails, like a handler that needs a file which is not there.
fn fail(_request: Request) -> Answer {
    let content = fs::read_to_string("/no/such/file")?;
    Ok(Response::page("200 OK", "It works", &content))
}

/// Takes a second, like a handler that waits for a database.
fn slow(_request: Request) -> Answer {
    thread::sleep(Duration::from_secs(1));
    Ok(Response::page("200 OK", "At last", ""))
}

/// Panics, like a handler with a bug.
fn buggy(_request: Request) -> Answer {
    panic!("this handler has a bug");
}

/// Answers the question whether we are there at all (RFC 9110 §9.3.7).
fn options(_request: Request) -> Answer {
    Ok(Response::status_page("200 OK"))
}

fn not_found(request: Request) -> Answer {
    let path = escape_html(&request.path);
    let content = format!("<p>There is nothing at {path}. <a href=\"/\">Home</a></p>");
    Ok(Response::page("404 Not Found", "404 Not Found", &content))
}

/// Says which methods a path has: GET, and HEAD with it, or others (RFC 9110 §10.2.1).
fn not_allowed(methods: &[&str]) -> Response {
    let mut response = Response::status_page("405 Method Not Allowed");
    let allow = methods.join(", ").replace("GET", "GET, HEAD");
    response.fields.push(("Allow", allow));
    response
}
