//! The master keys: one that seals and signs, and older ones that still open and verify.

use std::fmt;

use base64::Engine;
use base64::alphabet;
use base64::engine::general_purpose::{GeneralPurpose, NO_PAD};
use base64::engine::{DecodePaddingMode, GeneralPurposeConfig};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use zeroize::Zeroizing;

/// Bytes of a key.
pub(super) const KEY_BYTES: usize = 32;

/// Bytes of a block of SHA-256.
const BLOCK_BYTES: usize = 64;

/// A random key of 32 bytes has fewer different ones with a chance below 2^-40.
const LEAST_DIFFERENT_BYTES: usize = 17;

/// An id has to fit the one byte that tells its length.
const LONGEST_ID: usize = 64;

/// Standard base64, with or without `=` at its end.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// What a key is derived for. No two purposes share one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// Wraps the data keys of sealed secrets.
    Wrapping,
    /// Signs access tokens.
    Tokens,
    /// Fingerprints of definitions that hold secrets.
    Fingerprints,
    /// Names a key whose text gives no id.
    KeyId,
}

impl Purpose {
    fn label(self) -> &'static [u8] {
        match self {
            Self::Wrapping => b"pinksync v1 wrapping",
            Self::Tokens => b"pinksync v1 tokens",
            Self::Fingerprints => b"pinksync v1 fingerprints",
            Self::KeyId => b"pinksync v1 key id",
        }
    }
}

/// A master key. Prints as its id.
#[derive(Clone)]
pub struct MasterKey {
    id: String,
    bytes: Zeroizing<[u8; KEY_BYTES]>,
}

/// Master keys, never none: the first one is the current one.
#[derive(Debug, Clone)]
pub struct KeyRing(Vec<MasterKey>);

/// Why a text is no key ring. Shows ids and positions, never keys.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidKeyRing {
    #[error("there is no key in it")]
    Empty,
    #[error("key {0} is not base64")]
    NotBase64(usize),
    #[error("key {0} has {1} bytes instead of 32")]
    Length(usize, usize),
    #[error("key {0} repeats itself too much to be random")]
    Weak(usize),
    #[error("the id of key {0} is not 1 to 64 letters, digits, `-`, `_` or `.`")]
    Id(usize),
    #[error("the id `{0}` is given twice")]
    Twice(String),
}

impl MasterKey {
    /// What sealed secrets and tokens call this key.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// A key for one purpose: the first block of HKDF-Expand with SHA-256 (RFC 5869, section 2.3). The master key is
    /// random already, so that HKDF-Extract is left out (section 3.3).
    pub fn derive(&self, purpose: Purpose) -> Zeroizing<[u8; KEY_BYTES]> {
        derive(&self.bytes, purpose)
    }
}

fn derive(key: &[u8; KEY_BYTES], purpose: Purpose) -> Zeroizing<[u8; KEY_BYTES]> {
    let mut mac = keyed(key);
    mac.update(purpose.label());
    mac.update(&[1]);
    Zeroizing::new(mac.finalize().into_bytes().into())
}

/// HMAC-SHA-256 that waits for its message. The type takes whole blocks; HMAC itself fills shorter keys up with zeros.
pub(crate) fn keyed(key: &[u8; KEY_BYTES]) -> Hmac<Sha256> {
    let mut block = Zeroizing::new([0; BLOCK_BYTES]);
    block[..KEY_BYTES].copy_from_slice(key);
    Hmac::new(&(*block).into())
}

impl fmt::Debug for MasterKey {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "MasterKey({})", self.id)
    }
}

impl KeyRing {
    /// Reads one or several `id:base64`, separated by commas; a key without an id gets one that is derived from it.
    ///
    /// # Errors
    /// A key that is not 32 bytes of base64, or obviously not random, or an id that is no id or given twice.
    pub fn parse(text: &str) -> Result<Self, InvalidKeyRing> {
        let mut keys: Vec<MasterKey> = Vec::new();
        for (at, part) in text.split(',').map(str::trim).filter(|part| !part.is_empty()).enumerate() {
            let key = parse_key(part, at + 1)?;
            if keys.iter().any(|other| other.id == key.id) {
                return Err(InvalidKeyRing::Twice(key.id));
            }
            keys.push(key);
        }
        if keys.is_empty() { Err(InvalidKeyRing::Empty) } else { Ok(Self(keys)) }
    }

    /// The key that seals and signs.
    pub fn current(&self) -> &MasterKey {
        &self.0[0]
    }

    /// All keys, the current one first.
    pub fn keys(&self) -> &[MasterKey] {
        &self.0
    }

