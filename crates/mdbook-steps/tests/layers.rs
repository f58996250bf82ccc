//! Inside a stage data flows one way: no module needs another one that needs it in turn.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::path::Path;

use mdbook_steps::stage;

/// Which modules each module of a stage needs. The crate root is none of them: what stays
/// there (`Args`, `log`, `accept`) is for all.
type Needs = BTreeMap<String, BTreeSet<String>>;

fn needs(sources: &BTreeMap<String, String>) -> Needs {
    let mut needs = Needs::new();
    for (module, text) in sources {
        let mut others = BTreeSet::new();
        for (at, _) in text.match_indices("crate::") {
            let path = &text[at + "crate::".len()..];
            let end = path.find(|c: char| !c.is_alphanumeric() && c != '_');
            let name = &path[..end.unwrap_or(path.len())];
            if sources.contains_key(name) && name != module {
                others.insert(name.to_string());
            }
        }
        needs.insert(module.clone(), others);
    }
    needs
}

/// The modules that are left when all that need nothing are taken away, again and again.
fn circles(mut needs: Needs) -> Vec<String> {
    loop {
        let free = needs.iter().find(|(_, others)| others.is_empty());
        let Some(free) = free.map(|(module, _)| module.clone()) else {
            return needs.into_keys().collect();
        };
        needs.remove(&free);
        for others in needs.values_mut() {
            others.remove(&free);
        }
    }
}

fn modules(sources: &[(&str, &str)]) -> BTreeMap<String, String> {
    let owned = |(name, text): &(&str, &str)| (name.to_string(), text.to_string());
    sources.iter().map(owned).collect()
}

#[test]
fn no_stage_has_circles() {
    let mut failures = Vec::new();
    for stage in stage::read_all(&stage::workspace()).unwrap() {
        let mut sources = BTreeMap::new();
        for (path, text) in &stage.files {
            let path = Path::new(path);
            let name = path.file_stem().unwrap_or_default().to_string_lossy();
            if path.parent() == Some(Path::new("src")) && name != "main" {
                sources.insert(name.to_string(), text.clone());
            }
        }
        let circles = circles(needs(&sources));
        if !circles.is_empty() {
            failures.push(format!("{}: {}", stage.name, circles.join(", ")));
        }
    }
    assert!(
        failures.is_empty(),
        "modules that need each other in a circle:\n{}",
        failures.join("\n")
    );
}

#[test]
fn a_circle_is_seen() {
    let sources = modules(&[
        ("leaf", "fn a() {}"),
        ("request", "use crate::connection::Connection;"),
        (
            "connection",
            "use crate::request::BAD_REQUEST;\nuse crate::leaf::a;",
        ),
    ]);
    assert_eq!(circles(needs(&sources)), ["connection", "request"]);
}

#[test]
fn a_chain_is_none() {
    let sources = modules(&[
        (
            "routes",
            "use crate::request::Request;\nuse crate::log_error;",
        ),
        ("request", "use crate::connection::Connection;"),
        ("connection", "use std::io;"),
    ]);
    assert!(circles(needs(&sources)).is_empty());
}
