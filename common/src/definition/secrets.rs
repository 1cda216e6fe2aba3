//! Takes the secrets out of a document and puts them back.

use std::collections::BTreeMap;

use pinksync_model::Secret;
use serde_json::Value;
use zeroize::Zeroizing;

use super::public_url;

/// Stands where a secret was taken out.
pub const MASK: &str = "***";

/// Where connections stand: the document itself, or the two sides of a sync.
pub(super) const SIDES: [&str; 3] = ["", "/source", "/target"];

pub(super) const URL: &str = "url";
pub(super) const PASSWORD: &str = "password";

/// The fields of a connection that are or may hold a secret.
pub(super) const SECRET_FIELDS: [&str; 2] = [URL, PASSWORD];

/// The secrets of a document, by JSON pointer.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Secrets(BTreeMap<String, Secret>);

/// Bytes that are not what [`Secrets::to_bytes`] makes. They are not shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the secrets of a document cannot be read")]
pub struct UnreadableSecrets;

impl Secrets {
    /// The secret that belongs at a JSON pointer.
    pub fn get(&self, pointer: &str) -> Option<&Secret> {
        self.0.get(pointer)
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// All of them in the clear, to be sealed.
    pub fn to_bytes(&self) -> Zeroizing<Vec<u8>> {
        let plain = self.0.iter().map(|(pointer, secret)| (pointer.clone(), Value::from(secret.expose()))).collect();
        Zeroizing::new(Value::Object(plain).to_string().into_bytes())
    }

    /// Reads what [`Self::to_bytes`] made.
    ///
    /// # Errors
    /// It is something else.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, UnreadableSecrets> {
        serde_json::from_slice(bytes).map(Self).map_err(|_| UnreadableSecrets)
    }
}

/// The document without its secrets, and the secrets. Of a URL, what is no secret can still be seen.
pub fn split(mut document: Value) -> (Value, Secrets) {
    let mut secrets = BTreeMap::new();
    for side in SIDES {
        let Some(Value::Object(connection)) = document.pointer_mut(side) else { continue };
        for field in SECRET_FIELDS {
            let Some(value) = connection.get_mut(field).filter(|value| !value.is_null()) else { continue };
            let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            *value = if field == URL { public_url(&text) } else { MASK.to_owned() }.into();
            secrets.insert(format!("{side}/{field}"), Secret::new(text));
        }
    }
    (document, Secrets(secrets))
}

/// The document with its secrets: what [`split`] took apart.
pub fn join(mut public: Value, secrets: &Secrets) -> Value {
    for (pointer, secret) in &secrets.0 {
        if let Some(value) = public.pointer_mut(pointer) {
            *value = secret.expose().into();
        }
    }
    public
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_document_is_split_wherever_a_side_stands_and_joined_again() {
        let connection = json!({"type": "postgres", "host": "db", "user": "u", "password": "hunter2"});
        let sync = json!({
            "source": connection,
            "target": {"type": "postgres", "url": "postgres://u:hunter2@db/shop"},
            "datasets": [{"source": "a", "fields": {"password": "url", "url": "password"}}],
        });
        for document in [connection, sync, json!({"source": {"connection": "crm"}, "target": null}), json!(7)] {
            let (public, secrets) = split(document.clone());
            let shown = format!("{public} {secrets:?}");
            assert!(!shown.contains("hunter2"), "{shown}");
            assert_eq!(public.get("datasets"), document.get("datasets"));
            let again = Secrets::from_bytes(&secrets.to_bytes()).unwrap();
            assert_eq!(join(public, &again), document);
        }
    }

    #[test]
    fn a_secret_of_a_wrong_type_is_taken_out_too() {
        let (public, _) = split(json!({"password": 12345, "url": ["postgres://u:hunter2@db"]}));
        assert_eq!(public, json!({"password": MASK, "url": MASK}));
    }

    #[test]
    fn what_is_no_map_of_secrets_is_not_read() {
        for bytes in ["", "[]", "{\"a\": 1}", "hunter2"] {
            assert_eq!(Secrets::from_bytes(bytes.as_bytes()), Err(UnreadableSecrets));
        }
    }
}
