//! From documents to a checked definition.

use pinksync_model::{Connection, Mistake, Mistakes, SyncDefinition};
use serde_json::{Value, json};

use super::pointer;

/// The field under which a side names a saved connection.
const CONNECTION: &str = "connection";

const SIDES: [&str; 2] = ["source", "target"];

/// The names or ids of the connections that a sync names.
pub fn named_connections(document: &Value) -> Vec<&str> {
    SIDES.iter().filter_map(|side| document.get(side)?.get(CONNECTION)?.as_str()).collect()
}

/// The definition that a sync's document comes to: `lookup` gives the document of a connection by its name or id. Both
/// hold their secrets.
///
/// # Errors
/// All mistakes at once, with paths in the sync's document. None of them shows a secret.
pub fn assemble(document: &Value, lookup: &dyn Fn(&str) -> Option<Value>) -> Result<SyncDefinition, Mistakes> {
    let mut whole = document.clone();
    let mut unresolved = Vec::new();
    for side in SIDES {
        let Some(given) = document.get(side).filter(|given| given.get(CONNECTION).is_some()) else { continue };
        match resolve(side, given, lookup) {
            Ok(connection) => whole[side] = connection,
            Err(mistake) => {
                unresolved.push((side, mistake));
                whole[side] = Value::Null;
            }
        }
    }
    let found = match parse(&whole) {
        Ok(definition) => return Ok(definition),
        Err(found) => found.0.into_iter().filter(|one| unresolved.iter().all(|(side, _)| one.path != *side)),
    };
    let found: Vec<Mistake> = found.collect();
    Err(Mistakes(unresolved.into_iter().map(|(_, mistake)| mistake).chain(found).collect()))
}

/// The connection that a document comes to.
///
/// # Errors
/// All mistakes at once, with paths in the document. None of them shows a secret.
pub fn check_connection(document: &Value) -> Result<Connection, Mistakes> {
    const SIDE: &str = "source";
    let around = json!({
        SIDE: document,
        "target": {"type": "csv", "path": "/"},
        "datasets": [{"source": "records", "target": "records", "key": ["id"]}],
    });
    let found = match parse(&around) {
        Ok(definition) => return Ok(definition.source),
        Err(found) => found.0,
    };
    // A mistake without a path is one of the whole text, which could not be read at all.
    let of_side = |mistake: Mistake| {
        let path = if mistake.path.is_empty() { "" } else { mistake.path.strip_prefix(SIDE)? };
        Some(Mistake { path: path.strip_prefix('.').unwrap_or(path).to_owned(), ..mistake })
    };
    Err(Mistakes(found.into_iter().filter_map(of_side).collect()))
}

/// The connection that a side names.
fn resolve(side: &str, given: &Value, lookup: &dyn Fn(&str) -> Option<Value>) -> Result<Value, Mistake> {
    let path = format!("{side}.{CONNECTION}");
    let Some(name) = given[CONNECTION].as_str() else {
        let message = "expected the name or id of a connection".to_owned();
        return Err(Mistake { path, message, remedy: "write text".to_owned() });
    };
    if given.as_object().is_some_and(|fields| fields.len() > 1) {
        let message = "nothing stands beside `connection`: it says everything about its side".to_owned();
        return Err(Mistake { path: side.to_owned(), message, remedy: "remove the other fields".to_owned() });
    }
    lookup(name).ok_or_else(|| Mistake {
        path,
        // Not which one: a URL may have been written here.
        message: "there is no connection of this name or id".to_owned(),
        remedy: "name one of GET /v1/connections, or create it".to_owned(),
    })
}

/// Parses as a sync file, in an environment without variables.
fn parse(document: &Value) -> Result<SyncDefinition, Mistakes> {
    let no_variables = |_: &str| None;
    SyncDefinition::parse(&yaml(document), &no_variables).map_err(|mut mistakes| {
        for mistake in &mut mistakes.0 {
            let text = document.pointer(&pointer(&mistake.path)).and_then(Value::as_str);
            if text.is_some_and(|text| text.contains("${")) {
                mistake.message = "`${…}` reads the environment of a local run, and the service has none".to_owned();
                mistake.remedy = "write the value itself; secrets belong into a connection, which keeps them \
                    encrypted: `{\"connection\": NAME}`; write `$${` where `${` itself is meant"
                    .to_owned();
            }
        }
        mistakes
    })
}

