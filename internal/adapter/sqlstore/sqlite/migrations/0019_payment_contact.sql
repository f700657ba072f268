-- +goose Up

-- What an operator wants to know of the talks with the gateway: how often the card was
-- sent, and when last; what the gateway said last, and when. attention_us is since when an
-- operator has to end the order: it is paid, and the gateway gave the money back.
ALTER TABLE payments ADD COLUMN card_sends INTEGER NOT NULL DEFAULT 0 CHECK (card_sends >= 0);
ALTER TABLE payments ADD COLUMN card_sent_us INTEGER;
ALTER TABLE payments ADD COLUMN said TEXT NOT NULL DEFAULT '';
ALTER TABLE payments ADD COLUMN said_us INTEGER;
ALTER TABLE payments ADD COLUMN attention_us INTEGER;
CREATE INDEX payments_attention ON payments (id) WHERE attention_us IS NOT NULL;
