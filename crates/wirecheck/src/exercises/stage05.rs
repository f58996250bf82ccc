//! The exercises of chapter 05.

use crate::check::Check;

pub(super) const EXERCISES: &[Check] = &[];
