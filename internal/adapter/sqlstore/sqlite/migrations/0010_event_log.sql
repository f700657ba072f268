-- +goose Up

-- Every event, once. An event belongs to the day of the time in its id, if that is a
-- UUIDv7.
CREATE TABLE event_log (
	event_id TEXT NOT NULL PRIMARY KEY CHECK (length(event_id) = 36 AND event_id LIKE '________-____-____-____-____________' AND event_id NOT GLOB '*[^0-9a-f-]*'),
	type         TEXT NOT NULL,
	source       TEXT NOT NULL,
	time_us      INTEGER NOT NULL,
	topic        TEXT NOT NULL,
	partition_no INTEGER NOT NULL CHECK (partition_no BETWEEN 0 AND 2147483647),
	offset_no    INTEGER NOT NULL CHECK (offset_no >= 0),
	key          TEXT NOT NULL,
	sequence     INTEGER NOT NULL CHECK (sequence >= 0),
	user_id TEXT CHECK (length(user_id) = 36 AND user_id LIKE '________-____-____-____-____________' AND user_id NOT GLOB '*[^0-9a-f-]*'),
	order_id TEXT CHECK (length(order_id) = 36 AND order_id LIKE '________-____-____-____-____________' AND order_id NOT GLOB '*[^0-9a-f-]*'),
	traceparent  TEXT NOT NULL,
	logged_us    INTEGER NOT NULL,
	data         TEXT NOT NULL
) STRICT;
CREATE INDEX event_log_time ON event_log (time_us);
CREATE INDEX event_log_type ON event_log (type, time_us);
CREATE INDEX event_log_key ON event_log (key, time_us);
CREATE INDEX event_log_user ON event_log (user_id, time_us) WHERE user_id IS NOT NULL;
CREATE INDEX event_log_order ON event_log (order_id) WHERE order_id IS NOT NULL;
CREATE INDEX event_log_logged ON event_log (logged_us);

-- The orders that count for a product, on the day of their payment: what its score is
-- made of, beside the events with its key.
CREATE TABLE event_log_lines (
	event_id   TEXT NOT NULL CHECK (length(event_id) = 36 AND event_id LIKE '________-____-____-____-____________' AND event_id NOT GLOB '*[^0-9a-f-]*'),
	product_id INTEGER NOT NULL CHECK (product_id > 0),
	counted_us INTEGER NOT NULL,
	PRIMARY KEY (event_id, product_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX event_log_lines_product ON event_log_lines (product_id, counted_us);
