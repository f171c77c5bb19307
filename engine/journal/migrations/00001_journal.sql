-- +goose Up

-- A run. no is what calls and steps refer to; it is never used twice.
CREATE TABLE runs (
    no         INTEGER PRIMARY KEY AUTOINCREMENT,
    id         TEXT    NOT NULL UNIQUE,
    kind       TEXT    NOT NULL,
    of_run     TEXT    NOT NULL,
    playbook   TEXT    NOT NULL,
    name       TEXT    NOT NULL,
    hash       TEXT    NOT NULL,
    params     TEXT,
    tenants    TEXT,
    options    TEXT,
    who        TEXT    NOT NULL,
    host       TEXT    NOT NULL,
    version    TEXT    NOT NULL,
    started    TEXT    NOT NULL, -- times are UTC, 2026-01-02T03:04:05.123456Z
    ended      TEXT,
    status     TEXT    NOT NULL,
    exit       INTEGER NOT NULL DEFAULT 0,
    error      TEXT    NOT NULL DEFAULT '',
    calls      INTEGER NOT NULL DEFAULT 0,
    writes     INTEGER NOT NULL DEFAULT 0,
    epoch      INTEGER NOT NULL DEFAULT 0, -- grows with every claim
    owner      TEXT    NOT NULL DEFAULT '', -- '' where nobody executes the run
    owner_name TEXT    NOT NULL DEFAULT '',
    claimed    TEXT,
    lease_ends TEXT,
    cancel     INTEGER NOT NULL DEFAULT 0,
    folded     INTEGER NOT NULL DEFAULT 0 -- up to which of its writes the run's tail is in here
);
CREATE INDEX runs_owned ON runs (owner) WHERE owner <> '';
CREATE INDEX runs_of ON runs (of_run) WHERE of_run <> '';

-- A call of a run. The id is 2^40 times the run's no plus the call's place in
-- the run, so that the table itself lies in the order in which a run is read; a
-- call that was begun and has no outcome has 2^39 more and comes last.
CREATE TABLE calls (
    id         INTEGER PRIMARY KEY,
    run        INTEGER NOT NULL REFERENCES runs (no),
    seq        INTEGER GENERATED ALWAYS AS (iif(id & 549755813888, 0, id & 549755813887)) VIRTUAL,
    key        TEXT,
    wake       INTEGER,
    task       TEXT,
    n          INTEGER,
    place      TEXT, -- in the playbook
    step       TEXT,
    operation  TEXT,
    tenant     TEXT,
    effect     TEXT,
    mutates    INTEGER,
    kind       TEXT,
    object     TEXT,
    args       TEXT,
    value,           -- JSON; a blob is JSON compressed by zstd
    failure    TEXT,
    before     TEXT,
    note       TEXT,
    status     INTEGER,
    state      TEXT,
    attempts   TEXT,
    tolerated  INTEGER,
    waited_us  INTEGER,
    began      TEXT,
    took_us    INTEGER, -- null while the call has not ended
    durable    INTEGER
);
CREATE UNIQUE INDEX calls_key ON calls (run, key);
CREATE INDEX calls_writes ON calls (run, task, mutates, state) WHERE mutates = 1 AND state <> 'refused';
CREATE INDEX calls_object ON calls (object, kind) WHERE object <> '';
-- Objects that have no id, as the tenant's settings. (Creates get one.)
CREATE INDEX calls_single ON calls (kind) WHERE object = '' AND kind <> '' AND effect <> 'create';

-- What a call touches beside its own object: the other side of a relation, the
-- object above. It stays when a call's row is replaced, since the key stays. A
-- row without a kind counts, as its object, those that were left out.
CREATE TABLE touches (
    run    INTEGER NOT NULL REFERENCES runs (no),
    key    TEXT    NOT NULL,
    kind   TEXT    NOT NULL,
    object TEXT    NOT NULL,
    PRIMARY KEY (run, key, kind, object)
) WITHOUT ROWID;
CREATE INDEX touches_object ON touches (object, kind);

-- A step that ended. A resumed run goes through its steps again: those of the
-- highest epoch count.
CREATE TABLE steps (
    no      INTEGER PRIMARY KEY,
    run     INTEGER NOT NULL REFERENCES runs (no),
    epoch   INTEGER NOT NULL,
    id      TEXT    NOT NULL,
    name    TEXT    NOT NULL,
    task    TEXT    NOT NULL,
    place   TEXT    NOT NULL,
    state   TEXT    NOT NULL,
    reason  TEXT    NOT NULL,
    error   TEXT    NOT NULL,
    began   TEXT,
    took_us INTEGER NOT NULL
);
CREATE INDEX steps_run ON steps (run);

-- What the journal knows of itself: key_check tells whether a key is its own.
CREATE TABLE about (
    name  TEXT PRIMARY KEY,
    value TEXT NOT NULL
);

-- For people with sqlite3.
CREATE VIEW runs_readable AS
SELECT id, started, ended, status, exit, kind, iif(name <> '', name, playbook) AS playbook,
       (SELECT group_concat(json_extract(t.value, '$.role') || '=' || json_extract(t.value, '$.domain'), ' ')
          FROM json_each(runs.tenants) t) AS tenants,
       calls, writes, who, owner_name AS executed_by, error
  FROM runs ORDER BY no DESC;

CREATE VIEW calls_readable AS
SELECT r.id AS run, c.seq, c.state, c.operation, c.tenant,
       iif(c.object <> '', c.kind || '/' || c.object, '') AS object,
       c.task, c.place, c.status, c.began, c.took_us / 1000 AS ms,
       c.args, iif(typeof(c.value) = 'blob', '(' || length(c.value) || ' bytes of zstd)', c.value) AS value,
       c.failure
  FROM calls c JOIN runs r ON r.no = c.run ORDER BY c.id;
