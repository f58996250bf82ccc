//! Percent-encoding: how a URL writes a byte that must not stand in it (RFC 3986 §2.1).

/// Replaces each `%` with two hexadecimal digits by the byte that they stand for.
///
/// Every other byte stays, even a `%` without two digits. The bytes that come out may be
/// anything: not always UTF-8, and a `/` or a NUL among them.
pub fn decode(text: &str) -> Vec<u8> {
    let bytes = text.as_bytes();
    let mut decoded = Vec::new();
    let mut at = 0;
    while at < bytes.len() {
        if let [b'%', high, low, ..] = bytes[at..]
            && let Some(high) = char::from(high).to_digit(16)
            && let Some(low) = char::from(low).to_digit(16)
        {
            decoded.push((high * 16 + low) as u8);
            at += 3;
        } else {
            decoded.push(bytes[at]);
            at += 1;
        }
    }
    decoded
}
