// Package verify checks what must be true of the data while no transaction is in
// progress. Each check is a recount: it compares a row with the sum of the journal, the
// ledger or the events behind it, and lists every difference.
package verify

import (
	"context"
	"time"

	"github.com/loopers-commerce/commerce/internal/store"
)

// Result is the result of one check.
type Result struct {
	Truth       int                `json:"truth"` // the number of the guarantee that it checks
	Check       string             `json:"check"`
	Compares    string             `json:"compares"` // what is compared, for a person
	Compared    int64              `json:"compared"` // how many were compared
	Differences []store.Difference `json:"differences"`
	Texts       []TextDifference   `json:"texts,omitempty"`  // differences of values that are no numbers
	More        int64              `json:"more"`             // differences that are not listed
	Unused      int64              `json:"unused,omitempty"` // cached values that nobody uses; they are not compared
}

// TextDifference is a difference of two values that are no numbers.
type TextDifference struct {
	Subject string `json:"subject"`
	What    string `json:"what"`
	Want    string `json:"want"`
	Got     string `json:"got"`
}

// Right reports whether nothing differs.
func (r Result) Right() bool { return len(r.Differences)+len(r.Texts) == 0 && r.More == 0 }

// maxListed is how many differences of one check are listed.
const maxListed = 100

func (r *Result) note(d store.Difference) {
	if len(r.Differences) < maxListed {
		r.Differences = append(r.Differences, d)
		return
	}
	r.More++
}

// check is one guarantee and the recount that checks it.
type check struct {
	truth          int
	name, compares string
	recount        func(ctx context.Context, tx store.Tx, r *recount) error
}

// ofEvents is the guarantee that each event reached Kafka and was applied once.
const ofEvents = 6

func checks() []check {
	return []check{
		{
			1, "stock", "stock = sum of its movements = stocked - held by live orders, never negative",
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
			3, "coupons", "issued = coupons that users have <= quantity; each coupon is used by one live order at most, the one that it names",
			of(store.Audit.Coupons),
		},
		{
			4, "payments", "an order is PAID if and only if points + approved card amount = its total; a dead one waits for no card",
			of(store.Audit.Paid),
		},
		{
			5, "charges", "charges that took money and have no refund: one for an order that a card paid, none for any other",
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

// of returns a recount that the database makes.
func of(compare func(store.Audit, context.Context, store.AuditReport) error) func(context.Context, store.Tx, *recount) error {
	return func(ctx context.Context, tx store.Tx, r *recount) error { return compare(tx.Audit, ctx, r) }
}

// Auditor runs the checks.
type Auditor struct{ db store.DB }

// New returns an Auditor.
func New(db store.DB) *Auditor { return &Auditor{db} }

// Once runs every check, each on a snapshot of its own: what a check compares, it reads
// from one snapshot, and none is held for longer than one check.
func (a *Auditor) Once(ctx context.Context, progress Progress) ([]Result, error) {
	var results []Result
	for _, c := range checks() {
		r := begin(c, progress)
		err := a.db.Snapshot(ctx, func(tx store.Tx) error { return c.recount(ctx, tx, r) })
		if err != nil {
			return nil, err
		}
		results = append(results, r.Result)
	}
	return results, nil
}

// Settled repeats Once for up to wait, as long as the only differences are those that
// events in progress will resolve. Other differences are wrong at any time, so that
// waiting does not help.
func (a *Auditor) Settled(ctx context.Context, wait time.Duration, progress Progress) ([]Result, error) {
	deadline := time.After(wait)
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

// pause is the time between two attempts.
const pause = 250 * time.Millisecond

// waits reports whether there are differences, all of them about events.
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
