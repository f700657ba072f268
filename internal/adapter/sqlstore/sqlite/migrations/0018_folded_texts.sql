-- +goose Up

-- LoginIds, emails and the names of brands are unique whatever their case, and however they
-- are encoded. Programs fold them: text.Fold and user.Key. `commerce migrate` folds what was
-- there before, or was added by a program of the version before. The younger one of two rows
-- whose texts are equal folded has the character U+001F and its id, which no text is folded to.
ALTER TABLE users ADD COLUMN login_folded TEXT;
ALTER TABLE users ADD COLUMN email_folded TEXT;
ALTER TABLE brands ADD COLUMN folded TEXT;
CREATE UNIQUE INDEX users_login_folded_key ON users (login_folded);
CREATE UNIQUE INDEX users_email_folded_key ON users (email_folded);
CREATE UNIQUE INDEX brands_folded_key ON brands (folded);

-- What `commerce migrate` looks at.
CREATE INDEX users_login_unfolded ON users (id) WHERE login_folded IS NULL OR login_folded < ' ';
CREATE INDEX users_email_unfolded ON users (id) WHERE email_folded IS NULL OR email_folded < ' ';
CREATE INDEX brands_unfolded ON brands (id) WHERE folded IS NULL OR folded < ' ';

-- Somebody who changes a text by hand does not fold it: what is no longer true is dropped.
-- +goose StatementBegin
CREATE TRIGGER users_login_changed AFTER UPDATE OF login_id ON users WHEN OLD.login_id <> NEW.login_id
BEGIN
	UPDATE users SET login_folded = NULL WHERE id = NEW.id;
END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER users_email_changed AFTER UPDATE OF email ON users WHEN OLD.email <> NEW.email
BEGIN
	UPDATE users SET email_folded = NULL WHERE id = NEW.id;
END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER brands_renamed AFTER UPDATE OF name ON brands WHEN OLD.name <> NEW.name
BEGIN
	UPDATE brands SET folded = NULL WHERE id = NEW.id;
END;
-- +goose StatementEnd

-- Blanks other than single spaces, and characters that are not seen, are folded otherwise than
-- before: such names of products are folded again.
UPDATE products SET folded = NULL WHERE folded IS NOT NULL AND (name GLOB '*  *' OR name GLOB '*['
	|| char(0x09) || '-' || char(0x0D) || char(0x85, 0xA0, 0xAD, 0x34F, 0x61C, 0x115F, 0x1160, 0x1680, 0x17B4, 0x17B5)
	|| char(0x180B) || '-' || char(0x180F) || char(0x2000) || '-' || char(0x200F) || char(0x2028) || '-' || char(0x202F)
	|| char(0x205F) || '-' || char(0x206F) || char(0x3000, 0x3164) || char(0xFE00) || '-' || char(0xFE0F) || char(0xFEFF, 0xFFA0)
	|| char(0xFFF0) || '-' || char(0xFFF8) || char(0x1BCA0) || '-' || char(0x1BCA3) || char(0x1D173) || '-' || char(0x1D17A)
	|| char(0xE0000) || '-' || char(0xE0FFF) || ']*');
DELETE FROM product_grams WHERE rowid IN (SELECT id FROM products WHERE folded IS NULL);
