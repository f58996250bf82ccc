//! The items of a Rust file: functions, structs, `use` lines, `impl` blocks and their methods.
//!
//! They are found by their first words and their indentation: rustfmt's layout makes a
//! parser needless.

use std::ops::Range;

/// A function, a struct, an `impl`, a `use` line …
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Item {
    /// Its lines, the comment above it among them.
    pub lines: Range<usize>,
    /// The line that names it.
    pub head: usize,
    /// `fn main`, `use std::io`, `impl Connection`; `header` for the comment about a file.
    pub name: String,
    /// The methods of an `impl`.
    pub children: Vec<Item>,
}

impl Item {
    /// Is it one line that names something: `use …;`, `mod …;`?
    pub fn is_import(&self) -> bool {
        self.name.starts_with("use ") || self.is_module()
    }

    /// Is it `mod name;`, with the code in another file?
    pub fn is_module(&self) -> bool {
        self.name.starts_with("mod ") && self.name.ends_with(';')
    }
}

/// The items of a file, those of its `impl` blocks below them.
pub fn outline(lines: &[&str]) -> Vec<Item> {
    let mut items = items(lines, 0..lines.len(), 0);
    for item in &mut items {
        if item.name.starts_with("impl") && item.lines.end > item.head + 2 {
            item.children = self::items(lines, item.head + 1..item.lines.end - 1, 4);
        }
    }
    items
}

fn items(lines: &[&str], range: Range<usize>, indent: usize) -> Vec<Item> {
    let mut items: Vec<Item> = Vec::new();
    let mut comment = None; // where the comments and attributes above an item begin
    let mut add = |lines: Range<usize>, head, name| {
        items.push(Item {
            lines,
            head,
            name,
            children: Vec::new(),
        });
    };
    for at in range.clone() {
        if lines[at].trim().is_empty() {
            // A comment with a blank line after it, as at the head of a file
            if let Some(start) = comment.take() {
                add(start..at, start, "header".into());
            }
            continue;
        }
        let Some(text) = lines[at].strip_prefix(&" ".repeat(indent)) else {
            continue;
        };
        if text.starts_with("//") || text.starts_with("#[") {
            comment.get_or_insert(at);
        } else if let Some(name) = item_name(text) {
            add(comment.take().unwrap_or(at)..at, at, name);
        }
    }
    let mut end = range.end;
    for item in items.iter_mut().rev() {
        item.lines.end = end;
        end = item.lines.start;
        while item.lines.len() > 1 && lines[item.lines.end - 1].trim().is_empty() {
            item.lines.end -= 1;
        }
    }
    items
}

/// `fn main` for `pub fn main() {`; nothing for a line that begins no item.
pub fn item_name(line: &str) -> Option<String> {
    let mut line = line.trim_end();
    for prefix in ["pub(crate) ", "pub(super) ", "pub "] {
        line = line.strip_prefix(prefix).unwrap_or(line);
    }
    let (word, rest) = line.split_once([' ', '<'])?;
    match word {
        "impl" => Some(line.trim_end_matches(['{', ' ']).to_owned()),
        "use" => Some(line.trim_end_matches([';', '{', ' ']).to_owned()),
        "mod" if line.ends_with(';') => Some(line.to_owned()),
        "const" | "unsafe" | "async" if rest.starts_with("fn ") => item_name(rest),
        "fn" | "struct" | "enum" | "trait" | "const" | "static" | "type" | "mod" => {
            let end = rest
                .find(|c: char| !c.is_alphanumeric() && c != '_')
                .unwrap_or(rest.len());
            (end > 0).then(|| format!("{word} {}", &rest[..end]))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = "//! About.\n\nuse a::B;\nuse c;\n\nmod d;\n\n/// E.\n#[derive(F)]\npub struct E {\n    f: u8,\n}\n\nimpl E {\n    /// G.\n    pub fn g() {\n        h();\n    }\n\n    fn i() {}\n}\n";

    #[test]
    fn items_are_found_with_their_comments() {
        let lines: Vec<&str> = FILE.lines().collect();
        let found: Vec<_> = outline(&lines)
            .into_iter()
            .map(|item| (item.name, item.lines, item.children.len()))
            .collect();
        let expected = [
            ("header", 0..1, 0),
            ("use a::B", 2..3, 0),
            ("use c", 3..4, 0),
            ("mod d;", 5..6, 0),
            ("struct E", 7..12, 0),
            ("impl E", 13..21, 2),
        ];
        assert_eq!(
            found,
            expected.map(|(name, lines, children)| (name.to_owned(), lines, children))
        );
        let methods = &outline(&lines)[5].children;
        assert_eq!((methods[0].lines.clone(), methods[0].head), (14..18, 15));
        assert_eq!(methods[1].name, "fn i");
    }
}
