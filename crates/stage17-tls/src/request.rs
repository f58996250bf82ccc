//! A request: what a client asks for, taken apart and checked (RFC 9112 §3 and §5).

use std::net::Ipv6Addr;

use crate::connection::Connection;
use crate::connection::Fault;
use crate::connection::MAX_HEAD;
use crate::connection::Refusal;
use crate::connection::is_empty_line;

/// The request line takes more than its room.
const LINE_TOO_LONG: &str = "414 URI Too Long";

/// The fields take more than their room, or are too many.
pub const HEAD_TOO_LARGE: &str = "431 Request Header Fields Too Large";

/// The most fields that a request may have.
const MAX_FIELDS: usize = 100;

/// The methods that HTTP defines; nobody can say what another one would mean. (CONNECT is
/// for proxies.)
const METHODS: &[&str] = &[
    "GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "TRACE", "PATCH",
];

/// A request: its head, taken apart, and its body.
pub struct Request {
    /// `GET` or `HEAD`, for instance; case matters
    pub method: String,
    /// The path in the target, bytes above 127 percent-encoded: `/hello`
    pub path: String,
    /// What follows the `?`, still encoded: `name=Ada`
    pub query: String,
    /// `HTTP/1.1` or `HTTP/1.0`, as a rule
    pub version: String,
    /// Names, in lower case, and values of the fields, in the order in which they came
    pub fields: Vec<(String, String)>,
    /// The bytes that follow the head
    pub body: Vec<u8>,
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

    /// All members of the fields with this name, which are lists (RFC 9110 §5.6.1).
    pub fn members(&self, name: &str) -> Vec<&str> {
        let mut members = Vec::new();
        for value in self.values(name) {
            for member in value.split(',') {
                members.push(member.trim_matches([' ', '\t']));
            }
        }
        members
    }

    /// Whether the client wants to send another request on this connection (RFC 9112 §9.3).
    pub fn keeps_connection(&self) -> bool {
        let options = self.members("connection");
        let has = |name| {
            options
                .iter()
                .any(|option| option.eq_ignore_ascii_case(name))
        };
        !has("close") && (self.version != "HTTP/1.0" || has("keep-alive"))
    }
}

/// Reads the head of one request: a request line, fields, an empty line; or says why it is
/// refused.
pub async fn read(connection: &mut Connection) -> Result<Request, Refusal> {
    let mut line = connection.read_line(LINE_TOO_LONG).await?;
    while is_empty_line(&line) {
        // Some clients send a line end or two too many after a request (RFC 9112 §2.2).
        line = connection.read_line(LINE_TOO_LONG).await?;
    }
    connection.request_line = without_end(&line).to_string();
    let secure = connection.stream.is_secure();
    let mut request = parse_request_line(&connection.request_line, secure)?;
    if !request.version.starts_with("HTTP/1.") {
        return Err(Refusal::new(
            "505 HTTP Version Not Supported",
            "not HTTP/1.1",
        ));
    }
    connection.set_room(MAX_HEAD - line.len());
    loop {
        let line = connection.read_line(HEAD_TOO_LARGE).await?;
        if is_empty_line(&line) {
            break;
        }
        if request.fields.len() == MAX_FIELDS {
            return Err(Refusal::new(HEAD_TOO_LARGE, "more than 100 fields"));
        }
        request.fields.push(parse_field(without_end(&line))?);
    }
    check_host(&request)?;
    if !METHODS.contains(&request.method.as_str()) {
        return Err(Refusal::new("501 Not Implemented", "an unknown method"));
    }
    Ok(request)
}

/// Takes one line end off: CRLF, or LF alone.
fn without_end(line: &str) -> &str {
    let line = line.strip_suffix('\n').unwrap_or(line);
    line.strip_suffix('\r').unwrap_or(line)
}

/// Takes a request line apart: method, target and version, one space between them.
fn parse_request_line(line: &str, secure: bool) -> Result<Request, Fault> {
    let parts: Vec<&str> = line.split(' ').collect();
    let [method, target, version] = parts[..] else {
        return Err("a request line has three parts, with one space between them (RFC 9112 §3)");
    };
    if !is_token(method) {
        return Err("the method is no token (RFC 9110 §9.1)");
    }
    if !is_version(version) {
        return Err("the version is not HTTP/digit.digit (RFC 9112 §2.3)");
    }
    let target = parse_target(method, target, secure)?;
    let (path, query) = target.split_once('?').unwrap_or((&target, ""));
    Ok(Request {
        method: method.to_string(),
        path: path.to_string(),
        query: query.to_string(),
        version: version.to_string(),
        fields: Vec::new(),
        body: Vec::new(),
    })
}

/// Whether a text is a token, the form of methods and field names (RFC 9110 §5.6.2).
fn is_token(text: &str) -> bool {
    !text.is_empty() && text.chars().all(in_tokens)
}

/// Whether a character may be a part of a token.
pub fn in_tokens(c: char) -> bool {
    c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c)
}

/// Whether a text is a version of HTTP: `HTTP/`, a digit, a dot, a digit (RFC 9112 §2.3).
fn is_version(text: &str) -> bool {
    let digits = text.strip_prefix("HTTP/").unwrap_or("").as_bytes();
    matches!(digits, [b'0'..=b'9', b'.', b'0'..=b'9'])
}

