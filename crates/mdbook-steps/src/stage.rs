//! A stage, as the book sees it: a numbered crate and its files.

use std::collections::BTreeMap;
use std::env;
use std::fs;
use std::io;
use std::path::Path;
use std::path::PathBuf;

/// What of a crate the book shows. Tests are not part of the lesson.
const SHOWN: [&str; 5] = ["Cargo.toml", "src", "public", "templates", "examples"];

/// One stage of the workspace.
#[derive(Debug, Clone, Default)]
pub struct Stage {
    /// 5 for `stage05-routing`.
    pub number: u32,
    /// The crate's name.
    pub name: String,
    /// Where it lies.
    pub folder: PathBuf,
    /// The text of each file that the book shows, by its path inside the crate.
    pub files: BTreeMap<String, String>,
}

impl Stage {
    /// What is in one of its files. One that is no text is as it lies in the checkout.
    pub fn bytes(&self, path: &str) -> io::Result<Vec<u8>> {
        let text = self
            .files
            .get(path)
            .map(String::as_bytes)
            .unwrap_or_default();
        let lying = fs::read(self.folder.join(path)).unwrap_or_default();
        let is_text = String::from_utf8(lying.clone()).is_ok();
        Ok(if is_text { text.to_vec() } else { lying })
    }
}

/// The checkout that we are in. It may have been moved since it was compiled, or share a
/// target folder with another, so it is looked for when it is needed: cargo says where the
/// package lies that it runs, then there is the current folder, and at last what was compiled.
pub fn workspace() -> PathBuf {
    let package = env::var_os("CARGO_MANIFEST_DIR").map(PathBuf::from);
    let current = env::current_dir().ok();
    let compiled = Some(PathBuf::from(env!("CARGO_MANIFEST_DIR")));
    let starts = [package, current, compiled];
    let mut above = starts.iter().flatten().flat_map(|start| start.ancestors());
    let found = above.find(|folder| folder.join("crates/mdbook-steps/Cargo.toml").exists());
    found.unwrap_or(Path::new(".")).to_owned()
}

/// All stages below `root/crates`, in order. A file that cannot be read is an error.
pub fn read_all(root: &Path) -> io::Result<Vec<Stage>> {
    let mut stages = Vec::new();
    for entry in fs::read_dir(root.join("crates"))? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        let Some(number) = number_of(&name) else {
            continue;
        };
        if !entry.path().join("Cargo.toml").exists() {
            continue; // a folder that a checkout of another branch left behind
        }
        let mut files = BTreeMap::new();
        for part in SHOWN {
            read_files(&entry.path(), part, &mut files)?;
        }
        stages.push(Stage {
            number,
            name,
            folder: entry.path(),
            files,
        });
    }
    stages.sort_by_key(|stage| stage.number);
    Ok(stages)
}

/// 5 for `stage05-routing` and `stage05-routing.md`.
pub fn number_of(name: &str) -> Option<u32> {
    name.strip_prefix("stage")?.get(..2)?.parse().ok()
}

/// Reads the file `path` of a crate, or all files below the folder `path`.
fn read_files(krate: &Path, path: &str, files: &mut BTreeMap<String, String>) -> io::Result<()> {
    let full = krate.join(path);
    if full.is_dir() {
        for entry in fs::read_dir(full)? {
            let name = entry?.file_name();
            read_files(krate, &format!("{path}/{}", name.to_string_lossy()), files)?;
        }
    } else if full.exists() {
        let bytes = fs::read(full)?;
        let size = bytes.len();
        let text = String::from_utf8(bytes)
            .unwrap_or_else(|_| format!("a file of {size} bytes that is no text\n"));
        files.insert(path.to_owned(), text);
    }
    Ok(())
}
