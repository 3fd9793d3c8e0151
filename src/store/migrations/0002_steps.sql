-- What people said of steps of a run book. One word a step is in force; what was taken back or said anew stays for
-- the record.
CREATE TABLE step (
    id           INTEGER PRIMARY KEY,
    instance     TEXT NOT NULL,
    target       TEXT NOT NULL,
    step         TEXT NOT NULL,
    state        TEXT NOT NULL CHECK (state IN ('done', 'skipped', 'failed')),
    marked_by    TEXT NOT NULL,
    marked_at    INTEGER NOT NULL,
    -- Seconds; absent when nobody knows.
    took         INTEGER,
    note         TEXT,
    -- What the instance was, as JSON; only of steps on staging.
    profile      TEXT,
    withdrawn_at INTEGER,
    replaced_at  INTEGER
) STRICT;
CREATE UNIQUE INDEX step_in_force ON step (instance, target, step)
    WHERE withdrawn_at IS NULL AND replaced_at IS NULL;
CREATE INDEX step_by_name ON step (instance, target, step, id);
