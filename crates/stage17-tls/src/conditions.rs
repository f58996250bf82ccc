//! Conditions: the client says what it has, and the server whether that is still so (RFC 9110 §13).

use std::time::SystemTime;

use crate::request::Request;

/// Judges the conditions of a request in the order of §13.2.2, for a file that was modified
/// then and has this tag. Gives the status that says it all, or `None` if the file is to be sent.
///
/// No tag of ours has a comma, so splitting lists at commas does no harm. `*` stands alone.
pub fn judge(request: &Request, modified: SystemTime, etag: &str) -> Option<&'static str> {
    let tags = request.members("if-match");
    let changed = match read_date(request, "if-unmodified-since") {
        // A tag is more exact than a date, which is then not looked at.
        _ if !tags.is_empty() => tags != ["*"] && !tags.contains(&etag),
        Some(date) => modified > date,
        None => false,
    };
    if changed {
        return Some("412 Precondition Failed");
    }
    let tags = request.members("if-none-match");
    let same = match read_date(request, "if-modified-since") {
        // A proxy that packed a file made the tag weak: W/"…". For reading that is near enough.
        _ if !tags.is_empty() => tags == ["*"] || tags.iter().any(|tag| weak(tag) == etag),
        Some(date) => modified <= date,
        None => false,
    };
    if same {
        return Some("304 Not Modified");
    }
    None
}

/// Whether a part may be sent: the client has the rest of this very file, or does not say
/// (RFC 9110 §13.1.5). Here a weak tag is not good enough.
pub fn allow_range(request: &Request, modified: SystemTime, etag: &str) -> bool {
    match request.values("if-range")[..] {
        [] => true,
        [value] if value.contains('"') => value == etag,
        _ => read_date(request, "if-range") == Some(modified),
    }
}

/// A tag without the mark of weakness.
fn weak(tag: &str) -> &str {
    tag.strip_prefix("W/").unwrap_or(tag)
}

/// The date in a field, in one of the three forms that HTTP has had (RFC 9110 §5.6.7). One that
/// cannot be read counts for none.
fn read_date(request: &Request, name: &str) -> Option<SystemTime> {
    let [value] = request.values(name)[..] else {
        return None;
    };
    httpdate::parse_http_date(value).ok()
}
