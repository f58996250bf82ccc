//! Whole files, as they are at the end of a chapter.

use crate::diff::Tag;
use crate::lesson::Lesson;
use crate::render;
use crate::render::escape;
use crate::stage::Stage;

/// The address of a file on a chapter's page.
pub fn file_id(chapter: u32, path: &str) -> String {
    format!("f{chapter:02}-{}", escape(&path.replace('/', "-")))
}

/// Every file as it is now, folded, with what the chapter has added tinted and linked to the
/// piece that shows it.
///
/// The text is in elements that mdBook's search leaves out: it would find each line twice.
/// They are data for nobody, not JavaScript, and the style sheet shows them.
pub fn files(lesson: &Lesson, typed: &Stage, shown_by: &dyn Fn(usize) -> Option<usize>) -> String {
    let chapter = lesson.stage.number;
    let mut html = "## Every file as it is now\n\n".to_owned();
    html += "Lines of this chapter are tinted. The numbers lead to the piece that shows them.\n\n";
    for (path, text) in &typed.files {
        // The reader's own `Cargo.toml` is not ours, line by line.
        let is_ours = lesson.stage.files.get(path) == Some(text);
        let place = lesson
            .diff
            .iter()
            .position(|file| is_ours && file.path == *path);
        let mut runs: Vec<(Option<usize>, bool, String)> = Vec::new();
        match place {
            None => runs.push((None, false, text.clone())),
            Some(file) => {
                let mut pieces = vec![None; lesson.diff[file].lines.len()];
                for (at, unit) in lesson
                    .units
                    .iter()
                    .enumerate()
                    .filter(|(_, unit)| unit.file == file)
                {
                    for line in &unit.lines {
                        pieces[*line] = shown_by(at);
                    }
                }
                for (at, line) in lesson.diff[file].lines.iter().enumerate() {
                    let new = line.tag == Tag::Insert;
                    match runs.last_mut() {
                        _ if line.tag == Tag::Delete => {}
                        // A blank line begins nothing.
                        Some(last)
                            if line.text.trim().is_empty()
                                || (last.1 == new && last.0 == pieces[at]) =>
                        {
                            last.2 += &format!("{}\n", line.text);
                        }
                        _ => runs.push((pieces[at], new, format!("{}\n", line.text))),
                    }
                }
            }
        }
        let new: usize = runs
            .iter()
            .filter(|run| run.1)
            .map(|run| run.2.lines().count())
            .sum();
        let plus = if new > 0 {
            format!(" <ins>+{new}</ins>")
        } else {
            String::new()
        };
        html += &format!(
            "<details class=\"whole-file\"><summary><code>{}</code>{plus}</summary>\n\n",
            escape(path)
        );
        // A link to what is inside opens the fold.
        let id = file_id(chapter, path);
        html += &format!("<pre class=\"file\" id=\"{id}\"><code class=\"nohighlight\">");
        for (piece, new, text) in runs {
            if let Some(piece) = piece {
                html += &format!(
                    "<a class=\"from\" href=\"#s{chapter:02}-{piece}\" aria-label=\"piece {piece}\" data-text=\"{chapter:02}·{piece}\"></a>"
                );
            }
            html += &render::unsearched(if new { "added" } else { "same" }, &text);
        }
        html += "</code></pre>\n\n</details>\n\n";
    }
    html
}
