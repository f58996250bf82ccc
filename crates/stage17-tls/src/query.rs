//! Queries: what follows the `?` in a URL, `name=Ada&size=200`, as forms write it.

use crate::percent;

/// Takes a query apart: names and values, decoded, in the order in which they stand.
///
/// The rules are those of the URL standard, which browsers follow for forms:
/// <https://url.spec.whatwg.org/#urlencoded-parsing>.
pub fn parse(query: &str) -> Vec<(String, String)> {
    let mut pairs = Vec::new();
    for pair in query.split('&') {
        if pair.is_empty() {
            continue;
        }
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        pairs.push((decode(name), decode(value)));
    }
    pairs
}

/// The value that stands first with this name.
pub fn first(query: &str, name: &str) -> Option<String> {
    for (key, value) in parse(query) {
        if key == name {
            return Some(value);
        }
    }
    None
}

/// Decodes a name or a value: `+` is a space, and bytes that are not UTF-8 become `�`.
fn decode(text: &str) -> String {
    let bytes = percent::decode(&text.replace('+', " "));
    String::from_utf8_lossy(&bytes).to_string()
}
