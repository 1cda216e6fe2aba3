//! A second, plain reading of MERGE: what a session does to each record, written for clarity and not for speed, without
//! blocks, batches, transactions or sums. It knows nothing of the engine's code but keys, values and hashes.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};

use pinksync_engine::memory::{self};
use pinksync_engine::{Hash, Key, Value};
use pinksync_model::{BaseKind, ConflictKind, DatasetReport, Deletes, Direction, MergeMode, Side, Strategy};

use crate::setup::{End, Setup, Time, Transform};

/// The values of `a`, `b`, `n` and perhaps the time.
type Record = Vec<Value>;

const N: usize = 2;
const TIME: usize = 3;

/// What one side holds.
#[derive(Debug, Clone, PartialEq)]
pub enum Place {
    Absent,
    There(Record),
    Unreadable,
}

/// What both sides held when a session last left a record.
#[derive(Debug, Clone)]
pub struct Base {
    pub source: Option<Record>,
    pub target: Option<Record>,
    pub kept: bool,
}

/// What the oracle knows of both sides and of the sync.
pub struct Oracle {
    pub setup: Setup,
    pub base: BTreeMap<Key, Base>,
    pub open: BTreeMap<Key, ConflictKind>,
}

/// What a session comes to.
#[derive(Debug, Default)]
pub struct Expected {
    pub source: BTreeMap<Key, Record>,
    pub target: BTreeMap<Key, Record>,
    pub report: DatasetReport,
}

/// What is decided for one record.
#[derive(Debug, Clone, PartialEq)]
enum Verdict {
    Unchanged,
    Drift,
    TargetOnly,
    Open(ConflictKind),
    /// The base alone moves.
    Follow {
        kept: bool,
        adopted: bool,
    },
    /// What both sides shall hold; fields by number that are set where there is a record on both sides.
    Write {
        source: Act,
        target: Act,
        kept: bool,
        merged: bool,
    },
}

#[derive(Debug, Clone, PartialEq)]
enum Act {
    Nothing,
    Create,
    Delete,
    Set(Vec<usize>),
}

impl Oracle {
    pub fn new(setup: &Setup) -> Self {
        Self { setup: setup.clone(), base: BTreeMap::new(), open: BTreeMap::new() }
    }

    /// Fields that are compared and written.
    fn compared(&self) -> Vec<usize> {
        if self.setup.time == Time::Written { vec![0, 1, N, TIME] } else { vec![0, 1, N] }
    }

    fn differing(&self, one: &Record, other: &Record) -> Vec<usize> {
        self.compared().into_iter().filter(|&field| !one[field].same(&other[field])).collect()
    }

    fn same(&self, one: &Option<Record>, other: &Option<Record>) -> bool {
        match (one, other) {
            (None, None) => true,
            (Some(one), Some(other)) => self.differing(one, other).is_empty(),
            _ => false,
        }
    }

    pub fn hash(&self, record: &Record) -> Hash {
        Hash::of(self.compared().into_iter().map(|field| &record[field]))
    }

    fn has_values(&self) -> bool {
        let setup = &self.setup;
        let needed = setup.direction == Direction::TwoWay
            || setup.strategy == Strategy::Manual
            || setup.merge == MergeMode::Field;
        setup.base.map_or(needed, |kind| kind == BaseKind::Values)
    }

    fn in_scope(&self, record: &Record) -> bool {
        !self.setup.filter || matches!(record[N], Value::Int(n) if n >= 2)
    }

