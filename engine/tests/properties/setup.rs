//! The random part of a test, as plain data that shrinks: what kind of sync it is, and what others do to both sides.

use pinksync_engine::Value;
use pinksync_engine::memory::Flavour;
use pinksync_engine::segment::Limits;
use pinksync_model::{BaseKind, Deletes, Direction, MergeMode, Side, Strategy};

/// Keys that histories use: `0..KEYS`.
pub const KEYS: u8 = 10;

/// A kind of sync.
#[derive(Debug, Clone)]
pub struct Setup {
    pub direction: Direction,
    pub strategy: Strategy,
    pub merge: MergeMode,
    pub deletes: Deletes,
    pub mirror: bool,
    pub base: Option<BaseKind>,
    /// The key has two columns.
    pub composite: bool,
    pub time: Time,
    /// Strategy of the field `a` alone.
    pub field_strategy: Option<Strategy>,
    /// Only records whose `n` is at least 2.
    pub filter: bool,
    pub source: End,
    pub target: End,
    pub batch_size: u32,
    pub limits: Limits,
    pub workers: usize,
}

/// Whether records tell when they were changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Time {
    None,
    Written,
    /// Read and compared by `newest_wins`, never written.
    Excluded,
}

/// One side.
#[derive(Debug, Clone, Copy)]
pub struct End {
    pub flavour: Flavour,
    pub transform: Transform,
    /// Refuses records whose `n` is above 3.
    pub check: bool,
}

/// What a side does by itself to what is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Transform {
    None,
    /// `a` in upper case.
    Upper,
    /// `a` without spaces at its ends.
    Trim,
    /// `b` without digits after the point.
    Round,
}

/// Values of a record, by number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cells {
    pub a: u8,
    pub b: u8,
    pub n: u8,
    pub time: u8,
}

/// What somebody else does between sessions.
#[derive(Debug, Clone)]
pub enum Edit {
    Put(Side, u8, Cells),
    /// The same record on both sides.
    Both(u8, Cells),
    /// One field (0 a, 1 b, 2 n, 3 time) of a record that is there.
    Touch(Side, u8, u8, u8),
    Remove(Side, u8),
    /// The record is there and cannot be read until it is put again.
    Break(Side, u8),
}

impl Setup {
    /// One-way, nothing special.
    pub const PLAIN: Self = Self {
        direction: Direction::OneWay,
        strategy: Strategy::Manual,
        merge: MergeMode::Record,
        deletes: Deletes::Propagate,
        mirror: false,
        base: None,
        composite: false,
        time: Time::None,
        field_strategy: None,
        filter: false,
        source: End::PLAIN,
        target: End::PLAIN,
        batch_size: 1000,
        limits: Limits { block_entries: 1000, segment_blocks: 16, read_budget: 1 << 24 },
        workers: 1,
    };

    pub fn end(&self, side: Side) -> &End {
        match side {
            Side::Source => &self.source,
            Side::Target => &self.target,
        }
    }
}

impl End {
    pub const PLAIN: Self = Self { flavour: Flavour::DATABASE, transform: Transform::None, check: false };
}

impl Cells {
    /// The values of `a`, `b`, `n` and the time.
    pub fn values(self) -> [Value; 4] {
        const TEXTS: [&str; 5] = ["", "a", "A", " a", "ü "];
        const NUMBERS: [&str; 4] = ["1.0", "1.00", "2.50", "-0.5"];
        let pick = |list: &[&str], n: u8| (n > 0).then(|| list[usize::from(n - 1) % list.len()].to_owned());
        [
            pick(&TEXTS, self.a).map_or(Value::Null, Value::text),
            pick(&NUMBERS, self.b).map_or(Value::Null, |text| Value::Decimal(text.into())),
            if self.n == 0 { Value::Null } else { Value::Int(i64::from(self.n - 1)) },
            if self.time == 0 { Value::Null } else { Value::Timestamp(i64::from(self.time) * 1_000_000) },
        ]
    }
}
