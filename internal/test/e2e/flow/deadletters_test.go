package flow_test

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/loopers-commerce/commerce/internal/adapter/kafka"
	"github.com/loopers-commerce/commerce/internal/app/deadletters"
	"github.com/loopers-commerce/commerce/internal/base/clock"
	"github.com/loopers-commerce/commerce/internal/base/money"
	"github.com/loopers-commerce/commerce/internal/contract/event"
	"github.com/loopers-commerce/commerce/internal/domain/deadletter"
	"github.com/loopers-commerce/commerce/internal/domain/metric"
	"github.com/loopers-commerce/commerce/internal/domain/user"
	"github.com/loopers-commerce/commerce/internal/store"
	"github.com/loopers-commerce/commerce/internal/test/kit/apiclient"
	"github.com/loopers-commerce/commerce/internal/test/kit/cluster"
	"github.com/loopers-commerce/commerce/internal/test/kit/kafkatest"
)

// broken is the product whose counter can take no more: an order of it fails in the
// database, and no other event does.
const broken = 2

// shift adds to the amount that is counted for the broken product today.
func (s *shop) shift(t *testing.T, amount money.Won) {
	t.Helper()
	err := s.db.Update(t.Context(), func(tx store.Tx) error {
		tx.Metrics.Add([]metric.Counters{{ProductID: broken, Day: clock.DayOf(s.env.Clock()), Amount: amount}})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// ordered returns how many orders are counted of a product.
func (s *shop) ordered(t *testing.T, product int64) (orders int64) {
	t.Helper()
	today := clock.DayOf(s.env.Clock())
	err := s.db.View(t.Context(), func(tx store.Tx) error {
		found, err := tx.Metrics.Of(t.Context(), []int64{product}, today, today)
		for _, c := range found {
			orders += c.Orders
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return orders
}

// awaitLetter waits until there is one letter of the state, and returns it.
func (s *shop) awaitLetter(t *testing.T, desk *deadletters.Service, state deadletter.State, replays int) (l deadletters.Details) {
	t.Helper()
	cluster.Eventually(t, 30*time.Second, fmt.Sprintf("a letter is %s after %d replays", state, replays), func() error {
		found, err := desk.List(t.Context(), deadletter.Filter{}, 10, "")
		if err != nil {
			return err
		}
		if len(found.Items) != 1 || found.Items[0].State != state || found.Items[0].Failures != replays {
			return fmt.Errorf("there are %+v", found.Items)
		}
		l, err = desk.Show(t.Context(), found.Items[0].ID)
		return err
	})
	return l
}

// The way of a record that fails in the database: to the desk after three attempts, with
// all that is known about it, and after a fix back to its group, where it counts once
// however often it is replayed.
func TestADeadLetterIsMendedByItsReplayAndCountsOnce(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *shop) {
		t.Helper()
		config := s.env.Kafka(s.brokers, s.prefix, "desk")
		replayer := kafka.NewReplayer(config, s.env.Log)
		defer replayer.Close()
		desk := deadletters.New(s.db, replayer, s.env.Clock, s.env.Log)
		why := deadletters.Order{Actor: "mina", Reason: "the counter is mended"}

		s.shift(t, math.MaxInt64-10)
		s.must(t, http.StatusCreated, apiclient.Buy(broken, 1).Request("u1", "poison"), nil)
		for i := range 3 {
			s.must(t, http.StatusCreated, apiclient.Buy(1, 1).Request("u1", fmt.Sprint("good", i)), nil)
		}
		l := s.awaitLetter(t, desk, deadletter.New, 0)
		if l.Group != event.RankingGroup || l.Origin.Topic != event.OrderTopic || l.Type != "order.paid" || l.Attempts != 3 ||
			l.Cause != kafka.CauseFailed || l.Message == "" || l.Content == nil || l.Forecast.Verdict != deadletters.WouldCount {
			t.Errorf("the letter is %+v", l)
		}
		cluster.Eventually(t, 10*time.Second, "the other orders are counted", func() error {
			if n := s.ordered(t, 1); n != 3 {
				return fmt.Errorf("%d are", n)
			}
			return nil
		})

		replay := func() {
			t.Helper()
			if _, err := desk.Replay(t.Context(), l.ID, deadletters.Terms{MaxReplays: 10}, why); err != nil {
				t.Fatal(err)
			}
		}
		replay() // too early: it is new again, in the same line
		if again := s.awaitLetter(t, desk, deadletter.New, 1); again.ID != l.ID || again.Attempts != 3 || again.Replays != 1 || len(again.Actions) != 1 {
			t.Errorf("after a replay without a fix the letter is %+v", again)
		}

		s.shift(t, -(math.MaxInt64 - 10))
		// A process that dies after Kafka has the record, and before that is stored, has
		// done no more than this.
		if err := errors.Join(replayer.Replay(t.Context(), []deadletter.Letter{s.awaitLetter(t, desk, deadletter.New, 1).Letter})...); err != nil {
			t.Fatal(err)
		}
		replay()
		s.replayAll(t, l.EventID.String())
		cluster.Eventually(t, 20*time.Second, "all three replays are handled", func() error {
			d, err := desk.Show(t.Context(), l.ID)
			if n := s.repeated(t); err == nil && (n != 2 || d.State != deadletter.Replayed || d.Forecast.Verdict != deadletters.Counted) {
				err = fmt.Errorf("%v events were skipped, and the letter is %+v", n, d)
			}
			return err
		})
		s.checkReplays(t, config, l.EventID.String(), 4)
		if n := s.ordered(t, broken); n != 1 {
			t.Errorf("%d orders are counted", n)
		}
	})
}

// replayAll replays the letters of an event that were replayed before, by a job that an
// admin starts over HTTP.
func (s *shop) replayAll(t *testing.T, eventID string) {
	t.Helper()
	accounts, err := s.env.Accounts(s.db, bytes.Repeat([]byte("k"), 32), time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	if err := accounts.Grant(t.Context(), "u0", user.Admin); err != nil {
		t.Fatal(err)
	}
	var job struct {
		ID, Status string
		Done       int64
	}
	s.must(t, http.StatusAccepted, apiclient.Post("u0", "/admin/v1/dead-letters/replay", map[string]any{
		"eventId": eventID, "state": "REPLAYED", "maxReplays": 10, "reason": "to be sure",
	}), &job)
	cluster.Eventually(t, 20*time.Second, "the job is completed", func() error {
		got, err := s.do(t.Context(), apiclient.Get("u0", "/admin/v1/dead-letters/jobs/"+job.ID))
		if err == nil {
			err = got.Decode(&job)
		}
		if err == nil && (job.Status != "COMPLETED" || job.Done != 1) {
			err = fmt.Errorf("it is %+v", job)
		}
		return err
	})
}

// repeated returns how many events the streamer has skipped, because it had counted them.
func (s *shop) repeated(t *testing.T) (n float64) {
	t.Helper()
	families, err := s.env.Registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		for _, m := range f.GetMetric() {
			if f.GetName() == "commerce_events_counted_total" && m.GetLabel()[0].GetValue() == "duplicate" {
				n += m.GetCounter().GetValue()
			}
		}
	}
	return n
}

// checkReplays checks that all replays of an event are in the retry topic of the ranking,
// and none is where another group could see it.
func (s *shop) checkReplays(t *testing.T, config kafka.Config, eventID string, want int) {
	t.Helper()
	replays := 0
	for _, r := range kafkatest.AllTopics(t, s.brokers, s.prefix+event.OrderTopic) {
		if kafkatest.Header(r, "ce_id") != eventID || kafkatest.Header(r, kafka.Replays) == "" || strings.HasSuffix(r.Topic, "-dlt") {
			continue
		}
		if !strings.HasPrefix(r.Topic, config.Topic(event.OrderTopic+"-"+event.RankingGroup+"-retry-")) {
			t.Errorf("a replay is in %s", r.Topic)
		}
		if kafkatest.Header(r, kafka.RetryAttempts) == "0" {
			replays++
		}
	}
	if replays != want {
		t.Errorf("%d replays were sent, want %d", replays, want)
	}
}
