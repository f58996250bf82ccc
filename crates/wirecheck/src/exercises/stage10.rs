//! The exercises of chapter 10.

use crate::check::Check;

pub(super) const EXERCISES: &[Check] = &[];
