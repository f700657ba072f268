-- +goose Up

-- LoginIds, emails and the names of brands are unique whatever their case, and however they
-- are encoded. Programs fold them: text.Fold and user.Key. `commerce migrate` folds what was
-- there before, or was added by a program of the version before. The younger one of two rows
-- whose texts are equal folded has the character U+001F and its id, which no text is folded to.
ALTER TABLE users
	ADD COLUMN login_folded TEXT COLLATE "C" CONSTRAINT users_login_folded_key UNIQUE,
	ADD COLUMN email_folded TEXT COLLATE "C" CONSTRAINT users_email_folded_key UNIQUE;
ALTER TABLE brands ADD COLUMN folded TEXT COLLATE "C" CONSTRAINT brands_folded_key UNIQUE;

-- What `commerce migrate` looks at.
CREATE INDEX users_login_unfolded ON users (id) WHERE login_folded IS NULL OR login_folded < ' ';
CREATE INDEX users_email_unfolded ON users (id) WHERE email_folded IS NULL OR email_folded < ' ';
CREATE INDEX brands_unfolded ON brands (id) WHERE folded IS NULL OR folded < ' ';

-- Somebody who changes a text by hand does not fold it: what is no longer true is dropped.
-- +goose StatementBegin
CREATE FUNCTION users_unfold_login() RETURNS TRIGGER LANGUAGE plpgsql AS $$
BEGIN
	NEW.login_folded := NULL;
	RETURN NEW;
END $$;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE FUNCTION users_unfold_email() RETURNS TRIGGER LANGUAGE plpgsql AS $$
BEGIN
	NEW.email_folded := NULL;
	RETURN NEW;
END $$;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE FUNCTION brands_unfold() RETURNS TRIGGER LANGUAGE plpgsql AS $$
BEGIN
	NEW.folded := NULL;
	RETURN NEW;
END $$;
-- +goose StatementEnd
CREATE TRIGGER users_login_changed BEFORE UPDATE OF login_id ON users FOR EACH ROW
	WHEN (OLD.login_id <> NEW.login_id) EXECUTE FUNCTION users_unfold_login();
CREATE TRIGGER users_email_changed BEFORE UPDATE OF email ON users FOR EACH ROW
	WHEN (OLD.email <> NEW.email) EXECUTE FUNCTION users_unfold_email();
CREATE TRIGGER brands_renamed BEFORE UPDATE OF name ON brands FOR EACH ROW
	WHEN (OLD.name <> NEW.name) EXECUTE FUNCTION brands_unfold();

-- Blanks other than single spaces, and characters that are not seen, are folded otherwise than
-- before: such names of products are folded again.
UPDATE products SET folded = NULL WHERE folded IS NOT NULL AND (name LIKE '%  %' OR name ~ (E'[\u0009-\u000D\u0085\u00A0\u00AD'
	|| E'\u034F\u061C\u115F\u1160\u1680\u17B4\u17B5\u180B-\u180F\u2000-\u200F\u2028-\u202F\u205F-\u206F\u3000\u3164\uFE00-\uFE0F'
	|| E'\uFEFF\uFFA0\uFFF0-\uFFF8\U0001BCA0-\U0001BCA3\U0001D173-\U0001D17A\U000E0000-\U000E0FFF]'));
