//! The pieces in which a chapter shows its diff.
//!
//! A piece is a run of changes with little between them, as in `diff -u`. One that would
//! not fit on a screen is cut at the items of the file: functions, structs, the `use` block.

use std::ops::Range;

use crate::diff::FileDiff;
use crate::diff::Line;
use crate::diff::Tag;

/// How many unchanged lines stand around a change.
pub const CONTEXT: usize = 3;
/// What fits on a screen.
const SCREEN: usize = 40;

/// A part of the diff that a chapter shows at one place.
#[derive(Debug, Clone)]
pub struct Piece {
    /// Which file of the diff it is in.
    pub file: usize,
    /// From its first changed line to its last, in the lines of that file.
    pub lines: Range<usize>,
    /// The same with context, which does not reach into neighbouring items.
    pub shown: Range<usize>,
    /// The item that encloses it, if one does: all its lines.
    pub item: Option<Item>,
    /// The file and the items, for people.
    pub place: String,
    /// May it be left out? Only the crate's name in `Cargo.toml` may.
    pub optional: bool,
}

/// A function, a struct, an `impl`, the `use` block …
#[derive(Debug, Clone)]
pub struct Item {
    /// Its lines, the comment above it among them.
    pub lines: Range<usize>,
    /// The line that names it.
    pub head: usize,
    /// `fn main`, say.
    pub name: String,
}

impl Piece {
    /// Has it an added or removed line with this text, at a place with that text?
    pub fn matches(&self, diff: &[FileDiff], text: &str, place: &str) -> bool {
        self.place.contains(place) && self.changed(diff).any(|line| line.text.contains(text))
    }

    /// Its added and removed lines.
    pub fn changed<'a>(&self, diff: &'a [FileDiff]) -> impl Iterator<Item = &'a Line> {
        let lines = &diff[self.file].lines[self.lines.clone()];
        lines.iter().filter(|line| line.tag != Tag::Equal)
    }
}

/// All pieces of a diff, in the order of the files.
pub fn pieces(diff: &[FileDiff]) -> Vec<Piece> {
    let mut pieces = Vec::new();
    for (at, file) in diff.iter().enumerate() {
        let outline = outline(file);
        for hunk in hunks(&file.lines) {
            for lines in cut(file, &outline, hunk) {
                pieces.push(piece(at, file, &outline, lines));
            }
        }
    }
    pieces
}

/// The directive that shows one of the pieces and no other.
pub fn directive(diff: &[FileDiff], pieces: &[Piece], wanted: &Piece) -> String {
    let unique = |text: &str, place: &str| {
        pieces
            .iter()
            .filter(|piece| piece.matches(diff, text, place))
            .count()
            == 1
    };
    let mut changed: Vec<&Line> = wanted.changed(diff).collect();
    changed.retain(|line| !line.text.trim().is_empty());
    // The line that names an item is the best to remember, and it should be there to see.
    changed.sort_by_key(|line| {
        let names = item_name(line.text.trim()).is_some_and(|name| !name.starts_with("the "));
        (!names, line.tag == Tag::Delete)
    });
    let lines: Vec<&str> = changed.iter().map(|line| line.text.trim()).collect();
    for place in ["", &diff[wanted.file].path, &wanted.place] {
        if let Some(text) = lines.iter().find(|text| unique(text, place)) {
            let inside = if place.is_empty() {
                String::new()
            } else {
                format!(" in {}", quote(place))
            };
            return format!("{{{{#step {}{inside}}}}}", quote(text));
        }
    }
    format!(
        "{{{{#step {}}}}} (nothing in it is unique)",
        quote(lines.first().unwrap_or(&""))
    )
}

fn quote(text: &str) -> String {
    match (text.contains('"'), text.contains('\'')) {
        (true, false) => format!("'{text}'"),
        _ => format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\"")),
    }
}

/// Runs of changes with at most twice the context between them.
fn hunks(lines: &[Line]) -> Vec<Range<usize>> {
    let mut hunks: Vec<Range<usize>> = Vec::new();
    for (at, line) in lines.iter().enumerate() {
        match hunks.last_mut() {
            _ if line.tag == Tag::Equal => {}
            Some(last) if at <= last.end + 2 * CONTEXT => last.end = at + 1,
            _ => hunks.push(at..at + 1),
        }
    }
    hunks
        .into_iter()
        .filter_map(|hunk| trim(lines, hunk))
        .collect()
}

/// The range from the first line to the last that are changed and not blank.
fn trim(lines: &[Line], range: Range<usize>) -> Option<Range<usize>> {
    let counts = |&at: &usize| lines[at].tag != Tag::Equal && !lines[at].text.trim().is_empty();
    let first = range.clone().find(counts)?;
    let last = range.rev().find(counts)?;
    Some(first..last + 1)
}

