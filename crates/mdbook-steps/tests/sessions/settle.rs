//! What came back, compared with what the book says.

use mdbook_steps::diff;
use mdbook_steps::diff::Tag;
use snapbox::Data;
use snapbox::filter::NormalizeToExpected;

/// What came back, with wildcards where the book has them and they fit.
pub fn settle(actual: &str, expected: &str, update: bool) -> String {
    let tidy: Vec<&str> = actual.lines().map(str::trim_end).collect();
    let actual = tidy.join("\n").trim_end().to_owned();
    let expected = Data::text(expected.trim_end());
    let fitted = NormalizeToExpected::new()
        .redact()
        .normalize(Data::text(actual), &expected);
    let fitted = fitted.render().unwrap_or_default();
    if !update || Some(&fitted) == expected.render().as_ref() {
        return fitted;
    }
    fitted
        .lines()
        .map(without_chance)
        .collect::<Vec<_>>()
        .join("\n")
}

/// A new line of the book, with `[..]` for a date, for the version of curl, for the port of a
/// client, and for what systems and compilers number differently.
pub fn without_chance(line: &str) -> String {
    const VARIES: [(&str, &str); 9] = [
        ("Date: ", ""),
        ("Last-Modified: ", ""),
        ("ETag: ", ""),
        ("User-Agent: curl/", ""),
        (" - - [", "]"),
        ("(os error ", ")"),
        ("Os { code: ", ","),
        ("thread 'main' ", "panicked at "),
        ("thread '<unnamed>' ", "panicked at "),
    ];
    for (mark, end) in VARIES {
        if let Some((before, after)) = line.split_once(mark) {
            let rest = if end.is_empty() {
                ""
            } else {
                after.find(end).map_or("", |at| &after[at..])
            };
            return format!("{before}{mark}[..]{rest}");
        }
    }
    let Some((before, after)) = line.split_once("127.0.0.1:") else {
        return line.to_owned();
    };
    let rest = after.trim_start_matches(|c: char| c.is_ascii_digit());
    match after.starts_with("8080") || rest.len() == after.len() {
        true => line.to_owned(),
        false => format!("{before}127.0.0.1:[..]{rest}"),
    }
}

/// The changes as a diff, indented.
pub fn changes(expected: &str, actual: &str) -> String {
    let mut text = String::new();
    for line in diff::lines(expected, actual) {
        let mark = match line.tag {
            Tag::Equal => ' ',
            Tag::Delete => '-',
            Tag::Insert => '+',
        };
        text += &format!("    {mark} {}\n", line.text);
    }
    text
}
