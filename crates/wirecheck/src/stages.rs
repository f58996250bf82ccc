//! Our own stages: found on disk, built, and known as programs.

use std::env;
use std::fs;
use std::path::Path;
use std::path::PathBuf;
use std::process::Command;

/// One of our stages.
#[derive(Clone, Debug)]
pub struct Stage {
    /// 1 for `stage01-socket-accept`.
    pub number: u8,
    /// The name of the package, and so of the program.
    pub package: String,
}

impl Stage {
    /// The program, once it is built.
    pub fn program(&self) -> PathBuf {
        profile_dir().join(&self.package)
    }
}

/// The stages that are there, in order.
pub fn all() -> Vec<Stage> {
    let crates = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut stages = Vec::new();
    for entry in fs::read_dir(crates).into_iter().flatten().flatten() {
        let package = entry.file_name().to_string_lossy().into_owned();
        let number = package.strip_prefix("stage").and_then(|rest| rest.get(..2));
        let Some(number) = number.and_then(|digits| digits.parse().ok()) else {
            continue;
        };
        if entry.path().join("Cargo.toml").exists() {
            stages.push(Stage { number, package });
        }
    }
    stages.sort_by_key(|stage| stage.number);
    stages
}

/// Builds them, next to the program that runs now, in the same profile. What went wrong is
/// a sentence for people.
pub fn build(stages: &[Stage]) -> Result<(), String> {
    let profile_dir = profile_dir();
    let target_dir = profile_dir.parent().unwrap_or(&profile_dir);
    let mut cargo = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo
        .args(["build", "--quiet", "--locked", "--manifest-path"])
        .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/../../Cargo.toml"))
        .arg("--target-dir")
        .arg(target_dir);
    if profile_dir.ends_with("release") {
        cargo.arg("--release");
    }
    for stage in stages {
        cargo.args(["--package", &stage.package, "--bin", &stage.package]);
    }
    match cargo.status() {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(format!(
            "the stages do not build: cargo ended with {status}"
        )),
        Err(e) => Err(format!("cannot run cargo: {e}")),
    }
}

/// `target/debug`, found through the program that runs now (a test lies in `deps`).
fn profile_dir() -> PathBuf {
    let program = env::current_exe().unwrap_or_default();
    let dir = program.parent().unwrap_or(Path::new("."));
    let dir = if dir.ends_with("deps") {
        dir.parent().unwrap_or(dir)
    } else {
        dir
    };
    dir.to_path_buf()
}
