//! The folder in which the programs of the book's checkpoints are built: one workspace of
//! many small crates, so that what they depend on is compiled once.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::env;
use std::fs;
use std::io;
use std::path::Path;
use std::path::PathBuf;
use std::process::Command;
use std::process::Stdio;

use serde_json::Value;

use crate::chapter::Chapter;
use crate::chapter::Runs;
use crate::manifest;
use crate::stage::Stage;

/// In the checkout, whatever CARGO_TARGET_DIR says: two checkouts may share that.
const FOLDER: &str = "target/checkpoints";

/// Where programs are built.
pub struct Workshop {
    folder: PathBuf,
}

/// What cargo said about each program: nothing if it compiles.
pub type Verdicts = BTreeMap<String, Option<String>>;

/// The name of a program in the workshop: `cp-05-3`, `cp-05-broken-1`.
pub fn name_of(chapter: u32, runs: Runs) -> String {
    match runs {
        Runs::Checkpoint(at) => format!("cp-{chapter:02}-{}", at + 1),
        Runs::Broken(at) => format!("cp-{chapter:02}-broken-{}", at + 1),
    }
}

/// All programs of a chapter, by their names.
pub fn programs(chapter: &Chapter) -> BTreeMap<String, &Stage> {
    let mut programs = BTreeMap::new();
    for (at, checkpoint) in chapter.checkpoints.iter().enumerate() {
        let number = checkpoint.program.number;
        programs.insert(name_of(number, Runs::Checkpoint(at)), &checkpoint.program);
    }
    for (at, broken) in chapter.breaks.iter().enumerate() {
        let number = broken.program.number;
        programs.insert(name_of(number, Runs::Broken(at)), &broken.program);
    }
    programs
}

impl Workshop {
    /// Writes down all programs of a book, those that have changed.
    pub fn new(root: &Path, chapters: &[&Chapter]) -> io::Result<Workshop> {
        let workshop = Workshop {
            folder: root.join(FOLDER),
        };
        let workspace = fs::read_to_string(root.join("Cargo.toml"))?;
        let mut members = String::new();
        let mut wanted = BTreeSet::new();
        for (name, program) in chapters.iter().flat_map(|chapter| programs(chapter)) {
            members += &format!("    \"crates/{name}\",\n");
            workshop.write(&name, program)?;
            wanted.insert(name);
        }
        for entry in fs::read_dir(workshop.folder.join("crates"))
            .into_iter()
            .flatten()
        {
            let entry = entry?;
            if !wanted.contains(&*entry.file_name().to_string_lossy()) {
                fs::remove_dir_all(entry.path())?;
            }
        }
        let section = |head| manifest::section(&workspace, head).join("\n");
        let text = format!(
            "# Written by mdbook-steps.\n[workspace]\nresolver = \"3\"\nmembers = [\n{members}]\n\n\
             [workspace.package]\n{}\n\n[workspace.dependencies]\n{}\n\n\
             # Nobody debugs these.\n[profile.dev]\ndebug = false\nincremental = false\n",
            section("[workspace.package]"),
            section("[workspace.dependencies]"),
        );
        write(&workshop.folder.join("Cargo.toml"), text.as_bytes())?;
        // The versions of the workspace. Cargo adds our members to its own copy.
        let lock = fs::read(root.join("Cargo.lock"))?;
        if write(&workshop.folder.join("Cargo.lock.of-the-workspace"), &lock)? {
            fs::write(workshop.folder.join("Cargo.lock"), &lock)?;
        }
        Ok(workshop)
    }

    /// One program, as a crate of the workshop's workspace.
    fn write(&self, name: &str, program: &Stage) -> io::Result<()> {
        let folder = self.folder.join("crates").join(name);
        let mut kept = BTreeSet::new();
        for (path, text) in &program.files {
            let bytes = match path.as_str() {
                "Cargo.toml" => cargo_toml(name, program, text).into_bytes(),
                "src/main.rs" => with_address(text).into_bytes(),
                _ => program.bytes(path)?,
            };
            write(&folder.join(path), &bytes)?;
            kept.insert(folder.join(path));
        }
        remove_all_but(&folder, &kept)
    }

    /// Where the files of a program are.
    pub fn folder(&self, name: &str) -> PathBuf {
        self.folder.join("crates").join(name)
    }

    /// The program, once it is built; `example` is one of its examples.
    pub fn program(&self, name: &str, example: Option<&str>) -> PathBuf {
        let built = self.folder.join("target/debug");
        match example {
            Some(example) => built.join("examples").join(format!("{name}-{example}")),
            None => built.join(name),
        }
    }

    /// Has cargo build these. It goes on after an error.
    pub fn build(&self, names: &BTreeSet<String>) -> io::Result<Verdicts> {
        if names.is_empty() {
            return Ok(Verdicts::new());
        }
        // First without the network: in a checkout that has been built, all is there.
        let (verdicts, said) = self.cargo(names, &["--offline"])?;
        if !verdicts.is_empty() {
            return Ok(verdicts);
        }
        let (verdicts, again) = self.cargo(names, &[])?;
        if !verdicts.is_empty() {
            return Ok(verdicts);
        }
        Err(io::Error::other(format!(
            "cargo builds nothing:\n{said}\n{again}"
        )))
    }

