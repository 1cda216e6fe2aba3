//! A served API on a port of its own.

use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::Duration;

use pinksync_api::{Parts, RateLimit, router, serve};
use pinksync_common::auth::{ApiKey, KeyStates, Permission, Permissions, TokenKeys, Verifier};
use pinksync_common::dispatch::Dispatcher;
use pinksync_common::ids::{AccountId, ApiKeyId};
use pinksync_common::queue::{Broker, Inspector, Publisher};
use pinksync_common::sealing::{KeyRing, new_key};
use pinksync_common::settings::TlsFiles;
use pinksync_common::store::{Pool, accounts, api_keys};
use pinksync_test_support::{Client, topology, with_database};
use tokio_util::sync::{CancellationToken, DropGuard};

/// bcrypt's lowest, so that tests are quick.
const CHEAP: u32 = 4;

/// Small enough to be exceeded by a test.
pub const BODY_LIMIT: usize = 64 * 1024;

/// A running API; stopped when dropped.
pub struct Service {
    pub pool: Pool,
    pub address: SocketAddr,
    /// Without a token.
    pub open: Client,
    pub tokens: TokenKeys,
    pub ring: Arc<KeyRing>,
    pub publisher: Arc<Publisher>,
    verifier: Arc<Verifier>,
    _stop: DropGuard,
}

/// An account with one key.
pub struct Tenant {
    pub account: AccountId,
    pub key: ApiKeyId,
    /// With a token of that key.
    pub client: Client,
    pub pool: Pool,
}

/// How a service is served.
pub struct Wishes {
    /// Limit of requests a minute.
    pub requests: Option<u32>,
    pub tls: Option<TlsFiles>,
    pub time_limit: Duration,
}

impl Default for Wishes {
    fn default() -> Self {
        Self { requests: None, tls: None, time_limit: Duration::from_secs(30) }
    }
}

/// Runs a test against a service over an empty database.
pub async fn with_service<F: Future<Output = ()>>(test: impl FnOnce(Arc<Service>) -> F) {
    with_wishes(Wishes::default(), test).await;
}

/// As [`with_service`], with a limit of requests a minute.
pub async fn with_limited_service<F: Future<Output = ()>>(requests: u32, test: impl FnOnce(Arc<Service>) -> F) {
    with_wishes(Wishes { requests: Some(requests), ..Wishes::default() }, test).await;
}

/// As [`with_service`], with requests given up after a time.
pub async fn with_hurried_service<F: Future<Output = ()>>(time_limit: Duration, test: impl FnOnce(Arc<Service>) -> F) {
    with_wishes(Wishes { time_limit, ..Wishes::default() }, test).await;
}

/// A service that speaks HTTPS alone.
pub async fn with_https_service<F: Future<Output = ()>>(tls: TlsFiles, test: impl FnOnce(Arc<Service>) -> F) {
    with_wishes(Wishes { tls: Some(tls), ..Wishes::default() }, test).await;
}

async fn with_wishes<F: Future<Output = ()>>(wishes: Wishes, test: impl FnOnce(Arc<Service>) -> F) {
    with_database(|pool| test(Arc::new(Service::start(pool, &nobody(), wishes)))).await;
}

/// There is no broker there: what is accepted waits for one, and the answers are the same.
fn nobody() -> Broker {
    let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    Broker::new(&format!("amqp://nobody@{address}")).unwrap()
}

impl Service {
    pub fn start(pool: Pool, broker: &Broker, wishes: Wishes) -> Self {
        let Wishes { requests, tls, time_limit } = wishes;
        let ring = Arc::new(KeyRing::parse(&new_key()).unwrap());
        let (verifier, stop) = (Arc::new(Verifier::new(CHEAP, 2)), CancellationToken::new());
        let key_states = Arc::new(KeyStates::new(pool.clone()));
        let publisher = Arc::new(Publisher::start(broker.clone(), topology()));
        let router = router(Parts {
            pool: pool.clone(),
            ring: ring.clone(),
            key_states: key_states.clone(),
            verifier: verifier.clone(),
            rate_limit: requests.map(|requests| RateLimit::new(requests, Duration::from_secs(60))),
            body_limit: BODY_LIMIT,
            time_limit,
            https: tls.is_some(),
            metrics: Arc::new(|| "pinksync_up 1\n".to_owned()),
            dispatcher: Dispatcher::start(pool.clone(), publisher.clone(), stop.clone()),
            session_cap: 100,
            inspector: Inspector::new(broker.clone(), topology()),
            tasks_per_worker: 4,
            stopping: stop.clone(),
        });
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn({
            let stop = stop.clone();
            async move { key_states.keep_fresh(stop).await }
        });
        tokio::spawn({
            let (router, stop) = (router.unwrap(), stop.clone());
            async move { serve(router, listener, tls.as_ref(), stop).await.unwrap() }
        });
        let tokens = TokenKeys::new(&ring);
        Self {
            pool,
            address,
            open: Client::new(&format!("http://{address}")),
            tokens,
            ring,
            publisher,
            verifier,
            _stop: stop.drop_guard(),
        }
    }

    /// A new account whose key may do everything.
    pub async fn tenant(&self, name: &str) -> Tenant {
        let account = accounts::create(&self.pool.get().await.unwrap(), name).await.unwrap().id;
        let (key, client) = self.key(account, &[Permission::Admin]).await;
        Tenant { account, key: key.id, client, pool: self.pool.clone() }
    }

    /// A key of an account, and a client with a token of it.
    pub async fn key(&self, account: AccountId, permissions: &[Permission]) -> (ApiKey, Client) {
        let key = ApiKey::generate(ApiKeyId::new());
        let hash = self.verifier.hash(&key).await.unwrap();
        let permissions = Permissions::from(permissions.to_vec());
        let (id, expires_at) = (key.id, None);
        let new = api_keys::NewApiKey {
            id,
            account,
            name: "test",
            secret_hash: &hash,
            permissions: &permissions,
            expires_at,
        };
        api_keys::insert(&self.pool.get().await.unwrap(), new).await.unwrap();
        let client = self.open.log_in(key.text().expose()).await;
        (key, client)
    }
}
