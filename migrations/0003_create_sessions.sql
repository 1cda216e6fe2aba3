-- Sessions and the tasks they are cut into. docs/state-machine.md draws the states. A task is its own outbox entry: what is
-- ready, available, not held and not published is to be published.

CREATE TABLE sessions (
    id uuid PRIMARY KEY,
    account_id uuid NOT NULL REFERENCES accounts (id),
    sync_id uuid NOT NULL REFERENCES syncs (id),
    revision bigint NOT NULL,
    mode text NOT NULL CHECK (mode IN ('sync', 'plan', 'verify', 'undo')),
    status text NOT NULL CHECK (status IN ('pending', 'in_progress', 'paused', 'completed', 'failed', 'cancelled')),
    phase text CHECK (phase IN ('planning', 'staging', 'comparing', 'deleting', 'verifying', 'finishing')),
    reason_code text,
    reason_detail text,
    -- Waits for a slot: a pending session to begin, a paused one to go on.
    wants_slot boolean NOT NULL DEFAULT false,
    wants_slot_since timestamptz,
    -- Guards overridden for this session.
    allowed text[] NOT NULL DEFAULT '{}',
    retry_of uuid REFERENCES sessions (id),
    undo_of uuid REFERENCES sessions (id),
    apply_of uuid REFERENCES sessions (id),
    undone_at timestamptz,
    -- The conflict that a person's decision settles in this session; such a one needs no slot and goes beside others.
    resolves uuid,
    schedule_id uuid REFERENCES schedules (id) ON DELETE SET NULL,
    created_by uuid,
    created_at timestamptz NOT NULL DEFAULT now(),
    started_at timestamptz,
    ended_at timestamptz,
    paused_at timestamptz,
    -- Time in in_progress: what is over, and since when it is so now.
    active_seconds double precision NOT NULL DEFAULT 0,
    active_since timestamptz,
    tasks_done bigint NOT NULL DEFAULT 0,
    tasks_total bigint NOT NULL DEFAULT 0,
    -- MessagePack: where it goes on (a checkpoint), and where it goes on once the tasks it was cut into are done.
    progress bytea,
    progress_next bytea,
    report jsonb,
    CHECK ((status IN ('completed', 'failed', 'cancelled')) = (ended_at IS NOT NULL)),
    CHECK ((status = 'in_progress') = (active_since IS NOT NULL))
);
CREATE INDEX sessions_by_account ON sessions (account_id, id);
CREATE INDEX sessions_by_sync ON sessions (sync_id, id);
CREATE UNIQUE INDEX sessions_one_active ON sessions (sync_id)
    WHERE status IN ('in_progress', 'paused') AND resolves IS NULL;
CREATE INDEX sessions_in_progress ON sessions (account_id) WHERE status = 'in_progress' AND resolves IS NULL;
CREATE INDEX sessions_waiting ON sessions (account_id, sync_id, wants_slot_since, id) WHERE wants_slot;
CREATE UNIQUE INDEX sessions_one_decision ON sessions (resolves) WHERE resolves IS NOT NULL AND ended_at IS NULL;
CREATE INDEX sessions_undone ON sessions (undo_of) WHERE undo_of IS NOT NULL;
CREATE INDEX sessions_unfinished ON sessions (status, id) WHERE ended_at IS NULL;
CREATE INDEX sessions_paused ON sessions (paused_at) WHERE status = 'paused';

-- A saved plan (mode plan): one line per change, and what `apply` carries out.
CREATE TABLE plans (
    session_id uuid PRIMARY KEY REFERENCES sessions (id),
    account_id uuid NOT NULL REFERENCES accounts (id),
    saved bytea NOT NULL
);
CREATE TABLE plan_lines (
    session_id uuid NOT NULL REFERENCES sessions (id),
    number bigint NOT NULL,
    line jsonb NOT NULL,
    PRIMARY KEY (session_id, number)
);

