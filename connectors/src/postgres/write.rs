//! Guarded writing: what must be there is looked at under a lock, what is refused is isolated by savepoints.

use std::collections::BTreeMap;

use pinksync_engine::connector::{Change, Found, Outcome, Refusal, Write};
use pinksync_engine::{Error, ErrorKind, Result, Value, Values};

use super::client::Session;
use super::delete;
use super::error::{refusal, refusal_of_name, translate};
use super::insert::Insert;
use super::layout::Layout;
use super::lookup::{Lock, lookup};
use super::sequence::Largest;
use super::table::Kind;
use super::update::Update;

const OPERATION: &str = "write records";

/// Writes of one transaction.
pub struct Writer<'a> {
    pub session: &'a mut Session,
    pub layout: &'a Layout,
    pub state: &'a mut State,
}

/// What a transaction remembers between its writes.
#[derive(Debug, Default)]
pub struct State {
    /// Rows are locked and compared; otherwise the snapshot is the guard.
    pub compare: bool,
    begun: bool,
    /// A savepoint of a try that went well is still there: the next one releases it, or the commit does.
    savepoint: bool,
    locked: bool,
    pub largest: Largest,
}

impl State {
    pub fn new(compare: bool) -> Self {
        Self { compare, ..Self::default() }
    }
}

/// Why a statement of a step failed.
pub enum Failure {
    Server(tokio_postgres::Error),
    Ours(Error),
}

impl From<tokio_postgres::Error> for Failure {
    fn from(error: tokio_postgres::Error) -> Self {
        Self::Server(error)
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Ours(error)
    }
}

/// Outcomes of some of the writes, by their index.
pub type Outcomes = Vec<(usize, Outcome)>;

/// One statement's worth of writes, which can be tried for any part of them.
enum Step<'w> {
    Copy(&'w Insert<'w>),
    Insert(&'w Insert<'w>),
    CountedUpdate(&'w Update<'w>),
    Update(&'w Update<'w>),
    Delete(&'w [Write]),
}