    /// The key of that id, if it is still in the ring.
    pub fn get(&self, id: &str) -> Option<&MasterKey> {
        self.0.iter().find(|key| key.id == id)
    }
}

fn parse_key(text: &str, position: usize) -> Result<MasterKey, InvalidKeyRing> {
    let (id, encoded) = match text.split_once(':') {
        Some((id, encoded)) => (Some(id), encoded),
        None => (None, text),
    };
    let decoded = BASE64.decode(encoded).map_err(|_| InvalidKeyRing::NotBase64(position)).map(Zeroizing::new)?;
    let bytes: [u8; KEY_BYTES] =
        decoded.as_slice().try_into().map_err(|_| InvalidKeyRing::Length(position, decoded.len()))?;
    let bytes = Zeroizing::new(bytes);
    if is_weak(&bytes) {
        return Err(InvalidKeyRing::Weak(position));
    }
    let id = match id {
        Some(id) if is_id(id) => id.to_owned(),
        Some(_) => return Err(InvalidKeyRing::Id(position)),
        None => derive(&bytes, Purpose::KeyId)[..4].iter().map(|byte| format!("{byte:02x}")).collect(),
    };
    Ok(MasterKey { id, bytes })
}

fn is_id(id: &str) -> bool {
    (1..=LONGEST_ID).contains(&id.len()) && id.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c))
}

fn is_weak(bytes: &[u8; KEY_BYTES]) -> bool {
    let mut different = bytes.to_vec();
    different.sort_unstable();
    different.dedup();
    different.len() < LEAST_DIFFERENT_BYTES
}

/// A new random master key, as it is written in settings.
pub fn new_key() -> Zeroizing<String> {
    let bytes = Zeroizing::new(rand::random::<[u8; KEY_BYTES]>());
    Zeroizing::new(GeneralPurpose::new(&alphabet::STANDARD, NO_PAD.with_encode_padding(true)).encode(*bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ring_takes_keys_with_and_without_an_id() {
        let (old, new) = (new_key(), new_key());
        let ring = KeyRing::parse(&format!("2026:{}, {}", *new, old.trim_end_matches('='))).unwrap();
        assert_eq!(ring.current().id(), "2026");
        let old_id = KeyRing::parse(&old).unwrap().current().id().to_owned();
        assert_eq!(ring.keys()[1].id(), old_id);
        assert!(ring.get(&old_id).is_some() && ring.get("2025").is_none());
    }

    #[test]
    fn what_is_no_key_is_refused_without_being_shown() {
        let key = new_key();
        for (text, expected) in [
            (String::new(), InvalidKeyRing::Empty),
            (" , ".to_owned(), InvalidKeyRing::Empty),
            ("hunter2 hunter2".to_owned(), InvalidKeyRing::NotBase64(1)),
            (format!("a:{},b:aGVsbG8=", *key), InvalidKeyRing::Length(2, 5)),
            (BASE64.encode([7; 32]), InvalidKeyRing::Weak(1)),
            (BASE64.encode(b"0123456789abcdef0123456789abcdef"), InvalidKeyRing::Weak(1)),
            (format!("a b:{}", *key), InvalidKeyRing::Id(1)),
            (format!("a:{},a:{}", *key, *new_key()), InvalidKeyRing::Twice("a".to_owned())),
        ] {
            assert_eq!(KeyRing::parse(&text).unwrap_err(), expected);
        }
    }

    #[test]
    fn keys_of_purposes_differ_and_nothing_is_printed() {
        let text = new_key();
        let ring = KeyRing::parse(&text).unwrap();
        let key = ring.current();
        assert_eq!(key.derive(Purpose::Tokens), key.clone().derive(Purpose::Tokens));
        assert_ne!(key.derive(Purpose::Tokens), key.derive(Purpose::Wrapping));
        assert_eq!(format!("{ring:?}"), format!("KeyRing([MasterKey({})])", key.id()));
    }

    /// Computed by `HMAC(key, label || 0x01)` with another program.
    #[test]
    fn derived_keys_stay_the_same_from_version_to_version() {
        let bytes: Vec<u8> = (0..32).collect();
        let ring = KeyRing::parse(&BASE64.encode(bytes)).unwrap();
        let derived = ring.current().derive(Purpose::Tokens);
        assert_eq!(BASE64.encode(derived.as_slice()), "InozwbzZij5A06ilBLzx0p+CpXTCR8tYdL0w++3+GC8=");
        assert_eq!(ring.current().id(), "63ae12ba");
    }
}
