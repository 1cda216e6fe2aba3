//! Conflicts between the engine's form and the stored one.

use std::collections::HashSet;

use pinksync_common::ids::ConflictId;
use pinksync_common::store::conflicts::{self, Decision, NewConflict, Place};
use pinksync_common::store::{Transaction, datasets};
use pinksync_engine::codec::Reader;
use pinksync_engine::home::{ConflictRecord, Settlement, StoredConflict};
use pinksync_engine::names::Names;
use pinksync_engine::{Key, Values, codec};
use serde_json::Value as Json;

use super::base;
use super::fault::Fault;

/// What the fields of a dataset are called, for what people are shown.
pub(super) async fn names(transaction: &Transaction<'_>, dataset: i64) -> Result<Names, Fault> {
    let terms = datasets::terms(transaction, dataset).await?.map(base::terms);
    Ok(terms.as_ref().map(Names::of).unwrap_or_default())
}

/// All that a settlement says of conflicts, in its order.
pub(super) async fn change(transaction: &Transaction<'_>, place: Place, settlement: &Settlement) -> Result<(), Fault> {
    let Place { account, sync, session, dataset } = place;
    if let Some(undone) = settlement.reopen {
        conflicts::reopen(transaction, account, sync, undone).await?;
    }
    if !settlement.supersede.is_empty() {
        let keys: Vec<&[u8]> = settlement.supersede.iter().map(|key| &key[..]).collect();
        conflicts::supersede(transaction, dataset, session, &keys).await?;
    }
    for (id, status, decision, who) in &settlement.decide {
        let unknown = || Fault::Refused(format!("there is no conflict {id}"));
        let number: ConflictId = id.parse().map_err(|_| unknown())?;
        let (decision, decided_by) = (decision.as_deref(), who.as_deref());
        let decision = Decision { status: status.as_str(), decision, decided_by };
        if !conflicts::decide(transaction, dataset, session, number, &decision).await? {
            return Err(unknown());
        }
    }
    if settlement.conflicts.is_empty() {
        return Ok(());
    }
    let names = names(transaction, dataset).await?;
    for round in rounds(&settlement.conflicts) {
        let new: Vec<NewConflict<'_>> = round.into_iter().map(|record| new_conflict(&names, record)).collect();
        conflicts::store(transaction, place, &new).await?;
    }
    Ok(())
}

/// Records in their order, cut where one of them is named again: one statement takes each once.
fn rounds(records: &[ConflictRecord]) -> Vec<Vec<&ConflictRecord>> {
    let mut rounds = Vec::new();
    let mut seen: HashSet<&Key> = HashSet::new();
    for record in records {
        if rounds.is_empty() || !seen.insert(&record.key) {
            rounds.push(Vec::new());
            seen.clear();
            seen.insert(&record.key);
        }
        if let Some(round) = rounds.last_mut() {
            round.push(record);
        }
    }
    rounds
}

fn new_conflict<'a>(names: &Names, record: &'a ConflictRecord) -> NewConflict<'a> {
    NewConflict {
        id: ConflictId::new(),
        key: &record.key,
        kind: record.kind.as_str(),
        status: record.status.as_str(),
        base: put(&record.base),
        source: put(&record.source),
        target: put(&record.target),
        decision: record.decision.as_deref(),
        decided_by: record.decided_by.as_deref(),
        shown: storable(names.shown(record)),
    }
}

/// A conflict in the engine's form.
pub(super) fn read(stored: conflicts::Stored) -> Result<StoredConflict, Fault> {
    let values = |bytes: Option<Vec<u8>>| bytes.map(|bytes| get(&bytes)).transpose();
    let word = |text: &str| Fault::Refused(format!("`{text}` of a stored conflict is not understood"));
    let record = ConflictRecord {
        key: Key::from_bytes(stored.key),
        kind: stored.kind.parse().map_err(|_| word(&stored.kind))?,
        status: stored.status.parse().map_err(|_| word(&stored.status))?,
        base: values(stored.base)?,
        source: values(stored.source)?,
        target: values(stored.target)?,
        decision: stored.decision,
        decided_by: stored.decided_by,
    };
    Ok(StoredConflict {
        id: stored.id.to_string(),
        session: stored.session,
        dataset: stored.dataset,
        record,
        opened_at: stored.opened_at.to_string(),
        decided_at: stored.decided_at.map(|at| at.to_string()),
    })
}

fn get(bytes: &[u8]) -> Result<Values, Fault> {
    Ok(Reader::new(bytes).values()?.into())
}

fn put(values: &Option<Values>) -> Option<Vec<u8>> {
    values.as_ref().map(|values| {
        let mut bytes = Vec::new();
        codec::put_values(&mut bytes, values);
        bytes
    })
}

/// PostgreSQL's texts hold no NUL character. What people are shown has a mark in its place; the values have it.
pub(super) fn storable(json: Json) -> Json {
    match json {
        Json::String(text) => Json::String(storable_text(&text)),
        Json::Array(items) => Json::Array(items.into_iter().map(storable).collect()),
        Json::Object(fields) => {
            Json::Object(fields.into_iter().map(|(name, json)| (storable_text(&name), storable(json))).collect())
        }
        other => other,
    }
}

pub(super) fn storable_text(text: &str) -> String {
    text.replace('\0', "\u{fffd}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_shown_has_no_nul_character() {
        let json = serde_json::json!({"a\0": ["x\0y", 1, null, {"b": "\0"}]});
        assert_eq!(storable(json), serde_json::json!({"a\u{fffd}": ["x\u{fffd}y", 1, null, {"b": "\u{fffd}"}]}));
    }
}
