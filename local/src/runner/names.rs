//! Stored conflicts and rejects know fields by their place; the terms of the base know what they are called.

use pinksync_engine::home::{Home, StoredConflict};
use pinksync_engine::{Error, Key, Value, Values, json, key};
use pinksync_model::{ConflictLine, RejectLine};
use serde_json::{Map, Value as Json};

use crate::{StateFile, StoredReject};

/// The name on the source of a dataset that the books call `source → target`.
pub fn source_name(dataset: &str) -> &str {
    dataset.split_once(" → ").map_or(dataset, |(source, _)| source)
}

/// What the fields of a dataset are called on the source, and those of its key in the key's order.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Names {
    fields: Vec<String>,
    key: Vec<String>,
}

impl Names {
    /// From the terms under which the dataset's base was taken; places stand for names where there are none yet.
    pub async fn of(state: &StateFile, dataset: &str) -> Result<Self, Error> {
        Ok(state.terms(dataset).await?.map(|terms| Self::parse(&terms.schema, &terms.definition)).unwrap_or_default())
    }

    fn parse(schema: &str, definition: &str) -> Self {
        let definition: Json = serde_json::from_str(definition).unwrap_or_default();
        let key = definition["key"].as_array().into_iter().flatten().filter_map(Json::as_str);
        Self { fields: schema.lines().map(first_name).collect(), key: key.map(str::to_owned).collect() }
    }

    fn key(&self, encoded: &Key) -> Map<String, Json> {
        match key::decode(encoded) {
            Ok(values) => {
                values.iter().enumerate().map(|(at, value)| (name(&self.key, at), json::value(value))).collect()
            }
            Err(error) => [("key".to_owned(), Json::from(error.to_string()))].into_iter().collect(),
        }
    }

    fn record(&self, values: &[Value]) -> Map<String, Json> {
        values.iter().enumerate().map(|(at, value)| (name(&self.fields, at), json::value(value))).collect()
    }

    /// A conflict as lists print it.
    pub fn conflict(&self, stored: &StoredConflict) -> ConflictLine {
        let record = &stored.record;
        let version = |values: &Option<Values>| values.as_deref().map(|values| self.record(values));
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

    /// A reject as lists print it.
    pub fn reject(&self, stored: &StoredReject) -> RejectLine {
        let record = &stored.record;
        RejectLine {
            session: stored.session,
            dataset: source_name(&stored.dataset).to_owned(),
            side: record.side,
            key: record.key.as_ref().map(|key| self.key(key)),
            line: record.line,
            reason: record.reason.clone(),
            code: record.code.clone(),
            at: stored.at.clone(),
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
