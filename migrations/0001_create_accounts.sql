-- Who uses the service. Every row below belongs to an account.

CREATE TABLE accounts (
    id uuid PRIMARY KEY,
    name text NOT NULL UNIQUE CHECK (name <> ''),
    created_at timestamptz NOT NULL DEFAULT now()
);

-- secret_hash is bcrypt. A token names its key and the key's generation: revoking or rotating ends the tokens too.
CREATE TABLE api_keys (
    id uuid PRIMARY KEY,
    account_id uuid NOT NULL REFERENCES accounts (id),
    name text NOT NULL,
    secret_hash text NOT NULL,
    permissions text[] NOT NULL CHECK (
        permissions <@ ARRAY['sync:read', 'sync:write', 'conflicts:read', 'conflicts:write', 'admin']
        AND cardinality(permissions) > 0
    ),
    generation integer NOT NULL DEFAULT 1,
    created_at timestamptz NOT NULL DEFAULT now(),
    expires_at timestamptz,
    last_used_at timestamptz,
    revoked_at timestamptz
);
CREATE INDEX api_keys_by_account ON api_keys (account_id, id);

-- The answer to a POST that carried an Idempotency-Key, sealed since it may hold what is shown once. It is written together
-- with what the request did; while the first request is at work, an advisory lock stands for it.
CREATE TABLE idempotency (
    account_id uuid NOT NULL REFERENCES accounts (id),
    key text NOT NULL,
    request_hash bytea NOT NULL,
    answer bytea NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (account_id, key)
);
CREATE INDEX idempotency_by_age ON idempotency (created_at);

-- Who did what. Never holds a secret.
CREATE TABLE audit (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    account_id uuid NOT NULL REFERENCES accounts (id),
    api_key_id uuid,
    action text NOT NULL,
    object text NOT NULL,
    request_id text,
    at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX audit_by_account ON audit (account_id, id);
