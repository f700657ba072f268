-- +goose Up

-- Times are microseconds since 1970 in UTC (..._us), days are yyyymmdd in
-- Asia/Seoul, money is in won. Ids of users, orders and events are made by the
-- programs (UUIDv7: they sort by time), those of brands and products here.

CREATE TABLE users (
	id            TEXT NOT NULL PRIMARY KEY CHECK (length(id) = 36 AND id LIKE '________-____-____-____-____________' AND id NOT GLOB '*[^0-9a-f-]*'),
	login_id      TEXT NOT NULL CONSTRAINT users_login_id_key UNIQUE CHECK (length(login_id) BETWEEN 1 AND 10),
	email         TEXT NOT NULL CONSTRAINT users_email_key UNIQUE,
	birth_date    TEXT NOT NULL CHECK (length(birth_date) = 10),
	gender        TEXT NOT NULL CHECK (gender IN ('MALE', 'FEMALE')),
	role          TEXT NOT NULL CHECK (role IN ('customer', 'admin')),
	password_hash TEXT NOT NULL,
	created_us    INTEGER NOT NULL
) STRICT;

CREATE TABLE brands (
	id          INTEGER PRIMARY KEY AUTOINCREMENT,
	name        TEXT NOT NULL CONSTRAINT brands_name_key UNIQUE CHECK (length(name) BETWEEN 1 AND 200),
	description TEXT NOT NULL
) STRICT;

CREATE TABLE products (
	id          INTEGER PRIMARY KEY AUTOINCREMENT,
	sku         TEXT CONSTRAINT products_sku_key UNIQUE CHECK (sku <> ''),
	brand_id    INTEGER NOT NULL CONSTRAINT products_brand_id_fkey REFERENCES brands (id),
	name        TEXT NOT NULL CHECK (length(name) BETWEEN 1 AND 200),
	description TEXT NOT NULL,
	price       INTEGER NOT NULL CHECK (price > 0),
	status      TEXT NOT NULL CHECK (status IN ('ON_SALE', 'HIDDEN')),
	like_count  INTEGER NOT NULL DEFAULT 0, -- may trail an unlike that overtook its like
	created_us  INTEGER NOT NULL
) STRICT;

-- One index for each order of the list, with and without a brand; latest
-- first is the order of the table itself.
CREATE INDEX products_price ON products (price, id) WHERE status <> 'HIDDEN';
CREATE INDEX products_likes ON products (like_count, id) WHERE status <> 'HIDDEN';
CREATE INDEX products_brand_latest ON products (brand_id, id) WHERE status <> 'HIDDEN';
CREATE INDEX products_brand_price ON products (brand_id, price, id) WHERE status <> 'HIDDEN';
CREATE INDEX products_brand_likes ON products (brand_id, like_count, id) WHERE status <> 'HIDDEN';

-- Apart from the product: orders lock these rows, likes and edits lock those.
CREATE TABLE stocks (
	product_id INTEGER PRIMARY KEY REFERENCES products (id),
	quantity   INTEGER NOT NULL CHECK (quantity >= 0)
) STRICT;

-- Only appended to. The row of stocks that is written with it vouches for the
-- product: a foreign key would have every order lock the product as well.
CREATE TABLE stock_movements (
	id         INTEGER PRIMARY KEY AUTOINCREMENT,
	product_id INTEGER NOT NULL,
	delta      INTEGER NOT NULL CHECK (delta <> 0),
	quantity   INTEGER NOT NULL CHECK (quantity >= 0),
	reason     TEXT NOT NULL CHECK (reason IN ('INITIAL', 'ADJUSTED', 'ORDERED', 'CANCELLED')),
	note       TEXT NOT NULL,
	order_id   TEXT CHECK (length(order_id) = 36 AND order_id LIKE '________-____-____-____-____________' AND order_id NOT GLOB '*[^0-9a-f-]*'),
	at_us      INTEGER NOT NULL
) STRICT;
CREATE INDEX stock_movements_product ON stock_movements (product_id, id);

