//! A token stops when its key does, within two seconds, and when nothing is heard of its key.

use std::sync::Arc;
use std::time::{Duration, Instant};

use pinksync_common::auth::{Claims, KeyStates, Permission, Permissions, Refused, TokenKeys};
use pinksync_common::ids::{AccountId, ApiKeyId};
use pinksync_common::sealing::{KeyRing, new_key};
use pinksync_common::store::{Pool, api_keys};
use pinksync_test_support::with_database;
use tokio::time::{interval, timeout};
use tokio_util::sync::CancellationToken;

use super::keys::account_with_key;

/// A token as the API has it after verifying.
fn claims(key: ApiKeyId, account: AccountId, generation: i32) -> Claims {
    let keys = TokenKeys::new(&KeyRing::parse(&new_key()).unwrap());
    let permissions = Permissions::from(vec![Permission::SyncRead]);
    keys.verify(keys.issue(key, account, &permissions, generation).unwrap().expose()).unwrap()
}

fn kept_fresh(pool: &Pool, stop: &CancellationToken) -> Arc<KeyStates> {
    let states = Arc::new(KeyStates::new(pool.clone()));
    let (loops, stop) = (Arc::clone(&states), stop.clone());
    tokio::spawn(async move { loops.keep_fresh(stop).await });
    states
}

/// How long a token goes on being accepted.
async fn refused_after(states: &KeyStates, claims: &Claims, most: Duration) -> Duration {
    let since = Instant::now();
    let mut ticks = interval(Duration::from_millis(20));
    let refused = async {
        while states.check(claims).await.is_ok() {
            ticks.tick().await;
        }
    };
    timeout(most, refused).await.expect("the token is refused in time");
    since.elapsed()
}

#[tokio::test]
async fn revoking_a_key_ends_its_tokens_within_two_seconds() {
    with_database(|pool| async move {
        let (account, key) = account_with_key(&pool, "acme").await;
        let stop = CancellationToken::new();
        let _ends = stop.clone().drop_guard();
        let states = kept_fresh(&pool, &stop);
        let claims = claims(key, account, 1);
        states.check(&claims).await.unwrap();
        api_keys::revoke(&pool.get().await.unwrap(), account, key).await.unwrap();
        let elapsed = refused_after(&states, &claims, Duration::from_secs(10)).await;
        assert!(elapsed < Duration::from_secs(2), "{elapsed:?}");
        assert!(matches!(states.check(&claims).await, Err(Refused::Revoked)));
    })
    .await;
}

#[tokio::test]
async fn rotating_a_key_ends_its_old_tokens_and_not_its_new_ones() {
    with_database(|pool| async move {
        let (account, key) = account_with_key(&pool, "acme").await;
        let stop = CancellationToken::new();
        let _ends = stop.clone().drop_guard();
        let states = kept_fresh(&pool, &stop);
        let (old, new) = (claims(key, account, 1), claims(key, account, 2));
        states.check(&old).await.unwrap();
        api_keys::rotate(&pool.get().await.unwrap(), account, key, "other").await.unwrap();
        refused_after(&states, &old, Duration::from_secs(2)).await;
        states.check(&new).await.unwrap();
    })
    .await;
}

#[tokio::test]
async fn a_key_that_is_not_there_has_no_tokens() {
    with_database(|pool| async move {
        let (account, _) = account_with_key(&pool, "acme").await;
        let states = KeyStates::new(pool);
        assert!(matches!(states.check(&claims(ApiKeyId::new(), account, 1)).await, Err(Refused::Revoked)));
    })
    .await;
}

#[tokio::test]
async fn tokens_are_refused_once_the_database_was_silent_for_ten_seconds() {
    with_database(|pool| async move {
        let (account, key) = account_with_key(&pool, "acme").await;
        let stop = CancellationToken::new();
        let _ends = stop.clone().drop_guard();
        let states = kept_fresh(&pool, &stop);
        let claims = claims(key, account, 1);
        states.check(&claims).await.unwrap();
        pool.close();
        states.check(&claims).await.unwrap();
        let elapsed = refused_after(&states, &claims, Duration::from_secs(15)).await;
        assert!(elapsed > Duration::from_secs(8) && elapsed < Duration::from_secs(11), "{elapsed:?}");
        assert!(matches!(states.check(&claims).await, Err(Refused::Unknown(_))));
    })
    .await;
}
