//! Our own stages: found on disk, built, and known as programs.

use std::env;
use std::fs;
use std::path::Path;
use std::path::PathBuf;
use std::process::Command;
use std::sync::OnceLock;

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
        beside_this(&self.package)
    }
}

/// The stages that are there, in order: none if we run outside a checkout of the tutorial.
pub fn all() -> Vec<Stage> {
    let mut stages = Vec::new();
    let Some(crates) = checkout().map(|checkout| checkout.join("crates")) else {
        return stages;
    };
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

/// The checkout of the tutorial that we run in. It is looked for now and not while compiling:
/// a checkout may be moved after the build, and two may share a target folder.
pub fn checkout() -> Option<&'static Path> {
    static FOUND: OnceLock<Option<PathBuf>> = OnceLock::new();
    let found = FOUND.get_or_init(|| {
        // cargo says where the package that it runs lies. Somebody else's package, perhaps,
        // so we look at where we are, too, and at last around ourselves.
        let starts = [
            env::var_os("CARGO_MANIFEST_DIR").map(PathBuf::from),
            env::current_dir().ok(),
            env::current_exe().ok(),
        ];
        let mut above = starts.iter().flatten().flat_map(|start| start.ancestors());
        let found = above.find(|folder| folder.join("crates/wirecheck/Cargo.toml").exists());
        found.map(Path::to_path_buf)
    });
    found.as_deref()
}

/// What cargo would tell the program of a stage if it ran it: where its package lies.
pub(crate) fn package_of(program: &Path) -> Option<PathBuf> {
    let package = checkout()?.join("crates").join(program.file_name()?);
    package.is_dir().then_some(package)
}

/// Builds them, next to the program that runs now, in the same profile. What went wrong is
/// a sentence for people.
pub fn build(stages: &[Stage]) -> Result<(), String> {
    let Some(checkout) = checkout() else {
        return Err("the stages do not build: there is no checkout of the tutorial here".into());
    };
    let profile_dir = profile_dir();
    let target_dir = profile_dir.parent().unwrap_or(&profile_dir);
    let mut cargo = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo
        .args(["build", "--quiet", "--locked", "--manifest-path"])
        .arg(checkout.join("Cargo.toml"))
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

/// A program that cargo has built beside this one, or beside this test.
pub fn beside_this(name: &str) -> PathBuf {
    profile_dir().join(name)
}

/// `target/debug`, found through the program that runs now (a test lies in `deps`). If `cargo
/// install` has put that elsewhere, it is the one of the checkout.
fn profile_dir() -> PathBuf {
    let program = env::current_exe().unwrap_or_default();
    let dir = program.parent().unwrap_or(Path::new("."));
    let dir = if dir.ends_with("deps") {
        dir.parent().unwrap_or(dir)
    } else {
        dir
    };
    match checkout() {
        Some(checkout) if dir.ends_with("bin") => checkout.join("target/debug"),
        _ => dir.to_path_buf(),
    }
}
