//! The secrets of a connection or a sync as they lie beside its document: one place that says what they are bound to, for
//! those who seal and those who open.

use uuid::Uuid;

use super::{Secrets, UnreadableSecrets};
use crate::ids::AccountId;
use crate::sealing::{Context, KeyRing, Unopened, needs_rewrap, open, rewrap, seal};

/// The column that they lie in.
const FIELD: &str = "sealed";

/// Why the secrets of a document are not to be had.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SecretsError {
    #[error(transparent)]
    Unopened(#[from] Unopened),
    #[error(transparent)]
    Unreadable(#[from] UnreadableSecrets),
}

/// Seals the secrets of the connection or sync `object`; None, if there are none.
///
/// # Errors
/// As [`seal`].
pub fn seal_secrets(
    ring: &KeyRing,
    account: AccountId,
    object: Uuid,
    secrets: &Secrets,
) -> Result<Option<Vec<u8>>, SecretsError> {
    if secrets.is_empty() {
        return Ok(None);
    }
    Ok(Some(seal(ring, Context { account, object, field: FIELD }, &secrets.to_bytes())?))
}

/// Opens what [`seal_secrets`] has sealed.
///
/// # Errors
/// They belong to another account or object, or their master key is missing.
pub fn open_secrets(
    ring: &KeyRing,
    account: AccountId,
    object: Uuid,
    sealed: Option<&[u8]>,
) -> Result<Secrets, SecretsError> {
    match sealed {
        None => Ok(Secrets::default()),
        Some(sealed) => Ok(Secrets::from_bytes(&open(ring, Context { account, object, field: FIELD }, sealed)?)?),
    }
}

/// Secrets that [`seal_secrets`] has sealed under an older master key, wrapped by the current one; None where they are
/// already.
///
/// # Errors
/// They belong to another account or object, or their master key is missing.
pub fn rewrap_secrets(
    ring: &KeyRing,
    account: AccountId,
    object: Uuid,
    sealed: &[u8],
) -> Result<Option<Vec<u8>>, SecretsError> {
    if !needs_rewrap(ring, sealed)? {
        return Ok(None);
    }
    Ok(Some(rewrap(ring, Context { account, object, field: FIELD }, sealed)?))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::split;
    use super::*;
    use crate::sealing::new_key;

    #[test]
    fn secrets_go_over_to_a_new_master_key_and_need_the_old_one_no_more() {
        let (old, new) = (new_key(), new_key());
        let (before, both) = (KeyRing::parse(&old).unwrap(), KeyRing::parse(&format!("{},{}", *new, *old)).unwrap());
        let (account, object) = (AccountId::new(), Uuid::now_v7());
        let (_, secrets) = split(json!({"password": "hunter2"}));
        let sealed = seal_secrets(&before, account, object, &secrets).unwrap().unwrap();
        assert!(rewrap_secrets(&before, account, object, &sealed).unwrap().is_none());
        let again = rewrap_secrets(&both, account, object, &sealed).unwrap().unwrap();
        let after = KeyRing::parse(&new).unwrap();
        assert_eq!(open_secrets(&after, account, object, Some(&again)).unwrap(), secrets);
        assert!(open_secrets(&after, account, object, Some(&sealed)).is_err());
    }

    #[test]
    fn secrets_open_only_where_they_belong() {
        let ring = KeyRing::parse(&new_key()).unwrap();
        let (account, object) = (AccountId::new(), Uuid::now_v7());
        let (_, secrets) = split(json!({"password": "hunter2"}));
        let sealed = seal_secrets(&ring, account, object, &secrets).unwrap();
        assert_eq!(open_secrets(&ring, account, object, sealed.as_deref()), Ok(secrets));
        assert!(open_secrets(&ring, AccountId::new(), object, sealed.as_deref()).is_err());
        assert!(open_secrets(&ring, account, Uuid::now_v7(), sealed.as_deref()).is_err());
        assert_eq!(seal_secrets(&ring, account, object, &Secrets::default()), Ok(None));
    }
}
