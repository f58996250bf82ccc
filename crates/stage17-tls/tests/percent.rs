//! Our decoder against the crate `percent-encoding`.

#[path = "../src/percent.rs"]
mod percent;

use percent_encoding::percent_decode_str;
use proptest::prelude::*;

proptest! {
    #[test]
    fn decodes_any_text_like_the_crate(text in ".*") {
        prop_assert_eq!(percent::decode(&text), percent_decode_str(&text).collect::<Vec<u8>>());
    }

    #[test]
    fn decodes_what_is_nearly_encoded_like_the_crate(text in "([%][0-9a-fA-F+gG%]{0,2}|[a-zé/]){0,20}") {
        prop_assert_eq!(percent::decode(&text), percent_decode_str(&text).collect::<Vec<u8>>());
    }
}
