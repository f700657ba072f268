-- +goose Up

-- Orders may be paid by card, cheaper by a coupon, and end in two more ways.
-- What is new has a default, so that programs of the version before still work.
ALTER TABLE orders
	DROP CONSTRAINT orders_status_check,
	ADD CONSTRAINT orders_status_check CHECK (status IN ('PENDING', 'PAID', 'CANCELLED', 'FAILED', 'EXPIRED')),
	ADD COLUMN discount        BIGINT NOT NULL DEFAULT 0 CHECK (discount BETWEEN 0 AND amount),
	ADD COLUMN card            BIGINT NOT NULL DEFAULT 0 CHECK (card >= 0),
	ADD COLUMN owned_coupon_id UUID,
	ADD COLUMN coupon_id       UUID,
	ADD COLUMN coupon_name     TEXT,
	ADD CONSTRAINT orders_funds_check CHECK (amount - discount = points + card),
	ADD CONSTRAINT orders_coupon_check CHECK (
		(owned_coupon_id IS NULL) = (coupon_id IS NULL) AND (coupon_id IS NULL) = (coupon_name IS NULL)
		AND (discount = 0 OR owned_coupon_id IS NOT NULL));
CREATE INDEX orders_coupon ON orders (owned_coupon_id) WHERE owned_coupon_id IS NOT NULL;

ALTER TABLE order_history
	DROP CONSTRAINT order_history_status_check,
	ADD CONSTRAINT order_history_status_check CHECK (status IN ('PENDING', 'PAID', 'CANCELLED', 'FAILED', 'EXPIRED'));

CREATE TABLE coupons (
	id               UUID PRIMARY KEY,
	name             TEXT NOT NULL CHECK (length(name) BETWEEN 1 AND 200),
	type             TEXT NOT NULL CHECK (type IN ('FIXED', 'PERCENT')),
	value            BIGINT NOT NULL CHECK (value >= 1 AND (type = 'FIXED' OR value <= 100)),
	max_discount     BIGINT CHECK (max_discount >= 1),
	min_order_amount BIGINT NOT NULL CHECK (min_order_amount >= 0),
	quantity         BIGINT NOT NULL CHECK (quantity >= 1),
	issued           BIGINT NOT NULL CHECK (issued BETWEEN 0 AND quantity),
	valid_days       BIGINT NOT NULL CHECK (valid_days >= 1),
	created_us       BIGINT NOT NULL
) WITH (fillfactor = 80);

CREATE TABLE owned_coupons (
	id         UUID PRIMARY KEY,
	user_id    UUID NOT NULL,
	coupon_id  UUID NOT NULL CONSTRAINT owned_coupons_coupon_id_fkey REFERENCES coupons (id),
	issued_us  BIGINT NOT NULL,
	expires_us BIGINT NOT NULL,
	used_us    BIGINT,
	order_id   UUID,
	CONSTRAINT owned_coupons_user_id_coupon_id_key UNIQUE (user_id, coupon_id),
	CHECK ((used_us IS NULL) = (order_id IS NULL))
);
CREATE INDEX owned_coupons_user ON owned_coupons (user_id, id);
CREATE INDEX owned_coupons_coupon ON owned_coupons (coupon_id);

-- What a card pays of an order. due_us is when somebody looks after it next.
CREATE TABLE payments (
	id         UUID PRIMARY KEY,
	order_id   UUID NOT NULL CONSTRAINT payments_order_id_key UNIQUE REFERENCES orders (id),
	user_id    UUID NOT NULL,
	status     TEXT NOT NULL CHECK (status IN ('PENDING', 'APPROVED', 'DECLINED', 'REFUNDED')),
	amount     BIGINT NOT NULL CHECK (amount > 0),
	card_type  TEXT NOT NULL,
	card_last4 TEXT NOT NULL CHECK (card_last4 ~ '^[0-9]{4}$'), -- never more of the number than this
	charge_key TEXT NOT NULL, -- of the charge that decided; empty where none did
	reason     TEXT NOT NULL,
	created_us BIGINT NOT NULL,
	ended_us   BIGINT,
	due_us     BIGINT,
	CHECK ((status = 'PENDING') = (ended_us IS NULL)),
	CHECK (status <> 'APPROVED' OR charge_key <> '')
) WITH (fillfactor = 80);
CREATE INDEX payments_waiting ON payments (due_us) WHERE status = 'PENDING';
CREATE INDEX payments_watched ON payments (due_us) WHERE status <> 'PENDING' AND due_us IS NOT NULL;
CREATE INDEX payments_status ON payments (status, id);

CREATE TABLE payment_history ( -- only appended to
	id         BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	payment_id UUID NOT NULL,
	at_us      BIGINT NOT NULL,
	what       TEXT NOT NULL CHECK (what <> ''),
	detail     TEXT NOT NULL,
	actor      TEXT NOT NULL
);
CREATE INDEX payment_history_payment ON payment_history (payment_id, id);

-- Transactions at the gateway, as far as we have heard of them. A key is unique
-- within an order: what a gateway does beyond that is not ours to rely on.
CREATE TABLE charges (
	charge_key TEXT NOT NULL CHECK (charge_key <> ''),
	order_id   UUID NOT NULL,
	amount     BIGINT NOT NULL,
	status     TEXT NOT NULL CHECK (status IN ('PENDING', 'SUCCESS', 'FAILED', 'CANCELLED')),
	reason     TEXT NOT NULL,
	refund     TEXT NOT NULL CHECK (refund IN ('NONE', 'DUE', 'DONE')),
	heard_us   BIGINT NOT NULL,
	PRIMARY KEY (order_id, charge_key)
) WITH (fillfactor = 80);
CREATE INDEX charges_due ON charges (order_id) WHERE refund = 'DUE';
