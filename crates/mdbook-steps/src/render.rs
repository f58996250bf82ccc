//! HTML for the book. No JavaScript; `docs/steps.css` gives it its looks.
//!
//! No line of it is blank, for a blank line would end the block of HTML in Markdown.

use crate::diff::FileDiff;
use crate::diff::Line;
use crate::diff::Tag;

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

/// The whole diff in a fold, file by file.
pub fn whole_diff(diff: &[FileDiff]) -> String {
    let count = |tag| {
        diff.iter()
            .flat_map(|file| &file.lines)
            .filter(|line| line.tag == tag)
            .count()
    };
    let mut html = format!(
        "## The whole diff\n\n<details class=\"whole-diff\"><summary>All changes in one place: <ins>+{}</ins> <del>−{}</del> with comments and blank lines</summary>\n\n",
        count(Tag::Insert),
        count(Tag::Delete)
    );
    for file in diff {
        html += &format!(
            "<figure class=\"step\">\n<figcaption><code>{}</code></figcaption>\n\n{}\n\n</figure>\n\n",
            escape(&file.path),
            code("diff", language(&file.path), &unified(&file.lines), None)
        );
    }
    html + "</details>\n"
}

/// So many lines that stay are shown around a change.
pub const CONTEXT: usize = 3;

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
            html += "<span class=\"fold\">⋮</span>\n";
        }
        html += &lines(std::slice::from_ref(line));
    }
    html
}

/// Each line in a span that tells what became of it. Removed lines are text, too.
pub fn lines(lines: &[Line]) -> String {
    let mut html = String::new();
    for line in lines {
        let text = escape(&line.text);
        html += &match line.tag {
            Tag::Equal => format!("<span class=\"same\">{text}</span>\n"),
            Tag::Insert => format!("<span class=\"added\">{text}</span>\n"),
            Tag::Delete => format!("<del class=\"removed\">{text}</del>\n"),
        };
    }
    html
}

/// A block of code that the browser colours. The copy button of mdBook takes the first
/// `<code>` in it: that is what is given for copying, if it is not what one sees.
pub fn code(class: &str, language: &str, body: &str, copy: Option<&str>) -> String {
    let first = copy.map_or_else(String::new, |copy| {
        let data = data("", copy);
        format!("<code class=\"nohighlight\" hidden>{data}</code>")
    });
    // For Markdown the block ends with the data, or else with `</pre>`: one line, then.
    let body = body.replace('\n', "&#10;");
    // `ignore`: no button that would run it elsewhere.
    format!(
        "<pre class=\"{class}\">{first}<code class=\"language-{language} ignore\">{body}</code></pre>"
    )
}

/// Text that the search of mdBook leaves out, in elements that begin a line each. Each is a
/// block of its own, so its last line end is left out.
pub fn unsearched(class: &str, text: &str) -> String {
    let mut html = String::new();
    let mut part = String::new();
    for line in text.split_inclusive('\n') {
        if !ends_a_block(line) {
            part += line;
            continue;
        }
        // Such a line is searched, like any other text.
        if !part.is_empty() {
            html += &format!("\n{}", data(class, without_end(&part)));
            part.clear();
        }
        html += "\n";
        html += &format!("<span class=\"{class}\">{}</span>", escape(line.trim_end()));
    }
    if !part.is_empty() {
        html += &format!("\n{}", data(class, without_end(&part)));
    }
    html
}

fn without_end(text: &str) -> &str {
    text.strip_suffix('\n').unwrap_or(text)
}

/// Would Markdown end the block of HTML here, or the browser the data?
fn ends_a_block(text: &str) -> bool {
    let ends = ["</pre", "</script", "</style", "</textarea", "<!--"];
    ends.iter().any(|end| text.contains(end))
}

/// A block of data: text for the browser, but neither a script nor searched.
fn data(class: &str, text: &str) -> String {
    if ends_a_block(text) {
        return format!(
            "<span class=\"{class}\">{}</span>",
            escape(text).replace('\n', "&#10;")
        );
    }
    let class = match class {
        "" => String::new(),
        class => format!(" class=\"{class}\""),
    };
    format!("<script type=\"text/plain\"{class}>{text}</script>")
}

/// What the highlighter calls a file's language.
pub fn language(path: &str) -> &'static str {
    match path.rsplit('.').next() {
        Some("rs") => "rust",
        Some("toml") => "toml",
        Some("html") => "html",
        Some("css") => "css",
        _ => "plaintext",
    }
}

/// A session with a terminal, line by line. The prompts are left to the style sheet: whoever
/// selects a command does not copy the `$` before it.
#[derive(Default)]
pub struct Session {
    /// Whether the line before is a command, which a line with `> ` continues.
    typing: bool,
}

impl Session {
    /// The first line of a block: what follows "```console", `,stage=04` for instance. In the
    /// chapter after that stage it's the program that a reader has at this point, whoever has
    /// typed it.
    pub fn begin(attributes: &str, chapter: Option<u32>) -> String {
        let mut html = String::new();
        let mut kind = "";
        for attribute in attributes.split(',') {
            if let Some(stage) = attribute.strip_prefix("stage=") {
                let so_far = stage.parse().ok().map(|stage: u32| stage + 1);
                let runs = match so_far.is_some() && so_far == chapter {
                    true => format!("with the program as stage {stage} left it"),
                    false => format!("while stage {stage} runs"),
                };
                html += &format!("<div class=\"on-stage\">{runs}</div>\n\n");
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
