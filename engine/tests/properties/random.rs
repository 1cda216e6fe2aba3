//! How random cases are made, run, counted and made small.

use std::io::Write;
use std::sync::atomic::{AtomicU64, Ordering};

use pinksync_engine::memory::Flavour;
use pinksync_engine::segment::Limits;
use pinksync_model::{BaseKind, Deletes, Direction, MergeMode, Side, Strategy as Wins};
use proptest::collection::vec;
use proptest::prelude::{Just, Strategy, any, prop_oneof};
use proptest::sample::select;
use proptest::test_runner::{Config, RngAlgorithm, TestCaseError, TestError, TestRng, TestRunner};

use crate::setup::{Cells, Edit, End, KEYS, Setup, Time, Transform};

static ALL: AtomicU64 = AtomicU64::new(0);

/// Cases of all properties together, unless `PINKSYNC_PROPERTY_CASES` says otherwise.
const CASES: u64 = 20_000;

/// Runs `property` on `share` percent of the cases and prints their number. A failure is shown in its smallest form.
pub fn check<S: Strategy>(name: &str, share: u64, cases: S, property: impl Fn(S::Value) -> Result<(), TestCaseError>)
where
    S::Value: Clone,
{
    let total = number("PINKSYNC_PROPERTY_CASES").unwrap_or(CASES);
    let count = u32::try_from((total * share).div_ceil(100)).unwrap();
    let config = Config { cases: count, failure_persistence: None, max_shrink_iters: 20_000, ..Config::default() };
    let mut seed = [0; 32];
    seed[..8].copy_from_slice(&number("PINKSYNC_PROPERTY_SEED").unwrap_or(1).to_le_bytes());
    let mut runner = TestRunner::new_with_rng(config, TestRng::from_seed(RngAlgorithm::ChaCha, &seed));
    match runner.run(&cases, property) {
        Ok(()) => {}
        Err(TestError::Fail(reason, case)) => panic!("{name}: {reason}\nsmallest case: {case:#?}"),
        Err(error @ TestError::Abort(_)) => panic!("{name}: {error}"),
    }
    let all = ALL.fetch_add(u64::from(count), Ordering::Relaxed) + u64::from(count);
    say(&format!("{name}: {count} cases ({all} in all so far)"));
}

/// Tells a number also where the test harness swallows what tests print.
pub fn say(text: &str) {
    let mut out = std::io::stderr().lock();
    writeln!(out, "property: {text}").unwrap();
}

fn number(variable: &str) -> Option<u64> {
    let text = std::env::var(variable).ok()?;
    Some(text.parse().unwrap_or_else(|_| panic!("{variable} is not a whole number: {text}")))
}

fn flag() -> impl Strategy<Value = bool> {
    any::<bool>()
}

/// Mostly not.
fn seldom() -> impl Strategy<Value = bool> {
    prop_oneof![4 => Just(false), 1 => Just(true)]
}

pub fn strategy() -> impl Strategy<Value = Wins> {
    select(vec![Wins::Manual, Wins::SourceWins, Wins::TargetWins, Wins::NewestWins])
}

pub fn flavour() -> impl Strategy<Value = Flavour> {
    select(vec![Flavour::DATABASE, Flavour::LOCKING, Flavour::UNORDERED, Flavour::FILE, Flavour::API])
}

fn end() -> impl Strategy<Value = End> {
    let transform = prop_oneof![
        4 => Just(Transform::None),
        1 => select(vec![Transform::Upper, Transform::Trim, Transform::Round]),
    ];
    (flavour(), transform, seldom()).prop_map(|(flavour, transform, check)| End { flavour, transform, check })
}

/// Sizes so small that a few records cross many bounds.
fn limits() -> impl Strategy<Value = Limits> {
    (1..5_usize, 1..4_usize, prop_oneof![2 => Just(1_usize << 24), 1 => 1..2000_usize])
        .prop_map(|(block_entries, segment_blocks, read_budget)| Limits { block_entries, segment_blocks, read_budget })
}

pub fn setup() -> impl Strategy<Value = Setup> {
    let rules = (
        select(vec![Direction::OneWay, Direction::TwoWay]),
        strategy(),
        select(vec![MergeMode::Record, MergeMode::Field]),
        prop_oneof![3 => Just(Deletes::Propagate), 1 => Just(Deletes::Ignore)],
        seldom(),
        select(vec![None, Some(BaseKind::Values), Some(BaseKind::Hashes)]),
    );
    let shape = (
        flag(),
        select(vec![Time::None, Time::Written, Time::Written, Time::Excluded]),
        prop_oneof![3 => Just(None), 1 => strategy().prop_map(Some)],
        seldom(),
    );
    let way = (end(), end(), select(vec![1_u32, 2, 3, 1000]), limits(), 1..4_usize);
    (rules, shape, way).prop_map(|(rules, shape, way)| {
        let (direction, strategy, merge, deletes, mirror, base) = rules;
        let (composite, time, field_strategy, filter) = shape;
        let (source, target, batch_size, limits, workers) = way;
        let mirror = mirror && direction == Direction::OneWay;
        // What one side has taken at once cannot be taken back when the other, which takes it at once too, refuses.
        let at_once = |end: &End| !end.flavour.transactional && !end.flavour.publishes;
        let source = End { check: source.check && !(at_once(&source) && at_once(&target)), ..source };
        Setup {
            direction,
            strategy,
            merge,
            deletes,
            mirror,
            base,
            composite,
            time,
            field_strategy,
            filter,
            source,
            target,
            batch_size,
            limits,
            workers,
        }
    })
}

pub fn cells() -> impl Strategy<Value = Cells> {
    (0..6_u8, 0..5_u8, 0..7_u8, 0..6_u8).prop_map(|(a, b, n, time)| Cells { a, b, n, time })
}

pub fn side() -> impl Strategy<Value = Side> {
    select(vec![Side::Source, Side::Target])
}

pub fn edit() -> impl Strategy<Value = Edit> {
    prop_oneof![
        4 => (side(), 0..KEYS, cells()).prop_map(|(side, key, cells)| Edit::Put(side, key, cells)),
        2 => (0..KEYS, cells()).prop_map(|(key, cells)| Edit::Both(key, cells)),
        6 => (side(), 0..KEYS, 0..4_u8, 0..7_u8).prop_map(|(side, key, at, value)| Edit::Touch(side, key, at, value)),
        3 => (side(), 0..KEYS).prop_map(|(side, key)| Edit::Remove(side, key)),
    ]
}

/// As [`edit`], and records that become unreadable.
pub fn any_edit() -> impl Strategy<Value = Edit> {
    prop_oneof![12 => edit(), 1 => (side(), 0..KEYS).prop_map(|(side, key)| Edit::Break(side, key))]
}

/// What others do before each of a few sessions.
pub fn history() -> impl Strategy<Value = Vec<Vec<Edit>>> {
    vec(vec(any_edit(), 0..12), 1..5)
}
