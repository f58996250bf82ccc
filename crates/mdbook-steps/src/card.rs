//! The card at the head of a chapter, and the table of sizes.

use crate::checks;
use crate::diff::Tag;
use crate::directive::Arguments;
use crate::lesson::Lesson;
use crate::render;
use crate::sizes;
use crate::stage::Stage;
use crate::units::Kind;
use crate::units::Unit;

/// The card at the head of a chapter.
pub fn card(lesson: &Lesson, text: &str, arguments: &Arguments) -> Result<String, String> {
    let size = sizes::size(lesson.before, lesson.stage);
    let mut files = Vec::new();
    for file in &lesson.diff {
        let new = if file.new && lesson.before.is_some() {
            " (new)"
        } else {
            ""
        };
        let shown =
            |unit: &&Unit| unit.kind != Kind::Silent && lesson.diff[unit.file].path == file.path;
        if lesson.units.iter().any(|unit| shown(&unit)) {
            files.push(format!("<code>{}</code>{new}", render::escape(&file.path)));
        }
    }
    let mut rows = vec![
        (
            "Run it",
            format!(
                "<code>cargo run -p {}</code> (in a folder of your own: <code>cargo run</code>)",
                lesson.stage.name
            ),
        ),
        (
            "Files",
            format!(
                "{} in <code>crates/{}</code>",
                files.join(", "),
                lesson.stage.name
            ),
        ),
        (
            "Code",
            format!(
                "<ins>+{}</ins> <del>−{}</del> lines",
                size.added, size.removed
            ),
        ),
    ];
    for (key, value) in arguments {
        match key.as_str() {
            "see" => rows.push(("You will see", render::inline(value))),
            "rfc" => rows.push(("RFC", checks::rfc(value)?)),
            _ => {
                return Err(format!(
                    "{{{{#card}}}} takes see=\"…\" and rfc=\"…\", not {key}"
                ));
            }
        }
    }
    rows.push(("Reading time", format!("{} minutes", minutes(lesson, text))));
    let mut html = String::from("<table class=\"card\">\n");
    for (name, value) in rows {
        html += &format!("<tr><th>{name}</th><td>{value}</td></tr>\n");
    }
    Ok(html + "</table>\n")
}

/// Prose and comments at 230 words a minute, a new line of code at 4 seconds, a line of a
/// session at 2. What only needs a glance takes one: a removed line, a `use`, a line of a
/// page or style sheet. A file that goes away is not read.
fn minutes(lesson: &Lesson, text: &str) -> usize {
    let (mut words, mut lines, mut glances) = (0, 0, 0);
    let mut fenced = false;
    for line in text.lines() {
        if line.starts_with("```") {
            fenced = !fenced;
        } else if fenced {
            glances += 2;
        } else if !line.starts_with("{{#") {
            words += line.split_whitespace().count();
        }
    }
    for file in lesson.diff.iter().filter(|file| !file.gone()) {
        let changed = file.lines.iter().filter(|line| line.tag != Tag::Equal);
        for line in changed {
            let text = line.text.trim();
            let is_code = file.path.ends_with(".rs") && !text.starts_with("use ");
            if text.starts_with("//") {
                words += text.split_whitespace().count();
            } else if is_code && line.tag == Tag::Insert && !text.is_empty() {
                lines += 1;
            } else {
                glances += 1;
            }
        }
    }
    (words * 60 / 230 + lines * 4 + glances).div_ceil(60)
}

/// What each stage adds and removes.
pub fn sizes_table(stages: &[Stage]) -> String {
    let mut html = String::from(
        "<table class=\"sizes\">\n<thead><tr><th>stage</th><th>added</th><th>removed</th></tr></thead>\n<tbody>\n",
    );
    for (stage, size) in sizes::sizes(stages) {
        html += &format!(
            "<tr><td><code>{}</code></td><td><ins>+{}</ins></td><td><del>−{}</del></td></tr>\n",
            stage.name, size.added, size.removed
        );
    }
    html + "</tbody>\n</table>\n"
}
