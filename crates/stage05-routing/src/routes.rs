//! Which path leads to which page.

use crate::connection::Fault;
use crate::request::Request;
use crate::response::Response;
use crate::response::escape_html;

/// What comes of a request: a page, or what is wrong with it.
pub type Answer = Result<Response, Fault>;

/// A function that answers a request.
type Handler = fn(Request) -> Answer;

/// The pages of this server. A new page is a new row.
const ROUTES: &[(&str, Handler)] = &[
    // path, handler
    ("/", home),
    ("/hello", hello),
];

/// Answers a request with the page that its path leads to.
pub fn respond(request: Request) -> Answer {
    for (path, handler) in ROUTES {
        if *path == request.path {
            return handler(request);
        }
    }
    not_found(request)
}

fn home(_request: Request) -> Answer {
    let content = "<p>Say <a href=\"/hello\">hello</a>.</p>";
    Ok(Response::page("200 OK", "Hello, World!", content))
}

fn hello(_request: Request) -> Answer {
    let content = "<p>This is another page. <a href=\"/\">Home</a></p>";
    Ok(Response::page("200 OK", "Hello!", content))
}

fn not_found(request: Request) -> Answer {
    let path = escape_html(&request.path);
    let content = format!("<p>There is nothing at {path}. <a href=\"/\">Home</a></p>");
    Ok(Response::page("200 OK", "Not Found", &content))
}
