//! Whether the key of a token still stands, as the database had it a second ago.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use pinksync_model::chain;
use tokio::time::{Instant, MissedTickBehavior, interval, timeout};
use tokio_util::sync::CancellationToken;

use super::Claims;
use crate::ids::ApiKeyId;
use crate::store::{self, Pool, StoreError, api_keys};

/// How often the keys in use are asked for.
const REFRESH: Duration = Duration::from_secs(1);

/// What was heard longer ago is no longer believed.
const OLDEST: Duration = Duration::from_secs(10);

/// How long the database may take to answer.
const ANSWER: Duration = Duration::from_secs(5);

/// A key whose tokens were not seen for so long is no longer asked for.
const IN_USE: Duration = Duration::from_secs(60);

/// How the keys of recent tokens stand. One query a second keeps them fresh, however many requests there are; a key not
/// seen before is asked for by its first request.
pub struct KeyStates {
    pool: Pool,
    known: Mutex<HashMap<ApiKeyId, Known>>,
}

#[derive(Debug, Clone, Copy)]
struct Known {
    /// None for a key that is revoked, expired or was never there.
    generation: Option<i32>,
    /// When the question was put to which this is the answer.
    asked: Instant,
    used: Instant,
}

/// Why a token does not count, although it is one of this service.
#[derive(Debug, thiserror::Error)]
pub enum Refused {
    #[error("the API key of this access token was revoked, rotated or has expired: get a new token")]
    Revoked,
    /// The caller may be in the right, and should come back.
    #[error("whether the API key of this access token still stands is not known at the moment")]
    Unknown(#[source] StoreError),
}

impl KeyStates {
    pub fn new(pool: Pool) -> Self {
        Self { pool, known: Mutex::default() }
    }

    /// Whether the key of a verified token still stands in the token's generation.
    ///
    /// # Errors
    /// It does not, or the database has not said so for ten seconds.
    pub async fn check(&self, claims: &Claims) -> Result<(), Refused> {
        let generation = match self.recall(claims.sub) {
            Some(generation) => generation,
            None => self.ask(&[claims.sub], true).await.map_err(Refused::Unknown)?.get(&claims.sub).copied(),
        };
        if generation == Some(claims.generation) { Ok(()) } else { Err(Refused::Revoked) }
    }

    /// Keeps what is known fresh until `stop`. Where this does not run, [`Self::check`] learns of changes after ten
    /// seconds only.
    pub async fn keep_fresh(&self, stop: CancellationToken) {
        let mut ticks = interval(REFRESH);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        while stop.run_until_cancelled(ticks.tick()).await.is_some() {
            match stop.run_until_cancelled(self.refresh()).await {
                None | Some(Ok(())) => {}
                Some(Err(error)) => tracing::warn!(error = chain(&error), "the state of API keys is not fresh"),
            }
        }
    }

    async fn refresh(&self) -> store::Result<()> {
        let in_use: Vec<ApiKeyId> = {
            let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
            known.retain(|_, key| key.used.elapsed() < IN_USE);
            known.keys().copied().collect()
        };
        if !in_use.is_empty() {
            self.ask(&in_use, false).await?;
        }
        Ok(())
    }

    /// Outer None: it is not known, or no longer.
    fn recall(&self, id: ApiKeyId) -> Option<Option<i32>> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let key = known.get_mut(&id)?;
        key.used = Instant::now();
        (key.asked.elapsed() < OLDEST).then_some(key.generation)
    }

    /// Asks the database, and remembers: also that a key is not there, which a signed token names only if its row was
    /// removed.
    async fn ask(&self, ids: &[ApiKeyId], for_a_token: bool) -> store::Result<HashMap<ApiKeyId, i32>> {
        let asked = Instant::now();
        let answer = timeout(ANSWER, async { api_keys::states(&self.pool.get().await?, ids).await }).await;
        let states = answer.unwrap_or_else(|late| Err(StoreError::Unreachable(Box::new(late))))?;
        let standing: HashMap<ApiKeyId, i32> =
            states.into_iter().filter(|key| key.usable).map(|key| (key.id, key.generation)).collect();
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        for id in ids {
            let generation = standing.get(id).copied();
            let new = Known { generation, asked, used: asked };
            let key = known.entry(*id).or_insert(new);
            if key.asked <= asked {
                let used = if for_a_token { asked } else { key.used };
                *key = Known { used, ..new };
            }
        }
        Ok(standing)
    }
}
