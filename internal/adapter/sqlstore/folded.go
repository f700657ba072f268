package sqlstore

import (
	"context"
	"fmt"
	"hash/maphash"
	"slices"

	"github.com/loopers-commerce/commerce/internal/base/id"
	"github.com/loopers-commerce/commerce/internal/base/text"
	"github.com/loopers-commerce/commerce/internal/domain/user"
	"github.com/loopers-commerce/commerce/internal/store"
)

// folding is a text that is unique when it is folded. The folded text is in a column of its
// own, which has a unique key. K is the type of the ids.
type folding[K any] struct {
	table, column, folded string
	key                   func(string) string
	ids                   Type
}

func logins() folding[id.ID] {
	return folding[id.ID]{"users", "login_id", "login_folded", user.Key, UUID}
}

func emails() folding[id.ID] {
	return folding[id.ID]{"users", "email", "email_folded", text.Fold, UUID}
}

func brandNames() folding[int64] {
	return folding[int64]{"brands", "name", "folded", text.Fold, BigInt}
}

// textOf is a text with the id of its row.
type textOf[K any] struct {
	id   K
	text string
}

// twinKey is the folded text of a row whose own is taken by another one. No text is folded to
// it: it begins with a control character.
func twinKey[K any](rowID K) string { return fmt.Sprint("\x1f", rowID) }

// foldMissing folds what is not folded: it was there before it was unique so, was added by a
// program of the version before, or changed by hand. And it folds what was the twin of a row
// that is gone or was changed.
func (d *DB) foldMissing(ctx context.Context) error {
	for _, fill := range []func(context.Context, *DB) error{logins().fill, emails().fill, brandNames().fill} {
		if err := fill(ctx, d); err != nil {
			return err
		}
	}
	return nil
}

func (u folding[K]) fill(ctx context.Context, d *DB) error {
	var last K
	for {
		var found []textOf[K]
		err := d.Update(ctx, func(tx store.Tx) (err error) {
			t, _ := tx.Users.(users)
			found, err = u.fillSome(ctx, t.session, last)
			return err
		})
		if err != nil {
			return fmt.Errorf("%s.%s: %w", u.table, u.folded, err)
		}
		if len(found) < namesAtOnce {
			return nil
		}
		last = found[len(found)-1].id
	}
}

// fillSome folds some rows in the order of their ids, which is that of their age.
func (u folding[K]) fillSome(ctx context.Context, s *session, after K) ([]textOf[K], error) {
	found, err := u.page(ctx, s, u.unfolded()+s.dialect.ForUpdate, after)
	if err != nil || len(found) == 0 {
		return nil, err
	}
	keys := collect(found, func(t textOf[K]) string { return u.key(t.text) })
	taken := map[string]bool{"": true}
	q := stmt(`SELECT `+u.folded+` FROM `+u.table+` WHERE `+s.dialect.In(u.folded, Text, 1), keys)
	held, err := all(ctx, s.each, q, scalar[string])
	if err != nil {
		return nil, err
	}
	for _, key := range held {
		taken[key] = true
	}
	for i, t := range found {
		if taken[keys[i]] {
			keys[i] = twinKey(t.id)
		}
		taken[keys[i]] = true
	}
	ids := collect(found, func(t textOf[K]) K { return t.id })
	table, args, err := s.dialect.Set(1, []Column{{"id", u.ids, ids}, {"folded", Text, keys}})
	if err != nil {
		return nil, err
	}
	s.exec(`UPDATE `+u.table+` SET `+u.folded+` = v.folded FROM `+table+` v WHERE `+u.table+`.id = v.id`, args...)
	return found, nil
}

// every is the query for the rows after one.
func (u folding[K]) every() string { return u.query("") }

// unfolded is the query for the rows after one that are not folded, or are twins.
func (u folding[K]) unfolded() string {
	return u.query(` AND (` + u.folded + ` IS NULL OR ` + u.folded + ` < ' ')`)
}

func (u folding[K]) query(condition string) string {
	return `SELECT id, ` + u.column + ` FROM ` + u.table + ` WHERE id > $1` + condition + ` ORDER BY id LIMIT $2 `
}

// page returns the next rows of a query.
func (u folding[K]) page(ctx context.Context, s *session, query string, after K) ([]textOf[K], error) {
	return all(ctx, s.each, stmt(query, after, namesAtOnce), func(r row) (t textOf[K], err error) {
		err = r.Scan(&t.id, &t.text)
		return t, err
	})
}

// Twin is a row whose text is equal to that of an older row when both are folded. Both were
// there before such texts were unique, and both work as before.
type Twin struct {
	Table  string `json:"table"`
	Column string `json:"column"`
	ID     string `json:"id"`
	Text   string `json:"text"`
	Older  string `json:"olderId"`
	Other  string `json:"olderText"`
}

// Twins returns the twins of all tables, in the order of their ids. They are found by their
// texts, so the tables may be those of a version before.
func (d *DB) Twins(ctx context.Context) (found []Twin, err error) {
	if have, _, err := d.Version(ctx); err != nil || have == 0 {
		return nil, err
	}
	for _, find := range []func(context.Context, *DB) ([]Twin, error){logins().twins, emails().twins, brandNames().twins} {
		some, err := find(ctx, d)
		if err != nil {
			return nil, fmt.Errorf("look for twins: %w", err)
		}
		found = append(found, some...)
	}
	return found, nil
}

// twins reads all texts twice: a table may have many, and few are twins. At first it keeps a
// number for each, and then the texts of those whose number occurs twice.
func (u folding[K]) twins(ctx context.Context, d *DB) (found []Twin, err error) {
	var numbers []uint64
	seed := maphash.MakeSeed()
	err = u.each(ctx, d, func(t textOf[K]) { numbers = append(numbers, maphash.String(seed, u.key(t.text))) })
	if err != nil {
		return nil, err
	}
	slices.Sort(numbers)
	twice := map[uint64]bool{}
	for i, n := range numbers {
		if i > 0 && numbers[i-1] == n {
			twice[n] = true
		}
	}
	if len(twice) == 0 {
		return nil, nil
	}
	oldest := map[string]textOf[K]{}
	err = u.each(ctx, d, func(t textOf[K]) {
		key := u.key(t.text)
		if !twice[maphash.String(seed, key)] {
			return
		}
		first, has := oldest[key]
		if !has {
			oldest[key] = t
			return
		}
		found = append(found, Twin{u.table, u.column, fmt.Sprint(t.id), t.text, fmt.Sprint(first.id), first.text})
	})
	return found, err
}

// each calls fn with the text of each row, in the order of their ids.
func (u folding[K]) each(ctx context.Context, d *DB, fn func(textOf[K])) error {
	var last K
	for {
		var found []textOf[K]
		err := d.read(ctx, func(s *session) (err error) {
			found, err = u.page(ctx, s, u.every(), last)
			return err
		})
		if err != nil {
			return err
		}
		for _, t := range found {
			fn(t)
		}
		if len(found) < namesAtOnce {
			return nil
		}
		last = found[len(found)-1].id
	}
}
