-- What each channel was told, and what waits to be told.

-- A channel, and how sending through it goes.
CREATE TABLE channel (
    name          TEXT PRIMARY KEY,
    -- When it first had something to say of what it watches.
    began_at      INTEGER NOT NULL,
    -- When something last got through, and what was answered.
    sent_at       INTEGER,
    answer        TEXT,
    -- Since when nothing gets through, why, how often it was tried, and when it is tried next.
    failing_since INTEGER,
    trouble       TEXT,
    attempts      INTEGER NOT NULL,
    next_at       INTEGER,
    -- Messages that were given up and that nobody was told of yet.
    given_up      INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- What a channel's receivers were told, or will be by what waits, and were not told the end of.
CREATE TABLE told (
    channel  TEXT NOT NULL,
    instance TEXT NOT NULL,
    target   TEXT NOT NULL,
    alert    TEXT NOT NULL,
    check_id TEXT NOT NULL,
    subject  TEXT NOT NULL,
    began_at INTEGER NOT NULL,
    -- It ended, and the receiver, which wants to know of each end by itself, has not taken that in.
    ended_at INTEGER,
    -- As JSON.
    content  TEXT NOT NULL,
    PRIMARY KEY (channel, instance, target, alert, check_id, subject)
) STRICT, WITHOUT ROWID;

-- Messages on their way. Of each instance and target one at most: a newer one takes the place of an older.
CREATE TABLE message (
    id       TEXT PRIMARY KEY,
    channel  TEXT NOT NULL,
    instance TEXT NOT NULL,
    target   TEXT NOT NULL,
    made_at  INTEGER NOT NULL,
    -- When the oldest of what it tells was first to be told.
    since    INTEGER NOT NULL,
    -- As JSON.
    content  TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX message_about ON message (channel, instance, target);