CREATE TABLE likes (
	user_id    TEXT NOT NULL CHECK (length(user_id) = 36 AND user_id LIKE '________-____-____-____-____________' AND user_id NOT GLOB '*[^0-9a-f-]*'),
	product_id INTEGER NOT NULL CONSTRAINT likes_product_id_fkey REFERENCES products (id),
	at_us      INTEGER NOT NULL,
	PRIMARY KEY (user_id, product_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX likes_newest ON likes (user_id, at_us, product_id);
CREATE INDEX likes_product ON likes (product_id);

CREATE TABLE wallets (
	user_id TEXT NOT NULL PRIMARY KEY REFERENCES users (id) CHECK (length(user_id) = 36 AND user_id LIKE '________-____-____-____-____________' AND user_id NOT GLOB '*[^0-9a-f-]*'),
	balance INTEGER NOT NULL CHECK (balance >= 0)
) STRICT;

CREATE TABLE point_entries ( -- only appended to
	id       TEXT NOT NULL PRIMARY KEY CHECK (length(id) = 36 AND id LIKE '________-____-____-____-____________' AND id NOT GLOB '*[^0-9a-f-]*'),
	user_id  TEXT NOT NULL CHECK (length(user_id) = 36 AND user_id LIKE '________-____-____-____-____________' AND user_id NOT GLOB '*[^0-9a-f-]*'),
	type     TEXT NOT NULL CHECK (type IN ('CHARGE', 'USE', 'REFUND', 'ADJUST')),
	amount   INTEGER NOT NULL CHECK (amount <> 0),
	balance  INTEGER NOT NULL CHECK (balance >= 0),
	order_id TEXT CHECK (length(order_id) = 36 AND order_id LIKE '________-____-____-____-____________' AND order_id NOT GLOB '*[^0-9a-f-]*'),
	at_us    INTEGER NOT NULL
) STRICT;
CREATE INDEX point_entries_user ON point_entries (user_id, id);

CREATE TABLE orders (
	id         TEXT NOT NULL PRIMARY KEY CHECK (length(id) = 36 AND id LIKE '________-____-____-____-____________' AND id NOT GLOB '*[^0-9a-f-]*'),
	user_id    TEXT NOT NULL REFERENCES users (id) CHECK (length(user_id) = 36 AND user_id LIKE '________-____-____-____-____________' AND user_id NOT GLOB '*[^0-9a-f-]*'),
	status     TEXT NOT NULL CHECK (status IN ('PENDING', 'PAID', 'CANCELLED')),
	version    INTEGER NOT NULL CHECK (version >= 1),
	amount     INTEGER NOT NULL CHECK (amount >= 0),
	points     INTEGER NOT NULL CHECK (points BETWEEN 0 AND amount),
	created_us INTEGER NOT NULL
) STRICT;
CREATE INDEX orders_user ON orders (user_id, id);

CREATE TABLE order_lines (
	order_id   TEXT NOT NULL REFERENCES orders (id) CHECK (length(order_id) = 36 AND order_id LIKE '________-____-____-____-____________' AND order_id NOT GLOB '*[^0-9a-f-]*'),
	line       INTEGER NOT NULL CHECK (line >= 1),
	product_id INTEGER NOT NULL CHECK (product_id > 0),
	name       TEXT NOT NULL,
	price      INTEGER NOT NULL CHECK (price >= 0),
	quantity   INTEGER NOT NULL CHECK (quantity > 0),
	PRIMARY KEY (order_id, line)
) STRICT, WITHOUT ROWID;

-- One row for each version: two transactions cannot both take the next step.
CREATE TABLE order_history (
	order_id TEXT NOT NULL REFERENCES orders (id) CHECK (length(order_id) = 36 AND order_id LIKE '________-____-____-____-____________' AND order_id NOT GLOB '*[^0-9a-f-]*'),
	version  INTEGER NOT NULL CHECK (version >= 1),
	status   TEXT NOT NULL CHECK (status IN ('PENDING', 'PAID', 'CANCELLED')),
	reason   TEXT NOT NULL,
	at_us    INTEGER NOT NULL,
	PRIMARY KEY (order_id, version)
) STRICT, WITHOUT ROWID;

-- No foreign key: an event may come late, and a count is never refused.
CREATE TABLE product_metrics (
	product_id INTEGER NOT NULL CHECK (product_id > 0),
	day        INTEGER NOT NULL CHECK (day BETWEEN 10101 AND 99991231),
	views      INTEGER NOT NULL,
	likes      INTEGER NOT NULL,
	orders     INTEGER NOT NULL,
	quantity   INTEGER NOT NULL,
	amount     INTEGER NOT NULL,
	amount_log INTEGER NOT NULL,
	version    INTEGER NOT NULL CHECK (version >= 1),
	PRIMARY KEY (product_id, day)
) STRICT, WITHOUT ROWID;
CREATE INDEX product_metrics_day ON product_metrics (day);

-- A number is never given twice, even when the table has been empty.
CREATE TABLE outbox (
	seq         INTEGER PRIMARY KEY AUTOINCREMENT,
	event_id    TEXT NOT NULL CHECK (length(event_id) = 36 AND event_id LIKE '________-____-____-____-____________' AND event_id NOT GLOB '*[^0-9a-f-]*'),
	lane        INTEGER NOT NULL CHECK (lane >= 0),
	topic       TEXT NOT NULL,
	key         TEXT NOT NULL,
	type        TEXT NOT NULL,
	time_us     INTEGER NOT NULL,
	sequence    INTEGER NOT NULL CHECK (sequence >= 0),
	traceparent TEXT NOT NULL,
	data        TEXT NOT NULL
) STRICT;

CREATE TABLE event_handled (
	event_id TEXT NOT NULL CHECK (length(event_id) = 36 AND event_id LIKE '________-____-____-____-____________' AND event_id NOT GLOB '*[^0-9a-f-]*'),
	consumer TEXT NOT NULL,
	at_us    INTEGER NOT NULL,
	PRIMARY KEY (event_id, consumer)
) STRICT, WITHOUT ROWID;

CREATE TABLE leases ( -- a few rows, renewed all the time
	name     TEXT NOT NULL PRIMARY KEY,
	holder   TEXT NOT NULL CHECK (holder <> ''),
	until_us INTEGER NOT NULL
) STRICT;

CREATE TABLE idempotency_keys (
	user_id     TEXT NOT NULL CHECK (length(user_id) = 36 AND user_id LIKE '________-____-____-____-____________' AND user_id NOT GLOB '*[^0-9a-f-]*'),
	route       TEXT NOT NULL,
	key         TEXT NOT NULL CHECK (length(key) BETWEEN 1 AND 255),
	fingerprint BLOB NOT NULL,
	status      INTEGER NOT NULL CHECK (status BETWEEN 100 AND 599),
	location    TEXT NOT NULL,
	body        BLOB NOT NULL,
	at_us       INTEGER NOT NULL,
	PRIMARY KEY (user_id, route, key)
) STRICT;
CREATE INDEX idempotency_keys_age ON idempotency_keys (at_us);
