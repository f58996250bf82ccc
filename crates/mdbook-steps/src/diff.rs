//! What one stage changes in the files of the one before.

use std::collections::BTreeSet;
use std::ops::Range;

use similar::Algorithm;
use similar::ChangeTag;
use similar::TextDiff;

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
        let lines = lines(&text(before), &text(after));
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
    let mut lines = Vec::new();
    let diff = TextDiff::configure()
        .algorithm(Algorithm::Patience)
        .diff_slices(&old, &new);
    for change in diff.iter_all_changes() {
        lines.push(Line {
            tag: change.tag(),
            text: change.value().to_owned(),
        });
    }
    let mut at = 0;
    while let Some(run) = next_run(&lines, at) {
        at = slide(&mut lines, run);
    }
    lines
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
