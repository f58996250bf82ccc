//! Which path leads to which page.

use crate::request::Request;
use crate::response::Response;
use crate::response::escape_html;

/// A function that answers a request.
type Handler = fn(Request) -> Response;

/// The pages of this server. A new page is a new row.
const ROUTES: &[(&str, Handler)] = &[
    // path, handler
    ("/", home),
    ("/hello", hello),
];

/// Answers a request with the page that its path leads to.
pub fn respond(request: Request) -> Response {
    for (path, handler) in ROUTES {
        if *path == request.path {
            return handler(request);
        }
    }
    not_found(request)
}

fn home(_request: Request) -> Response {
    let content = "<p>Say <a href=\"/hello\">hello</a>.</p>";
    Response::page("200 OK", "Hello, World!", content)
}

fn hello(_request: Request) -> Response {
    let content = "<p>This is another page.</p>";
    Response::page("200 OK", "Hello!", content)
}

fn not_found(request: Request) -> Response {
    let content = format!("<p>There is nothing at {}.</p>", escape_html(&request.path));
    Response::page("200 OK", "Not Found", &content)
}
