-- The store of the upgrade readiness agent. Times are nanoseconds since 1970 in UTC, days are YYYY-MM-DD.
-- A migration that was released is never changed: the next one goes into a file of its own.

-- 'upra': tells this file from the SQLite files of others.
PRAGMA application_id = 0x75707261;

-- What each check says, and since when.
CREATE TABLE state (
    instance   TEXT NOT NULL,
    target     TEXT NOT NULL,
    check_id   TEXT NOT NULL,
    verdict    TEXT NOT NULL,
    first_seen INTEGER NOT NULL,
    changed_at INTEGER NOT NULL,
    -- The last day on which it was judged.
    seen_on    TEXT NOT NULL,
    PRIMARY KEY (instance, target, check_id)
) STRICT, WITHOUT ROWID;

-- What it said before, and why it says something else since.
CREATE TABLE change (
    id       INTEGER PRIMARY KEY,
    instance TEXT NOT NULL,
    target   TEXT NOT NULL,
    check_id TEXT NOT NULL,
    at       INTEGER NOT NULL,
    -- Absent for the first time a check was judged.
    before   TEXT,
    after    TEXT NOT NULL,
    cause    TEXT NOT NULL,
    observed TEXT
) STRICT;
CREATE INDEX change_of_check ON change (instance, target, check_id, at);
CREATE INDEX change_by_time ON change (at);

-- Versions that ran.
CREATE TABLE version (
    instance   TEXT NOT NULL,
    version    TEXT NOT NULL,
    first_seen INTEGER NOT NULL,
    PRIMARY KEY (instance, version)
) STRICT, WITHOUT ROWID;

-- Figures, one a day: the lowest of the day.
CREATE TABLE point (
    instance TEXT NOT NULL,
    kind     TEXT NOT NULL,
    name     TEXT NOT NULL,
    day      TEXT NOT NULL,
    at       INTEGER NOT NULL,
    value    INTEGER NOT NULL,
    PRIMARY KEY (instance, kind, name, day)
) STRICT, WITHOUT ROWID;

-- What people said: waivers and sign-offs. What is taken back stays for the record.
CREATE TABLE word (
    id           INTEGER PRIMARY KEY,
    instance     TEXT NOT NULL,
    kind         TEXT NOT NULL CHECK (kind IN ('waiver', 'sign-off')),
    check_id     TEXT NOT NULL,
    subject      TEXT,
    target       TEXT,
    reason       TEXT NOT NULL,
    given_by     TEXT NOT NULL,
    given_at     INTEGER NOT NULL,
    until        TEXT NOT NULL,
    seen         TEXT,
    withdrawn_at INTEGER
) STRICT;
CREATE INDEX word_in_force ON word (instance) WHERE withdrawn_at IS NULL;
