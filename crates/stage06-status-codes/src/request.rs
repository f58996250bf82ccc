//! A request: what a client asks for, taken apart and checked (RFC 9112 §3 and §5).

use std::net::SocketAddrV6;

use crate::connection::Connection;
use crate::connection::MAX_HEAD;
use crate::connection::MAX_REQUEST_LINE;
use crate::connection::Refusal;
use crate::connection::is_empty_line;

/// The request breaks the rules of the protocol.
pub const BAD_REQUEST: Refusal = "400 Bad Request";

/// The request line takes more than its room.
const LINE_TOO_LONG: Refusal = "414 URI Too Long";

/// The fields take more than their room, or are too many.
const HEAD_TOO_LARGE: Refusal = "431 Request Header Fields Too Large";

/// The most fields that a request may have.
const MAX_FIELDS: usize = 100;

/// The methods that HTTP defines; nobody can say what another one would mean.
const METHODS: &[&str] = &[
    "GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH",
];

/// A request, as far as its head tells.
pub struct Request {
    /// `GET` or `HEAD`, for instance; case matters
    pub method: String,
    /// The target without `http://` and host, bytes above 127 percent-encoded: `/hello`
    pub path: String,
    /// `HTTP/1.1` or `HTTP/1.0`, as a rule
    pub version: String,
    /// Names, in lower case, and values of the fields, in the order in which they came
    pub fields: Vec<(String, String)>,
}

impl Request {
    /// All values of the fields with this name (in lower case).
    pub fn values(&self, name: &str) -> Vec<&str> {
        let mut values = Vec::new();
        for (field_name, value) in &self.fields {
            if field_name == name {
                values.push(value.as_str());
            }
        }
        values
    }
}

/// Reads one request: a request line, fields, an empty line; or gives the status that
/// refuses it.
pub fn read(connection: &mut Connection) -> Result<Request, Refusal> {
    let mut line = connection.read_line(LINE_TOO_LONG)?;
    while is_empty_line(&line) {
        // Some clients send a line end or two too many after a request (RFC 9112 §2.2).
        line = connection.read_line(LINE_TOO_LONG)?;
    }
    connection.request_line = without_end(&line).to_string();
    let mut request = parse_request_line(&connection.request_line)?;
    if !request.version.starts_with("HTTP/1.") {
        return Err("505 HTTP Version Not Supported");
    }
    connection.room += MAX_HEAD - MAX_REQUEST_LINE;
    loop {
        let line = connection.read_line(HEAD_TOO_LARGE)?;
        if is_empty_line(&line) {
            break;
        }
        if request.fields.len() == MAX_FIELDS {
            return Err(HEAD_TOO_LARGE);
        }
        request.fields.push(parse_field(without_end(&line))?);
    }
    check_host(&request)?;
    if !METHODS.contains(&request.method.as_str()) {
        return Err("501 Not Implemented");
    }
    Ok(request)
}

/// Takes one line end off: CRLF, or LF alone.
fn without_end(line: &str) -> &str {
    let line = line.strip_suffix('\n').unwrap_or(line);
    line.strip_suffix('\r').unwrap_or(line)
}

/// Takes a request line apart: method, target and version, one space between them.
fn parse_request_line(line: &str) -> Result<Request, Refusal> {
    let parts: Vec<&str> = line.split(' ').collect();
    let [method, target, version] = parts[..] else {
        return Err(BAD_REQUEST);
    };
    if !is_token(method) || !is_version(version) {
        return Err(BAD_REQUEST);
    }
    Ok(Request {
        method: method.to_string(),
        path: parse_target(method, target)?,
        version: version.to_string(),
        fields: Vec::new(),
    })
}

/// Finds the path in a target (RFC 9112 §3.2).
fn parse_target(method: &str, target: &str) -> Result<String, Refusal> {
    let mut rest = target;
    let mut path = String::new();
    if let Some((scheme, after)) = target.split_once("://")
        && scheme.eq_ignore_ascii_case("http")
    {
        // Absolute-form: proxies get it, and every server must understand it (§3.2.2).
        let (host, tail) = after.split_at(after.find(['/', '?']).unwrap_or(after.len()));
        if !is_host(host) {
            return Err(BAD_REQUEST);
        }
        rest = tail;
        if !rest.starts_with('/') {
            path.push('/');
        }
    }
    for char in rest.chars() {
        match char {
            // A byte above 127 does not belong here, but curl sends an `ë` as it is.
            '\u{80}'.. => path += &format!("%{:02X}", u32::from(char)),
            char if char.is_control() => return Err(BAD_REQUEST),
            char => path.push(char),
        }
    }
    if !path.starts_with('/') && (method, target) != ("OPTIONS", "*") {
        return Err(BAD_REQUEST);
    }
    Ok(path)
}

/// Takes a field line apart: a name, a colon, a value with optional blanks around it.
fn parse_field(line: &str) -> Result<(String, String), Refusal> {
    let (name, value) = line.split_once(':').ok_or(BAD_REQUEST)?;
    // A name is a token. This also refuses a blank before the colon (RFC 9112 §5.1) and a
    // line that continues the one before (§5.2), because a blank is no part of a token.
    if !is_token(name) {
        return Err(BAD_REQUEST);
    }
    // A CR or a NUL, for instance, must not stand in a value (RFC 9110 §5.5).
    if has_control(value) {
        return Err(BAD_REQUEST);
    }
    let value = value.trim_matches([' ', '\t']);
    Ok((name.to_ascii_lowercase(), value.to_string()))
}

/// Whether a text holds a control character other than the tab.
fn has_control(text: &str) -> bool {
    text.contains(|char: char| char.is_ascii_control() && char != '\t')
}

/// Demands one valid Host field; HTTP/1.0 may do without (RFC 9112 §3.2).
fn check_host(request: &Request) -> Result<(), Refusal> {
    match request.values("host")[..] {
        [host] if host.is_empty() || is_host(host) => Ok(()),
        [] if request.version == "HTTP/1.0" => Ok(()),
        _ => Err(BAD_REQUEST),
    }
}

/// Whether a text is a host, with or without a port: `localhost:8080`, `[::1]` (RFC 9110 §7.2).
fn is_host(text: &str) -> bool {
    let (name, port) = match text.rsplit_once(':') {
        Some((name, port)) if !port.ends_with(']') => (name, port),
        _ => (text, ""),
    };
    let allowed = |char: char| char.is_ascii_alphanumeric() || "-._~%!$&'()*+,;=".contains(char);
    let is_name = !name.is_empty() && name.chars().all(allowed);
    let is_ipv6 = format!("{name}:0").parse::<SocketAddrV6>().is_ok();
    (is_name || is_ipv6) && port.chars().all(|char| char.is_ascii_digit())
}

/// Whether a text is a token, the form of methods and field names (RFC 9110 §5.6.2).
fn is_token(text: &str) -> bool {
    let allowed = |char: char| char.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(char);
    !text.is_empty() && text.chars().all(allowed)
}

/// Whether a text is a version of HTTP: `HTTP/`, a digit, a dot, a digit (RFC 9112 §2.3).
fn is_version(text: &str) -> bool {
    let digits = text.strip_prefix("HTTP/").unwrap_or("").as_bytes();
    matches!(digits, [b'0'..=b'9', b'.', b'0'..=b'9'])
}
