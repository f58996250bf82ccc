//! What one stage changes in the files of the one before.

use std::collections::BTreeSet;
use std::ops::Range;

use similar::Algorithm;
use similar::ChangeTag;
use similar::DiffTag;
use similar::TextDiff;

use crate::items;
use crate::items::Item;
use crate::stage::Stage;

/// What became of a line.
pub type Tag = ChangeTag;

/// A line, and what became of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// Kept, added or removed.
    pub tag: Tag,
    /// The line without its end.
    pub text: String,
}

/// One file's way from one stage to the next: all its lines, those that stay among them.
#[derive(Debug, Clone)]
pub struct FileDiff {
    /// The path inside the crate.
    pub path: String,
    /// Was there no such file before?
    pub new: bool,
    /// The lines, removed ones before those that replace them.
    pub lines: Vec<Line>,
}

impl FileDiff {
    /// Does the whole file go away?
    pub fn gone(&self) -> bool {
        self.lines.iter().all(|line| line.tag == Tag::Delete)
    }
}

/// The changed files from `old` (nothing, before the first stage) to `new`.
pub fn between(old: Option<&Stage>, new: &Stage) -> Vec<FileDiff> {
    let mut paths: BTreeSet<&String> = new.files.keys().collect();
    paths.extend(old.iter().flat_map(|stage| stage.files.keys()));
    let mut diffs = Vec::new();
    for path in paths {
        let before = old.and_then(|stage| stage.files.get(path));
        let after = new.files.get(path);
        if before == after {
            continue;
        }
        let text = |side: Option<&String>| side.cloned().unwrap_or_default();
        let (before_text, after_text) = (text(before), text(after));
        let lines = match path.ends_with(".rs") {
            true => by_items(&before_text, &after_text),
            false => lines(&before_text, &after_text),
        };
        diffs.push(FileDiff {
            path: path.clone(),
            new: before.is_none(),
            lines,
        });
    }
    diffs
}

/// The line diff of two texts, its changes put where a reader would put them.
pub fn lines(old: &str, new: &str) -> Vec<Line> {
    let (old, new): (Vec<&str>, Vec<&str>) = (old.lines().collect(), new.lines().collect());
    of_slices(&old, &new)
}

fn of_slices(old: &[&str], new: &[&str]) -> Vec<Line> {
    let mut lines = Vec::new();
    let diff = TextDiff::configure()
        .algorithm(Algorithm::Patience)
        .diff_slices(old, new);
    for change in diff.iter_all_changes() {
        lines.push(Line {
            tag: change.tag(),
            text: change.value().to_owned(),
        });
    }
    slide_all(&mut lines);
    lines
}

/// The diff of two Rust files, item by item: no line of a function stands for a line of
/// another one, not even a brace.
pub fn by_items(old: &str, new: &str) -> Vec<Line> {
    let (old, new): (Vec<&str>, Vec<&str>) = (old.lines().collect(), new.lines().collect());
    let outlines = (items::outline(&old), items::outline(&new));
    let mut lines = Vec::new();
    align(
        &parts(&old, 0..old.len(), &outlines.0),
        &parts(&new, 0..new.len(), &outlines.1),
        &mut lines,
    );
    slide_all(&mut lines);
    lines
}

/// A part of a file: an item, or what is between two of them.
struct Part<'a> {
    /// The item's name; nothing for what is between, but a word for what is before the first
    /// and after the last: so the braces of an `impl` find each other.
    key: String,
    lines: &'a [&'a str],
    /// What an `impl` is made of.
    inner: Vec<Part<'a>>,
}

