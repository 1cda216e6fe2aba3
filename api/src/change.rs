//! A request that changes something: one transaction that holds the change, its line in the audit log and, for a POST
//! with an `Idempotency-Key`, the answer, so that the same request again is answered and not carried out again.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{FromRequest, Request};
use axum::http::header::HeaderName;
use axum::http::{HeaderMap, Method};
use pinksync_common::ids::AccountId;
use pinksync_common::sealing::{self, KeyRing};
use pinksync_common::store::audit::{self, Deed};
use pinksync_common::store::{Client, StoreError, Transaction, idempotency};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use sha2::{Digest, Sha256};

use crate::access::Caller;
use crate::answer::{Answer, Instead};
use crate::app::App;
use crate::input::{body_of, read_body};
use crate::problem::{Code, Problem};
use crate::request_id::RequestId;

pub const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");

/// Longest `Idempotency-Key`.
const LONGEST_KEY: usize = 255;

/// A changing request, read whole.
#[derive(Debug)]
pub struct Change<T> {
    pub caller: Caller,
    pub body: T,
    /// Taken from the address; None where the request came without the header.
    once: Option<Once>,
    request_id: RequestId,
}

/// The body of an action: none, or `{}`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Nothing {}

/// What makes a request the same as one before.
#[derive(Debug, Clone)]
struct Once {
    key: String,
    request_hash: Vec<u8>,
}

/// A change at work. Dropped unfinished, nothing of it remains.
pub struct Work<'c> {
    /// Where the change is to be made.
    pub sql: Transaction<'c>,
    caller: Caller,
    once: Option<Once>,
    request_id: RequestId,
}

impl<T: DeserializeOwned> FromRequest<Arc<App>> for Change<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, app: &Arc<App>) -> Result<Self, Problem> {
        let (caller, request_id) = (Caller::of(request.extensions())?, RequestId::of_request(request.extensions()));
        let (method, uri, headers) = (request.method().clone(), request.uri().clone(), request.headers().clone());
        let key = if method == Method::POST { key_of(&headers)? } else { None };
        let bytes = body_of(request, app).await?;
        let body = read_body(&headers, &bytes)?;
        let once = key.map(|key| {
            let address = uri.path_and_query().map_or("/", |address| address.as_str());
            Once { key, request_hash: hash(&caller, &method, address, &bytes) }
        });
        Ok(Self { caller, body, once, request_id })
    }
}

/// Two clients of one account that happen to use the same key are not answered for each other: the API key is part of it.
fn hash(caller: &Caller, method: &Method, address: &str, body: &Bytes) -> Vec<u8> {
    let mut hash = Sha256::new();
    for part in [caller.key.0.as_bytes().as_slice(), method.as_str().as_bytes(), address.as_bytes(), body] {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part);
    }
    hash.finalize().to_vec()
}

fn key_of(headers: &HeaderMap) -> Result<Option<String>, Problem> {
    let Some(value) = headers.get(IDEMPOTENCY_KEY) else { return Ok(None) };
    match value.to_str() {
        Ok(key) if !key.is_empty() && key.len() <= LONGEST_KEY => Ok(Some(key.to_owned())),
        _ => Err(Problem::new(Code::InvalidHeader, "the `Idempotency-Key` is not one").at(
            "Idempotency-Key",
            format!("this is not 1 to {LONGEST_KEY} visible ASCII characters"),
            "send a new UUID with each request, and the same one where it is sent again",
        )),
    }
}

impl<T> Change<T> {
    /// Begins the change.
    ///
    /// # Errors
    /// The same request was answered before, or is at work, or another one had the same key.
    pub async fn begin<'c>(&self, app: &App, client: &'c mut Client) -> Result<Work<'c>, Instead> {
        let sql = client.transaction().await.map_err(StoreError::from)?;
        if let Some(once) = &self.once {
            once.claim(&sql, &app.ring, self.caller.account).await?;
        }
        let (caller, once, request_id) = (self.caller.clone(), self.once.clone(), self.request_id.clone());
        Ok(Work { sql, caller, once, request_id })
    }
}

impl Once {
    async fn claim(&self, sql: &Transaction<'_>, ring: &KeyRing, account: AccountId) -> Result<(), Instead> {
        if !idempotency::try_lock(sql, account, &self.key).await? {
            let detail = "the first request with this `Idempotency-Key` has not been answered yet";
            return Err(Problem::new(Code::IdempotencyInProgress, detail).retry_after(1).into());
        }
        let Some(kept) = idempotency::find(sql, account, &self.key).await? else { return Ok(()) };
        if kept.request_hash != self.request_hash {
            let problem = Problem::new(Code::IdempotencyKeyReused, "another request was sent with this key before");
            let remedy = "send a new key with each new request; only the very same request keeps its key";
            return Err(problem.at("Idempotency-Key", "this key was used before", remedy).into());
        }
        let opened =
            sealing::open(ring, self.context(account), &kept.answer).map_err(|error| Problem::internal(&error))?;
        let answer = serde_json::from_slice(&opened).map_err(|error| Problem::internal(&error))?;
        Err(Instead::Before(answer))
    }

    async fn keep(&self, work: &Work<'_>, ring: &KeyRing, answer: &Answer) -> Result<(), Problem> {
        let account = work.caller.account;
        let answer = serde_json::to_vec(answer).map_err(|error| Problem::internal(&error))?;
        let sealed = sealing::seal(ring, self.context(account), &answer).map_err(|error| Problem::internal(&error))?;
        Ok(idempotency::keep(&work.sql, account, &self.key, &self.request_hash, &sealed).await?)
    }

    /// An answer has no id of its own: its key stands in the place of a column's name.
    fn context(&self, account: AccountId) -> sealing::Context<'_> {
        sealing::Context { account, object: account.0, field: &self.key }
    }
}

impl Work<'_> {
    /// Whose change it is.
    pub fn account(&self) -> AccountId {
        self.caller.account
    }

    /// Commits the change with its line in the audit log: `action` such as `sync.create`, `object` the id of what it was
    /// done to.
    ///
    /// # Errors
    /// Nothing was committed, unless the connection broke at the very end.
    pub async fn finish(self, app: &App, action: &str, object: &str, answer: Answer) -> Result<Answer, Instead> {
        let (account, api_key) = (self.caller.account, Some(self.caller.key));
        audit::insert(&self.sql, Deed { account, api_key, action, object, request: Some(&self.request_id.0) }).await?;
        if let Some(once) = &self.once {
            once.keep(&self, &app.ring, &answer).await?;
        }
        self.sql.commit().await.map_err(StoreError::from)?;
        Ok(answer)
    }
}
