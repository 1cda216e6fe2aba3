//! What tells that an inline definition was seen before.

use hmac::Mac;
use serde_json::Value;

use crate::ids::AccountId;
use crate::sealing::{MasterKey, Purpose, keyed};

/// HMAC-SHA-256 of a document with its secrets, whatever the order of its fields. Keyed, since the document may hold a
/// password that could be guessed from a plain hash. After a rotation of the master key, a definition is looked for under
/// each key of the ring.
pub fn fingerprint(key: &MasterKey, account: AccountId, document: &Value) -> [u8; 32] {
    let mut mac = keyed(&key.derive(Purpose::Fingerprints));
    mac.update(account.0.as_bytes());
    mac.update(in_order(document).to_string().as_bytes());
    mac.finalize().into_bytes().into()
}

/// The same value, the fields of each object sorted by name.
fn in_order(value: &Value) -> Value {
    match value {
        Value::Array(items) => items.iter().map(in_order).collect(),
        Value::Object(fields) => {
            let mut sorted: Vec<_> = fields.iter().collect();
            sorted.sort_unstable_by_key(|(name, _)| *name);
            sorted.into_iter().map(|(name, part)| (name.clone(), in_order(part))).collect()
        }
        scalar => scalar.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sealing::{KeyRing, new_key};
    use serde_json::json;

    #[test]
    fn the_same_document_has_the_same_fingerprint_and_no_other_has() {
        let ring = KeyRing::parse(&format!("a:{},b:{}", *new_key(), *new_key())).unwrap();
        let account = AccountId::new();
        let of = |document: &Value| fingerprint(ring.current(), account, document);
        let document = json!({"a": {"x": 1, "y": [2, {"p": 3, "q": 4}]}, "password": "hunter2"});
        let same = json!({"password": "hunter2", "a": {"y": [2, {"q": 4, "p": 3}], "x": 1}});
        assert_eq!(of(&document), of(&same));
        for other in [json!({"password": "hunter3"}), json!({"a": {"x": 1, "y": [{"p": 3, "q": 4}, 2]}}), json!({})] {
            assert_ne!(of(&document), of(&other));
        }
        assert_ne!(of(&document), fingerprint(&ring.keys()[1], account, &document));
        assert_ne!(of(&document), fingerprint(ring.current(), AccountId::new(), &document));
    }
}
