-- +goose Up

-- Orders may be paid by card, cheaper by a coupon, and end in two more ways.
-- SQLite cannot change the CHECKs of a table: it is made anew, and takes the
-- place of the old one (https://www.sqlite.org/lang_altertable.html, section 7;
-- foreign keys are off while migrations run, and checked afterwards).
CREATE TABLE orders_new (
	id              TEXT NOT NULL PRIMARY KEY CHECK (length(id) = 36 AND id LIKE '________-____-____-____-____________' AND id NOT GLOB '*[^0-9a-f-]*'),
	user_id         TEXT NOT NULL REFERENCES users (id) CHECK (length(user_id) = 36 AND user_id LIKE '________-____-____-____-____________' AND user_id NOT GLOB '*[^0-9a-f-]*'),
	status          TEXT NOT NULL CHECK (status IN ('PENDING', 'PAID', 'CANCELLED', 'FAILED', 'EXPIRED')),
	version         INTEGER NOT NULL CHECK (version >= 1),
	amount          INTEGER NOT NULL CHECK (amount >= 0),
	discount        INTEGER NOT NULL DEFAULT 0 CHECK (discount BETWEEN 0 AND amount),
	points          INTEGER NOT NULL CHECK (points BETWEEN 0 AND amount),
	card            INTEGER NOT NULL DEFAULT 0 CHECK (card >= 0),
	owned_coupon_id TEXT CHECK (length(owned_coupon_id) = 36 AND owned_coupon_id LIKE '________-____-____-____-____________' AND owned_coupon_id NOT GLOB '*[^0-9a-f-]*'),
	coupon_id       TEXT CHECK (length(coupon_id) = 36 AND coupon_id LIKE '________-____-____-____-____________' AND coupon_id NOT GLOB '*[^0-9a-f-]*'),
	coupon_name     TEXT,
	created_us      INTEGER NOT NULL,
	CONSTRAINT orders_funds_check CHECK (amount - discount = points + card),
	CONSTRAINT orders_coupon_check CHECK (
		(owned_coupon_id IS NULL) = (coupon_id IS NULL) AND (coupon_id IS NULL) = (coupon_name IS NULL)
		AND (discount = 0 OR owned_coupon_id IS NOT NULL))
) STRICT;
INSERT INTO orders_new (id, user_id, status, version, amount, points, created_us)
	SELECT id, user_id, status, version, amount, points, created_us FROM orders;
DROP TABLE orders;
ALTER TABLE orders_new RENAME TO orders;
CREATE INDEX orders_user ON orders (user_id, id);
CREATE INDEX orders_coupon ON orders (owned_coupon_id) WHERE owned_coupon_id IS NOT NULL;

CREATE TABLE order_history_new (
	order_id TEXT NOT NULL REFERENCES orders (id) CHECK (length(order_id) = 36 AND order_id LIKE '________-____-____-____-____________' AND order_id NOT GLOB '*[^0-9a-f-]*'),
	version  INTEGER NOT NULL CHECK (version >= 1),
	status   TEXT NOT NULL CHECK (status IN ('PENDING', 'PAID', 'CANCELLED', 'FAILED', 'EXPIRED')),
	reason   TEXT NOT NULL,
	at_us    INTEGER NOT NULL,
	PRIMARY KEY (order_id, version)
) STRICT, WITHOUT ROWID;
INSERT INTO order_history_new (order_id, version, status, reason, at_us)
	SELECT order_id, version, status, reason, at_us FROM order_history;
DROP TABLE order_history;
ALTER TABLE order_history_new RENAME TO order_history;

CREATE TABLE coupons (
	id               TEXT NOT NULL PRIMARY KEY CHECK (length(id) = 36 AND id LIKE '________-____-____-____-____________' AND id NOT GLOB '*[^0-9a-f-]*'),
	name             TEXT NOT NULL CHECK (length(name) BETWEEN 1 AND 200),
	type             TEXT NOT NULL CHECK (type IN ('FIXED', 'PERCENT')),
	value            INTEGER NOT NULL CHECK (value >= 1 AND (type = 'FIXED' OR value <= 100)),
	max_discount     INTEGER CHECK (max_discount >= 1),
	min_order_amount INTEGER NOT NULL CHECK (min_order_amount >= 0),
	quantity         INTEGER NOT NULL CHECK (quantity >= 1),
	issued           INTEGER NOT NULL CHECK (issued BETWEEN 0 AND quantity),
	valid_days       INTEGER NOT NULL CHECK (valid_days >= 1),
	created_us       INTEGER NOT NULL
) STRICT;

