package sqlstore

import (
	"context"

	"github.com/loopers-commerce/commerce/internal/base/text"
	"github.com/loopers-commerce/commerce/internal/domain/product"
	"github.com/loopers-commerce/commerce/internal/store"
)

// Search is the index of the names of products, in the words of an engine.
type Search interface {
	// Index returns the writes that index names, beside that of the column
	// products.folded. Products that are indexed already are passed over.
	Index(names Names, set func(...Column) (table string, args []any, err error)) ([]Stmt, error)
	// Find returns the statement that reads the ids of up to limit products whose name
	// contains a folded text.
	Find(folded string, limit int) Stmt
}

// Names are folded names of products.
type Names struct {
	IDs    []int64
	Folded []string
}

type names struct{ *session }

// Missing implements product.NameTable. The rows are locked: nobody may change a name that
// is about to be indexed.
func (t names) Missing(ctx context.Context, after int64, limit int) ([]product.Named, error) {
	q := stmt(`
		SELECT p.id, p.name FROM products p
		WHERE p.folded IS NULL AND p.id > $1 ORDER BY p.id LIMIT $2 `+t.dialect.ForUpdate, after, limit)
	return all(ctx, t.change, q, func(r row) (n product.Named, err error) {
		err = r.Scan(&n.ID, &n.Name)
		return n, err
	})
}

// Add implements product.NameTable.
func (t names) Add(all ...product.Named) {
	if len(all) == 0 {
		return
	}
	folded := t.index(all)
	table, args, err := t.set(Column{"id", BigInt, folded.IDs}, Column{"folded", Text, folded.Folded})
	if err != nil {
		_ = t.fail(err)
		return
	}
	t.exec(`UPDATE products SET folded = v.folded FROM `+table+` v WHERE products.id = v.id AND products.folded IS NULL`, args...)
}

// index queues the writes that index names, and returns the folded names.
func (t names) index(all []product.Named) Names {
	folded := Names{
		IDs:    collect(all, func(n product.Named) int64 { return n.ID }),
		Folded: collect(all, func(n product.Named) string { return text.Fold(n.Name) }),
	}
	writes, err := t.search.Index(folded, t.set)
	if err != nil {
		_ = t.fail(err)
	}
	for _, st := range writes {
		t.queue(st)
	}
	return folded
}

func (t names) set(columns ...Column) (string, []any, error) { return t.dialect.Set(1, columns) }

// Containing is the pattern of what contains a folded text. The texts are folded, so it does
// not matter that LIKE ignores the case of ASCII on SQLite.
func Containing(folded string) string { return "%" + escapeLike(folded) + "%" }

const (
	longestGram = 3
	// mostGrams bounds the work for a long text. Some of its parts are enough: what is found
	// is compared with the whole text.
	mostGrams = 64
)

// Grams are the parts of a folded text that are looked up in the index: its parts of three
// characters, or the whole text if it is shorter. Three are rare enough, and a text of one or
// two characters, such as many words of Korean, is a part by itself.
func Grams(folded string) []string {
	runes := []rune(folded)
	grams := gramsOf(runes, min(len(runes), longestGram))
	return grams[:min(len(grams), mostGrams)]
}

// AllGrams are the parts of a folded name that are in the index.
func AllGrams(folded string) (grams []string) {
	for n := range longestGram {
		grams = append(grams, gramsOf([]rune(folded), n+1)...)
	}
	return grams
}

func gramsOf(runes []rune, n int) (grams []string) {
	seen := map[string]bool{}
	for i := 0; i+n <= len(runes); i++ {
		if gram := string(runes[i : i+n]); !seen[gram] {
			seen[gram] = true
			grams = append(grams, gram)
		}
	}
	return grams
}

// namesAtOnce is how many names a migration adds in a transaction.
const namesAtOnce = 500

// addMissingNames adds the names of products that were there before the index, or were
// changed by a program of the version before.
func (d *DB) addMissingNames(ctx context.Context) error {
	var last int64
	for {
		var found []product.Named
		err := d.Update(ctx, func(tx store.Tx) (err error) {
			found, err = tx.Names.Missing(ctx, last, namesAtOnce)
			tx.Names.Add(found...)
			return err
		})
		if err != nil || len(found) < namesAtOnce {
			return err
		}
		last = found[len(found)-1].ID
	}
}
