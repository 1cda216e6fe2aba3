//! Shows what a session wrote, record by record, newest first: before and, where the base keeps values, after.

use std::collections::HashMap;

use pinksync_common::ids::AccountId;
use pinksync_common::request::Changes;
use pinksync_common::store::{Result, sessions};
use pinksync_engine::home::{Applied, Before, Entry, Home, JournalChunk, JournalEntry, JournalId};
use pinksync_engine::names::{Names, source_name};
use pinksync_engine::{Error, ErrorKind};
use pinksync_model::Side;
use serde_json::{Map, Value, json};

use crate::home::{JournalView, PgHome, Scope};
use crate::service::Service;

/// A page of a session's journal: `{"changes": […], "next": {"before", "skip"} | null}`.
pub async fn page(service: &Service, account: AccountId, asked: Changes) -> Result<pinksync_engine::Result<Value>> {
    let client = service.pool.get().await?;
    let Some(row) = sessions::get(&client, account, asked.session).await? else {
        return Ok(Err(Error::new(ErrorKind::Definition, "read the journal", "there is no such session")));
    };
    drop(client);
    let scope = Scope { account, sync: row.sync, fence: None, journal: JournalView::Sync };
    Ok(read(&PgHome::new(service.pool.clone(), scope), asked).await)
}

async fn read(home: &PgHome, asked: Changes) -> pinksync_engine::Result<Value> {
    let limit = usize::try_from(asked.limit).unwrap_or(usize::MAX);
    let mut skip = usize::try_from(asked.skip).unwrap_or(usize::MAX);
    let mut before = asked.before.map(JournalId);
    let mut names = HashMap::new();
    let mut changes = Vec::new();
    while let Some((id, chunk)) = home.history(asked.session, before, 1).await?.pop() {
        let known = named(home, &mut names, &chunk).await?;
        let lines: Vec<Value> =
            chunk.entries.iter().rev().flat_map(|entry| lines(&chunk.dataset, known, entry)).collect();
        let room = limit - changes.len();
        let shown = lines.len().saturating_sub(skip).min(room);
        changes.extend(lines.into_iter().skip(skip).take(room));
        if changes.len() == limit {
            let next = json!({"before": before.map(|id| id.0), "skip": skip + shown});
            return Ok(json!({"changes": changes, "next": next}));
        }
        (before, skip) = (Some(id), 0);
    }
    Ok(json!({"changes": changes, "next": null}))
}

async fn named<'a>(
    home: &PgHome,
    names: &'a mut HashMap<String, Names>,
    chunk: &JournalChunk,
) -> pinksync_engine::Result<&'a Names> {
    if !names.contains_key(&chunk.dataset) {
        let terms = home.terms(&chunk.dataset).await?;
        names.insert(chunk.dataset.clone(), terms.as_ref().map(Names::of).unwrap_or_default());
    }
    Ok(&names[&chunk.dataset])
}

/// A line per side that was written.
fn lines(dataset: &str, names: &Names, entry: &JournalEntry) -> Vec<Value> {
    let line = |side: Side, applied: &Applied| {
        json!({
            "dataset": source_name(dataset),
            "key": names.key(&entry.key),
            "side": side.to_string(),
            "action": action(applied),
            "before": shown_before(names, &applied.before),
            "after": after(names, side, applied, entry.new.as_deref()),
            "decision": entry.decision,
        })
    };
    let sides = [(Side::Target, &entry.target), (Side::Source, &entry.source)];
    sides.into_iter().filter_map(|(side, applied)| applied.as_deref().map(|applied| line(side, applied))).collect()
}

fn action(applied: &Applied) -> &'static str {
    match (&applied.before, applied.after_hash) {
        (Before::Absent, _) => "create",
        (Before::Fields(_) | Before::Image(_), Some(_)) => "update",
        (Before::Fields(_) | Before::Image(_), None) => "delete",
    }
}

fn shown_before(names: &Names, before: &Before) -> Option<Map<String, Value>> {
    match before {
        Before::Absent => None,
        Before::Fields(values) => Some(names.record(values)),
        Before::Image(image) => {
            Some(image.iter().map(|(name, value)| (name.to_string(), pinksync_engine::json::value(value))).collect())
        }
    }
}

fn after(names: &Names, side: Side, applied: &Applied, new: Option<&Entry>) -> Option<Map<String, Value>> {
    applied.after_hash?;
    let held = match side {
        Side::Source => new?.source.as_ref(),
        Side::Target => new?.target.as_ref(),
    };
    held?.values.as_deref().map(|values| names.record(values))
}
