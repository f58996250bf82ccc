//! The chapters: their directives carried out, and all that is wrong with them.

use std::collections::BTreeMap;
use std::fmt;
use std::fs;
use std::io;
use std::path::Path;
use std::path::PathBuf;

use crate::diff;
use crate::diff::FileDiff;
use crate::diff::Tag;
use crate::pieces;
use crate::pieces::Piece;
use crate::render;
use crate::sizes;
use crate::stage;
use crate::stage::Stage;

/// Ours.
const DIRECTIVES: [&str; 6] = ["step", "whole-diff", "card", "sizes", "matrix", "bytes"];
/// mdBook's own; a misspelt one of either kind would be printed as it stands.
const OF_MDBOOK: [&str; 5] = [
    "include",
    "rustdoc_include",
    "playground",
    "title",
    "template",
];
/// No chapter takes longer to read.
const MOST_MINUTES: usize = 25;

const NOT_REPLAYED: &str = "this session is not replayed: put it into a ```console block, in the first column \
     (```console,norun=\"why\" if it cannot be replayed)";

/// Something wrong with a chapter.
#[derive(Debug, PartialEq, Eq)]
pub struct Problem {
    /// The chapter, below `docs/src`.
    pub file: String,
    /// Which line of it, from 1.
    pub line: usize,
    /// What is wrong, and what would be right.
    pub message: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        write!(f, "docs/src/{}:{}: {}", self.file, self.line, self.message)
    }
}

/// What the book is made from.
pub struct Book {
    /// The workspace.
    pub root: PathBuf,
    /// All stages, in order.
    pub stages: Vec<Stage>,
}

/// The diff that a chapter is about.
struct Lesson<'a> {
    before: Option<&'a Stage>,
    stage: &'a Stage,
    diff: Vec<FileDiff>,
    pieces: Vec<Piece>,
}

impl Book {
    /// Reads the stages of the workspace at `root`. A file that cannot be read is an error.
    pub fn read(root: &Path) -> io::Result<Book> {
        Ok(Book {
            root: root.to_owned(),
            stages: stage::read_all(root)?,
        })
    }

    /// All that is wrong in `docs/src`. A workspace that has no book yet has no faults.
    pub fn check(&self) -> io::Result<Vec<Problem>> {
        let src = self.root.join("docs/src");
        if !src.exists() {
            return Ok(Vec::new());
        }
        let summary = fs::read_to_string(src.join("SUMMARY.md"))?;
        let mut chapters = Vec::new();
        chapters_below(&src, "", &mut chapters)?;
        let mut problems = Vec::new();
        let mut taught = Vec::new();
        for (at, line) in summary.lines().enumerate() {
            let linked = line
                .split_once("](")
                .and_then(|(_, rest)| rest.split_once(')'));
            let Some((file, _)) = linked else { continue };
            let file = file.trim_start_matches("./");
            taught.extend(stage_of(file));
            if !file.is_empty() && !chapters.iter().any(|chapter| chapter == file) {
                let message = format!("there is no chapter {file}");
                problems.push(Problem {
                    file: "SUMMARY.md".into(),
                    line: at + 1,
                    message,
                });
            }
        }
        for stage in &self.stages {
            if !taught.contains(&stage.number) {
                let message = format!("there is no chapter for {0}, say {0}.md", stage.name);
                problems.push(Problem {
                    file: "SUMMARY.md".into(),
                    line: 1,
                    message,
                });
            }
        }
        for chapter in chapters {
            if chapter != "SUMMARY.md" && !summary.contains(&format!("{chapter})")) {
                let message = "SUMMARY.md does not list this chapter".into();
                problems.push(Problem {
                    file: chapter.clone(),
                    line: 1,
                    message,
                });
            }
            let text = fs::read_to_string(src.join(&chapter))?;
            problems.extend(self.chapter(&chapter, &text).1);
        }
        Ok(problems)
    }

    /// The directives that show all pieces of a stage, in the order of the files, or a
    /// sentence that says why there are none.
    pub fn suggest(&self, number: u32) -> Result<String, String> {
        let lesson = self.lesson(number)?;
        let mut text = String::new();
        for piece in &lesson.pieces {
            let (directive, lines) = (lesson.directive(piece), piece.lines.len());
            let optional = if piece.optional {
                ", may be left out"
            } else {
                ""
            };
            text += &format!(
                "{directive}\n    {}, {lines} lines{optional}\n",
                piece.place
            );
        }
        Ok(text)
    }

