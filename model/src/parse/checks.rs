//! What a schema cannot say: rules across fields.

mod connection;
mod dataset;
mod filter;
mod names;

use super::draft::Draft;
use super::{Gathered, Place};
use crate::{BaseKind, DatasetEntry, Incremental, MergeMode};

/// Checks what could be read. A mistake that follows from one already found (at `before`) is not reported.
pub(super) fn check(draft: &Draft, before: &[Place], gathered: &mut Gathered<'_>) {
    let mut found = Gathered { raw: gathered.raw, mistakes: Vec::new(), blamed: Vec::new() };
    let root = Place::root();
    for (side, connection) in [("source", &draft.source), ("target", &draft.target)] {
        if let Some(connection) = connection {
            connection::check(connection, &root.field(side), &mut found);
        }
    }
    for (index, entry) in draft.datasets.iter().enumerate() {
        if let Some(DatasetEntry::Definition(definition)) = entry {
            dataset::check(definition, draft, &root.field("datasets").index(index), &mut found);
        }
    }
    names::check(draft, &mut found);
    cursor_is_not_available(draft, &mut found);
    merging_needs_values(draft, &mut found);
    for (mistake, place) in found.mistakes.into_iter().zip(found.blamed) {
        if !before.iter().any(|blamed| place.is_within(blamed) || blamed.is_within(&place)) {
            gathered.mistakes.push(mistake);
        }
    }
}

/// Fields can only be told apart as changed on one side or on both by the values that they had.
fn merging_needs_values(draft: &Draft, found: &mut Gathered<'_>) {
    if draft.merge == MergeMode::Field && draft.options.base == Some(BaseKind::Hashes) {
        found.add(
            &Place::root().field("options").field("base"),
            "`merge: field` cannot combine fields by hashes alone",
            "write `base: values`, or leave it out",
        );
    }
}

/// The name is known, so that files can say what they want; there is nothing behind it yet.
fn cursor_is_not_available(draft: &Draft, found: &mut Gathered<'_>) {
    if draft.options.incremental == Incremental::Cursor {
        found.add(
            &Place::root().field("options").field("incremental"),
            "`incremental: cursor` is not available yet",
            "write `incremental: full`, or leave it out: blocks whose sums are unchanged are skipped without reading them",
        );
    }
}