/// Cuts what is longer than a screen at its items; an `impl` at its methods; what has no
/// items at blank lines. A file that goes away is not read, so it stays in one piece.
fn cut(file: &FileDiff, outline: &[Item], hunk: Range<usize>) -> Vec<Range<usize>> {
    if hunk.len() <= SCREEN || file.gone() {
        return vec![hunk];
    }
    let mut parts = Vec::new();
    for part in cut_at(outline.iter().map(|item| item.lines.start), &hunk) {
        if part.len() <= SCREEN {
            parts.push(part);
        } else if is_rust(file) {
            let methods = items(&file.lines, part.clone(), 4);
            // The line `impl … {` stays with the first method.
            let heads = outline
                .iter()
                .filter(|item| part.contains(&item.head))
                .count();
            parts.extend(cut_at(
                methods.iter().skip(heads).map(|item| item.lines.start),
                &part,
            ));
        } else {
            parts.extend(paragraphs(&file.lines, part));
        }
    }
    parts
        .into_iter()
        .filter_map(|part| trim(&file.lines, part))
        .collect()
}

fn cut_at(places: impl Iterator<Item = usize>, range: &Range<usize>) -> Vec<Range<usize>> {
    let mut parts = Vec::new();
    let mut start = range.start;
    for place in places.filter(|place| range.contains(place) && *place > range.start) {
        parts.push(start..place);
        start = place;
    }
    parts.push(start..range.end);
    parts
}

/// As many paragraphs as fit on a screen, and again.
fn paragraphs(lines: &[Line], range: Range<usize>) -> Vec<Range<usize>> {
    let mut parts = Vec::new();
    let mut start = range.start;
    let mut end = range.start; // of the last paragraph that still fits
    for at in range.clone() {
        if lines[at].text.trim().is_empty() {
            end = at + 1;
        }
        if at - start >= SCREEN && end > start {
            parts.push(start..end);
            start = end;
        }
    }
    parts.push(start..range.end);
    parts
}

fn piece(at: usize, file: &FileDiff, outline: &[Item], lines: Range<usize>) -> Piece {
    let mut touched: Vec<&Item> = Vec::new();
    for item in outline {
        let common = lines.start.max(item.lines.start)..lines.end.min(item.lines.end);
        if trim(&file.lines, common).is_some() {
            touched.push(item);
        }
    }
    let mut names: Vec<String> = touched.iter().map(|item| item.name.clone()).collect();
    let mut item = (touched.len() == 1).then(|| touched[0].clone());
    let first = touched.first().map_or(0, |item| item.lines.start);
    let last = touched
        .last()
        .map_or(file.lines.len(), |item| item.lines.end);
    let mut bounds = first.min(lines.start)..last.max(lines.end);
    // Inside an `impl`, the method is what encloses it.
    if let Some(outer) = &item {
        let methods = items(&file.lines, outer.lines.clone(), 4);
        let method = methods
            .into_iter()
            .find(|method| method.lines.start <= lines.start && lines.end <= method.lines.end);
        if let Some(method) = method.filter(|_| outer.name.starts_with("impl")) {
            names = vec![format!("{}, {}", outer.name, method.name)];
            bounds = method.lines.clone();
            item = Some(method);
        }
    }
    names.retain(|name| !name.is_empty());
    names.dedup();
    let mut place = file.path.clone();
    if !names.is_empty() {
        place += &format!(": {}", names.join(", "));
    }
    let mut shown = lines.start.saturating_sub(CONTEXT).max(bounds.start)
        ..(lines.end + CONTEXT).min(bounds.end);
    // A change nearby is a piece of its own.
    let changed = |at: &usize| file.lines[*at].tag != Tag::Equal;
    if let Some(above) = (shown.start..lines.start).rfind(changed) {
        shown.start = above + 1;
    }
    if let Some(below) = (lines.end..shown.end).find(changed) {
        shown.end = below;
    }
    let blank = |at: usize| file.lines[at].text.trim().is_empty();
    while shown.start < lines.start && blank(shown.start) {
        shown.start += 1;
    }
    while shown.end > lines.end && blank(shown.end - 1) {
        shown.end -= 1;
    }
    let mut changed = file.lines[lines.clone()]
        .iter()
        .filter(|line| line.tag != Tag::Equal);
    let optional = file.path == "Cargo.toml"
        && !file.new
        && changed.all(|line| line.text.starts_with("name = "));
    Piece {
        file: at,
        lines,
        shown,
        item,
        place,
        optional,
    }
}

fn is_rust(file: &FileDiff) -> bool {
    file.path.ends_with(".rs")
}

/// The top-level items of a Rust file.
fn outline(file: &FileDiff) -> Vec<Item> {
    if is_rust(file) {
        items(&file.lines, 0..file.lines.len(), 0)
    } else {
        Vec::new()
    }
}

