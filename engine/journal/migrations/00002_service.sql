-- +goose Up

-- By which schedule and for which due time a run was made: one run at most for
-- each due time, whoever writes it. A run of a schedule that was asked for by a
-- person has no due time.
ALTER TABLE runs ADD COLUMN schedule TEXT NOT NULL DEFAULT '';
ALTER TABLE runs ADD COLUMN due TEXT;
ALTER TABLE runs ADD COLUMN why TEXT NOT NULL DEFAULT '';
CREATE UNIQUE INDEX runs_due ON runs (schedule, due) WHERE due IS NOT NULL;
CREATE INDEX runs_schedule ON runs (schedule, no) WHERE schedule <> '';

-- What the service has to see through: a run that waits, is executed, or waits
-- to be tried again. The row is gone when that is over.
CREATE TABLE jobs (
    run        INTEGER PRIMARY KEY REFERENCES runs (no),
    state      TEXT    NOT NULL, -- queued, running
    spec       TEXT,             -- what the service starts, sealed
    queued     TEXT    NOT NULL,
    not_before TEXT,
    begun      INTEGER NOT NULL DEFAULT 0, -- it is resumed, not begun
    tries      INTEGER NOT NULL DEFAULT 0, -- further ones, after it failed
    crashes    INTEGER NOT NULL DEFAULT 0, -- in which it was being executed
    stop       TEXT    NOT NULL DEFAULT '' -- why it is to stop
);

-- How far a schedule was decided, by which timing, and whether it is paused.
CREATE TABLE schedules (
    id           TEXT PRIMARY KEY,
    timing       TEXT NOT NULL DEFAULT '',
    decided      TEXT NOT NULL,
    seen         TEXT NOT NULL, -- when a file had it last
    about        TEXT NOT NULL DEFAULT '', -- JSON: playbook and the like, for what is gone
    paused       INTEGER NOT NULL DEFAULT 0,
    paused_by    TEXT NOT NULL DEFAULT '',
    paused_why   TEXT NOT NULL DEFAULT '',
    paused_until TEXT
);

-- What became of each due time.
CREATE TABLE fires (
    schedule TEXT NOT NULL,
    due      TEXT NOT NULL,
    at       TEXT NOT NULL,
    outcome  TEXT NOT NULL,
    why      TEXT NOT NULL DEFAULT '',
    run      TEXT NOT NULL DEFAULT '', -- an id; the run may be pruned
    PRIMARY KEY (schedule, due)
) WITHOUT ROWID;
CREATE INDEX fires_due ON fires (due);

-- Plans that wait for a person, and what was decided about them.
CREATE TABLE approvals (
    run      TEXT PRIMARY KEY, -- that made the plan
    schedule TEXT NOT NULL,
    playbook TEXT NOT NULL,
    due      TEXT,
    tenants  TEXT,
    state    TEXT NOT NULL,
    plan     TEXT NOT NULL, -- the file
    digest   TEXT NOT NULL,
    summary  TEXT NOT NULL,
    made     TEXT NOT NULL,
    lapses   TEXT NOT NULL,
    by_whom  TEXT NOT NULL DEFAULT '',
    at       TEXT,
    reason   TEXT NOT NULL DEFAULT '',
    applied  TEXT NOT NULL DEFAULT '' -- the run that applies it
);
CREATE INDEX approvals_state ON approvals (state, made);

-- Who did what.
CREATE TABLE audit (
    no      INTEGER PRIMARY KEY AUTOINCREMENT,
    at      TEXT NOT NULL,
    name    TEXT NOT NULL,
    role    TEXT NOT NULL,
    place   TEXT NOT NULL,
    action  TEXT NOT NULL,
    subject TEXT NOT NULL,
    detail  TEXT NOT NULL,
    refused TEXT NOT NULL
);

DROP VIEW runs_readable;
CREATE VIEW runs_readable AS
SELECT id, started, ended, status, exit, kind, iif(name <> '', name, playbook) AS playbook,
       (SELECT group_concat(json_extract(t.value, '$.role') || '=' || json_extract(t.value, '$.domain'), ' ')
          FROM json_each(runs.tenants) t) AS tenants,
       calls, writes, who, schedule, due, why, owner_name AS executed_by, error
  FROM runs ORDER BY no DESC;
