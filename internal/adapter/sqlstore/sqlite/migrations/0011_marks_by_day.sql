-- +goose Up

-- The id of the event is the whole key of a mark. Only the consumer ranking has marks so
-- far. Programs of the version before write the consumer; others leave it out.
CREATE TABLE event_handled_new (
	event_id TEXT NOT NULL PRIMARY KEY CHECK (length(event_id) = 36 AND event_id LIKE '________-____-____-____-____________' AND event_id NOT GLOB '*[^0-9a-f-]*'),
	at_us    INTEGER NOT NULL,
	consumer TEXT
) STRICT, WITHOUT ROWID;
INSERT INTO event_handled_new (event_id, at_us) SELECT event_id, at_us FROM event_handled WHERE consumer = 'ranking';
DROP TABLE event_handled;
ALTER TABLE event_handled_new RENAME TO event_handled;
CREATE INDEX event_handled_at ON event_handled (at_us);
