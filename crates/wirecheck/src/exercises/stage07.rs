//! The exercises of chapter 07.

use crate::check::Check;

pub(super) const EXERCISES: &[Check] = &[];
