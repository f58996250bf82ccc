//! The diff between two stages is the lesson, so it stays small.

use mdbook_steps::sizes;
use mdbook_steps::stage;

#[test]
fn every_step_is_small() {
    let stages = stage::read_all(&stage::workspace()).unwrap();
    let table = sizes::table(&stages);
    println!("{table}");
    let sizes = sizes::sizes(&stages);
    assert!(
        sizes.iter().all(|(_, size)| size.total() <= sizes::MOST),
        "\n{table}"
    );
    assert!(sizes::median(&sizes) <= sizes::MEDIAN, "\n{table}");
}