CREATE TABLE owned_coupons (
	id         TEXT NOT NULL PRIMARY KEY CHECK (length(id) = 36 AND id LIKE '________-____-____-____-____________' AND id NOT GLOB '*[^0-9a-f-]*'),
	user_id    TEXT NOT NULL CHECK (length(user_id) = 36 AND user_id LIKE '________-____-____-____-____________' AND user_id NOT GLOB '*[^0-9a-f-]*'),
	coupon_id  TEXT NOT NULL CONSTRAINT owned_coupons_coupon_id_fkey REFERENCES coupons (id) CHECK (length(coupon_id) = 36 AND coupon_id LIKE '________-____-____-____-____________' AND coupon_id NOT GLOB '*[^0-9a-f-]*'),
	issued_us  INTEGER NOT NULL,
	expires_us INTEGER NOT NULL,
	used_us    INTEGER,
	order_id   TEXT CHECK (length(order_id) = 36 AND order_id LIKE '________-____-____-____-____________' AND order_id NOT GLOB '*[^0-9a-f-]*'),
	CONSTRAINT owned_coupons_user_id_coupon_id_key UNIQUE (user_id, coupon_id),
	CHECK ((used_us IS NULL) = (order_id IS NULL))
) STRICT;
CREATE INDEX owned_coupons_user ON owned_coupons (user_id, id);
CREATE INDEX owned_coupons_coupon ON owned_coupons (coupon_id);

-- What a card pays of an order. due_us is when somebody looks after it next.
CREATE TABLE payments (
	id         TEXT NOT NULL PRIMARY KEY CHECK (length(id) = 36 AND id LIKE '________-____-____-____-____________' AND id NOT GLOB '*[^0-9a-f-]*'),
	order_id   TEXT NOT NULL CONSTRAINT payments_order_id_key UNIQUE REFERENCES orders (id) CHECK (length(order_id) = 36 AND order_id LIKE '________-____-____-____-____________' AND order_id NOT GLOB '*[^0-9a-f-]*'),
	user_id    TEXT NOT NULL CHECK (length(user_id) = 36 AND user_id LIKE '________-____-____-____-____________' AND user_id NOT GLOB '*[^0-9a-f-]*'),
	status     TEXT NOT NULL CHECK (status IN ('PENDING', 'APPROVED', 'DECLINED', 'REFUNDED')),
	amount     INTEGER NOT NULL CHECK (amount > 0),
	card_type  TEXT NOT NULL,
	card_last4 TEXT NOT NULL CHECK (card_last4 GLOB '[0-9][0-9][0-9][0-9]'), -- never more of the number than this
	charge_key TEXT NOT NULL, -- of the charge that decided; empty where none did
	reason     TEXT NOT NULL,
	created_us INTEGER NOT NULL,
	ended_us   INTEGER,
	due_us     INTEGER,
	CHECK ((status = 'PENDING') = (ended_us IS NULL)),
	CHECK (status <> 'APPROVED' OR charge_key <> '')
) STRICT;
CREATE INDEX payments_waiting ON payments (due_us) WHERE status = 'PENDING';
CREATE INDEX payments_watched ON payments (due_us) WHERE status <> 'PENDING' AND due_us IS NOT NULL;
CREATE INDEX payments_status ON payments (status, id);

CREATE TABLE payment_history ( -- only appended to
	id         INTEGER PRIMARY KEY AUTOINCREMENT,
	payment_id TEXT NOT NULL CHECK (length(payment_id) = 36 AND payment_id LIKE '________-____-____-____-____________' AND payment_id NOT GLOB '*[^0-9a-f-]*'),
	at_us      INTEGER NOT NULL,
	what       TEXT NOT NULL CHECK (what <> ''),
	detail     TEXT NOT NULL,
	actor      TEXT NOT NULL
) STRICT;
CREATE INDEX payment_history_payment ON payment_history (payment_id, id);

-- Transactions at the gateway, as far as we have heard of them. A key is unique
-- within an order: what a gateway does beyond that is not ours to rely on.
CREATE TABLE charges (
	charge_key TEXT NOT NULL CHECK (charge_key <> ''),
	order_id   TEXT NOT NULL CHECK (length(order_id) = 36 AND order_id LIKE '________-____-____-____-____________' AND order_id NOT GLOB '*[^0-9a-f-]*'),
	amount     INTEGER NOT NULL,
	status     TEXT NOT NULL CHECK (status IN ('PENDING', 'SUCCESS', 'FAILED', 'CANCELLED')),
	reason     TEXT NOT NULL,
	refund     TEXT NOT NULL CHECK (refund IN ('NONE', 'DUE', 'DONE')),
	heard_us   INTEGER NOT NULL,
	PRIMARY KEY (order_id, charge_key)
) STRICT;
CREATE INDEX charges_due ON charges (order_id) WHERE refund = 'DUE';
