//! The book's preprocessor: it shows the real diffs between the stages, piece by piece,
//! and refuses a book that leaves a piece out.
//!
//! The stages are known here only as files. Chapter writers find all directives in
//! this crate's README.

pub mod book;
pub mod diff;
pub mod pieces;
pub mod render;
pub mod sizes;
pub mod stage;
