-- +goose Up

-- How often the counters of a day have changed: a ranking that was computed before
-- the last change is stale. A day is counted in stripes, so that transactions which
-- count events of one day at the same time seldom wait for one another.
CREATE TABLE metric_days (
	day     INTEGER NOT NULL CHECK (day BETWEEN 10101 AND 99991231),
	stripe  INTEGER NOT NULL CHECK (stripe BETWEEN 0 AND 15),
	changes INTEGER NOT NULL CHECK (changes >= 1),
	PRIMARY KEY (day, stripe)
) STRICT, WITHOUT ROWID;
INSERT INTO metric_days SELECT day, 0, COUNT(*) FROM product_metrics GROUP BY day;

-- Rankings of periods. The row of a period that readers see has no replaced_us. The
-- others are kept for a while, for readers that are in the middle of their rows.
CREATE TABLE ranking_publications (
	run_id      TEXT NOT NULL PRIMARY KEY CHECK (length(run_id) = 36 AND run_id LIKE '________-____-____-____-____________' AND run_id NOT GLOB '*[^0-9a-f-]*'), -- of the rows in product_ranks
	kind        TEXT NOT NULL CHECK (kind IN ('daily', 'weekly', 'monthly')),
	period      TEXT NOT NULL CHECK (period <> ''),
	first_day   INTEGER NOT NULL CHECK (first_day BETWEEN 10101 AND 99991231),
	last_day    INTEGER NOT NULL CHECK (last_day BETWEEN first_day AND 99991231),
	as_of_us    INTEGER NOT NULL,
	complete    INTEGER NOT NULL CHECK (complete IN (0, 1)),
	changes     INTEGER NOT NULL CHECK (changes >= 0),
	weights     TEXT NOT NULL CHECK (weights <> ''),
	row_count   INTEGER NOT NULL CHECK (row_count >= 0),
	row_limit   INTEGER NOT NULL CHECK (row_limit >= 0), -- where the ranking was cut
	replaced_us INTEGER
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX ranking_publications_kind_first_day_key ON ranking_publications (kind, first_day) WHERE replaced_us IS NULL;
CREATE INDEX ranking_publications_replaced ON ranking_publications (replaced_us) WHERE replaced_us IS NOT NULL;

CREATE TABLE product_ranks ( -- never changed, only added and deleted
	run_id     TEXT NOT NULL CHECK (length(run_id) = 36 AND run_id LIKE '________-____-____-____-____________' AND run_id NOT GLOB '*[^0-9a-f-]*'),
	rank_no    INTEGER NOT NULL CHECK (rank_no >= 1),
	product_id INTEGER NOT NULL CHECK (product_id > 0),
	score      INTEGER NOT NULL CHECK (score > 0),
	views      INTEGER NOT NULL,
	likes      INTEGER NOT NULL,
	orders     INTEGER NOT NULL,
	quantity   INTEGER NOT NULL,
	amount     INTEGER NOT NULL,
	amount_log INTEGER NOT NULL,
	PRIMARY KEY (run_id, rank_no),
	UNIQUE (run_id, product_id)
) STRICT, WITHOUT ROWID;

-- Work of runs that have not finished: the best products of the ranges done so far, and
-- how far each period is.
CREATE TABLE ranking_candidates (
	run_id     TEXT NOT NULL CHECK (length(run_id) = 36 AND run_id LIKE '________-____-____-____-____________' AND run_id NOT GLOB '*[^0-9a-f-]*'),
	kind       TEXT NOT NULL CHECK (kind IN ('daily', 'weekly', 'monthly')),
	first_day  INTEGER NOT NULL CHECK (first_day BETWEEN 10101 AND 99991231),
	score      INTEGER NOT NULL CHECK (score > 0),
	product_id INTEGER NOT NULL CHECK (product_id > 0),
	views      INTEGER NOT NULL,
	likes      INTEGER NOT NULL,
	orders     INTEGER NOT NULL,
	quantity   INTEGER NOT NULL,
	amount     INTEGER NOT NULL,
	amount_log INTEGER NOT NULL,
	PRIMARY KEY (run_id, kind, first_day, score, product_id)
) STRICT, WITHOUT ROWID;
CREATE TABLE ranking_parts (
	run_id     TEXT NOT NULL CHECK (length(run_id) = 36 AND run_id LIKE '________-____-____-____-____________' AND run_id NOT GLOB '*[^0-9a-f-]*'),
	kind       TEXT NOT NULL CHECK (kind IN ('daily', 'weekly', 'monthly')),
	first_day  INTEGER NOT NULL CHECK (first_day BETWEEN 10101 AND 99991231),
	done       INTEGER NOT NULL CHECK (done >= 1), -- ranges of products
	changes    INTEGER NOT NULL CHECK (changes >= 0), -- the least that a range began with
	candidates INTEGER NOT NULL CHECK (candidates >= 0),
	PRIMARY KEY (run_id, kind, first_day)
) STRICT, WITHOUT ROWID;

-- What readers see, for people and their tools: one row for each rank.
CREATE VIEW mv_product_rank_daily AS
	SELECT p.first_day AS day, r.rank_no, r.product_id, r.score, r.views, r.likes, r.orders, r.quantity, r.amount, r.run_id
	FROM ranking_publications p JOIN product_ranks r ON r.run_id = p.run_id
	WHERE p.kind = 'daily' AND p.replaced_us IS NULL;
CREATE VIEW mv_product_rank_weekly AS
	SELECT p.period AS year_week, r.rank_no, r.product_id, r.score, r.views, r.likes, r.orders, r.quantity, r.amount, r.run_id
	FROM ranking_publications p JOIN product_ranks r ON r.run_id = p.run_id
	WHERE p.kind = 'weekly' AND p.replaced_us IS NULL;
CREATE VIEW mv_product_rank_monthly AS
	SELECT p.period AS year_month, r.rank_no, r.product_id, r.score, r.views, r.likes, r.orders, r.quantity, r.amount, r.run_id
	FROM ranking_publications p JOIN product_ranks r ON r.run_id = p.run_id
	WHERE p.kind = 'monthly' AND p.replaced_us IS NULL;
