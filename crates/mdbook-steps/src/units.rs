//! The units in which a chapter shows its diff: each changed line belongs to exactly one.
//!
//! A unit is what changes in one item of a file (a function, a struct, one `use` line), so
//! that it never ends in a brace of its neighbour. What only serves other lines (an import, a
//! `mod` line, a dependency, the two lines of an `impl`) travels with the step that needs it.

use std::collections::BTreeMap;
use std::ops::Range;

use crate::diff::FileDiff;
use crate::diff::Line;
use crate::diff::Tag;
use crate::items;

/// So many unchanged lines inside an item make two units of one.
const APART: usize = 6;
/// What fits on a screen: the longest unit of a file that is not Rust.
const SCREEN: usize = 40;

/// Changed lines that are shown together.
#[derive(Debug, Clone)]
pub struct Unit {
    /// Which file of the diff it is in.
    pub file: usize,
    /// Its changed lines, in the lines of that file.
    pub lines: Vec<usize>,
    /// Its item: `impl Connection/fn close`.
    pub key: String,
    /// The file and the item, for people: `src/connection.rs: fn close`.
    pub place: String,
    /// What it is for.
    pub kind: Kind,
}

/// What a unit is for: all but `Code` can travel with another one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kind {
    /// A step shows it by name.
    Code,
    /// Never shown: in `Cargo.toml` the crate's name and description, and what only tests need.
    Silent,
    /// `use a::Name;`, wanted by lines of its file that mention `Name`.
    Import(String),
    /// `mod name;`, wanted by the file of that name.
    Module(String),
    /// A line in `Cargo.toml`, wanted by lines that mention the crate.
    Dependency(String),
    /// The comment about a file, shown with the first piece of it.
    Header,
    /// The first and last line of an `impl`, shown with the first of its methods.
    Frame,
}

impl Unit {
    /// Has it an added or removed line with this text, at a place with that text?
    pub fn matches(&self, diff: &[FileDiff], text: &str, place: &str) -> bool {
        self.kind != Kind::Silent
            && self.place.contains(place)
            && self.changed(diff).any(|line| line.text.contains(text))
    }

    /// Its added and removed lines.
    pub fn changed<'a>(&'a self, diff: &'a [FileDiff]) -> impl Iterator<Item = &'a Line> {
        self.lines.iter().map(|at| &diff[self.file].lines[*at])
    }

    /// Does it only take lines away?
    pub fn removes(&self, diff: &[FileDiff]) -> bool {
        self.changed(diff).all(|line| line.tag == Tag::Delete)
    }

    /// Does a changed line of this kind mention what the text names? Comments don't count.
    pub fn mentions(&self, diff: &[FileDiff], tag: Tag, name: &str) -> bool {
        self.changed(diff)
            .any(|line| line.tag == tag && mentions(&line.text, name))
    }
}

/// Whether a line of code uses a name that an import could have brought.
fn mentions(line: &str, name: &str) -> bool {
    let line = line.split("//").next().unwrap_or_default();
    let part = |c: char| c.is_alphanumeric() || c == '_';
    for (at, _) in line.match_indices(name) {
        let (before, after) = (&line[..at], &line[at + name.len()..]);
        let whole = !before.ends_with(part) && !after.starts_with(part);
        let own = before.ends_with("::") || before.ends_with('.');
        // A module is only of use with `::` behind it.
        let module = name.starts_with(|c: char| c.is_lowercase()) && !after.starts_with("::");
        let call = after.starts_with(['(', '!', '<']);
        if whole && !own && (!module || call) {
            return true;
        }
    }
    false
}

/// All units of a diff, in the order of the files.
pub fn units(diff: &[FileDiff]) -> Vec<Unit> {
    let mut units = Vec::new();
    for (at, file) in diff.iter().enumerate() {
        let parts = if file.gone() || (file.path == "Cargo.toml" && file.new) {
            let changed = (0..file.lines.len()).filter(|at| is_change(&file.lines[*at]));
            vec![(String::new(), changed.collect())]
        } else if file.path.ends_with(".rs") {
            of_rust(file)
        } else if file.path == "Cargo.toml" {
            of_cargo(file)
        } else {
            of_text(file)
        };
        for (key, lines) in parts {
            units.push(unit(at, file, key, lines));
        }
    }
    units
}

