package sqlstore

import (
	"context"

	"github.com/loopers-commerce/commerce/internal/base/id"
	"github.com/loopers-commerce/commerce/internal/domain/coupon"
	"github.com/loopers-commerce/commerce/internal/domain/point"
	"github.com/loopers-commerce/commerce/internal/domain/product"
	"github.com/loopers-commerce/commerce/internal/store"
)

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
	BestSQL     = bestSQL

	ExecutionsStmt = executionsStmt

	LettersStmt     = lettersStmt
	NextLettersStmt = nextLettersStmt
	FindEvents      = findEvents
	CountedLines    = countedLines
	OldRows         = oldRows
	DatedLog        = datedLog
	DatedMarks      = datedMarks
)

// Statements without a function.
const (
	OfBrandSQL   = selectOfBrand
	WaitingSQL   = selectWaiting
	WatchedSQL   = selectWatched
	ChargesSQL   = selectCharges
	FindOwnedSQL = findOwned
	PaymentOfSQL = selectPayment + paymentOf

	LatestExecutionSQL  = latestExecution
	ActiveExecutionsSQL = activeExecutions
	OldExecutionsSQL    = oldExecutions
	CompletedStepsSQL   = completedSteps
	BooksSQL            = booksSQL
	MonthSQL            = monthSQL
	ActionsOfLetterSQL  = actionsOfLetter
	OldLettersSQL       = oldLetters
	EventByIDSQL        = eventByID
	EventsOfOrderSQL    = eventsOfOrder
	SoldOnSQL           = "SELECT o.id" + soldOn
	ChangesSQL          = changesSQL

	CurrentPublicationSQL = currentPublication
	RanksPageSQL          = ranksPage
	RanksOfBrandSQL       = ranksOfBrand
	RanksOfSQL            = ranksOf
)

// GroupStmts returns the statements of a group of orders that read or change rows.
func GroupStmts(d *DB) ([]Stmt, error) {
	s := &session{dialect: d.parts.Dialect, mode: Write}
	user := id.ID{1}
	rows := store.GroupRows{Wallets: []id.ID{user}, Coupons: []store.NamedCoupon{{User: user, Named: user}}, Products: []int64{7}}
	lookups, err := group{s}.lookups(store.GroupNeeds{GroupRows: rows, Wait: rows, Keys: []store.Key{{UserID: user, Key: "k"}}}, store.GroupState{})
	points{s}.SaveAll([]point.Wallet{point.WalletOf(user, 1)}, nil)
	stocks{s}.SaveAll([]product.Stock{product.StockOf(7, 1)}, nil)
	owned{s}.SaveAll([]coupon.IssuedCoupon{{ID: user}})
	return append(s.pending, collect(lookups, func(l lookup) Stmt { return l.Stmt })...), err
}
