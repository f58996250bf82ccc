//! The diff between two stages is the lesson, so it stays small.

use mdbook_steps::sizes;
use mdbook_steps::stage;

#[test]
fn every_step_is_small() {
    let stages = stage::read_all(&stage::workspace()).unwrap();
    let table = sizes::table(&stages);
    println!("{table}");
    let fits =
        |(stage, size): &(&stage::Stage, sizes::Size)| size.total() <= sizes::most(stage.number);
    assert!(sizes::sizes(&stages).iter().all(fits), "\n{table}");
}
