-- +goose Up

-- The changes of the weights of the ranking, in thousandths: who made them, when and
-- why. Before the first one, the default weights are in force. A day is scored by the
-- weights in force at its end, so rows are never changed or deleted.
CREATE TABLE ranking_weights (
	id           BIGINT NOT NULL PRIMARY KEY CHECK (id >= 1),
	view_weight  BIGINT NOT NULL CHECK (view_weight BETWEEN 0 AND 10000),
	like_weight  BIGINT NOT NULL CHECK (like_weight BETWEEN 0 AND 10000),
	order_weight BIGINT NOT NULL CHECK (order_weight BETWEEN 0 AND 10000),
	carry        BIGINT NOT NULL CHECK (carry BETWEEN 0 AND 1000),
	at_us        BIGINT NOT NULL,
	actor        TEXT NOT NULL CHECK (length(actor) BETWEEN 1 AND 200),
	reason       TEXT NOT NULL CHECK (length(reason) BETWEEN 1 AND 500),
	CHECK (view_weight + like_weight + order_weight > 0)
);
