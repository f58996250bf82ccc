//! Questions to git. Names travel as bytes that end in NUL, so any name will do.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::error::Error;
use std::ffi::OsStr;
use std::fs;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::path::PathBuf;
use std::process::Command;
use std::process::Output;

type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// What the last commit has below a folder: the name of each file's content, by path.
pub fn committed(folder: &Path) -> Result<BTreeMap<PathBuf, String>> {
    let listed = ask(&["ls-tree", "-r", "-z", "HEAD", "--"], folder)?;
    let mut files = BTreeMap::new();
    for entry in names(&listed) {
        // 100644 blob 1ee7…<TAB>path
        let tab = entry.iter().position(|byte| *byte == b'\t');
        let (about, path) = entry.split_at(tab.ok_or("git ls-tree: no tab")?);
        let object = about
            .rsplit(|byte| *byte == b' ')
            .next()
            .unwrap_or_default();
        let object = String::from_utf8_lossy(object).into_owned();
        files.insert(path_of(&path[1..]), object);
    }
    Ok(files)
}

/// All files below a folder that git knows, or would know after `git add`.
pub fn working(folder: &Path) -> Result<BTreeSet<PathBuf>> {
    let list = [
        "ls-files",
        "-z",
        "--cached",
        "--others",
        "--exclude-standard",
        "--",
    ];
    let listed = ask(&list, folder)?;
    Ok(names(&listed).map(path_of).collect())
}

/// The bytes that were committed under this name.
pub fn content(object: &str) -> Result<Vec<u8>> {
    ask(&["cat-file", "blob"], Path::new(object))
}

/// Three texts merged, and how many conflicts are marked in what came out.
pub fn merge(ours: Side, base: Side, theirs: Side) -> Result<(Vec<u8>, i32)> {
    let folder = tempfile::tempdir()?;
    let mut arguments = Vec::new();
    for side in [&ours, &base, &theirs] {
        arguments.extend(["-L", side.label]);
    }
    for (name, side) in [("ours", &ours), ("base", &base), ("theirs", &theirs)] {
        fs::write(folder.path().join(name), side.text)?;
        arguments.push(name);
    }
    // It shows the base in a conflict, without making the conflict longer.
    let mut output = merge_file(&["--zdiff3"], &arguments, folder.path())?;
    if output.status.code() == Some(129) {
        // git before 2.35 does not know it.
        output = merge_file(&[], &arguments, folder.path())?;
    }
    match output.status.code() {
        Some(conflicts @ 0..=127) => Ok((output.stdout, conflicts)),
        _ => Err(complaint("merge-file", &output).into()),
    }
}

/// A text of three, and what a conflict calls it.
pub struct Side<'a> {
    pub label: &'a str,
    pub text: &'a [u8],
}

fn merge_file(style: &[&str], arguments: &[&str], folder: &Path) -> Result<Output> {
    let mut git = Command::new("git");
    git.args(["-c", "merge.conflictStyle=merge", "merge-file", "-p"]);
    git.args(style).args(arguments).current_dir(folder);
    run(git)
}

fn ask(question: &[&str], about: &Path) -> Result<Vec<u8>> {
    let mut git = Command::new("git");
    git.args(question).arg(about);
    let output = run(git)?;
    if !output.status.success() {
        return Err(complaint(question[0], &output).into());
    }
    Ok(output.stdout)
}

fn run(mut git: Command) -> Result<Output> {
    git.output().map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => "git is not installed".into(),
        _ => format!("cannot run git: {error}").into(),
    })
}

fn complaint(question: &str, output: &Output) -> String {
    let says = String::from_utf8_lossy(&output.stderr);
    format!("git {question}: {}", says.trim_end())
}

fn names(listed: &[u8]) -> impl Iterator<Item = &[u8]> {
    listed
        .split(|byte| *byte == 0)
        .filter(|name| !name.is_empty())
}

fn path_of(name: &[u8]) -> PathBuf {
    PathBuf::from(OsStr::from_bytes(name))
}
