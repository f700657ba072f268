package operator

import (
	"fmt"
	"io"
	"strconv"
	"time"

	"github.com/loopers-commerce/commerce/internal/adapter/redis"
	"github.com/loopers-commerce/commerce/internal/adapter/sqlstore"
	"github.com/loopers-commerce/commerce/internal/app/scoring"
	"github.com/loopers-commerce/commerce/internal/base/clock"
	"github.com/loopers-commerce/commerce/internal/domain/metric"
	"github.com/loopers-commerce/commerce/internal/domain/ranking"
	"github.com/loopers-commerce/commerce/internal/program/kit/config"
	"github.com/loopers-commerce/commerce/internal/store"
)

type rankingExplainCommand struct {
	config.Database
	config.Redis
	config.Log
	output

	Product int64  `arg:"" help:"Id of the product."`
	Period  string `help:"daily, weekly or monthly." enum:"daily,weekly,monthly" default:"daily" placeholder:"PERIOD"`
	Date    string `help:"A day of the period in Asia/Seoul, yyyyMMdd; by default today." placeholder:"DATE"`
	Events  int    `help:"List up to this many events behind the score, newest first. They name customers." default:"0" placeholder:"N"`
}

// Check implements config.Checker.
func (c *rankingExplainCommand) Check() []error {
	if c.Events < 0 || c.Events > mostEventsBehind {
		return []error{fmt.Errorf("--events (EVENTS): %d is not a number from 0 to %d", c.Events, mostEventsBehind)}
	}
	return nil
}

// explainedScore is the JSON output.
type explainedScore struct {
	ProductID int64          `json:"productId"`
	Period    ranking.Kind   `json:"period"`
	From      clock.Day      `json:"from"`
	To        clock.Day      `json:"to"`
	Rank      *int64         `json:"rank"`
	Score     ranking.Points `json:"score"`
	Published *explainedRow  `json:"published"`
	Days      []explainedDay `json:"days"`
	Events    []countedEvent `json:"events,omitempty"`
}

// explainedRow is the place in the published ranking.
type explainedRow struct {
	AsOf     time.Time       `json:"asOf"`
	Complete bool            `json:"complete"`
	Stale    bool            `json:"stale"`
	Rank     *int64          `json:"rank"`
	Score    *ranking.Points `json:"score"`
}

type explainedDay struct {
	Date      clock.Day      `json:"date"`
	Views     int64          `json:"views"`
	Likes     int64          `json:"likes"`
	AmountLog int64          `json:"amountLog"`
	Weights   changeRow      `json:"weights"`
	Points    explainedParts `json:"points"`
	CarriedIn ranking.Points `json:"carriedIn"`
	Live      ranking.Points `json:"live"`
	Out       ranking.Points `json:"carriedOut"`
	Part      ranking.Points `json:"part"`
}

type explainedParts struct {
	Views  ranking.Points `json:"views"`
	Likes  ranking.Points `json:"likes"`
	Orders ranking.Points `json:"orders"`
	Own    ranking.Points `json:"own"`
}

// Run implements the command.
func (c *rankingExplainCommand) Run(s *session) error {
	defer s.begin(&c.Log)()
	day, err := dayOr(c.Date, s.env.Clock)
	if err != nil {
		return err
	}
	return s.withStore(&c.Database, func(db *sqlstore.DB) error {
		client, err := redis.Open(c.RedisURL.Get())
		if err != nil {
			return err
		}
		defer client.Close()
		board := redis.NewBoard(redis.NewCaller(client, redis.Patience, s.env.Clock, quiet()), c.RedisKeyPrefix) // without Redis there is no rank
		service := scoring.New(db, board, s.env.Clock, s.env.Log)
		e, err := service.Explain(s.ctx, ranking.Kind(c.Period), day, c.Product)
		if err != nil {
			return err
		}
		events, err := c.behind(s, service, day)
		if err != nil {
			return err
		}
		if c.JSON {
			value := toExplainedScore(e)
			value.Events = mapped(events, countedEventOf)
			return c.printTable(s.stdout, value, nil, nil)
		}
		if err := printExplanation(s.stdout, e); err != nil {
			return err
		}
		return printBehind(s.stdout, events)
	})
}