fn parts<'a>(lines: &'a [&'a str], range: Range<usize>, items: &[Item]) -> Vec<Part<'a>> {
    let mut parts: Vec<Part> = Vec::new();
    let between = |from: usize, to: usize, key: &str, parts: &mut Vec<Part<'a>>| {
        if from < to {
            parts.push(Part {
                key: key.to_owned(),
                lines: &lines[from..to],
                inner: Vec::new(),
            });
        }
    };
    let mut at = range.start;
    for item in items {
        let key = if at == range.start { "the top" } else { "" };
        between(at, item.lines.start, key, &mut parts);
        let inner = match item.children.is_empty() {
            true => Vec::new(),
            false => self::parts(lines, item.lines.clone(), &item.children),
        };
        let times = parts
            .iter()
            .filter(|part| part.key.split('#').next() == Some(&item.name));
        let key = match times.count() {
            0 => item.name.clone(),
            times => format!("{}#{times}", item.name),
        };
        parts.push(Part {
            key,
            lines: &lines[item.lines.clone()],
            inner,
        });
        at = item.lines.end;
    }
    between(at, range.end, "the end", &mut parts);
    parts
}

fn align(old: &[Part], new: &[Part], lines: &mut Vec<Line>) {
    let keys =
        |parts: &[Part]| -> Vec<String> { parts.iter().map(|part| part.key.clone()).collect() };
    let (old_keys, new_keys) = (keys(old), keys(new));
    let ops = similar::capture_diff_slices(Algorithm::Patience, &old_keys, &new_keys);
    for op in ops {
        let (old, new) = (&old[op.old_range()], &new[op.new_range()]);
        if op.tag() == DiffTag::Equal {
            for (old, new) in old.iter().zip(new) {
                pair(old, new, lines);
            }
            continue;
        }
        // One that has another name, or another head, but is still the same
        let mut rest = new;
        for old in old {
            let twin = rest.iter().position(|new| is_twin(old, new));
            let Some(at) = twin else {
                push(Tag::Delete, old.lines, lines);
                continue;
            };
            rest[..at]
                .iter()
                .for_each(|new| push(Tag::Insert, new.lines, lines));
            pair(old, &rest[at], lines);
            rest = &rest[at + 1..];
        }
        rest.iter()
            .for_each(|new| push(Tag::Insert, new.lines, lines));
    }
}

fn pair(old: &Part, new: &Part, lines: &mut Vec<Line>) {
    if !old.inner.is_empty() && !new.inner.is_empty() {
        return align(&old.inner, &new.inner, lines);
    }
    lines.extend(of_slices(old.lines, new.lines));
}

fn push(tag: Tag, texts: &[&str], lines: &mut Vec<Line>) {
    lines.extend(texts.iter().map(|text| Line {
        tag,
        text: (*text).to_owned(),
    }));
}

/// Are these two the same kind of item, and mostly the same lines?
fn is_twin(old: &Part, new: &Part) -> bool {
    let kind = |part: &Part| part.key.split([' ', '<']).next().map(str::to_owned);
    let same = TextDiff::from_slices(old.lines, new.lines).ratio() > 0.5;
    !old.key.is_empty() && kind(old) == kind(new) && old.lines.len() > 2 && same
}

/// Moves all runs of changes to where they read best.
fn slide_all(lines: &mut [Line]) {
    let mut at = 0;
    while let Some(run) = next_run(lines, at) {
        at = slide(lines, run);
    }
}

/// The next lines from `at` on that were all added, or all removed.
fn next_run(lines: &[Line], at: usize) -> Option<Range<usize>> {
    let start = at + lines[at..].iter().position(|line| line.tag != Tag::Equal)?;
    let tag = lines[start].tag;
    let length = lines[start..]
        .iter()
        .take_while(|line| line.tag == tag)
        .count();
    Some(start..start + length)
}

