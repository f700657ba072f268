-- +goose Up

-- The index of the dead-letter topics: one row for each record that a group could not
-- process. The identity stays the same when the record is replayed and fails again.
CREATE TABLE dead_letters (
	id               TEXT NOT NULL PRIMARY KEY CHECK (length(id) = 36 AND id LIKE '________-____-____-____-____________' AND id NOT GLOB '*[^0-9a-f-]*'),
	identity         TEXT NOT NULL CHECK (identity <> ''),
	dlt_topic        TEXT NOT NULL CHECK (dlt_topic <> ''),
	dlt_partition    INTEGER NOT NULL CHECK (dlt_partition BETWEEN 0 AND 2147483647),
	dlt_offset       INTEGER NOT NULL CHECK (dlt_offset >= 0),
	dead_us          INTEGER NOT NULL,
	expires_us       INTEGER,
	origin_topic     TEXT NOT NULL,
	origin_partition INTEGER NOT NULL CHECK (origin_partition BETWEEN -1 AND 2147483647),
	origin_offset    INTEGER NOT NULL CHECK (origin_offset >= -1),
	origin_us        INTEGER,
	consumer         TEXT NOT NULL, -- the group; empty if it is not known
	record_key       TEXT NOT NULL, -- for people; the bytes are in the content
	event_id         TEXT CHECK (length(event_id) = 36 AND event_id LIKE '________-____-____-____-____________' AND event_id NOT GLOB '*[^0-9a-f-]*'),
	event_type       TEXT NOT NULL,
	cause            TEXT NOT NULL,
	message          TEXT NOT NULL,
	attempts         INTEGER NOT NULL CHECK (attempts BETWEEN 0 AND 2147483647),
	size             INTEGER NOT NULL CHECK (size >= 0),
	content          BLOB CHECK (length(content) > 0), -- NULL: it is not kept
	state            TEXT NOT NULL CHECK (state IN ('NEW', 'REPLAYED', 'DISCARDED')),
	replays          INTEGER NOT NULL CHECK (replays BETWEEN 0 AND 2147483647),
	failures         INTEGER NOT NULL CHECK (failures BETWEEN 0 AND replays), -- how often it was replayed when it failed last
	actor            TEXT NOT NULL,
	reason           TEXT NOT NULL,
	changed_us       INTEGER NOT NULL,
	CONSTRAINT dead_letters_identity_key UNIQUE (identity),
	CONSTRAINT dead_letters_action_check CHECK (state = 'NEW' OR (actor <> '' AND reason <> ''))
) STRICT;
CREATE INDEX dead_letters_state ON dead_letters (state, id);
CREATE INDEX dead_letters_order ON dead_letters (state, consumer, origin_topic, origin_partition, origin_offset, id);
CREATE INDEX dead_letters_key ON dead_letters (record_key, id);
CREATE INDEX dead_letters_event ON dead_letters (event_id, id) WHERE event_id IS NOT NULL;
CREATE INDEX dead_letters_changed ON dead_letters (changed_us) WHERE state <> 'NEW';

CREATE TABLE dead_letter_actions ( -- only appended to
	id        INTEGER PRIMARY KEY AUTOINCREMENT,
	letter_id TEXT NOT NULL CONSTRAINT dead_letter_actions_letter_id_fkey REFERENCES dead_letters (id) ON DELETE CASCADE CHECK (length(letter_id) = 36 AND letter_id LIKE '________-____-____-____-____________' AND letter_id NOT GLOB '*[^0-9a-f-]*'),
	action    TEXT NOT NULL CHECK (action IN ('REPLAYED', 'DISCARDED')),
	at_us     INTEGER NOT NULL,
	actor     TEXT NOT NULL CHECK (actor <> ''),
	reason    TEXT NOT NULL CHECK (reason <> ''),
	run_id    TEXT CHECK (length(run_id) = 36 AND run_id LIKE '________-____-____-____-____________' AND run_id NOT GLOB '*[^0-9a-f-]*') -- of the job that did it
) STRICT;
CREATE INDEX dead_letter_actions_letter ON dead_letter_actions (letter_id, id);
