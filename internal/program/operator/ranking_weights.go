package operator

import (
	"cmp"
	"errors"
	"fmt"
	"os/user"
	"strconv"
	"strings"
	"time"

	"github.com/loopers-commerce/commerce/internal/adapter/sqlstore"
	"github.com/loopers-commerce/commerce/internal/app/scoring"
	"github.com/loopers-commerce/commerce/internal/base/clock"
	"github.com/loopers-commerce/commerce/internal/base/fault"
	"github.com/loopers-commerce/commerce/internal/domain/ranking"
	"github.com/loopers-commerce/commerce/internal/program/kit/config"
	"github.com/loopers-commerce/commerce/internal/store"
)

// weightsCommands are the commands below "ranking weights".
type weightsCommands struct {
	Show    weightsShowCommand    `cmd:"" help:"Show the weights that are in force."`
	History weightsHistoryCommand `cmd:"" help:"List the changes of the weights: who made them, when and why."`
	Set     weightsSetCommand     `cmd:"" help:"Change weights. The current day and those after it are scored by them."`
	Preview weightsPreviewCommand `cmd:"" help:"Show the top 20 of a day as they would be with other weights. Nothing is changed."`
}

// weightsFlags are the flags of commands that need the database only.
type weightsFlags struct {
	config.Database
	config.Log
	output
}

// with calls do with the service. It knows no ranks.
func (c *weightsFlags) with(s *session, do func(*scoring.Service) error) error {
	return s.withStore(&c.Database, func(db *sqlstore.DB) error {
		return do(scoring.New(db, nil, s.env.Clock, s.env.Log))
	})
}

// editFlags are new weights.
type editFlags struct {
	View  *ranking.Thousandths `help:"Points for a view, 0 to 10; without the flag it stays as it is." placeholder:"POINTS"`
	Like  *ranking.Thousandths `help:"Points for a like, 0 to 10; without the flag it stays as it is." placeholder:"POINTS"`
	Order *ranking.Thousandths `help:"Points for the natural logarithm of 1 + the amount of an order line, 0 to 10; without the flag it stays as it is." placeholder:"POINTS"`
	Carry *ranking.Thousandths `help:"The part of its score of the day before that a product keeps, 0 to 1; without the flag it stays as it is." placeholder:"PART"`
}

func (f editFlags) edit() scoring.Edit {
	return scoring.Edit{View: f.View, Like: f.Like, Order: f.Order, Carry: f.Carry}
}

// changeRow is a change in the output of commands. Its JSON names are those of the admin
// API.
type changeRow struct {
	ID      int64      `json:"id"`
	Weights weightsRow `json:"weights"`
	At      *time.Time `json:"at"`
	Actor   string     `json:"actor,omitempty"`
	Reason  string     `json:"reason,omitempty"`
}

type weightsRow struct {
	View  ranking.Thousandths `json:"view"`
	Like  ranking.Thousandths `json:"like"`
	Order ranking.Thousandths `json:"order"`
	Carry ranking.Thousandths `json:"carry"`
}

func weightsRowOf(w ranking.Weights) weightsRow {
	exact := func(n int64) ranking.Thousandths { return ranking.Thousandths(n) }
	return weightsRow{exact(w.View), exact(w.Like), exact(w.Order), exact(w.Carry)}
}

func (w weightsRow) cells() []string {
	return []string{w.View.String(), w.Like.String(), w.Order.String(), w.Carry.String()}
}

func changeRowOf(c ranking.WeightsChange) changeRow {
	r := changeRow{ID: c.ID, Weights: weightsRowOf(c.Weights), Actor: c.Actor, Reason: c.Reason}
	if c.ID != 0 {
		r.At = utc(&c.At)
	}
	return r
}

func (r changeRow) cells() []string {
	at := "-"
	if r.At != nil {
		at = r.At.Format(time.RFC3339)
	}
	cells := append([]string{strconv.FormatInt(r.ID, 10)}, r.Weights.cells()...)
	return append(cells, at, cmp.Or(r.Actor, "-"), cmp.Or(r.Reason, "the default weights"))
}

// changes prints changes.
func (o output) changes(s *session, value any, changes ...changeRow) error {
	return o.printTable(s.stdout, value, []string{"ID", "VIEW", "LIKE", "ORDER", "CARRY", "AT", "ACTOR", "REASON"}, mapped(changes, changeRow.cells))
}

