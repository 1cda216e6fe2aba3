//! Connections to the metadata database.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use deadpool_postgres::{Client, Hook, HookError, Manager, ManagerConfig, Pool, RecyclingMethod, Runtime, Transaction};
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};
use tokio_postgres::Config;
use tokio_postgres_rustls::MakeRustlsConnect;

use super::{Result, StoreError};

/// How long to wait for a connection: a new one to be made, or one of a full pool to come back.
const WAIT: Duration = Duration::from_secs(10);

/// How long a server may be silent before it is asked whether it is there; after twice that, what was sent to it and not
/// confirmed ends the connection. Without it a server that vanished is waited for as long as the system repeats packets.
const SILENT: Duration = Duration::from_secs(10);

/// Statements are small: one that takes longer hangs. `jit` costs more than it saves on them.
const SET_UP: &str = "SET statement_timeout = '30s'; SET lock_timeout = '10s'; SET jit = off; SET TimeZone = 'UTC';
SET idle_in_transaction_session_timeout = '15s'; SET client_min_messages = 'warning'";

/// A pool of at most `size` connections, which are made when they are needed. `application` is shown by the server.
///
/// # Errors
/// Only where the URL is not one, or authorities to trust cannot be read: nothing is connected yet.
pub fn connect(url: &str, authority: Option<&Path>, application: &str, size: usize) -> Result<Pool> {
    let mut config: Config =
        url.parse().map_err(|error: tokio_postgres::Error| StoreError::Unreachable(Box::new(error)))?;
    config.application_name(application);
    config
        .connect_timeout(Duration::from_secs(5))
        .keepalives_idle(SILENT)
        .keepalives_interval(SILENT / 3)
        .keepalives_retries(3)
        .tcp_user_timeout(2 * SILENT);
    let recycling = ManagerConfig { recycling_method: RecyclingMethod::Fast };
    let manager = Manager::from_config(config, tls(authority)?, recycling);
    let set_up = Hook::async_fn(|client, _| {
        Box::pin(async move { client.batch_execute(SET_UP).await.map_err(HookError::Backend) })
    });
    Pool::builder(manager)
        .max_size(size)
        .runtime(Runtime::Tokio1)
        .create_timeout(Some(WAIT))
        .wait_timeout(Some(WAIT))
        .recycle_timeout(Some(WAIT))
        .post_create(set_up)
        .build()
        .map_err(|error| StoreError::Unreachable(Box::new(error)))
}

/// A connection of the pool.
pub async fn client(pool: &Pool) -> Result<Client> {
    Ok(pool.get().await?)
}

/// Begins a transaction, which is rolled back where it is dropped.
pub async fn begin(client: &mut Client) -> Result<Transaction<'_>> {
    Ok(client.transaction().await?)
}

/// Commits what was done. A statement's error must not have been passed over: the server rolls back then, and says nothing.
pub async fn commit(transaction: Transaction<'_>) -> Result<()> {
    Ok(transaction.commit().await?)
}

/// TLS that trusts the authorities of a PEM file, or those of the operating system; used as the URL's `sslmode` says.
///
/// # Errors
/// The file cannot be read.
pub fn tls(authority: Option<&Path>) -> Result<MakeRustlsConnect> {
    let mut roots = RootCertStore::empty();
    let unreadable = |error: &dyn std::fmt::Display| StoreError::Unreachable(error.to_string().into());
    match authority {
        None => {
            roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        }
        Some(path) => {
            for certificate in CertificateDer::pem_file_iter(path).map_err(|error| unreadable(&error))? {
                roots.add(certificate.map_err(|error| unreadable(&error))?).map_err(|error| unreadable(&error))?;
            }
        }
    }
    let config = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|error| unreadable(&error))?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(MakeRustlsConnect::new(config))
}
