//! Which rows fail for one cause, on a server that serves one client at a time.

const AT_ONCE: &[&str] = &[
    "answered-in-reverse-order",
    "hundred-at-once",
    "idle-client-blocks-nobody",
    "asks-and-never-reads-blocks-nobody",
    "drip-blocks-nobody",
    "resets-while-others-wait",
];

/// Does a row ask for several clients at the same time?
pub fn needs_many_at_once(name: &str) -> bool {
    AT_ONCE.contains(&name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks;

    #[test]
    fn every_name_is_a_row() {
        for known in AT_ONCE {
            let is_row = checks::all().iter().any(|row| row.name == *known);
            assert!(is_row, "{known} is no row");
        }
    }
}
