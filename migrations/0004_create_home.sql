-- What syncs remember: base, journal, conflicts, rejects, counters. Blobs are opaque to SQL; keys are bytes that sort as
-- the engine's keys do.

CREATE TABLE datasets (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    sync_id uuid NOT NULL REFERENCES syncs (id),
    account_id uuid NOT NULL REFERENCES accounts (id),
    name text NOT NULL,
    -- What the base was taken under; NULL until that is known.
    source_identity text,
    target_identity text,
    definition text,
    schema text,
    UNIQUE (sync_id, name)
);

-- Half-open key ranges. An empty low and a NULL high are no bound.
CREATE TABLE base_blocks (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    dataset_id bigint NOT NULL REFERENCES datasets (id),
    low bytea NOT NULL,
    high bytea,
    entries bigint NOT NULL,
    sums bytea,
    checked_by uuid
);
CREATE UNIQUE INDEX base_blocks_by_low ON base_blocks (dataset_id, low);
-- Apart, so that marking a header does not write it again.
CREATE TABLE base_entries (
    block_id bigint PRIMARY KEY,
    entries bytea NOT NULL
);
ALTER TABLE base_entries ALTER COLUMN entries SET STORAGE EXTERNAL;

-- state: 0 pending, 1 done, 2 undone. low and high are the chunk's smallest and largest key. task_id: whose lease it was
-- written under; only who takes that task over may reconcile it while its session goes on.
CREATE TABLE journal (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    account_id uuid NOT NULL REFERENCES accounts (id),
    session_id uuid NOT NULL REFERENCES sessions (id),
    dataset_id bigint NOT NULL REFERENCES datasets (id),
    task_id uuid,
    state smallint NOT NULL DEFAULT 0 CHECK (state IN (0, 1, 2)),
    low bytea,
    high bytea,
    writes bigint NOT NULL,
    at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX journal_by_session ON journal (session_id, state, id);
CREATE INDEX journal_by_age ON journal (at) WHERE state <> 0;
CREATE INDEX journal_pending ON journal (dataset_id, id) WHERE state = 0;
CREATE TABLE journal_entries (
    chunk_id bigint PRIMARY KEY,
    entries bytea NOT NULL
);
ALTER TABLE journal_entries ALTER COLUMN entries SET STORAGE EXTERNAL;

CREATE TABLE conflicts (
    id uuid PRIMARY KEY,
    account_id uuid NOT NULL REFERENCES accounts (id),
    sync_id uuid NOT NULL REFERENCES syncs (id),
    session_id uuid NOT NULL REFERENCES sessions (id),
    dataset_id bigint NOT NULL REFERENCES datasets (id),
    key bytea NOT NULL,
    kind text NOT NULL,
    status text NOT NULL CHECK (status IN ('open', 'resolved', 'superseded')),
    base bytea,
    source bytea,
    target bytea,
    decision text,
    decided_by text,
    opened_at timestamptz NOT NULL DEFAULT now(),
    decided_at timestamptz,
    decided_in uuid,
    asks_nobody boolean NOT NULL DEFAULT false,
    -- For people: {"key": {…}, "base": {…} | null, "source": …, "target": …}, by field names of the source.
    shown jsonb NOT NULL,
    -- Moves with every change: the ETag of a conflict.
    revision bigint NOT NULL DEFAULT 1
);
CREATE UNIQUE INDEX conflicts_open ON conflicts (dataset_id, key) WHERE status = 'open';
CREATE INDEX conflicts_by_account ON conflicts (account_id, id);
CREATE INDEX conflicts_open_by_account ON conflicts (account_id, id) WHERE status = 'open';
CREATE INDEX conflicts_by_session ON conflicts (session_id, id);
CREATE INDEX conflicts_by_decision ON conflicts (decided_in) WHERE decided_in IS NOT NULL;

CREATE TABLE rejects (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    account_id uuid NOT NULL REFERENCES accounts (id),
    session_id uuid NOT NULL REFERENCES sessions (id),
    dataset_id bigint NOT NULL REFERENCES datasets (id),
    side text NOT NULL CHECK (side IN ('source', 'target')),
    key bytea,
    line bigint,
    code text NOT NULL,
    reason text NOT NULL,
    -- For people: the key by field names; NULL where it is not known.
    shown_key jsonb,
    -- Tells the same reject found again: of key, line or reason.
    identity bytea NOT NULL,
    at timestamptz NOT NULL DEFAULT now()
);
CREATE UNIQUE INDEX rejects_once ON rejects (session_id, dataset_id, side, identity);

CREATE TABLE deferred (
    session_id uuid NOT NULL REFERENCES sessions (id),
    dataset_id bigint NOT NULL REFERENCES datasets (id),
    kind text NOT NULL CHECK (kind IN ('delete', 'set_aside')),
    key bytea NOT NULL,
    side text NOT NULL CHECK (side IN ('source', 'target')),
    mirror boolean NOT NULL,
    PRIMARY KEY (session_id, dataset_id, kind, key)
);

-- One row per task that counts, so that tasks do not wait for each other; added up when read. Sessions' datasets are in
-- the order of the smallest id. slot: the task, or the session itself.
CREATE TABLE counters (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    session_id uuid NOT NULL REFERENCES sessions (id),
    dataset_id bigint NOT NULL REFERENCES datasets (id),
    slot uuid NOT NULL,
    report jsonb NOT NULL,
    written bigint NOT NULL,
    UNIQUE (session_id, dataset_id, slot)
);

CREATE TABLE prepared (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    session_id uuid NOT NULL REFERENCES sessions (id),
    dataset_id bigint NOT NULL REFERENCES datasets (id),
    settlement bytea NOT NULL
);
CREATE INDEX prepared_by_dataset ON prepared (dataset_id, session_id, id);

CREATE TABLE overridden (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    session_id uuid NOT NULL REFERENCES sessions (id),
    guard text NOT NULL,
    dataset text NOT NULL,
    report jsonb NOT NULL,
    UNIQUE (session_id, guard, dataset)
);

-- A side that was read once, to be sorted. Its rows stand in an unlogged table, which is empty after a crash: count and
-- checksum tell.
CREATE TABLE staged_runs (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    dataset_id bigint NOT NULL REFERENCES datasets (id),
    side text NOT NULL CHECK (side IN ('source', 'target')),
    finished boolean NOT NULL DEFAULT false,
    rows bigint,
    checksum bytea,
    -- Keys by which the run can be cut into ranges.
    cuts bytea,
    created_at timestamptz NOT NULL DEFAULT now(),
    UNIQUE (dataset_id, side)
);
CREATE UNLOGGED TABLE staged_rows (
    run_id bigint NOT NULL,
    key bytea NOT NULL,
    row bytea NOT NULL,
    PRIMARY KEY (run_id, key)
);
ALTER TABLE staged_rows ALTER COLUMN row SET STORAGE EXTERNAL;
