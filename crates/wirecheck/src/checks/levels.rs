//! What the rows of the stages do not say themselves: which of them an RFC only
//! recommends, and what it costs to fail them. Names that end in a dash stand for all
//! that begin so.

use crate::check::Check;
use crate::check::Harm;
use crate::check::Level;

/// A SHOULD, or what is RECOMMENDED: to fail it is a warning.
const SHOULD: &[&str] = &[
    "leading-empty-line",
    "answer-length",
    "20-mb-sent-to-a-page",
    "request-line-nonsense",
    "missing-is-404",
    "version-higher-minor",
    "request-line-of-8000",
    "some-deadline",
    "odd-names-are-no-fault",
];

const GIVES_AWAY: &[&str] = &["traversal-", "dot-files"];

const LETS_IN: &[&str] = &[
    "smuggled-",
    "nothing-raw-on-the-terminal",
    "access-log-cannot-be-forged",
    "path-escaped-in-page",
    "post-page-escaped",
    "hello-escaped",
    "query-escaped",
    "no-field-injected",
    "no-open-redirect",
    "folder-redirect-stays-here",
    "body-is-no-request",
    "length-invalid",
    "length-overflow",
    "lengths-differ",
    "coding-and-length",
    "coding-disguised",
    "coding-not-chunked-last",
    "chunk-size-not-guessed",
    "space-before-colon",
    "chunk-extension-invalid",
    "cr-is-no-line-end",
];

const ENDS: &[&str] = &[
    "survives-",
    "half-a-head-and-gone",
    "head-without-end",
    "reset-while-answered",
    "closed-before-answered",
    "asks-and-never-reads",
    "malformed-then-the-next",
    "huge-head-survived",
    "resets-while-others-wait",
    "short-of-file-descriptors",
    "panic-costs-one-500",
    "panics-cost-no-thread",
    "gone-in-the-middle-of-a-body",
    "big-file-and-gone",
    "length-declared-huge",
    "memory-follows-what-arrives",
];

const LOSES: &[&str] = &[
    "split-everywhere",
    "one-byte-at-a-time",
    "close-announced",
    "closes-after-the-answer",
    "answer-before-the-close",
    "20-mb-sent-to-a-page",
    "refusal-readable-while-sending",
    "413-readable-while-sending",
    "answered-in-reverse-order",
    "idle-client-blocks-nobody",
    "asks-and-never-reads-blocks-nobody",
    "drip-blocks-nobody",
    "slow-page-blocks-nobody",
    "body-in-second-segment",
    "body-split-everywhere",
    "chunked-split-everywhere",
    "continue-or-final",
    "deadline-",
    "some-deadline",
    "special-files",
    "big-file-never-read",
];

/// They wait for a deadline of the server.
const WAITS: &[&str] = &["some-deadline", "deadline-", "slow-"];

/// They fail on a server that serves one client at a time, and for that one cause.
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
    is_in(AT_ONCE, name)
}

/// Sets what the lists above say of a row.
pub(super) fn set(check: &mut Check) {
    if is_in(SHOULD, check.name) {
        check.level = Level::Should;
    }
    for (names, harm) in [
        (GIVES_AWAY, Harm::GivesAway),
        (LETS_IN, Harm::LetsIn),
        (ENDS, Harm::Ends),
        (LOSES, Harm::Loses),
    ] {
        if is_in(names, check.name) {
            check.harm = harm;
        }
    }
    check.waits |= is_in(WAITS, check.name);
}

fn is_in(names: &[&str], name: &str) -> bool {
    let fits = |known: &&str| match known.ends_with('-') {
        true => name.starts_with(*known),
        false => name == *known,
    };
    names.iter().any(fits)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks;

    #[test]
    fn every_name_is_a_row() {
        let rows = checks::all();
        for known in [SHOULD, GIVES_AWAY, LETS_IN, ENDS, LOSES, WAITS, AT_ONCE].concat() {
            let meant = rows.iter().filter(|row| is_in(&[known], row.name)).count();
            assert!(meant > 0, "{known} is no row");
        }
    }
}