    /// A whole session over what both sides hold now.
    pub fn session(&mut self, source: &BTreeMap<Key, Place>, target: &BTreeMap<Key, Place>) -> Expected {
        let mut expected = Expected::default();
        let keys: BTreeSet<Key> = source.keys().chain(target.keys()).chain(self.base.keys()).cloned().collect();
        for key in keys {
            let at = |side: &BTreeMap<Key, Place>| side.get(&key).cloned().unwrap_or(Place::Absent);
            self.record(&key, at(source), at(target), &mut expected);
        }
        // A conflict of a record that nobody has any more is over.
        let seen = |place: &Place| match place {
            Place::There(record) => self.in_scope(record),
            Place::Absent | Place::Unreadable => true,
        };
        let over: Vec<Key> = self
            .open
            .keys()
            .filter(|key| {
                let here = [source.get(key), target.get(key)].into_iter().flatten().any(seen);
                !here && !self.base.contains_key(key)
            })
            .cloned()
            .collect();
        self.open.retain(|key, _| !over.contains(key));
        expected.report.conflicts.open = self.open.len() as u64;
        expected
    }

    fn record(&mut self, key: &Key, source: Place, target: Place, expected: &mut Expected) {
        let report = &mut expected.report;
        if source == Place::Unreadable || target == Place::Unreadable {
            report.rejected += 1;
            keep(key, source, target, expected);
            return;
        }
        let visible = |place: &Place| match place {
            Place::There(record) if self.in_scope(record) => Some(record.clone()),
            _ => None,
        };
        let (s, t) = (visible(&source), visible(&target));
        let base = self.base.get(key).cloned();
        if s.is_none() && t.is_none() && base.is_none() {
            keep(key, source, target, expected);
            return;
        }
        let verdict = self.decide(base.as_ref(), &s, &t);
        let hidden = (s.is_none() && source != Place::Absent) || (t.is_none() && target != Place::Absent);
        if hidden && !matches!(verdict, Verdict::Unchanged | Verdict::TargetOnly) {
            report.out_of_scope += 1;
            keep(key, source, target, expected);
            return;
        }
        let kind = self.settled_kind(base.as_ref(), &s, &t, &verdict);
        match verdict {
            Verdict::Unchanged => {
                report.unchanged += 1;
                self.open.remove(key);
                keep(key, source, target, expected);
            }
            Verdict::Drift => {
                report.drift += 1;
                self.open.remove(key);
                keep(key, source, target, expected);
            }
            Verdict::TargetOnly => {
                report.target_only += 1;
                self.open.remove(key);
                keep(key, source, target, expected);
            }
            Verdict::Open(kind) => {
                self.open.insert(key.clone(), kind);
                keep(key, source, target, expected);
            }
            Verdict::Follow { kept, adopted } => {
                report.adopted += u64::from(adopted);
                report.settled += u64::from(!adopted);
                report.conflicts.resolved += u64::from(kind.is_some());
                self.open.remove(key);
                self.follow(key, s, t, kept);
                keep(key, source, target, expected);
            }
            Verdict::Write { source: to_source, target: to_target, kept, merged } => {
                let (new_s, new_t) =
                    (self.carry(Side::Source, &to_source, &s, &t), self.carry(Side::Target, &to_target, &t, &s));
                let (Some((new_s, changed_s)), Some((new_t, changed_t))) = (new_s, new_t) else {
                    report.rejected += 1;
                    keep(key, source, target, expected);
                    return;
                };
                count(&to_source, &mut report.to_source);
                count(&to_target, &mut report.to_target);
                report.merged += u64::from(merged);
                report.transformed += u64::from(changed_s || changed_t);
                report.conflicts.resolved += u64::from(kind.is_some());
                self.open.remove(key);
                self.follow(key, new_s.clone(), new_t.clone(), kept);
                let place = |record: Option<Record>| record.map_or(Place::Absent, Place::There);
                keep(key, place(new_s), place(new_t), expected);
            }
        }
    }

    fn follow(&mut self, key: &Key, source: Option<Record>, target: Option<Record>, kept: bool) {
        if source.is_none() && target.is_none() {
            self.base.remove(key);
        } else {
            self.base.insert(key.clone(), Base { source, target, kept });
        }
    }