/// Puts the words that an author reads around the lines of a unit.
fn unit(at: usize, file: &FileDiff, key: String, lines: Vec<usize>) -> Unit {
    let name = key.trim_start_matches("gone ").rsplit('/').next();
    let name = name
        .unwrap_or_default()
        .split('#')
        .next()
        .unwrap_or_default();
    let kind = kind(file, name, &key, &lines);
    let mut place = file.path.clone();
    if let Some((outer, inner)) = key.trim_start_matches("gone ").split_once('/') {
        place += &format!(": {outer}, {inner}");
    } else if !name.is_empty() {
        place += &format!(": {name}");
    }
    Unit {
        file: at,
        lines,
        key,
        place,
        kind,
    }
}

fn kind(file: &FileDiff, name: &str, key: &str, lines: &[usize]) -> Kind {
    if file.gone() || (file.path == "Cargo.toml" && file.new) {
        return Kind::Code;
    }
    if file.path == "Cargo.toml" {
        // What only tests need
        let last = lines.last().map_or(0, |last| last + 1);
        let mut above = file.lines[..last].iter().rev();
        let section = above.find(|line| line.text.starts_with('['));
        if section.is_some_and(|line| line.text.contains("dev-dependencies")) {
            return Kind::Silent;
        }
        let texts: Vec<&str> = lines.iter().map(|at| file.lines[*at].text.trim()).collect();
        let silent =
            |text: &&str| text.starts_with("name = ") || text.starts_with("description = ");
        if texts.iter().all(silent) {
            return Kind::Silent;
        }
        let is_name = |c: char| c.is_alphanumeric() || c == '_' || c == '-';
        let entry = texts.iter().rfind(|text| text.starts_with(is_name));
        let name = entry.and_then(|text| text.split(|c| !is_name(c)).next());
        return match name {
            Some(name) => Kind::Dependency(name.replace('-', "_")),
            None => Kind::Code,
        };
    }
    if let Some(path) = name.strip_prefix("use ") {
        let last = path.rsplit(['/', ':', ' ']).next().unwrap_or(path);
        return Kind::Import(last.to_owned());
    }
    if let Some(module) = name
        .strip_prefix("mod ")
        .and_then(|name| name.strip_suffix(';'))
    {
        return Kind::Module(module.to_owned());
    }
    if name == "header" && file.path.ends_with(".rs") {
        return Kind::Header;
    }
    if name.starts_with("impl") && !key.contains('/') {
        return Kind::Frame;
    }
    Kind::Code
}

fn is_change(line: &Line) -> bool {
    line.tag != Tag::Equal
}

/// The changed lines of each item, by the item's key. A removed line belongs to the item that
/// it was in, if that item is still there or has got another name; or else to one that goes.
fn of_rust(file: &FileDiff) -> Vec<(String, Vec<usize>)> {
    let new = keys(file, Tag::Insert);
    let old = keys(file, Tag::Delete);
    let mut became: BTreeMap<&str, &str> = BTreeMap::new();
    for at in 0..file.lines.len() {
        let (Some(old), Some(new)) = (&old[at], &new[at]) else {
            continue;
        };
        let text = file.lines[at].text.trim();
        let telling = text.chars().any(char::is_alphanumeric);
        if file.lines[at].tag == Tag::Equal && telling {
            became.entry(old).or_insert(new);
        }
    }
    let mut parts: Vec<(String, Vec<usize>)> = Vec::new();
    for (at, line) in file.lines.iter().enumerate() {
        let key = match line.tag {
            Tag::Equal => continue,
            Tag::Insert => new[at].clone(),
            Tag::Delete => old[at].as_deref().map(|key| {
                let still = new.iter().flatten().any(|new| new == key);
                match became.get(key) {
                    _ if still => key.to_owned(),
                    Some(new) => (*new).to_owned(),
                    None => format!("gone {key}"),
                }
            }),
        };
        let Some(key) = key else { continue };
        match parts.iter_mut().rev().find(|part| part.0 == key) {
            Some((_, lines)) if !is_apart(file, &key, lines, at) => lines.push(at),
            _ => parts.push((key, vec![at])),
        }
    }
    parts.retain(|(_, lines)| {
        lines
            .iter()
            .any(|at| !file.lines[*at].text.trim().is_empty())
    });
    parts
}

/// Whether a change is too far below the others in its item to be shown with them.
fn is_apart(file: &FileDiff, key: &str, lines: &[usize], at: usize) -> bool {
    let frame = key.contains("impl") && !key.contains('/');
    let between = lines.last().map_or(0..0, |last| last + 1..at);
    let equal = between
        .filter(|at| file.lines[*at].tag == Tag::Equal)
        .count();
    !frame && equal > APART
}

