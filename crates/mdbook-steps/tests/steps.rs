//! A chapter in steps: what each step shows, what a reader has at each checkpoint, and the
//! faults that authors make.

mod scratch;

use mdbook_steps::book::Book;
use mdbook_steps::chapter::Chapter;
use mdbook_steps::chapter::Runs;
use mdbook_steps::diff;
use mdbook_steps::diff::Tag;
use mdbook_steps::lesson::Lesson;
use mdbook_steps::program::State;
use mdbook_steps::prove;
use mdbook_steps::stage;
use mdbook_steps::units::Kind;
use mdbook_steps::workshop;
use scratch::Scratch;

const BEFORE: &str = "//! One.

use std::io;

fn main() -> io::Result<()> {
    one();
    Ok(())
}

fn one() {
    println!(\"one\");
}
";
const AFTER: &str = "//! Two.

mod two;

use std::io;

use two::Two;

fn main() -> io::Result<()> {
    let two = Two::new();
    if let Err(error) = two.say() {
        println!(\"{error}\");
    }
    Ok(())
}
";
const TWO: &str = "//! Two things.

use std::io;
use std::io::Write;

/// Two.
pub struct Two {
    a: u8,
}

impl Two {
    /// Makes one.
    pub fn new() -> Two {
        Two { a: 2 }
    }

    pub fn say(&self) -> io::Result<()> {
        writeln!(io::stdout(), \"{}\", self.a)
    }
}
";
const RIGHT: &str = r#"# Two

{{#card see="x" rfc="9112"}}

{{#step "struct Two" with "fn new"}}

{{#checkpoint "nothing to see yet"}}

{{#step "fn say" with "use std::io::Write;"}}

{{#checkpoint}}

```draft name=hello file=src/main.rs
     one();
+    println!("hello");
     Ok(())
```

{{#checkpoint "run it now"}}

```console
$ cargo run
```

{{#step "let two" later "if let Err" ends "hello"}}

{{#step "if let Err" with "fn one"}}

{{#checkpoint "run it now"}}

## Break it

{{#break "two.say()" becomes "if let Ok(()) = two.say() {" in "src/main.rs" fails "cannot find value `error`"}}

```break file=src/two.rs
-        Two { a: 2 }
+        let two = 3;
+        Two { a: two }
```

```console
$ cargo run
```

{{#mend}}

```console
$ cargo run
```

{{#whole-files}}

{{#whole-diff}}

## What is still wrong
"#;

fn scratch(name: &str) -> Scratch {
    let after = [("src/main.rs", AFTER), ("src/two.rs", TWO)];
    Scratch::new(name, &[("src/main.rs", BEFORE)], &after)
}

/// The right chapter with something replaced.
fn changed(name: &str, from: &str, to: &str) -> (Scratch, String) {
    assert!(RIGHT.contains(from), "{from}");
    (scratch(name), RIGHT.replace(from, to))
}

/// All that is wrong then.
fn faults(name: &str, from: &str, to: &str) -> String {
    let (scratch, chapter) = changed(name, from, to);
    let faults = scratch.check(&chapter);
    assert!(!faults.is_empty(), "nobody noticed");
    faults.join("\n")
}

/// The main file at a checkpoint, from 1.
fn main_at(chapter: &Chapter, checkpoint: usize) -> &str {
    &chapter.checkpoints[checkpoint - 1].program.files["src/main.rs"]
}

#[test]
fn a_right_chapter_has_no_faults_and_ends_as_the_stage() {
    let scratch = scratch("right");
    assert_eq!(scratch.check(RIGHT), Vec::<String>::new());
    let chapter = scratch.chapter(RIGHT);
    let end = &chapter.checkpoints[3].program.files;
    assert_eq!(
        (end["src/main.rs"].as_str(), end["src/two.rs"].as_str()),
        (AFTER, TWO)
    );
    let sizes: Vec<usize> = chapter
        .checkpoints
        .iter()
        .map(|checkpoint| checkpoint.changed)
        .collect();
    assert_eq!(sizes, [11, 5, 1, 10]);
    let says: Vec<String> = chapter
        .checkpoints
        .iter()
        .map(|checkpoint| checkpoint.says.clone())
        .collect();
    assert_eq!(
        says,
        [
            "compiles, nothing to see yet",
            "compiles",
            "compiles, run it now",
            "compiles, run it now"
        ]
    );
}

#[test]
fn what_serves_other_lines_travels_with_them() {
    let chapter = scratch("travels").chapter(RIGHT);
    let first = &chapter.checkpoints[0].program.files;
    // The module with its first piece, the frame with the first method, and no more imports.
    assert_eq!(
        first["src/main.rs"],
        BEFORE.replace("//! One.\n", "//! Two.\n\nmod two;\n")
    );
    let two = first["src/two.rs"].as_str();
    assert!(
        two.starts_with(
            "//! Two things.\n\n/// Two.\npub struct Two {\n    a: u8,\n}\n\nimpl Two {\n"
        ),
        "{two}"
    );
    assert!(two.ends_with("        Two { a: 2 }\n    }\n}\n"), "{two}");
    assert!(!main_at(&chapter, 3).contains("use two::Two;"));
}

#[test]
fn an_import_that_nothing_mentions_must_be_placed() {
    let found = faults("unmentioned", " with \"use std::io::Write;\"", "");
    let says = "src/two.rs: use std::io::Write: no changed line mentions Write, so say which step \
                it belongs to: {{#step \"…\" with \"use std::io::Write\"}}";
    assert!(found.contains(says), "{found}");
}

#[test]
fn a_draft_is_there_for_now() {
    let chapter = scratch("draft").chapter(RIGHT);
    assert!(main_at(&chapter, 3).contains("    one();\n    println!(\"hello\");\n    Ok(())\n"));
    assert!(!main_at(&chapter, 4).contains("hello"));
    assert!(
        chapter.html.contains("<em>for now</em>"),
        "{}",
        chapter.html
    );
    // The step that ends it shows how.
    let ended = chapter.html.split("id=\"s02-4\"").nth(1).unwrap();
    assert!(
        ended.contains("<del class=\"removed\">    println!(&quot;hello&quot;);</del>"),
        "{ended}"
    );
}

#[test]
fn a_draft_can_end_by_itself() {
    let (scratch, chapter) = changed("ends", " ends \"hello\"}}", "}}\n\n{{#end-draft hello}}");
    // The step changes the line above, so the draft must go first.
    let found = scratch.check(&chapter).join("\n");
    assert!(
        found.contains(":25: the draft hello does not fit here: this is in src/main.rs not at all"),
        "{found}"
    );
    let (scratch, chapter) = changed(
        "ends",
        "{{#step \"let two\"",
        "{{#end-draft hello}}\n\n{{#step \"let two\"",
    );
    let chapter = chapter.replace(" ends \"hello\"", "");
    assert_eq!(scratch.check(&chapter), Vec::<String>::new());
    let html = scratch.chapter(&chapter).html;
    assert!(html.contains("<em>not any more</em>"), "{html}");
}

#[test]
fn a_draft_that_is_wrong_is_a_fault() {
    let twice = faults(
        "draft-twice",
        "     one();\n+    println!(\"hello\");\n     Ok(())",
        "+x\n }",
    );
    assert!(
        twice.contains("does not fit here: this is in src/main.rs more than once"),
        "{twice}"
    );
    let stays = faults("draft-stays", " ends \"hello\"", "").replace('\n', " ");
    assert!(stays.contains("does not fit"), "{stays}");
    let unknown = faults("draft-unknown", "ends \"hello\"", "ends \"hullo\"");
    assert!(
        unknown.contains("there is no draft hullo here; there is hello"),
        "{unknown}"
    );
    let nameless = faults("draft-nameless", "draft name=hello", "draft");
    assert!(
        nameless.contains("write ```draft name=once file=src/main.rs"),
        "{nameless}"
    );
}

#[test]
fn later_takes_a_statement_out() {
    let chapter = scratch("later").chapter(&RIGHT.replace(
        "{{#step \"if let Err\" with \"fn one\"}}",
        "{{#checkpoint}}\n\n{{#step \"if let Err\" with \"fn one\"}}",
    ));
    let between = main_at(&chapter, 4);
    assert!(
        between.contains("    let two = Two::new();\n    Ok(())\n}\n"),
        "{between}"
    );
    assert!(between.contains("fn one()"), "{between}");
    let gone = faults("later-gone", "later \"if let Err\"", "later \"if let Ok\"");
    assert!(
        gone.contains("later: no changed line of this step contains \"if let Ok\""),
        "{gone}"
    );
    let never = faults("later-never", "{{#step \"if let Err\" with", "{{#step");
    assert!(
        never.contains("{{#step \"if let Err(error) = two.say() {\"}}"),
        "{never}"
    );
}

#[test]
fn a_removal_has_a_name_and_no_copy_button() {
    let chapter = RIGHT.replace(
        "\"if let Err\" with \"fn one\"}}",
        "\"if let Err\"}}\n\n{{#step \"fn one\"}}",
    );
    let html = scratch("removal").chapter(&chapter).html;
    let figure = html.split("id=\"s02-6\"").nth(1).unwrap();
    assert!(
        figure.contains("<code>fn one</code> goes away, after <code>fn main</code>"),
        "{figure}"
    );
    assert!(
        figure.contains("<pre class=\"diff removes\"><code class=\"language-rust"),
        "{figure}"
    );
}

#[test]
fn pieces_say_where_they_go() {
    let html = scratch("places").chapter(RIGHT).html;
    for place in [
        "<figure class=\"step\" id=\"s02-1\">\n<figcaption><a class=\"number\" href=\"#s02-1\">02·1</a> ",
        "<a href=\"#f02-src-two.rs\"><code>src/two.rs</code></a>, <span class=\"place\">new file</span>",
        "in <code>impl Two</code>, after <code>fn new</code>",
        "<span class=\"place\">in <code>fn main</code>, in place of two lines</span>",
        "<span class=\"place\">after <code>use std::io;</code></span>",
        "in <code>fn new</code> of <code>impl Two</code>, in place of <code>Two { a: 2 }</code>",
    ] {
        assert!(html.contains(place), "{place} is not in {html}");
    }
}

/// The figures of a chapter with one step, which makes the second text of the first.
fn figure(name: &str, before: &str, after: &str, step: &str) -> String {
    let scratch = Scratch::new(name, &[("src/main.rs", before)], &[("src/main.rs", after)]);
    let rest = "{{#checkpoint}}\n{{#card see=\"x\"}}\n{{#whole-files}}\n{{#whole-diff}}\n";
    let chapter = scratch.chapter(&format!("{step}\n{rest}"));
    assert_eq!(chapter.problems, []);
    let end = chapter.html.find("class=\"checkpoint\"").unwrap();
    chapter.html[..end].replace("&#10;", "\n")
}

/// Imports in more than one place are copied together: the new ones at their places, and
/// without those that go.
#[test]
fn imports_are_copied_together() {
    let before = "use std::a;\nuse std::c;\nuse std::e;\n\nfn main() {\n    a(c(e));\n}\n";
    let after = before
        .replace("use std::c;", "use std::b;")
        .replace("e;\n\n", "e;\n\nuse f::G;\n\nfn new(g: G) {}\n\n")
        .replace("c(", "b(");
    let html = figure(
        "imports",
        before,
        &after,
        "{{#step \"a(b(e))\" with \"fn new\"}}",
    );
    for part in [
        "<span class=\"place\">the <code>use</code> lines at the top</span> <small>copying takes all of them</small>",
        ">use std::a;\nuse std::b;\nuse std::e;\n\nuse f::G;\n</script>",
        // After the new one, not after the last that was there
        "and <span class=\"place\">after the <code>use</code> lines</span></div>",
    ] {
        assert!(html.contains(part), "{part} is not in {html}");
    }
}

/// What is copied begins where the figure begins: with the comment, or with the item.
#[test]
fn copying_says_what_it_takes() {
    let body: String = (0..9).map(|n| format!("    f({n});\n")).collect();
    let before = format!("/// Old.\nfn main() {{\n{body}}}\n");
    let inner = figure(
        "copy-inner",
        &before,
        &before.replace("f(8)", "g(8)"),
        "{{#step \"g(8)\"}}",
    );
    assert!(!inner.contains("Old."), "{inner}");
    assert!(inner.contains(">fn main() {\n    f(0);\n"), "{inner}");
    assert!(inner.contains("in place of <code>f(8);</code></span> <small>copying takes all of <code>fn main</code></small>"), "{inner}");
    let both = figure(
        "copy-both",
        &before,
        &before.replace("Old", "New").replace("f(8)", "g(8)"),
        "{{#step \"g(8)\" with \"/// New.\"}}",
    );
    assert!(
        both.contains(">/// New.\nfn main() {\n    f(0);\n"),
        "{both}"
    );
    assert!(
        both.contains("<span class=\"place\"><code>fn main</code></span> <small>copying takes all"),
        "{both}"
    );
    let head = figure(
        "copy-head",
        &before,
        &before.replace("main()", "main(a: u8)"),
        "{{#step \"main(a\"}}",
    );
    assert!(!head.contains("Old."), "{head}");
    let places = figure(
        "copy-places",
        &before,
        &before
            .replace("f(1)", "g(1)")
            .replace("    f(3);\n    f(4);\n", ""),
        "{{#step \"g(1)\"}}",
    );
    assert!(
        places.contains("in <code>fn main</code>, in two places</span>"),
        "{places}"
    );
    let gone = figure(
        "copy-gone",
        &before,
        &before.replace("    f(3);\n    f(4);\n", ""),
        "{{#step \"f(3)\"}}",
    );
    assert!(
        gone.contains("two lines of <code>fn main</code> go away, after <code>f(2);</code>"),
        "{gone}"
    );
}

#[test]
fn what_is_broken_can_be_mended() {
    let html = scratch("way-back").chapter(RIGHT).html;
    for part in [
        "Change it and compile: the compiler refuses it. Undo it afterwards.",
        "Change it and restart the server. Undo it afterwards.",
        "<code>mdbook-steps at 2.4</code></a> has the program as it was.",
    ] {
        assert!(html.contains(part), "{part} is not in {html}");
    }
}

#[test]
fn the_files_as_they_are_lead_to_the_pieces_and_are_not_searched() {
    let html = scratch("whole").chapter(RIGHT).html;
    let whole = html.split("## Every file as it is now").nth(1).unwrap();
    let link = "<a class=\"from\" href=\"#s02-5\" aria-label=\"piece 5\" data-text=\"02·5\"></a>\n\
                <script type=\"text/plain\" class=\"added\">    if let Err(error) = two.say() {\n";
    assert!(whole.contains(link), "{whole}");
    assert!(
        whole.contains("<pre class=\"file\" id=\"f02-src-main.rs\">"),
        "{whole}"
    );
    // Each element of data begins a line: for Markdown the one before has ended the block.
    for (at, _) in whole.match_indices("<script") {
        assert!(whole[..at].ends_with('\n'), "{}", &whole[at..]);
    }
}

#[test]
fn sessions_know_their_program() {
    let chapter = scratch("sessions").chapter(RIGHT);
    let runs: Vec<Runs> = chapter.sessions.values().copied().collect();
    assert_eq!(
        runs,
        [Runs::Checkpoint(2), Runs::Broken(1), Runs::Checkpoint(3)]
    );
    let open = faults(
        "open",
        "{{#checkpoint \"run it now\"}}\n\n```console",
        "```console",
    );
    assert!(
        open.contains("a session runs on a checkpoint: write {{#checkpoint}} before it"),
        "{open}"
    );
    let before = faults("before", "# Two\n", "# Two\n\n```console\n$ true\n```\n");
    assert!(
        before.contains("no checkpoint comes before this session: on which stage"),
        "{before}"
    );
}

#[test]
fn what_is_broken_must_fit_exactly_once() {
    let chapter = scratch("break").chapter(RIGHT);
    let broken = &chapter.breaks[0].program.files["src/main.rs"];
    assert!(
        broken.contains("    if let Ok(()) = two.say() {\n        println!"),
        "{broken}"
    );
    assert!(chapter.breaks[1].program.files["src/two.rs"].contains("let two = 3;"));
    let none = faults(
        "break-none",
        "{{#break \"two.say()\"",
        "{{#break \"three.say()\"",
    );
    assert!(
        none.contains("no line of the program contains \"three.say()\""),
        "{none}"
    );
    let two = faults("break-two", "{{#break \"two.say()\"", "{{#break \"two\"");
    assert!(
        two.contains(
            "4 lines of the program contain \"two\"; say more:\n    src/main.rs:3: mod two;"
        ),
        "{two}"
    );
    let block = faults(
        "break-block",
        "-        Two { a: 2 }",
        "-        Two { a: 3 }",
    );
    assert!(
        block.contains("this is in src/two.rs not at all"),
        "{block}"
    );
}

#[test]
fn a_checkpoint_has_its_limits() {
    let nothing = faults(
        "closes-nothing",
        "{{#checkpoint}}",
        "{{#checkpoint}}\n\n{{#checkpoint}}",
    );
    assert!(
        nothing.contains("checkpoint 2.3 closes nothing"),
        "{nothing}"
    );
    let open = faults(
        "not-closed",
        "{{#checkpoint \"run it now\"}}\n\n## Break it",
        "## Break it",
    );
    assert!(
        open.contains(": no checkpoint follows this piece"),
        "{open}"
    );
    let says = faults("says", "\"nothing to see yet\"", "\"see nothing\"");
    assert!(
        says.contains("or say \"nothing to see yet\" or \"run it now\""),
        "{says}"
    );

    let long: String = (0..59).map(|n| format!("    f({n});\n")).collect();
    let scratch = Scratch::new(
        "long",
        &[("src/main.rs", "fn main() {\n}\n")],
        &[("src/main.rs", &format!("fn main() {{\n{long}}}\n"))],
    );
    let chapter = "{{#card see=\"x\"}}\n{{#step \"f(7);\"}}\n{{#checkpoint}}\n{{#whole-files}}\n{{#whole-diff}}\n";
    let found = scratch.check(chapter).join("\n");
    assert!(found.contains("docs/src/stage02-b.md:3: checkpoint 2.1: 61 changed lines since the one before, more than 60"), "{found}");
    let halves = chapter
        .replace("\"f(7);\"", "\"f(7);\" later \"f(30);\" to \"f(58);\"")
        .replace(
            "{{#whole-files}}",
            "{{#step \"f(31);\"}}\n{{#checkpoint}}\n{{#whole-files}}",
        );
    let found = scratch.check(&halves);
    // Two steps of 30 and 31 lines, and the first chapter's: still more than 30 in the median?
    assert!(
        found.is_empty() || found[0].contains("half of all steps change more than 30"),
        "{found:?}"
    );
}

#[test]
fn too_many_pieces_are_a_fault() {
    let functions: String = (0..21).map(|n| format!("fn f{n:02}() {{}}\n\n")).collect();
    let after = format!("fn main() {{}}\n\n{functions}");
    let scratch = Scratch::new(
        "many",
        &[("src/main.rs", "fn main() {}\n")],
        &[("src/main.rs", after.trim_end())],
    );
    let steps: String = (0..21)
        .map(|n| format!("{{{{#step \"f{n:02}\"}}}}\n"))
        .collect();
    let chapter = format!(
        "{{{{#card see=\"x\"}}}}\n{steps}{{{{#checkpoint}}}}\n{{{{#whole-files}}}}\n{{{{#whole-diff}}}}\n"
    );
    let found = scratch.check(&chapter).join("\n");
    assert!(
        found.contains("stage02-b.md:1: 21 pieces, more than 20"),
        "{found}"
    );
}

#[test]
fn a_chapter_without_checkpoints_is_a_fault() {
    let chapter = RIGHT
        .lines()
        .filter(|line| !line.starts_with("{{#checkpoint"));
    let chapter: Vec<&str> = chapter.collect();
    let found = scratch("none").check(&chapter.join("\n")).join("\n");
    assert!(
        found.contains("this chapter has no {{#checkpoint …}}"),
        "{found}"
    );
}

/// The proof, on a workspace that needs no network.
#[test]
fn the_proof_finds_a_piece_behind_its_checkpoint() {
    let scratch = scratch("proof");
    let proof = |chapter: &str| {
        scratch.write("docs/src/stage02-b.md", chapter);
        let book = Book::read(&scratch.0).unwrap();
        let chapters = book.chapters().unwrap();
        prove::prove(&book, &chapters, &|number| number == 2)
    };
    assert_eq!(proof(RIGHT), Ok("6 programs are as the book says\n".into()));

    let say = "{{#step \"fn say\" with \"use std::io::Write;\"}}\n";
    let moved = RIGHT.replace(say, "").replace("## Break it", say);
    let found = proof(&moved).unwrap_err();
    assert!(found.contains("checkpoint 2.4 does not compile"), "{found}");
    assert!(
        found.contains("error[E0599]: no method named `say`"),
        "{found}"
    );
    assert!(found.contains("--> src/main.rs:"), "{found}");

    let fails = "cannot find value `error`";
    let found = proof(&RIGHT.replace(fails, "moved value")).unwrap_err();
    assert!(
        found.contains("stage02-b.md:33: the compiler does not say \"moved value\""),
        "{found}"
    );
    let found = proof(&RIGHT.replace(&format!(" fails \"{fails}\""), "")).unwrap_err();
    let says = "what is broken here does not compile; if that is what you show: fails";
    assert!(found.contains(says), "{found}");
}

#[test]
fn a_checkpoint_is_written_down_as_a_crate() {
    let scratch = scratch("at");
    let chapter = scratch.chapter(RIGHT);
    let folder = scratch.0.join("my server");
    let third = &chapter.checkpoints[2].program;
    workshop::write_alone(&scratch.0, third, &folder).unwrap();
    let manifest = std::fs::read_to_string(folder.join("Cargo.toml")).unwrap();
    assert!(
        manifest
            .ends_with("edition = \"2024\"\n\n# It needs no workspace around it.\n[workspace]\n"),
        "{manifest}"
    );
    let main = std::fs::read_to_string(folder.join("src/main.rs")).unwrap();
    assert_eq!(main, main_at(&chapter, 3));
    let again = workshop::write_alone(&scratch.0, third, &folder).unwrap_err();
    assert!(
        again.ends_with("is not empty; name a new folder"),
        "{again}"
    );
}

/// The pairs of stages that the book is about.
fn pairs() -> Vec<(stage::Stage, stage::Stage)> {
    let stages = stage::read_all(&stage::workspace()).unwrap();
    let pairs = stages.windows(2);
    pairs
        .map(|pair| (pair[0].clone(), pair[1].clone()))
        .collect()
}

#[test]
fn the_diffs_of_the_stages_hold_both_sides() {
    for (before, after) in pairs() {
        for file in diff::between(Some(&before), &after) {
            let side = |tag| -> String {
                let lines = file
                    .lines
                    .iter()
                    .filter(|line| [Tag::Equal, tag].contains(&line.tag));
                lines.map(|line| format!("{}\n", line.text)).collect()
            };
            let path = &file.path;
            assert_eq!(
                side(Tag::Delete),
                before.files.get(path).cloned().unwrap_or_default(),
                "{path}"
            );
            assert_eq!(
                side(Tag::Insert),
                after.files.get(path).cloned().unwrap_or_default(),
                "{path}"
            );
        }
    }
}

/// What `mdbook-steps pieces` prints shows the whole stage, once.
#[test]
fn the_directives_of_pieces_show_a_whole_stage() {
    let book = Book::read(&stage::workspace()).unwrap();
    for stage in &book.stages {
        let mut lesson = book.lesson(stage.number).unwrap();
        let skeleton = prove::skeleton(&book, stage.number).unwrap();
        let steps = skeleton.lines().filter(|line| line.starts_with("{{#step"));
        let mut steps: Vec<String> = steps.map(str::to_owned).collect();
        // What nothing mentions must be placed; here it is a step of its own.
        for line in skeleton.lines() {
            let naming = line.split_once(": say with ");
            steps.extend(naming.map(|(_, naming)| format!("{{{{#step {naming}}}}}")));
        }
        let plan = lesson.plan(&steps.join("\n"));
        assert_eq!(plan.faults, [], "{}", stage.name);
        let left = plan.left.iter().map(|unit| lesson.directive(*unit));
        assert_eq!(
            left.collect::<Vec<_>>(),
            Vec::<String>::new(),
            "{}",
            stage.name
        );
        let mut state = State::new(&lesson);
        for unit in plan.steps.values().flat_map(|step| &step.units) {
            state.show(&lesson, *unit);
        }
        assert!(
            state.program(&lesson).unwrap().files == stage.files,
            "{}",
            stage.name
        );
    }
}

/// Each block of each figure in the book says where it goes.
#[test]
fn each_piece_of_the_book_has_a_caption() {
    let chapters = Book::read(&stage::workspace()).unwrap().chapters().unwrap();
    let mut pieces = 0;
    for (name, chapter) in &chapters {
        for figure in chapter.html.split("<figure class=\"step").skip(1) {
            let figure = figure.split("</figure>").next().unwrap();
            if figure.starts_with("\">") {
                continue; // a file of the whole diff
            }
            pieces += 1;
            let blocks = figure.matches("<pre class=\"diff").count();
            let captions = figure.matches("<span class=\"place\">").count();
            let empty = figure.contains("<span class=\"place\"></span>");
            assert!(
                blocks == captions && blocks > 0 && !empty,
                "{name}: {figure}"
            );
        }
    }
    assert!(pieces > 100, "only {pieces} pieces were found");
}

/// No piece ends in a brace of its neighbour: shown alone, it leaves all braces in pairs.
#[test]
fn each_piece_of_the_stages_is_whole() {
    for (before, after) in pairs() {
        let lesson = Lesson::new(Some(&before), &after);
        for (at, unit) in lesson.units.iter().enumerate() {
            let mut state = State::new(&lesson);
            state.show(&lesson, at);
            // A method needs its `impl`.
            for (other, frame) in lesson.units.iter().enumerate() {
                let around =
                    frame.kind == Kind::Frame && unit.key.starts_with(&format!("{}/", frame.key));
                if around && frame.file == unit.file {
                    state.show(&lesson, other);
                }
            }
            let program = state.program(&lesson).unwrap();
            let path = &lesson.diff[unit.file].path;
            let Some(text) = program.files.get(path).filter(|_| path.ends_with(".rs")) else {
                continue;
            };
            let count = |brace: char| {
                let code = text
                    .lines()
                    .filter(|line| !line.trim_start().starts_with("//"));
                code.map(|line| line.matches(brace).count()).sum::<usize>()
            };
            assert_eq!(
                count('{'),
                count('}'),
                "{}: {}\n{text}",
                after.name,
                unit.place
            );
        }
    }
}
