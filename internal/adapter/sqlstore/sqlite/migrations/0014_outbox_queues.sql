-- +goose Up

-- The partition that the key has in a topic: event.PartitionOf. A program of the version
-- before does not write it; the relay adds it.
ALTER TABLE outbox ADD COLUMN bucket INTEGER CHECK (bucket BETWEEN 0 AND 11);
-- 1: an event that is set aside, or one that waits behind it.
ALTER TABLE outbox ADD COLUMN held INTEGER NOT NULL DEFAULT 0 CHECK (held IN (0, 1));
CREATE INDEX outbox_queue ON outbox (topic, bucket, seq) WHERE held = 0;
CREATE INDEX outbox_held ON outbox (topic, key, seq) WHERE held = 1;

-- Keys whose first event cannot be sent as it is.
CREATE TABLE outbox_set_aside (
	topic    TEXT NOT NULL,
	key      TEXT NOT NULL,
	seq      INTEGER NOT NULL UNIQUE, -- of the event; it stays in the outbox until it is sent or discarded
	lane     INTEGER NOT NULL CHECK (lane >= 0),
	state    TEXT NOT NULL CHECK (state IN ('SET_ASIDE', 'RETRY')),
	reason   TEXT NOT NULL,
	attempts INTEGER NOT NULL CHECK (attempts > 0),
	since_us INTEGER NOT NULL, -- when it was set aside first
	tried_us INTEGER NOT NULL, -- the last attempt
	PRIMARY KEY (topic, key)
) STRICT;

-- Events that an operator has given up. No consumer ever sees them.
CREATE TABLE outbox_discarded (
	seq          INTEGER PRIMARY KEY,
	event_id     TEXT NOT NULL CHECK (length(event_id) = 36 AND event_id LIKE '________-____-____-____-____________' AND event_id NOT GLOB '*[^0-9a-f-]*'),
	topic        TEXT NOT NULL,
	key          TEXT NOT NULL,
	type         TEXT NOT NULL,
	time_us      INTEGER NOT NULL,
	sequence     INTEGER NOT NULL CHECK (sequence >= 0),
	traceparent  TEXT NOT NULL,
	data         TEXT NOT NULL,
	cause        TEXT NOT NULL, -- why it could not be sent
	actor        TEXT NOT NULL CHECK (actor <> ''),
	reason       TEXT NOT NULL CHECK (reason <> ''),
	discarded_us INTEGER NOT NULL
) STRICT;