/// JSON that is YAML too, which does not take some characters as they are.
fn yaml(document: &Value) -> String {
    let escaped = |character: char| match character {
        '\u{7f}'..='\u{9f}' | '\u{feff}' | '\u{fffe}' | '\u{ffff}' => format!("\\u{:04x}", u32::from(character)),
        plain => plain.to_string(),
    };
    document.to_string().chars().map(escaped).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(result: Result<SyncDefinition, Mistakes>) -> Vec<(String, String)> {
        result.unwrap_err().0.into_iter().map(|mistake| (mistake.path, mistake.message)).collect()
    }

    fn sync() -> Value {
        json!({
            "source": {"connection": "crm"},
            "target": {"type": "sqlite", "path": "/data/shop.db"},
            "datasets": [{"source": "customers", "key": ["id"]}],
        })
    }

    fn crm(name: &str) -> Option<Value> {
        (name == "crm").then(|| json!({"type": "postgres", "url": "postgres://u:pa$${ss@db/crm"}))
    }

    #[test]
    fn a_named_connection_takes_its_place() {
        let document = sync();
        assert_eq!(named_connections(&document), ["crm"]);
        let definition = assemble(&document, &crm).unwrap();
        let Connection::Postgres(server) = definition.source else { panic!("the connection's type") };
        assert_eq!(server.url.unwrap().expose(), "postgres://u:pa${ss@db/crm");
        assert_eq!(definition.target.kind(), "sqlite");
    }

    #[test]
    fn all_mistakes_are_found_at_once() {
        let mut document = sync();
        document["source"] = json!({"connection": "crn"});
        document["target"] = json!({"connection": "crm", "path": "x"});
        document["datasets"][0]["keys"] = json!(["id"]);
        document["strategy"] = json!("newest");
        let paths: Vec<String> = found(assemble(&document, &crm)).into_iter().map(|(path, _)| path).collect();
        assert_eq!(paths.len(), 4, "{paths:?}");
        for path in ["source.connection", "target", "datasets[0].keys", "strategy"] {
            assert!(paths.iter().any(|found| found == path), "{path} is not in {paths:?}");
        }
    }

    #[test]
    fn a_missing_side_is_a_mistake_and_so_is_a_wrong_name() {
        let document = json!({"source": {"connection": 7}, "datasets": ["a"]});
        let paths: Vec<String> = found(assemble(&document, &crm)).into_iter().map(|(path, _)| path).collect();
        assert_eq!(paths, ["source.connection", ""]);
        for odd in [json!(null), json!([]), json!("x"), json!({})] {
            assert!(assemble(&odd, &crm).is_err());
        }
    }

    #[test]
    fn variables_are_a_mistake_that_names_connections() {
        let mut document = sync();
        document["source"] = json!({"type": "postgres", "url": "${CRM_URL}"});
        let mistakes = assemble(&document, &crm).unwrap_err().0;
        assert_eq!(mistakes.len(), 1, "{mistakes:?}");
        assert_eq!(mistakes[0].path, "source.url");
        assert!(mistakes[0].message.contains("the service has none"), "{mistakes:?}");
        assert!(mistakes[0].remedy.contains("connection"), "{mistakes:?}");
    }

    #[test]
    fn a_connection_is_checked_alone() {
        let good = json!({"type": "postgres", "host": "db", "database": "crm", "user": "u", "password": "hunter2"});
        assert_eq!(check_connection(&good).unwrap().kind(), "postgres");
        for (document, expected) in [
            (json!({"type": "postgres", "host": "db", "user": "u", "pasword": "hunter2"}), vec!["database", "pasword"]),
            (json!({"type": "oracle"}), vec!["type"]),
            (json!({"url": "postgres://db"}), vec![""]),
            (json!({"connection": "crm"}), vec![""]),
            (json!({"type": "sqlite", "path": "${HOME}/x"}), vec!["path"]),
            (json!({"type": "postgres", "url": 5, "password": 7}), vec!["password", "url"]),
            (json!("crm"), vec![""]),
        ] {
            let mistakes = check_connection(&document).unwrap_err().0;
            let mut paths: Vec<&str> = mistakes.iter().map(|mistake| mistake.path.as_str()).collect();
            paths.sort_unstable();
            assert_eq!(paths, expected, "{document}: {mistakes:?}");
            assert!(!format!("{mistakes:?}").contains("hunter2"));
        }
    }

    #[test]
    fn a_password_of_any_characters_arrives_as_it_is() {
        let all: Vec<char> = ('\0'..=char::MAX).collect();
        let mut passwords: Vec<String> = all.chunks(4096).map(|part| part.iter().collect()).collect();
        passwords.extend(["null", "0123", "~", " : - #", "\\\"\n\t'"].map(str::to_owned));
        for password in passwords {
            let document = json!({"type": "postgres", "host": "h", "database": "d", "user": "u", "password": password});
            let Connection::Postgres(server) = check_connection(&document).unwrap() else { panic!("the type") };
            assert!(server.password.unwrap().expose() == password, "from {:?}", password.chars().next());
        }
    }
}
