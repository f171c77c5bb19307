-- +goose Up

-- What pages show at a glance is found without reading the rest: the newest
-- runs that failed, how many runs ended how since a time, what a playbook's runs
-- took lately, and of a run's calls those that failed and what was said.
CREATE INDEX runs_status ON runs (status, no);
CREATE INDEX runs_started ON runs (started, status);
CREATE INDEX runs_playbook ON runs (playbook, status, no);
CREATE INDEX calls_failed ON calls (run) WHERE state IN ('failed', 'ended', 'in doubt');
CREATE INDEX calls_said ON calls (run) WHERE operation IN ('print', 'log.debug', 'log.info', 'log.warn', 'log.error');