    /// One chapter with its directives carried out, and what is wrong with it.
    pub fn chapter(&self, file: &str, text: &str) -> (String, Vec<Problem>) {
        let mut work = Work {
            book: self,
            lesson: None,
            text,
            shown: BTreeMap::new(),
        };
        let mut problems = Vec::new();
        let mut report = |line: usize, message: String| {
            problems.push(Problem {
                file: file.to_owned(),
                line: line + 1,
                message,
            });
        };
        if let Some(number) = stage_of(file) {
            match self.lesson(number) {
                Ok(lesson) => work.lesson = Some(lesson),
                Err(message) => report(0, message),
            }
        }
        let mut html = String::new();
        let mut bytes: Option<String> = None; // the text of a ```bytes block so far
        let mut session: Option<render::Session> = None; // the ```console block that we are in
        let mut last = 0;
        let mut fences = Fences::default();
        for (at, line) in text.lines().enumerate() {
            last = at;
            if let Err(message) = fences.line(line) {
                report(at, message);
            }
            if let Some(message) = &mut bytes {
                if line.trim() != "```" {
                    *message += &format!("{line}\n");
                    continue;
                }
                match render::unescape(message) {
                    Ok(message) => html += &render::bytes(&message),
                    Err(message) => report(at, message),
                }
                bytes = None;
                continue;
            }
            if line.trim() == "```bytes" {
                bytes = Some(String::new());
                continue;
            }
            if let Some(attributes) = line.strip_prefix("```console") {
                session = Some(render::Session::default());
                html += &render::Session::begin(attributes);
                continue;
            }
            if let Some(open) = &mut session {
                html += &open.line(line);
                if line == "```" {
                    session = None;
                }
                continue;
            }
            match work.line(at, line) {
                Ok(Some(output)) => html += &output,
                Ok(None) => html += &format!("{line}\n"),
                Err(message) => report(at, message),
            }
        }
        if fences.open.is_some() {
            report(last, "this block is not closed".into());
        }
        if let Some(lesson) = &work.lesson {
            for (at, piece) in lesson.pieces.iter().enumerate() {
                if !piece.optional && !work.shown.contains_key(&at) {
                    let directive = lesson.directive(piece);
                    let message = format!("left out, in {}: {directive}", piece.place);
                    report(last, message);
                }
            }
            for directive in ["{{#card", "{{#whole-diff"] {
                if !text.lines().any(|line| line.starts_with(directive)) {
                    report(last, format!("this chapter has no {directive} …}}}}"));
                }
            }
            let minutes = work.minutes();
            if minutes > MOST_MINUTES {
                report(
                    0,
                    format!("takes {minutes} minutes to read, more than {MOST_MINUTES}"),
                );
            }
        }
        (html, problems)
    }

    fn lesson(&self, number: u32) -> Result<Lesson<'_>, String> {
        let at = self.stages.iter().position(|stage| stage.number == number);
        let at = at.ok_or_else(|| {
            let names: Vec<&str> = self
                .stages
                .iter()
                .map(|stage| stage.name.as_str())
                .collect();
            format!(
                "there is no stage {number:02}; there are {}",
                names.join(", ")
            )
        })?;
        let before = at.checked_sub(1).map(|before| &self.stages[before]);
        let diff = diff::between(before, &self.stages[at]);
        let pieces = pieces::pieces(&diff);
        Ok(Lesson {
            before,
            stage: &self.stages[at],
            diff,
            pieces,
        })
    }
}

/// The stage that a chapter is about, by its name.
fn stage_of(chapter: &str) -> Option<u32> {
    stage::number_of(chapter.rsplit('/').next()?)
}

/// The Markdown files below a folder.
fn chapters_below(src: &Path, folder: &str, found: &mut Vec<String>) -> io::Result<()> {
    let mut names = Vec::new();
    for entry in fs::read_dir(src.join(folder))? {
        names.push(entry?.file_name().to_string_lossy().into_owned());
    }
    names.sort();
    for name in names {
        let path = if folder.is_empty() {
            name
        } else {
            format!("{folder}/{name}")
        };
        if src.join(&path).is_dir() {
            chapters_below(src, &path, found)?;
        } else if path.ends_with(".md") {
            found.push(path);
        }
    }
    Ok(())
}

