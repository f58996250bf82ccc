//! What a reader sees of the program: pieces, checkpoints, what is broken.
//!
//! A piece is drawn from the program before it and the program after it, so it shows exactly
//! what somebody who types along has to do. In the HTML no block but `<pre>` has a blank line
//! in it: that would end the block in Markdown.

use crate::block;
use crate::block::Block;
use crate::diff;
use crate::diff::FileDiff;
use crate::diff::Line;
use crate::diff::Tag;
use crate::items::Item;
use crate::render;
use crate::render::escape;
use crate::stage::Stage;
use crate::whole::file_id;

const FOLD: &str = "<span class=\"fold\">⋮</span>\n";

/// A piece with its number, say `05·3`, which is also its address, `#s05-3`. Its first file
/// comes first.
pub fn piece(
    (chapter, nth): (u32, usize),
    before: &Stage,
    after: &Stage,
    note: &str,
    first: Option<&str>,
) -> String {
    let number =
        format!("<a class=\"number\" href=\"#s{chapter:02}-{nth}\">{chapter:02}·{nth}</a>");
    let mut html = format!("<figure class=\"step\" id=\"s{chapter:02}-{nth}\">\n");
    let mut diff = diff::between(Some(before), after);
    // What the author names is in front.
    diff.sort_by_key(|file| Some(file.path.as_str()) != first);
    html += &blocks(&diff, &number, note, Some(chapter));
    html + "</figure>\n\n"
}

/// Lines that are broken on purpose, in the program of a checkpoint: what to do, and how to
/// get back.
pub fn broken(before: &Stage, after: &Stage, fails: bool, checkpoint: &str) -> String {
    let look = match fails {
        true => "Change it and compile: the compiler refuses it.",
        false => "Change it and restart the server.",
    };
    let mut html = "<figure class=\"step broken\">\n".to_owned();
    let diff = diff::between(Some(before), after);
    html += &blocks(&diff, "<b class=\"number\">break it</b>", "", None);
    html += &format!(
        "<div class=\"also\">{look} Undo it afterwards. If that goes wrong, \
         <a href=\"welcome.html#how-to-read\"><code>mdbook-steps at {checkpoint}</code></a> \
         has the program as it was.</div>\n\n"
    );
    html + "</figure>\n\n"
}

/// The end of a step.
pub fn checkpoint(name: &str, says: &str) -> String {
    let (chapter, nth) = name.split_once('.').unwrap_or((name, ""));
    let mark = match says {
        "compiles" => "",
        _ => " class=\"says\"",
    };
    format!(
        "\n<p class=\"checkpoint\" id=\"c{chapter:0>2}-{nth}\"><b>{name}</b> <span{mark}>{says}</span></p>\n\n"
    )
}

fn blocks(diff: &[FileDiff], number: &str, note: &str, files: Option<u32>) -> String {
    let all: Vec<Block> = diff.iter().flat_map(block::blocks).collect();
    let note = match note {
        "" => String::new(),
        note => format!(" <em>{note}</em>"),
    };
    let mut html = String::new();
    for (at, block) in all.iter().enumerate() {
        let path = escape(&block.file.path);
        let path = match files {
            // What goes away is not among the files at the end of the chapter.
            Some(chapter) if !block.file.gone() => format!(
                "<a href=\"#{}\"><code>{path}</code></a>",
                file_id(chapter, &block.file.path)
            ),
            _ => format!("<code>{path}</code>"),
        };
        let (code, copies) = block.code();
        let place = format!("<span class=\"place\">{}</span>{copies}", block.place());
        let same_file = at > 0 && all[at - 1].file.path == block.file.path;
        if same_file && block.file.gone() {
            continue; // its first block has shown all of it
        }
        let place = match block.file.gone() {
            true => format!(" {place}"),
            false => format!(", {place}"),
        };
        html += &match at {
            0 => format!("<figcaption>{number} {path}{place}{note}</figcaption>\n\n"),
            _ if same_file => format!("<div class=\"also\">and{}</div>\n\n", &place[1..]),
            _ => format!("<div class=\"also\">and {path}{place}</div>\n\n"),
        };
        html += &format!("{code}\n\n");
    }
    html
}