    /// What a side holds after a write, and whether that is other than what was sent; `None`: it refuses.
    fn carry(
        &self,
        side: Side,
        act: &Act,
        own: &Option<Record>,
        other: &Option<Record>,
    ) -> Option<(Option<Record>, bool)> {
        let end = self.setup.end(side);
        let sent = match act {
            Act::Nothing => return Some((own.clone(), false)),
            Act::Delete => return Some((None, false)),
            Act::Create => {
                let mut record = other.clone().unwrap();
                if self.setup.time == Time::Excluded {
                    record[TIME] = Value::Null;
                }
                record
            }
            Act::Set(fields) => {
                let mut record = own.clone().unwrap();
                for &field in fields {
                    record[field] = other.as_ref().unwrap()[field].clone();
                }
                record
            }
        };
        let held = transform(end, &sent);
        if end.check && matches!(held[N], Value::Int(n) if n > 3) {
            return None;
        }
        let changed = !self.differing(&sent, &held).is_empty();
        Some((Some(held), changed))
    }

    /// The kind of conflict that a verdict settled, if it did.
    fn settled_kind(
        &self,
        base: Option<&Base>,
        s: &Option<Record>,
        t: &Option<Record>,
        verdict: &Verdict,
    ) -> Option<ConflictKind> {
        match verdict {
            Verdict::Follow { .. } | Verdict::Write { .. } => self.contest(base, s, t),
            _ => None,
        }
    }

    /// The conflict that a strategy has to settle, if there is one.
    fn contest(&self, base: Option<&Base>, s: &Option<Record>, t: &Option<Record>) -> Option<ConflictKind> {
        if self.same(s, t) {
            return None;
        }
        if let Some(base) = base {
            let (moved_s, moved_t) = (!self.same(s, &base.source), !self.same(t, &base.target));
            let ignored = self.setup.deletes == Deletes::Ignore && (s.is_none() || t.is_none());
            let both = moved_s && moved_t || base.kept && (moved_s || moved_t);
            if !both || ignored {
                return None;
            }
        }
        match (s, t) {
            (Some(_), None) => base.map(|_| ConflictKind::UpdateDelete),
            (None, Some(_)) => base.map(|_| ConflictKind::DeleteUpdate),
            (Some(s), Some(t)) => {
                let contested =
                    self.picks(base, s, t).iter().any(|(field, pick)| *field != TIME && *pick == Pick::Contested);
                let kind = if base.is_some() { ConflictKind::UpdateUpdate } else { ConflictKind::CreateCreate };
                contested.then_some(kind)
            }
            (None, None) => None,
        }
    }

    fn decide(&self, base: Option<&Base>, s: &Option<Record>, t: &Option<Record>) -> Verdict {
        let one_way = self.setup.direction == Direction::OneWay;
        let source_wins = self.setup.strategy == Strategy::SourceWins;
        let to_target = |act| Verdict::Write { source: Act::Nothing, target: act, kept: false, merged: false };
        let to_source = |act| Verdict::Write { source: act, target: Act::Nothing, kept: false, merged: false };
        let Some(base) = base else {
            return match (s, t) {
                (Some(_), None) => to_target(Act::Create),
                (None, Some(_)) if !one_way => to_source(Act::Create),
                (None, Some(_)) if self.setup.mirror => to_target(Act::Delete),
                (None, Some(_)) => Verdict::TargetOnly,
                _ if self.same(s, t) => Verdict::Follow { kept: false, adopted: true },
                _ => self.conflict(None, s, t),
            };
        };
        let (moved_s, moved_t) = (!self.same(s, &base.source), !self.same(t, &base.target));
        if !moved_s && !moved_t {
            return Verdict::Unchanged;
        }
        if self.same(s, t) {
            return Verdict::Follow { kept: false, adopted: false };
        }
        if self.setup.deletes == Deletes::Ignore && (s.is_none() || t.is_none()) {
            let lost = one_way && source_wins && s.is_some() && base.target.is_some();
            return if lost { to_target(Act::Create) } else { Verdict::Unchanged };
        }
        if base.kept || (moved_s && moved_t) {
            return self.conflict(Some(base), s, t);
        }
        match (moved_s, s, t) {
            (true, None, _) => to_target(Act::Delete),
            (true, Some(_), None) => to_target(Act::Create),
            (true, Some(s), Some(t)) => self.copy(Side::Target, base, s, t),
            (false, ..) if one_way && !source_wins => Verdict::Drift,
            (false, None, _) if one_way => to_target(Act::Delete),
            (false, Some(_), None) if one_way => to_target(Act::Create),
            (false, Some(s), Some(t)) if one_way => to_target(Act::Set(self.differing(s, t))),
            (false, _, None) => to_source(Act::Delete),
            (false, None, Some(_)) => to_source(Act::Create),
            (false, Some(s), Some(t)) => self.copy(Side::Source, base, s, t),
        }
    }

