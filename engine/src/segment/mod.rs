//! One unit of work on a dataset pair: gather, decide, write under guards, journal, commit, settle.
//!
//! A unit is either adjacent ranges ([`Work::Ranges`], comparing) or single keys ([`Work::Keys`]: deletes whose guards
//! have passed, writes that were set aside, a saved plan). Both go through the same steps, top to bottom in [`run`].

mod attempt;
mod batch;
mod blocks;
mod carry;
mod counting;
mod gather;
mod ledger;
mod scope;
mod stretch;
mod survey;

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use pinksync_model::{DatasetReport, SessionId, Side};
use serde::{Deserialize, Serialize};

use crate::base::BLOCK_ENTRIES;
use crate::connector::{Guard, Refusal};
use crate::error::Result;
use crate::home::{Held, Home, JournalId};
use crate::key::{Key, KeyRange};
use crate::pair::{Pair, PlannedRange};
use crate::row::Hash;
use crate::value::Value;
use crate::{recover, retry};

pub use gather::{State, Triple};
pub use survey::{Surveyed, survey};

pub(crate) use batch::current_rules;
pub(crate) use blocks::{KeyBlocks, cut_into_blocks};
pub(crate) use carry::{Carried, Fate, Item, carry, held};
pub(crate) use gather::{lookup as gather_lookup, reject as reject_of};
pub(crate) use stretch::encode_block;

/// What the segments of a session share.
#[derive(Clone)]
pub struct Context {
    pub session: SessionId,
    pub home: Arc<dyn Home>,
    /// Rounds in which a record that others keep changing is decided anew.
    pub rounds: u32,
    pub limits: Limits,
}

/// How large the pieces are in which a dataset is worked on. Results do not depend on them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Entries a block should have; one twice as large is split.
    pub block_entries: usize,
    /// Most blocks in one segment.
    pub segment_blocks: usize,
    /// Bytes of rows that one side of a segment may hold in memory.
    pub read_budget: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { block_entries: BLOCK_ENTRIES, segment_blocks: 16, read_budget: 16 * 1024 * 1024 }
    }
}

/// What to work on.
#[derive(Clone)]
pub enum Work {
    Ranges(Vec<PlannedRange>),
    Keys(KeyWork),
}

/// Keys to decide and carry out, one by one.
#[derive(Debug, Clone)]
pub struct KeyWork {
    pub keys: Vec<Key>,
    pub purpose: Purpose,
    /// What somebody moves now is not looked at again: it is `contended`.
    pub last_round: bool,
}

/// Why single keys are looked at.
#[derive(Debug, Clone)]
pub enum Purpose {
    /// Deletes whose guards have passed: only a decision to delete on this side is carried out.
    Delete { side: Side },
    /// Writes that were refused for what other records held. `last`: what is still refused becomes a reject; `cycle`:
    /// records whose values are held by others of them; `guarded`: records whose delete it was. Any other delete is one
    /// that the guards have not seen.
    SetAside { last: bool, cycle: Arc<HashSet<Key>>, guarded: Arc<HashSet<Key>> },
    /// Records that somebody else moved while they were written.
    Moved,
    /// Only what a saved plan expects to find, by key: the hashes of source and target.
    Plan(Arc<HashMap<Key, Expected>>),
}

/// What a saved plan found when it was made. Everything that decides a record is in it: a record that still has these
/// hashes is decided as the plan says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Expected {
    pub source: Option<Hash>,
    pub target: Option<Hash>,
    pub base: Option<Hash>,
}

impl Expected {
    pub fn of(triple: &Triple) -> Self {
        let hash = |side| triple.state(side).row().map(|row| row.hash);
        let base = triple.base.as_ref().map(|entry| {
            let held = |held: &Option<Held>| held.as_ref().map_or(Value::Null, |held| Value::Uuid(held.hash.0));
            Hash::of([held(&entry.source), held(&entry.target), Value::Bool(entry.kept)].iter())
        });
        Self { source: hash(Side::Source), target: hash(Side::Target), base }
    }
}

/// What a unit came to.
#[derive(Debug, Default)]
pub struct Done {
    /// Stretches that were not reached (the read budget was spent): to be planned again.
    pub rest: Vec<KeyRange>,
    /// Keys to be decided again: somebody moved them.
    pub moved: Vec<Key>,
    pub counted: DatasetReport,
}