-- A unit of work under a fenced lease. A taker adds one to generation; whoever holds an older one stops.
-- parked: failed for good, with a remedy; it can be driven again. withdrawn: its session does not need it any more.
CREATE TABLE tasks (
    id uuid PRIMARY KEY,
    account_id uuid NOT NULL REFERENCES accounts (id),
    -- NULL for check, discover and validate of what is not saved.
    sync_id uuid REFERENCES syncs (id),
    session_id uuid REFERENCES sessions (id),
    kind text NOT NULL CHECK (kind IN ('check', 'discover', 'validate', 'advance', 'segment', 'resolve', 'changes')),
    class text NOT NULL CHECK (class IN ('interactive', 'bulk')),
    status text NOT NULL DEFAULT 'ready' CHECK (status IN ('ready', 'running', 'done', 'parked', 'withdrawn')),
    -- MessagePack of what the kind needs; may be sealed where it holds secrets.
    payload bytea NOT NULL,
    result jsonb,
    generation bigint NOT NULL DEFAULT 0,
    attempts integer NOT NULL DEFAULT 0,
    owner uuid,
    lease_until timestamptz,
    -- The owner of an expired lease, until its connections to the customer's systems are ended.
    ousted uuid,
    available_at timestamptz NOT NULL DEFAULT now(),
    -- Waits until its session has fewer tasks in flight.
    held boolean NOT NULL DEFAULT false,
    -- When the broker confirmed its wake-up; NULL: to be published once it is available and not held.
    published_at timestamptz,
    -- The saved connections it works on; each takes so many tasks at once.
    connections uuid[] NOT NULL DEFAULT '{}',
    error_code text,
    error_detail text,
    remedy text,
    created_at timestamptz NOT NULL DEFAULT now(),
    ended_at timestamptz,
    CHECK ((status = 'running') = (lease_until IS NOT NULL)),
    CHECK ((status = 'running') = (owner IS NOT NULL))
);
CREATE INDEX tasks_of_session ON tasks (session_id, status, id);
CREATE INDEX tasks_open_of_sync ON tasks (sync_id) WHERE status IN ('ready', 'running');
CREATE INDEX tasks_ready ON tasks (available_at) WHERE status = 'ready';
CREATE INDEX tasks_unpublished ON tasks (available_at) WHERE status = 'ready' AND published_at IS NULL AND NOT held;
CREATE INDEX tasks_held ON tasks (session_id, id) WHERE status = 'ready' AND held;
CREATE INDEX tasks_running ON tasks (lease_until) WHERE status = 'running';
CREATE INDEX tasks_by_owner ON tasks (owner) WHERE status = 'running';
CREATE INDEX tasks_parked ON tasks (account_id, id) WHERE status = 'parked';
CREATE INDEX tasks_ended ON tasks (ended_at) WHERE ended_at IS NOT NULL;

-- What happens to a session, in order; followed by SSE.
CREATE TABLE events (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    account_id uuid NOT NULL REFERENCES accounts (id),
    session_id uuid NOT NULL REFERENCES sessions (id),
    kind text NOT NULL,
    data jsonb NOT NULL,
    at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX events_of_session ON events (session_id, id);
CREATE INDEX events_by_age ON events (at);

CREATE TABLE workers (
    id uuid PRIMARY KEY,
    host text NOT NULL,
    pid integer NOT NULL,
    version text NOT NULL,
    permits integer NOT NULL,
    running integer NOT NULL DEFAULT 0,
    stopping boolean NOT NULL DEFAULT false,
    started_at timestamptz NOT NULL DEFAULT now(),
    seen_at timestamptz NOT NULL DEFAULT now()
);

-- Leadership: of the schedulers, the owner leads until `until`; a new owner adds one to term.
CREATE TABLE leases (
    name text PRIMARY KEY,
    term bigint NOT NULL,
    owner uuid NOT NULL,
    until timestamptz NOT NULL
);
