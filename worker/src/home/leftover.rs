//! Records that a session left out, and those it looks at again, between the engine's form and the stored one.

use std::collections::HashMap;

use pinksync_common::store::Transaction;
use pinksync_common::store::conflicts::Place;
use pinksync_common::store::deferred::{self, Deferred as Stored};
use pinksync_common::store::rejects::{self, NewReject};
use pinksync_engine::home::{Deferred, DeferredKind, RejectRecord, Settlement};
use pinksync_engine::names::Names;
use pinksync_engine::{Hash, Key, Value};
use serde_json::Value as Json;

use super::conflicts::{names, storable, storable_text};
use super::fault::Fault;
use super::signed;

/// All that a settlement says of them.
pub(super) async fn change(transaction: &Transaction<'_>, place: Place, settlement: &Settlement) -> Result<(), Fault> {
    let Place { account, session, dataset, .. } = place;
    if !settlement.rejects.is_empty() {
        let names = names(transaction, dataset).await?;
        let new = new_rejects(&names, &settlement.rejects)?;
        rejects::store(transaction, account, session, dataset, &new).await?;
    }
    // A record may be done and deferred anew.
    for kind in [DeferredKind::Delete, DeferredKind::SetAside] {
        let done = settlement.done.iter().filter(|(_, of)| *of == kind);
        let done: Vec<&[u8]> = done.map(|(key, _)| &key[..]).collect();
        if !done.is_empty() {
            deferred::remove(transaction, session, dataset, kind.as_str(), &done).await?;
        }
        let defer = settlement.defer.iter().filter(|record| record.kind == kind);
        let defer: Vec<Stored<&[u8]>> =
            defer.map(|record| Stored { key: &record.key[..], side: record.side, mirror: record.mirror }).collect();
        if !defer.is_empty() {
            deferred::store(transaction, session, dataset, kind.as_str(), &defer).await?;
        }
    }
    Ok(())
}

pub(super) fn deferred_of(kind: DeferredKind, stored: Stored<Vec<u8>>) -> Deferred {
    Deferred { key: Key::from_bytes(stored.key), side: stored.side, kind, mirror: stored.mirror }
}

/// Each identity once: the last word about a record counts, in the place where it was met first.
fn new_rejects<'a>(names: &Names, records: &'a [RejectRecord]) -> Result<Vec<NewReject<'a>>, Fault> {
    let mut new: Vec<NewReject<'_>> = Vec::with_capacity(records.len());
    let mut places = HashMap::new();
    for record in records {
        let reject = new_reject(names, record)?;
        match places.get(&(record.side, reject.identity.clone())) {
            Some(&place) => new[place] = reject,
            None => {
                places.insert((record.side, reject.identity.clone()), new.len());
                new.push(reject);
            }
        }
    }
    Ok(new)
}

fn new_reject<'a>(names: &Names, record: &'a RejectRecord) -> Result<NewReject<'a>, Fault> {
    Ok(NewReject {
        side: record.side,
        key: record.key.as_deref(),
        line: record.line.map(signed).transpose()?,
        code: &record.code,
        reason: storable_text(&record.reason),
        shown_key: record.key.as_ref().map(|key| storable(Json::Object(names.key(key)))),
        identity: identity(record),
    })
}

/// Of the key, where it is not known of the line, else of the reason; hashed, since an index takes no long ones.
fn identity(record: &RejectRecord) -> Vec<u8> {
    let told = match (&record.key, record.line) {
        (Some(key), _) => Value::Bytes(key[..].into()),
        (None, Some(line)) => Value::Text(line.to_string().into()),
        (None, None) => Value::Json(record.reason.as_str().into()),
    };
    Hash::of([told].iter()).0.to_vec()
}
