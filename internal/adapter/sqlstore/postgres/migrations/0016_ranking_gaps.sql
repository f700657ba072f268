-- +goose Up

-- Days whose board in Redis lacks scores, because Redis was away when they were counted:
-- those whose closed is below the version. Each note adds one to the version. The build
-- that makes the board whole sets closed to the version that it has seen before it began.
CREATE TABLE ranking_gaps (
	day     INTEGER NOT NULL PRIMARY KEY CHECK (day BETWEEN 10101 AND 99991231),
	version BIGINT NOT NULL CHECK (version >= 1),
	closed  BIGINT NOT NULL CHECK (closed BETWEEN 0 AND version)
);
