//! Links and pictures of the book lead somewhere: to a file, and to a heading in it. And the
//! README names the stages that there are.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use mdbook_steps::book::Book;
use mdbook_steps::stage;
use pulldown_cmark::Event;
use pulldown_cmark::Options;
use pulldown_cmark::Parser;
use pulldown_cmark::Tag;
use pulldown_cmark::TagEnd;

#[test]
fn links_lead_somewhere() {
    let root = stage::workspace();
    let mut pages = vec![root.join("README.md"), root.join("CONTRIBUTING.md")];
    for entry in fs::read_dir(root.join("docs/src")).unwrap() {
        pages.push(entry.unwrap().path());
    }
    pages.retain(|page| page.extension().is_some_and(|extension| extension == "md"));
    let mut faults = String::new();
    for page in &pages {
        for (line, target) in targets(&fs::read_to_string(page).unwrap()) {
            // Other hosts are not asked: tests need no network.
            if target.contains("://") {
                continue;
            }
            if let Err(why) = leads_somewhere(page, &target) {
                let page = page.strip_prefix(&root).unwrap_or(page).display();
                faults += &format!("{page}:{line}: the link {target} leads nowhere: {why}\n");
            }
        }
    }
    assert!(pages.len() > 20, "only {} pages were found", pages.len());
    assert!(faults.is_empty(), "\n{faults}");
}

#[test]
fn the_readme_names_the_stages() {
    let root = stage::workspace();
    let readme = fs::read_to_string(root.join("README.md")).unwrap();
    let stages = stage::read_all(&root).unwrap();
    let mut faults = String::new();
    for stage in &stages {
        if !readme.contains(&format!("\n| `{}` | ", stage.name)) {
            faults += &format!("README.md: its table of stages lacks `{}`\n", stage.name);
        }
    }
    for (at, line) in readme.lines().enumerate() {
        for word in line.split(|char: char| !char.is_alphanumeric() && char != '-') {
            let named = stage::number_of(word).is_some();
            if named && !stages.iter().any(|stage| stage.name == word) {
                faults += &format!("README.md:{}: there is no crates/{word}\n", at + 1);
            }
        }
    }
    assert!(faults.is_empty(), "\n{faults}");
}

/// Whether a link on this page leads to a file, and to a fragment in it; if not, why.
fn leads_somewhere(page: &Path, target: &str) -> Result<(), String> {
    let (file, fragment) = target.split_once('#').unwrap_or((target, ""));
    let file = if file.is_empty() {
        page.to_path_buf()
    } else {
        page.with_file_name(file)
    };
    if !file.is_file() {
        return Err("there is no such file; mend the link, from this page's folder".into());
    }
    if fragment.is_empty() {
        return Ok(());
    }
    let found = fragments(&file, &fs::read_to_string(&file).unwrap_or_default());
    if !found.contains(fragment) {
        let found = Vec::from_iter(found).join(", ");
        return Err(format!("mend what follows the #; that page has {found}"));
    }
    Ok(())
}

/// Where the links and pictures of a chapter lead, each with its line.
fn targets(text: &str) -> Vec<(usize, String)> {
    let mut targets = Vec::new();
    // What a directive names is no link of ours.
    let directive = |line: &str| line.starts_with("{{#");
    let lines = text
        .lines()
        .map(|line| if directive(line) { "" } else { line });
    let text = lines.collect::<Vec<_>>().join("\n");
    for (event, range) in Parser::new_ext(&text, Options::all()).into_offset_iter() {
        let line = text[..range.start].matches('\n').count() + 1;
        match event {
            Event::Start(Tag::Link { dest_url, .. } | Tag::Image { dest_url, .. }) => {
                targets.push((line, dest_url.into_string()));
            }
            // A link in HTML leads to a page as it will be.
            Event::Html(html) | Event::InlineHtml(html) => {
                for part in html.split(" href=\"").skip(1) {
                    let target = part.split('"').next().unwrap_or_default();
                    targets.push((line, target.replacen(".html", ".md", 1)));
                }
            }
            _ => {}
        }
    }
    targets
}

/// What a fragment can name in a chapter: headings, terms of a list of definitions, its
/// pieces and checkpoints, and the checks that the matrix lists.
fn fragments(file: &Path, text: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let name = file.file_name().unwrap_or_default().to_string_lossy();
    let book = Book::read(&stage::workspace()).unwrap();
    let html = book.chapter(&name, text).html;
    for part in html.split(" id=\"").skip(1) {
        found.extend(part.split('"').next().map(str::to_owned));
    }
    let mut title: Option<String> = None;
    for event in Parser::new_ext(&html, Options::all()) {
        match event {
            Event::Start(Tag::Heading { .. } | Tag::DefinitionListTitle) => {
                title = Some(String::new());
            }
            Event::Text(part) | Event::Code(part) => {
                if let Some(title) = &mut title {
                    *title += &part;
                }
            }
            Event::End(TagEnd::Heading(_) | TagEnd::DefinitionListTitle) => {
                found.extend(title.take().map(|title| id(&title)));
            }
            _ => {}
        }
    }
    if file.ends_with("checks.md") {
        let list = stage::workspace().join("docs/generated/checks.tsv");
        for line in fs::read_to_string(list).unwrap().lines() {
            found.extend(line.split('\t').next().map(str::to_owned));
        }
    }
    found
}

/// The id that mdBook gives to a heading.
fn id(title: &str) -> String {
    let kept = |char: char| char.is_alphanumeric() || "-_ ".contains(char);
    let title: String = title.chars().filter(|char| kept(*char)).collect();
    title.trim().to_lowercase().replace(' ', "-")
}