/// The items that begin with so many spaces, found by their first words: rustfmt's layout
/// makes a parser needless. Removed lines belong to the item that follows them at once.
fn items(lines: &[Line], range: Range<usize>, indent: usize) -> Vec<Item> {
    let mut items: Vec<Item> = Vec::new();
    let gone = range.clone().all(|at| lines[at].tag == Tag::Delete);
    let with_removed = |at: usize| {
        let above = lines[range.start..at].iter().rev();
        at - above
            .take_while(|line| line.tag == Tag::Delete && !gone)
            .count()
    };
    let mut comment = None; // where the comments and attributes above an item begin
    for at in range.clone() {
        if lines[at].tag == Tag::Delete && !gone {
            continue;
        }
        let text = &lines[at].text;
        if text.trim().is_empty() {
            // A comment with a blank line after it, as at the head of a file.
            if let Some(start) = comment.take() {
                items.push(Item {
                    lines: start..at,
                    head: start,
                    name: String::new(),
                });
            }
            continue;
        }
        let Some(text) = text.strip_prefix(&" ".repeat(indent)) else {
            continue;
        };
        if text.starts_with("//") || text.starts_with("#[") {
            comment.get_or_insert_with(|| with_removed(at));
            continue;
        }
        let Some(name) = item_name(text) else {
            continue;
        };
        let start = comment.take().unwrap_or_else(|| with_removed(at));
        if items
            .last()
            .is_some_and(|last| last.name == name && name.starts_with("the "))
        {
            continue; // the `use` block goes on
        }
        items.push(Item {
            lines: start..at,
            head: at,
            name,
        });
    }
    let mut end = range.end;
    for item in items.iter_mut().rev() {
        item.lines.end = end;
        end = item.lines.start;
        while item.lines.len() > 1 && lines[item.lines.end - 1].text.trim().is_empty() {
            item.lines.end -= 1;
        }
    }
    items
}

/// `fn main` for `pub fn main() {`; nothing for a line that begins no item.
fn item_name(line: &str) -> Option<String> {
    let line = line
        .strip_prefix("pub ")
        .or(line.strip_prefix("pub(crate) "))
        .unwrap_or(line);
    let (word, rest) = line.split_once([' ', '<'])?;
    match word {
        "impl" => Some(line.trim_end_matches(['{', ' ']).to_owned()),
        "use" => Some("the imports".to_owned()),
        "mod" if line.ends_with(';') => Some("the modules".to_owned()),
        "const" if rest.starts_with("fn ") => item_name(rest),
        "fn" | "struct" | "enum" | "trait" | "const" | "static" | "type" | "mod" => {
            let end = rest
                .find(|c: char| !c.is_alphanumeric() && c != '_')
                .unwrap_or(rest.len());
            Some(format!("{word} {}", &rest[..end]))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diff;

    fn file(old: &str, new: &str) -> Vec<FileDiff> {
        vec![FileDiff {
            path: "src/main.rs".into(),
            new: old.is_empty(),
            lines: diff::lines(old, new),
        }]
    }

    fn places(diff: &[FileDiff]) -> Vec<String> {
        pieces(diff).into_iter().map(|piece| piece.place).collect()
    }

    #[test]
    fn changes_near_each_other_are_one_piece() {
        let old = "fn a() {\n    1;\n    2;\n    3;\n}\n";
        assert_eq!(
            places(&file(old, &old.replace("1", "one").replace("3", "three"))),
            ["src/main.rs: fn a"]
        );
        let long = old.replace("2;", &"2;\n".repeat(9));
        assert_eq!(
            places(&file(
                &long,
                &long.replace("1", "one").replace("3", "three")
            ))
            .len(),
            2
        );
    }

    #[test]
    fn a_long_new_file_is_cut_at_its_items() {
        let body = "    x();\n".repeat(20);
        let new = format!(
            "//! About.\n\nuse a;\nuse b;\n\n/// A.\n#[derive(X)]\nstruct A {{\n{body}}}\n\nimpl A {{\n    /// B.\n    fn b() {{\n{body}    }}\n\n    fn c() {{\n{body}    }}\n}}\n"
        );
        let diff = file("", &new);
        let expected = [
            "src/main.rs",
            "src/main.rs: the imports",
            "src/main.rs: struct A",
            "src/main.rs: impl A",
            "src/main.rs: impl A, fn c",
        ];
        assert_eq!(places(&diff), expected);
        assert!(
            pieces(&diff)
                .iter()
                .all(|piece| piece.lines.len() <= SCREEN)
        );
        let all = pieces(&diff);
        assert_eq!(directive(&diff, &all, &all[2]), "{{#step \"struct A {\"}}");
        assert!(all.iter().all(|piece| piece.shown == piece.lines));
    }
}
