-- +goose Up

-- The ranking of a brand needs the ids of all its products. Those that are not hidden
-- have an index; this one has the others, and costs nothing for a product on sale.
CREATE INDEX products_brand_hidden ON products (brand_id, id) WHERE status = 'HIDDEN';
