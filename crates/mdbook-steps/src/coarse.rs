//! The units of a chapter that has no checkpoints yet. To be deleted with the last of them.
//!
//! A piece is a run of changes with little between them, as in `diff -u`. One that would
//! not fit on a screen is cut at the items of the file: functions, structs, the `use` block.

use std::ops::Range;

use crate::diff::FileDiff;
use crate::diff::Line;
use crate::diff::Tag;
use crate::units::Kind;
use crate::units::Unit;

/// How many unchanged lines stand around a change.
const CONTEXT: usize = 3;
/// What fits on a screen.
const SCREEN: usize = 40;

/// A part of the diff that a chapter shows at one place.
#[derive(Debug, Clone)]
struct Piece {
    /// Which file of the diff it is in.
    file: usize,
    /// From its first changed line to its last, in the lines of that file.
    lines: Range<usize>,
    /// The file and the items, for people.
    place: String,
    /// May it be left out? Only the crate's name in `Cargo.toml` may.
    optional: bool,
}

/// A function, a struct, an `impl`, the `use` block …
#[derive(Debug, Clone)]
struct Item {
    /// Its lines, the comment above it among them.
    lines: Range<usize>,
    /// The line that names it.
    head: usize,
    /// `fn main`, say.
    name: String,
}

/// All pieces of a diff, in the order of the files.
fn pieces(diff: &[FileDiff]) -> Vec<Piece> {
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

/// The pieces as units.
pub fn units(diff: &[FileDiff]) -> Vec<Unit> {
    let mut units = Vec::new();
    for piece in pieces(diff) {
        let lines = &diff[piece.file].lines;
        let is_change = |at: &usize| lines[*at].tag != Tag::Equal;
        units.push(Unit {
            file: piece.file,
            lines: piece.lines.filter(is_change).collect(),
            key: String::new(),
            place: piece.place,
            kind: if piece.optional {
                Kind::Silent
            } else {
                Kind::Code
            },
        });
    }
    units
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
    // Inside an `impl`, the method is what encloses it.
    if let [outer] = touched[..] {
        let methods = items(&file.lines, outer.lines.clone(), 4);
        let method = methods
            .into_iter()
            .find(|method| method.lines.start <= lines.start && lines.end <= method.lines.end);
        if let Some(method) = method.filter(|_| outer.name.starts_with("impl")) {
            names = vec![format!("{}, {}", outer.name, method.name)];
        }
    }
    names.retain(|name| !name.is_empty());
    names.dedup();
    let mut place = file.path.clone();
    if !names.is_empty() {
        place += &format!(": {}", names.join(", "));
    }
    let mut changed = file.lines[lines.clone()]
        .iter()
        .filter(|line| line.tag != Tag::Equal);
    let optional = file.path == "Cargo.toml"
        && !file.new
        && changed.all(|line| {
            line.text.starts_with("name = ") || line.text.starts_with("description = ")
        });
    Piece {
        file: at,
        lines,
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
