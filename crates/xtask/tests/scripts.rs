//! `scripts/diff`, and what `scripts/propagate` starts, tried on small stages of their own.

use std::env;
use std::ffi::OsStr;
use std::fs;
use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::path::PathBuf;
use std::process::Command;
use std::process::Output;

use tempfile::TempDir;

/// A workspace of three small stages.
struct Scratch {
    /// Deleted at the end.
    _folder: TempDir,
    /// A folder in it, with a space in its name: where the workspace lies.
    home: PathBuf,
    /// Where programs are looked for.
    path: String,
}

const MAIN: &str =
    "fn main() {\n    one();\n    two();\n    three();\n    four();\n    five();\n}\n";

const MAINS: [&str; 3] = [
    "crates/stage01-a/src/main.rs",
    "crates/stage02-b/src/main.rs",
    "crates/stage03-c/src/main.rs",
];

impl Scratch {
    fn new() -> Scratch {
        let scratch = Scratch::without_git();
        scratch.git(&["init", "-q"]);
        scratch.commit();
        scratch
    }

    fn without_git() -> Scratch {
        let folder = TempDir::new().unwrap();
        let scratch = Scratch {
            home: folder.path().join("a b"),
            _folder: folder,
            path: env::var("PATH").unwrap(),
        };
        for stage in ["stage01-a", "stage02-b", "stage03-c"] {
            scratch.write(&format!("crates/{stage}/Cargo.toml"), "[package]\n");
        }
        // What is left of a stage that had another name: no stage
        scratch.write("crates/stage02-a/target/left", "");
        scratch.write(MAINS[0], MAIN);
        scratch.write(MAINS[1], MAIN.replace("five", "FIVE"));
        scratch.write(
            MAINS[2],
            MAIN.replace("five", "FIVE").replace("four", "FOUR"),
        );
        scratch.write("crates/stage01-a/src/old.rs", "old\n");
        scratch.write("crates/stage02-b/src/old.rs", "old\n");
        scratch.write("crates/stage02-b/tests/b.rs", "not in the diff\n");
        scratch
    }

    fn at(&self, path: impl AsRef<Path>) -> PathBuf {
        self.home.join(path)
    }

    /// A command in the scratch folder. What a git hook has set is none of its business.
    fn command(&self, program: impl AsRef<OsStr>) -> Command {
        let mut command = Command::new(program);
        command.current_dir(&self.home).env("PATH", &self.path);
        for name in ["GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_PREFIX"] {
            command.env_remove(name);
        }
        command
    }