/// Finds the path and the query in a target (RFC 9112 §3.2), or what two methods have in their
/// place.
fn parse_target(method: &str, target: &str, secure: bool) -> Result<String, Fault> {
    if method == "CONNECT" {
        // A proxy is asked for a host and a port (§3.2.3).
        let (_, port) = target.rsplit_once(':').unwrap_or_default();
        if !port.ends_with(|c: char| c.is_ascii_digit()) || !is_host(target) {
            return Err("CONNECT wants a host and a port (RFC 9110 §9.3.6)");
        }
        return Ok(target.to_string());
    }
    if method == "OPTIONS" && target == "*" {
        // This one asks about the whole server (§3.2.4).
        return Ok(target.to_string());
    }
    let mut path = String::new();
    let mut rest = target;
    if let Some((scheme, after)) = target.split_once("://")
        && (scheme.eq_ignore_ascii_case("http")
            // RFC 9110 §7.4: only over TLS.
            || (secure && scheme.eq_ignore_ascii_case("https")))
    {
        // Absolute-form: proxies get it, and every server must understand it (§3.2.2).
        let (host, tail) = after.split_at(after.find(['/', '?']).unwrap_or(after.len()));
        if !is_host(host) {
            return Err("the host in the target is no host (RFC 9112 §3.2.2)");
        }
        if !tail.starts_with('/') {
            path.push('/');
        }
        rest = tail;
    } else if !target.starts_with('/') {
        return Err("the target does not begin with a slash (RFC 9112 §3.2.1)");
    }
    for c in rest.chars() {
        match c {
            // A byte above 127 does not belong here, but some clients send an `ë` as it is.
            '\u{80}'.. => path += &format!("%{:02X}", u32::from(c)),
            '#' => return Err("a fragment is for the browser, not for us (RFC 9112 §3.2)"),
            _ if c.is_control() => return Err("a control in the target (RFC 9112 §3.2)"),
            _ => path.push(c),
        }
    }
    Ok(path)
}

/// Takes a field line apart: a name, a colon, a value with optional blanks around it.
pub fn parse_field(line: &str) -> Result<(String, String), Fault> {
    let Some((name, value)) = line.split_once(':') else {
        return Err("a field without a colon (RFC 9112 §5)");
    };
    // A blank is no part of a token: so this also refuses one before the colon (RFC 9112
    // §5.1), and a line that continues the one before (§5.2).
    if !is_token(name) {
        return Err("the name of a field is no token (RFC 9112 §5.1)");
    }
    // A CR or a NUL, for instance
    if has_control(value) {
        return Err("a control in the value of a field (RFC 9110 §5.5)");
    }
    let value = value.trim_matches([' ', '\t']);
    Ok((name.to_ascii_lowercase(), value.to_string()))
}

/// Whether a text holds a control character other than the tab.
pub fn has_control(text: &str) -> bool {
    text.contains(|c: char| c.is_ascii_control() && c != '\t')
}

/// Demands one valid Host field; HTTP/1.0 may do without (RFC 9112 §3.2).
fn check_host(request: &Request) -> Result<(), Fault> {
    match request.values("host")[..] {
        [host] if host.is_empty() || is_host(host) => Ok(()),
        [_] => Err("Host is no host (RFC 9112 §3.2)"),
        [] if request.version == "HTTP/1.0" => Ok(()),
        [] => Err("Host is missing (RFC 9112 §3.2)"),
        _ => Err("more than one Host (RFC 9112 §3.2)"),
    }
}

/// Whether a text is a host, with or without a port: `localhost:8080`, `[::1]` (RFC 9110 §7.2).
fn is_host(text: &str) -> bool {
    let (name, port) = match text.rsplit_once(':') {
        // The colons in `[::1]` are part of the address.
        Some((name, port)) if !port.ends_with(']') => (name, port),
        _ => (text, ""),
    };
    let is_name = match name.strip_prefix('[') {
        Some(rest) => is_address(rest.strip_suffix(']').unwrap_or("")),
        None => is_registered_name(name),
    };
    is_name && port.chars().all(|c| c.is_ascii_digit())
}

/// Whether a text may stand between brackets: an address of IPv6, or of a version that is
/// still to come, `v7.a` (RFC 3986 §3.2.2).
fn is_address(text: &str) -> bool {
    let Some(text) = text.strip_prefix(['v', 'V']) else {
        return text.parse::<Ipv6Addr>().is_ok();
    };
    let (version, address) = text.split_once('.').unwrap_or(("", ""));
    let is_version = !version.is_empty() && version.chars().all(|c| c.is_ascii_hexdigit());
    is_version && !address.is_empty() && address.chars().all(|c| c == ':' || in_names(c))
}

/// Whether a text may be the name of a host: no bare `%`, but bytes like `%C3` (RFC 3986 §3.2.2).
fn is_registered_name(text: &str) -> bool {
    for after in text.split('%').skip(1) {
        let digits = after.chars().take(2).filter(char::is_ascii_hexdigit);
        if digits.count() < 2 {
            return false;
        }
    }
    !text.is_empty() && text.chars().all(|c| c == '%' || in_names(c))
}

/// Whether a character may be a part of the name of a host.
fn in_names(c: char) -> bool {
    c.is_ascii_alphanumeric() || "-._~!$&'()*+,;=".contains(c)
}
