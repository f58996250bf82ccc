//! What a reader sees of the program: pieces, checkpoints, what is broken, whole files.
//!
//! A piece is drawn from the program before it and the program after it, so it shows exactly
//! what somebody who types along has to do. In the HTML no block but `<pre>` has a blank line
//! in it: that would end the block in Markdown.

use std::ops::Range;

use crate::diff;
use crate::diff::FileDiff;
use crate::diff::Line;
use crate::diff::Tag;
use crate::items;
use crate::items::Item;
use crate::lesson::Lesson;
use crate::render;
use crate::render::CONTEXT;
use crate::render::escape;
use crate::stage::Stage;

/// So much of a line is quoted to say where a piece goes.
const QUOTED: usize = 44;
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

/// Lines that are broken on purpose.
pub fn broken(before: &Stage, after: &Stage, fails: bool) -> String {
    let note = match fails {
        true => "the compiler refuses it; put it back afterwards",
        false => "put it back afterwards",
    };
    let mut html = "<figure class=\"step broken\">\n".to_owned();
    let diff = diff::between(Some(before), after);
    html += &blocks(&diff, "<b class=\"number\">break it</b>", note, None);
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

/// What lies near each other in one file, or in one item.
struct Block<'a> {
    file: &'a FileDiff,
    /// The lines that are shown, without gaps inside.
    ranges: Vec<Range<usize>>,
    /// From the first changed line to the last.
    changes: Range<usize>,
    /// The items that are changed, outermost first if one is inside the other.
    items: Vec<Item>,
    /// The `impl` around it.
    outer: Option<Item>,
}

fn blocks(diff: &[FileDiff], number: &str, note: &str, files: Option<u32>) -> String {
    let mut all: Vec<Block> = Vec::new();
    for file in diff {
        let new = outline(file, Tag::Insert);
        let old = outline(file, Tag::Delete);
        for hunk in hunks(file, &new, &old) {
            let block = block(file, &new, &old, hunk);
            match all.last_mut() {
                Some(last) if is_same_item(last, &block) => {
                    last.changes.end = block.changes.end;
                    last.ranges.extend(block.ranges);
                }
                _ => all.push(block),
            }
        }
    }
    let note = match note {
        "" => String::new(),
        note => format!(" <em>{note}</em>"),
    };
    let mut html = String::new();
    for (at, block) in all.iter().enumerate() {
        let path = escape(&block.file.path);
        let path = match files {
            Some(chapter) => format!(
                "<a href=\"#{}\"><code>{path}</code></a>",
                file_id(chapter, &block.file.path)
            ),
            None => format!("<code>{path}</code>"),
        };
        let (code, copies) = block.code();
        let place = format!("<span class=\"place\">{}</span>{copies}", block.place());
        let same_file = at > 0 && all[at - 1].file.path == block.file.path;
        html += &match at {
            0 => format!("<figcaption>{number} {path}, {place}{note}</figcaption>\n\n"),
            _ if same_file => format!("<div class=\"also\">and {place}</div>\n\n"),
            _ => format!("<div class=\"also\">and {path}, {place}</div>\n\n"),
        };
        html += &format!("{code}\n\n");
    }
    html
}

/// Two changes far apart in one function are shown in one block, with a gap.
fn is_same_item(last: &Block, next: &Block) -> bool {
    let same_file = last.file.path == next.file.path;
    let (Some(a), Some(b)) = (last.items.last(), next.items.first()) else {
        return same_file && !last.file.path.ends_with(".rs");
    };
    same_file && a == b && !a.is_import()
}

/// The items of one side of a file, by their lines in the diff.
fn outline(file: &FileDiff, side: Tag) -> Vec<Item> {
    if !file.path.ends_with(".rs") {
        return Vec::new();
    }
    let on_side = |at: &usize| [Tag::Equal, side].contains(&file.lines[*at].tag);
    let places: Vec<usize> = (0..file.lines.len()).filter(on_side).collect();
    let lines: Vec<&str> = places.iter().map(|at| &*file.lines[*at].text).collect();
    let mut items = items::outline(&lines);
    for item in &mut items {
        move_to(item, &places);
    }
    items
}