impl Lesson<'_> {
    fn directive(&self, piece: &Piece) -> String {
        pieces::directive(&self.diff, &self.pieces, piece)
    }
}

/// Follows the blocks of a chapter and notices a session that would not be replayed: only
/// what stands between "```console" and "```", both in the first column, is.
#[derive(Default)]
struct Fences {
    /// The backquotes that opened the block, and whether it is a session.
    open: Option<(String, bool)>,
}

impl Fences {
    fn line(&mut self, line: &str) -> Result<(), String> {
        const SHELLS: [&str; 9] = [
            "console",
            "sh",
            "bash",
            "zsh",
            "fish",
            "shell",
            "terminal",
            "sh-session",
            "shell-session",
        ];
        // In a quotation or a list, too.
        let text = line.trim_start_matches([' ', '\t', '>', '-', '*']);
        let language = text.trim_start_matches('`');
        let marker = &text[..text.len() - language.len()];
        match &self.open {
            Some((open, session)) if marker.len() >= open.len() && language.trim().is_empty() => {
                let exact = line == "```" || !session;
                self.open = None;
                return exact.then_some(()).ok_or(
                    "a ```console block must end with ``` alone, in the first column".into(),
                );
            }
            Some((_, true)) => return Ok(()),
            None if text.starts_with("~~~") => return Err("open a block with ```, not ~~~".into()),
            None if marker.len() >= 3 => {
                let session = line.starts_with("```console");
                self.open = Some((marker.to_owned(), session));
                let word = language.trim().split([',', ' ', '{']).next();
                let shell = SHELLS.contains(&word.unwrap_or_default().to_lowercase().as_str());
                if shell && !session {
                    return Err(NOT_REPLAYED.into());
                }
            }
            _ if text.starts_with("$ ") => return Err(NOT_REPLAYED.into()),
            _ => {}
        }
        Ok(())
    }
}

/// A chapter that is being worked on.
struct Work<'a> {
    book: &'a Book,
    lesson: Option<Lesson<'a>>,
    text: &'a str,
    /// Which piece was shown in which line.
    shown: BTreeMap<usize, usize>,
}

