//! The exercises of chapter 02.

use crate::check::Check;

pub(super) const EXERCISES: &[Check] = &[];
