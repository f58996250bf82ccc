//! Edits that the author of a chapter writes by hand: code that is there for now, and lines
//! that are broken on purpose. They look like a diff and must fit exactly once.

use std::collections::BTreeMap;

/// The lines that must be there, and what they become.
type Hunk = (Vec<String>, Vec<String>);

/// A change in one file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Edit {
    /// The path inside the crate.
    pub file: String,
    hunks: Vec<Hunk>,
}

impl Edit {
    /// Reads lines that begin with ` `, `-` or `+`; `@@` goes on elsewhere in the file.
    pub fn parse(file: &str, body: &[&str]) -> Result<Edit, String> {
        let mut hunks = vec![Hunk::default()];
        for line in body {
            let (old, new) = hunks.last_mut().expect("there is one from the start");
            match (line.chars().next(), line.get(1..)) {
                (Some('@'), _) => hunks.push(Hunk::default()),
                (Some('+'), Some(text)) => new.push(text.to_owned()),
                (Some('-'), Some(text)) => old.push(text.to_owned()),
                (None, _) => {
                    old.push(String::new());
                    new.push(String::new());
                }
                (Some(' '), Some(text)) => {
                    old.push(text.to_owned());
                    new.push(text.to_owned());
                }
                _ => {
                    return Err(format!(
                        "\"{line}\": each line begins with a space, - or +, as in a diff"
                    ));
                }
            }
        }
        if hunks.iter().all(|(old, new)| old == new) {
            return Err("it changes nothing: mark lines with - and +".into());
        }
        Ok(Edit {
            file: file.to_owned(),
            hunks,
        })
    }

    /// Are all the lines that it adds in this text, which the file will be in the end?
    pub fn stays(&self, text: &str) -> bool {
        let stays = |line: &String| text.lines().any(|there| there == line);
        let mut hunks = self.hunks.iter();
        hunks.all(|(old, new)| new.iter().all(|line| old.contains(line) || stays(line)))
    }

    /// One line becomes another: the only one in these files that contains `old`.
    /// It keeps its indentation. An empty text takes the line away.
    pub fn of_line(
        files: &BTreeMap<String, String>,
        place: &str,
        old: &str,
        new: &str,
    ) -> Result<Edit, String> {
        let mut found = Vec::new();
        for (file, text) in files.iter().filter(|(file, _)| file.contains(place)) {
            for (at, line) in text.lines().enumerate() {
                if line.contains(old) {
                    found.push((file, at, line));
                }
            }
        }
        let [(file, _, line)] = found[..] else {
            let mut list = String::new();
            for (file, at, line) in &found {
                list += &format!("\n    {file}:{}: {}", at + 1, line.trim());
            }
            return Err(match found.len() {
                0 => format!("no line of the program contains {old:?}"),
                many => format!("{many} lines of the program contain {old:?}; say more:{list}"),
            });
        };
        let indent = &line[..line.len() - line.trim_start().len()];
        let new = match new {
            "" => Vec::new(),
            new => vec![format!("{indent}{}", new.trim_start())],
        };
        Ok(Edit {
            file: file.clone(),
            hunks: vec![(vec![line.to_owned()], new)],
        })
    }

    /// Makes the change, or says why it does not fit.
    pub fn apply(&self, files: &mut BTreeMap<String, String>) -> Result<(), String> {
        let file = &self.file;
        let Some(text) = files.get(file) else {
            if self.hunks.iter().any(|(old, _)| !old.is_empty()) {
                return Err(format!("there is no {file} at this point"));
            }
            let lines = self.hunks.iter().flat_map(|(_, new)| new);
            let text = lines.map(|line| format!("{line}\n")).collect();
            files.insert(file.clone(), text);
            return Ok(());
        };
        let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
        for (old, new) in &self.hunks {
            if old.is_empty() {
                return Err(format!(
                    "{file} exists: say where, with a line before or after that stays"
                ));
            }
            let mut places = (0..lines.len()).filter(|at| lines[*at..].starts_with(old));
            let (Some(at), None) = (places.next(), places.next()) else {
                let times = if lines.windows(old.len()).any(|window| window == old) {
                    "more than once: add lines around it"
                } else {
                    "not at all"
                };
                let shown = old.join("\n    ");
                return Err(format!("this is in {file} {times}:\n    {shown}"));
            };
            lines.splice(at..at + old.len(), new.iter().cloned());
        }
        let text = lines.iter().map(|line| format!("{line}\n")).collect();
        files.insert(file.clone(), text);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn files(text: &str) -> BTreeMap<String, String> {
        BTreeMap::from([("src/main.rs".to_owned(), text.to_owned())])
    }

    fn applied(text: &str, body: &[&str]) -> Result<String, String> {
        let mut files = files(text);
        Edit::parse("src/main.rs", body)?.apply(&mut files)?;
        Ok(files["src/main.rs"].clone())
    }

    #[test]
    fn an_edit_must_fit_exactly_once() {
        let text = "a\nb\nc\nb\n";
        assert_eq!(
            applied(text, &[" a", "-b", "+x", "+y"]).unwrap(),
            "a\nx\ny\nc\nb\n"
        );
        assert_eq!(
            applied(text, &["-a", "@@", " c", "+d"]).unwrap(),
            "b\nc\nd\nb\n"
        );
        assert!(
            applied(text, &["-b"])
                .unwrap_err()
                .contains("more than once")
        );
        assert!(applied(text, &["-z"]).unwrap_err().contains("not at all"));
        assert!(applied(text, &["+z"]).unwrap_err().contains("say where"));
        assert!(
            applied(text, &[" a"])
                .unwrap_err()
                .contains("changes nothing")
        );
        assert!(applied(text, &["a"]).unwrap_err().contains("begins with"));
    }

    #[test]
    fn what_an_edit_adds_may_stay() {
        let edit = Edit::parse("src/main.rs", &[" a", "-b", "+c"]).unwrap();
        assert!(edit.stays("c\n"));
        assert!(!edit.stays("a\nb\n"));
    }

    #[test]
    fn an_edit_can_make_a_file() {
        let mut files = files("");
        let edit = Edit::parse("src/new.rs", &["+a", "+b"]).unwrap();
        edit.apply(&mut files).unwrap();
        assert_eq!(files["src/new.rs"], "a\nb\n");
    }

    #[test]
    fn a_line_becomes_another() {
        let text = "    let a = 1;\n    let b = 2;\n";
        let mut one = files(text);
        let edit = Edit::of_line(&one, "", "a = 1", "let a = 3;").unwrap();
        edit.apply(&mut one).unwrap();
        assert_eq!(one["src/main.rs"], "    let a = 3;\n    let b = 2;\n");
        let two = Edit::of_line(&files(text), "", "let", "x").unwrap_err();
        assert!(
            two.contains("2 lines") && two.contains("src/main.rs:2: let b = 2;"),
            "{two}"
        );
        let none = Edit::of_line(&files(text), "lib.rs", "let a", "x").unwrap_err();
        assert!(none.starts_with("no line"), "{none}");
    }
}