/// For each line of the diff on one side (added or removed, and those that stay) the item
/// that it belongs to: `fn main`, `impl A/fn b`. Blank lines between items belong to none.
fn keys(file: &FileDiff, side: Tag) -> Vec<Option<String>> {
    let on_side = |at: &usize| [Tag::Equal, side].contains(&file.lines[*at].tag);
    let places: Vec<usize> = (0..file.lines.len()).filter(on_side).collect();
    let lines: Vec<&str> = places.iter().map(|at| &*file.lines[*at].text).collect();
    let mut keys = vec![None; file.lines.len()];
    let mut taken: BTreeMap<String, usize> = BTreeMap::new();
    let mut name = |name: &str| {
        let times = taken.entry(name.to_owned()).or_insert(0);
        *times += 1;
        match times {
            1 => name.to_owned(),
            many => format!("{name}#{many}"),
        }
    };
    for item in items::outline(&lines) {
        let outer = name(&item.name);
        for at in item.lines.clone() {
            if !item.children.is_empty() && lines[at].trim().is_empty() {
                continue; // between methods
            }
            keys[places[at]] = Some(outer.clone());
        }
        for child in &item.children {
            let inner = name(&format!("{outer}/{}", child.name));
            for at in child.lines.clone() {
                keys[places[at]] = Some(inner.clone());
            }
        }
    }
    keys
}

/// A unit for each entry, with the comment or the section's head above it.
fn of_cargo(file: &FileDiff) -> Vec<(String, Vec<usize>)> {
    let mut parts: Vec<(String, Vec<usize>)> = Vec::new();
    let mut above = Vec::new();
    for (at, line) in file.lines.iter().enumerate() {
        let text = line.text.trim();
        if !is_change(line) {
            continue;
        }
        above.push(at);
        if text.is_empty() || text.starts_with(['#', '[']) {
            continue;
        }
        let name = text.split(['=', '.', ' ']).next().unwrap_or_default();
        let key = name.to_owned();
        let lines = std::mem::take(&mut above);
        // A line and what replaces it belong together.
        match parts.iter_mut().find(|part| part.0 == key) {
            Some(part) => part.1.extend(lines),
            None => parts.push((key, lines)),
        }
    }
    above.retain(|at| !file.lines[*at].text.trim().is_empty());
    if !above.is_empty() {
        parts.push((String::new(), above));
    }
    parts
}

/// A page, a style sheet: runs of changes, the long ones cut at blank lines.
fn of_text(file: &FileDiff) -> Vec<(String, Vec<usize>)> {
    let mut parts: Vec<Vec<usize>> = Vec::new();
    for (at, line) in file.lines.iter().enumerate() {
        if !is_change(line) {
            continue;
        }
        match parts.last_mut() {
            Some(last) if at <= last[last.len() - 1] + APART => last.push(at),
            _ => parts.push(vec![at]),
        }
    }
    let mut cut = Vec::new();
    for part in parts {
        let mut start = 0;
        let mut end = 0; // of the last paragraph that still fits
        for (nth, at) in part.iter().enumerate() {
            if file.lines[*at].text.trim().is_empty() {
                end = nth + 1;
            }
            if nth - start >= SCREEN && end > start {
                cut.push((String::new(), part[start..end].to_vec()));
                start = end;
            }
        }
        cut.push((String::new(), part[start..].to_vec()));
    }
    cut
}

/// Takes the lines from the one with the text `from` to the end of the statement with `to`
/// out of a unit: what is left, and what comes later.
pub fn split(
    diff: &[FileDiff],
    unit: &Unit,
    from: &str,
    to: Option<&str>,
) -> Result<(Unit, Unit), String> {
    let lines = &diff[unit.file].lines;
    let only = |text: &str| {
        let mut found = (0..unit.lines.len()).filter(|nth| {
            let line = &lines[unit.lines[*nth]];
            line.text.contains(text)
        });
        match (found.next(), found.next()) {
            (Some(nth), None) => Ok(nth),
            (None, _) => Err(format!(
                "later: no changed line of {} contains {text:?}",
                unit.place
            )),
            _ => Err(format!(
                "later: several lines of {} contain {text:?}",
                unit.place
            )),
        }
    };
    let first = only(from)?;
    let last = to.map_or(Ok(first), only)?;
    let Range { start, .. } = statement(lines, &unit.lines, first);
    let Range { end, .. } = statement(lines, &unit.lines, last);
    if end <= start {
        return Err(format!(
            "later: {:?} comes before {from:?}",
            to.unwrap_or_default()
        ));
    }
    let mut rest = unit.clone();
    let mut later = unit.clone();
    later.lines = rest.lines.drain(start..end).collect();
    if rest
        .lines
        .iter()
        .all(|at| lines[*at].text.trim().is_empty())
    {
        return Err(format!("later: nothing of {} would be left", unit.place));
    }
    Ok((rest, later))
}

