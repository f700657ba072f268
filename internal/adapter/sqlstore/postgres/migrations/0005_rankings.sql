-- +goose Up

-- How often the counters of a day have changed: a ranking that was computed before
-- the last change is stale. A day is counted in stripes, so that transactions which
-- count events of one day at the same time seldom wait for one another.
CREATE TABLE metric_days (
	day     INTEGER NOT NULL CHECK (day BETWEEN 10101 AND 99991231),
	stripe  INTEGER NOT NULL CHECK (stripe BETWEEN 0 AND 15),
	changes BIGINT NOT NULL CHECK (changes >= 1),
	PRIMARY KEY (day, stripe)
) WITH (
	fillfactor = 50, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 1000, autovacuum_vacuum_cost_delay = 0
);
INSERT INTO metric_days SELECT day, 0, COUNT(*) FROM product_metrics GROUP BY day;

-- Rankings of periods. The row of a period that readers see has no replaced_us. The
-- others are kept for a while, for readers that are in the middle of their rows.
CREATE TABLE ranking_publications (
	run_id      UUID PRIMARY KEY, -- of the rows in product_ranks
	kind        TEXT NOT NULL CHECK (kind IN ('daily', 'weekly', 'monthly')),
	period      TEXT NOT NULL CHECK (period <> ''),
	first_day   INTEGER NOT NULL CHECK (first_day BETWEEN 10101 AND 99991231),
	last_day    INTEGER NOT NULL CHECK (last_day BETWEEN first_day AND 99991231),
	as_of_us    BIGINT NOT NULL,
	complete    BOOLEAN NOT NULL,
	changes     BIGINT NOT NULL CHECK (changes >= 0),
	weights     TEXT NOT NULL CHECK (weights <> ''),
	row_count   BIGINT NOT NULL CHECK (row_count >= 0),
	row_limit   BIGINT NOT NULL CHECK (row_limit >= 0), -- where the ranking was cut
	replaced_us BIGINT
);
CREATE UNIQUE INDEX ranking_publications_kind_first_day_key ON ranking_publications (kind, first_day) WHERE replaced_us IS NULL;
CREATE INDEX ranking_publications_replaced ON ranking_publications (replaced_us) WHERE replaced_us IS NOT NULL;

CREATE TABLE product_ranks ( -- never changed, only added and deleted
	run_id     UUID NOT NULL,
	rank_no    BIGINT NOT NULL CHECK (rank_no >= 1),
	product_id BIGINT NOT NULL CHECK (product_id > 0),
	score      BIGINT NOT NULL CHECK (score > 0),
	views      BIGINT NOT NULL,
	likes      BIGINT NOT NULL,
	orders     BIGINT NOT NULL,
	quantity   BIGINT NOT NULL,
	amount     BIGINT NOT NULL,
	amount_log BIGINT NOT NULL,
	PRIMARY KEY (run_id, rank_no),
	UNIQUE (run_id, product_id)
);

-- Work of runs that have not finished: the best products of the ranges done so far, and
-- how far each period is.
CREATE TABLE ranking_candidates (
	run_id     UUID NOT NULL,
	kind       TEXT NOT NULL CHECK (kind IN ('daily', 'weekly', 'monthly')),
	first_day  INTEGER NOT NULL CHECK (first_day BETWEEN 10101 AND 99991231),
	score      BIGINT NOT NULL CHECK (score > 0),
	product_id BIGINT NOT NULL CHECK (product_id > 0),
	views      BIGINT NOT NULL,
	likes      BIGINT NOT NULL,
	orders     BIGINT NOT NULL,
	quantity   BIGINT NOT NULL,
	amount     BIGINT NOT NULL,
	amount_log BIGINT NOT NULL,
	PRIMARY KEY (run_id, kind, first_day, score, product_id)
);
CREATE TABLE ranking_parts (
	run_id     UUID NOT NULL,
	kind       TEXT NOT NULL CHECK (kind IN ('daily', 'weekly', 'monthly')),
	first_day  INTEGER NOT NULL CHECK (first_day BETWEEN 10101 AND 99991231),
	done       BIGINT NOT NULL CHECK (done >= 1), -- ranges of products
	changes    BIGINT NOT NULL CHECK (changes >= 0), -- the least that a range began with
	candidates BIGINT NOT NULL CHECK (candidates >= 0),
	PRIMARY KEY (run_id, kind, first_day)
);

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
