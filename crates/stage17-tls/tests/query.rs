//! Our reading of queries against the crate `form_urlencoded`.

#[path = "../src/percent.rs"]
mod percent;
#[path = "../src/query.rs"]
mod query;

use proptest::prelude::*;

/// Our pairs and theirs must be the same; and the first value of a name is the one they find first.
fn check(text: &str) -> Result<(), TestCaseError> {
    let pairs: Vec<(String, String)> = form_urlencoded::parse(text.as_bytes())
        .into_owned()
        .collect();
    prop_assert_eq!(&query::parse(text), &pairs);
    for (name, _) in &pairs {
        let theirs = pairs.iter().find(|pair| pair.0 == *name);
        let theirs = theirs.map(|pair| pair.1.clone());
        prop_assert_eq!(query::first(text, name), theirs);
    }
    prop_assert_eq!(query::first(text, "no such name"), None);
    Ok(())
}

proptest! {
    #[test]
    fn any_text(text in ".*") {
        check(&text)?;
    }

    #[test]
    fn what_looks_like_a_query(text in "([%][0-9a-fA-F]{0,2}|[a-c=&+;?é]|%C3%AB|%F0%9F){0,30}") {
        check(&text)?;
    }
}
