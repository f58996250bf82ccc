//! Messages byte by byte, as they go over the wire.

use std::fs;
use std::path::Path;

use crate::directive::Arguments;
use crate::render::escape;

/// A recorded message, from a file below `docs`.
pub fn recorded(root: &Path, arguments: &Arguments) -> Result<String, String> {
    let [(none, file)] = &arguments[..] else {
        return Err("write {{#bytes \"file below docs\"}}".into());
    };
    if !none.is_empty() {
        return Err("write {{#bytes \"file below docs\"}}".into());
    }
    let path = root.join("docs").join(file);
    let message = fs::read(path).map_err(|error| format!("cannot read docs/{file}: {error}"))?;
    Ok(bytes(&message))
}

/// A message as it goes over the wire: line ends and other controls are drawn as boxes,
/// and each line begins with the number of its first byte.
pub fn bytes(message: &[u8]) -> String {
    let mut html =
        String::from("<pre class=\"bytes\"><code class=\"language-plaintext nohighlight\">");
    let mut start = true;
    for (at, &byte) in message.iter().enumerate() {
        if start {
            html += &format!("<span class=\"offset\" data-text=\"{at}\"></span>");
        }
        html += &match byte {
            b'\r' => boxed("CR"),
            b'\n' => boxed("LF"),
            b'\t' => boxed("TAB"),
            b' '..=b'~' => escape(&char::from(byte).to_string()),
            _ => boxed(&format!("{byte:02X}")),
        };
        start = byte == b'\n';
        if start {
            html.push('\n');
        }
    }
    html + "</code></pre>\n"
}

fn boxed(text: &str) -> String {
    format!("<b class=\"byte\">{text}</b>")
}

/// The bytes that a text means in which `\r`, `\n`, `\t`, `\\` and `\x1f` stand for bytes,
/// as in Rust. Real line ends only make it readable.
pub fn unescape(text: &str) -> Result<Vec<u8>, String> {
    let mut bytes = Vec::new();
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        if c == '\n' {
            continue;
        }
        if c != '\\' {
            bytes.extend(c.to_string().into_bytes());
            continue;
        }
        bytes.push(match chars.next() {
            Some('r') => b'\r',
            Some('n') => b'\n',
            Some('t') => b'\t',
            Some('\\') => b'\\',
            Some('x') => {
                let digits: String = chars.by_ref().take(2).collect();
                u8::from_str_radix(&digits, 16).map_err(|_| format!("\\x{digits} is no byte"))?
            }
            other => return Err(format!("\\{} means nothing", other.unwrap_or(' '))),
        });
    }
    Ok(bytes)
}
