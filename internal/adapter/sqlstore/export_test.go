package sqlstore

import "context"

// Connection opens a connection as the store does for reads.
func Connection(ctx context.Context, d *DB) (Conn, error) { return d.parts.Engine.Begin(ctx, Read) }

// For the tests of plans.
var (
	ListStmt    = listStmt
	OrdersStmt  = ordersStmt
	LikesStmt   = likesStmt
	EntriesStmt = entriesStmt
	FindStmt    = findStmt
	OwnedStmt   = ownedStmt
	CountersOf  = countersOf
)

// Statements without a function.
const (
	WaitingSQL   = selectWaiting
	WatchedSQL   = selectWatched
	ChargesSQL   = selectCharges
	FindOwnedSQL = findOwned
	PaymentOfSQL = selectPayment + paymentOf
	BooksSQL     = booksSQL
	MonthSQL     = monthSQL
	SoldOnSQL    = "SELECT o.id" + soldOn
)
