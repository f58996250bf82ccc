//! `scripts/diff` and `scripts/propagate`, tried on a scratch copy.

use std::fs;
use std::path::Path;
use std::path::PathBuf;
use std::process::Command;
use std::process::Output;

/// A workspace of three small stages in a folder of its own, committed.
struct Scratch(PathBuf);

const MAIN: &str =
    "fn main() {\n    one();\n    two();\n    three();\n    four();\n    five();\n}\n";

impl Scratch {
    fn new(name: &str) -> Scratch {
        let scratch = Scratch(Path::new(env!("CARGO_TARGET_TMPDIR")).join(name));
        let _ = fs::remove_dir_all(&scratch.0);
        for script in ["diff", "propagate"] {
            let source = Path::new(env!("CARGO_MANIFEST_DIR"))
                .join("../../scripts")
                .join(script);
            fs::create_dir_all(scratch.0.join("scripts")).unwrap();
            fs::copy(source, scratch.0.join("scripts").join(script)).unwrap();
        }
        for stage in ["stage01-a", "stage02-b", "stage03-c"] {
            scratch.write(&format!("crates/{stage}/Cargo.toml"), "[package]\n");
        }
        // What is left of a stage that had another name: no stage
        scratch.write("crates/stage02-a/target/left", "");
        scratch.write("crates/stage01-a/src/main.rs", MAIN);
        scratch.write(
            "crates/stage02-b/src/main.rs",
            &MAIN.replace("five", "FIVE"),
        );
        scratch.write(
            "crates/stage03-c/src/main.rs",
            &MAIN.replace("five", "FIVE").replace("four", "FOUR"),
        );
        scratch.write("crates/stage01-a/src/old.rs", "old\n");
        scratch.write("crates/stage02-b/src/old.rs", "old\n");
        scratch.write("crates/stage02-b/tests/b.rs", "not in the diff\n");
        scratch.git(&["init", "-q"]);
        scratch.commit();
        scratch
    }

    fn git(&self, args: &[&str]) {
        let who = ["-c", "user.name=test", "-c", "user.email=test@example.com"];
        let output = Command::new("git")
            .current_dir(&self.0)
            .args(who)
            .args(args)
            .output()
            .unwrap();
        assert!(
            output.status.success(),
            "git {args:?}: {}",
            text(&output.stderr)
        );
    }

    fn commit(&self) {
        self.git(&["add", "-A"]);
        self.git(&["commit", "-q", "--no-verify", "-m", "a commit"]);
    }

    fn write(&self, path: &str, text: &str) {
        let path = self.0.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    fn read(&self, path: &str) -> String {
        fs::read_to_string(self.0.join(path)).unwrap()
    }

    fn exists(&self, path: &str) -> bool {
        self.0.join(path).exists()
    }

    fn run(&self, script: &str, args: &[&str]) -> Output {
        Command::new(self.0.join("scripts").join(script))
            .args(args)
            .output()
            .unwrap()
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[test]
fn diff_shows_sources_and_no_tests() {
    let scratch = Scratch::new("diff");
    let output = scratch.run("diff", &["2"]);
    assert!(output.status.success(), "{}", text(&output.stderr));
    let diff = text(&output.stdout);
    assert!(diff.contains("-    five();\n+    FIVE();\n"), "{diff}");
    assert!(!diff.contains("not in the diff"), "{diff}");

    let pair = text(&scratch.run("diff", &["1", "3"]).stdout);
    assert!(pair.contains("+    FOUR();\n"), "{pair}");
}

#[test]
fn diff_refuses_a_wrong_number() {
    let scratch = Scratch::new("diff-wrong");
    for args in [
        &["1"][..],
        &["9"],
        &["x"],
        &["0", "2"],
        &[],
        &["1", "2", "3"],
    ] {
        let output = scratch.run("diff", args);
        assert_eq!(output.status.code(), Some(2), "{args:?}");
        assert!(!output.stderr.is_empty(), "{args:?}");
    }
}

#[test]
fn propagate_carries_changes_and_keeps_the_stages_own() {
    let scratch = Scratch::new("propagate");
    scratch.write("crates/stage01-a/src/main.rs", &MAIN.replace("one", "ONE"));
    scratch.write("crates/stage01-a/src/new.rs", "new\n");
    fs::remove_file(scratch.0.join("crates/stage01-a/src/old.rs")).unwrap();
    // Edited in the same go, in a later stage; it travels on too.
    scratch.write("crates/stage02-b/tests/b.rs", "edited\n");
    scratch.write("crates/stage02-b/src/b.rs", "b\n");

    let output = scratch.run("propagate", &["1"]);

    assert!(output.status.success(), "{}", text(&output.stdout));
    let expected = MAIN.replace("one", "ONE").replace("five", "FIVE");
    assert_eq!(scratch.read("crates/stage02-b/src/main.rs"), expected);
    assert_eq!(
        scratch.read("crates/stage03-c/src/main.rs"),
        expected.replace("four", "FOUR")
    );
    assert_eq!(scratch.read("crates/stage03-c/src/new.rs"), "new\n");
    assert_eq!(scratch.read("crates/stage03-c/src/b.rs"), "b\n");
    assert!(!scratch.exists("crates/stage02-b/src/old.rs"));
    assert!(
        !scratch.exists("crates/stage03-c/tests/b.rs"),
        "stage 03 never had it"
    );

    // A second run finds nothing to do.
    let again = text(&scratch.run("propagate", &["01"]).stdout);
    assert_eq!(again, "stage01-a -> stage02-b\nstage02-b -> stage03-c\n");
}

#[test]
fn propagate_stops_at_a_conflict_and_goes_on_after_it() {
    let scratch = Scratch::new("propagate-conflict");
    scratch.write(
        "crates/stage01-a/src/main.rs",
        &MAIN.replace("five", "cinque"),
    );

    let output = scratch.run("propagate", &["1"]);

    assert_eq!(output.status.code(), Some(1));
    let said = text(&output.stdout);
    assert!(
        said.contains("conflict: crates/stage02-b/src/main.rs:6\n"),
        "{said}"
    );
    assert!(said.contains("scripts/propagate 02"), "{said}");
    assert!(
        scratch
            .read("crates/stage02-b/src/main.rs")
            .contains("<<<<<<< ")
    );
    assert!(
        !scratch
            .read("crates/stage03-c/src/main.rs")
            .contains("cinque")
    );

    let refused = scratch.run("propagate", &["2"]);
    assert_eq!(
        refused.status.code(),
        Some(2),
        "the markers are still there"
    );

    scratch.write(
        "crates/stage02-b/src/main.rs",
        &MAIN.replace("five", "CINQUE"),
    );
    let output = scratch.run("propagate", &["2"]);
    // Stage 03 changed the line above, and changes that touch conflict again.
    assert_eq!(output.status.code(), Some(1));
    let third = scratch.read("crates/stage03-c/src/main.rs");
    assert!(
        third.contains("CINQUE"),
        "{third}\n{}",
        text(&output.stdout)
    );
}
