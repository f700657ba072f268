-- +goose Up

-- What commerce metrics rebuild has added to the counters of a day and to like counts:
-- events that were lost. Rows are never changed or deleted. The ids have no gaps: two
-- rebuilds at once take the same one, and only one of them is stored.
CREATE TABLE metric_rebuilds (
	id          BIGINT NOT NULL PRIMARY KEY CHECK (id >= 1),
	at_us       BIGINT NOT NULL,
	actor       TEXT NOT NULL CHECK (length(actor) BETWEEN 1 AND 200),
	reason      TEXT NOT NULL CHECK (length(reason) BETWEEN 1 AND 500),
	day         INTEGER NOT NULL CHECK (day BETWEEN 10101 AND 99991231),
	products    BIGINT NOT NULL CHECK (products >= 0),
	likes       BIGINT NOT NULL,
	orders      BIGINT NOT NULL,
	quantity    BIGINT NOT NULL,
	amount      BIGINT NOT NULL,
	amount_log  BIGINT NOT NULL,
	like_counts BIGINT NOT NULL
);
