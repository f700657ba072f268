-- +goose Up

-- A program that asks whether it can write adds a row and deletes it. There is no row for
-- longer than that.
CREATE TABLE health (
	id      TEXT NOT NULL PRIMARY KEY CHECK (length(id) = 36 AND id LIKE '________-____-____-____-____________' AND id NOT GLOB '*[^0-9a-f-]*'),
	ballast BLOB NOT NULL
) STRICT;
