//! HTML for the book. No JavaScript; `docs/steps.css` gives it its looks.
//!
//! No line of it is blank, for a blank line would end the block of HTML in Markdown.

use std::ops::Range;

use crate::diff::FileDiff;
use crate::diff::Line;
use crate::diff::Tag;
use crate::pieces::CONTEXT;
use crate::pieces::Piece;

/// Text that is safe in HTML, in attributes, and from mdBook's own directives.
pub fn escape(text: &str) -> String {
    let text = text
        .replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;");
    text.replace('"', "&quot;").replace("{{", "&#123;{")
}

/// Escaped, with `code` in backquotes.
pub fn inline(text: &str) -> String {
    let mut html = String::new();
    for (at, part) in escape(text).split('`').enumerate() {
        html += &if at % 2 == 1 {
            format!("<code>{part}</code>")
        } else {
            part.to_owned()
        };
    }
    html
}

/// A piece of the diff, with its place above it and the rest of its function folded below.
pub fn piece(diff: &[FileDiff], piece: &Piece) -> String {
    let file = &diff[piece.file];
    let gone = file.gone();
    let note = if gone {
        " (removed)"
    } else if file.new {
        " (new file)"
    } else {
        ""
    };
    let (path, items) = piece.place.split_once(": ").unwrap_or((&piece.place, ""));
    let mut html = format!(
        "<figure class=\"step\">\n<figcaption><code>{}</code>{note}<span>{}</span></figcaption>\n",
        escape(path),
        escape(items)
    );
    let language = language(&file.path);
    if gone {
        html += &format!(
            "<details><summary>the {} lines that go away</summary>\n{}\n</details>\n",
            file.lines.len(),
            code(language, &lines(&file.lines))
        );
        return html + "</figure>\n";
    }
    let head = signature(file, piece);
    let mut body = String::new();
    if let Some(head) = &head {
        body += &lines(&file.lines[head.clone()]);
        if head.end < piece.shown.start {
            body += "<span class=\"fold\"></span>";
        }
    }
    body += &lines(&file.lines[piece.shown.clone()]);
    html += &code(language, &body);
    html.push('\n');
    if let Some(item) = &piece.item {
        let hidden = item.lines.len().saturating_sub(piece.shown.len());
        if hidden > head.map_or(0, |head| head.len()) {
            html += &format!(
                "<details><summary>all of <code>{}</code></summary>\n{}\n</details>\n",
                escape(if item.name.is_empty() {
                    &file.path
                } else {
                    &item.name
                }),
                code(language, &lines(&file.lines[item.lines.clone()]))
            );
        }
    }
    html + "</figure>\n"
}

/// The lines that name the enclosing item, if the context does not reach them.
fn signature(file: &FileDiff, piece: &Piece) -> Option<Range<usize>> {
    let item = piece.item.as_ref()?;
    if item.head >= piece.shown.start || item.name.is_empty() {
        return None;
    }
    let mut end = item.head + 1;
    while end < piece.shown.start && !file.lines[end - 1].text.ends_with(['{', ';', '(']) {
        end += 1;
    }
    // A gap of a line or two is better shown than folded.
    Some(
        item.head..if piece.shown.start - end <= 2 {
            piece.shown.start
        } else {
            end
        },
    )
}

/// The whole diff in a fold, file by file.
pub fn whole_diff(diff: &[FileDiff]) -> String {
    let count = |tag| {
        diff.iter()
            .flat_map(|file| &file.lines)
            .filter(|line| line.tag == tag)
            .count()
    };
    let mut html = format!(
        "<details class=\"whole-diff\"><summary>The whole diff: <ins>+{}</ins> <del>−{}</del> with comments and blank lines</summary>\n",
        count(Tag::Insert),
        count(Tag::Delete)
    );
    for file in diff {
        html += &format!(
            "<figure class=\"step\">\n<figcaption><code>{}</code></figcaption>\n{}\n</figure>\n",
            escape(&file.path),
            code(language(&file.path), &unified(&file.lines))
        );
    }
    html + "</details>\n"
}

/// All changes of a file with context, and folds between.
fn unified(all: &[Line]) -> String {
    let mut html = String::new();
    let mut folded = false;
    for (at, line) in all.iter().enumerate() {
        let near = at.saturating_sub(CONTEXT)..(at + CONTEXT + 1).min(all.len());
        if all[near].iter().all(|line| line.tag == Tag::Equal) {
            folded = true;
            continue;
        }
        if std::mem::take(&mut folded) {
            html += "<span class=\"fold\"></span>";
        }
        html += &lines(std::slice::from_ref(line));
    }
    html
}

/// Each line in a span that tells what became of it. A removed line is an attribute: the
/// style sheet shows it, and the copy button does not see it.
fn lines(lines: &[Line]) -> String {
    let mut html = String::new();
    for line in lines {
        let text = escape(&line.text);
        html += &match line.tag {
            Tag::Equal => format!("<span class=\"same\">{text}</span>\n"),
            Tag::Insert => format!("<span class=\"added\">{text}</span>\n"),
            // A space, so that the line is as high as the others when it is blank.
            Tag::Delete => format!("<span class=\"removed\" data-text=\"{text} \"></span>"),
        };
    }
    html
}

fn code(language: &str, body: &str) -> String {
    // `ignore`: no button that would run it elsewhere.
    format!("<pre class=\"diff\"><code class=\"language-{language} ignore\">{body}</code></pre>")
}

fn language(path: &str) -> &'static str {
    match path.rsplit('.').next() {
        Some("rs") => "rust",
        Some("toml") => "toml",
        Some("html") => "html",
        Some("css") => "css",
        _ => "plaintext",
    }
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

/// A session with a terminal, line by line. The prompts are left to the style sheet: whoever
/// selects a command does not copy the `$` before it.
#[derive(Default)]
pub struct Session {
    /// Whether the line before is a command, which a line with `> ` continues.
    typing: bool,
}

impl Session {
    /// The first line of a block: what follows "```console", `,stage=04` for instance.
    pub fn begin(attributes: &str) -> String {
        let mut html = String::new();
        let mut kind = "";
        for attribute in attributes.split(',') {
            if let Some(stage) = attribute.strip_prefix("stage=") {
                html += &format!("<div class=\"on-stage\">while stage {stage} runs</div>\n\n");
            }
            if attribute == "log" {
                kind = " log";
            }
        }
        // The highlighter takes no notice of it.
        html + &format!("<pre class=\"session{kind}\"><code class=\"nohighlight\">")
    }

    /// Another line of the block, or its end.
    pub fn line(&mut self, line: &str) -> String {
        if line == "```" {
            return "</code></pre>\n".into();
        }
        let mut typed = line.strip_prefix("$ ").map(|command| ("$ ", command));
        if typed.is_none() && self.typing {
            typed = line.strip_prefix("> ").map(|command| ("&gt; ", command));
        }
        self.typing = typed.is_some();
        match typed {
            Some((prompt, command)) => {
                format!("<b data-text=\"{prompt}\">{}</b>\n", escape(command))
            }
            // What varies from run to run is a wildcard for the replay, and dots for readers.
            None => format!("{}\n", escape(&line.replace("[..]", "…"))),
        }
    }
}
