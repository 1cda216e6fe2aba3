//! An error as the user reads it: a sentence, its causes, what to do next, and the exit code.

use std::error::Error as StdError;
use std::fmt::Display;

use pinksync_engine::{Error, ErrorKind};
use pinksync_local::StateError;
use pinksync_local::runner::RunError;
use pinksync_model::{Mistake, Mistakes};

use crate::context::say;
use crate::exit::Exit;

#[derive(Debug)]
pub struct Failure {
    exit: Exit,
    message: String,
    causes: Vec<String>,
    mistakes: Vec<Mistake>,
    help: Option<String>,
}

impl Failure {
    fn new(exit: Exit, message: impl Into<String>) -> Self {
        Self { exit, message: message.into(), causes: Vec::new(), mistakes: Vec::new(), help: None }
    }

    pub fn failed(message: impl Into<String>) -> Self {
        Self::new(Exit::Failed, message)
    }

    pub fn usage(message: impl Into<String>) -> Self {
        Self::new(Exit::Usage, message)
    }

    /// A guard stopped it.
    pub fn guarded(message: impl Into<String>) -> Self {
        Self::new(Exit::Guarded, message)
    }

    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// Says one more thing to do.
    #[must_use]
    pub fn help_too(mut self, more: &str) -> Self {
        self.help = Some(self.help.map_or(more.to_owned(), |help| format!("{help}; {more}")));
        self
    }

    /// Adds an error and what is behind it.
    #[must_use]
    pub fn because(mut self, error: &(dyn StdError + 'static)) -> Self {
        let mut cause = Some(error);
        while let Some(inner) = cause {
            self.add_cause(inner);
            cause = inner.source();
        }
        self
    }

    /// A cause that only repeats what was said is left out.
    fn add_cause(&mut self, cause: &dyn Display) {
        let text = cause.to_string();
        let said = self.message.contains(&text) || self.causes.iter().any(|before| before.contains(&text));
        if !said {
            self.causes.push(text);
        }
    }

    /// Adds mistakes, each with its place and the way to mend it.
    #[must_use]
    pub fn with_mistakes(mut self, mistakes: Mistakes) -> Self {
        self.mistakes.extend(mistakes.0);
        self
    }

    pub fn mistakes(&self) -> &[Mistake] {
        &self.mistakes
    }

    /// Prints it on stderr.
    pub fn print(&self) -> Exit {
        let mut text = format!("error: {}", self.message);
        for cause in &self.causes {
            text.push_str(&format!("\n  caused by: {cause}"));
        }
        for mistake in &self.mistakes {
            let place = if mistake.path.is_empty() { String::new() } else { format!("{}: ", mistake.path) };
            text.push_str(&format!("\n  {place}{}", mistake.message));
            if !mistake.remedy.is_empty() {
                text.push_str(&format!("\n    help: {}", mistake.remedy));
            }
        }
        if let Some(help) = &self.help {
            text.push_str(&format!("\nhelp: {help}"));
        }
        say(text);
        self.exit
    }
}

/// What to do about an error that says nothing of it.
fn usual(kind: ErrorKind) -> &'static str {
    match kind {
        ErrorKind::Definition => "compare the sync file with both systems, and correct it",
        ErrorKind::Unreachable => "check the system and the network; `pinksync doctor FILE` looks at both sides",
        ErrorKind::Denied => "check user, password and rights of the connection",
        ErrorKind::Aborted => "another program was in the way: run again",
        ErrorKind::UnknownOutcome => "run again: what happened is looked up before anything is written",
        ErrorKind::Data => "correct the data at its side, then run again",
        ErrorKind::Moved => "run again: everything is read anew",
        ErrorKind::Storage => "check the disk and its free space, then run again",
        ErrorKind::Interrupted => "run again to go on",
        ErrorKind::Other => "run again with -v, which tells more; `pinksync doctor FILE` looks at both sides",
    }
}

impl From<&Error> for Failure {
    fn from(error: &Error) -> Self {
        let mut failure = Self::new(Exit::of_kind(error.kind()), error.to_string());
        if let Some(source) = error.source() {
            failure = failure.because(source);
        }
        failure.help = Some(error.remedy().unwrap_or_else(|| usual(error.kind())).to_owned());
        failure
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::from(&error)
    }
}

impl From<StateError> for Failure {
    /// What to do stands behind the semicolon of these.
    fn from(error: StateError) -> Self {
        if let StateError::Storage(error) = &error {
            return Self::from(error);
        }
        let text = error.to_string();
        let failure = |message: &str| Self::new(Exit::of_state(&error), message);
        match text.rsplit_once("; ") {
            Some((message, help)) => failure(message).help(help),
            None => failure(&text),
        }
    }
}

impl From<RunError> for Failure {
    fn from(error: RunError) -> Self {
        let exit = Exit::of_run(&error);
        let message = error.to_string();
        match error {
            RunError::Unreadable { source, .. } => {
                Self::new(exit, message).because(&source).help("check the path; `pinksync init` writes a new sync file")
            }
            RunError::Invalid { mistakes, .. } => Self { mistakes: mistakes.0, ..Self::new(exit, message) },
            RunError::State(error) => error.into(),
            RunError::Engine(error) => error.into(),
            RunError::Refused { remedy, .. } => Self::new(exit, message).help(remedy),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_without_a_remedy_says_what_to_do_too() {
        let failure = Failure::from(Error::new(ErrorKind::Other, "read a range", "syntax error"));
        assert!(failure.help.unwrap().contains("pinksync doctor"));
        let failure = Failure::from(Error::new(ErrorKind::Other, "read a range", "x").with_remedy("do this"));
        assert_eq!(failure.help.unwrap(), "do this");
    }
}