    fn git(&self, args: &[&str]) {
        let who = ["-c", "user.name=test", "-c", "user.email=test@example.com"];
        let who = [&who[..], &["-c", "commit.gpgSign=false"]].concat();
        let output = self.command("git").args(who).args(args).output().unwrap();
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

    fn write(&self, path: &str, text: impl AsRef<[u8]>) {
        let path = self.at(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    fn read(&self, path: &str) -> String {
        fs::read_to_string(self.at(path)).unwrap()
    }

    fn exists(&self, path: &str) -> bool {
        self.at(path).exists()
    }

    /// Puts a program of that name before all others.
    fn install(&mut self, name: &str, script: &str) {
        self.write(&format!("bin/{name}"), format!("#!/bin/sh\n{script}\n"));
        let program = self.at(format!("bin/{name}"));
        fs::set_permissions(program, Permissions::from_mode(0o755)).unwrap();
        self.path = format!("{}:{}", self.at("bin").display(), self.path);
    }

    /// The command `scripts/diff`.
    fn diff_command(&self) -> Command {
        let script = Path::new(&env::var("CARGO_MANIFEST_DIR").unwrap()).join("../../scripts/diff");
        fs::create_dir_all(self.at("scripts")).unwrap();
        fs::copy(script, self.at("scripts/diff")).unwrap();
        // Read by bash, and not started: another test that starts something at this moment
        // may still hold the file that was written, and then the system says "text file busy".
        let mut command = self.command("bash");
        command.arg("scripts/diff");
        command
    }

    fn diff(&self, args: &[&str]) -> Output {
        self.diff_command().args(args).output().unwrap()
    }

    fn propagate(&self, stage: &str) -> Output {
        // This test is target/debug/deps/scripts-0123456789abcdef.
        let test = env::current_exe().unwrap();
        let xtask = test.parent().unwrap().with_file_name("xtask");
        let mut command = self.command(xtask);
        command.args(["propagate", stage]).output().unwrap()
    }

    /// Nothing was carried, and the reason was told.
    fn refuses(&self, stage: &str, reason: &str) {
        let before = MAINS.map(|main| self.read(main));
        let output = self.propagate(stage);
        let says = text(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{says}");
        assert!(says.contains(reason), "{says}");
        assert_eq!(text(&output.stdout), "");
        assert_eq!(MAINS.map(|main| self.read(main)), before);
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[test]
fn diff_shows_sources_and_no_tests() {
    let scratch = Scratch::new();
    let output = scratch.diff(&["2"]);
    assert!(output.status.success(), "{}", text(&output.stderr));
    let diff = text(&output.stdout);
    assert!(diff.contains("-    five();\n+    FIVE();\n"), "{diff}");
    assert!(!diff.contains("not in the diff"), "{diff}");

    let pair = text(&scratch.diff(&["1", "3"]).stdout);
    assert!(pair.contains("+    FOUR();\n"), "{pair}");
}

#[test]
fn diff_shows_names_as_they_are() {
    let scratch = Scratch::new();
    scratch.write("crates/stage02-b/public/kätzchen.txt", "miau\n");
    let diff = text(&scratch.diff(&["2"]).stdout);
    assert!(
        diff.contains("+++ stage02-b/public/kätzchen.txt\n"),
        "{diff}"
    );
}

#[test]
fn diff_refuses_a_wrong_number() {
    let scratch = Scratch::new();
    for args in [
        &["1"][..],
        &["9"],
        &["x"],
        &["0", "2"],
        &[],
        &["1", "2", "3"],
    ] {
        let output = scratch.diff(args);
        assert_eq!(output.status.code(), Some(2), "{args:?}");
        assert!(!output.stderr.is_empty(), "{args:?}");
    }
}

#[test]
fn diff_without_git_says_so() {
    let mut scratch = Scratch::without_git();
    fs::create_dir(scratch.at("bin")).unwrap();
    for tool in ["bash", "dirname", "basename", "mktemp", "rm"] {
        let found = env::split_paths(&env::var("PATH").unwrap())
            .map(|folder| folder.join(tool))
            .find(|program| program.exists());
        symlink(found.unwrap(), scratch.at("bin").join(tool)).unwrap();
    }
    scratch.path = scratch.at("bin").display().to_string();
    let output = scratch.diff(&["2"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(text(&output.stderr).contains("git is not installed"));
}

/// `cd` would go to another folder that has a `scripts` in it.
#[test]
fn cdpath_leads_no_script_astray() {
    let scratch = Scratch::new();
    let decoy = Scratch::without_git();
    decoy.write("scripts/diff", "");
    decoy.write(MAINS[0], "decoy\n");
    let output = scratch
        .diff_command()
        .arg("2")
        .env("CDPATH", &decoy.home)
        .output()
        .unwrap();
    let diff = text(&output.stdout);
    assert!(output.status.success() && !diff.contains("decoy"), "{diff}");
}

#[test]
fn propagate_carries_changes_and_keeps_the_stages_own() {
    let scratch = Scratch::new();
    scratch.write(MAINS[0], MAIN.replace("one", "ONE"));
    scratch.write("crates/stage01-a/src/new.rs", "new\n");
    fs::remove_file(scratch.at("crates/stage01-a/src/old.rs")).unwrap();
    // Edited in the same go, in a later stage; it travels on too.
    scratch.write("crates/stage02-b/tests/b.rs", "edited\n");
    scratch.write("crates/stage02-b/src/b.rs", "b\n");

    let output = scratch.propagate("1");

    assert!(output.status.success(), "{}", text(&output.stderr));
    let expected = MAIN.replace("one", "ONE").replace("five", "FIVE");
    assert_eq!(scratch.read(MAINS[1]), expected);
    assert_eq!(scratch.read(MAINS[2]), expected.replace("four", "FOUR"));
    assert_eq!(scratch.read("crates/stage03-c/src/new.rs"), "new\n");
    assert_eq!(scratch.read("crates/stage03-c/src/b.rs"), "b\n");
    assert!(!scratch.exists("crates/stage02-b/src/old.rs"));
    assert!(
        !scratch.exists("crates/stage03-c/tests/b.rs"),
        "stage 03 never had it"
    );

    // A second run finds nothing to do.
    let again = text(&scratch.propagate("01").stdout);
    assert_eq!(again, "stage01-a -> stage02-b\nstage02-b -> stage03-c\n");
}

#[test]
fn propagate_stops_at_a_conflict_and_goes_on_after_it() {
    let scratch = Scratch::new();
    scratch.write(MAINS[0], MAIN.replace("five", "cinque"));

    let output = scratch.propagate("1");

    assert_eq!(output.status.code(), Some(1));
    let said = text(&output.stdout);
    assert!(
        said.contains("conflict: crates/stage02-b/src/main.rs:6\n"),
        "{said}"
    );
    assert!(said.contains("scripts/propagate 02"), "{said}");
    assert!(scratch.read(MAINS[1]).contains("<<<<<<< "));
    assert!(!scratch.read(MAINS[2]).contains("cinque"));

    scratch.refuses("2", "mend the conflicts first");

    scratch.write(MAINS[1], MAIN.replace("five", "CINQUE"));
    let output = scratch.propagate("2");
    // Stage 03 changed the line above, and changes that touch conflict again.
    assert_eq!(output.status.code(), Some(1));
    let third = scratch.read(MAINS[2]);
    assert!(
        third.contains("CINQUE"),
        "{third}\n{}",
        text(&output.stdout)
    );
}

#[test]
fn propagate_carries_files_with_any_name() {
    let scratch = Scratch::new();
    let names = [
        "kätzchen.txt",
        "two words",
        "two\nlines",
        "-v",
        "tab\t\"q\"",
    ];
    for name in names {
        for stage in ["stage01-a", "stage02-b"] {
            scratch.write(&format!("crates/{stage}/public/{name}"), "miau\n");
        }
    }
    scratch.commit();
    for name in names {
        scratch.write(&format!("crates/stage01-a/public/{name}"), "purr\n");
        scratch.write(&format!("crates/stage01-a/public/new {name}"), "new\n");
    }

    let output = scratch.propagate("1");

    assert!(output.status.success(), "{}", text(&output.stderr));
    let said = text(&output.stdout);
    for name in names {
        let changed = scratch.read(&format!("crates/stage02-b/public/{name}"));
        assert_eq!(changed, "purr\n", "{name:?}\n{said}");
        let new = scratch.read(&format!("crates/stage03-c/public/new {name}"));
        assert_eq!(new, "new\n", "{name:?}\n{said}");
    }
    assert!(
        said.contains("changed crates/stage02-b/public/kätzchen.txt\n"),
        "{said}"
    );
    assert!(
        said.contains("changed crates/stage02-b/public/two\\nlines\n"),
        "{said}"
    );
}

/// A picture, say: it is taken whole or not at all.
#[test]
fn propagate_does_not_mix_bytes() {
    let scratch = Scratch::new();
    for stage in ["stage01-a", "stage02-b", "stage03-c"] {
        scratch.write(&format!("crates/{stage}/public/cat.png"), "\0cat");
    }
    scratch.commit();
    scratch.write("crates/stage01-a/public/cat.png", "\0kitten");
    scratch.write("crates/stage03-c/public/cat.png", "\0lion");
    let output = scratch.propagate("1");
    let said = text(&output.stdout);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(
        said.contains("conflict: crates/stage03-c/public/cat.png: "),
        "{said}"
    );
    assert_eq!(
        scratch.read("crates/stage02-b/public/cat.png"),
        "\0kitten",
        "nobody had touched this one"
    );
    assert_eq!(scratch.read("crates/stage03-c/public/cat.png"), "\0lion");
}

/// A tarball that was unpacked inside somebody else's repository has no last commit.
#[test]
fn propagate_in_a_foreign_repository_is_refused() {
    let scratch = Scratch::without_git();
    scratch.git(&["init", "-q", ".."]);
    scratch.refuses("1", "nothing was touched");
    scratch.write("../README", "somebody else's\n");
    scratch.git(&["add", "../README"]);
    scratch.git(&["commit", "-q", "--no-verify", "-m", "theirs"]);
    scratch.refuses("1", "crates/stage01-a is not in the last commit");
}

/// But a repository may hold more than this project.
#[test]
fn propagate_works_in_a_folder_of_a_repository() {
    let scratch = Scratch::without_git();
    scratch.git(&["init", "-q", ".."]);
    scratch.commit();
    scratch.write(MAINS[0], MAIN.replace("one", "ONE"));
    let output = scratch.propagate("1");
    assert!(output.status.success(), "{}", text(&output.stderr));
    assert!(scratch.read(MAINS[2]).contains("ONE"));
}

#[test]
fn propagate_outside_a_repository_is_refused() {
    Scratch::without_git().refuses("1", "nothing was touched");
}

#[test]
fn propagate_without_git_is_refused() {
    let mut scratch = Scratch::new();
    scratch.write(MAINS[0], MAIN.replace("one", "ONE"));
    scratch.path = scratch.at("bin").display().to_string();
    scratch.refuses("1", "git is not installed");
}

/// Before 2.35 git knew no `--zdiff3`, and ends with its usage and status 129.
#[test]
fn propagate_works_with_an_old_git() {
    let mut scratch = Scratch::new();
    scratch.write(MAINS[0], MAIN.replace("one", "ONE"));
    let path = &scratch.path;
    scratch.install(
        "git",
        &format!("case \"$*\" in *zdiff3*) exit 129 ;; esac\nPATH='{path}' exec git \"$@\""),
    );
    let output = scratch.propagate("1");
    assert!(output.status.success(), "{}", text(&output.stderr));
    let expected = MAIN.replace("one", "ONE").replace("five", "FIVE");
    assert_eq!(scratch.read(MAINS[1]), expected);
    assert_eq!(scratch.read(MAINS[2]), expected.replace("four", "FOUR"));
}

/// What goes wrong on the way to the last stage leaves the ones before it as they were.
#[test]
fn propagate_touches_nothing_before_all_is_known() {
    let mut scratch = Scratch::new();
    scratch.write(MAINS[0], MAIN.replace("one", "ONE"));
    let path = scratch.path.clone();
    // The second merge fails.
    scratch.install(
        "git",
        &format!(
            "case \"$*\" in *merge-file*stage03-c*) echo full >&2; exit 255 ;; esac\n\
             PATH='{path}' exec git \"$@\""
        ),
    );
    scratch.refuses("1", "crates/stage03-c/src/main.rs: git merge-file: full");

    scratch.path = path;
    fs::remove_file(scratch.at("crates/stage02-b/src/old.rs")).unwrap();
    symlink("main.rs", scratch.at("crates/stage02-b/src/old.rs")).unwrap();
    scratch.write("crates/stage01-a/src/old.rs", "new\n");
    scratch.refuses("1", "crates/stage02-b/src/old.rs is a symbolic link");
}

#[test]
fn propagate_refuses_a_wrong_number() {
    let scratch = Scratch::new();
    scratch.refuses("9", "there is no stage 9");
    scratch.write("crates/stage02-a/Cargo.toml", "[package]\n");
    scratch.refuses("1", "there are two stages 2");
}
