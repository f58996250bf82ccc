//! What one file promises and another has to keep.

use std::env;
use std::fs;
use std::path::Path;

/// A file of this checkout.
fn read(path: &str) -> String {
    let crate_now = env::var("CARGO_MANIFEST_DIR").unwrap();
    fs::read_to_string(Path::new(&crate_now).join("../..").join(path)).unwrap()
}

/// cargo refuses an older one, and `.ci/run oldest` tests with this one.
#[test]
fn the_readme_promises_the_rust_that_is_tested() {
    let manifest = read("Cargo.toml");
    let (_, version) = manifest.split_once("\nrust-version = \"").unwrap();
    let (version, _) = version.split_once('"').unwrap();
    let promise = format!("[Rust](https://rustup.rs) {version} or later");
    let readme = read("README.md").replace('\n', " ");
    assert!(readme.contains(&promise), "README.md lacks: {promise}");
}

/// Each part that GitHub runs is one of `.ci/run`, and none is left out.
#[test]
fn github_runs_the_parts_of_ci() {
    let script = read(".ci/run");
    let (_, all) = script.split_once("|| set -- ").unwrap();
    let workflow = read(".github/workflows/book.yml");
    let (_, matrix) = workflow.split_once("part: [").unwrap();
    let (matrix, _) = matrix.split_once(']').unwrap();
    let runs: Vec<&str> = matrix.split(", ").collect();
    for part in all.lines().next().unwrap().split_whitespace() {
        assert!(runs.contains(&part), "the workflow leaves out {part}");
    }
    for part in runs {
        assert!(script.contains(&format!("\n{part}() {{")), "no part {part}");
    }
}
