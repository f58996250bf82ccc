//! Carries a change from neighbour to neighbour. First everything is worked out; only when
//! nothing can go wrong any more are files written.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::error::Error;
use std::fs;
use std::io;
use std::path::Path;
use std::path::PathBuf;

use crate::git;
use crate::git::Side;

type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// Are all stages done? If not, the next one has conflicts to mend.
pub fn propagate(number: u8) -> Result<bool> {
    let stages = from(number)?;
    let mut plan = Plan::default();
    refuse_markers(&stages)?;
    let mut conflicts = None;
    for pair in stages.windows(2) {
        let (from, to) = (&pair[0], &pair[1]);
        plan.say(format!("{} -> {}", from.name(), to.name()));
        plan.carry_all(from, to)?;
        if plan.conflicts > 0 {
            conflicts = Some(to);
            break;
        }
    }
    plan.carry_out()?;
    if let Some(to) = conflicts {
        let (name, number) = (to.name(), to.number);
        println!("Mend {name}, then go on with:  scripts/propagate {number:02}");
    }
    Ok(conflicts.is_none())
}

/// A stage, and what the last commit has of it.
struct Stage {
    number: u8,
    /// `crates/stage03-request-logging`
    folder: PathBuf,
    committed: BTreeMap<PathBuf, String>,
}

impl Stage {
    fn name(&self) -> String {
        shown(Path::new(self.folder.file_name().unwrap_or_default()))
    }
}

/// The stage with this number, and all later ones.
fn from(number: u8) -> Result<Vec<Stage>> {
    let mut folders = BTreeMap::new();
    for entry in fs::read_dir("crates")? {
        let folder = Path::new("crates").join(entry?.file_name());
        let Some(found) = number_of(&folder).filter(|found| *found >= number) else {
            continue;
        };
        if let Some(other) = folders.insert(found, folder.clone()) {
            let (one, other) = (shown(&folder), shown(&other));
            return Err(format!("there are two stages {found}: {other} and {one}").into());
        }
    }
    if !folders.contains_key(&number) {
        return Err(format!("there is no stage {number}").into());
    }
    let mut stages = Vec::new();
    for (number, folder) in folders {
        let committed = git::committed(&folder).map_err(|error| {
            format!("{error}\nWhat has changed is what differs from the last commit; nothing was touched.")
        })?;
        stages.push(Stage {
            number,
            folder,
            committed,
        });
    }
    // Nothing is carried out of the last one.
    let last = stages.len() - 1;
    for stage in &stages[..last.max(1)] {
        if !stage
            .committed
            .contains_key(&stage.folder.join("Cargo.toml"))
        {
            return Err(format!(
                "{} is not in the last commit of this repository, so nobody knows what has \
                 changed in it; nothing was touched.\nIs this a tarball inside somebody else's \
                 repository? Then make one here: git init, git add, git commit.",
                shown(&stage.folder)
            )
            .into());
        }
    }
    Ok(stages)
}

/// 3 for `crates/stage03-request-logging`, if there is a crate in it.
fn number_of(folder: &Path) -> Option<u8> {
    let (number, _) = folder
        .file_name()?
        .to_str()?
        .strip_prefix("stage")?
        .split_once('-')?;
    let is_crate = number.len() == 2 && folder.join("Cargo.toml").exists();
    number.parse().ok().filter(|_| is_crate)
}

fn refuse_markers(stages: &[Stage]) -> Result<()> {
    let mut marks = String::new();
    for stage in stages {
        for path in git::working(&stage.folder)? {
            for line in markers(&now(&path)?.unwrap_or_default()) {
                marks += &format!("conflict marker: {}:{line}\n", shown(&path));
            }
        }
    }
    if marks.is_empty() {
        return Ok(());
    }
    Err(format!(
        "mend the conflicts first; nothing was touched\n{}",
        marks.trim_end()
    )
    .into())
}

/// The lines at which conflicts begin.
fn markers(text: &[u8]) -> Vec<usize> {
    let lines = text.split(|byte| *byte == b'\n').enumerate();
    let begins = lines.filter(|(_, line)| line.starts_with(b"<<<<<<< "));
    begins.map(|(at, _)| at + 1).collect()
}

/// What is to be done, and what is to be said about it.
#[derive(Default)]
struct Plan {
    /// Files as they shall be, in this order. No content: to be removed.
    files: BTreeMap<PathBuf, Option<Vec<u8>>>,
    report: String,
    conflicts: usize,
}

impl Plan {
    fn say(&mut self, line: String) {
        self.report += &format!("{line}\n");
    }

    fn conflict(&mut self, what: String) {
        self.say(format!("  conflict: {what}"));
        self.conflicts += 1;
    }

    fn set(&mut self, done: &str, path: &Path, content: Option<Vec<u8>>) {
        self.say(format!("  {done} {}", shown(path)));
        self.files.insert(path.to_path_buf(), content);
    }