impl Block<'_> {
    /// The lines, and for the copy button the whole items as they are now; with what it copies,
    /// in words, if one does not see all of it.
    fn code(&self) -> (String, String) {
        let mut body = String::new();
        let mut visible = String::new();
        let total = match &self.items[..] {
            _ if self.all_imports.is_some() => self.all_imports.clone().unwrap_or_default(),
            [item] if !item.is_import() => item.head..item.lines.end,
            [] if !self.file.path.ends_with(".rs") => 0..self.file.lines.len(),
            _ => self.ranges[0].start..self.ranges[self.ranges.len() - 1].end,
        };
        let mut cut = false;
        let mut end = total.start;
        for range in &self.ranges {
            if range.start > end {
                body += FOLD;
                cut = true;
            }
            body += &render::lines(self.lines(range.clone()));
            visible += &as_now(self.lines(range.clone()));
            end = range.end;
        }
        if end < total.end {
            body += FOLD;
            cut = true;
        }
        let language = render::language(&self.file.path);
        if self.file.gone() {
            let all = render::lines(&self.file.lines);
            let all = render::code("diff removes", language, &all, None);
            let count = self.file.lines.len();
            let fold = format!(
                "<details><summary>the {count} lines that go away</summary>\n\n{all}\n\n</details>"
            );
            return (fold, String::new());
        }
        if self.removes() {
            return (
                render::code("diff removes", language, &body, None),
                String::new(),
            );
        }
        let added = |lines: &[Line]| -> String {
            let added = lines.iter().filter(|line| line.tag == Tag::Insert);
            added.map(|line| format!("{}\n", line.text)).collect()
        };
        let new_lines = added(self.lines(self.changes.clone()));
        let items: Vec<&Item> = self.items.iter().filter(|item| !item.is_import()).collect();
        let copy = match &items[..] {
            _ if self.all_imports.is_some() => as_now(self.lines(total)),
            [item] => {
                let start = self.ranges[0].start.min(item.head).min(self.changes.start);
                as_now(self.lines(start..item.lines.end.max(self.changes.end)))
            }
            [first, .., last] => {
                let start = first.lines.start.min(self.changes.start);
                as_now(self.lines(start..last.lines.end.max(self.changes.end)))
            }
            [] => new_lines.clone(),
        };
        let replaces = copy != new_lines || self.replaces();
        let copies = match &items[..] {
            _ if self.all_imports.is_some() => " <small>copying takes all of them</small>".into(),
            [] if copy == visible => String::new(),
            [] if new_lines.trim_end().contains('\n') => {
                " <small>copying takes the new lines</small>".into()
            }
            [] => " <small>copying takes the new line</small>".into(),
            _ if !replaces => String::new(),
            [item] if item.name == "header" => " <small>copying takes all of it</small>".into(),
            items => {
                let name = |item: &&Item| format!("<code>{}</code>", escape(&item.name));
                let names: Vec<String> = items.iter().map(name).collect();
                format!(
                    " <small>copying takes all of {}</small>",
                    names.join(" and ")
                )
            }
        };
        let changes = self.lines(self.changes.clone());
        let plain = !cut && copy == visible && changes.iter().all(|line| line.tag != Tag::Delete);
        let code = render::code("diff", language, &body, (!plain).then_some(&copy));
        (code, copies)
    }
}

/// The lines without those that are gone.
fn as_now(lines: &[Line]) -> String {
    let mut text = String::new();
    for line in lines.iter().filter(|line| line.tag != Tag::Delete) {
        text += &format!("{}\n", line.text);
    }
    text
}
