package sqlstore

import "context"

// Connection opens a connection as the store itself uses it to read.
func Connection(ctx context.Context, d *DB) (Conn, error) { return d.parts.Engine.Begin(ctx, Read) }

// For tests that look at how statements are planned.
var (
	ListStmt    = listStmt
	OrdersStmt  = ordersStmt
	LikesStmt   = likesStmt
	EntriesStmt = entriesStmt
	FindStmt    = findStmt
	OwnedStmt   = ownedStmt
	CountersOf  = countersOf
)

// Statements that take their arguments as they are.
const (
	WaitingSQL   = selectWaiting
	WatchedSQL   = selectWatched
	ChargesSQL   = selectCharges
	FindOwnedSQL = findOwned
	PaymentOfSQL = selectPayment + paymentOf
)
