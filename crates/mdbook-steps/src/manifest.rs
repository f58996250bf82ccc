//! `Cargo.toml` of a program outside of its workspace. Ours are written line by line, one
//! entry a line, so no parser is needed.

use std::collections::BTreeMap;

/// What a program does not need outside of our workspace.
pub const OURS: [&str; 2] = ["[lints]", "[dev-dependencies]"];

/// The lines of a section, `[workspace.dependencies]` say, without its head.
pub fn section<'a>(manifest: &'a str, head: &str) -> Vec<&'a str> {
    let lines = manifest.lines().skip_while(|line| line.trim() != head);
    let inside = lines.skip(1).take_while(|line| !line.starts_with('['));
    inside.filter(|line| !line.trim().is_empty()).collect()
}

/// A manifest without some of its sections.
pub fn without(manifest: &str, heads: &[&str]) -> String {
    let mut kept = String::new();
    let mut inside = false;
    for line in manifest.lines() {
        if line.starts_with('[') {
            inside = heads.contains(&line.trim());
        }
        if !inside {
            kept += &format!("{line}\n");
        }
    }
    kept
}

/// The manifest of a crate that needs no workspace around it.
pub fn alone(manifest: &str, workspace: &str) -> Result<String, String> {
    let text = inlined(manifest, workspace)?;
    Ok(format!(
        "{text}\n# It needs no workspace around it.\n[workspace]\n"
    ))
}

/// A manifest in which stands what the crate takes from its workspace, as a reader types it
/// into a folder of their own. Tests and lints stay with us.
pub fn inlined(manifest: &str, workspace: &str) -> Result<String, String> {
    let values = |head| -> BTreeMap<&str, &str> {
        let lines = section(workspace, head).into_iter();
        lines.filter_map(|line| line.split_once(" = ")).collect()
    };
    let package = values("[workspace.package]");
    let dependencies = values("[workspace.dependencies]");
    let mut text = String::new();
    let mut head = "";
    for line in without(manifest, &OURS).lines() {
        if line.starts_with('[') {
            head = if line.trim() == "[package]" {
                "package"
            } else {
                ""
            };
        }
        let inherited = line
            .split_once(".workspace = true")
            .map(|(name, _)| name.trim());
        let Some(name) = inherited else {
            if line.contains("workspace = true") {
                return Err(format!(
                    "Cargo.toml: write name.workspace = true, not {line}"
                ));
            }
            text += &format!("{line}\n");
            continue;
        };
        let values = if head == "package" {
            &package
        } else {
            &dependencies
        };
        let value = values.get(name);
        let value = value.ok_or_else(|| format!("the workspace's Cargo.toml has no {name}"))?;
        text += &format!("{name} = {value}\n");
    }
    Ok(format!("{}\n", text.trim_end()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const WORKSPACE: &str = "[workspace]\n\n[workspace.package]\nedition = \"2024\"\n\n[workspace.dependencies]\n# why\nclap = { version = \"4\", features = [\"derive\"] }\n\n[workspace.lints.rust]\na = 1\n";

    #[test]
    fn a_manifest_stands_alone() {
        let own = "[package]\nname = \"a\"\nedition.workspace = true\n\n[dependencies]\nclap.workspace = true\n\n[lints]\nworkspace = true\n";
        let expected = "[package]\nname = \"a\"\nedition = \"2024\"\n\n[dependencies]\nclap = { version = \"4\", features = [\"derive\"] }\n\n# It needs no workspace around it.\n[workspace]\n";
        assert_eq!(alone(own, WORKSPACE).unwrap(), expected);
        let unknown = alone("[dependencies]\nb.workspace = true\n", WORKSPACE);
        assert!(unknown.unwrap_err().contains("has no b"));
    }
}
