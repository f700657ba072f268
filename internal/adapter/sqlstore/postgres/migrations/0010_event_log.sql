-- +goose Up

-- Every event, once. A day has a partition, which is dropped as a whole. The ids are
-- UUIDv7: their first 48 bits are a time, so that a day is a range of ids. Partitions of
-- days are made when they are needed. The default one has what has no day of its own.
CREATE TABLE event_log (
	event_id     UUID NOT NULL PRIMARY KEY,
	type         TEXT NOT NULL,
	source       TEXT NOT NULL,
	time_us      BIGINT NOT NULL,
	topic        TEXT NOT NULL,
	partition_no INTEGER NOT NULL CHECK (partition_no >= 0),
	offset_no    BIGINT NOT NULL CHECK (offset_no >= 0),
	key          TEXT NOT NULL,
	sequence     BIGINT NOT NULL CHECK (sequence >= 0),
	user_id      UUID,
	order_id     UUID,
	traceparent  TEXT NOT NULL,
	logged_us    BIGINT NOT NULL,
	data         TEXT NOT NULL
) PARTITION BY RANGE (event_id);
CREATE INDEX event_log_time ON event_log (time_us);
CREATE INDEX event_log_type ON event_log (type, time_us);
CREATE INDEX event_log_key ON event_log (key, time_us);
CREATE INDEX event_log_user ON event_log (user_id, time_us) WHERE user_id IS NOT NULL;
CREATE INDEX event_log_order ON event_log (order_id) WHERE order_id IS NOT NULL;
CREATE TABLE event_log_default PARTITION OF event_log DEFAULT;
-- Most ids of other versions are behind the times of the next 80 years.
CREATE TABLE event_log_undated PARTITION OF event_log FOR VALUES FROM ('04000000-0000-0000-0000-000000000000') TO (MAXVALUE);
CREATE INDEX event_log_default_logged ON event_log_default (logged_us);
CREATE INDEX event_log_undated_logged ON event_log_undated (logged_us);

-- The orders that count for a product, on the day of their payment: what its score is
-- made of, beside the events with its key.
CREATE TABLE event_log_lines (
	event_id   UUID NOT NULL,
	product_id BIGINT NOT NULL CHECK (product_id > 0),
	counted_us BIGINT NOT NULL,
	PRIMARY KEY (event_id, product_id)
) PARTITION BY RANGE (event_id);
CREATE INDEX event_log_lines_product ON event_log_lines (product_id, counted_us);
CREATE TABLE event_log_lines_default PARTITION OF event_log_lines DEFAULT;
CREATE TABLE event_log_lines_undated PARTITION OF event_log_lines FOR VALUES FROM ('04000000-0000-0000-0000-000000000000') TO (MAXVALUE);
