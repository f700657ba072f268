-- One order in a transaction of its own: what the shop sent before orders were placed in groups, recorded on
-- the wire. Each pipeline is one round trip. It is the limit that our orders are compared with, so it stays as
-- it is. The variables v1 to v46 are in order.vars.
\set n :n + 1
\set serial 1000000000000 + :n * 1000 + :client_id
\set buyer random(1, :buyers)
\set product random(1, :products)
\startpipeline
BEGIN;
SELECT c.mine, k.fingerprint, k.status, k.location, k.body, k.at_us FROM (SELECT CASE WHEN pg_try_advisory_xact_lock(:serial) THEN 1 ELSE 0 END AS mine) c LEFT JOIN idempotency_keys k ON k.user_id = lpad(:buyer, 32, '0')::uuid AND k.route = :v1 AND k.key = lpad(:serial, 36, '0');
\endpipeline
\startpipeline
SELECT p.id, COALESCE(p.sku, ''), p.brand_id, p.name, '', p.price, p.status, p.created_us, (SELECT b.name FROM brands b WHERE b.id = p.brand_id), (SELECT s.quantity FROM stocks s WHERE s.product_id = p.id), p.like_count FROM products p WHERE p.id = ANY ((SELECT ARRAY[:product]::bigint[]::bigint[])::bigint[]);
\endpipeline
SELECT user_id, balance FROM wallets WHERE user_id = lpad(:buyer, 32, '0')::uuid FOR NO KEY UPDATE \gset
\set rest :balance - :price
\startpipeline
INSERT INTO orders (id, user_id, status, version, amount, discount, points, card, created_us, owned_coupon_id, coupon_id, coupon_name) VALUES (lpad(:serial, 32, '0')::uuid, lpad(:buyer, 32, '0')::uuid, :v2, :v3, :v4, :v5, :v6, :v7, :v8, NULL, NULL, NULL);
INSERT INTO order_lines (order_id, line, product_id, name, price, quantity) SELECT v.order_id, v.line, v.product_id, v.name, v.price, v.quantity FROM (SELECT * FROM unnest(ARRAY[lpad(:serial, 32, '0')::uuid]::uuid[], :v9::integer[], ARRAY[:product]::bigint[]::bigint[], :v10::text[], :v11::bigint[], :v12::bigint[]) AS u (order_id, line, product_id, name, price, quantity)) v;
INSERT INTO order_history (order_id, version, status, reason, at_us) VALUES (lpad(:serial, 32, '0')::uuid, :v13, :v14, '', :v15);
INSERT INTO order_history (order_id, version, status, reason, at_us) VALUES (lpad(:serial, 32, '0')::uuid, :v16, :v17, '', :v18);
WITH touched AS (UPDATE wallets SET balance = :rest WHERE user_id = lpad(:buyer, 32, '0')::uuid RETURNING 1) SELECT 1 / CASE WHEN COUNT(*) = 1 THEN 1 ELSE 0 END FROM touched;
INSERT INTO point_entries (id, user_id, type, amount, balance, order_id, at_us) VALUES (lpad(:serial, 32, '0')::uuid, lpad(:buyer, 32, '0')::uuid, :v19, :v20, :rest, lpad(:serial, 32, '0')::uuid, :v21);
INSERT INTO outbox (event_id, lane, topic, key, type, time_us, sequence, traceparent, data) VALUES (lpad(:serial, 32, '0')::uuid, :v22, :v23, :v24, :v25, :v26, :v27, :v28, :v29);
INSERT INTO outbox (event_id, lane, topic, key, type, time_us, sequence, traceparent, data) VALUES (lpad(:serial, 32, '0')::uuid, :v30, :v31, :v32, :v33, :v34, :v35, :v36, :v37);
\endpipeline
SELECT product_id, quantity FROM stocks WHERE product_id = ANY ((SELECT ARRAY[:product]::bigint[]::bigint[])::bigint[]) ORDER BY product_id FOR NO KEY UPDATE \gset
\set left :quantity - 1
\startpipeline
WITH touched AS (UPDATE stocks SET quantity = :left WHERE product_id = :product RETURNING 1) SELECT 1 / CASE WHEN COUNT(*) = 1 THEN 1 ELSE 0 END FROM touched;
INSERT INTO stock_movements (product_id, delta, quantity, reason, note, order_id, at_us) VALUES (:product, :v38, :left, :v39, '', lpad(:serial, 32, '0')::uuid, :v40);
INSERT INTO idempotency_keys (user_id, route, key, fingerprint, status, location, body, at_us) VALUES (lpad(:buyer, 32, '0')::uuid, :v41, lpad(:serial, 36, '0'), :v42, :v43, :v44, :v45, :v46);
COMMIT;
\endpipeline