impl Writer<'_> {
    /// One outcome per write, in the same order. An error leaves the transaction unusable.
    pub async fn write(&mut self, writes: &[Write]) -> Result<Vec<Outcome>> {
        if !std::mem::replace(&mut self.state.begun, true) {
            self.batch("SET CONSTRAINTS ALL IMMEDIATE").await?;
        }
        let mut outcomes: Vec<Option<Outcome>> = vec![None; writes.len()];
        if self.state.compare {
            self.lock_and_compare(writes, &mut outcomes).await?;
        }
        if !self.layout.has_arbiter {
            self.leave_out_existing(writes, &mut outcomes).await?;
        }
        let open = |outcomes: &[Option<Outcome>], wanted: fn(&Change) -> bool| -> Vec<usize> {
            (0..writes.len()).filter(|&index| outcomes[index].is_none() && wanted(&writes[index].change)).collect()
        };
        let creates = open(&outcomes, |change| matches!(change, Change::Create(_)));
        if !creates.is_empty() {
            self.insert(&Insert::of_creates(self.layout, writes), creates, &mut outcomes).await?;
        }
        let restores = open(&outcomes, |change| matches!(change, Change::Restore(_)));
        for (insert, part) in Insert::of_restores(self.layout, writes, &restores, &mut outcomes) {
            self.insert(&insert, part, &mut outcomes).await?;
        }
        let updates = open(&outcomes, |change| matches!(change, Change::Update(_)));
        for (fields, part) in by_fields(writes, &updates) {
            match fields.is_empty() {
                true => part.into_iter().for_each(|index| outcomes[index] = Some(Outcome::Written)),
                false => self.update(&Update { writes, fields }, &part, &mut outcomes).await?,
            }
        }
        let deletes = open(&outcomes, |change| matches!(change, Change::Delete));
        self.isolate(&Step::Delete(writes), &deletes, &mut outcomes).await?;
        let missing = || Error::new(ErrorKind::Other, OPERATION, "a write was left without an outcome");
        outcomes.into_iter().map(|outcome| outcome.ok_or_else(missing)).collect()
    }

    /// One COPY first, which is quick (a statement per batch takes twice the time); anything but full success is done
    /// again by batches, and record by record where it must be.
    async fn insert(&mut self, insert: &Insert<'_>, part: Vec<usize>, outcomes: &mut [Option<Outcome>]) -> Result<()> {
        let step = Step::Copy(insert);
        let copied = match insert.copies {
            true => self.attempt(&step, &part).await?.ok().filter(|done| done.len() == part.len()),
            false => None,
        };
        match copied {
            Some(done) => keep(done, outcomes),
            None => self.isolate(&Step::Insert(insert), &part, outcomes).await?,
        }
        insert.note_largest(&part, outcomes, &mut self.state.largest);
        Ok(())
    }

    /// Statements that only count first; a batch that was not done whole is done again record by record where it must be.
    async fn update(&mut self, update: &Update<'_>, part: &[usize], outcomes: &mut [Option<Outcome>]) -> Result<()> {
        for batch in part.chunks(self.layout.batch_size()) {
            // Where a key is not unique, what one record has too many might hide what another lacks; rules write elsewhere.
            let counted = match self.layout.has_arbiter && !self.layout.table.rules {
                true => self.attempt(&Step::CountedUpdate(update), batch).await?.ok(),
                false => None,
            };
            match counted.filter(|done| done.len() == batch.len()) {
                Some(done) => keep(done, outcomes),
                None => self.isolate(&Step::Update(update), batch, outcomes).await?,
            }
        }
        Ok(())
    }

    /// Tries batch by batch and halves what is refused, until the refused records stand alone.
    async fn isolate(&mut self, step: &Step<'_>, part: &[usize], outcomes: &mut [Option<Outcome>]) -> Result<()> {
        let mut parts: Vec<Vec<usize>> = part.chunks(self.layout.batch_size()).rev().map(<[usize]>::to_vec).collect();
        while let Some(part) = parts.pop() {
            match self.attempt(step, &part).await? {
                Ok(done) => keep(done, outcomes),
                Err(refusal) => match &part[..] {
                    [one] => outcomes[*one] = Some(refusal.into()),
                    many => {
                        let (first, second) = many.split_at(many.len() / 2);
                        parts.push(second.to_vec());
                        parts.push(first.to_vec());
                    }
                },
            }
        }
        Ok(())
    }

    /// One try inside a savepoint. The outer error is not the records' fault, and ends the transaction.
    async fn attempt(&mut self, step: &Step<'_>, part: &[usize]) -> Result<std::result::Result<Outcomes, Refusal>> {
        let release = if std::mem::replace(&mut self.state.savepoint, true) { RELEASE } else { "" };
        self.batch(&format!("{release}SAVEPOINT pinksync")).await?;
        let (session, layout) = (&mut *self.session, self.layout);
        let result = match step {
            Step::Copy(insert) => insert.copy(session, part).await,
            Step::Insert(insert) => insert.run(session, part).await,
            Step::CountedUpdate(update) => update.count(session, layout, part).await,
            Step::Update(update) => update.run(session, layout, part).await,
            Step::Delete(writes) => delete::run(session, layout, writes, part).await,
        };
        match result {
            Ok(done) => {
                // One that left records out (a trigger did) is undone, so that they can be told apart.
                if matches!(step, Step::Copy(_) | Step::CountedUpdate(_)) && done.len() < part.len() {
                    self.batch(ROLL_BACK).await?;
                }
                Ok(Ok(done))
            }
            Err(Failure::Ours(error)) => Err(error),
            Err(Failure::Server(error)) => match self.refusal(&error) {
                Some(refusal) => {
                    self.batch(ROLL_BACK).await?;
                    Ok(Err(refusal))
                }
                None => Err(translate(OPERATION, error)),
            },
        }
    }

    fn refusal(&self, error: &tokio_postgres::Error) -> Option<Refusal> {
        let of_name = || self.layout.table.names_objects().then(|| refusal_of_name(error)).flatten();
        refusal(error).or_else(of_name)
    }

    /// Locks the records that are expected to be there; those that are gone or not as expected have moved.
    async fn lock_and_compare(&mut self, writes: &[Write], outcomes: &mut [Option<Outcome>]) -> Result<()> {
        let changes_key =
            |fields: &[(usize, Value)]| fields.iter().any(|(field, _)| self.layout.spec.key.contains(field));
        let lock = |write: &Write| match &write.change {
            Change::Update(fields) if changes_key(fields) => Lock::ForDelete,
            Change::Update(_) => Lock::ForUpdate,
            Change::Delete => Lock::ForDelete,
            Change::Create(_) | Change::Restore(_) => Lock::None,
        };
        for wanted in [Lock::ForUpdate, Lock::ForDelete] {
            let part: Vec<usize> = (0..writes.len()).filter(|&index| lock(&writes[index]) == wanted).collect();
            let keys: Vec<Values> = part.iter().map(|&index| writes[index].key.clone()).collect();
            let found = lookup(self.session, self.layout, &keys, wanted).await?;
            for (index, found) in part.into_iter().zip(found) {
                match found {
                    Found::Row(row) if Some(row.hash) == writes[index].expect => {}
                    Found::Row(_) | Found::Absent | Found::Unreadable(_) => outcomes[index] = Some(Outcome::Moved),
                }
            }
        }
        Ok(())
    }

    /// Where no unique index keeps two from making the same record, the table is locked while we look and write.
    async fn leave_out_existing(&mut self, writes: &[Write], outcomes: &mut [Option<Outcome>]) -> Result<()> {
        let part: Vec<usize> = (0..writes.len())
            .filter(|&index| matches!(writes[index].change, Change::Create(_) | Change::Restore(_)))
            .collect();
        if part.is_empty() {
            return Ok(());
        }
        let lockable = matches!(self.layout.table.kind, Kind::Plain | Kind::Partitioned | Kind::View);
        if lockable && !std::mem::replace(&mut self.state.locked, true) {
            self.batch(&format!("LOCK TABLE {} IN SHARE ROW EXCLUSIVE MODE", self.layout.table.quoted())).await?;
        }
        let keys: Vec<Values> = part.iter().map(|&index| writes[index].key.clone()).collect();
        let present = super::lookup::present(self.session, self.layout, &keys).await?;
        for (index, _) in part.into_iter().zip(present).filter(|(_, present)| *present) {
            outcomes[index] = Some(Outcome::Moved);
        }
        Ok(())
    }

    async fn batch(&mut self, sql: &str) -> Result<()> {
        self.session.batch(sql).await.map_err(|error| translate(OPERATION, error))
    }
}

