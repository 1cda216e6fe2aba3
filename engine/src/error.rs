//! What went wrong on a system or in the home, and what may be done about it.

use std::error::Error as StdError;
use std::fmt;

pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What an error means to the engine. What decides about trying again matches every kind by name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ErrorKind {
    /// The definition does not fit the systems (missing column, incompatible types): the user must change it.
    Definition,
    /// The system cannot be reached, or the connection broke before anything was sent.
    Unreachable,
    /// The system refused the credentials or the right to do this.
    Denied,
    /// The transaction was undone by the system (serialization, deadlock, lock time-out, busy): do it again.
    Aborted,
    /// The answer to a commit was lost: it may have happened. Read again, never assume.
    UnknownOutcome,
    /// What was read is not complete or not as described (duplicate keys, broken file).
    Data,
    /// The file on disk is not the one that was read.
    Moved,
    /// The disk or the database is full, or the folder cannot be written.
    Storage,
    /// The session was asked to stop (pause, cancel).
    Interrupted,
    /// Something we did not foresee; the source says what.
    Other,
}

impl ErrorKind {
    /// A stable name of what went wrong, for programs.
    pub fn code(self) -> &'static str {
        match self {
            Self::Definition => "definition",
            Self::Unreachable => "unreachable",
            Self::Denied => "denied",
            Self::Aborted => "aborted",
            Self::UnknownOutcome => "unknown_outcome",
            Self::Data => "data",
            Self::Moved => "moved",
            Self::Storage => "storage",
            Self::Interrupted => "interrupted",
            Self::Other => "other",
        }
    }
}

/// An error with the operation it broke, a sentence for the user, and its source.
#[derive(Debug)]
pub struct Error {
    kind: ErrorKind,
    operation: &'static str,
    message: String,
    remedy: Option<String>,
    source: Option<Box<dyn StdError + Send + Sync>>,
}

impl Error {
    /// `operation` is a verb phrase ("read a range"), `message` lower-case without a final period.
    pub fn new(kind: ErrorKind, operation: &'static str, message: impl Into<String>) -> Self {
        Self { kind, operation, message: message.into(), remedy: None, source: None }
    }

    /// What the user can do next.
    #[must_use]
    pub fn with_remedy(mut self, remedy: impl Into<String>) -> Self {
        self.remedy = Some(remedy.into());
        self
    }

    #[must_use]
    pub fn with_source(mut self, source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        self.source = Some(source.into());
        self
    }

    /// Says at which place it happened, unless the message does already.
    #[must_use]
    pub fn at(mut self, place: &str) -> Self {
        if !self.message.contains(place) {
            self.message = format!("{place}: {}", self.message);
        }
        self
    }

    pub fn kind(&self) -> ErrorKind {
        self.kind
    }

    pub fn operation(&self) -> &'static str {
        self.operation
    }

    pub fn message(&self) -> &str {
        &self.message
    }

    pub fn remedy(&self) -> Option<&str> {
        self.remedy.as_deref()
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "could not {}: {}", self.operation, self.message)
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.source.as_ref().map(|source| source.as_ref() as &(dyn StdError + 'static))
    }
}
