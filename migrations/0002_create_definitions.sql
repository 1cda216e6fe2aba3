-- What is to be synchronised. A document never holds a secret: those stand beside it under envelope encryption, as a
-- map from JSON pointer to value.

CREATE TABLE connections (
    id uuid PRIMARY KEY,
    account_id uuid NOT NULL REFERENCES accounts (id),
    name text NOT NULL CHECK (name <> ''),
    document jsonb NOT NULL,
    sealed bytea,
    -- Tasks that may work on it at once; NULL: as the settings say.
    max_tasks integer CHECK (max_tasks > 0),
    revision bigint NOT NULL DEFAULT 1,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    UNIQUE (account_id, name)
);

-- A sync without a name stands for an inline definition; the same document again is the same sync, with the same base.
CREATE TABLE syncs (
    id uuid PRIMARY KEY,
    account_id uuid NOT NULL REFERENCES accounts (id),
    name text CHECK (name <> ''),
    fingerprint bytea,
    revision bigint NOT NULL DEFAULT 1,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    deleted_at timestamptz,
    CHECK ((name IS NULL) <> (fingerprint IS NULL))
);
CREATE UNIQUE INDEX syncs_by_name ON syncs (account_id, name) WHERE deleted_at IS NULL;
CREATE UNIQUE INDEX syncs_by_fingerprint ON syncs (account_id, fingerprint) WHERE name IS NULL;
CREATE INDEX syncs_by_account ON syncs (account_id, id);

CREATE TABLE sync_revisions (
    sync_id uuid NOT NULL REFERENCES syncs (id),
    revision bigint NOT NULL,
    account_id uuid NOT NULL REFERENCES accounts (id),
    document jsonb NOT NULL,
    sealed bytea,
    -- The saved connections that it names.
    connections uuid[] NOT NULL DEFAULT '{}',
    created_by uuid,
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (sync_id, revision)
);
CREATE INDEX sync_revisions_by_connection ON sync_revisions USING gin (connections);

-- cron or a window or both: cron starts sessions; a window (local times of day) lets them work only while it is open.
CREATE TABLE schedules (
    id uuid PRIMARY KEY,
    account_id uuid NOT NULL REFERENCES accounts (id),
    sync_id uuid NOT NULL REFERENCES syncs (id),
    name text NOT NULL,
    cron text,
    timezone text NOT NULL,
    window_opens time,
    window_closes time,
    overlap text NOT NULL DEFAULT 'skip' CHECK (overlap IN ('skip', 'queue')),
    catch_up_seconds integer NOT NULL DEFAULT 3600 CHECK (catch_up_seconds >= 0),
    paused boolean NOT NULL DEFAULT false,
    -- NULL: nothing is due (paused, or the next time is beyond the calendar).
    next_at timestamptz,
    last_at timestamptz,
    last_session_id uuid,
    revision bigint NOT NULL DEFAULT 1,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    CHECK (cron IS NOT NULL OR window_opens IS NOT NULL),
    CHECK ((window_opens IS NULL) = (window_closes IS NULL))
);
CREATE INDEX schedules_by_account ON schedules (account_id, id);
CREATE INDEX schedules_due ON schedules (next_at) WHERE next_at IS NOT NULL AND NOT paused;

-- One row per time that a schedule has fired at: it fires once, however many schedulers run.
CREATE TABLE schedule_firings (
    schedule_id uuid NOT NULL REFERENCES schedules (id) ON DELETE CASCADE,
    due_at timestamptz NOT NULL,
    -- NULL: left out (overlap, or too late).
    session_id uuid,
    PRIMARY KEY (schedule_id, due_at)
);