impl Work<'_> {
    /// What stands for the line, if a directive of ours is on it.
    fn line(&mut self, at: usize, line: &str) -> Result<Option<String>, String> {
        let mut rest = line;
        let mut ours = None;
        while let Some(start) = rest.find("{{#") {
            let escaped = rest[..start].ends_with('\\');
            rest = &rest[start + 3..];
            let end = rest
                .find(|c: char| c.is_whitespace() || c == '}')
                .unwrap_or(rest.len());
            let name = &rest[..end];
            if escaped {
                continue;
            }
            if OF_MDBOOK.contains(&name) {
                self.included(name, &rest[end..])?;
            } else if DIRECTIVES.contains(&name) {
                ours = Some(name);
            } else {
                let known = DIRECTIVES.join(", ");
                return Err(format!(
                    "{{{{#{name}}}}} is unknown; there are {known}, and mdBook's own"
                ));
            }
        }
        let Some(name) = ours else { return Ok(None) };
        let whole = line
            .trim()
            .strip_prefix("{{#")
            .and_then(|line| line.strip_suffix("}}"));
        let Some(arguments) = whole.and_then(|line| line.strip_prefix(name)) else {
            return Err(format!("{{{{#{name} …}}}} must stand on a line of its own"));
        };
        let arguments = arguments_of(arguments)?;
        match name {
            "step" => self.step(at, &arguments),
            "whole-diff" => self.lesson().map(|lesson| render::whole_diff(&lesson.diff)),
            "card" => self.card(&arguments),
            "sizes" => Ok(sizes_table(&self.book.stages)),
            "matrix" => self.matrix(),
            _ => self.bytes(&arguments),
        }
        .map(Some)
    }

    /// mdBook leaves a wrong include empty and says nothing to the build.
    fn included(&self, name: &str, arguments: &str) -> Result<(), String> {
        let file = arguments
            .trim()
            .split(['}', ':', ' '])
            .next()
            .unwrap_or_default();
        let path = self.book.root.join("docs/src").join(file);
        if name.ends_with("include") && !path.exists() {
            return Err(format!("{{{{#{name}}}}}: there is no file docs/src/{file}"));
        }
        Ok(())
    }

    fn lesson(&self) -> Result<&Lesson<'_>, String> {
        self.lesson
            .as_ref()
            .ok_or_else(|| "this chapter has no stage: its name is not stageNN….md".into())
    }

    /// The pieces that a `{{#step}}` asks for: one, if it is right.
    fn asked(&self, arguments: &[(String, String)]) -> Result<Vec<usize>, String> {
        let (text, place) = match arguments {
            [(none, text)] if none.is_empty() => (text, ""),
            [(none, text), (word, place)] if none.is_empty() && word == "in" => {
                (text, place.as_str())
            }
            _ => {
                return Err(
                    "write {{#step \"text\"}} or {{#step \"text\" in \"src/main.rs\"}}".into(),
                );
            }
        };
        let lesson = self.lesson()?;
        let mut found = Vec::new();
        for (number, piece) in lesson.pieces.iter().enumerate() {
            if piece.matches(&lesson.diff, text, place) {
                found.push(number);
            }
        }
        Ok(found)
    }

    /// The pieces that the chapter must show, and no directive of it does.
    fn not_shown(&self) -> Result<Vec<usize>, String> {
        let pieces = &self.lesson()?.pieces;
        let mut left = Vec::from_iter((0..pieces.len()).filter(|at| !pieces[*at].optional));
        for line in self.text.lines() {
            let arguments = line
                .strip_prefix("{{#step")
                .and_then(|line| line.strip_suffix("}}"));
            let Some(arguments) = arguments else { continue };
            let asked = arguments_of(arguments).and_then(|arguments| self.asked(&arguments));
            if let Ok([shown]) = asked.as_deref() {
                left.retain(|number| number != shown);
            }
        }
        Ok(left)
    }

    fn step(&mut self, at: usize, arguments: &[(String, String)]) -> Result<String, String> {
        let found = self.asked(arguments)?;
        let lesson = self.lesson()?;
        let candidates = |numbers: &[usize]| {
            let mut list = String::new();
            for number in numbers {
                let piece = &lesson.pieces[*number];
                list += &format!("\n    {}   ({})", lesson.directive(piece), piece.place);
            }
            list
        };
        let number = match found[..] {
            [number] => number,
            [] => {
                let name = &lesson.stage.name;
                let says = match candidates(&self.not_shown()?) {
                    none if none.is_empty() => "all pieces are shown: take it out".to_string(),
                    list => format!("not shown yet:{list}"),
                };
                return Err(format!("no change of {name} contains this text; {says}"));
            }
            _ => {
                let list = candidates(&found);
                return Err(format!("{} pieces contain this text:{list}", found.len()));
            }
        };
        let html = render::piece(&lesson.diff, &lesson.pieces[number]);
        if let Some(earlier) = self.shown.insert(number, at) {
            return Err(format!(
                "this piece is shown in line {} already",
                earlier + 1
            ));
        }
        Ok(html)
    }

    fn card(&self, arguments: &[(String, String)]) -> Result<String, String> {
        let lesson = self.lesson()?;
        let size = sizes::size(lesson.before, lesson.stage);
        let mut files = Vec::new();
        for file in &lesson.diff {
            let new = if file.new && lesson.before.is_some() {
                " (new)"
            } else {
                ""
            };
            if lesson
                .pieces
                .iter()
                .any(|piece| !piece.optional && lesson.diff[piece.file].path == file.path)
            {
                files.push(format!("<code>{}</code>{new}", render::escape(&file.path)));
            }
        }
        let mut rows = vec![
            (
                "Run it",
                format!("<code>cargo run -p {}</code>", lesson.stage.name),
            ),
            (
                "Files",
                format!(
                    "{} in <code>crates/{}</code>",
                    files.join(", "),
                    lesson.stage.name
                ),
            ),
            (
                "Code",
                format!(
                    "<ins>+{}</ins> <del>−{}</del> lines",
                    size.added, size.removed
                ),
            ),
        ];
        for (key, value) in arguments {
            match key.as_str() {
                "see" => rows.push(("You will see", render::inline(value))),
                "rfc" => rows.push(("RFC", rfc(value)?)),
                _ => {
                    return Err(format!(
                        "{{{{#card}}}} takes see=\"…\" and rfc=\"…\", not {key}"
                    ));
                }
            }
        }
        rows.push(("Reading time", format!("{} minutes", self.minutes())));
        let mut html = String::from("<table class=\"card\">\n");
        for (name, value) in rows {
            html += &format!("<tr><th>{name}</th><td>{value}</td></tr>\n");
        }
        Ok(html + "</table>\n")
    }

    /// Prose and comments at 230 words a minute, a new line of code at 4 seconds, a line of a
    /// session at 2. What only needs a glance takes one: a removed line, a `use`, a line of a
    /// page or style sheet. A file that goes away is not read.
    fn minutes(&self) -> usize {
        let (mut words, mut lines, mut glances) = (0, 0, 0);
        let mut fenced = false;
        for line in self.text.lines() {
            if line.starts_with("```") {
                fenced = !fenced;
            } else if fenced {
                glances += 2;
            } else if !line.starts_with("{{#") {
                words += line.split_whitespace().count();
            }
        }
        let diff = self.lesson.iter().flat_map(|lesson| &lesson.diff);
        for file in diff.filter(|file| !file.gone()) {
            let changed = file.lines.iter().filter(|line| line.tag != Tag::Equal);
            for line in changed {
                let text = line.text.trim();
                let is_code = file.path.ends_with(".rs") && !text.starts_with("use ");
                if text.starts_with("//") {
                    words += text.split_whitespace().count();
                } else if is_code && line.tag == Tag::Insert && !text.is_empty() {
                    lines += 1;
                } else {
                    glances += 1;
                }
            }
        }
        (words * 60 / 230 + lines * 4 + glances).div_ceil(60)
    }

    /// The checks, from a list of those in `wirecheck`: how many hold for each stage, and
    /// each with its rule under the stage that brings it. Headings and all.
    fn matrix(&self) -> Result<String, String> {
        let path = "docs/generated/checks.tsv";
        let text = fs::read_to_string(self.book.root.join(path))
            .map_err(|error| format!("cannot read {path}: {error}"))?;
        let mut checks = Vec::new();
        for (at, line) in text.lines().enumerate().skip(1) {
            let check = Check::read(line);
            checks.push(check.ok_or_else(|| format!("{path}:{}: not a check", at + 1))?);
        }
        let mut html = String::from(
            "<table class=\"checks\">\n<thead><tr><th>stage</th><th>new</th><th>no longer</th><th>in all</th></tr></thead>\n<tbody>\n",
        );
        let mut lists = String::new();
        let mut held = 0;
        for stage in &self.book.stages {
            let number = stage.number;
            let new: Vec<&Check> = checks.iter().filter(|c| c.since == number).collect();
            let ended = checks
                .iter()
                .filter(|c| c.until.is_some_and(|last| last + 1 == number));
            let ended = ended.count();
            held += new.len();
            held -= ended;
            html += &format!(
                "<tr><td><a href=\"#checks-{number:02}\">{}</a></td><td>{}</td><td>{ended}</td><td>{held}</td></tr>\n",
                stage.name,
                new.len(),
            );
            lists += &format!(
                "\n## Since stage {number:02} {{#checks-{number:02}}}\n\n<dl class=\"checks\">\n"
            );
            lists += &new.into_iter().map(Check::html).collect::<String>();
            lists += "</dl>\n";
        }
        Ok(html + "</tbody>\n</table>\n" + &lists)
    }

    fn bytes(&self, arguments: &[(String, String)]) -> Result<String, String> {
        let [(none, file)] = arguments else {
            return Err("write {{#bytes \"file below docs\"}}".into());
        };
        if !none.is_empty() {
            return Err("write {{#bytes \"file below docs\"}}".into());
        }
        let path = self.book.root.join("docs").join(file);
        let message =
            fs::read(path).map_err(|error| format!("cannot read docs/{file}: {error}"))?;
        Ok(render::bytes(&message))
    }
}

