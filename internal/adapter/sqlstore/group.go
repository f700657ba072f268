package sqlstore

import (
	"bytes"
	"cmp"
	"context"
	"slices"

	"github.com/loopers-commerce/commerce/internal/base/id"
	"github.com/loopers-commerce/commerce/internal/domain/point"
	"github.com/loopers-commerce/commerce/internal/domain/product"
	"github.com/loopers-commerce/commerce/internal/store"
)

type group struct{ *session }

// Lock implements store.GroupTable.
func (t group) Lock(ctx context.Context, needs store.GroupNeeds) (store.GroupState, error) {
	found := store.GroupState{
		Claims: make(map[store.Key]store.Claim, len(needs.Keys)), Products: make(map[int64]product.Listing, len(needs.Products)),
		Wallets: make(map[id.ID]point.Wallet, len(needs.Wallets)), Stocks: make(map[int64]product.Stock, len(needs.Products)),
		Coupons: map[store.NamedCoupon]store.GroupCoupon{},
	}
	lookups, err := t.lookups(needs, found)
	if err != nil {
		return found, t.fail(err)
	}
	return found, t.changeAll(ctx, lookups)
}

// lookups returns the statements of Lock, in the order of locks.
func (t group) lookups(needs store.GroupNeeds, found store.GroupState) ([]lookup, error) {
	needs.Keys = unique(needs.Keys, func(a, b store.Key) int {
		return cmp.Or(compareIDs(a.UserID, b.UserID), cmp.Compare(a.Route, b.Route), cmp.Compare(a.Key, b.Key))
	})
	lookups, err := t.claims(needs.Keys, found.Claims)
	if err != nil {
		return nil, err
	}
	lookups = append(lookups, t.products(needs.Products, found.Products)...)
	lookups = append(lookups, t.wallets(needs, found.Wallets)...)
	coupons, err := t.coupons(needs, found.Coupons)
	return append(append(lookups, coupons...), t.stocks(needs, found.Stocks)...), err
}

// claims claims each key and reads its answer. The notes at keys.Claim hold here, too.
func (t group) claims(wanted []store.Key, found map[store.Key]store.Claim) ([]lookup, error) {
	if len(wanted) == 0 {
		return nil, nil
	}
	numbers := make([]int64, len(wanted))
	for i := range numbers {
		numbers[i] = int64(i)
	}
	set, args, err := t.dialect.Set(1, []Column{
		{"n", Integer, numbers}, {"lock", BigInt, collect(wanted, lockOf)},
		{"user_id", UUID, collect(wanted, func(k store.Key) id.ID { return k.UserID })},
		{"route", Text, collect(wanted, func(k store.Key) string { return k.Route })},
		{"key", Text, collect(wanted, func(k store.Key) string { return k.Key })},
	}, Joined)
	q := stmt(`
		SELECT v.n, `+t.dialect.TryLock("v.lock")+`, k.fingerprint, k.status, k.location, k.body, k.at_us
		FROM `+set+` v
		LEFT JOIN idempotency_keys k ON k.user_id = v.user_id AND k.route = v.route AND k.key = v.key`, args...)
	return []lookup{{q, func(r row) error {
		var n int64
		c, err := scanClaim(r, &n)
		if err == nil {
			found[wanted[n]] = c
		}
		return err
	}}}, err
}

// products reads as little as an order needs.
func (t group) products(wanted []int64, found map[int64]product.Listing) []lookup {
	q := stmt(`
		SELECT p.id, p.name, p.price, p.status, (SELECT s.quantity FROM stocks s WHERE s.product_id = p.id)
		FROM products p WHERE `+t.dialect.In("p.id", BigInt, 1), unique(wanted, cmp.Compare[int64]))
	return []lookup{{q, func(r row) error {
		var l product.Listing
		err := r.Scan(&l.ID, &l.Name, &l.Price, &l.Status, &l.Stock)
		found[l.ID] = l
		return err
	}}}
}

func (t group) wallets(needs store.GroupNeeds, found map[id.ID]point.Wallet) []lookup {
	lock := func(users []id.ID, how string, row func(row) error) lookup {
		q := stmt(`SELECT user_id, balance FROM wallets WHERE `+t.dialect.In("user_id", UUID, 1)+` ORDER BY user_id `+how,
			unique(users, compareIDs))
		return lookup{q, row}
	}
	var lookups []lookup
	if len(needs.Wait.Wallets) > 0 {
		lookups = append(lookups, lock(needs.Wait.Wallets, t.dialect.ForUpdate, nil))
	}
	return append(lookups, lock(needs.Wallets, t.skipping(t.dialect.ForUpdate), func(r row) error {
		w, err := scanWallet(r)
		found[w.UserID()] = w
		return err
	}))
}

