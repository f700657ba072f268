// Package verify checks the truths that the shop's books must hold at every
// moment at which nothing is under way. Each check is a recount: it compares
// what a row says with what the journal, the ledger or the events behind it
// add up to, and names every place that differs.
package verify

import (
	"context"
	"time"

	"github.com/loopers-commerce/commerce/internal/store"
)

// Result is what one check found.
type Result struct {
	Truth       int                `json:"truth"` // number in the contract
	Check       string             `json:"check"`
	Compares    string             `json:"compares"` // with what, for a person
	Compared    int64              `json:"compared"` // how many places
	Differences []store.Difference `json:"differences"`
	More        int64              `json:"more"` // differences beyond those named
}

// Right reports whether nothing differs.
func (r Result) Right() bool { return len(r.Differences) == 0 && r.More == 0 }

// named is how many differences of one check are kept by name.
const named = 100

func (r *Result) note(d store.Difference) {
	if len(r.Differences) < named {
		r.Differences = append(r.Differences, d)
		return
	}
	r.More++
}

// check is one truth and the recount behind it.
type check struct {
	truth          int
	name, compares string
	recount        func(ctx context.Context, tx store.Tx, r *recount) error
}

// ofEvents is the truth about events: each reached Kafka and was applied once.
const ofEvents = 6

func checks() []check {
	return []check{
		{
			1, "stock", "stock = sum of its movements = put in - held by live orders, never negative",
			of(store.Audit.Stock),
		},
		{
			2, "points", "balance = sum of the ledger, never negative",
			of(store.Audit.Wallets),
		},
		{
			2, "spent", "points of an order = what the ledger took for it; nothing once it is dead",
			of(store.Audit.Spent),
		},
		{
			3, "coupons", "as many coupons issued as people have, quantity at most; each used by one live order at most, the one it names",
			of(store.Audit.Coupons),
		},
		{
			4, "payments", "an order is PAID if and only if points + approved card amount = its total; a dead one waits for no card",
			of(store.Audit.Paid),
		},
		{
			5, "charges", "charges that took money and are not given back: one of an order that a card paid, none of any other",
			of(store.Audit.Charged),
		},
		{ofEvents, "outbox", "no committed event waits for Kafka", outbox},
		{
			ofEvents, "likes", "like count = likes = sum of daily net likes",
			of(store.Audit.Likes),
		},
		{ofEvents, "sales", "daily counters of sales = recount of paid orders", sales},
	}
}

// of is a recount that the database makes.
func of(compare func(store.Audit, context.Context, store.AuditReport) error) func(context.Context, store.Tx, *recount) error {
	return func(ctx context.Context, tx store.Tx, r *recount) error { return compare(tx.Audit, ctx, r) }
}

// Auditor checks the books.
type Auditor struct{ db store.DB }

// New returns an auditor.
func New(db store.DB) *Auditor { return &Auditor{db} }

// Once runs every check, all on the same snapshot.
func (a *Auditor) Once(ctx context.Context, progress Progress) ([]Result, error) {
	var results []Result
	err := a.db.Snapshot(ctx, func(tx store.Tx) error {
		for _, c := range checks() {
			r := begin(c, progress)
			if err := c.recount(ctx, tx, r); err != nil {
				return err
			}
			results = append(results, r.Result)
		}
		return nil
	})
	return results, err
}

// Settled is Once, again and again for up to patience while nothing differs but
// what events under way will mend. The rest is wrong at any moment, and no
// waiting helps.
func (a *Auditor) Settled(ctx context.Context, patience time.Duration, progress Progress) ([]Result, error) {
	deadline := time.After(patience)
	for {
		results, err := a.Once(ctx, progress)
		if err != nil || !waits(results) {
			return results, err
		}
		select {
		case <-ctx.Done():
			return results, ctx.Err()
		case <-deadline:
			return results, nil
		case <-time.After(pause):
		}
	}
}

// pause is how long events under way are given before the next look.
const pause = 250 * time.Millisecond

// waits reports whether something differs, and only what follows from events.
func waits(results []Result) bool {
	differs := false
	for _, r := range results {
		if !r.Right() && r.Truth != ofEvents {
			return false
		}
		differs = differs || !r.Right()
	}
	return differs
}
