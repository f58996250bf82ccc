//! The exercises of chapter 04.

use crate::check::Check;

pub(super) const EXERCISES: &[Check] = &[];