    /// One side changed: what it changed goes to the other.
    fn copy(&self, to: Side, base: &Base, s: &Record, t: &Record) -> Verdict {
        let (from, held) = if to == Side::Target { (s, &base.source) } else { (t, &base.target) };
        let mut fields = self.differing(s, t);
        if let (true, Some(held)) = (self.has_values(), held) {
            fields.retain(|&field| !from[field].same(&held[field]));
        }
        if fields.is_empty() {
            return Verdict::Follow { kept: false, adopted: false };
        }
        let (set, nothing) = (Act::Set(fields), Act::Nothing);
        let (source, target) = if to == Side::Target { (nothing, set) } else { (set, nothing) };
        Verdict::Write { source, target, kept: false, merged: false }
    }

    fn conflict(&self, base: Option<&Base>, s: &Option<Record>, t: &Option<Record>) -> Verdict {
        let (present, kind) = match (s, t) {
            (Some(s), Some(t)) => return self.both_present(base, s, t),
            (Some(_), None) => (Side::Source, ConflictKind::UpdateDelete),
            _ => (Side::Target, ConflictKind::DeleteUpdate),
        };
        let winner = match self.setup.strategy {
            Strategy::Manual => return Verdict::Open(kind),
            Strategy::SourceWins => Side::Source,
            Strategy::TargetWins => Side::Target,
            Strategy::NewestWins => present,
        };
        let act = if winner == present { Act::Create } else { Act::Delete };
        match winner {
            Side::Source => Verdict::Write { source: Act::Nothing, target: act, kept: false, merged: false },
            Side::Target if self.setup.direction == Direction::OneWay => Verdict::Follow { kept: true, adopted: false },
            Side::Target => Verdict::Write { source: act, target: Act::Nothing, kept: false, merged: false },
        }
    }

    /// Where each differing field comes from, before a strategy is asked.
    fn picks(&self, base: Option<&Base>, s: &Record, t: &Record) -> Vec<(usize, Pick)> {
        let differing = self.differing(s, t);
        if differing == [TIME] {
            let one_way = self.setup.direction == Direction::OneWay;
            let side = if one_way { Side::Source } else { later(s, t) };
            return vec![(TIME, Pick::From(side))];
        }
        let pick = |field: usize| {
            let held = |side: fn(&Base) -> &Option<Record>| base.and_then(|base| side(base).as_ref());
            let (Some(held_s), Some(held_t)) = (held(|base| &base.source), held(|base| &base.target)) else {
                return Pick::Contested;
            };
            if self.setup.merge == MergeMode::Record || !self.has_values() {
                return Pick::Contested;
            }
            match (!s[field].same(&held_s[field]), !t[field].same(&held_t[field])) {
                (true, false) => Pick::From(Side::Source),
                (false, true) => Pick::From(Side::Target),
                (false, false) => Pick::Stay,
                (true, true) => Pick::Contested,
            }
        };
        differing.into_iter().map(|field| (field, pick(field))).collect()
    }

