//! An API key as its holder has it: `pks_<key id>_<secret>`.

use std::fmt;
use std::str::FromStr;

use pinksync_model::Secret;
use rand::distr::{Alphanumeric, SampleString};
use uuid::Uuid;

use crate::ids::ApiKeyId;

const PREFIX: &str = "pks";

/// Characters of a secret, of 62 kinds: 256 random bits. Below the 72 bytes that bcrypt takes.
const SECRET_LENGTH: usize = 43;

/// An API key with its secret, which is shown nowhere but by [`ApiKey::text`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiKey {
    pub id: ApiKeyId,
    pub secret: Secret,
}

/// A text that has not the form of an API key. The text is not shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("this is not an API key, which looks like pks_<key id>_<secret>")]
pub struct InvalidApiKey;

impl ApiKey {
    /// A key with a new random secret.
    pub fn generate(id: ApiKeyId) -> Self {
        Self { id, secret: Secret::new(Alphanumeric.sample_string(&mut rand::rng(), SECRET_LENGTH)) }
    }

    /// The one string that its holder is given, once.
    pub fn text(&self) -> Secret {
        Secret::new(format!("{PREFIX}_{}_{}", self.id.0.simple(), self.secret.expose()))
    }
}

/// Without the secret.
impl fmt::Display for ApiKey {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{PREFIX}_{}_***", self.id.0.simple())
    }
}

impl FromStr for ApiKey {
    type Err = InvalidApiKey;

    fn from_str(text: &str) -> Result<Self, InvalidApiKey> {
        let mut parts = text.split('_');
        let (Some(PREFIX), Some(id), Some(secret), None) = (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(InvalidApiKey);
        };
        let is_secret = secret.len() == SECRET_LENGTH && secret.bytes().all(|byte| byte.is_ascii_alphanumeric());
        let id = Uuid::try_parse(id).ok().filter(|parsed| parsed.simple().to_string() == id);
        let id = id.filter(|_| is_secret).ok_or(InvalidApiKey)?;
        Ok(Self { id: ApiKeyId(id), secret: Secret::new(secret) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_read_back_from_its_text_and_shows_no_secret() {
        let key = ApiKey::generate(ApiKeyId::new());
        let text = key.text();
        assert_eq!(text.expose().parse(), Ok(key.clone()));
        assert_eq!(text.expose().matches('_').count(), 2);
        let shown = format!("{key} {key:?} {text} {text:?}");
        assert!(!shown.contains(key.secret.expose()), "{shown}");
        assert_ne!(ApiKey::generate(key.id), key);
    }

    #[test]
    fn what_only_looks_like_a_key_is_refused() {
        let id = Uuid::nil();
        let secret = "a".repeat(SECRET_LENGTH);
        let simple = id.simple();
        for text in [
            String::new(),
            format!("pks_{simple}"),
            format!("pks_{simple}_"),
            format!("pks_{simple}_{}", &secret[1..]),
            format!("pks_{simple}_{secret}a"),
            format!("pks_{simple}_{secret}_"),
            format!("pks_{id}_{secret}"),
            format!("pkx_{simple}_{secret}"),
            format!("pks_{simple}_{}ä", &secret[2..]),
            format!(" pks_{simple}_{secret}"),
        ] {
            assert_eq!(text.parse::<ApiKey>(), Err(InvalidApiKey), "{text}");
        }
        assert!(format!("pks_{simple}_{secret}").parse::<ApiKey>().is_ok());
    }
}
