//! What every command is given: the flags that hold everywhere, and where output goes.

use std::fmt::Display;
use std::io::Write;
use std::path::{Path, PathBuf};

use pinksync_local::runner;

use crate::arguments::{Format, Global};
use crate::output::Output;

pub struct Context {
    pub output: Output,
    pub global: Global,
}

impl Context {
    pub fn new(global: Global) -> Self {
        Self { output: Output::default(), global }
    }

    pub fn json(&self) -> bool {
        self.global.output == Format::Json
    }

    /// A remark for a person, on stderr; what was printed before it is seen before it.
    pub fn remark(&self, text: impl Display) {
        if !self.global.quiet {
            self.output.flush();
            say(text);
        }
    }

    /// Where the state of a sync file lies.
    pub fn state_path(&self, file: &Path) -> PathBuf {
        self.global.state.clone().unwrap_or_else(|| runner::state_path(file))
    }

    /// A command on a sync file as the user would type it next.
    pub fn next(&self, command: &str, file: &Path) -> String {
        let state = self.global.state.as_ref();
        let state = state.map(|state| format!(" --state {}", shell_word(state))).unwrap_or_default();
        format!("pinksync {command} {}{state}", shell_word(file))
    }
}

/// A line on stderr. That nobody reads it is no reason to fail.
pub fn say(text: impl Display) {
    let _ = writeln!(std::io::stderr(), "{text}");
}

/// A path as a shell takes it for one word.
pub fn shell_word(path: &Path) -> String {
    let text = path.display().to_string();
    let plain = |c: char| c.is_alphanumeric() || "/._-+:@%".contains(c);
    if !text.is_empty() && text.chars().all(plain) { text } else { format!("'{}'", text.replace('\'', r"'\''")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_one_word_to_a_shell() {
        assert_eq!(shell_word(Path::new("a/b-c.yaml")), "a/b-c.yaml");
        assert_eq!(shell_word(Path::new("it's here")), r"'it'\''s here'");
    }
}
