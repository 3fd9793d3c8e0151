-- Which changes the shared store of a fleet has is known there, by the name of this file's stream and the id of the
-- change. A file that was begun anew counts from one again, so it has another name.
CREATE TABLE stream (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    id  TEXT NOT NULL
) STRICT;
INSERT INTO stream (one, id) VALUES (1, lower(hex(randomblob(16))));
