//! The tables of a state file, as an ordered list of steps; `user_version` counts the steps that were taken.

/// Marks a SQLite file as ours (`PRAGMA application_id`): "pcst".
pub(crate) const APPLICATION_ID: i64 = 0x7063_7374;

/// The version this program writes.
pub(crate) const VERSION: i64 = STEPS.len() as i64;

/// A step is never changed once it was released; a new one is added at the end.
pub(crate) const STEPS: [&str; 3] = [FIRST, OVERRIDDEN, PLAN];

/// Large values stand in tables of their own, so that marking a header does not write them again.
const FIRST: &str = "
CREATE TABLE datasets (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    -- What the base was taken under; NULL until that is known.
    source_identity TEXT,
    target_identity TEXT,
    definition TEXT,
    schema TEXT
) STRICT;

-- The base: half-open key ranges. An empty low and a NULL high are no bound.
CREATE TABLE blocks (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    dataset INTEGER NOT NULL REFERENCES datasets (id),
    low BLOB NOT NULL,
    high BLOB,
    entries INTEGER NOT NULL,
    sums BLOB,
    checked_by TEXT
) STRICT;
CREATE UNIQUE INDEX blocks_by_low ON blocks (dataset, low);
CREATE TABLE block_entries (block INTEGER PRIMARY KEY, entries BLOB NOT NULL) STRICT;

-- state: 0 pending, 1 done, 2 undone. low and high are the chunk's smallest and largest key.
CREATE TABLE journal (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    session TEXT NOT NULL,
    dataset INTEGER NOT NULL REFERENCES datasets (id),
    state INTEGER NOT NULL DEFAULT 0,
    low BLOB,
    high BLOB,
    writes INTEGER NOT NULL,
    at TEXT NOT NULL
) STRICT;
CREATE INDEX journal_by_session ON journal (session, state, id);
CREATE INDEX journal_pending ON journal (dataset) WHERE state = 0;
CREATE TABLE journal_entries (chunk INTEGER PRIMARY KEY, entries BLOB NOT NULL) STRICT;

-- A conflict's id is shown as `c` and this number.
CREATE TABLE conflicts (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    session TEXT NOT NULL,
    dataset INTEGER NOT NULL REFERENCES datasets (id),
    key BLOB NOT NULL,
    kind TEXT NOT NULL,
    status TEXT NOT NULL,
    base BLOB,
    source BLOB,
    target BLOB,
    decision TEXT,
    decided_by TEXT,
    opened_at TEXT NOT NULL,
    decided_at TEXT,
    decided_in TEXT
) STRICT;
CREATE UNIQUE INDEX conflicts_open ON conflicts (dataset, key) WHERE status = 'open';
CREATE INDEX conflicts_by_session ON conflicts (session) WHERE status = 'open';
CREATE INDEX conflicts_by_decision ON conflicts (decided_in);

CREATE TABLE rejects (
    id INTEGER PRIMARY KEY,
    session TEXT NOT NULL,
    dataset INTEGER NOT NULL REFERENCES datasets (id),
    side TEXT NOT NULL,
    key BLOB,
    line INTEGER,
    code TEXT NOT NULL,
    reason TEXT NOT NULL,
    at TEXT NOT NULL
) STRICT;
CREATE UNIQUE INDEX rejects_once ON rejects (session, dataset, side, coalesce(key, line, reason));

CREATE TABLE deferred (
    session TEXT NOT NULL,
    dataset INTEGER NOT NULL REFERENCES datasets (id),
    kind TEXT NOT NULL,
    key BLOB NOT NULL,
    side TEXT NOT NULL,
    mirror INTEGER NOT NULL,
    PRIMARY KEY (session, dataset, kind, key)
) STRICT, WITHOUT ROWID;

-- In the order of the first settle. report is the JSON of a dataset's counters.
CREATE TABLE counters (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    session TEXT NOT NULL,
    dataset INTEGER NOT NULL REFERENCES datasets (id),
    report TEXT NOT NULL,
    written INTEGER NOT NULL,
    UNIQUE (session, dataset)
) STRICT;

CREATE TABLE prepared (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    session TEXT NOT NULL,
    dataset INTEGER NOT NULL REFERENCES datasets (id),
    settlement BLOB NOT NULL
) STRICT;
CREATE INDEX prepared_by_dataset ON prepared (dataset, session);

CREATE TABLE sessions (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    mode TEXT NOT NULL,
    status TEXT NOT NULL,
    undo_of TEXT,
    started_at TEXT NOT NULL,
    ended_at TEXT,
    reason_code TEXT,
    reason_detail TEXT,
    undone_at TEXT,
    report TEXT
) STRICT;
CREATE INDEX sessions_unfinished ON sessions (status) WHERE status IN ('pending', 'in_progress', 'paused');

CREATE TABLE allowed (
    session TEXT NOT NULL,
    guard TEXT NOT NULL,
    PRIMARY KEY (session, guard)
) STRICT, WITHOUT ROWID;
";

/// report is the JSON of what the guard found when it was overridden.
const OVERRIDDEN: &str = "
CREATE TABLE overridden (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    session TEXT NOT NULL,
    guard TEXT NOT NULL,
    dataset TEXT NOT NULL,
    report TEXT NOT NULL,
    UNIQUE (session, guard, dataset)
) STRICT;
";

/// The plan that a session carries out; conflicts that an undo opened again for the next session to decide.
const PLAN: &str = "
ALTER TABLE conflicts ADD COLUMN asks_nobody INTEGER NOT NULL DEFAULT 0;
ALTER TABLE sessions ADD COLUMN plan TEXT;
CREATE INDEX sessions_by_plan ON sessions (plan) WHERE plan IS NOT NULL;
";
