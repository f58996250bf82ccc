//! The blocks of a figure: changes that lie near each other in a file, or in one item.

use std::ops::Range;

use crate::diff::FileDiff;
use crate::diff::Line;
use crate::diff::Tag;
use crate::items;
use crate::items::Item;
use crate::render::CONTEXT;

/// What lies near each other in one file, or in one item.
pub struct Block<'a> {
    pub file: &'a FileDiff,
    /// The lines that are shown, without gaps inside.
    pub ranges: Vec<Range<usize>>,
    /// From the first changed line to the last.
    pub changes: Range<usize>,
    /// The items that are changed, outermost first if one is inside the other.
    pub items: Vec<Item>,
    /// The `impl` around it.
    pub outer: Option<Item>,
    /// Imports that change in more than one place: all of them, since nobody copies them one
    /// by one.
    pub all_imports: Option<Range<usize>>,
}

/// Changed lines with nothing but blank lines between.
pub struct Run {
    pub removed: usize,
    pub added: usize,
}

/// The blocks of a file.
pub fn blocks(file: &FileDiff) -> Vec<Block<'_>> {
    let new = outline(file, Tag::Insert);
    let old = outline(file, Tag::Delete);
    let mut blocks: Vec<Block> = Vec::new();
    for hunk in hunks(file, &new, &old) {
        let block = block(file, &new, &old, hunk);
        match blocks.last_mut() {
            Some(last) if is_same_item(last, &block) => last.append(block),
            _ => blocks.push(block),
        }
    }
    for block in &mut blocks {
        block.all_imports = block.imports_around(&new, &old);
    }
    blocks
}

impl Block<'_> {
    /// Some of its file's lines.
    pub fn lines(&self, range: Range<usize>) -> &[Line] {
        &self.file.lines[range]
    }

    /// Does it only take lines away?
    pub fn removes(&self) -> bool {
        self.lines(self.changes.clone())
            .iter()
            .all(|line| line.tag != Tag::Insert)
    }

    /// Does it change imports, and nothing else?
    pub fn imports(&self) -> bool {
        !self.items.is_empty() && self.items.iter().all(Item::is_import)
    }

    /// Its changes, as somebody who types them counts them.
    pub fn runs(&self) -> Vec<Run> {
        let mut runs: Vec<Run> = Vec::new();
        let mut goes_on = false;
        for line in self.lines(self.changes.clone()) {
            if line.text.trim().is_empty() {
                continue;
            }
            if line.tag != Tag::Equal && !goes_on {
                let (removed, added) = (0, 0);
                runs.push(Run { removed, added });
            }
            goes_on = line.tag != Tag::Equal;
            match (line.tag, runs.last_mut()) {
                (Tag::Delete, Some(run)) => run.removed += 1,
                (Tag::Insert, Some(run)) => run.added += 1,
                _ => {}
            }
        }
        runs
    }

    /// All the imports, if these change in more than one place or in place of others.
    fn imports_around(&self, new: &[Item], old: &[Item]) -> Option<Range<usize>> {
        let simple = matches!(self.runs()[..], [Run { removed: 0, .. }]);
        if !self.imports() || self.removes() || simple {
            return None;
        }
        let is_kind = |item: &&Item| {
            self.items
                .iter()
                .any(|own| own.is_module() == item.is_module())
        };
        let all = new
            .iter()
            .chain(old)
            .filter(|item| item.is_import())
            .filter(is_kind);
        let start = all.clone().map(|item| item.lines.start).min()?;
        Some(start..all.map(|item| item.lines.end).max()?)
    }

    /// Goes on further below in the same item, which need not be named again.
    fn append(&mut self, next: Self) {
        self.changes.end = next.changes.end;
        self.items
            .extend(next.items.into_iter().filter(Item::is_import));
        for range in next.ranges {
            let last = self.ranges.len() - 1;
            let end = self.ranges[last].end;
            // A gap of two lines is no gap.
            if range.start <= end + 2 {
                self.ranges[last].end = end.max(range.end);
            } else {
                self.ranges.push(range);
            }
        }
    }
}

/// Two changes far apart in one function are shown in one block, with a gap; and so are all
/// the imports.
fn is_same_item(last: &Block, next: &Block) -> bool {
    let same_file = last.file.path == next.file.path;
    if same_file && last.imports() && next.imports() {
        return true;
    }
    let (Some(a), Some(b)) = (last.items.last(), next.items.first()) else {
        return same_file && !last.file.path.ends_with(".rs");
    };
    same_file && a == b && !a.is_import()
}

/// The items of one side of a file, by their lines in the diff.
pub fn outline(file: &FileDiff, side: Tag) -> Vec<Item> {
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
    // The comment above an item is shown, and copied, if it changes, and then the whole of it.
    if let [item] = &items[..]
        && item.lines.start < item.head
        && hunk.start < item.lines.end
    {
        let above = item.lines.start..item.head;
        let note = |at: &usize| file.lines[*at].text.trim_start().starts_with(['/', '#']);
        // Between the two there may be the head that goes.
        let below = above.clone().find(&changed).unwrap_or(above.end);
        match above.clone().filter(&changed).any(|at| note(&at)) {
            true => shown.start = shown.start.min(above.start),
            false => shown.start = shown.start.max(below),
        }
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
        all_imports: None,
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
