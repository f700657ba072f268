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
