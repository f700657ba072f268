// Package store is the one door to the database. A transaction is a struct of
// small tables that commit together.
package store

import (
	"context"
	"errors"
	"time"

	"github.com/loopers-commerce/commerce/internal/base/id"
	"github.com/loopers-commerce/commerce/internal/contract/event"
	"github.com/loopers-commerce/commerce/internal/domain/coupon"
	"github.com/loopers-commerce/commerce/internal/domain/like"
	"github.com/loopers-commerce/commerce/internal/domain/metric"
	"github.com/loopers-commerce/commerce/internal/domain/order"
	"github.com/loopers-commerce/commerce/internal/domain/payment"
	"github.com/loopers-commerce/commerce/internal/domain/point"
	"github.com/loopers-commerce/commerce/internal/domain/product"
	"github.com/loopers-commerce/commerce/internal/domain/ranking"
	"github.com/loopers-commerce/commerce/internal/domain/user"
)

// DB opens transactions.
type DB interface {
	// Update runs fn in a transaction and commits when fn returns nil. Methods
	// without a context queue their writes; those are sent with the commit, or
	// ahead of the next read, so that a transaction sees what it wrote. fn runs
	// again after a deadlock or a serialisation failure, so it must not act
	// outside of tx.
	Update(ctx context.Context, fn func(tx Tx) error) error
	// View runs fn on one connection without a transaction: each read sees what
	// was committed when it began. A write in it is an error.
	View(ctx context.Context, fn func(tx Tx) error) error
	// Snapshot is View in which all reads see the same moment.
	Snapshot(ctx context.Context, fn func(tx Tx) error) error
}

// Tx is one open transaction.
type Tx struct {
	Users    user.Table
	Brands   product.BrandTable
	Products product.Table
	Stocks   product.StockTable
	Likes    like.Table
	Points   point.Table
	Coupons  coupon.Table
	Owned    coupon.OwnedTable
	Orders   order.Table
	Payments payment.Table
	Charges  payment.ChargeTable
	Metrics  metric.Table
	Ranking  ranking.Table
	Outbox   Outbox
	Handled  Handled
	Leases   LeaseTable
	Keys     Keys
	Audit    Audit
}

// Outbox keeps the events that transactions promised to publish.
type Outbox interface {
	// Append queues events: each is given an id, the time now and its lane.
	Append(ctx context.Context, events ...event.Event)
	// Next returns up to limit events of the lanes, oldest first.
	Next(ctx context.Context, lanes []int, limit int) ([]OutboxRecord, error)
	// Sent deletes promises that were kept.
	Sent(ctx context.Context, seqs []int64) error
	// Backlog says how many events wait, and since when the oldest does; the
	// zero time if none.
	Backlog(ctx context.Context) (waiting int64, oldest time.Time, err error)
}

// OutboxRecord is an event in the outbox.
type OutboxRecord struct {
	Seq      int64
	Envelope event.Envelope
}

// Lanes is how many lanes the outbox has. A lane is a hash of the event's key:
// it is relayed by one process at a time, so that a key's events stay in order.
const Lanes = 8

// ErrHandled is why events cannot be marked as new.
var ErrHandled = errors.New("store: an event was handled before")

// Handled remembers which events each consumer has dealt with.
type Handled interface {
	// MarkNew queues notes of events that are thought to be new, each given once.
	// If one was noted before, the transaction fails with ErrHandled. It costs
	// about half of what Mark does, and no round trip of its own.
	MarkNew(consumer string, events []id.ID, now time.Time) error
	// Mark notes the events, and returns those that were not noted before.
	Mark(ctx context.Context, consumer string, events []id.ID, now time.Time) (fresh []id.ID, err error)
	// Purge forgets events that were made, and noted, before the time given; at
	// most limit notes of them.
	Purge(ctx context.Context, before time.Time, limit int) (deleted int64, err error)
}

// Difference is one place where the books do not agree.
type Difference struct {
	Subject string `json:"subject"` // "product 17"
	What    string `json:"what"`    // what was compared
	Want    int64  `json:"want"`    // what the journal, ledger or recount says
	Got     int64  `json:"got"`     // what the row says
}

// AuditReport is told what comes of a comparison.
type AuditReport interface {
	// Compared: one more place was looked at.
	Compared()
	// Differs: and this is wrong there.
	Differs(d Difference)
}

// Audit compares what is kept twice.
type Audit interface {
	// Stock: a product's stock is the sum of its movements, and what was put in
	// less what live orders hold; never negative.
	Stock(ctx context.Context, r AuditReport) error
	// Wallets: a balance is the sum of its ledger, and never negative.
	Wallets(ctx context.Context, r AuditReport) error
	// Spent: the ledger has taken the points of a live order from whoever placed
	// it, and has given back those of a dead one.
	Spent(ctx context.Context, r AuditReport) error
	// Coupons: a coupon is used by one live order at most, which is the one that it
	// says; and as many are issued as people have, never more than there are.
	Coupons(ctx context.Context, r AuditReport) error
	// Paid: an order is paid if and only if its points and the charge that was
	// approved are what it costs.
	Paid(ctx context.Context, r AuditReport) error
	// Charged: no order has two charges that took money and were not given back,
	// and a dead one has none.
	Charged(ctx context.Context, r AuditReport) error
	// Likes: a product's like count is the number of its likes, and the sum of
	// its daily net likes.
	Likes(ctx context.Context, r AuditReport) error
	// Sales calls yield for each line of each paid order that was not
	// cancelled, with the time it was paid, in order of product.
	Sales(ctx context.Context, yield func(line order.Line, paidAt time.Time) error) error
}
