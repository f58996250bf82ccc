//! Known failures: a project that begins with a red list can only shrink it.
//!
//! A file with the name of a check on each line; what follows a `#` is for people.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use crate::run::Ended;

/// The names in it. An error is a sentence for people.
pub fn read(path: &Path) -> Result<BTreeSet<String>, String> {
    let text = fs::read_to_string(path).map_err(|error| {
        format!(
            "cannot read {}: {error} (--write-expect writes it)",
            path.display()
        )
    })?;
    let lines = text.lines().map(|line| line.split('#').next());
    let names = lines.map(|name| name.unwrap_or_default().trim().to_string());
    Ok(names.filter(|name| !name.is_empty()).collect())
}

/// Writes down what fails now, each with what went wrong.
pub fn write(path: &Path, ended: &[Ended]) -> Result<usize, String> {
    let mut text = String::from(
        "# Known failures of wirecheck: a check a line. Mend one, then take out its line.\n",
    );
    let mut count = 0;
    for one in ended.iter().filter(|one| one.is_wrong()) {
        let says = one.verdict.as_ref().err();
        let says = says.map_or("", |failure| failure.first_line());
        text += &format!("{:<36} # {says}\n", one.check.name);
        count += 1;
    }
    fs::write(path, text).map_err(|error| format!("cannot write {}: {error}", path.display()))?;
    Ok(count)
}
