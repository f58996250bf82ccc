//! The blocks of a chapter, and sessions among them that would not be replayed.

const NOT_REPLAYED: &str = "this session is not replayed: put it into a ```console block, in the first column \
     (```console,norun=\"why\" if it cannot be replayed)";

/// Follows the blocks of a chapter and notices a session that would not be replayed: only
/// what stands between "```console" and "```", both in the first column, is.
#[derive(Default)]
pub struct Fences {
    /// The backquotes that opened the block, and whether it is a session.
    open: Option<(String, bool)>,
}

impl Fences {
    /// Is the next line inside a block?
    pub fn is_open(&self) -> bool {
        self.open.is_some()
    }

    /// Takes the next line, or says what is wrong with it.
    pub fn line(&mut self, line: &str) -> Result<(), String> {
        const SHELLS: [&str; 9] = [
            "console",
            "sh",
            "bash",
            "zsh",
            "fish",
            "shell",
            "terminal",
            "sh-session",
            "shell-session",
        ];
        // In a quotation or a list, too.
        let text = line.trim_start_matches([' ', '\t', '>', '-', '*']);
        let language = text.trim_start_matches('`');
        let marker = &text[..text.len() - language.len()];
        match &self.open {
            Some((open, session)) if marker.len() >= open.len() && language.trim().is_empty() => {
                let exact = line == "```" || !session;
                self.open = None;
                return exact.then_some(()).ok_or(
                    "a ```console block must end with ``` alone, in the first column".into(),
                );
            }
            Some((_, true)) => return Ok(()),
            None if text.starts_with("~~~") => return Err("open a block with ```, not ~~~".into()),
            None if marker.len() >= 3 => {
                let session = line.starts_with("```console");
                self.open = Some((marker.to_owned(), session));
                let word = language.trim().split([',', ' ', '{']).next();
                let shell = SHELLS.contains(&word.unwrap_or_default().to_lowercase().as_str());
                if shell && !session {
                    return Err(NOT_REPLAYED.into());
                }
            }
            _ if text.starts_with("$ ") => return Err(NOT_REPLAYED.into()),
            _ => {}
        }
        Ok(())
    }
}
