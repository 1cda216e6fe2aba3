//! A sealed secret: its text under a random data key, and that key under a master key.
//!
//! Version 1 is, in order: `1`; the length of the master key's id (one byte) and the id; nonce (24 bytes) and wrapped data
//! key (32 + 16); nonce (24) and ciphertext with tag. Both encryptions are XChaCha20-Poly1305, whose nonces are long
//! enough to be random. What is wrapped is bound to all before it and to the context; the text to the context.

use chacha20poly1305::aead::{Aead, Payload};
use chacha20poly1305::{KeyInit, XChaCha20Poly1305};
use uuid::Uuid;
use zeroize::Zeroizing;

use super::key_ring::{KEY_BYTES, KeyRing, MasterKey, Purpose};
use crate::ids::AccountId;

const VERSION: u8 = 1;
const NONCE_BYTES: usize = 24;
const TAG_BYTES: usize = 16;
const WRAPPED_BYTES: usize = NONCE_BYTES + KEY_BYTES + TAG_BYTES;

/// Where a secret belongs; sealed there, it opens nowhere else.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Context<'a> {
    pub account: AccountId,
    /// The id of the connection, sync or task that it is part of.
    pub object: Uuid,
    /// Which part: a column's name.
    pub field: &'a str,
}

impl Context<'_> {
    /// Two parts of fixed length and the rest: no two contexts read the same.
    fn bound(&self, label: &[u8]) -> Vec<u8> {
        [label, self.account.0.as_bytes(), self.object.as_bytes(), self.field.as_bytes()].concat()
    }
}

/// Why a secret does not open.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unopened {
    #[error("the secret is sealed in a form that this version does not know")]
    Form,
    #[error("the secret is sealed with the master key `{0}`, which is not in PINKSYNC_MASTER_KEY: add it there")]
    UnknownKey(String),
    #[error("the secret was changed, or belongs elsewhere, or was sealed with another master key of the same id")]
    Refused,
}

/// A sealed secret, taken apart.
struct Parts<'a> {
    header: &'a [u8],
    key_id: &'a str,
    wrapped: &'a [u8],
    content: &'a [u8],
}

/// Seals bytes under the current master key.
///
/// # Errors
/// Only for more bytes than the cipher takes (256 GB).
pub fn seal(ring: &KeyRing, context: Context<'_>, bytes: &[u8]) -> Result<Vec<u8>, Unopened> {
    let data_key = Zeroizing::new(rand::random::<[u8; KEY_BYTES]>());
    let mut sealed = wrap(ring.current(), context, &data_key)?;
    sealed.extend(encrypt(&data_key, bytes, &context.bound(b"content"))?);
    Ok(sealed)
}

/// The bytes that were sealed in this context.
///
/// # Errors
/// Another context, a changed byte, an unknown form, or a master key that is not in the ring.
pub fn open(ring: &KeyRing, context: Context<'_>, sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, Unopened> {
    let parts = take_apart(sealed)?;
    let data_key = unwrap(ring, context, &parts)?;
    decrypt(&data_key, parts.content, &context.bound(b"content"))
}

/// Whether another key than the current one wraps this.
///
/// # Errors
/// An unknown form.
pub fn needs_rewrap(ring: &KeyRing, sealed: &[u8]) -> Result<bool, Unopened> {
    Ok(take_apart(sealed)?.key_id != ring.current().id())
}

/// The same secret under the current master key; its text stays encrypted throughout.
///
/// # Errors
/// As [`open`], except that a changed text is not noticed.
pub fn rewrap(ring: &KeyRing, context: Context<'_>, sealed: &[u8]) -> Result<Vec<u8>, Unopened> {
    let parts = take_apart(sealed)?;
    let data_key = unwrap(ring, context, &parts)?;
    let mut again = wrap(ring.current(), context, &data_key)?;
    again.extend_from_slice(parts.content);
    Ok(again)
}

/// Everything before the content.
fn wrap(master: &MasterKey, context: Context<'_>, data_key: &[u8; KEY_BYTES]) -> Result<Vec<u8>, Unopened> {
    let length = u8::try_from(master.id().len()).map_err(|_| Unopened::Form)?;
    let mut sealed = vec![VERSION, length];
    sealed.extend_from_slice(master.id().as_bytes());
    let bound = [sealed.as_slice(), &context.bound(b"key")].concat();
    sealed.extend(encrypt(&master.derive(Purpose::Wrapping), data_key, &bound)?);
    Ok(sealed)
}

fn unwrap(ring: &KeyRing, context: Context<'_>, parts: &Parts<'_>) -> Result<Zeroizing<[u8; KEY_BYTES]>, Unopened> {
    let master = ring.get(parts.key_id).ok_or_else(|| Unopened::UnknownKey(parts.key_id.to_owned()))?;
    let bound = [parts.header, &context.bound(b"key")].concat();
    let data_key = decrypt(&master.derive(Purpose::Wrapping), parts.wrapped, &bound)?;
    let data_key: [u8; KEY_BYTES] = data_key.as_slice().try_into().map_err(|_| Unopened::Form)?;
    Ok(Zeroizing::new(data_key))
}

