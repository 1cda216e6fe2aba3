//! A PostgreSQL database of a test's own, on the server that `PINKSYNC_TEST_POSTGRES_URL` names.

use pinksync_common::store::{self, Pool};
use tokio_postgres::types::{FromSql, ToSql};
use tokio_postgres::{Client, NoTls};

use crate::Address;

/// Of a test's pool.
const CONNECTIONS: usize = 16;

pub type Parameters<'a> = &'a [&'a (dyn ToSql + Sync)];

/// Gone after its test.
pub struct Database {
    name: String,
    pub url: String,
    client: Client,
}

impl Database {
    pub async fn make(purpose: &str) -> Self {
        Self::make_on(&server(), purpose).await
    }

    /// With the service's tables.
    pub async fn migrated(purpose: &str) -> Self {
        let database = Self::make(purpose).await;
        store::migrate(&mut database.connect().await).await.unwrap();
        database
    }

    /// On another server than that of the tests.
    pub async fn make_on(server: &str, purpose: &str) -> Self {
        let name = format!("test_{purpose}_{}", uuid::Uuid::now_v7().simple());
        connect(server).await.batch_execute(&format!("CREATE DATABASE {name}")).await.unwrap();
        let address =
            Address { database: name.clone(), settings: vec!["sslmode=disable".to_owned()], ..Address::of(server) };
        let url = address.to_string();
        let client = connect(&url).await;
        Self { name, url, client }
    }

    /// Connections as the service has them.
    pub fn pool(&self) -> Pool {
        store::connect(&self.url, None, "test", CONNECTIONS).unwrap()
    }

    /// One more connection.
    pub async fn connect(&self) -> Client {
        connect(&self.url).await
    }

    /// Looks at it anew after the server has ended all connections.
    pub async fn reconnect(&mut self) {
        self.client = self.connect().await;
    }

    pub async fn batch(&self, sql: &str) {
        self.client.batch_execute(sql).await.unwrap_or_else(|error| panic!("{sql}: {error:?}"));
    }

    pub async fn execute(&self, sql: &str, given: Parameters<'_>) -> u64 {
        self.client.execute(sql, given).await.unwrap_or_else(|error| panic!("{sql}: {error:?}"))
    }

    /// The one value that a query gives.
    pub async fn value<T: for<'a> FromSql<'a>>(&self, sql: &str, given: Parameters<'_>) -> T {
        self.client.query_one(sql, given).await.unwrap_or_else(|error| panic!("{sql}: {error:?}")).get(0)
    }

    /// The first column of all rows.
    pub async fn column<T: for<'a> FromSql<'a>>(&self, sql: &str, given: Parameters<'_>) -> Vec<T> {
        let rows = self.client.query(sql, given).await.unwrap_or_else(|error| panic!("{sql}: {error:?}"));
        rows.iter().map(|row| row.get(0)).collect()
    }

    /// Ends all connections to it but those of the test.
    pub async fn cut_connections(&self) -> i64 {
        const CUT: &str = "SELECT count(*) FILTER (WHERE pg_terminate_backend(pid)) FROM pg_stat_activity
            WHERE datname = current_database() AND application_name LIKE 'pinksync%'";
        self.value(CUT, &[]).await
    }
}

/// Runs a test with a pool of an empty, migrated database.
pub async fn with_database<F: Future<Output = ()>>(test: impl FnOnce(Pool) -> F) {
    let database = Database::migrated("pool").await;
    test(database.pool()).await;
}

impl Drop for Database {
    fn drop(&mut self) {
        let sql = format!("DROP DATABASE IF EXISTS {} WITH (FORCE)", self.name);
        let server = Address { database: "postgres".to_owned(), ..Address::of(&self.url) }.to_string();
        // A runtime cannot be entered from within another one.
        let dropped = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                if let Ok((client, connection)) = tokio_postgres::connect(&server, NoTls).await {
                    tokio::spawn(connection);
                    if let Err(error) = client.batch_execute(&sql).await {
                        eprintln!("{sql}: {error}");
                    }
                }
            });
        });
        let _ = dropped.join();
    }
}

fn server() -> String {
    std::env::var("PINKSYNC_TEST_POSTGRES_URL")
        .expect("PINKSYNC_TEST_POSTGRES_URL names no server: run the tests by `./dev test`, or set it")
}

async fn connect(url: &str) -> Client {
    let (client, connection) = tokio_postgres::connect(url, NoTls).await.expect("the test server answers");
    tokio::spawn(connection);
    client
}
