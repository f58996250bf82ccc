//! The exercises of chapter 09.

use crate::check::Check;

pub(super) const EXERCISES: &[Check] = &[];
