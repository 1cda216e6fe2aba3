//! From a connection of the sync file to the opened system behind it.

use std::path::Path;
use std::sync::Arc;

use pinksync_engine::Result;
use pinksync_engine::connector::System;
use pinksync_model::Connection;

/// Opens one side of a sync. Relative paths are relative to `base_folder`, the sync file's folder; servers are told
/// `application` as the name of who connects.
///
/// # Errors
/// `Definition` where the settings are not usable, or the connector was left out of this build.
pub async fn open(connection: &Connection, base_folder: &Path, application: &str) -> Result<Arc<dyn System>> {
    let _ = (base_folder, application);
    match connection {
        #[cfg(feature = "postgres")]
        Connection::Postgres(settings) => crate::postgres::Postgres::open(settings, base_folder, application),
        #[cfg(feature = "sqlite")]
        Connection::Sqlite(settings) => crate::sqlite::Sqlite::open(settings, base_folder),
        #[cfg(feature = "csv")]
        Connection::Csv(settings) => crate::csv::Csv::open(settings, base_folder),
        #[cfg(not(all(feature = "postgres", feature = "sqlite", feature = "csv")))]
        other => Err(pinksync_engine::Error::new(
            pinksync_engine::ErrorKind::Definition,
            "open the system",
            format!("this build has no connector of type `{}`", other.kind()),
        )
        .with_remedy("use a build with all connectors")),
    }
}
