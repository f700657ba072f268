-- +goose Up

-- A program that asks whether it can write adds a row and deletes it. There is no row for
-- longer than that.
CREATE TABLE health (
	id      UUID PRIMARY KEY,
	ballast BYTEA NOT NULL
);
