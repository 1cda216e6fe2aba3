//! What kind of system a [`super::MemorySystem`] plays.

use crate::connector::Capabilities;

/// What a memory system can do. The constants are the kinds that tests need most.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Flavour {
    /// Reads ranges in key order, where the mapping's key is the table's own.
    pub ordered: bool,
    /// Offers sums over ranges, where it is ordered.
    pub sums: bool,
    /// Sums are of keys and fields; otherwise of row versions, which only this system knows.
    pub content_sums: bool,
    /// Writes take effect at commit; otherwise each one at once.
    pub transactional: bool,
    /// `Guard::Snapshot` is a snapshot; otherwise it is the same as `Guard::Compare`.
    pub snapshot: bool,
    /// Writes are collected and take effect in `publish`, if the table is still the one that was read.
    pub publishes: bool,
    /// Says of itself that its guards are not the system's own.
    pub unguarded: bool,
}

impl Flavour {
    /// A database with snapshots, such as PostgreSQL.
    pub const DATABASE: Self = Self {
        ordered: true,
        sums: true,
        content_sums: false,
        transactional: true,
        snapshot: true,
        publishes: false,
        unguarded: false,
    };
    /// A database that locks and compares, such as SQLite.
    pub const LOCKING: Self = Self { snapshot: false, content_sums: true, ..Self::DATABASE };
    /// A database that cannot deliver the order of encoded keys.
    pub const UNORDERED: Self = Self { ordered: false, sums: false, ..Self::DATABASE };
    /// A file: scanned, rewritten as a whole, without a declared key.
    pub const FILE: Self = Self { transactional: false, snapshot: false, publishes: true, ..Self::UNORDERED };
    /// An API without versions: scanned, each write on its own.
    pub const API: Self = Self { transactional: false, snapshot: false, unguarded: true, ..Self::UNORDERED };

    pub(super) fn capabilities(self, ordered: bool) -> Capabilities {
        Capabilities {
            ordered: self.ordered && ordered,
            sums: self.sums && self.ordered && ordered,
            content_sums: self.content_sums && self.sums && self.ordered && ordered,
            transactional: self.transactional,
            publishes: self.publishes,
            unguarded: self.unguarded,
        }
    }
}
