//! Accounts, API keys and the audit log.

use pinksync_common::auth::{ApiKey, Permission, Permissions};
use pinksync_common::ids::{AccountId, ApiKeyId};
use pinksync_common::store::audit::Deed;
use pinksync_common::store::{Pool, accounts, api_keys, audit};
use pinksync_test_support::with_database;

/// An account with a key; the hash is only a text here.
pub async fn account_with_key(pool: &Pool, name: &str) -> (AccountId, ApiKeyId) {
    let client = pool.get().await.unwrap();
    let account = accounts::create(&client, name).await.unwrap().id;
    (account, add_key(pool, account).await)
}

async fn add_key(pool: &Pool, account: AccountId) -> ApiKeyId {
    let permissions = Permissions::from(vec![Permission::Admin, Permission::SyncRead]);
    let key = api_keys::NewApiKey {
        id: ApiKeyId::new(),
        account,
        name: "first",
        secret_hash: "hash",
        permissions: &permissions,
        expires_at: None,
    };
    api_keys::insert(&pool.get().await.unwrap(), key).await.unwrap().id
}

#[tokio::test]
async fn an_account_is_made_once_however_often_it_is_asked_for() {
    with_database(|pool| async move {
        let client = pool.get().await.unwrap();
        assert_eq!(accounts::find(&client, "acme").await.unwrap(), None);
        let account = accounts::create(&client, "acme").await.unwrap();
        assert_eq!(accounts::create(&client, "acme").await.unwrap(), account);
        assert_eq!(accounts::find(&client, "acme").await.unwrap(), Some(account));
        assert!(accounts::create(&client, "").await.is_err());
    })
    .await;
}

#[tokio::test]
async fn a_key_is_rotated_used_and_revoked() {
    with_database(|pool| async move {
        let (account, id) = account_with_key(&pool, "acme").await;
        let client = pool.get().await.unwrap();
        let login = api_keys::find_for_login(&client, id).await.unwrap().unwrap();
        assert_eq!((login.account, login.generation, login.usable), (account, 1, true));
        assert_eq!(login.permissions.spelled(), ["sync:read", "admin"]);

        let rotated = api_keys::rotate(&client, account, id, "other").await.unwrap().unwrap();
        assert_eq!((rotated.generation, rotated.last_used_at), (2, None));
        api_keys::touch(&client, id).await.unwrap();
        let used = api_keys::get(&client, account, id).await.unwrap().unwrap().last_used_at;
        api_keys::touch(&client, id).await.unwrap();
        assert!(used.is_some());
        assert_eq!(api_keys::get(&client, account, id).await.unwrap().unwrap().last_used_at, used);

        let revoked = api_keys::revoke(&client, account, id).await.unwrap().unwrap();
        assert_eq!(api_keys::revoke(&client, account, id).await.unwrap(), Some(revoked));
        assert_eq!(api_keys::rotate(&client, account, id, "third").await.unwrap(), None);
        let login = api_keys::find_for_login(&client, id).await.unwrap().unwrap();
        assert_eq!((login.secret_hash.as_str(), login.usable), ("other", false));
    })
    .await;
}

#[tokio::test]
async fn keys_of_another_account_are_not_there() {
    with_database(|pool| async move {
        let (account, id) = account_with_key(&pool, "acme").await;
        let (other, _) = account_with_key(&pool, "other").await;
        let client = pool.get().await.unwrap();
        assert_eq!(api_keys::get(&client, other, id).await.unwrap(), None);
        assert_eq!(api_keys::rotate(&client, other, id, "mine").await.unwrap(), None);
        assert_eq!(api_keys::revoke(&client, other, id).await.unwrap(), None);
        assert!(!api_keys::list(&client, other, None, 10).await.unwrap().iter().any(|key| key.id == id));
        assert_eq!(api_keys::get(&client, account, id).await.unwrap().unwrap().generation, 1);
    })
    .await;
}

#[tokio::test]
async fn keys_are_listed_in_pages_without_a_gap() {
    with_database(|pool| async move {
        let (account, first) = account_with_key(&pool, "acme").await;
        let mut expected = vec![first];
        for _ in 0..4 {
            expected.push(add_key(&pool, account).await);
        }
        let client = pool.get().await.unwrap();
        let (mut seen, mut after) = (Vec::new(), None);
        loop {
            let page = api_keys::list(&client, account, after, 2).await.unwrap();
            let Some(last) = page.last() else { break };
            after = Some(last.id);
            seen.extend(page.iter().map(|key| key.id));
        }
        assert_eq!(seen, expected);
    })
    .await;
}

#[tokio::test]
async fn an_expired_key_is_not_usable() {
    with_database(|pool| async move {
        let (_, id) = account_with_key(&pool, "acme").await;
        let client = pool.get().await.unwrap();
        client.execute("UPDATE api_keys SET expires_at = now() - interval '1 s'", &[]).await.unwrap();
        assert!(!api_keys::find_for_login(&client, id).await.unwrap().unwrap().usable);
        assert!(!api_keys::states(&client, &[id]).await.unwrap()[0].usable);
    })
    .await;
}

#[tokio::test]
async fn deeds_are_listed_newest_first_and_for_their_account_only() {
    with_database(|pool| async move {
        let (account, key) = account_with_key(&pool, "acme").await;
        let (other, _) = account_with_key(&pool, "other").await;
        let client = pool.get().await.unwrap();
        for (account, object) in [(account, "a"), (other, "b"), (account, "c"), (account, "d")] {
            let deed = Deed { account, api_key: Some(key), action: "connection.create", object, request: None };
            audit::insert(&client, deed).await.unwrap();
        }
        let first = audit::page(&client, account, None, 2).await.unwrap();
        let second = audit::page(&client, account, Some(first[1].id), 2).await.unwrap();
        let objects: Vec<&str> = first.iter().chain(&second).map(|row| row.object.as_str()).collect();
        assert_eq!(objects, ["d", "c", "a"]);
        assert_eq!(first[0].api_key, Some(key));
    })
    .await;
}

#[tokio::test]
async fn what_a_key_shows_to_its_account_holds_no_secret() {
    with_database(|pool| async move {
        let (account, _) = account_with_key(&pool, "acme").await;
        let key = ApiKey::generate(ApiKeyId::new());
        let permissions = Permissions::from(vec![Permission::SyncRead]);
        let new = api_keys::NewApiKey {
            id: key.id,
            account,
            name: "second",
            secret_hash: "$2b$hash",
            permissions: &permissions,
            expires_at: None,
        };
        let row = api_keys::insert(&pool.get().await.unwrap(), new).await.unwrap();
        let shown = format!("{row:?}");
        assert!(!shown.contains(key.secret.expose()) && !shown.contains("$2b$hash"), "{shown}");
    })
    .await;
}
