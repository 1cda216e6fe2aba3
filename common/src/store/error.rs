//! What can go wrong with the metadata database.

use tokio_postgres::error::SqlState;

pub type Result<T> = std::result::Result<T, StoreError>;

#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    #[error("the metadata database cannot be reached")]
    Unreachable(#[source] Box<dyn std::error::Error + Send + Sync>),
    #[error("the metadata database refused a statement")]
    Sql(#[source] tokio_postgres::Error),
    /// A row says what this version cannot understand.
    #[error("{0} in the metadata database is not understood: {1}")]
    Unreadable(&'static str, String),
    #[error("{0}")]
    Migration(String),
}

impl StoreError {
    /// The unique constraint or index that a write violated.
    pub fn violated(&self) -> Option<&str> {
        let Self::Sql(error) = self else { return None };
        let error = error.as_db_error()?;
        if *error.code() != SqlState::UNIQUE_VIOLATION {
            return None;
        }
        error.constraint()
    }

    /// Whether the same may succeed a moment later: the server restarts, or others were in the way.
    pub fn passes(&self) -> bool {
        match self {
            Self::Unreachable(_) => true,
            Self::Sql(error) => match error.code() {
                None => error.is_closed() || error.as_db_error().is_none(),
                Some(code) => {
                    let class = &code.code()[..2];
                    matches!(class, "08" | "40" | "53" | "57") || *code == SqlState::LOCK_NOT_AVAILABLE
                }
            },
            Self::Unreadable(..) | Self::Migration(_) => false,
        }
    }
}

impl From<tokio_postgres::Error> for StoreError {
    fn from(error: tokio_postgres::Error) -> Self {
        if error.is_closed() { Self::Unreachable(Box::new(error)) } else { Self::Sql(error) }
    }
}

impl From<deadpool_postgres::PoolError> for StoreError {
    fn from(error: deadpool_postgres::PoolError) -> Self {
        Self::Unreachable(Box::new(error))
    }
}
