-- +goose Up

-- Products can be read, and not changed, while their like counts are copied.
LOCK TABLE products IN SHARE ROW EXCLUSIVE MODE;

-- Like counts change all the time. In a table of their own they have three indexes instead of
-- nine, and short rows. Triggers copy what the lists need of the product. The column
-- products.like_count is for programs of the version before, whose counts are added here.
CREATE TABLE product_likes (
	product_id BIGINT PRIMARY KEY REFERENCES products (id),
	brand_id   BIGINT NOT NULL,
	hidden     BOOLEAN NOT NULL,
	like_count BIGINT NOT NULL -- may trail an unlike that overtook its like
) WITH (fillfactor = 80);
INSERT INTO product_likes SELECT id, brand_id, status = 'HIDDEN', like_count FROM products;
CREATE INDEX product_likes_all ON product_likes (like_count, product_id) WHERE NOT hidden;
CREATE INDEX product_likes_brand ON product_likes (brand_id, like_count, product_id) WHERE NOT hidden;

-- +goose StatementBegin
CREATE FUNCTION product_likes_add() RETURNS TRIGGER LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
	INSERT INTO product_likes VALUES (NEW.id, NEW.brand_id, NEW.status = 'HIDDEN', NEW.like_count);
	RETURN NULL;
END $$;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE FUNCTION product_likes_follow() RETURNS TRIGGER LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
	UPDATE product_likes SET brand_id = NEW.brand_id, hidden = NEW.status = 'HIDDEN', like_count = like_count + NEW.like_count - OLD.like_count
	WHERE product_id = NEW.id;
	RETURN NULL;
END $$;
-- +goose StatementEnd
CREATE TRIGGER products_added AFTER INSERT ON products FOR EACH ROW EXECUTE FUNCTION product_likes_add();
CREATE TRIGGER products_changed AFTER UPDATE OF brand_id, status, like_count ON products FOR EACH ROW
	WHEN (OLD.brand_id <> NEW.brand_id OR OLD.status <> NEW.status OR OLD.like_count <> NEW.like_count) EXECUTE FUNCTION product_likes_follow();

-- The name as the search compares it. Programs fold it: text.Fold. A product without it is
-- not found by its name; `commerce migrate` adds what is missing.
ALTER TABLE products ADD COLUMN folded TEXT COLLATE "C";
CREATE INDEX products_unfolded ON products (id) WHERE folded IS NULL;

-- A program of the version before, or somebody who changes products by hand, does not fold:
-- what is no longer true is dropped.
-- +goose StatementBegin
CREATE FUNCTION products_unfold() RETURNS TRIGGER LANGUAGE plpgsql AS $$
BEGIN
	NEW.folded := NULL;
	RETURN NEW;
END $$;
-- +goose StatementEnd
CREATE TRIGGER products_renamed BEFORE UPDATE OF name ON products FOR EACH ROW
	WHEN (OLD.name <> NEW.name) EXECUTE FUNCTION products_unfold();

-- The parts of a name of one, two and three characters: see sqlstore.Grams.
-- The cost keeps the planner from computing them for every row, and from using several
-- processes for that.
CREATE FUNCTION product_grams(folded TEXT) RETURNS TEXT[] LANGUAGE SQL IMMUTABLE STRICT PARALLEL RESTRICTED COST 1000
RETURN ARRAY(SELECT substr(folded, i, n) FROM generate_series(1, length(folded)) i, generate_series(1, 3) n);

-- Without a list of pending entries, which every search would read as a whole.
CREATE INDEX products_grams ON products USING gin (product_grams(folded)) WITH (fastupdate = off);

DROP INDEX products_likes;
DROP INDEX products_brand_likes;
