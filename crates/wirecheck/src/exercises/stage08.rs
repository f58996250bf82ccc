//! The exercises of chapter 08.

use crate::check::Check;

pub(super) const EXERCISES: &[Check] = &[];
