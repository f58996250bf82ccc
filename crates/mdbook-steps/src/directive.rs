//! Directives: `{{#name "value" word "value"}}`, each on a line of its own.

const OURS: [&str; 11] = [
    "step",
    "checkpoint",
    "end-draft",
    "break",
    "mend",
    "whole-files",
    "whole-diff",
    "card",
    "sizes",
    "matrix",
    "bytes",
];
/// mdBook's own; a misspelt one of either kind would be printed as it stands.
const OF_MDBOOK: [&str; 5] = [
    "include",
    "rustdoc_include",
    "playground",
    "title",
    "template",
];

/// The values of a directive, each with the word before it.
pub type Arguments = Vec<(String, String)>;

/// What a line asks us for.
#[derive(Debug, PartialEq, Eq)]
pub struct Directive {
    /// `step`, say.
    pub name: &'static str,
    /// `"a" in "b"` gives `("", a)`, `("in", b)`.
    pub arguments: Arguments,
}

/// The directive of ours on a line, if there is one. For each of mdBook's own, `included`
/// is told its name and what follows.
pub fn on_line(
    line: &str,
    mut included: impl FnMut(&str, &str) -> Result<(), String>,
) -> Result<Option<Directive>, String> {
    let mut rest = line;
    let mut ours = None;
    while let Some(start) = rest.find("{{#") {
        let escaped = rest[..start].ends_with('\\');
        rest = &rest[start + 3..];
        let end = rest
            .find(|c: char| c.is_whitespace() || c == '}')
            .unwrap_or(rest.len());
        let name = &rest[..end];
        if escaped {
            continue;
        }
        if OF_MDBOOK.contains(&name) {
            included(name, &rest[end..])?;
        } else if let Some(name) = OURS.into_iter().find(|ours| *ours == name) {
            ours = Some(name);
        } else {
            let known = OURS.join(", ");
            return Err(format!(
                "{{{{#{name}}}}} is unknown; there are {known}, and mdBook's own"
            ));
        }
    }
    let Some(name) = ours else { return Ok(None) };
    let whole = line
        .trim()
        .strip_prefix("{{#")
        .and_then(|line| line.strip_suffix("}}"));
    let Some(text) = whole.and_then(|line| line.strip_prefix(name)) else {
        return Err(format!("{{{{#{name} …}}}} must stand on a line of its own"));
    };
    let arguments = match name {
        // The name of a draft needs no quotes.
        "end-draft" if !text.contains(['"', '\'']) => {
            vec![(String::new(), text.trim().to_owned())]
        }
        _ => arguments(text)?,
    };
    Ok(Some(Directive { name, arguments }))
}

/// The values with the words before them: `"a" in "b" see="c"` gives `("", a)`, `("in", b)`,
/// `("see", c)`. A value may stand in single quotes.
pub fn arguments(text: &str) -> Result<Arguments, String> {
    let mut arguments = Vec::new();
    let mut chars = text.chars();
    let mut word = String::new();
    while let Some(c) = chars.next() {
        if c != '"' && c != '\'' {
            if c != '=' && !c.is_whitespace() {
                word.push(c);
            }
            continue;
        }
        let mut value = String::new();
        loop {
            match chars.next() {
                Some(end) if end == c => break,
                Some('\\') if c == '"' => match chars.next() {
                    Some(escaped @ ('"' | '\\')) => value.push(escaped),
                    other => value.extend(['\\'].into_iter().chain(other)),
                },
                Some(other) => value.push(other),
                None => return Err(format!("a {c} is not closed")),
            }
        }
        arguments.push((std::mem::take(&mut word), value));
    }
    if !word.is_empty() {
        return Err(format!("no value in quotes after {word}"));
    }
    Ok(arguments)
}

/// A text in quotes, as a value of a directive.
pub fn quote(text: &str) -> String {
    match (text.contains('"'), text.contains('\'')) {
        (true, false) => format!("'{text}'"),
        _ => format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\"")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(name: &'static str, arguments: &[(&str, &str)]) -> Directive {
        let own = |(word, value): &(&str, &str)| (word.to_string(), value.to_string());
        Directive {
            name,
            arguments: arguments.iter().map(own).collect(),
        }
    }

    #[test]
    fn values_are_read_with_their_words() {
        let read = |line| on_line(line, |_, _| Ok(()));
        assert_eq!(
            read(r#"{{#step "a \"b\"" in 'c"' with "d"}}"#),
            Ok(Some(named(
                "step",
                &[("", "a \"b\""), ("in", "c\""), ("with", "d")]
            )))
        );
        assert_eq!(
            read("{{#end-draft once}}"),
            Ok(Some(named("end-draft", &[("", "once")])))
        );
        assert_eq!(read(r"\{{#step}} is printed"), Ok(None));
        assert_eq!(quote("a\"b'\\"), "\"a\\\"b'\\\\\"");
    }
}