/// A row of `docs/generated/checks.tsv`.
struct Check<'a> {
    name: &'a str,
    since: u32,
    until: Option<u32>,
    kind: &'a str,
    rule: &'a str,
    sends: &'a str,
    expects: &'a str,
}

impl Check<'_> {
    fn read(line: &str) -> Option<Check<'_>> {
        let fields: Vec<&str> = line.split('\t').collect();
        let [name, since, until, kind, rule, sends, expects] = fields[..] else {
            return None;
        };
        Some(Check {
            name,
            since: since.parse().ok()?,
            until: match until {
                "" => None,
                last => Some(last.parse().ok()?),
            },
            kind,
            rule,
            sends,
            expects,
        })
    }

    fn html(&self) -> String {
        let until = match self.until {
            Some(last) if last == self.since => format!(" (stage {last:02} only)"),
            Some(last) => format!(" (to stage {last:02})"),
            None => String::new(),
        };
        format!(
            "<dt id=\"{0}\"><code>{0}</code>{until}</dt>\n<dd>{1} → {2}<br><small class=\"{3}\">{4}</small></dd>\n",
            render::escape(self.name),
            render::inline(self.sends),
            render::inline(self.expects),
            render::escape(self.kind),
            linked(&render::inline(self.rule)),
        )
    }
}

