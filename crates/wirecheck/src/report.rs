//! What people get to see.

use crate::check::Check;
use crate::check::Failure;

/// Why it failed, in a sentence.
pub fn sentence(failure: &Failure) -> String {
    match failure {
        Failure::Wrong { says, .. } => says.clone(),
        Failure::Skipped(reason) => format!("skipped: {reason}"),
    }
}

/// All that helps to find the fault.
pub fn explain(check: &Check, failure: &Failure) -> String {
    let mut text = format!("{}\n", sentence(failure));
    if let Failure::Wrong { exchange, .. } = failure {
        for line in exchange.to_string().lines() {
            text += &format!("    {line}\n");
        }
    }
    text + &format!("  sent      {}\n", check.sends)
        + &format!("  expected  {}\n", check.expects)
        + &format!("  rule      {}\n", check.rule)
        + &format!("  hint      {}\n", check.hint)
}
