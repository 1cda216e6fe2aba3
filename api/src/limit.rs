//! How many requests an API key may make: a bucket per key that fills up at a steady rate. In memory and per process: it
//! protects this process; nothing is coordinated.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use axum::http::{HeaderMap, HeaderName, HeaderValue};
use pinksync_common::ids::ApiKeyId;

use crate::problem::{Code, Problem};

const RATE_LIMIT: HeaderName = HeaderName::from_static("ratelimit");
const RATE_LIMIT_POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");

/// With so many keys in memory, those whose bucket is full again are forgotten.
const MANY_KEYS: usize = 10_000;

/// The bucket of one key.
#[derive(Debug, Clone, Copy)]
struct Bucket {
    /// Requests that may still be made at `at`.
    left: f64,
    at: Instant,
}

/// The limit, and what each key has used of it.
#[derive(Debug)]
pub struct RateLimit {
    quota: u32,
    window: Duration,
    buckets: Mutex<HashMap<ApiKeyId, Bucket>>,
}

/// What a key may still do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Allowance {
    quota: u32,
    window: Duration,
    left: u32,
    /// Until the bucket is full again.
    full_in: Duration,
}

impl RateLimit {
    /// At most `quota` requests at once, and as many more in each `window`.
    pub fn new(quota: u32, window: Duration) -> Self {
        Self { quota, window, buckets: Mutex::new(HashMap::new()) }
    }

    /// Takes one request out of the bucket of a key.
    ///
    /// # Errors
    /// The bucket is empty.
    pub fn take(&self, key: ApiKeyId, now: Instant) -> Result<Allowance, Problem> {
        let quota = f64::from(self.quota);
        let per_second = quota / self.window.as_secs_f64();
        let mut buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        let filled = |bucket: &Bucket| {
            let elapsed = now.saturating_duration_since(bucket.at).as_secs_f64();
            (bucket.left + elapsed * per_second).min(quota)
        };
        if buckets.len() >= MANY_KEYS && !buckets.contains_key(&key) {
            buckets.retain(|_, bucket| filled(bucket) < quota);
        }
        let bucket = buckets.entry(key).or_insert(Bucket { left: quota, at: now });
        let left = filled(bucket);
        let allowed = left >= 1.0;
        *bucket = Bucket { left: if allowed { left - 1.0 } else { left }, at: now };
        let left = bucket.left;
        drop(buckets);
        let full_in = Duration::from_secs_f64((quota - left) / per_second);
        let allowance = Allowance { quota: self.quota, window: self.window, left: left as u32, full_in };
        if allowed {
            return Ok(allowance);
        }
        let wait = ((1.0 - left) / per_second).ceil().max(1.0) as u64;
        let detail = format!("at most {} requests in {} s with one API key", self.quota, self.window.as_secs());
        let problem = Problem::new(Code::RateLimited, detail).retry_after(wait);
        let headers = allowance.headers().into_iter();
        Err(headers.fold(problem, |problem, (name, value)| problem.with_header(name, value)))
    }
}

impl Allowance {
    fn headers(&self) -> [(HeaderName, HeaderValue); 2] {
        let limit = format!("\"key\";r={};t={}", self.left, self.full_in.as_secs_f64().ceil() as u64);
        let policy = format!("\"key\";q={};w={}", self.quota, self.window.as_secs());
        let value = |text: String| HeaderValue::try_from(text).unwrap_or(HeaderValue::from_static(""));
        [(RATE_LIMIT, value(limit)), (RATE_LIMIT_POLICY, value(policy))]
    }

    /// Tells the client what is left.
    pub fn add_to(&self, headers: &mut HeaderMap) {
        headers.extend(self.headers().map(|(name, value)| (Some(name), value)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_that_used_its_quota_waits_until_the_bucket_fills_up() {
        let limit = RateLimit::new(2, Duration::from_secs(10));
        let (key, other, now) = (ApiKeyId::new(), ApiKeyId::new(), Instant::now());
        assert_eq!(limit.take(key, now).unwrap().left, 1);
        assert_eq!(limit.take(key, now).unwrap().left, 0);
        assert_eq!(limit.take(key, now).unwrap_err().code, Code::RateLimited);
        assert!(limit.take(other, now).is_ok());
        assert!(limit.take(key, now + Duration::from_secs(4)).is_err());
        assert!(limit.take(key, now + Duration::from_secs(6)).is_ok());
    }
}
