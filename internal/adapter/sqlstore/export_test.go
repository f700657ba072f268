package sqlstore

// For tests that look at how statements are planned.
var (
	ListStmt   = listStmt
	FindStmt   = findStmt
	OwnedStmt  = ownedStmt
	CountersOf = countersOf
)

// Statements that take their arguments as they are.
const (
	WaitingSQL   = selectWaiting
	WatchedSQL   = selectWatched
	ChargesSQL   = selectCharges
	FindOwnedSQL = findOwned
	PaymentOfSQL = selectPayment + paymentOf
)