    fn cargo(&self, names: &BTreeSet<String>, also: &[&str]) -> io::Result<(Verdicts, String)> {
        let mut cargo = Command::new(env::var_os("CARGO").unwrap_or("cargo".into()));
        cargo
            .current_dir(&self.folder)
            .args(["build", "--bins", "--examples"]);
        cargo.args([
            "--keep-going",
            "--message-format=json",
            "--target-dir",
            "target",
        ]);
        cargo.args(also);
        for name in names {
            cargo.args(["-p", name]);
        }
        let output = cargo.stdin(Stdio::null()).output()?;
        let mut built = BTreeSet::new();
        let mut errors: BTreeMap<String, String> = BTreeMap::new();
        for line in String::from_utf8_lossy(&output.stdout).lines() {
            let Ok(message) = serde_json::from_str::<Value>(line) else {
                continue;
            };
            let Some(name) = crate_of(&message) else {
                continue;
            };
            if message["reason"] == "compiler-artifact" {
                built.insert(name);
                continue;
            }
            let said = &message["message"];
            let place = said["spans"]
                .as_array()
                .is_some_and(|spans| !spans.is_empty());
            if said["level"] == "error" && place {
                let said = said["rendered"].as_str().unwrap_or_default();
                *errors.entry(name).or_default() += said;
            }
        }
        let mut verdicts = Verdicts::new();
        for name in names {
            if let Some(said) = errors.remove(name) {
                let own = said.replace(&format!("crates/{name}/"), "");
                verdicts.insert(name.clone(), Some(own.trim_end().to_owned()));
            } else if built.contains(name) {
                verdicts.insert(name.clone(), None);
            }
        }
        // What cargo did not come to, although something else was built
        if !verdicts.is_empty() {
            for name in names {
                let said = String::from_utf8_lossy(&output.stderr).into_owned();
                verdicts.entry(name.clone()).or_insert(Some(said));
            }
        }
        Ok((
            verdicts,
            String::from_utf8_lossy(&output.stderr).into_owned(),
        ))
    }
}

/// The crate of the workshop that a message of cargo is about.
fn crate_of(message: &Value) -> Option<String> {
    let manifest = Path::new(message["manifest_path"].as_str()?);
    Some(
        manifest
            .parent()?
            .file_name()?
            .to_string_lossy()
            .into_owned(),
    )
}

/// The manifest of a program in the workshop, with a name that nothing else there has.
fn cargo_toml(name: &str, program: &Stage, text: &str) -> String {
    let text = manifest::without(text, &manifest::OURS);
    let mut own = text.replace(
        &format!("name = \"{}\"", program.name),
        &format!("name = \"{name}\""),
    );
    own = own.replace("[package]\n", "[package]\nautoexamples = false\n");
    for path in program.files.keys() {
        let example = path
            .strip_prefix("examples/")
            .and_then(|path| path.strip_suffix(".rs"));
        if let Some(example) = example {
            own += &format!("\n[[example]]\nname = \"{name}-{example}\"\npath = \"{path}\"\n");
        }
    }
    own
}

/// A program that has its address built in would always want port 8080. While a session is
/// replayed, it gets another, through a function whose call is as long as the address: so
/// the compiler and a panic name the same columns.
fn with_address(text: &str) -> String {
    const BUILT_IN: &str = "\"127.0.0.1:8080\"";
    const ASKED: &str = "crate::address()";
    let code = text
        .lines()
        .filter(|line| !line.trim_start().starts_with("//"));
    let literal = |line: &str| line.contains(BUILT_IN) && !line.contains("default_value");
    if !code.clone().any(literal) || text.contains("fn address(") {
        return text.to_owned();
    }
    let mut own: String = text
        .lines()
        .map(
            |line| match literal(line) && !line.trim_start().starts_with("//") {
                true => format!("{}\n", line.replace(BUILT_IN, ASKED)),
                false => format!("{line}\n"),
            },
        )
        .collect();
    own += "\nfn address() -> &'static str {\n    \
            std::env::var(\"ADDRESS\").map_or(\"127.0.0.1:8080\", |address| address.leak())\n}\n";
    own
}

/// Writes a file unless it is like that already, so that cargo sees what has changed. Has it
/// written?
fn write(path: &Path, bytes: &[u8]) -> io::Result<bool> {
    if fs::read(path).is_ok_and(|there| there == bytes) {
        return Ok(false);
    }
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    fs::write(path, bytes)?;
    Ok(true)
}

/// What an earlier program of that name has left
fn remove_all_but(folder: &Path, kept: &BTreeSet<PathBuf>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            remove_all_but(&path, kept)?;
        } else if !kept.contains(&path) {
            fs::remove_file(path)?;
        }
    }
    Ok(())
}

/// Writes a program into an empty folder, as a crate of its own.
pub fn write_alone(root: &Path, program: &Stage, folder: &Path) -> Result<(), String> {
    let cannot = |error: io::Error| format!("cannot write to {}: {error}", folder.display());
    fs::create_dir_all(folder).map_err(cannot)?;
    if fs::read_dir(folder).map_err(cannot)?.next().is_some() {
        return Err(format!(
            "{} is not empty; name a new folder",
            folder.display()
        ));
    }
    let read = |name: &str| {
        fs::read_to_string(root.join(name)).map_err(|error| format!("{name}: {error}"))
    };
    let workspace = read("Cargo.toml")?;
    for (path, text) in &program.files {
        let bytes = match path.as_str() {
            "Cargo.toml" => manifest::alone(text, &workspace)?.into_bytes(),
            _ => program.bytes(path).map_err(cannot)?,
        };
        write(&folder.join(path), &bytes).map_err(cannot)?;
    }
    // The versions that the book was made with
    write(&folder.join("Cargo.lock"), read("Cargo.lock")?.as_bytes()).map_err(cannot)?;
    Ok(())
}