/// Carries a unit out. Attempts that the systems abort are done again with growing delays, from the second one on
/// halved, at last record by record under locks.
pub async fn run(context: &Context, pair: &Pair, work: Work) -> Result<Done> {
    let mut done = Done::default();
    let purpose = again(&work);
    let mut queue = vec![(work, 0_u32)];
    let mut refused = HashMap::new();
    while let Some((work, failures)) = queue.pop() {
        let mut attempt = attempt::Attempt::new(context, pair, &work, &refused, guards(pair, failures));
        match attempt.run().await {
            Ok(part) => absorb(&mut done, part),
            Err(attempt::Failure::Refused(found)) => {
                let journal = attempt.journal();
                refused.extend(found);
                queue.push((reconciled(context, pair, journal, work).await?, failures));
            }
            Err(attempt::Failure::Error(error)) => {
                let journal = attempt.journal();
                retry::wait_or_fail(pair.name(), error, failures).await?;
                let work = reconciled(context, pair, journal, work).await?;
                let halve = failures >= 1;
                queue.extend(split(work, halve).into_iter().map(|work| (work, failures + 1)));
            }
        }
    }
    if !pair.publishes() {
        settle_moved(context, pair, purpose, &mut done).await?;
    }
    Ok(done)
}

/// After three aborted attempts records are locked and compared instead of relying on a snapshot.
fn guards(pair: &Pair, failures: u32) -> (Guard, Guard) {
    if failures >= 3 { (Guard::Compare, Guard::Compare) } else { (pair.source.guard(), pair.target.guard()) }
}

/// The work with the blocks as they are now, once it is known what happened of the attempt before.
async fn reconciled(context: &Context, pair: &Pair, journal: Option<JournalId>, work: Work) -> Result<Work> {
    let Work::Ranges(ranges) = work else {
        if let Some(journal) = journal {
            recover::chunk(context, pair, journal, &[]).await?;
        }
        return Ok(work);
    };
    let ranges: Vec<KeyRange> = ranges.into_iter().map(|planned| planned.range).collect();
    if let Some(journal) = journal {
        recover::chunk(context, pair, journal, &ranges).await?;
    }
    let headers = context.home.blocks(pair.name()).await?;
    Ok(Work::Ranges(ranges.into_iter().map(|range| PlannedRange::over(range, &headers)).collect()))
}

/// Two halves of the work, where it can be divided.
fn split(work: Work, halve: bool) -> Vec<Work> {
    match work {
        Work::Ranges(mut ranges) if halve && ranges.len() > 1 => {
            let tail = ranges.split_off(ranges.len() / 2);
            vec![Work::Ranges(tail), Work::Ranges(ranges)]
        }
        Work::Keys(mut work) if halve && work.keys.len() > 1 => {
            let tail = work.keys.split_off(work.keys.len() / 2);
            vec![Work::Keys(KeyWork { keys: tail, ..work.clone() }), Work::Keys(work)]
        }
        work => vec![work],
    }
}

fn absorb(done: &mut Done, part: Done) {
    done.rest.extend(part.rest);
    done.moved.extend(part.moved);
    done.counted += &part.counted;
}

/// Why records that others move while this work is done are looked at again.
fn again(work: &Work) -> Purpose {
    match work {
        Work::Ranges(_) => Purpose::Moved,
        Work::Keys(work) => work.purpose.clone(),
    }
}

/// Records that others changed between reading and writing are read and decided again, a few rounds long.
async fn settle_moved(context: &Context, pair: &Pair, purpose: Purpose, done: &mut Done) -> Result<()> {
    for round in 1..=context.rounds {
        if done.moved.is_empty() {
            return Ok(());
        }
        let keys = std::mem::take(&mut done.moved);
        let work = Work::Keys(KeyWork { keys, purpose: purpose.clone(), last_round: round == context.rounds });
        let part = Box::pin(run_once(context, pair, work)).await?;
        absorb(done, part);
    }
    Ok(())
}

/// As [`run`], without further rounds for moved records.
async fn run_once(context: &Context, pair: &Pair, work: Work) -> Result<Done> {
    let context = Context { rounds: 0, ..context.clone() };
    run(&context, pair, work).await
}

/// Records refused in an earlier attempt of this unit, with the side that refused them.
type Refused = HashMap<Key, (Side, Box<Refusal>)>;