func (t group) stocks(needs store.GroupNeeds, found map[int64]product.Stock) []lookup {
	lock := func(products []int64, how string, row func(row) error) lookup {
		q := stmt(`SELECT product_id, quantity FROM stocks WHERE `+t.dialect.In("product_id", BigInt, 1)+` ORDER BY product_id `+how,
			unique(products, cmp.Compare[int64]))
		return lookup{q, row}
	}
	var lookups []lookup
	if len(needs.Wait.Products) > 0 {
		lookups = append(lookups, lock(needs.Wait.Products, t.dialect.ForUpdate, nil))
	}
	return append(lookups, lock(needs.Products, t.skipping(t.dialect.ForUpdate), func(r row) error {
		var pid, quantity int64
		err := r.Scan(&pid, &quantity)
		found[pid] = product.StockOf(pid, quantity)
		return err
	}))
}

// coupons locks coupons by id, and then reads them with their offers, which are not
// locked.
func (t group) coupons(needs store.GroupNeeds, found map[store.NamedCoupon]store.GroupCoupon) ([]lookup, error) {
	if len(needs.Coupons) == 0 {
		return nil, nil
	}
	var lookups []lookup
	if len(needs.Wait.Coupons) > 0 {
		q, err := t.namedCoupons(lockNamed, needs.Wait.Coupons, t.ofRow(t.dialect.ForUpdate))
		if err != nil {
			return nil, err
		}
		lookups = append(lookups, lookup{Stmt: q})
	}
	locking, err := t.namedCoupons(lockNamed, needs.Coupons, t.skipping(t.ofRow(t.dialect.ForUpdate)))
	if err != nil {
		return nil, err
	}
	reading, err := t.namedCoupons(selectNamed, needs.Coupons, "")
	locked := map[id.ID]bool{}
	lookups = append(lookups, lookup{locking, func(r row) error {
		owned, err := scalar[id.ID](r)
		locked[owned] = true
		return err
	}})
	return append(lookups, lookup{reading, func(r row) error {
		var n store.NamedCoupon
		c, err := scanOwned(prefixed{r, []any{&n.Named}})
		n.User = c.UserID
		found[n] = store.GroupCoupon{IssuedCoupon: c, Locked: locked[c.ID]}
		return err
	}}), err
}

const (
	lockNamed   = `SELECT o.id FROM owned_coupons o`
	selectNamed = `SELECT v.named, ` + ownedColumns + ` FROM owned_coupons o JOIN coupons c ON c.id = o.coupon_id`
)

func (t group) namedCoupons(read string, wanted []store.NamedCoupon, how string) (Stmt, error) {
	wanted = unique(wanted, func(a, b store.NamedCoupon) int {
		return cmp.Or(compareIDs(a.User, b.User), compareIDs(a.Named, b.Named))
	})
	set, args, err := t.dialect.Set(1, []Column{
		{"user_id", UUID, collect(wanted, func(n store.NamedCoupon) id.ID { return n.User })},
		{"named", UUID, collect(wanted, func(n store.NamedCoupon) id.ID { return n.Named })},
	}, Joined)
	return stmt(read+` JOIN `+set+` v ON o.user_id = v.user_id AND (o.id = v.named OR o.coupon_id = v.named) ORDER BY o.id `+how, args...), err
}

// skipping returns the suffix of a SELECT that locks, for one that skips what others have
// locked.
func (t group) skipping(how string) string {
	if how == "" {
		return ""
	}
	return how + ` SKIP LOCKED`
}

// ofRow returns the suffix of a SELECT that locks, for one that locks the rows of o only.
func (t group) ofRow(how string) string {
	if how == "" {
		return ""
	}
	return how + ` OF o`
}

// prefixed is a row whose first columns go elsewhere.
type prefixed struct {
	row
	ahead []any
}

// Scan implements row.
func (p prefixed) Scan(dest ...any) error { return p.row.Scan(append(p.ahead, dest...)...) }

// unique returns the values in order, each once.
func unique[T comparable](values []T, compare func(a, b T) int) []T {
	sorted := slices.Clone(values)
	slices.SortFunc(sorted, compare)
	return slices.Compact(sorted)
}

func compareIDs(a, b id.ID) int { return bytes.Compare(a[:], b[:]) }
