-- The shared store of a fleet of upgrade readiness agents. Unqualified names: the agent sets the search path.
-- A migration that was released is never changed: the next one goes into a file of its own.

-- The agents, each by the id in its state directory.
CREATE TABLE agent (
    id         text PRIMARY KEY,
    host       text NOT NULL,
    version    text NOT NULL,
    seen_at    timestamptz NOT NULL
);

-- How each agent says its instances stand. Times are this server's: the clocks of the agents do not matter.
CREATE TABLE paper (
    agent      text NOT NULL REFERENCES agent (id) ON DELETE CASCADE,
    instance   text NOT NULL,
    judged_at  timestamptz NOT NULL,
    written_at timestamptz NOT NULL,
    holds_ms   bigint NOT NULL,
    digest     text NOT NULL,
    body       text NOT NULL,
    PRIMARY KEY (agent, instance)
);

-- How far the history of each agent was copied; a history that was begun anew has another id.
CREATE TABLE stream (
    id    text PRIMARY KEY,
    agent text NOT NULL,
    last  bigint NOT NULL
);

-- Changes of verdict of the whole fleet, each once.
CREATE TABLE change (
    stream      text NOT NULL REFERENCES stream (id) ON DELETE CASCADE,
    sequence    bigint NOT NULL,
    agent       text NOT NULL,
    instance    text NOT NULL,
    target      text NOT NULL,
    check_id    text NOT NULL,
    at          timestamptz NOT NULL,
    before      text,
    after       text NOT NULL,
    cause       text NOT NULL,
    observed    text,
    received_at timestamptz NOT NULL,
    PRIMARY KEY (stream, sequence)
);
CREATE INDEX change_by_time ON change (at);
CREATE INDEX change_by_arrival ON change (received_at);

-- Who asks a source for all nodes. Only who holds the advisory lock raises the epoch; what an older epoch writes does
-- not count any more.
CREATE TABLE lead (
    instance text NOT NULL,
    source   text NOT NULL,
    epoch    bigint NOT NULL,
    agent    text NOT NULL,
    node     text NOT NULL,
    since    timestamptz NOT NULL,
    PRIMARY KEY (instance, source)
);

-- What the leader learned, for the other nodes.
CREATE SEQUENCE letter_stamp;
CREATE TABLE letter (
    instance     text NOT NULL,
    source       text NOT NULL,
    epoch        bigint NOT NULL,
    collected_at timestamptz NOT NULL,
    stamp        bigint NOT NULL,
    body         text NOT NULL,
    PRIMARY KEY (instance, source)
);
