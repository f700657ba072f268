-- +goose Up

-- What commerce metrics rebuild has added to the counters of a day and to like counts:
-- events that were lost. Rows are never changed or deleted. The ids have no gaps: two
-- rebuilds at once take the same one, and only one of them is stored.
CREATE TABLE metric_rebuilds (
	id          INTEGER NOT NULL PRIMARY KEY CHECK (id >= 1),
	at_us       INTEGER NOT NULL,
	actor       TEXT NOT NULL CHECK (length(actor) BETWEEN 1 AND 200),
	reason      TEXT NOT NULL CHECK (length(reason) BETWEEN 1 AND 500),
	day         INTEGER NOT NULL CHECK (day BETWEEN 10101 AND 99991231),
	products    INTEGER NOT NULL CHECK (products >= 0),
	likes       INTEGER NOT NULL,
	orders      INTEGER NOT NULL,
	quantity    INTEGER NOT NULL,
	amount      INTEGER NOT NULL,
	amount_log  INTEGER NOT NULL,
	like_counts INTEGER NOT NULL
) STRICT;