// behind returns the events behind the score, if they are asked for.
func (c *rankingExplainCommand) behind(s *session, service *scoring.Service, day clock.Day) ([]store.CountedEvent, error) {
	if c.Events == 0 {
		return nil, nil
	}
	return service.EventsBehind(s.ctx, ranking.Kind(c.Period), day, c.Product, c.Events)
}

func toExplainedScore(e scoring.Explained) explainedScore {
	var row *explainedRow
	if p := e.Published; p != nil {
		row = &explainedRow{p.AsOf.UTC(), p.Complete, p.Stale, p.Rank, p.Score}
	}
	return explainedScore{
		ProductID: e.ProductID, Period: e.Period.Kind, From: e.Period.First, To: e.Period.Last, Rank: e.Rank(), Score: e.Score, Published: row,
		Days: mapped(e.Days, func(d ranking.DayPart) explainedDay {
			return explainedDay{
				Date: d.Counters.Day, Views: d.Counters.Views, Likes: d.Counters.Likes, AmountLog: d.Counters.AmountLog, Weights: changeRowOf(d.Weights),
				Points: explainedParts{d.Views, d.Likes, d.Orders, d.Own()}, CarriedIn: d.In, Live: d.Live, Out: d.Out, Part: d.Part,
			}
		}),
	}
}

// rankText says which rank a product has.
func rankText(rank *int64) string {
	if rank == nil {
		return "no rank"
	}
	return "rank " + strconv.FormatInt(*rank, 10)
}

// publishedText says what readers see in the published ranking.
func publishedText(p *scoring.Published) string {
	if p == nil {
		return "The ranking is not published."
	}
	text := "Published as of " + p.AsOf.In(clock.KST).Format(time.RFC3339)
	if !p.Complete {
		text += ", before its end"
	}
	if text += ": " + rankText(p.Rank); p.Score != nil {
		text += ", score " + p.Score.String()
	}
	if p.Stale {
		text += ". Counters or weights have changed since; dailyRankingJob or weeklyMonthlyRankingJob computes it anew"
	}
	return text + "."
}

// printExplanation prints the ranks, and the days with the numbers of each and what they
// are multiplied by, and the sum of their parts.
func printExplanation(w io.Writer, e scoring.Explained) error {
	if _, err := fmt.Fprintf(w, "Product %d, %s ranking of %s: score %s, %s.\n%s\n\n",
		e.ProductID, e.Period.Kind, e.Period.Key(), e.Score, rankText(e.Rank()), publishedText(e.Published)); err != nil {
		return err
	}
	rows := mapped(e.Days, func(d ranking.DayPart) []string {
		by := d.Weights.Weights
		return []string{
			d.Counters.Day.String(), times(d.Counters.Views, by.View), times(d.Counters.Likes, by.Like), logs(d.Counters, by),
			d.Own().String(), ranking.Thousandths(by.Carry).String(), d.In.String(), d.Live.String(), change(d.Weights), d.Part.String(),
		}
	})
	sum := []string{"SUM", "", "", "", "", "", "", "", "", e.Score.String()}
	return table(w, []string{"DAY", "VIEWS", "LIKES", "ORDERS (LN)", "OWN", "CARRY", "CARRIED IN", "LIVE", "WEIGHTS", "PART"}, append(rows, sum))
}

func times(n, weight int64) string { return fmt.Sprintf("%d x %s", n, ranking.Thousandths(weight)) }

func logs(c metric.Counters, by ranking.Weights) string {
	return fmt.Sprintf("%s x %s", ranking.Thousandths(c.AmountLog), ranking.Thousandths(by.Order))
}

// change names the change that set the weights.
func change(c ranking.WeightsChange) string {
	if c.ID == 0 {
		return "default"
	}
	return fmt.Sprintf("%d by %s", c.ID, c.Actor)
}
