// Package store is the only way to the database. A transaction is a struct of
// small tables whose writes are committed together.
package store

import (
	"context"
	"errors"
	"time"

	"github.com/loopers-commerce/commerce/internal/base/clock"
	"github.com/loopers-commerce/commerce/internal/base/id"
	"github.com/loopers-commerce/commerce/internal/contract/event"
	"github.com/loopers-commerce/commerce/internal/domain/coupon"
	"github.com/loopers-commerce/commerce/internal/domain/deadletter"
	"github.com/loopers-commerce/commerce/internal/domain/job"
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
	// Update runs fn in a transaction, and commits if fn returns nil.
	//
	// A method of a table that takes a context is sent to the database at once.
	// A method without a context queues a write. Queued writes are sent with the
	// commit, or ahead of the next method that is sent at once, so a transaction
	// sees its own writes. If a queued write fails, Update returns its error.
	//
	// fn runs again after a deadlock or a serialization failure, so it must have
	// no effects other than through tx.
	Update(ctx context.Context, fn func(tx Tx) error) error
	// View runs fn on one connection without a transaction: each read sees the
	// commits from before that read. A write or a lock is an error.
	View(ctx context.Context, fn func(tx Tx) error) error
	// Snapshot is a View in which all reads see the same commits.
	Snapshot(ctx context.Context, fn func(tx Tx) error) error
}

// Tx is one open transaction.
type Tx struct {
	Users     user.Table
	Brands    product.BrandTable
	Products  product.Table
	Names     product.NameTable
	Cached    product.CachedTable
	Stocks    product.StockTable
	Likes     like.Table
	Points    point.Table
	Coupons   coupon.Table
	Owned     coupon.IssuedTable
	Orders    order.Table
	Group     GroupTable
	Payments  payment.Table
	Charges   payment.ChargeTable
	Metrics   metric.Table
	Months    metric.MonthTable
	Rebuilds  metric.RebuildTable
	Ranking   ranking.Table
	Outbox    Outbox
	Queues    OutboxQueues
	SetAside  SetAsideTable
	Handled   Handled
	Events    EventLog
	Leases    LeaseTable
	Keys      Keys
	Audit     Audit
	Sales     Sales
	Jobs      job.ExecutionTable
	Progress  job.ProgressTable
	Parts     job.PartitionTable
	Schedule  job.ScheduleTable
	Published ranking.PublishedTable
	Rollup    ranking.RollupTable
	Weights   ranking.WeightsTable
	Gaps      ranking.GapTable

	Letters       deadletter.Table
	LetterActions deadletter.ActionTable
}

// Outbox stores events that have to be published.
type Outbox interface {
	// Append queues events that happened at a time, that of the transaction. Each
	// gets an id, the traceparent of the context that Update was called with, and
	// the lane of its key.
	Append(at time.Time, events ...event.Event)
	// AppendAll is Append for events of several traces.
	AppendAll(at time.Time, events []TracedEvent)
	// Next returns up to limit records of the lanes, oldest first.
	Next(ctx context.Context, lanes []int, limit int) ([]OutboxRecord, error)
	// DeletePublished queues the deletion of records that were published.
	DeletePublished(seqs []int64)
	// Backlog returns the number of records, and the time of the oldest event;
	// the zero time if there is none.
	Backlog(ctx context.Context) (waiting int64, oldest time.Time, err error)
}

// OutboxRecord is an event in the outbox.
type OutboxRecord struct {
	Seq      int64 // grows in the order in which the events of a key happened
	Envelope event.Envelope
}

// Lanes is the number of lanes of the outbox. The lane of an event is a hash of
// its key. One process at a time publishes the events of a lane, so the events of
// a key stay in order.
const Lanes = 8

// ErrHandled is returned by a commit that marks an event as new which was
// handled before.
var ErrHandled = errors.New("store: an event was handled before")

