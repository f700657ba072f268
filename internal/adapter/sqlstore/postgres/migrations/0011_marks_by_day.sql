-- +goose Up

-- The marks of a day have a partition, which is dropped as a whole: see event_log. The id
-- of the event is the whole key of a mark. Only the consumer ranking has marks so far.
-- Programs of the version before write the consumer; others leave it out: a NULL takes
-- no room.
ALTER TABLE event_handled RENAME TO event_handled_old;
ALTER TABLE event_handled_old DROP CONSTRAINT event_handled_pkey;
CREATE TABLE event_handled (
	event_id UUID NOT NULL PRIMARY KEY,
	at_us    BIGINT NOT NULL,
	consumer TEXT
) PARTITION BY RANGE (event_id);
CREATE TABLE event_handled_default PARTITION OF event_handled DEFAULT;
CREATE TABLE event_handled_undated PARTITION OF event_handled FOR VALUES FROM ('04000000-0000-0000-0000-000000000000') TO (MAXVALUE);
CREATE INDEX event_handled_default_at ON event_handled_default (at_us);
CREATE INDEX event_handled_undated_at ON event_handled_undated (at_us);

-- The marks that there are become the partition of all days up to the day after tomorrow.
-- Nothing is copied: only the index is made anew. Ids of later days, which have no time,
-- or a wrong one, are moved into the other two.
-- +goose StatementBegin
DO $$
DECLARE
	last DATE := (now() AT TIME ZONE 'Asia/Seoul')::DATE + 2;
	name TEXT := 'event_handled_' || to_char(last, 'YYYYMMDD');
	-- The smallest id of the day after that: 48 bits of milliseconds, then the version.
	ms   TEXT := lpad(to_hex((EXTRACT(epoch FROM (last + 1)::TIMESTAMP AT TIME ZONE 'Asia/Seoul') * 1000)::BIGINT), 12, '0');
	next UUID := (ms || '7000' || '8000000000000000')::UUID;
BEGIN
	DELETE FROM event_handled_old WHERE consumer <> 'ranking';
	IF NOT EXISTS (SELECT 1 FROM event_handled_old) THEN
		DROP TABLE event_handled_old;
		RETURN;
	END IF;
	WITH moved AS (DELETE FROM event_handled_old WHERE event_id >= next RETURNING event_id, at_us)
		INSERT INTO event_handled (event_id, at_us) SELECT event_id, at_us FROM moved;
	ALTER TABLE event_handled_old ALTER COLUMN consumer DROP NOT NULL;
	EXECUTE format('ALTER TABLE event_handled_old RENAME TO %I', name);
	EXECUTE format('ALTER TABLE %I ADD CONSTRAINT %I PRIMARY KEY (event_id)', name, name || '_pkey');
	EXECUTE format('ALTER TABLE event_handled ATTACH PARTITION %I FOR VALUES FROM (MINVALUE) TO (%L)', name, next);
END $$;
-- +goose StatementEnd
