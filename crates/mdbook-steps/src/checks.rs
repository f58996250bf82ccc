//! The list of wirecheck's checks, and links to the RFCs.

use std::fs;

use crate::book::Book;
use crate::render;

/// The checks, from a list of those in `wirecheck`: how many hold for each stage, and
/// each with its rule under the stage that brings it. Headings and all.
pub fn matrix(book: &Book) -> Result<String, String> {
    let path = "docs/generated/checks.tsv";
    let text = fs::read_to_string(book.root.join(path))
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
    for stage in &book.stages {
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

/// Links for `9112 §2.2, §3, 9110 §6.4`.
pub fn rfc(text: &str) -> Result<String, String> {
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
