//! An update that was written from what the service shows: where it holds `***`, the stored secret stays.

use pinksync_model::{Mistake, Mistakes};
use serde_json::{Map, Value};

use super::secrets::{PASSWORD, SECRET_FIELDS, SIDES, URL};
use super::{MASK, Secrets};

const TLS: &str = "tls";

/// A document as it is stored.
#[derive(Debug, Clone, Copy)]
pub struct Stored<'a> {
    pub public: &'a Value,
    pub secrets: &'a Secrets,
}

/// The given document with stored secrets in the place of `***` and of a URL in its public form. Without a stored
/// document, any such place is a mistake.
///
/// # Errors
/// A place where no secret is stored, or where it would now be sent to another host than it was given for, or under other
/// encryption: who may write a connection could learn its password that way.
pub fn keep_secrets(mut document: Value, stored: Option<Stored<'_>>) -> Result<Value, Mistakes> {
    let mut mistakes = Vec::new();
    for side in SIDES {
        let Some(Value::Object(connection)) = document.pointer_mut(side) else { continue };
        let before = stored.and_then(|stored| stored.public.pointer(side)?.as_object());
        for field in SECRET_FIELDS {
            let Some(given) = connection.get(field).and_then(Value::as_str) else { continue };
            if given != MASK && !(field == URL && given.contains(&format!(":{MASK}@"))) {
                continue;
            }
            let secret = stored.and_then(|stored| stored.secrets.get(&format!("{side}/{field}")));
            let carried = before.filter(|before| is_for_the_same(connection, before, field, given));
            match (secret, carried) {
                (Some(secret), Some(_)) => {
                    connection.insert(field.to_owned(), secret.expose().into());
                }
                _ => mistakes.push(not_stored(side, field)),
            }
        }
    }
    if mistakes.is_empty() { Ok(document) } else { Err(Mistakes(mistakes)) }
}

/// A password goes to the host and port that stand beside it, by the encryption that is asked for; a URL names its own host.
fn is_for_the_same(now: &Map<String, Value>, before: &Map<String, Value>, field: &str, given: &str) -> bool {
    let same = |names: &[&str]| names.iter().all(|name| now.get(*name) == before.get(*name));
    match field {
        PASSWORD => same(&["type", "host", "port", TLS]),
        _ => same(&[TLS]) && (given == MASK || before.get(field).and_then(Value::as_str) == Some(given)),
    }
}

fn not_stored(side: &str, field: &str) -> Mistake {
    let path = match side.strip_prefix('/') {
        Some(side) => format!("{side}.{field}"),
        None => field.to_owned(),
    };
    Mistake {
        path,
        message: format!("`{MASK}` stands for a stored secret, and none is stored for this host and `tls`"),
        remedy: format!("give the {field} itself: a stored one is not carried to another host, or under another `tls`"),
    }
}

#[cfg(test)]
mod tests {
    use super::super::split;
    use super::*;
    use serde_json::json;

    fn paths(document: &Value, stored: &Value) -> Vec<String> {
        let (public, secrets) = split(stored.clone());
        let stored = Stored { public: &public, secrets: &secrets };
        let mistakes = keep_secrets(document.clone(), Some(stored)).unwrap_err();
        mistakes.0.into_iter().map(|mistake| mistake.path).collect()
    }

    #[test]
    fn what_was_shown_and_comes_back_keeps_its_secrets() {
        let documents = [
            json!({"type": "postgres", "url": "postgres://u:hunter2@db/shop?options=x"}),
            json!({"source": {"type": "postgres", "host": "db", "password": "hunter2"}, "target": {"connection": "a"}}),
        ];
        for document in documents {
            let (public, secrets) = split(document.clone());
            let stored = Stored { public: &public, secrets: &secrets };
            assert_eq!(keep_secrets(public.clone(), Some(stored)).unwrap(), document);
        }
    }

    #[test]
    fn a_new_secret_takes_the_place_of_the_old_one() {
        let (public, secrets) = split(json!({"host": "db", "password": "hunter2"}));
        let stored = Stored { public: &public, secrets: &secrets };
        let given = json!({"host": "elsewhere", "password": "hunter3"});
        assert_eq!(keep_secrets(given.clone(), Some(stored)).unwrap(), given);
        let masked = json!({"url": "***"});
        let (public, secrets) = split(json!({"url": "postgres://u:hunter2@db"}));
        let kept = keep_secrets(masked, Some(Stored { public: &public, secrets: &secrets })).unwrap();
        assert_eq!(kept, json!({"url": "postgres://u:hunter2@db"}));
    }

    #[test]
    fn a_secret_is_not_carried_to_another_host() {
        let stored = json!({"type": "postgres", "host": "db", "password": "hunter2"});
        assert_eq!(paths(&json!({"type": "postgres", "host": "evil", "password": "***"}), &stored), ["password"]);
        assert_eq!(
            paths(&json!({"type": "postgres", "host": "db", "port": 1, "password": "***"}), &stored),
            ["password"]
        );
        assert_eq!(
            paths(&json!({"type": "postgres", "host": "db", "tls": "disable", "password": "***"}), &stored),
            ["password"]
        );
        let stored = json!({"url": "postgres://u:hunter2@db/shop"});
        assert_eq!(paths(&json!({"url": "***", "tls": "disable"}), &stored), ["url"]);
        assert_eq!(paths(&json!({"url": "postgres://u:***@evil/shop"}), &stored), ["url"]);
        let stored = json!({"source": {"host": "db", "password": "hunter2"}});
        assert_eq!(
            paths(&json!({"source": {"host": "x", "password": "***"}, "target": {"url": "***"}}), &stored),
            ["source.password", "target.url"]
        );
    }

    #[test]
    fn a_new_document_holds_no_masked_secret() {
        for document in [json!({"password": "***"}), json!({"url": "postgres://u:***@db"})] {
            assert_eq!(keep_secrets(document, None).unwrap_err().0.len(), 1);
        }
        assert!(keep_secrets(json!({"password": "hunter2"}), None).is_ok());
    }
}
