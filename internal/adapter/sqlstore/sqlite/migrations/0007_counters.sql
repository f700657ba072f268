-- +goose Up

-- Counters of months whose days are no longer kept. A late event makes a daily row
-- again, which the next run of the job adds to these.
CREATE TABLE product_metrics_monthly (
	product_id INTEGER NOT NULL CHECK (product_id > 0),
	month      INTEGER NOT NULL CHECK (month BETWEEN 101 AND 999912 AND month % 100 BETWEEN 1 AND 12),
	views      INTEGER NOT NULL,
	likes      INTEGER NOT NULL,
	orders     INTEGER NOT NULL,
	quantity   INTEGER NOT NULL,
	amount     INTEGER NOT NULL,
	amount_log INTEGER NOT NULL,
	version    INTEGER NOT NULL CHECK (version >= 1),
	PRIMARY KEY (product_id, month)
) STRICT, WITHOUT ROWID;
CREATE INDEX product_metrics_monthly_month ON product_metrics_monthly (month);

-- The orders of a day are read for the export.
CREATE INDEX order_history_at ON order_history (at_us) WHERE status = 'PAID';