type weightsShowCommand struct{ weightsFlags }

// Run implements the command.
func (c *weightsShowCommand) Run(s *session) error {
	defer s.begin(&c.Log)()
	return c.with(s, func(service *scoring.Service) error {
		found, err := service.Current(s.ctx)
		if err != nil {
			return err
		}
		return c.changes(s, changeRowOf(found), changeRowOf(found))
	})
}

type weightsHistoryCommand struct {
	weightsFlags

	Limit config.Count `help:"Maximum number of changes, newest first." default:"100"`
}

// Run implements the command.
func (c *weightsHistoryCommand) Run(s *session) error {
	defer s.begin(&c.Log)()
	return c.with(s, func(service *scoring.Service) error {
		_, found, err := service.History(s.ctx, c.Limit.Get(), "")
		if err != nil {
			return err
		}
		rows := mapped(found.Items, changeRowOf)
		return c.changes(s, rows, rows...)
	})
}

type weightsSetCommand struct {
	weightsFlags
	editFlags

	Reason string `help:"Reason, recorded in the history." required:"" placeholder:"TEXT"`
	Actor  string `help:"Name of the operator, recorded in the history; by default the user who runs the command." placeholder:"NAME"`
}

// Run implements the command.
func (c *weightsSetCommand) Run(s *session) error {
	defer s.begin(&c.Log)()
	e := c.edit()
	e.Reason, e.Actor = c.Reason, c.Actor
	if e.Actor == "" {
		who, err := username()
		if err != nil {
			return err
		}
		e.Actor = who
	}
	return c.with(s, func(service *scoring.Service) error {
		made, err := service.Change(s.ctx, e, store.Unguarded{})
		if err != nil {
			return explained(err)
		}
		return c.changes(s, changeRowOf(made), changeRowOf(made))
	})
}

type weightsPreviewCommand struct {
	weightsFlags
	editFlags

	Date string `help:"A day in Asia/Seoul, yyyyMMdd; by default today." placeholder:"DATE"`
}

// previewRow is an entry in the output. Its JSON names are those of the admin API.
type previewRow struct {
	Rank      int64          `json:"rank"`
	RankNow   *int64         `json:"rankNow"`
	ProductID int64          `json:"productId"`
	Score     ranking.Points `json:"score"`
}

func (r previewRow) cells() []string {
	now, move := "-", "new"
	if r.RankNow != nil {
		now, move = strconv.FormatInt(*r.RankNow, 10), fmt.Sprintf("%+d", *r.RankNow-r.Rank)
	}
	return []string{strconv.FormatInt(r.Rank, 10), now, move, strconv.FormatInt(r.ProductID, 10), r.Score.String()}
}

// Run implements the command.
func (c *weightsPreviewCommand) Run(s *session) error {
	defer s.begin(&c.Log)()
	day, err := dayOr(c.Date, s.env.Clock)
	if err != nil {
		return err
	}
	return c.with(s, func(service *scoring.Service) error {
		_, found, err := service.Preview(s.ctx, c.edit(), day)
		if err != nil {
			return explained(err)
		}
		rows := mapped(found, func(p scoring.Previewed) previewRow { return previewRow{p.Rank, p.Now, p.ProductID, p.Score} })
		return c.printTable(s.stdout, rows, []string{"RANK", "NOW", "MOVE", "PRODUCT", "SCORE"}, mapped(rows, previewRow.cells))
	})
}

// dayOr parses a day; without one it is today.
func dayOr(date string, now clock.Clock) (clock.Day, error) {
	if date == "" {
		return clock.DayOf(now()), nil
	}
	return clock.ParseDay(date)
}

// username returns who runs the command.
func username() (string, error) {
	who, err := user.Current()
	if err != nil {
		return "", fmt.Errorf("cannot find out who runs this command; give --actor: %w", err)
	}
	return who.Username, nil
}

// explained returns an error that names each flag that is wrong.
func explained(err error) error {
	wrong, ok := errors.AsType[*fault.Error](err)
	if !ok || len(wrong.Fields) == 0 {
		return err
	}
	var all []error
	for _, f := range wrong.Fields {
		all = append(all, fmt.Errorf("--%s: %s", strings.TrimPrefix(f.Pointer, "/"), f.Detail))
	}
	return errors.Join(all...)
}
