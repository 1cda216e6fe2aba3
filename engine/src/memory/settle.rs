//! What a settlement does to a memory home: looked at as a whole first, then carried out as a whole.

use std::collections::BTreeSet;
use std::sync::Arc;

use pinksync_model::{ConflictStatus, DatasetReport, SessionId};

use super::home_state::{Block, DatasetState, HomeState, JournalState, overlap};
use crate::error::{Error, ErrorKind, Result};
use crate::home::{
    BaseChange, BlockHeader, BlockId, ConflictRecord, JournalId, RejectRecord, Settled, Settlement, StoredConflict,
};

impl HomeState {
    /// Carries out a settlement, or changes nothing.
    pub fn settle(&mut self, session: SessionId, dataset: &str, settlement: &Settlement) -> Result<Settled> {
        if !self.is_current(dataset, settlement) {
            return Ok(Settled::Moved);
        }
        self.check(dataset, settlement)?;
        self.change_base(session, dataset, settlement);
        self.move_journals(settlement);
        self.change_conflicts(session, dataset, settlement);
        for reject in &settlement.rejects {
            self.store_reject(session, dataset, reject);
        }
        for (key, kind) in &settlement.done {
            self.deferred.remove(&(session, dataset.to_owned(), kind.as_str(), key.clone()));
        }
        for deferred in &settlement.defer {
            let place = (session, dataset.to_owned(), deferred.kind.as_str(), deferred.key.clone());
            self.deferred.insert(place, deferred.clone());
        }
        self.count(session, dataset, &settlement.counted);
        Ok(Settled::Done)
    }

    /// Blocks and journal chunks are still those that the settlement was made from.
    fn is_current(&self, dataset: &str, settlement: &Settlement) -> bool {
        let none = DatasetState::default();
        let state = self.datasets.get(dataset).unwrap_or(&none);
        let as_loaded = |change: &BaseChange| {
            let here: BTreeSet<BlockId> = state.overlapping(&change.range).map(|block| block.header.id).collect();
            here == change.loaded.iter().copied().collect()
        };
        let is = |id: &JournalId, state| self.journals.get(id).is_some_and(|journal| journal.state == state);
        let amended = settlement.amended.iter().map(|(id, _)| id);
        let mut pending = settlement.journals.iter().chain(amended).chain(&settlement.void_journals);
        settlement.base.iter().all(as_loaded)
            && settlement.skipped.iter().all(|id| state.block(*id).is_some())
            && pending.all(|id| is(id, JournalState::Pending))
            && settlement.undone.iter().all(|id| is(id, JournalState::Done))
    }

    /// Refuses what no engine should ask for.
    fn check(&self, dataset: &str, settlement: &Settlement) -> Result<()> {
        let refused = |message: String| Err(Error::new(ErrorKind::Other, "settle", message));
        for (index, change) in settlement.base.iter().enumerate() {
            if settlement.base[..index].iter().any(|other| overlap(&other.range, &change.range)) {
                return refused(format!("two changes of the base overlap at {:?}", change.range));
            }
            if !is_covered(change) {
                return refused(format!("the new blocks do not cover {:?} exactly", change.range));
            }
            let inside = |block: &Block| {
                let range = &block.header.range;
                change.range.low <= range.low
                    && (change.range.high.is_none() || range.high.is_some() && range.high <= change.range.high)
            };
            let outside = self
                .datasets
                .get(dataset)
                .and_then(|state| state.overlapping(&change.range).find(|block| !inside(block)));
            if let Some(block) = outside {
                return refused(format!("block {:?} reaches beyond {:?}", block.header.range, change.range));
            }
        }
        match settlement.decide.iter().find(|(id, ..)| !self.has_conflict(dataset, id)) {
            Some((id, ..)) => refused(format!("there is no conflict {id}")),
            None => Ok(()),
        }
    }

    fn change_base(&mut self, session: SessionId, dataset: &str, settlement: &Settlement) {
        for change in &settlement.base {
            let first = self.next_id();
            let ids: Vec<i64> =
                std::iter::once(first).chain(change.blocks.iter().skip(1).map(|_| self.next_id())).collect();
            let blocks = &mut self.dataset(dataset).blocks;
            blocks.retain(|_, block| !change.loaded.contains(&block.header.id));
            for (block, id) in change.blocks.iter().zip(ids) {
                let header = BlockHeader {
                    id: BlockId(id),
                    range: block.range.clone(),
                    entries: block.entries,
                    sums: block.sums,
                    checked_by: block.checked.then_some(session),
                };
                let low = block.range.low.clone();
                blocks.insert(low, Block { header, blob: Arc::from(block.blob.as_slice()) });
            }
        }
        for block in self.dataset(dataset).blocks.values_mut() {
            if settlement.skipped.contains(&block.header.id) {
                block.header.checked_by = Some(session);
            }
        }
    }

    fn move_journals(&mut self, settlement: &Settlement) {
        for (id, chunk) in &settlement.amended {
            if let Some(journal) = self.journals.get_mut(id) {
                journal.chunk = Arc::new(chunk.clone());
                journal.state = JournalState::Done;
            }
        }
        let mut set = |ids: &[JournalId], state| {
            for id in ids {
                if let Some(journal) = self.journals.get_mut(id) {
                    journal.state = state;
                }
            }
        };
        set(&settlement.journals, JournalState::Done);
        set(&settlement.undone, JournalState::Undone);
        self.journals.retain(|id, _| !settlement.void_journals.contains(id));
    }