fn take_apart(sealed: &[u8]) -> Result<Parts<'_>, Unopened> {
    let [VERSION, length, rest @ ..] = sealed else { return Err(Unopened::Form) };
    let (key_id, rest) = rest.split_at_checked(usize::from(*length)).ok_or(Unopened::Form)?;
    let (wrapped, content) = rest.split_at_checked(WRAPPED_BYTES).ok_or(Unopened::Form)?;
    let header = &sealed[..2 + key_id.len()];
    let key_id = std::str::from_utf8(key_id).map_err(|_| Unopened::Form)?;
    Ok(Parts { header, key_id, wrapped, content })
}

/// A random nonce, then the ciphertext with its tag.
fn encrypt(key: &[u8; KEY_BYTES], message: &[u8], bound: &[u8]) -> Result<Vec<u8>, Unopened> {
    let nonce = rand::random::<[u8; NONCE_BYTES]>();
    let payload = Payload { msg: message, aad: bound };
    let cipher = XChaCha20Poly1305::new(&(*key).into());
    let encrypted = cipher.encrypt(&nonce.into(), payload).map_err(|_| Unopened::Refused)?;
    Ok([nonce.as_slice(), &encrypted].concat())
}

fn decrypt(key: &[u8; KEY_BYTES], sealed: &[u8], bound: &[u8]) -> Result<Zeroizing<Vec<u8>>, Unopened> {
    let (nonce, encrypted) = sealed.split_first_chunk::<NONCE_BYTES>().ok_or(Unopened::Form)?;
    let payload = Payload { msg: encrypted, aad: bound };
    let cipher = XChaCha20Poly1305::new(&(*key).into());
    cipher.decrypt(&(*nonce).into(), payload).map(Zeroizing::new).map_err(|_| Unopened::Refused)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sealing::new_key;

    fn ring(keys: &[(&str, &str)]) -> KeyRing {
        let keys: Vec<String> = keys.iter().map(|(id, key)| format!("{id}:{key}")).collect();
        KeyRing::parse(&keys.join(",")).unwrap()
    }

    fn context(field: &str) -> Context<'_> {
        Context { account: AccountId(Uuid::from_u128(1)), object: Uuid::from_u128(2), field }
    }

    #[test]
    fn what_was_sealed_opens_in_its_own_context_only() {
        let ring = ring(&[("a", &new_key())]);
        let here = context("secrets");
        let sealed = seal(&ring, here, b"hunter2").unwrap();
        assert_eq!(open(&ring, here, &sealed).unwrap().as_slice(), b"hunter2");
        assert!(!sealed.windows(7).any(|part| part == b"hunter2"));
        assert_ne!(sealed, seal(&ring, here, b"hunter2").unwrap());
        for elsewhere in [
            context("secret"),
            Context { account: AccountId(Uuid::from_u128(2)), ..here },
            Context { object: Uuid::from_u128(1), ..here },
        ] {
            assert_eq!(open(&ring, elsewhere, &sealed).unwrap_err(), Unopened::Refused);
            assert_eq!(rewrap(&ring, elsewhere, &sealed).unwrap_err(), Unopened::Refused);
        }
    }

    #[test]
    fn no_changed_or_missing_byte_goes_unnoticed() {
        let ring = ring(&[("a", &new_key()), ("b", &new_key())]);
        let sealed = seal(&ring, context("secrets"), b"hunter2").unwrap();
        for at in 0..sealed.len() {
            for changed in [sealed[at] ^ 1, b'b', 0, 255] {
                let mut bytes = sealed.clone();
                bytes[at] = changed;
                assert!(bytes == sealed || open(&ring, context("secrets"), &bytes).is_err(), "byte {at}");
            }
            assert!(open(&ring, context("secrets"), &sealed[..at]).is_err(), "cut at {at}");
        }
    }

    #[test]
    fn a_rotated_master_key_opens_old_secrets_until_they_are_rewrapped() {
        let (old, new) = (new_key(), new_key());
        let before = ring(&[("old", &old)]);
        let during = ring(&[("new", &new), ("old", &old)]);
        let after = ring(&[("new", &new)]);
        let here = context("secrets");
        let sealed = seal(&before, here, b"hunter2").unwrap();
        assert!(!needs_rewrap(&before, &sealed).unwrap() && needs_rewrap(&during, &sealed).unwrap());
        let again = rewrap(&during, here, &sealed).unwrap();
        assert!(!needs_rewrap(&during, &again).unwrap());
        assert_eq!(open(&during, here, &sealed).unwrap().as_slice(), b"hunter2");
        assert_eq!(open(&after, here, &again).unwrap().as_slice(), b"hunter2");
        assert_eq!(open(&after, here, &sealed).unwrap_err(), Unopened::UnknownKey("old".to_owned()));
        let same_id = ring(&[("old", &new)]);
        assert_eq!(open(&same_id, here, &sealed).unwrap_err(), Unopened::Refused);
    }
}
