//! The gate: the book shows each change exactly once and has no wrong directive. It needs
//! no mdBook. The other tests try each fault on a small workspace.

mod scratch;

use mdbook_steps::book::Book;
use mdbook_steps::chapter::Chapter;
use mdbook_steps::stage;
use scratch::Scratch;

#[test]
fn the_book_is_right() {
    let problems = Book::read(&stage::workspace()).unwrap().check().unwrap();
    let list: Vec<String> = problems.iter().map(ToString::to_string).collect();
    assert!(list.is_empty(), "\n{}", list.join("\n"));
}

const BEFORE: &str = "fn main() {\n    one();\n}\n\nfn last() {\n    a();\n    b();\n    c();\n    d();\n    e();\n    f();\n    g();\n}\n";
const RIGHT: &str = r#"# Two

{{#step "uno();"}}

{{#step "G();"}}

{{#checkpoint}}

{{#card see="x" rfc="9112 §3"}}

{{#whole-files}}

{{#whole-diff}}
"#;

/// Two small stages.
fn scratch(name: &str) -> Scratch {
    let after = BEFORE.replace("one()", "uno()").replace("g()", "G()");
    Scratch::new(name, &[("src/main.rs", BEFORE)], &[("src/main.rs", &after)])
}

/// The one fault that the right chapter has after this replacement.
fn fault(name: &str, from: &str, to: &str) -> String {
    let problems = scratch(name).check(&RIGHT.replace(from, to));
    assert!(!problems.is_empty(), "nobody noticed");
    problems[0].clone()
}

#[test]
fn a_right_chapter_has_no_faults() {
    assert_eq!(scratch("right").check(RIGHT), Vec::<String>::new());
}

#[test]
fn no_match_tells_what_would_match() {
    let fault = fault("no-match", "G()", "H()");
    assert!(
        fault.starts_with("docs/src/stage02-b.md:5: no change of stage02-b contains"),
        "{fault}"
    );
    assert!(
        fault.contains("{{#step \"G();\"}}   (src/main.rs: fn last)"),
        "{fault}"
    );
    // Only what is missing: neither what another line shows nor what may be left out
    assert!(
        !fault.contains("uno") && !fault.contains("name ="),
        "{fault}"
    );
}

#[test]
fn a_directive_too_many_is_to_be_taken_out() {
    let fault = fault("too-many", "# Two", "{{#step \"gone();\"}}");
    assert!(
        fault.contains("all pieces are shown: take it out"),
        "{fault}"
    );
}

#[test]
fn two_matches_tell_both() {
    let fault = fault("two", "uno();", "();");
    assert!(
        fault.starts_with("docs/src/stage02-b.md:3: 2 pieces contain this text:"),
        "{fault}"
    );
    assert!(
        fault.contains("uno();") && fault.contains("G();"),
        "{fault}"
    );
}

#[test]
fn a_place_decides_between_two() {
    let chapter = RIGHT.replace("\"uno();\"", "\"();\" in \"fn main\"");
    assert_eq!(scratch("place").check(&chapter), Vec::<String>::new());
}

#[test]
fn a_piece_shown_twice_is_a_fault() {
    let fault = fault("twice", "G();", "uno();");
    assert_eq!(
        fault,
        "docs/src/stage02-b.md:5: this piece is shown in line 3 already"
    );
}

#[test]
fn a_piece_left_out_is_a_fault() {
    let fault = fault("left-out", "{{#step \"G();\"}}", "");
    assert!(
        fault.contains("left out, in src/main.rs: fn last: {{#step \"G();\"}}"),
        "{fault}"
    );
}

#[test]
fn a_chapter_without_its_card_or_the_whole_diff_is_a_fault() {
    for (name, directive) in [("no-card", "{{#card"), ("no-whole", "{{#whole-diff")] {
        let kept: Vec<&str> = RIGHT
            .lines()
            .filter(|line| !line.starts_with(directive))
            .collect();
        let faults = scratch(name).check(&kept.join("\n"));
        assert_eq!(faults.len(), 1, "{faults:?}");
        let says = format!("this chapter has no {directive}");
        assert!(faults[0].contains(&says), "{faults:?}");
    }
}

#[test]
fn an_unknown_directive_is_a_fault() {
    let fault = fault("misspelt", "{{#step \"G", "{{#stpe \"G");
    assert!(
        fault.starts_with("docs/src/stage02-b.md:5: {{#stpe}} is unknown"),
        "{fault}"
    );
}

#[test]
fn a_directive_inside_a_line_is_a_fault() {
    let fault = fault("inside", "{{#step \"G", "See {{#step \"G");
    assert!(fault.contains("must stand on a line of its own"), "{fault}");
}

#[test]
fn a_wrong_include_is_a_fault() {
    let fault = fault("include", "# Two", "{{#include no.md}}");
    assert!(fault.contains("there is no file docs/src/no.md"), "{fault}");
}

#[test]
fn an_unknown_stage_is_a_fault() {
    let scratch = scratch("unknown-stage");
    scratch.write(
        "docs/src/SUMMARY.md",
        "[One](stage01-a.md)\n[Two](stage02-b.md)\n[Seven](stage07-x.md)\n",
    );
    scratch.write("docs/src/stage07-x.md", "# Seven\n");
    let faults = scratch.check(RIGHT);
    assert_eq!(
        faults,
        ["docs/src/stage07-x.md:1: there is no stage 07; there are stage01-a, stage02-b"]
    );
}

#[test]
fn a_chapter_that_is_missing_or_not_listed_is_a_fault() {
    let scratch = scratch("unlisted");
    scratch.write(
        "docs/src/SUMMARY.md",
        "[Welcome](welcome.md)\n[One](stage01-a.md)\n",
    );
    let faults = scratch.check(RIGHT);
    let expected = [
        "docs/src/SUMMARY.md:1: there is no chapter welcome.md",
        "docs/src/SUMMARY.md:1: there is no chapter for stage02-b, say stage02-b.md",
        "docs/src/stage02-b.md:1: SUMMARY.md does not list this chapter",
    ];
    assert_eq!(faults, expected);
}

#[test]
fn removed_lines_are_text_but_not_copied() {
    let html = scratch("html").chapter(RIGHT).html;
    assert!(
        html.contains("<del class=\"removed\">    one();</del>"),
        "{html}"
    );
    assert!(
        html.contains("<span class=\"added\">    uno();</span>"),
        "{html}"
    );
    // The copy button takes the first `<code>`: the whole function.
    let copied =
        "hidden><script type=\"text/plain\">fn main() {\n    uno();\n}\n</script></code><code";
    assert!(html.contains(copied), "{html}");
}

#[test]
fn bytes_are_drawn_with_their_line_ends() {
    let scratch = scratch("bytes");
    let chapter = format!("{RIGHT}\n```bytes\nA\\r\\n\n\\x00\n```\n");
    assert_eq!(scratch.check(&chapter), Vec::<String>::new());
    let html = scratch.chapter(&chapter).html;
    let boxes = "A<b class=\"byte\">CR</b><b class=\"byte\">LF</b>\n<span class=\"offset\" data-text=\"3\"></span><b class=\"byte\">00</b>";
    assert!(html.contains(boxes), "{html}");
}

#[test]
fn a_session_is_drawn_with_prompts_that_nobody_copies() {
    let scratch = scratch("session");
    let sessions = "```console,stage=01\n$ a \\\n> b\n<[..]>\n> c\n```\n\n```console,log\nd\n```\n";
    let chapter = format!("{RIGHT}\n{sessions}");
    assert_eq!(scratch.check(&chapter), Vec::<String>::new());
    let html = scratch.chapter(&chapter).html;
    for part in [
        "with the program as stage 01 left it</div>\n\n<pre class=\"session\"><code class=\"nohighlight\"><b",
        "<b data-text=\"$ \">a \\</b>\n<b data-text=\"&gt; \">b</b>\n&lt;…&gt;\n&gt; c\n</code></pre>",
        "<pre class=\"session log\"><code class=\"nohighlight\">d\n</code></pre>",
    ] {
        assert!(html.contains(part), "{html}");
    }
}

#[test]
fn a_session_that_escapes_the_replay_is_a_fault() {
    let faults = |name: &str, block: &str| {
        let faults = scratch(name).check(&format!("{RIGHT}\n{block}\n"));
        faults.join("\n")
    };
    let not_replayed = "docs/src/stage02-b.md:15: this session is not replayed";
    for (at, block) in [
        "  ```console\n  $ true\n  ```",
        "- ```console\n  $ true\n  ```",
        "````console\n$ true\n````",
        "```sh\ntrue\n```",
        "``` Bash\ntrue\n```",
        "    $ true",
    ]
    .iter()
    .enumerate()
    {
        let found = faults(&format!("escape-{at}"), block);
        assert!(found.starts_with(not_replayed), "{block}: {found}");
    }
    let disguised = faults("disguised", "```text\n$ true\n```");
    assert!(
        disguised.contains(":16: this session is not"),
        "{disguised}"
    );
    let tildes = faults("tildes", "~~~\ntrue\n~~~");
    assert!(tildes.contains(":15: open a block with ```"), "{tildes}");
    let ending = faults("ending", "```console\n$ true\n  ```");
    assert!(
        ending.contains(":17: a ```console block must end"),
        "{ending}"
    );
    let open = faults("open", "```console\n$ true");
    assert!(open.contains("this block is not closed"), "{open}");
    for (at, block) in [
        "```text\ncargo run\n```",
        "- ```text\n  cargo run\n  ```",
        "```console\n$ cat <<END\n> ~~~\n> END\n~~~\n```",
        "```console,norun=\"why\"\n$ true\n```",
    ]
    .iter()
    .enumerate()
    {
        assert_eq!(faults(&format!("allowed-{at}"), block), "");
    }
}

#[test]
fn a_file_that_goes_away_is_folded_and_takes_no_time_to_read() {
    let scratch = scratch("gone");
    scratch.write("crates/stage01-a/public/old.txt", &"old line\n".repeat(300));
    let chapter = format!(
        "{{{{#card see=\"`\\r\\n`\"}}}}\n{RIGHT}\n{{{{#step \"old line\"}}}}\n{{{{#checkpoint}}}}\n"
    );
    let Chapter {
        html,
        problems: faults,
        ..
    } = scratch.chapter(&chapter);
    assert_eq!(faults, []);
    assert!(html.contains("<details><summary>the 300 lines that go away"));
    assert!(html.contains("<td>1 minutes</td>"), "{html}");
    // A backslash is one, unless it escapes.
    assert!(html.contains("<code>\\r\\n</code>"), "{html}");
}

#[test]
fn a_program_that_goes_away_is_shown_once() {
    let scratch = scratch("gone-program");
    let text = "//! Old.\n\nuse std::io;\n\nfn main() {\n    let _ = io::stdout();\n}\n";
    scratch.write("crates/stage01-a/examples/old.rs", text);
    let chapter = format!(
        "{{{{#card see=\"x\"}}}}\n{RIGHT}\n{{{{#step \"io::stdout\"}}}}\n{{{{#checkpoint}}}}\n"
    );
    let chapter = scratch.chapter(&chapter);
    assert_eq!(chapter.problems, []);
    let shown = chapter.html.matches("lines that go away").count();
    assert_eq!(shown, 1, "{}", chapter.html);
}

#[test]
fn the_matrix_tells_what_each_stage_adds_and_ends() {
    let scratch = scratch("matrix");
    let (right, old) = (
        "right\t2\t\tprotocol\tRFC 9112 §2.2: a rule\t`GET`\t<b>\n",
        "old\t1\t1\thouse\tStage 01\tnothing\tan end\n",
    );
    let head = "name\tsince\tuntil\tkind\trule\tsends\texpects\n";
    scratch.write("docs/generated/checks.tsv", &format!("{head}{old}{right}"));
    let chapter = format!("{RIGHT}\n{{{{#matrix}}}}\n");
    let Chapter {
        html,
        problems: faults,
        ..
    } = scratch.chapter(&chapter);
    assert_eq!(faults, []);
    for expected in [
        "stage01-a</a></td><td>1</td><td>0</td><td>1</td>",
        "stage02-b</a></td><td>1</td><td>1</td><td>1</td>",
        "<dt id=\"old\"><code>old</code> (stage 01 only)</dt>",
        "<code>GET</code> → &lt;b&gt;<br>",
        "RFC <a href=\"https://www.rfc-editor.org/rfc/rfc9112#section-2.2\">9112 §2.2</a>: a rule<",
    ] {
        assert!(html.contains(expected), "no {expected} in {html}");
    }
    scratch.write("docs/generated/checks.tsv", &format!("{head}right\ttwo\n"));
    let faults = scratch.chapter(&chapter).problems;
    assert_eq!(
        faults[0].message,
        "docs/generated/checks.tsv:2: not a check"
    );
}
