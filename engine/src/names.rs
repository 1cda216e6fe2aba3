//! Stored conflicts and rejects know fields by their place; the terms of the base know what they are called.

use pinksync_model::{ConflictLine, RejectLine, SessionId};
use serde_json::{Map, Value as Json, json};

use crate::home::{BaseTerms, ConflictRecord, RejectRecord, StoredConflict};
use crate::json;
use crate::key::{self, Key};
use crate::value::Value;

/// The name on the source of a dataset that the books call `source → target`.
pub fn source_name(dataset: &str) -> &str {
    dataset.split_once(" → ").map_or(dataset, |(source, _)| source)
}

/// What the fields of a dataset are called on the source, and those of its key in the key's order. Places stand for
/// names where there are no terms yet (the default).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Names {
    fields: Vec<String>,
    key: Vec<String>,
}

impl Names {
    /// From the terms under which the dataset's base was taken.
    pub fn of(terms: &BaseTerms) -> Self {
        Self::parse(&terms.schema, &terms.definition)
    }

    fn parse(schema: &str, definition: &str) -> Self {
        let definition: Json = serde_json::from_str(definition).unwrap_or_default();
        let key = definition["key"].as_array().into_iter().flatten().filter_map(Json::as_str);
        Self { fields: schema.lines().map(first_name).collect(), key: key.map(str::to_owned).collect() }
    }

    /// A key by the names of its fields.
    pub fn key(&self, encoded: &Key) -> Map<String, Json> {
        match key::decode(encoded) {
            Ok(values) => {
                values.iter().enumerate().map(|(at, value)| (name(&self.key, at), json::value(value))).collect()
            }
            Err(error) => [("key".to_owned(), Json::from(error.to_string()))].into_iter().collect(),
        }
    }

    /// Values of a record by the names of its fields.
    pub fn record(&self, values: &[Value]) -> Map<String, Json> {
        values.iter().enumerate().map(|(at, value)| (name(&self.fields, at), json::value(value))).collect()
    }

    /// What a person sees of a conflict: its key and its three versions.
    pub fn shown(&self, record: &ConflictRecord) -> Json {
        let version = |values: &Option<_>| values.as_deref().map(|values| self.record(values));
        json!({
            "key": self.key(&record.key),
            "base": version(&record.base),
            "source": version(&record.source),
            "target": version(&record.target),
        })
    }

    /// A conflict as lists print it.
    pub fn conflict(&self, stored: &StoredConflict) -> ConflictLine {
        let record = &stored.record;
        let version = |values: &Option<_>| values.as_deref().map(|values| self.record(values));
        ConflictLine {
            id: stored.id.clone(),
            session: stored.session,
            dataset: source_name(&stored.dataset).to_owned(),
            key: self.key(&record.key),
            kind: record.kind,
            status: record.status,
            base: version(&record.base),
            source: version(&record.source),
            target: version(&record.target),
            decision: record.decision.clone(),
            decided_by: record.decided_by.clone(),
            opened_at: stored.opened_at.clone(),
            decided_at: stored.decided_at.clone(),
        }
    }

    /// A reject of a session as lists print it; `at` is when it was met, RFC 3339 UTC.
    pub fn reject(&self, session: SessionId, dataset: &str, record: &RejectRecord, at: &str) -> RejectLine {
        RejectLine {
            session,
            dataset: source_name(dataset).to_owned(),
            side: record.side,
            key: record.key.as_ref().map(|key| self.key(key)),
            line: record.line,
            reason: record.reason.clone(),
            code: record.code.clone(),
            at: at.to_owned(),
        }
    }
}

fn name(names: &[String], at: usize) -> String {
    names.get(at).cloned().unwrap_or_else(|| format!("field {}", at + 1))
}

/// A line begins with the field's name: a bare word, or a JSON text where it is none.
fn first_name(line: &str) -> String {
    let quoted = serde_json::Deserializer::from_str(line).into_iter::<String>().next();
    match quoted {
        Some(Ok(name)) => name,
        _ => line.split(' ').next().unwrap_or_default().to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_found_in_the_terms() {
        let schema = "id integer → id INTEGER\n\"first \\\"name\" text → first_name TEXT\nat timestamp with time zone → at TEXT read only";
        let names = Names::parse(schema, r#"{"key": ["id"], "fields": []}"#);
        assert_eq!(names.fields, ["id", "first \"name", "at"]);
        assert_eq!(names.key, ["id"]);
        assert_eq!(name(&names.fields, 3), "field 4");
    }

    #[test]
    fn a_dataset_goes_by_its_name_on_the_source() {
        assert_eq!(source_name("public.customers → customers"), "public.customers");
        assert_eq!(source_name("customers"), "customers");
    }
}
