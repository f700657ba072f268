-- +goose Up

-- Times are microseconds since 1970 in UTC (..._us), days are yyyymmdd in
-- Asia/Seoul, money is in won. Ids of users, orders and events are made by the
-- programs (UUIDv7: they sort by time), those of brands and products here.

CREATE TABLE users (
	id            UUID PRIMARY KEY,
	login_id      TEXT NOT NULL CONSTRAINT users_login_id_key UNIQUE CHECK (length(login_id) BETWEEN 1 AND 10),
	email         TEXT NOT NULL CONSTRAINT users_email_key UNIQUE,
	birth_date    TEXT NOT NULL CHECK (length(birth_date) = 10),
	gender        TEXT NOT NULL CHECK (gender IN ('MALE', 'FEMALE')),
	role          TEXT NOT NULL CHECK (role IN ('customer', 'admin')),
	password_hash TEXT NOT NULL,
	created_us    BIGINT NOT NULL
);

CREATE TABLE brands (
	id          BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	name        TEXT NOT NULL CONSTRAINT brands_name_key UNIQUE CHECK (length(name) BETWEEN 1 AND 200),
	description TEXT NOT NULL
);

CREATE TABLE products (
	id          BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	sku         TEXT CONSTRAINT products_sku_key UNIQUE CHECK (sku <> ''),
	brand_id    BIGINT NOT NULL CONSTRAINT products_brand_id_fkey REFERENCES brands (id),
	name        TEXT NOT NULL CHECK (length(name) BETWEEN 1 AND 200),
	description TEXT NOT NULL,
	price       BIGINT NOT NULL CHECK (price > 0),
	status      TEXT NOT NULL CHECK (status IN ('ON_SALE', 'HIDDEN')),
	like_count  BIGINT NOT NULL DEFAULT 0, -- may trail an unlike that overtook its like
	created_us  BIGINT NOT NULL
);

-- One index for each order of the list, with and without a brand.
CREATE INDEX products_latest ON products (id) WHERE status <> 'HIDDEN';
CREATE INDEX products_price ON products (price, id) WHERE status <> 'HIDDEN';
CREATE INDEX products_likes ON products (like_count, id) WHERE status <> 'HIDDEN';
CREATE INDEX products_brand_latest ON products (brand_id, id) WHERE status <> 'HIDDEN';
CREATE INDEX products_brand_price ON products (brand_id, price, id) WHERE status <> 'HIDDEN';
CREATE INDEX products_brand_likes ON products (brand_id, like_count, id) WHERE status <> 'HIDDEN';

-- Apart from the product: orders lock these rows, likes and edits lock those.
CREATE TABLE stocks (
	product_id BIGINT PRIMARY KEY REFERENCES products (id),
	quantity   BIGINT NOT NULL CHECK (quantity >= 0)
) WITH (fillfactor = 80);

-- Only appended to. The row of stocks that is written with it vouches for the
-- product: a foreign key would have every order lock the product as well.
CREATE TABLE stock_movements (
	id         BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	product_id BIGINT NOT NULL,
	delta      BIGINT NOT NULL CHECK (delta <> 0),
	quantity   BIGINT NOT NULL CHECK (quantity >= 0),
	reason     TEXT NOT NULL CHECK (reason IN ('INITIAL', 'ADJUSTED', 'ORDERED', 'CANCELLED')),
	note       TEXT NOT NULL,
	order_id   UUID,
	at_us      BIGINT NOT NULL
);
CREATE INDEX stock_movements_product ON stock_movements (product_id, id);

CREATE TABLE likes (
	user_id    UUID NOT NULL,
	product_id BIGINT NOT NULL CONSTRAINT likes_product_id_fkey REFERENCES products (id),
	at_us      BIGINT NOT NULL,
	PRIMARY KEY (user_id, product_id)
);
CREATE INDEX likes_newest ON likes (user_id, at_us, product_id);
CREATE INDEX likes_product ON likes (product_id);

CREATE TABLE wallets (
	user_id UUID PRIMARY KEY REFERENCES users (id),
	balance BIGINT NOT NULL CHECK (balance >= 0)
) WITH (fillfactor = 80);

CREATE TABLE point_entries ( -- only appended to
	id       UUID PRIMARY KEY,
	user_id  UUID NOT NULL,
	type     TEXT NOT NULL CHECK (type IN ('CHARGE', 'USE', 'REFUND', 'ADJUST')),
	amount   BIGINT NOT NULL CHECK (amount <> 0),
	balance  BIGINT NOT NULL CHECK (balance >= 0),
	order_id UUID,
	at_us    BIGINT NOT NULL
);
CREATE INDEX point_entries_user ON point_entries (user_id, id);