/// The statement, field or method that a line begins: with the comment above it and the lines
/// that it replaces, to the line that closes it, and a blank line behind it.
fn statement(lines: &[Line], places: &[usize], first: usize) -> Range<usize> {
    let line = |nth: usize| &lines[places[nth]];
    let blank = |nth: usize| line(nth).text.trim().is_empty();
    let indent = |nth: usize| {
        let text = &line(nth).text;
        text.len() - text.trim_start().len()
    };
    let mut start = first;
    while start > 0 {
        let above = line(start - 1).text.trim_start();
        let comment = above.starts_with("//") || above.starts_with("#[");
        let replaced = line(start - 1).tag == Tag::Delete && line(first).tag == Tag::Insert;
        let near = places[start - 1] + 1 == places[start];
        if !near || !(replaced || (comment && indent(start - 1) == indent(first))) {
            break;
        }
        start -= 1;
    }
    // Lines that went from above its comment were something else, if they had no comment.
    let comment = |nth: usize| line(nth).text.trim_start().starts_with("//");
    if first > start && comment(first - 1) && !comment(start) {
        while start < first && line(start).tag == Tag::Delete {
            start += 1;
        }
    }
    // A line between two changes that is no deeper belongs to another statement.
    let goes_on = |nth: usize| {
        lines[places[nth - 1] + 1..places[nth]].iter().all(|line| {
            let text = line.text.trim_start();
            let deeper = line.text.len() - text.len() > indent(first);
            text.is_empty() || deeper || text.starts_with(['}', ')', ']'])
        })
    };
    let mut end = first + 1;
    while end < places.len() && goes_on(end) {
        let closes = line(end).text.trim_start().starts_with(['}', ')', ']']);
        let inside = blank(end) || indent(end) > indent(first);
        if closes && indent(end) == indent(first) {
            end += 1;
            if line(end - 1).text.ends_with('{') {
                continue; // `} else {`
            }
            break;
        }
        if !inside {
            break;
        }
        end += 1;
    }
    // Of blank lines at the end, one belongs to it.
    while end > first + 1 && blank(end - 1) && (end - 2 == first || blank(end - 2)) {
        end -= 1;
    }
    start..end
}

/// The directive that shows one of the units and no other.
pub fn directive(diff: &[FileDiff], units: &[Unit], wanted: &Unit) -> String {
    format!("{{{{#step {}}}}}", naming(diff, units, wanted))
}

/// The text that names it in a directive, with the place if that is needed.
pub fn naming(diff: &[FileDiff], units: &[Unit], wanted: &Unit) -> String {
    let quote = crate::directive::quote;
    let unique = |text: &str, place: &str| {
        matches!(find(diff, units, text, place)[..], [at] if units[at].lines == wanted.lines
            && units[at].file == wanted.file)
    };
    let mut changed: Vec<&Line> = wanted.changed(diff).collect();
    changed.retain(|line| !line.text.trim().is_empty());
    // The line that names an item is the best to remember, and it should be there to see.
    changed.sort_by_key(|line| {
        let text = line.text.trim();
        let comment = text.starts_with("//");
        (
            comment,
            items::item_name(text).is_none(),
            line.tag == Tag::Delete,
        )
    });
    for place in ["", &diff[wanted.file].path, &wanted.place] {
        for line in &changed {
            let text = line.text.trim();
            // `fn main` is enough of `pub fn main() {`.
            let name = items::item_name(text).unwrap_or_default();
            for text in [name.as_str(), text] {
                if !text.is_empty() && unique(text, place) {
                    return match place {
                        "" => quote(text),
                        place => format!("{} in {}", quote(text), quote(place)),
                    };
                }
            }
        }
    }
    let text = changed.first().map_or("", |line| line.text.trim());
    format!("{} (nothing in it is unique)", quote(text))
}

/// The units that a text and a place name. Code comes first: what travels with others is
/// only meant when nothing else is.
pub fn find(diff: &[FileDiff], units: &[Unit], text: &str, place: &str) -> Vec<usize> {
    let mut found = Vec::new();
    for (at, unit) in units.iter().enumerate() {
        if unit.matches(diff, text, place) {
            found.push(at);
        }
    }
    let code: Vec<usize> = found
        .iter()
        .copied()
        .filter(|at| units[*at].kind == Kind::Code)
        .collect();
    if code.is_empty() { found } else { code }
}