    fn both_present(&self, base: Option<&Base>, s: &Record, t: &Record) -> Verdict {
        let kind = if base.is_some() { ConflictKind::UpdateUpdate } else { ConflictKind::CreateCreate };
        let mut chosen = Vec::new();
        let picks = self.picks(base, s, t);
        let only_time = matches!(picks[..], [(TIME, _)]);
        let mut combined = false;
        for (field, pick) in picks {
            if field == TIME && !only_time {
                continue;
            }
            match pick {
                Pick::Contested => match self.winner(field, s, t) {
                    Some(side) => chosen.push((field, Pick::From(side))),
                    None => return Verdict::Open(kind),
                },
                other => {
                    combined |= other != Pick::Stay && self.setup.direction == Direction::TwoWay;
                    chosen.push((field, other));
                }
            }
        }
        let from = |side| chosen.iter().any(|(_, pick)| *pick == Pick::From(side));
        let both = from(Side::Source) && from(Side::Target);
        if !only_time && self.differing(s, t).contains(&TIME) {
            // The time goes with the record: the winner's, or, where both have a part in it, the later. Where fields were
            // combined, both have: one side's part may be its time alone.
            let side = match (from(Side::Source), from(Side::Target)) {
                _ if combined => later(s, t),
                (true, false) => Side::Source,
                (false, true) => Side::Target,
                _ => later(s, t),
            };
            chosen.push((TIME, Pick::From(side)));
        }
        let of = |side| {
            chosen.iter().filter(|(_, pick)| *pick == Pick::From(side)).map(|(field, _)| *field).collect::<Vec<_>>()
        };
        let (to_target, mut to_source) = (of(Side::Source), of(Side::Target));
        let mut kept = base.is_some_and(|base| base.kept) && chosen.iter().any(|(_, pick)| *pick == Pick::Stay);
        if self.setup.direction == Direction::OneWay {
            kept |= !to_source.is_empty();
            to_source.clear();
        }
        if to_target.is_empty() && to_source.is_empty() {
            return Verdict::Follow { kept, adopted: false };
        }
        let act = |fields: Vec<usize>| if fields.is_empty() { Act::Nothing } else { Act::Set(fields) };
        let merged = self.setup.merge == MergeMode::Field && both;
        Verdict::Write { source: act(to_source), target: act(to_target), kept, merged }
    }

    fn winner(&self, field: usize, s: &Record, t: &Record) -> Option<Side> {
        let own = if field == 0 && self.setup.merge == MergeMode::Field { self.setup.field_strategy } else { None };
        match own.unwrap_or(self.setup.strategy) {
            Strategy::Manual => None,
            Strategy::SourceWins => Some(Side::Source),
            Strategy::TargetWins => Some(Side::Target),
            Strategy::NewestWins if self.setup.time == Time::None => None,
            Strategy::NewestWins => match s[TIME].compare(&t[TIME])? {
                Ordering::Less => Some(Side::Target),
                Ordering::Equal => None,
                Ordering::Greater => Some(Side::Source),
            },
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Pick {
    From(Side),
    Stay,
    Contested,
}

fn later(s: &Record, t: &Record) -> Side {
    match (&s[TIME], &t[TIME]) {
        (Value::Timestamp(s), Value::Timestamp(t)) if s < t => Side::Target,
        (Value::Null, Value::Timestamp(_)) => Side::Target,
        _ => Side::Source,
    }
}

fn keep(key: &Key, source: Place, target: Place, expected: &mut Expected) {
    if let Place::There(record) = source {
        expected.source.insert(key.clone(), record);
    }
    if let Place::There(record) = target {
        expected.target.insert(key.clone(), record);
    }
}

fn count(act: &Act, counts: &mut pinksync_model::WriteCounts) {
    match act {
        Act::Nothing => {}
        Act::Create => counts.created += 1,
        Act::Delete => counts.deleted += 1,
        Act::Set(_) => counts.updated += 1,
    }
}

/// What a side makes of a record that is written to it.
pub fn transform(end: &End, record: &Record) -> Record {
    let mut held = record.clone();
    match end.transform {
        Transform::None => {}
        Transform::Upper => memory::upper_case(0)(&mut held),
        Transform::Trim => memory::trim(0)(&mut held),
        Transform::Round => memory::round(1, 0)(&mut held),
    }
    held
}