/// Makes a link of each `RFC 9112 §2.2`.
fn linked(html: &str) -> String {
    let mut parts = html.split("RFC ");
    let mut linked = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        // `9112 §2.2` without the colon, or whatever comes next
        let words: Vec<&str> = part.splitn(3, ' ').collect();
        let section = words
            .get(1)
            .unwrap_or(&"")
            .trim_end_matches([':', ';', ',', '.']);
        let reference = format!("{} {section}", words[0]);
        linked += "RFC ";
        linked += &match rfc(&reference) {
            Ok(link) if section.starts_with('§') => link + &part[reference.len()..],
            _ => part.to_owned(),
        };
    }
    linked
}

/// The values of a directive with the words before them: `"a" in "b" see="c"` gives
/// `("", a)`, `("in", b)`, `("see", c)`. A value may stand in single quotes.
fn arguments_of(text: &str) -> Result<Vec<(String, String)>, String> {
    let mut arguments = Vec::new();
    let mut chars = text.chars();
    let mut word = String::new();
    while let Some(c) = chars.next() {
        if c != '"' && c != '\'' {
            if c != '=' && !c.is_whitespace() {
                word.push(c);
            }
            continue;
        }
        let mut value = String::new();
        loop {
            match chars.next() {
                Some(end) if end == c => break,
                Some('\\') if c == '"' => match chars.next() {
                    Some(escaped @ ('"' | '\\')) => value.push(escaped),
                    other => value.extend(['\\'].into_iter().chain(other)),
                },
                Some(other) => value.push(other),
                None => return Err(format!("a {c} is not closed")),
            }
        }
        arguments.push((std::mem::take(&mut word), value));
    }
    if !word.is_empty() {
        return Err(format!("no value in quotes after {word}"));
    }
    Ok(arguments)
}

/// Links for `9112 §2.2, §3, 9110 §6.4`.
fn rfc(text: &str) -> Result<String, String> {
    let mut links = Vec::new();
    let mut number = String::new();
    for part in text.split(',') {
        let (before, section) = part.trim().split_once('§').unwrap_or((part.trim(), ""));
        if !before.trim().is_empty() {
            number = before.trim().to_owned();
        }
        if number.is_empty() || !number.chars().all(|c| c.is_ascii_digit()) {
            return Err(format!("rfc: write 9112 §2.2, not {part}"));
        }
        let mut url = format!("https://www.rfc-editor.org/rfc/rfc{number}");
        let mut name = number.clone();
        if !section.is_empty() {
            url += &format!("#section-{}", section.trim());
            name += &format!(" §{}", section.trim());
        }
        links.push(format!(
            "<a href=\"{}\">{}</a>",
            render::escape(&url),
            render::escape(&name)
        ));
    }
    Ok(links.join(", "))
}

fn sizes_table(stages: &[Stage]) -> String {
    let mut html = String::from(
        "<table class=\"sizes\">\n<thead><tr><th>stage</th><th>added</th><th>removed</th></tr></thead>\n<tbody>\n",
    );
    for (stage, size) in sizes::sizes(stages) {
        html += &format!(
            "<tr><td><code>{}</code></td><td><ins>+{}</ins></td><td><del>−{}</del></td></tr>\n",
            stage.name, size.added, size.removed
        );
    }
    html + "</tbody>\n</table>\n"
}