const ROLL_BACK: &str = "ROLLBACK TO SAVEPOINT pinksync";
const RELEASE: &str = "RELEASE SAVEPOINT pinksync; ";

fn keep(done: Outcomes, outcomes: &mut [Option<Outcome>]) {
    for (index, outcome) in done {
        outcomes[index] = Some(outcome);
    }
}

/// Updates that set the same fields, each with the fields in the same order.
fn by_fields(writes: &[Write], updates: &[usize]) -> BTreeMap<Vec<usize>, Vec<usize>> {
    let mut groups: BTreeMap<Vec<usize>, Vec<usize>> = BTreeMap::new();
    let mut fields: Vec<usize> = Vec::new();
    for &index in updates {
        if let Change::Update(set) = &writes[index].change {
            fields.clear();
            fields.extend(set.iter().map(|(field, _)| *field));
            match groups.get_mut(&fields) {
                Some(group) => group.push(index),
                None => {
                    groups.insert(fields.clone(), vec![index]);
                }
            }
        }
    }
    groups
}

/// A record that its columns cannot hold, found out before anything was sent.
pub fn misfit(misfit: super::encode::Misfit) -> Outcome {
    Outcome::from(Refusal { code: "type".to_owned(), reason: misfit.0, retry: false })
}

/// A record that the statement did not touch although it was there to be touched, or nothing was in the way.
pub fn suppressed() -> Outcome {
    let reason = "a trigger or rule of the table kept this from being written".to_owned();
    Outcome::from(Refusal { code: "refused".to_owned(), reason, retry: false })
}
