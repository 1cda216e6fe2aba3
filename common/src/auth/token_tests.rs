//! Forged, expired and foreign tokens.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use super::*;
use crate::auth::Permission;
use crate::sealing::new_key;

fn ring(keys: &[(&str, &str)]) -> KeyRing {
    let keys: Vec<String> = keys.iter().map(|(id, key)| format!("{id}:{key}")).collect();
    KeyRing::parse(&keys.join(",")).unwrap()
}

fn token_keys() -> TokenKeys {
    TokenKeys::new(&ring(&[("a", &new_key())]))
}

fn issue(keys: &TokenKeys) -> Secret {
    let permissions = Permissions::from(vec![Permission::SyncRead]);
    keys.issue(ApiKeyId::new(), AccountId::new(), &permissions, 3).unwrap()
}

fn encoded(part: &Value) -> String {
    URL_SAFE_NO_PAD.encode(part.to_string())
}

/// What a good token says, to be changed and signed again.
fn good_claims(keys: &TokenKeys) -> Value {
    serde_json::to_value(keys.verify(issue(keys).expose()).unwrap()).unwrap()
}

#[test]
fn a_token_says_what_was_put_into_it() {
    let keys = token_keys();
    let (key, account) = (ApiKeyId::new(), AccountId::new());
    let permissions = Permissions::from(vec![Permission::ConflictsWrite]);
    let token = keys.issue(key, account, &permissions, 7).unwrap();
    let claims = keys.verify(token.expose()).unwrap();
    assert_eq!((claims.sub, claims.acct, claims.generation), (key, account, 7));
    assert_eq!(claims.perms, permissions);
    assert_eq!(claims.exp - claims.iat, 900);
    assert_eq!(jsonwebtoken::decode_header(token.expose()).unwrap().kid.as_deref(), Some("a"));
    assert!(!format!("{keys:?} {token:?}").contains(token.expose()));
}

#[test]
fn a_token_without_a_signature_is_refused() {
    let keys = token_keys();
    let claims = encoded(&good_claims(&keys));
    for algorithm in ["none", "None", "NONE", "", "HS512", "EdDSA", "RS256"] {
        let header = encoded(&json!({"typ": "JWT", "alg": algorithm, "kid": "a"}));
        for signature in ["", "AAAA"] {
            assert_eq!(keys.verify(&format!("{header}.{claims}.{signature}")), Err(TokenError::Invalid), "{algorithm}");
        }
    }
}

#[test]
fn a_right_signature_of_another_algorithm_is_refused() {
    let keys = token_keys();
    let header = Header { kid: Some("a".to_owned()), ..Header::new(Algorithm::HS384) };
    let token = jsonwebtoken::encode(&header, &good_claims(&keys), &keys.signing).unwrap();
    assert_eq!(keys.verify(&token), Err(TokenError::Invalid));
}

#[test]
fn a_token_of_another_key_is_refused() {
    let keys = token_keys();
    assert_eq!(keys.verify(issue(&token_keys()).expose()), Err(TokenError::Invalid));
    for kid in [json!("b"), json!(""), Value::Null, json!(1)] {
        let [_, claims, signature] = parts(&issue(&keys));
        let header = encoded(&json!({"typ": "JWT", "alg": "HS256", "kid": kid}));
        assert_eq!(keys.verify(&format!("{header}.{claims}.{signature}")), Err(TokenError::Invalid));
    }
}

fn parts(token: &Secret) -> [String; 3] {
    let parts: Vec<String> = token.expose().split('.').map(str::to_owned).collect();
    parts.try_into().unwrap()
}

#[test]
fn a_changed_token_is_refused() {
    let keys = token_keys();
    let token = issue(&keys);
    let [header, claims, signature] = parts(&token);
    let mut raised: Value = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(&claims).unwrap()).unwrap();
    raised["perms"] = json!(["admin"]);
    assert_eq!(keys.verify(&format!("{header}.{}.{signature}", encoded(&raised))), Err(TokenError::Invalid));
    for text in ["", ".", "..", "a.b.c", &token.expose()[1..], &format!("{}.", token.expose()), &"a.".repeat(1000)] {
        assert_eq!(keys.verify(text), Err(TokenError::Invalid), "{text}");
    }
    let last = if signature.ends_with('A') { "B" } else { "A" };
    let flipped = format!("{header}.{claims}.{last}{}", &signature[1..]);
    assert!(flipped == token.expose() || keys.verify(&flipped) == Err(TokenError::Invalid));
}

#[test]
fn an_expired_token_is_told_from_a_wrong_one() {
    let keys = token_keys();
    let mut claims = good_claims(&keys);
    let now = get_current_timestamp();
    for (expiry, expected) in
        [(now - 60, Err(TokenError::Expired)), (now - LEEWAY - 1, Err(TokenError::Expired)), (now + 60, Ok(()))]
    {
        claims["exp"] = json!(expiry);
        assert_eq!(keys.verify(keys.sign(&claims).unwrap().expose()).map(drop), expected);
    }
}

#[test]
fn no_claim_may_be_missing_or_of_another_service() {
    let keys = token_keys();
    let claims = good_claims(&keys);
    for name in claims.as_object().unwrap().keys() {
        let mut less = claims.clone();
        less.as_object_mut().unwrap().remove(name);
        assert_eq!(keys.verify(keys.sign(&less).unwrap().expose()), Err(TokenError::Invalid), "without {name}");
        let mut other = claims.clone();
        other[name] = json!({"not": "this"});
        assert_eq!(keys.verify(keys.sign(&other).unwrap().expose()), Err(TokenError::Invalid), "other {name}");
    }
    for (name, value) in [("aud", "pinksync-web"), ("iss", "somebody"), ("sub", "me"), ("exp", "tomorrow")] {
        let mut other = claims.clone();
        other[name] = json!(value);
        assert_eq!(keys.verify(keys.sign(&other).unwrap().expose()), Err(TokenError::Invalid), "{name}");
    }
}

#[test]
fn a_rotated_master_key_verifies_while_it_is_in_the_ring() {
    let (old, new) = (new_key(), new_key());
    let token = issue(&TokenKeys::new(&ring(&[("old", &old)])));
    let during = TokenKeys::new(&ring(&[("new", &new), ("old", &old)]));
    assert!(during.verify(token.expose()).is_ok());
    let after = TokenKeys::new(&ring(&[("new", &new)]));
    assert_eq!(after.verify(token.expose()), Err(TokenError::Invalid));
    assert!(after.verify(issue(&during).expose()).is_ok());
}
