//! The exercises of chapter 06.

use crate::check::Check;

pub(super) const EXERCISES: &[Check] = &[];
