//! A small workspace with a book about it, in which tests plant faults.

use std::env;
use std::fs;
use std::path::PathBuf;

use mdbook_steps::book::Book;
use mdbook_steps::chapter::Chapter;

/// A workspace with two stages and a book about them. The tests change its second chapter.
pub struct Scratch(pub PathBuf);

const SUMMARY: &str = "[One](stage01-a.md)\n[Two](stage02-b.md)\n";

impl Scratch {
    /// Two stages with this code, `Cargo.toml`s of their own, and the first chapter.
    pub fn new(name: &str, before: &[(&str, &str)], after: &[(&str, &str)]) -> Scratch {
        let scratch = Scratch(tmp().join(name));
        let _ = fs::remove_dir_all(&scratch.0);
        for (stage, files) in [("stage01-a", before), ("stage02-b", after)] {
            scratch.write(
                &format!("crates/{stage}/Cargo.toml"),
                &format!("[package]\nname = \"{stage}\"\nedition = \"2024\"\n"),
            );
            for (path, text) in files {
                scratch.write(&format!("crates/{stage}/{path}"), text);
            }
        }
        scratch.write(
            "docs/src/stage01-a.md",
            "{{#step \"src/main.rs\"}}\n\n{{#step \"[package]\"}}\n\n{{#checkpoint}}\n\n\
             {{#card see=\"x\" rfc=\"9112\"}}\n\n{{#whole-files}}\n\n{{#whole-diff}}\n",
        );
        scratch.write("docs/src/SUMMARY.md", SUMMARY);
        scratch.write("Cargo.toml", "[workspace]\nmembers = [\"crates/*\"]\n");
        scratch.write("Cargo.lock", "version = 4\n");
        scratch
    }

    /// Writes a file of the workspace.
    pub fn write(&self, path: &str, text: &str) {
        let path = self.0.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    /// The faults of the book with this chapter.
    pub fn check(&self, chapter: &str) -> Vec<String> {
        self.write("docs/src/stage02-b.md", chapter);
        let problems = Book::read(&self.0).unwrap().check().unwrap();
        problems.iter().map(ToString::to_string).collect()
    }

    /// This chapter, carried out.
    pub fn chapter(&self, chapter: &str) -> Chapter {
        Book::read(&self.0)
            .unwrap()
            .chapter("stage02-b.md", chapter)
    }
}

/// A folder for tests. Not CARGO_TARGET_TMPDIR: that was compiled in, and the checkout may
/// have moved. This test is `target/debug/deps/book-0123456789abcdef`.
pub fn tmp() -> PathBuf {
    let test = env::current_exe().unwrap();
    let name = test.file_name().unwrap().to_string_lossy().into_owned();
    let name = name.split('-').next().unwrap().to_owned();
    test.ancestors().nth(3).unwrap().join("tmp").join(name)
}
