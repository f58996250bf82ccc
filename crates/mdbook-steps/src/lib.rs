//! The book's preprocessor: it shows the real diffs between the stages, piece by piece,
//! proves that the program compiles at each checkpoint, and refuses a book that leaves a
//! piece out.
//!
//! The stages are known here only as files. Chapter writers find all directives in
//! this crate's README.

pub mod block;
pub mod book;
pub mod card;
pub mod chapter;
pub mod checks;
pub mod diff;
pub mod directive;
pub mod edit;
pub mod fences;
pub mod figure;
pub mod items;
pub mod lesson;
pub mod manifest;
mod place;
pub mod program;
pub mod prove;
pub mod render;
pub mod sizes;
pub mod stage;
pub mod units;
pub mod whole;
pub mod wire;
pub mod workshop;
