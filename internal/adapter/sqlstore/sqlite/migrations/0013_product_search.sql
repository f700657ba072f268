-- +goose Up

-- The name as the search compares it. Programs fold it: text.Fold. A product without it is
-- not found by its name; `commerce migrate` adds what is missing.
ALTER TABLE products ADD COLUMN folded TEXT;
CREATE INDEX products_unfolded ON products (id) WHERE folded IS NULL;

-- The parts of a name of one, two and three characters: see sqlstore.Grams.
CREATE VIRTUAL TABLE product_grams USING fts5(grams, content='', contentless_delete=1, detail=none, tokenize='ascii');

-- A program of the version before, or somebody who changes products by hand, does not fold:
-- what is no longer true is dropped.
-- +goose StatementBegin
CREATE TRIGGER products_renamed AFTER UPDATE OF name ON products WHEN OLD.name <> NEW.name
BEGIN
	DELETE FROM product_grams WHERE rowid = NEW.id;
	UPDATE products SET folded = NULL WHERE id = NEW.id;
END;
-- +goose StatementEnd

-- Like counts change all the time. In a table of their own they have few indexes, and short
-- rows. Triggers copy what the lists need of the product. The column products.like_count is
-- for programs of the version before, whose counts are added here.
CREATE TABLE product_likes (
	product_id INTEGER PRIMARY KEY REFERENCES products (id),
	brand_id   INTEGER NOT NULL,
	hidden     INTEGER NOT NULL CHECK (hidden IN (0, 1)),
	like_count INTEGER NOT NULL -- may trail an unlike that overtook its like
) STRICT;
INSERT INTO product_likes SELECT id, brand_id, status = 'HIDDEN', like_count FROM products;
CREATE INDEX product_likes_all ON product_likes (like_count, product_id) WHERE NOT hidden;
CREATE INDEX product_likes_brand ON product_likes (brand_id, like_count, product_id) WHERE NOT hidden;
DROP INDEX products_likes;
DROP INDEX products_brand_likes;

-- +goose StatementBegin
CREATE TRIGGER products_added AFTER INSERT ON products
BEGIN
	INSERT INTO product_likes VALUES (NEW.id, NEW.brand_id, NEW.status = 'HIDDEN', NEW.like_count);
END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER products_changed AFTER UPDATE OF brand_id, status, like_count ON products
	WHEN OLD.brand_id <> NEW.brand_id OR OLD.status <> NEW.status OR OLD.like_count <> NEW.like_count
BEGIN
	UPDATE product_likes SET brand_id = NEW.brand_id, hidden = NEW.status = 'HIDDEN', like_count = like_count + NEW.like_count - OLD.like_count
	WHERE product_id = NEW.id;
END;
-- +goose StatementEnd