CREATE TABLE orders (
	id         UUID PRIMARY KEY,
	user_id    UUID NOT NULL REFERENCES users (id),
	status     TEXT NOT NULL CHECK (status IN ('PENDING', 'PAID', 'CANCELLED')),
	version    BIGINT NOT NULL CHECK (version >= 1),
	amount     BIGINT NOT NULL CHECK (amount >= 0),
	points     BIGINT NOT NULL CHECK (points BETWEEN 0 AND amount),
	created_us BIGINT NOT NULL
) WITH (fillfactor = 80);
CREATE INDEX orders_user ON orders (user_id, id);

CREATE TABLE order_lines (
	order_id   UUID NOT NULL REFERENCES orders (id),
	line       INTEGER NOT NULL CHECK (line >= 1),
	product_id BIGINT NOT NULL CHECK (product_id > 0),
	name       TEXT NOT NULL,
	price      BIGINT NOT NULL CHECK (price >= 0),
	quantity   BIGINT NOT NULL CHECK (quantity > 0),
	PRIMARY KEY (order_id, line)
);

-- One row for each version: two transactions cannot both take the next step.
CREATE TABLE order_history (
	order_id UUID NOT NULL REFERENCES orders (id),
	version  BIGINT NOT NULL CHECK (version >= 1),
	status   TEXT NOT NULL CHECK (status IN ('PENDING', 'PAID', 'CANCELLED')),
	reason   TEXT NOT NULL,
	at_us    BIGINT NOT NULL,
	PRIMARY KEY (order_id, version)
);

-- No foreign key: an event may come late, and a count is never refused.
CREATE TABLE product_metrics (
	product_id BIGINT NOT NULL CHECK (product_id > 0),
	day        INTEGER NOT NULL CHECK (day BETWEEN 10101 AND 99991231),
	views      BIGINT NOT NULL,
	likes      BIGINT NOT NULL,
	orders     BIGINT NOT NULL,
	quantity   BIGINT NOT NULL,
	amount     BIGINT NOT NULL,
	amount_log BIGINT NOT NULL,
	version    BIGINT NOT NULL CHECK (version >= 1),
	PRIMARY KEY (product_id, day)
) WITH (fillfactor = 80);
CREATE INDEX product_metrics_day ON product_metrics (day);

-- Rows live for milliseconds: it is vacuumed by count, not by share.
CREATE TABLE outbox (
	seq         BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	event_id    UUID NOT NULL,
	lane        INTEGER NOT NULL CHECK (lane >= 0),
	topic       TEXT NOT NULL,
	key         TEXT NOT NULL,
	type        TEXT NOT NULL,
	time_us     BIGINT NOT NULL,
	sequence    BIGINT NOT NULL CHECK (sequence >= 0),
	traceparent TEXT NOT NULL,
	data        TEXT NOT NULL
) WITH (
	autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 2000, autovacuum_vacuum_cost_delay = 0,
	autovacuum_analyze_scale_factor = 0, autovacuum_analyze_threshold = 20000
);

CREATE TABLE event_handled (
	event_id UUID NOT NULL,
	consumer TEXT NOT NULL,
	at_us    BIGINT NOT NULL,
	PRIMARY KEY (event_id, consumer)
);

CREATE TABLE leases ( -- a few rows, renewed all the time
	name     TEXT PRIMARY KEY,
	holder   TEXT NOT NULL CHECK (holder <> ''),
	until_us BIGINT NOT NULL
) WITH (
	fillfactor = 50, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 500, autovacuum_vacuum_cost_delay = 0
);

CREATE TABLE idempotency_keys (
	user_id     UUID NOT NULL,
	route       TEXT NOT NULL,
	key         TEXT NOT NULL CHECK (length(key) BETWEEN 1 AND 255),
	fingerprint BYTEA NOT NULL,
	status      INTEGER NOT NULL CHECK (status BETWEEN 100 AND 599),
	location    TEXT NOT NULL,
	body        BYTEA NOT NULL,
	at_us       BIGINT NOT NULL,
	PRIMARY KEY (user_id, route, key)
);
CREATE INDEX idempotency_keys_age ON idempotency_keys (at_us);