fn move_to(item: &mut Item, places: &[usize]) {
    item.lines = places[item.lines.start]..places[item.lines.end - 1] + 1;
    item.head = places[item.head];
    item.children
        .iter_mut()
        .for_each(|child| move_to(child, places));
}

/// Runs of changes with little between them, in one item, or in whole items side by side.
fn hunks(file: &FileDiff, new: &[Item], old: &[Item]) -> Vec<Range<usize>> {
    let lines = &file.lines;
    let counts = |line: &Line| line.tag != Tag::Equal && !line.text.trim().is_empty();
    let mut hunks: Vec<Range<usize>> = Vec::new();
    let mut group = String::new();
    for (at, line) in lines.iter().enumerate().filter(|(_, line)| counts(line)) {
        let own = match (file.new, line.tag) {
            (true, _) => String::new(),
            (_, Tag::Delete) => group_of(lines, at, old, new),
            _ => group_of(lines, at, new, old),
        };
        match hunks.last_mut() {
            Some(last) if own == group && at <= last.end + 2 * CONTEXT => last.end = at + 1,
            _ => hunks.push(at..at + 1),
        }
        group = own;
    }
    hunks
}

/// What a changed line is drawn together with: the imports, items that come, items that go,
/// or the item that it changes.
fn group_of(lines: &[Line], at: usize, own: &[Item], other: &[Item]) -> String {
    let around = |items: &[Item]| items.iter().find(|item| item.lines.contains(&at)).cloned();
    let Some(item) = around(own) else {
        return String::new();
    };
    let twin = other.iter().find(|other| other.name == item.name);
    if item.is_import() {
        return "the imports".into();
    }
    let whole = |item: &Item| {
        let mut own = lines[item.lines.clone()].iter();
        let tag = lines[item.head].tag;
        tag != Tag::Equal && own.all(|line| line.tag == tag || line.text.trim().is_empty())
    };
    if twin.is_none() && whole(&item) {
        return format!("{:?}", lines[at].tag);
    }
    let has_twin = |child: &Item| {
        let mut others = twin.iter().flat_map(|twin| &twin.children);
        others.any(|other| other.name == child.name)
    };
    match around(&item.children) {
        Some(child) if !has_twin(&child) && whole(&child) => {
            format!("{} {:?}", item.name, lines[at].tag)
        }
        Some(child) => format!("{} {}", item.name, child.name),
        None => item.name,
    }
}

fn block<'a>(file: &'a FileDiff, new: &[Item], old: &[Item], hunk: Range<usize>) -> Block<'a> {
    let added = file.lines[hunk.clone()]
        .iter()
        .any(|line| line.tag == Tag::Insert);
    let mut outer = None;
    let mut items = touched(new, file, &hunk);
    if !added {
        // Where something only goes away, its name is on the other side.
        let gone = touched(old, file, &hunk);
        let whole = |item: &Item| hunk.start <= item.head && item.lines.end <= hunk.end;
        if items.is_empty()
            || gone.iter().any(whole)
            || gone.iter().any(|item| item.children.iter().any(whole))
        {
            items = gone;
        }
    }
    if let [item] = &items[..] {
        let inner = touched(&item.children, file, &hunk);
        // Its own first and last line may have changed, too.
        let frame = (hunk.start..hunk.end).any(|at| {
            let line = &file.lines[at];
            let inside = item.children.iter().any(|child| child.lines.contains(&at));
            line.tag != Tag::Equal
                && !line.text.trim().is_empty()
                && !inside
                && item.lines.contains(&at)
        });
        if !inner.is_empty() && !frame {
            outer = Some(item.clone());
            items = inner;
        }
    }
    let mut bounds = hunk.clone();
    if items.is_empty() && !file.path.ends_with(".rs") {
        bounds = 0..file.lines.len();
    } else if let (Some(first), Some(last)) = (items.first(), items.last()) {
        bounds = first.lines.start.min(hunk.start)..last.lines.end.max(hunk.end);
        if items.iter().all(Item::is_import) {
            bounds = neighbours(new, &bounds);
        }
    }
    let mut shown =
        hunk.start.saturating_sub(CONTEXT).max(bounds.start)..(hunk.end + CONTEXT).min(bounds.end);
    let blank = |at: usize| file.lines[at].text.trim().is_empty();
    let changed = |at: &usize| file.lines[*at].tag != Tag::Equal && !blank(*at);
    if let Some(above) = (shown.start..hunk.start).rfind(changed) {
        shown.start = above + 1;
    }
    if let Some(below) = (hunk.end..shown.end).find(changed) {
        shown.end = below;
    }
    while shown.start < hunk.start && blank(shown.start) {
        shown.start += 1;
    }
    // A comment without its line says nothing.
    let comment = |at: usize| file.lines[at].text.trim_start().starts_with("//");
    while shown.end > hunk.end && (blank(shown.end - 1) || comment(shown.end - 1)) {
        shown.end -= 1;
    }
    // The line that names the item is there to see, and a gap of two lines is no gap.
    let mut ranges = vec![shown.clone()];
    if let [item] = &items[..] {
        let mut end = item.head + 1;
        while end < shown.start && !file.lines[end - 1].text.ends_with(['{', ';', '(']) {
            end += 1;
        }
        if item.head < shown.start && !item.is_import() {
            match shown.start - end {
                0..=2 => ranges[0].start = item.head,
                _ => ranges.insert(0, item.head..end),
            }
        }
        if item.lines.end.saturating_sub(shown.end) <= 2 && !item.is_import() {
            let last = ranges.len() - 1;
            ranges[last].end = ranges[last].end.max(item.lines.end);
        }
    }
    Block {
        file,
        ranges,
        changes: hunk,
        items,
        outer,
    }
}

