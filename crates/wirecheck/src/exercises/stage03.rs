//! The exercises of chapter 03.

use crate::check::Check;

pub(super) const EXERCISES: &[Check] = &[];
