//! From a connection of the sync file to the opened system behind it.

use std::path::Path;
use std::sync::Arc;

use pinksync_engine::Result;
use pinksync_engine::connector::System;
use pinksync_model::Connection;

use crate::origin::{Origin, Reach};

/// Opens one side of a sync.
///
/// # Errors
/// `Definition` where the settings are not usable, or the connector was left out of this build.
pub async fn open(connection: &Connection, origin: &Origin<'_>) -> Result<Arc<dyn System>> {
    let _ = origin;
    match connection {
        #[cfg(feature = "postgres")]
        Connection::Postgres(settings) => crate::postgres::Postgres::open(settings, origin),
        #[cfg(feature = "sqlite")]
        Connection::Sqlite(settings) => crate::sqlite::Sqlite::open(settings, origin.base_folder),
        #[cfg(feature = "csv")]
        Connection::Csv(settings) => crate::csv::Csv::open(settings, origin),
        #[cfg(not(all(feature = "postgres", feature = "sqlite", feature = "csv")))]
        other => Err(pinksync_engine::Error::new(
            pinksync_engine::ErrorKind::Definition,
            "open the system",
            format!("this build has no connector of type `{}`", other.kind()),
        )
        .with_remedy("use a build with all connectors")),
    }
}

/// What opening a connection would reach for.
///
/// # Errors
/// As of [`open`].
pub fn reach(connection: &Connection, base_folder: &Path) -> Result<Reach> {
    match connection {
        #[cfg(feature = "postgres")]
        Connection::Postgres(settings) => crate::postgres::Postgres::reach(settings, base_folder),
        #[cfg(not(feature = "postgres"))]
        Connection::Postgres(_) => Ok(Reach::default()),
        Connection::Sqlite(settings) => Ok(Reach::file(base_folder, &settings.path)),
        Connection::Csv(settings) => Ok(Reach::file(base_folder, &settings.path)),
    }
}
