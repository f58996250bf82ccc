//! `docs/generated/checks.tsv`, from which the book lists the checks, is wirecheck's table.
//!
//! `UPDATE=1 cargo test -p mdbook-steps --test checks` (or `scripts/record`) writes it.

use std::env;
use std::fs;

use mdbook_steps::stage;
use wirecheck::checks;

#[test]
fn the_list_of_checks_is_the_table() {
    let mut list = String::from("name\tsince\tuntil\tlevel\trule\tsends\texpects\n");
    for check in checks::all() {
        let fields = [
            check.name,
            &check.since.to_string(),
            &check.until.map_or(String::new(), |last| last.to_string()),
            check.level.name(),
            check.rule,
            &check.what_it_sends(),
            check.expects,
        ];
        let plain = |field: &&str| !field.contains(['\t', '\n', '\r']);
        assert!(fields.iter().all(plain), "{} needs a line", check.name);
        list += &(fields.join("\t") + "\n");
    }
    let path = stage::workspace().join("docs/generated/checks.tsv");
    if env::var_os("UPDATE").is_some() {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, &list).unwrap();
    }
    let written = fs::read_to_string(&path).unwrap_or_default();
    assert!(
        written == list,
        "docs/generated/checks.tsv is not wirecheck's table; write it with: scripts/record"
    );
}
