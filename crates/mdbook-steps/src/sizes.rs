//! How large the step from each stage to the next is, in lines of code.

use std::collections::BTreeSet;

use crate::diff;
use crate::diff::Tag;
use crate::stage::Stage;

/// How many lines the step to a stage may change: the second part is for readers who have come
/// further, and its event loop cannot be had in halves.
pub fn most(stage: u32) -> usize {
    match stage {
        0..=10 => 180,
        15 => 300,
        _ => 200,
    }
}

/// The size of the step to one stage.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Size {
    /// Lines of code added.
    pub added: usize,
    /// Lines of code removed.
    pub removed: usize,
}

impl Size {
    /// All changed lines.
    pub fn total(self) -> usize {
        self.added + self.removed
    }
}

/// The size of the step from `old` to `new`: lines in `src/` and `Cargo.toml`, without
/// blank lines, comments, tests and dev-dependencies.
pub fn size(old: Option<&Stage>, new: &Stage) -> Size {
    let mut size = Size::default();
    let (old, new) = (old.map(code_only).unwrap_or_default(), code_only(new));
    let paths: BTreeSet<&String> = old.files.keys().chain(new.files.keys()).collect();
    for path in paths {
        let text = |stage: &Stage| stage.files.get(path).cloned().unwrap_or_default();
        for line in diff::lines(&text(&old), &text(&new)) {
            size.added += usize::from(line.tag == Tag::Insert);
            size.removed += usize::from(line.tag == Tag::Delete);
        }
    }
    size
}

/// Each stage with the size of its step. Stage 01, a step from nothing, is not among them.
pub fn sizes(stages: &[Stage]) -> Vec<(&Stage, Size)> {
    stages
        .windows(2)
        .map(|pair| (&pair[1], size(Some(&pair[0]), &pair[1])))
        .collect()
}

/// The figures as a table for people, with the limits.
pub fn table(stages: &[Stage]) -> String {
    let sizes = sizes(stages);
    let mut table = format!(
        "{:<24}{:>6}{:>9}{:>7}{:>9}\n",
        "step to", "added", "removed", "sum", "at most"
    );
    for (stage, size) in &sizes {
        let (added, removed, total) = (size.added, size.removed, size.total());
        let most = most(stage.number);
        let mark = if total > most { "  too large" } else { "" };
        let name = &stage.name;
        table += &format!("{name:<24}{added:>6}{removed:>9}{total:>7}{most:>9}{mark}\n");
    }
    table
}

/// The stage with nothing in it but the lines that count.
fn code_only(stage: &Stage) -> Stage {
    let mut stage = stage.clone();
    stage
        .files
        .retain(|path, _| path == "Cargo.toml" || path.starts_with("src/"));
    for (path, text) in &mut stage.files {
        *text = if path.ends_with(".toml") {
            toml_only(text)
        } else {
            rust_only(text)
        };
    }
    stage
}

fn rust_only(text: &str) -> String {
    let mut code = String::new();
    let mut in_tests = false;
    for line in text.lines() {
        in_tests |= line == "#[cfg(test)]";
        let trimmed = line.trim();
        if !in_tests && !trimmed.is_empty() && !trimmed.starts_with("//") {
            code += &format!("{line}\n");
        }
        in_tests &= line != "}";
    }
    code
}

fn toml_only(text: &str) -> String {
    let mut code = String::new();
    let mut in_dev = false;
    for line in text.lines() {
        if line.starts_with('[') {
            in_dev = line.contains("dev-dependencies");
        }
        let trimmed = line.trim();
        if !in_dev && !trimmed.is_empty() && !trimmed.starts_with('#') {
            code += &format!("{line}\n");
        }
    }
    code
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_code_counts() {
        let rust = "//! x\n\nfn a() { // why\n    // how\n    b();\n}\n#[cfg(test)]\nmod tests {\n    x\n}\nfn c() {}\n";
        assert_eq!(rust_only(rust), "fn a() { // why\n    b();\n}\nfn c() {}\n");
        let toml = "[dependencies]\n# why\na = 1\n\n[dev-dependencies]\nb = 2\n\n[lints]\nc = 3\n";
        assert_eq!(toml_only(toml), "[dependencies]\na = 1\n[lints]\nc = 3\n");
    }
}
