-- +goose Up

-- It grows with every change of the product itself (not of its stock or likes), so that a
-- cache can ask whether what it has is still true. Somebody who changes a product by hand
-- must add 1 to it.
ALTER TABLE products ADD COLUMN version BIGINT NOT NULL DEFAULT 1 CHECK (version > 0);
