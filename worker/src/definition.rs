//! Definitions as workers need them: read with their secrets, and opened only at allowed places.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use pinksync_common::definition as documents;
use pinksync_common::definition::{NoAddress, allowed_path, join, open_secrets};
use pinksync_common::ids::{AccountId, ConnectionId, SyncId};
use pinksync_common::store::{Result, connections, syncs};
use pinksync_connectors::origin::{Origin, Permit};
use pinksync_connectors::registry;
use pinksync_engine::connector::System;
use pinksync_engine::{Error, ErrorKind};
use pinksync_model::{Connection, FileSettings, Mistakes, SqliteSettings, SyncDefinition};
use serde_json::Value;
use uuid::Uuid;

use crate::execute::unreadable;
use crate::service::Service;

const OPERATION: &str = "read the definition";

type Found<T> = std::result::Result<T, Error>;

/// A sync's definition as it was at a revision, with the connections that it names as they are now.
pub async fn load(service: &Service, account: AccountId, sync: SyncId, revision: i64) -> Result<Found<SyncDefinition>> {
    let client = service.pool.get().await?;
    let Some(stored) = syncs::revision(&client, account, sync, revision).await? else {
        let error = Error::new(ErrorKind::Definition, OPERATION, "the sync is gone");
        return Ok(Err(error.with_remedy("save it again")));
    };
    let mut named = HashMap::new();
    for name in documents::named_connections(&stored.document) {
        if let Some(connection) = connections::named(&client, account, name).await? {
            let whole = whole(service, account, connection.id.0, connection.document, connection.sealed.as_deref())?;
            named.insert(name.to_owned(), whole);
        }
    }
    let document = whole(service, account, sync.0, stored.document, stored.sealed.as_deref())?;
    Ok(documents::assemble(&document, &|name| named.get(name).cloned()).map_err(mistaken))
}

/// A saved connection.
pub async fn connection(service: &Service, account: AccountId, id: ConnectionId) -> Result<Found<Connection>> {
    let client = service.pool.get().await?;
    let Some(stored) = connections::get(&client, account, id).await? else {
        let error = Error::new(ErrorKind::Definition, OPERATION, "the connection is gone");
        return Ok(Err(error.with_remedy("save it again")));
    };
    let document = whole(service, account, id.0, stored.document, stored.sealed.as_deref())?;
    Ok(documents::check_connection(&document).map_err(mistaken))
}

/// A document with its secrets.
fn whole(service: &Service, account: AccountId, object: Uuid, document: Value, sealed: Option<&[u8]>) -> Result<Value> {
    let secrets =
        open_secrets(&service.keys, account, object, sealed).map_err(|error| unreadable("a sealed secret", &error))?;
    Ok(join(document, &secrets))
}

fn mistaken(mistakes: Mistakes) -> Error {
    Error::new(ErrorKind::Definition, OPERATION, mistakes.to_string()).with_remedy("correct the definition")
}

/// Opens both sides, source first. Servers are told `application` as the name of who connects.
pub async fn open(
    service: &Service,
    definition: &SyncDefinition,
    application: &str,
) -> Found<(Arc<dyn System>, Arc<dyn System>)> {
    let source = open_side(service, &definition.source, application).await?;
    let target = open_side(service, &definition.target, application).await?;
    Ok((source, target))
}

/// Opens one side, if it lies where it may.
pub async fn open_side(service: &Service, connection: &Connection, application: &str) -> Found<Arc<dyn System>> {
    let base_folder = Path::new("/");
    // A relative path would be relative to that folder: users of a service name the whole path.
    let mut reach = registry::reach(connection, Path::new(""))?;
    let mut resolved = Vec::with_capacity(reach.files.len());
    for path in std::mem::take(&mut reach.files) {
        resolved.push(allowed_file(&service.file_roots, &path)?);
    }
    let mut addresses = HashMap::new();
    for (host, port) in reach.hosts {
        let found = service.hosts.resolve(&host, port).await.map_err(|error| no_address(&error))?;
        addresses.extend(found.first().map(|address| (host, address.ip())));
    }
    let connection = match (connection, resolved.first()) {
        (Connection::Sqlite(_), Some(path)) => Connection::Sqlite(SqliteSettings { path: path.display().to_string() }),
        (Connection::Csv(settings), Some(path)) => {
            Connection::Csv(FileSettings { path: path.display().to_string(), csv: settings.csv.clone() })
        }
        (other, _) => other.clone(),
    };
    let roots = service.file_roots.clone();
    let permit: Permit = Arc::new(move |path| allowed_file(&roots, path));
    let idle_limit = service.limits.lease * 2 / 3;
    registry::open(&connection, &Origin { base_folder, application, addresses, idle_limit, permit }).await
}

/// The path with its links followed, where that lies below an allowed root.
fn allowed_file(roots: &[PathBuf], path: &Path) -> Found<PathBuf> {
    allowed_path(path, roots).map_err(|error| {
        Error::new(ErrorKind::Definition, "open the file", format!("{}: {error}", path.display()))
            .with_remedy("name a path below one of the folders that the operator allows (PINKSYNC_FILE_ROOTS)")
    })
}

fn no_address(error: &NoAddress) -> Error {
    let kind = match error {
        NoAddress::NotFound(..) | NoAddress::TooSlow(_) => ErrorKind::Unreachable,
        NoAddress::LocalSocket(_) | NoAddress::Forbidden(_) => ErrorKind::Definition,
    };
    Error::new(kind, "connect to the server", error.to_string()).with_remedy("check the host of this connection")
}
