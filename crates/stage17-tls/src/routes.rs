//! Which path leads to which page.

use std::fs;
use std::io;
use std::panic;
use std::thread;
use std::time::Duration;

use crate::Args;
use crate::connection::Refusal;
use crate::files;
use crate::percent;
use crate::query;
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
    ("GET", "/query", show_query),
    ("GET", "/kittens", kittens),
    ("GET", "/home", moved_home),
    ("GET", "/teapot", teapot),
    ("GET", "/fail", fail),
    ("GET", "/slow", slow),
    ("GET", "/panic", buggy),
    ("OPTIONS", "*", options),
];

/// Those whose handlers wait for something: the loop must not, so they get a thread.
const WAITING: &[&str] = &["/slow"];

/// Whether the answer to a request has to be waited for.
pub fn waits(request: &Request) -> bool {
    let decoded = percent::decode(&request.path);
    WAITING.iter().any(|path| path.as_bytes() == decoded)
}

/// Answers a request with the page or the file that its path leads to.
pub fn respond(request: Request, args: &Args) -> Answer {
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
    if let Some(response) = files::find(args, &request)? {
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
    let mut text = String::from_utf8_lossy(&request.body).to_string();
    if request.values("content-type") == ["application/x-www-form-urlencoded"] {
        // A form encodes its fields like a query.
        let pairs = query::parse(&text);
        text.clear();
        for (name, value) in pairs {
            text += &format!("{name} = {value}\n");
        }
    }
    let content = format!("<pre>{}</pre>", escape_html(&text));
    Ok(Response::page("200 OK", "POST Data Received:", &content))
}

/// Sends the body back, byte for byte.
fn echo(request: Request) -> Answer {
    let kind = "application/octet-stream";
    Ok(Response::new("200 OK", kind, request.body))
}

fn hello(request: Request) -> Answer {
    let content = "<p>This is another page. <a href=\"/\">Home</a></p>";
    let name = query::first(&request.query, "name").unwrap_or_default();
    if name.is_empty() {
        return Ok(Response::page("200 OK", "Hello!", content));
    }
    let heading = format!("Hello, {}!", escape_html(&name));
    Ok(Response::page("200 OK", &heading, content))
}

/// Shows the query as the server understands it.
fn show_query(request: Request) -> Answer {
    let mut content = "<ul>\n".to_string();
    for (name, value) in query::parse(&request.query) {
        let (name, value) = (escape_html(&name), escape_html(&value));
        content += &format!("<li>{name} = {value}</li>\n");
    }
    content += "</ul>";
    Ok(Response::page("200 OK", "Query", &content))
}

/// Fills a template: kittens of the size that the query asks for.
fn kittens(request: Request) -> Answer {
    let size = query::first(&request.query, "size").unwrap_or("200".to_string());
    // Digits only: what comes into the page is a number, and cannot be HTML.
    if size.is_empty() || !size.chars().all(|c| c.is_ascii_digit()) {
        return Err("the size of a kitten is a number".into());
    }
    let template = fs::read_to_string(files::that_comes_along("templates/kittens.html"))?;
    let page = template.replace("{{size}}", &size).into_bytes();
    Ok(Response::new("200 OK", "text/html; charset=utf-8", page))
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
