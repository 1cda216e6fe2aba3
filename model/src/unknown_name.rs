//! The error of every text that should be one of a few names.

/// A name that is none of those a type knows, with the names it does know.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unknown {what} `{given}`: one of {known}")]
pub struct UnknownName {
    /// What was being read, such as `guard`.
    pub what: &'static str,
    /// The text that was given.
    pub given: String,
    /// The names that would have been understood, separated by commas.
    pub known: String,
}

impl UnknownName {
    /// Finds the one of `all` whose `spelling` is `given`.
    pub(crate) fn find<T: Copy, const N: usize>(
        what: &'static str,
        given: &str,
        all: [T; N],
        spelling: fn(T) -> &'static str,
    ) -> Result<T, Self> {
        all.into_iter().find(|name| spelling(*name) == given).ok_or_else(|| Self {
            what,
            given: given.to_owned(),
            known: all.map(spelling).join(", "),
        })
    }
}