/// The items with a changed line in this range.
fn touched(items: &[Item], file: &FileDiff, range: &Range<usize>) -> Vec<Item> {
    let mut found = Vec::new();
    for item in items {
        let mut common = item.lines.start.max(range.start)..item.lines.end.min(range.end);
        if common
            .any(|at| file.lines[at].tag != Tag::Equal && !file.lines[at].text.trim().is_empty())
        {
            found.push(item.clone());
        }
    }
    found
}

/// The `use` lines, or `mod` lines, around these.
fn neighbours(outline: &[Item], lines: &Range<usize>) -> Range<usize> {
    let mut found = lines.clone();
    for item in outline.iter().rev().chain(outline) {
        let (start, end) = (item.lines.start, item.lines.end);
        // A blank line between groups is no border.
        if item.is_import() && end + 1 >= found.start && start <= found.end + 1 {
            found = found.start.min(start)..found.end.max(end);
        }
    }
    found
}

impl Block<'_> {
    fn lines(&self, range: Range<usize>) -> &[Line] {
        &self.file.lines[range]
    }

    /// Where it goes, as the reader would say it.
    fn place(&self) -> String {
        let file = self.file;
        if file.gone() {
            return "goes away".into();
        }
        if file.new {
            return "new file".into();
        }
        let first = self.changes.start;
        let removes = self.removes();
        let name = |item: &Item| format!("<code>{}</code>", escape(&item.name));
        let within = match &self.outer {
            Some(outer) => format!("in {}, ", name(outer)),
            None => String::new(),
        };
        let Some(item) = self.items.first() else {
            return format!(
                "{}{}",
                self.after(first, 0),
                if removes { ": goes away" } else { "" }
            );
        };
        let whole = |item: &&Item| {
            let range = item.lines.start.max(self.changes.start)..item.lines.end;
            range.end <= self.changes.end
                && item.head >= self.changes.start
                && self
                    .lines(range.clone())
                    .iter()
                    .all(|line| line.tag != Tag::Equal || line.text.trim().is_empty())
                && file.lines[item.head].tag == file.lines[range.end - 1].tag
                && self.lines(range).iter().all(|line| {
                    line.tag == file.lines[item.head].tag || line.text.trim().is_empty()
                })
        };
        if removes && self.items.iter().any(|item| whole(&item)) {
            let gone: Vec<String> = self.items.iter().filter(whole).map(name).collect();
            let verb = if gone.len() == 1 { "goes" } else { "go" };
            return format!(
                "{within}{}: {} {verb} away",
                self.after(first, 0),
                gone.join(", ")
            );
        }
        if whole(&item) || item.name == "header" {
            let bound = self.outer.as_ref().map_or(0, |outer| outer.head + 1);
            return format!("{within}{}", self.after(first, bound));
        }
        let goes = if removes { ": goes away" } else { "" };
        if first <= item.head {
            return format!("{within}{}{goes}", name(item));
        }
        format!(
            "{within}in {}, {}{goes}",
            name(item),
            self.after(first, item.head)
        )
    }

    /// `after fn accept`, `after let a = 1;`, `in place of let b = 2;`
    fn after(&self, first: usize, bound: usize) -> String {
        let file = self.file;
        let quoted = |at: usize| {
            let text = file.lines[at].text.trim();
            let mut short: String = text.chars().take(QUOTED).collect();
            if short.len() < text.len() {
                short.push('…');
            }
            format!("<code>{}</code>", escape(&short))
        };
        let replaced = file.lines[first].tag == Tag::Delete && !self.removes();
        if replaced {
            return format!("in place of {}", quoted(first));
        }
        let telling = |at: &usize| {
            file.lines[*at].tag != Tag::Insert && !file.lines[*at].text.trim().is_empty()
        };
        let Some(last) = (bound..first).rfind(telling) else {
            return match bound {
                0 => "at the top".into(),
                _ => "first of all".into(),
            };
        };
        // After a whole item its name says more than its last brace.
        let closes = |at: usize| file.lines[at].text.trim().trim_end_matches([';', ',']) == "}";
        if closes(last) {
            let old = outline(file, Tag::Delete);
            let mut all: Vec<&Item> = old.iter().flat_map(|item| &item.children).collect();
            all.extend(&old);
            if let Some(item) = all.iter().find(|item| item.lines.end == last + 1) {
                return format!("after <code>{}</code>", escape(&item.name));
            }
        }
        format!("after {}", quoted(last))
    }

    fn removes(&self) -> bool {
        self.lines(self.changes.clone())
            .iter()
            .all(|line| line.tag != Tag::Insert)
    }

    /// The lines, and for the copy button the whole items as they are now; with what it copies,
    /// in words, if one does not see all of it.
    fn code(&self) -> (String, String) {
        let mut body = String::new();
        let mut visible = String::new();
        let total = match &self.items[..] {
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
        let items: Vec<&Item> = self.items.iter().filter(|item| !item.is_import()).collect();
        let copy = if let [first, .., last] | [first @ last] = &items[..] {
            let start = first.lines.start.min(self.changes.start);
            as_now(self.lines(start..last.lines.end.max(self.changes.end)))
        } else {
            let added = self.lines(self.changes.clone()).iter();
            let added = added.filter(|line| line.tag == Tag::Insert);
            added.map(|line| format!("{}\n", line.text)).collect()
        };
        let changes = self.lines(self.changes.clone());
        let plain = !cut && copy == visible && changes.iter().all(|line| line.tag != Tag::Delete);
        let copies = match &items[..] {
            _ if !cut => String::new(),
            [] => " <small>copying takes the new lines</small>".into(),
            [item, ..] => {
                let name = escape(&item.name);
                format!(" <small>copying takes all of <code>{name}</code></small>")
            }
        };
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

fn file_id(chapter: u32, path: &str) -> String {
    format!("f{chapter:02}-{}", escape(&path.replace('/', "-")))
}

/// Every file as it is now, folded, with what the chapter has added tinted and linked to the
/// piece that shows it.
///
/// The text is in elements that mdBook's search leaves out: it would find each line twice.
/// They are data for nobody, not JavaScript, and the style sheet shows them.
pub fn whole_files(
    lesson: &Lesson,
    typed: &Stage,
    shown_by: &dyn Fn(usize) -> Option<usize>,
) -> String {
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
                        // A blank line between two pieces belongs to none: let the next have it.
                        Some(last) if last.1 == new && last.2.trim().is_empty() => {
                            last.0 = pieces[at];
                            last.2 += &format!("{}\n", line.text);
                        }
                        Some(last)
                            if last.1 == new
                                && (last.0 == pieces[at] || line.text.trim().is_empty()) =>
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
