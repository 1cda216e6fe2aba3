//! A migrated database of the test's own, gone when the test is over.

use std::future::Future;

use pinksync_common::store::{self, Pool};
use tokio_postgres::{Client, Config, NoTls};
use uuid::Uuid;

/// The server that the environment names.
fn server() -> Config {
    let url =
        std::env::var("PINKSYNC_TEST_POSTGRES_URL").expect("PINKSYNC_TEST_POSTGRES_URL names a server: ./dev test");
    url.parse().unwrap()
}

async fn connect(config: &Config) -> Client {
    let (client, connection) = config.connect(NoTls).await.unwrap();
    tokio::spawn(connection);
    client
}

/// Runs a test with a pool of an empty, migrated database, which is removed whether the test passes or not.
pub async fn with_database<F: Future<Output = ()> + Send + 'static>(test: impl FnOnce(Pool) -> F) {
    let name = format!("pinksync_rest_{}", Uuid::now_v7().simple());
    let admin = connect(&server()).await;
    admin.batch_execute(&format!("CREATE DATABASE {name}")).await.unwrap();
    let mut client = connect(server().dbname(&name)).await;
    store::migrate(&mut client).await.unwrap();
    drop(client);
    let outcome = tokio::spawn(test(pool(&name))).await;
    admin.batch_execute(&format!("DROP DATABASE {name} WITH (FORCE)")).await.unwrap();
    if let Err(failure) = outcome {
        std::panic::resume_unwind(failure.into_panic());
    }
}

fn pool(database: &str) -> Pool {
    let config = server();
    let tokio_postgres::config::Host::Tcp(host) = &config.get_hosts()[0] else { panic!("a server with a TCP port") };
    let (user, port) = (config.get_user().unwrap(), config.get_ports()[0]);
    let url = format!("postgres://{user}@{host}:{port}/{database}?sslmode=disable");
    store::connect(&url, None, "pinksync test", 16).unwrap()
}
