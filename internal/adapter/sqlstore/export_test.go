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
func Connection(ctx context.Context, d *DB) (Conn, error) {
	return d.parts.Engine.Begin(ctx, Read, Usual())
}

// For the tests of plans.
var (
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

// UnfoldedLogins is the query of a migration for users whose loginIds are not folded.
func UnfoldedLogins() string { return logins().unfolded() }

// Statements without a function.
const (
	ByLoginSQL   = selectUser + byLogin
	ByNameSQL    = brandByName
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

// ListStmts returns the statements that read a page of a list: those that walk in its order,
// and those that gather products.
func ListStmts(d *DB, q product.Query, limit int) (walk, gather []Stmt, err error) {
	l, err := listOf(q)
	if err != nil || l.followsOrder() {
		return []Stmt{l.page(limit)}, nil, err
	}
	end := &product.Position{Key: 1, ID: 1}
	walk = []Stmt{l.stepsAfter(firstTurn().walk), l.upTo(end, limit), l.upTo(nil, limit)}
	for _, from := range l.sources(d.parts.Search, firstTurn().gather) {
		gather = append(gather, from.ids, l.among(d.parts.Dialect, []int64{1, 2, 3}, from, limit))
	}
	return walk, gather, nil
}

// Turning returns the same store, which reads a list with filters as if it had many more
// products.
func Turning(d *DB, walk, gather int) *DB {
	other := *d
	other.firstTurn = turn{walk, gather}
	return &other
}

// OutboxStmt returns the statement of a read of the outbox.
func OutboxStmt(d *DB, r store.OutboxRead) Stmt { return readStmt(d.parts.Dialect, d.parts.Horizon, r) }

// MeasureStmt returns the statement that measures the backlog.
func MeasureStmt(after int64) Stmt { return measureStmt(after) }
