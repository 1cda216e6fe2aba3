//! Access tokens: JWT, signed with HS256 under a key derived from a master key. Whoever checks them is a process of this
//! service and has the master keys anyway, so that a public key would serve nobody.

use std::collections::HashMap;
use std::fmt;
use std::time::Duration;

use jsonwebtoken::errors::ErrorKind;
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation, get_current_timestamp};
use pinksync_model::Secret;
use serde::{Deserialize, Serialize};

use super::Permissions;
use crate::ids::{AccountId, ApiKeyId};
use crate::sealing::{KeyRing, Purpose};

/// How long a token is valid.
pub const TOKEN_LIFETIME: Duration = Duration::from_secs(900);

const ALGORITHM: Algorithm = Algorithm::HS256;
const ISSUER: &str = "pinksync";
const AUDIENCE: &str = "pinksync-api";

/// How far clocks of processes may differ, in seconds.
const LEEWAY: u64 = 5;

/// What a token says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claims {
    /// Who made it.
    pub iss: String,
    /// For whom.
    pub aud: String,
    /// The API key that it was traded for.
    pub sub: ApiKeyId,
    /// The account that the key belongs to.
    pub acct: AccountId,
    pub perms: Permissions,
    /// The key's generation: rotating or revoking the key ends the token.
    #[serde(rename = "gen")]
    pub generation: i32,
    /// Seconds since 1970.
    pub exp: u64,
    /// Seconds since 1970.
    pub iat: u64,
}

/// Why a token is not accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    #[error("the access token has expired: get a new one")]
    Expired,
    /// Signed by something else, changed, of another service, or no token at all; which of these is not told.
    #[error("this is not an access token of this service")]
    Invalid,
    #[error("no access token could be made")]
    Unsigned,
}

/// Signs with the current master key's key; verifies with those of all keys in the ring.
pub struct TokenKeys {
    header: Header,
    signing: EncodingKey,
    verifying: HashMap<String, DecodingKey>,
    validation: Validation,
}

impl TokenKeys {
    pub fn new(ring: &KeyRing) -> Self {
        let mut validation = Validation::new(ALGORITHM);
        validation.leeway = LEEWAY;
        validation.set_issuer(&[ISSUER]);
        validation.set_audience(&[AUDIENCE]);
        validation.set_required_spec_claims(&["exp", "iss", "aud", "sub"]);
        let verifying = |key: &crate::sealing::MasterKey| {
            (key.id().to_owned(), DecodingKey::from_secret(key.derive(Purpose::Tokens).as_slice()))
        };
        Self {
            header: Header { kid: Some(ring.current().id().to_owned()), ..Header::new(ALGORITHM) },
            signing: EncodingKey::from_secret(ring.current().derive(Purpose::Tokens).as_slice()),
            verifying: ring.keys().iter().map(verifying).collect(),
            validation,
        }
    }

    /// A token for [`TOKEN_LIFETIME`] from now.
    ///
    /// # Errors
    /// [`TokenError::Unsigned`], if the library cannot sign.
    pub fn issue(
        &self,
        key: ApiKeyId,
        account: AccountId,
        permissions: &Permissions,
        generation: i32,
    ) -> Result<Secret, TokenError> {
        let iat = get_current_timestamp();
        self.sign(&Claims {
            iss: ISSUER.to_owned(),
            aud: AUDIENCE.to_owned(),
            sub: key,
            acct: account,
            perms: permissions.clone(),
            generation,
            exp: iat + TOKEN_LIFETIME.as_secs(),
            iat,
        })
    }

    fn sign<T: Serialize>(&self, claims: &T) -> Result<Secret, TokenError> {
        jsonwebtoken::encode(&self.header, claims, &self.signing).map(Secret::new).map_err(|_| TokenError::Unsigned)
    }

    /// What a token of this service says. That its key still stands is for [`super::KeyStates`] to tell.
    ///
    /// # Errors
    /// It has expired, or is not one of this service.
    pub fn verify(&self, token: &str) -> Result<Claims, TokenError> {
        let header = jsonwebtoken::decode_header(token).map_err(|_| TokenError::Invalid)?;
        let key = header.kid.and_then(|kid| self.verifying.get(&kid)).ok_or(TokenError::Invalid)?;
        match jsonwebtoken::decode::<Claims>(token, key, &self.validation) {
            Ok(decoded) => Ok(decoded.claims),
            Err(error) if matches!(error.kind(), ErrorKind::ExpiredSignature) => Err(TokenError::Expired),
            Err(_) => Err(TokenError::Invalid),
        }
    }
}

impl fmt::Debug for TokenKeys {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("TokenKeys").field("kid", &self.header.kid).finish_non_exhaustive()
    }
}

#[cfg(test)]
#[path = "token_tests.rs"]
mod tests;