// Handled stores which events each consumer has handled. A mark belongs to the day of
// the time in the event's id, which is that of UUIDv7. The mark of an event with another
// kind of id belongs to no day.
type Handled interface {
	// Prepare makes room for the marks of days. Marks of other days are kept, too, but to
	// delete them takes longer. It returns the days that cannot have room any more, because
	// they have too many marks already.
	Prepare(ctx context.Context, days []clock.Day) (left []clock.Day, err error)
	// MarkNew queues marks of events that are probably new, each given once. If
	// one is marked already, the transaction fails with ErrHandled. MarkNew costs
	// half as much as Mark, and no round trip.
	MarkNew(consumer string, events []id.ID, now time.Time)
	// Mark marks the events, and returns those that were not marked before, in
	// the order given.
	Mark(ctx context.Context, consumer string, events []id.ID, now time.Time) (fresh []id.ID, err error)
	// Marked returns those of the events that a consumer has handled, in the order given.
	Marked(ctx context.Context, consumer string, events []id.ID) ([]id.ID, error)
	// Purge deletes the oldest day of which all marks may go, or up to limit marks that
	// have no day of their own. A mark may go if both the event and the mark are older
	// than the time given; only the mark, if the event has no day, or one after the mark
	// was made. Purge returns how many
	// marks that were, which may be an estimate, and whether there may be more.
	Purge(ctx context.Context, before time.Time, limit int) (deleted int64, more bool, err error)
}

// Difference is one place where the books do not agree.
type Difference struct {
	Subject string `json:"subject"` // for example "product 17"
	What    string `json:"what"`    // which two values were compared
	Want    int64  `json:"want"`    // the value that the journal, the ledger or the rows add up to
	Got     int64  `json:"got"`     // the value that is stored
}

// AuditReport collects the result of an audit.
type AuditReport interface {
	// Checked counts one more row that was compared.
	Checked()
	// Differs adds a difference.
	Differs(d Difference)
}

// Audit compares values that are stored more than once. Each method checks one
// rule and reports every row that breaks it.
type Audit interface {
	// Stock: the stock of a product is the sum of its movements. It is also the
	// sum of what was put in, less the quantities of pending and paid orders. It
	// is never negative.
	Stock(ctx context.Context, r AuditReport) error
	// Wallets: a balance is the sum of its ledger entries, and never negative.
	Wallets(ctx context.Context, r AuditReport) error
	// Spent: the ledger entries of an order add up to its points if the order is
	// pending or paid, and to 0 otherwise. They belong to the buyer.
	Spent(ctx context.Context, r AuditReport) error
	// Coupons: an owned coupon is used by at most one pending or paid order, the
	// one that it names. The number of issued coupons is the number of owners, and
	// never more than the quantity of the offer.
	Coupons(ctx context.Context, r AuditReport) error
	// Paid: an order is paid if and only if its points and its approved charge
	// add up to its price.
	Paid(ctx context.Context, r AuditReport) error
	// Charged: a paid order has at most one charge that was neither refunded nor
	// marked for a refund. Any other order has none.
	Charged(ctx context.Context, r AuditReport) error
	// Likes: the like count of a product is the number of its likes, and the sum
	// of its daily net likes.
	Likes(ctx context.Context, r AuditReport) error
}

// Sales reads the sold order lines, to check counters against them and to export
// them.
type Sales interface {
	// Books reads what was sold and what was counted, all in one statement and in
	// order of product. Within a product there is no order. An error of r ends it.
	Books(ctx context.Context, r SalesReader) error
	// On calls yield with each line of each order that was paid on a day and not
	// cancelled, in order of payment, order and line. An error of yield ends it.
	On(ctx context.Context, day clock.Day, yield func(Sold) error) error
	// StateOn returns a text that changes when what On reads changes, or a counter of
	// the day.
	StateOn(ctx context.Context, day clock.Day) (string, error)
	// Liked calls yield with each product whose like count, likes and daily net likes are
	// not all the same. An error of yield ends it.
	Liked(ctx context.Context, before clock.Day, yield func(Liked) error) error
}

// Liked is how often a product was liked, by three books.
type Liked struct {
	ProductID int64
	Likes     int64     // that there are
	Shown     int64     // by the like count of the product
	Counted   int64     // by the counters of all days
	Newest    time.Time // of the likes that were given before the day asked for; zero: there is none
}

// Sold is a line of an order that is paid and not cancelled.
type Sold struct {
	Order  id.ID
	Number int // of the line, from 1
	Line   order.Line
	PaidAt time.Time
}

// SalesReader takes what Sales.Books reads.
type SalesReader interface {
	// Sold takes a line of an order that is paid and not cancelled, without its name.
	Sold(l order.Line, paidAt time.Time) error
	// Counted takes a counter of a day. Views and likes are zero.
	Counted(c metric.Counters) error
	// Rolled takes a counter of a month whose days are no longer kept. Its day is the
	// first of the month. Views and likes are zero.
	Rolled(c metric.Counters) error
}
