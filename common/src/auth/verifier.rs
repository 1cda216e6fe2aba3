//! Hashes and checks secrets of API keys: bcrypt on blocking threads, a bounded number at once.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use hmac::Mac;
use pinksync_model::Secret;
use tokio::sync::Semaphore;
use tokio::time::{Instant, timeout};

use super::ApiKey;
use crate::ids::ApiKeyId;
use crate::sealing::keyed;

/// 2^12 rounds: about a quarter of a second of one processor.
pub const DEFAULT_COST: u32 = 12;

/// How long to wait for a turn before the caller is told to come back.
const WAIT: Duration = Duration::from_secs(5);

/// How long a secret that was right is known to be.
const REMEMBERED: Duration = Duration::from_secs(300);

/// How many secrets are remembered at most.
const MOST_REMEMBERED: usize = 10_000;

/// Checks secrets. It remembers right ones for a while, by a digest under a key that never leaves this process; since
/// a memory counts for one generation only, and that is read from the database each time, what was rotated or revoked
/// is not let in by it.
pub struct Verifier {
    cost: u32,
    turns: Arc<Semaphore>,
    digest_key: [u8; 32],
    remembered: Mutex<HashMap<(ApiKeyId, i32), Memory>>,
}

struct Memory {
    digest: [u8; 32],
    since: Instant,
}

/// Why nothing could be said about a secret.
#[derive(Debug, thiserror::Error)]
pub enum VerifyError {
    #[error("too many API keys are being checked at the moment")]
    Busy,
    #[error("bcrypt failed")]
    Bcrypt(#[from] bcrypt::BcryptError),
    #[error("the thread that hashes ended early")]
    Thread(#[from] tokio::task::JoinError),
}

impl Verifier {
    /// `cost` is bcrypt's, 4 to 31; at most `at_once` secrets are hashed at a time.
    pub fn new(cost: u32, at_once: usize) -> Self {
        let turns = Arc::new(Semaphore::new(at_once.max(1)));
        Self { cost, turns, digest_key: rand::random(), remembered: Mutex::default() }
    }

    /// What is stored of a key's secret.
    ///
    /// # Errors
    /// No turn came in time, or the cost is none.
    pub async fn hash(&self, key: &ApiKey) -> Result<String, VerifyError> {
        let cost = self.cost;
        self.in_turn(&key.secret, move |secret| bcrypt::non_truncating_hash(secret.expose(), cost)).await
    }

    /// Whether the secret is the one whose hash is stored for this generation of the key.
    ///
    /// # Errors
    /// No turn came in time, or what is stored is no hash.
    pub async fn verify(&self, key: &ApiKey, generation: i32, stored_hash: &str) -> Result<bool, VerifyError> {
        let slot = (key.id, generation);
        if self.remembers(slot, &key.secret) {
            return Ok(true);
        }
        let stored_hash = stored_hash.to_owned();
        let check = move |secret: Secret| bcrypt::non_truncating_verify(secret.expose(), &stored_hash);
        let right = self.in_turn(&key.secret, check).await?;
        if right {
            self.remember(slot, &key.secret);
        }
        Ok(right)
    }

    /// The turn goes along to the thread: who gives up waiting does not make room for more work than was meant.
    async fn in_turn<T: Send + 'static>(
        &self,
        secret: &Secret,
        work: impl FnOnce(Secret) -> Result<T, bcrypt::BcryptError> + Send + 'static,
    ) -> Result<T, VerifyError> {
        let waited = timeout(WAIT, Arc::clone(&self.turns).acquire_owned()).await;
        let turn = waited.ok().and_then(Result::ok).ok_or(VerifyError::Busy)?;
        let secret = secret.clone();
        let in_thread = move || {
            let _turn = turn;
            work(secret)
        };
        Ok(tokio::task::spawn_blocking(in_thread).await??)
    }

    fn digest(&self, secret: &Secret) -> hmac::Hmac<sha2::Sha256> {
        keyed(&self.digest_key).chain_update(secret.expose().as_bytes())
    }

    /// Compares in constant time.
    fn remembers(&self, slot: (ApiKeyId, i32), secret: &Secret) -> bool {
        let remembered = self.remembered.lock().unwrap_or_else(PoisonError::into_inner);
        let memory = remembered.get(&slot).filter(|memory| memory.since.elapsed() < REMEMBERED);
        memory.is_some_and(|memory| self.digest(secret).verify_slice(&memory.digest).is_ok())
    }

    fn remember(&self, slot: (ApiKeyId, i32), secret: &Secret) {
        let digest = self.digest(secret).finalize().into_bytes().into();
        let mut remembered = self.remembered.lock().unwrap_or_else(PoisonError::into_inner);
        if remembered.len() >= MOST_REMEMBERED {
            remembered.retain(|_, memory| memory.since.elapsed() < REMEMBERED);
        }
        if remembered.len() >= MOST_REMEMBERED {
            remembered.clear();
        }
        remembered.insert(slot, Memory { digest, since: Instant::now() });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// bcrypt's lowest, so that tests are quick.
    const CHEAP: u32 = 4;

    #[tokio::test]
    async fn only_the_right_secret_is_let_in_and_again_from_memory() {
        let verifier = Verifier::new(CHEAP, 2);
        let key = ApiKey::generate(ApiKeyId::new());
        let other = ApiKey::generate(key.id);
        let hash = verifier.hash(&key).await.unwrap();
        assert!(hash.starts_with("$2b$04$"));
        assert!(!verifier.verify(&other, 1, &hash).await.unwrap());
        for _ in 0..2 {
            assert!(verifier.verify(&key, 1, &hash).await.unwrap());
            assert!(!verifier.verify(&other, 1, &hash).await.unwrap());
        }
        assert!(verifier.verify(&key, 1, "no hash").await.unwrap());
        assert!(matches!(verifier.verify(&key, 2, "no hash").await, Err(VerifyError::Bcrypt(_))));
    }

    #[tokio::test]
    async fn a_rotated_key_is_not_let_in_from_memory() {
        let verifier = Verifier::new(CHEAP, 1);
        let old = ApiKey::generate(ApiKeyId::new());
        let new = ApiKey::generate(old.id);
        let (old_hash, new_hash) = (verifier.hash(&old).await.unwrap(), verifier.hash(&new).await.unwrap());
        assert!(verifier.verify(&old, 1, &old_hash).await.unwrap());
        assert!(!verifier.verify(&old, 2, &new_hash).await.unwrap());
        assert!(verifier.verify(&new, 2, &new_hash).await.unwrap());
    }

    #[tokio::test(start_paused = true)]
    async fn who_gets_no_turn_is_told_so() {
        let verifier = Verifier::new(CHEAP, 1);
        let turn = verifier.turns.acquire().await.unwrap();
        let key = ApiKey::generate(ApiKeyId::new());
        assert!(matches!(verifier.hash(&key).await, Err(VerifyError::Busy)));
        drop(turn);
        assert!(verifier.hash(&key).await.is_ok());
    }
}