    /// A file as it is, after what is planned already. `None`: there is none.
    fn now(&self, path: &Path) -> Result<Option<Vec<u8>>> {
        match self.files.get(path) {
            Some(planned) => Ok(planned.clone()),
            None => now(path),
        }
    }

    fn carry_all(&mut self, from: &Stage, to: &Stage) -> Result<()> {
        let mut paths: BTreeSet<PathBuf> = from.committed.keys().cloned().collect();
        paths.extend(git::working(&from.folder)?);
        paths.extend(
            self.files
                .keys()
                .filter(|path| path.starts_with(&from.folder))
                .cloned(),
        );
        for path in paths {
            let inside = path.strip_prefix(&from.folder)?;
            self.carry(from, to, &path, &to.folder.join(inside))?;
        }
        Ok(())
    }

    /// Merges what changed in `source` since the last commit into `target`.
    fn carry(&mut self, from: &Stage, to: &Stage, source: &Path, target: &Path) -> Result<()> {
        let theirs = self.now(source)?;
        let base = from.committed.get(source);
        let base = base.map(|object| git::content(object)).transpose()?;
        if theirs == base {
            return Ok(());
        }
        let ours = self.now(target)?;
        let was_there = to.committed.contains_key(target);
        match (base, theirs, ours) {
            (None, theirs, None) => self.set("added", target, theirs),
            (None, theirs, ours) if was_there => {
                if theirs != ours {
                    self.say(format!(
                        "  left as it is: {} (it was there before)",
                        shown(target)
                    ));
                }
            }
            (None, Some(theirs), Some(ours)) => self.merge(from, to, target, &theirs, b"", ours)?,
            (Some(base), Some(theirs), Some(ours)) => {
                self.merge(from, to, target, &theirs, &base, ours)?;
            }
            (Some(base), None, Some(ours)) => {
                if ours == base {
                    self.set("removed", target, None);
                } else if was_there {
                    let (target, name) = (shown(target), from.name());
                    self.conflict(format!(
                        "{target}: {name} removes it, but here it differs; remove it or leave it"
                    ));
                }
            }
            // The later stage has no such file.
            (_, _, None) | (None, None, _) => {}
        }
        Ok(())
    }

    fn merge(
        &mut self,
        from: &Stage,
        to: &Stage,
        target: &Path,
        theirs: &[u8],
        base: &[u8],
        ours: Vec<u8>,
    ) -> Result<()> {
        if ours == theirs {
            return Ok(());
        }
        if ours == base {
            self.set("changed", target, Some(theirs.to_vec()));
            return Ok(());
        }
        if [theirs, base, &ours].iter().any(|side| side.contains(&0)) {
            self.conflict(format!(
                "{}: it is no text, and both changed it",
                shown(target)
            ));
            return Ok(());
        }
        let (merged, conflicts) = git::merge(
            Side {
                label: &to.name(),
                text: &ours,
            },
            Side {
                label: &format!("{}, last commit", from.name()),
                text: base,
            },
            Side {
                label: &format!("{}, now", from.name()),
                text: theirs,
            },
        )
        .map_err(|error| format!("{}: {error}", shown(target)))?;
        if conflicts > 0 {
            for line in markers(&merged) {
                self.conflict(format!("{}:{line}", shown(target)));
            }
            self.files.insert(target.to_path_buf(), Some(merged));
        } else if merged != ours {
            self.set("changed", target, Some(merged));
        }
        Ok(())
    }

    /// Writes it all.
    fn carry_out(&self) -> Result<()> {
        for (path, content) in &self.files {
            let done = match content {
                Some(content) => write(path, content),
                None => fs::remove_file(path),
            };
            done.map_err(|error| format!("{}: {error}; git diff shows what is done", shown(path)))?;
        }
        print!("{}", self.report);
        Ok(())
    }
}

fn write(path: &Path, content: &[u8]) -> io::Result<()> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    fs::write(path, content)
}

/// A file's content; `None` if there is no such file.
fn now(path: &Path) -> Result<Option<Vec<u8>>> {
    let cannot = |error| format!("{}: {error}; nothing was touched", shown(path));
    match fs::symlink_metadata(path) {
        Ok(about) if about.is_file() => Ok(Some(fs::read(path).map_err(cannot)?)),
        Ok(about) if about.is_symlink() => Err(format!(
            "{} is a symbolic link, which has to be carried by hand; nothing was touched",
            shown(path)
        )
        .into()),
        // A folder where another stage has a file
        Ok(_) => Err(format!("{} is no file; nothing was touched", shown(path)).into()),
        Err(error) => match error.kind() {
            io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => Ok(None),
            _ => Err(cannot(error).into()),
        },
    }
}

/// A path for a terminal, whatever bytes are in it.
fn shown(path: &Path) -> String {
    let mut shown = String::new();
    for char in path.to_string_lossy().chars() {
        if char.is_control() {
            shown.extend(char.escape_default());
        } else {
            shown.push(char);
        }
    }
    shown
}
