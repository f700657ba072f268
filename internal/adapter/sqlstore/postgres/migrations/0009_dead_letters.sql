-- +goose Up

-- The index of the dead-letter topics: one row for each record that a group could not
-- process. The identity stays the same when the record is replayed and fails again.
CREATE TABLE dead_letters (
	id               UUID PRIMARY KEY,
	identity         TEXT NOT NULL CHECK (identity <> ''),
	dlt_topic        TEXT NOT NULL CHECK (dlt_topic <> ''),
	dlt_partition    INTEGER NOT NULL CHECK (dlt_partition >= 0),
	dlt_offset       BIGINT NOT NULL CHECK (dlt_offset >= 0),
	dead_us          BIGINT NOT NULL,
	expires_us       BIGINT,
	origin_topic     TEXT NOT NULL,
	origin_partition INTEGER NOT NULL CHECK (origin_partition >= -1),
	origin_offset    BIGINT NOT NULL CHECK (origin_offset >= -1),
	origin_us        BIGINT,
	consumer         TEXT NOT NULL, -- the group; empty if it is not known
	record_key       TEXT NOT NULL, -- for people; the bytes are in the content
	event_id         UUID,
	event_type       TEXT NOT NULL,
	cause            TEXT NOT NULL,
	message          TEXT NOT NULL,
	attempts         INTEGER NOT NULL CHECK (attempts >= 0),
	size             BIGINT NOT NULL CHECK (size >= 0),
	content          BYTEA CHECK (length(content) > 0), -- NULL: it is not kept
	state            TEXT NOT NULL CHECK (state IN ('NEW', 'REPLAYED', 'DISCARDED')),
	replays          INTEGER NOT NULL CHECK (replays >= 0),
	failures         INTEGER NOT NULL CHECK (failures BETWEEN 0 AND replays), -- how often it was replayed when it failed last
	actor            TEXT NOT NULL,
	reason           TEXT NOT NULL,
	changed_us       BIGINT NOT NULL,
	CONSTRAINT dead_letters_identity_key UNIQUE (identity),
	CONSTRAINT dead_letters_action_check CHECK (state = 'NEW' OR (actor <> '' AND reason <> ''))
);
CREATE INDEX dead_letters_state ON dead_letters (state, id);
CREATE INDEX dead_letters_order ON dead_letters (state, consumer, origin_topic, origin_partition, origin_offset, id);
CREATE INDEX dead_letters_key ON dead_letters (record_key, id);
CREATE INDEX dead_letters_event ON dead_letters (event_id, id) WHERE event_id IS NOT NULL;
CREATE INDEX dead_letters_changed ON dead_letters (changed_us) WHERE state <> 'NEW';

CREATE TABLE dead_letter_actions ( -- only appended to
	id        BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	letter_id UUID NOT NULL REFERENCES dead_letters (id) ON DELETE CASCADE,
	action    TEXT NOT NULL CHECK (action IN ('REPLAYED', 'DISCARDED')),
	at_us     BIGINT NOT NULL,
	actor     TEXT NOT NULL CHECK (actor <> ''),
	reason    TEXT NOT NULL CHECK (reason <> ''),
	run_id    UUID -- of the job that did it
);
CREATE INDEX dead_letter_actions_letter ON dead_letter_actions (letter_id, id);