/// A function added after another can be told in several ways: as `fn b() { … }`, or as
/// `… } fn b() {`, when the last brace is the same line. All are the same change.
/// This moves the run to the most readable of those places and gives the run's end.
fn slide(lines: &mut [Line], run: Range<usize>) -> usize {
    let tag = lines[run.start].tag;
    let kept = |at: usize| lines.get(at).is_some_and(|line| line.tag == Tag::Equal);
    let bounded = run.start == 0 || kept(run.start - 1);
    if !bounded || (run.end < lines.len() && !kept(run.end)) {
        return run.end; // it replaces lines: there is one place only
    }
    let length = run.len();
    let (mut first, mut last) = (run.start, run.start);
    while first > 0 && kept(first - 1) && lines[first - 1].text == lines[first + length - 1].text {
        first -= 1;
    }
    while kept(last + length) && lines[last].text == lines[last + length].text {
        last += 1;
    }
    let best = (first..=last)
        .min_by_key(|&start| awkward(lines, start, length))
        .unwrap_or(run.start);
    for (at, line) in lines.iter_mut().enumerate().take(last + length).skip(first) {
        line.tag = if (best..best + length).contains(&at) {
            tag
        } else {
            Tag::Equal
        };
    }
    best + length
}

/// How badly a run of changes reads that starts here: least if it begins a paragraph.
fn awkward(lines: &[Line], start: usize, length: usize) -> (bool, usize, usize) {
    let blank = |at: usize| lines[at].text.trim().is_empty();
    let first = (start..start + length)
        .find(|&at| !blank(at))
        .unwrap_or(start);
    let code = lines[first].text.trim_start();
    let closes = code.starts_with(['}', ')', ']', ',']);
    let indent = lines[first].text.len() - code.len();
    let position = match (start == 0 || blank(start - 1), blank(start)) {
        (true, false) => 0,
        (_, true) => 1,
        (false, false) => 2,
    };
    (closes, indent, position)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(old: &str, new: &str) -> String {
        let mut shown = String::new();
        for line in lines(old, new) {
            shown += match line.tag {
                Tag::Equal => " ",
                Tag::Delete => "-",
                Tag::Insert => "+",
            };
            shown += &line.text;
            shown.push('\n');
        }
        shown
    }

    #[test]
    fn an_added_function_is_shown_from_its_first_line_to_its_last() {
        let old = "/// A.\nfn a() {\n    x();\n}\n\n/// C.\nfn c() {\n    x();\n}\n";
        let new = "/// A.\nfn a() {\n    x();\n}\n\n/// B.\nfn b() {\n    x();\n}\n\n/// C.\nfn c() {\n    x();\n}\n";
        let expected = " /// A.\n fn a() {\n     x();\n }\n \n+/// B.\n+fn b() {\n+    x();\n+}\n+\n /// C.\n fn c() {\n     x();\n }\n";
        assert_eq!(shown(old, new), expected);
    }

    #[test]
    fn a_brace_of_one_function_is_never_that_of_another() {
        let old = "fn a() {\n    if x {\n        y();\n    }\n}\n";
        let new = "fn a() {\n    b();\n}\n\nfn b() {\n    if x {\n        y();\n    }\n}\n";
        let mut shown = String::new();
        for line in by_items(old, new) {
            shown += &format!("{:?} {}\n", line.tag, line.text);
        }
        let kept: Vec<&str> = shown
            .lines()
            .filter(|line| line.starts_with("Equal"))
            .collect();
        assert_eq!(kept, ["Equal fn a() {", "Equal }"], "{shown}");
        assert!(shown.contains("Delete     if x {"), "{shown}");
    }

    #[test]
    fn a_derive_stays_with_its_struct() {
        let old = "#[derive(A)]\nstruct C;\n";
        let new = "#[derive(A)]\nstruct B;\n\n#[derive(A)]\nstruct C;\n";
        let expected = "+#[derive(A)]\n+struct B;\n+\n #[derive(A)]\n struct C;\n";
        assert_eq!(shown(old, new), expected);
    }

    #[test]
    fn a_replaced_line_stays_where_it_is() {
        assert_eq!(shown("a\nb\nc\n", "a\nB\nc\n"), " a\n-b\n+B\n c\n");
    }
}
