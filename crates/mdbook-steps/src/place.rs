//! Where a block of changes goes, as one would say it to a reader.

use crate::block::Block;
use crate::block::outline;
use crate::diff::Tag;
use crate::items::Item;
use crate::render::escape;

/// So much of a line is quoted.
const QUOTED: usize = 44;

impl Block<'_> {
    /// Where it goes, as the reader would say it.
    pub fn place(&self) -> String {
        let file = self.file;
        if file.gone() {
            return "goes away".into();
        }
        if file.new {
            return "new file".into();
        }
        let first = self.changes.start;
        let removes = self.removes();
        let goes = if removes { "goes away, " } else { "" };
        let name = |item: &Item| format!("<code>{}</code>", escape(&item.name));
        let within = match &self.outer {
            Some(outer) => format!("in {}, ", name(outer)),
            None => String::new(),
        };
        if self.all_imports.is_some() {
            let module = self.items.iter().any(Item::is_module);
            let lines = match (module, self.items.iter().all(Item::is_module)) {
                (false, _) => "<code>use</code>",
                (true, true) => "<code>mod</code>",
                (true, false) => "<code>mod</code> and <code>use</code>",
            };
            return format!("the {lines} lines at the top");
        }
        let Some(item) = self.items.first() else {
            return format!("{goes}{}", self.after(first, 0));
        };
        if self.replaces() {
            if item.name == "header" {
                return "the comment at the top".into();
            }
            return format!("{within}{}", name(item));
        }
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
            let after = self.after(first, 0);
            return format!("{} {verb} away, {within}{after}", gone.join(", "));
        }
        if whole(&item) {
            let bound = self.outer.as_ref().map_or(0, |outer| outer.head + 1);
            return format!("{within}{}", self.after(first, bound));
        }
        let of = self
            .outer
            .as_ref()
            .map_or(String::new(), |outer| format!(" of {}", name(outer)));
        if removes {
            let lines = match self.runs().iter().map(|run| run.removed).sum() {
                1 => "a line".to_owned(),
                many => format!("{} lines", number(many)),
            };
            let go = if lines == "a line" { "goes" } else { "go" };
            let after = self.after(first, item.head);
            return format!("{lines} of {}{of} {go} away, {after}", name(item));
        }
        if first <= item.head {
            return format!("{within}{}", name(item));
        }
        format!("in {}{of}, {}", name(item), self.after(first, item.head))
    }

    /// Does a whole item take the place of the one that had its name, its head among the
    /// lines that go?
    pub fn replaces(&self) -> bool {
        let own = self.items.first();
        let Some(item) = own.filter(|item| !item.is_import() && !self.removes()) else {
            return false;
        };
        let old = outline(self.file, Tag::Delete);
        let mut old = old
            .iter()
            .flat_map(|item| item.children.iter().chain([item]));
        let was = old.find(|old| old.name == item.name && self.changes.contains(&old.head));
        was.is_some_and(|was| self.file.lines[was.head].tag == Tag::Delete)
            || (item.name == "header" && self.file.lines[item.head].tag != Tag::Insert)
    }

    /// `after fn accept`, `after let a = 1;`, `in place of let b = 2;`, and at the start of what
    /// begins at `bound`.
    fn after(&self, first: usize, bound: usize) -> String {
        let file = self.file;
        let text = |at: usize| file.lines[at].text.trim();
        let quoted = |at: usize| format!("<code>{}</code>", escape(&short(text(at))));
        let runs = self.runs();
        if runs.len() > 1 {
            return format!("in {} places", number(runs.len()));
        }
        match runs.first().map_or(0, |run| run.removed) {
            0 => {}
            _ if self.removes() => {}
            1 => return format!("in place of {}", quoted(first)),
            many => return format!("in place of {} lines", number(many)),
        }
        let telling = |at: &usize| file.lines[*at].tag != Tag::Insert && !text(*at).is_empty();
        let Some(last) = (bound..first).rfind(telling) else {
            return match bound {
                0 => "at the top".into(),
                _ => "first of all".into(),
            };
        };
        let opens = |at: &usize| text(*at).ends_with(['{', '(', '[', ';']);
        if bound > 0 && (bound..=last).find(opens) == Some(last) {
            return "at its start".into();
        }
        // Of the imports the last one may be new, too.
        let new = |at: &usize| file.lines[*at].tag != Tag::Delete && !text(*at).is_empty();
        let above = (bound..first).rfind(new).map_or("", text);
        if !self.imports() && above.starts_with("use ") {
            return "after the <code>use</code> lines".into();
        }
        if text(last).starts_with("//!") {
            return "after the comment at the top".into();
        }
        if text(last).chars().any(char::is_alphanumeric) {
            return format!("after {}", quoted(last));
        }
        // After a whole item its name says more than its last brace.
        let old = outline(file, Tag::Delete);
        let mut all: Vec<&Item> = old.iter().flat_map(|item| &item.children).collect();
        all.extend(&old);
        if let Some(item) = all.iter().find(|item| item.lines.end == last + 1) {
            return format!("after <code>{}</code>", escape(&item.name));
        }
        // And so does the line that the brace closes.
        let indent = |at: usize| file.lines[at].text.len() - file.lines[at].text.trim_start().len();
        let begins = |at: &usize| {
            telling(at)
                && indent(*at) <= indent(last)
                && text(*at).chars().any(char::is_alphanumeric)
        };
        match (bound..last).rfind(begins) {
            Some(begin) => {
                let begin = short(text(begin));
                let dots = if begin.ends_with('…') { "" } else { " …" };
                let whole = format!("{begin}{dots} {}", text(last));
                format!("after <code>{}</code>", escape(&whole))
            }
            None => format!("after {}", quoted(last)),
        }
    }
}

fn number(number: usize) -> String {
    let words = ["no", "one", "two", "three", "four", "five", "six", "seven"];
    words
        .get(number)
        .map_or_else(|| number.to_string(), ToString::to_string)
}

/// As much of a line as tells it from others
fn short(text: &str) -> String {
    let mut short: String = text.chars().take(QUOTED).collect();
    if short.len() < text.len() {
        short.push('…');
    }
    short
}
