-- +goose Up

-- Counters of months whose days are no longer kept. A late event makes a daily row
-- again, which the next run of the job adds to these.
CREATE TABLE product_metrics_monthly (
	product_id BIGINT NOT NULL CHECK (product_id > 0),
	month      INTEGER NOT NULL CHECK (month BETWEEN 101 AND 999912 AND month % 100 BETWEEN 1 AND 12),
	views      BIGINT NOT NULL,
	likes      BIGINT NOT NULL,
	orders     BIGINT NOT NULL,
	quantity   BIGINT NOT NULL,
	amount     BIGINT NOT NULL,
	amount_log BIGINT NOT NULL,
	version    BIGINT NOT NULL CHECK (version >= 1),
	PRIMARY KEY (product_id, month)
);
CREATE INDEX product_metrics_monthly_month ON product_metrics_monthly (month);

-- The orders of a day are read for the export. History is only appended to, so that
-- ranges of pages are ranges of time: the index takes no room, and costs orders nothing.
CREATE INDEX order_history_at ON order_history USING brin (at_us) WITH (pages_per_range = 32, autosummarize = on);