    fn has_conflict(&self, dataset: &str, id: &str) -> bool {
        self.conflicts.iter().any(|conflict| conflict.id == id && conflict.dataset == dataset)
    }

    fn change_conflicts(&mut self, session: SessionId, dataset: &str, settlement: &Settlement) {
        if let Some(undone) = settlement.reopen {
            self.reopen_conflicts(undone);
        }
        for key in &settlement.supersede {
            let now = self.now();
            if let Some(open) = self.open_conflict(dataset, key) {
                open.record.status = ConflictStatus::Superseded;
                open.decided_at = Some(now);
                let id = open.id.clone();
                self.decided_in.insert(id, session);
            }
        }
        for (id, status, decision, who) in &settlement.decide {
            self.decide_conflict(id, *status, decision.clone(), who.clone());
            self.decided_in.insert(id.clone(), session);
        }
        for record in &settlement.conflicts {
            self.store_conflict(session, dataset, record);
        }
    }

    /// An open conflict of the key takes the new record and keeps its id and when it was found.
    fn store_conflict(&mut self, session: SessionId, dataset: &str, record: &ConflictRecord) {
        let now = self.now();
        let decided_at = (record.status != ConflictStatus::Open).then(|| now.clone());
        if let Some(open) = self.open_conflict(dataset, &record.key) {
            open.record = record.clone();
            open.decided_at = decided_at;
            let id = open.id.clone();
            if record.status == ConflictStatus::Open {
                self.asks_nobody.remove(&id);
            }
            self.note_decided(id, session, record.status);
            return;
        }
        let id = format!("c{}", self.next_id());
        self.note_decided(id.clone(), session, record.status);
        let (dataset, record) = (dataset.to_owned(), record.clone());
        self.conflicts.push(StoredConflict { id, session, dataset, record, opened_at: now, decided_at });
    }

    fn note_decided(&mut self, id: String, session: SessionId, status: ConflictStatus) {
        if status != ConflictStatus::Open {
            self.decided_in.insert(id, session);
        }
    }

    /// Opens again what a session settled that is being undone. What it found itself asks nobody.
    fn reopen_conflicts(&mut self, undone: SessionId) {
        let settled: Vec<String> =
            self.decided_in.iter().filter(|(_, by)| **by == undone).map(|(id, _)| id.clone()).collect();
        for id in settled {
            self.decided_in.remove(&id);
            if self.conflicts.iter().any(|conflict| conflict.id == id && conflict.session == undone) {
                self.asks_nobody.insert(id.clone());
            }
            self.decide_conflict(&id, ConflictStatus::Open, None, None);
        }
    }

    /// Settles a conflict, or reopens it: then the record's newer open one, if there is one, stands instead.
    fn decide_conflict(&mut self, id: &str, status: ConflictStatus, decision: Option<String>, who: Option<String>) {
        let now = self.now();
        let Some(place) = self.conflicts.iter().position(|conflict| conflict.id == id) else { return };
        let (dataset, key) = (self.conflicts[place].dataset.clone(), self.conflicts[place].record.key.clone());
        let newer = self.open_conflict(&dataset, &key).is_some_and(|open| open.id != id);
        if status == ConflictStatus::Open && newer {
            return;
        }
        let conflict = &mut self.conflicts[place];
        conflict.record.status = status;
        conflict.record.decision = decision;
        conflict.record.decided_by = who;
        conflict.decided_at = (status != ConflictStatus::Open).then_some(now);
    }

    /// A record is rejected once in a session, however often it is tried.
    fn store_reject(&mut self, session: SessionId, dataset: &str, reject: &RejectRecord) {
        let same = |(of, name, held): &&mut (SessionId, String, RejectRecord)| {
            let record = match (&held.key, held.line) {
                (None, None) => reject.key.is_none() && reject.line.is_none() && held.reason == reject.reason,
                (None, line) => reject.key.is_none() && reject.line == line,
                (key, _) => reject.key == *key,
            };
            *of == session && name == dataset && held.side == reject.side && record
        };
        match self.rejects.iter_mut().find(same) {
            Some((_, _, held)) => *held = reject.clone(),
            None => self.rejects.push((session, dataset.to_owned(), reject.clone())),
        }
    }

    fn count(&mut self, session: SessionId, dataset: &str, counted: &DatasetReport) {
        let held = self.counted.iter_mut().find(|(of, name, _)| *of == session && name == dataset);
        let Some((_, _, report)) = held else {
            self.counted.push((session, dataset.to_owned(), counted.clone()));
            return;
        };
        *report += counted;
        if report.source.is_empty() && report.target.is_empty() {
            report.source.clone_from(&counted.source);
            report.target.clone_from(&counted.target);
        }
    }
}

/// The new blocks follow each other from the range's beginning to its end.
fn is_covered(change: &BaseChange) -> bool {
    let (Some(first), Some(last)) = (change.blocks.first(), change.blocks.last()) else { return false };
    let adjacent = change.blocks.windows(2).all(|pair| {
        pair[0].range.high.is_some() && pair[0].range.high == pair[1].range.low && pair[0].range.low < pair[1].range.low
    });
    adjacent && first.range.low == change.range.low && last.range.high == change.range.high
}
