package process_test

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/loopers-commerce/commerce/internal/base/clock"
	"github.com/loopers-commerce/commerce/internal/contract/event"
	"github.com/loopers-commerce/commerce/internal/test/kit/apiclient"
	"github.com/loopers-commerce/commerce/internal/test/kit/cluster"
)

// Kafka deletes what a streamer that was away for too long has not read. It says so, and one
// command makes good what can be made good.
func TestRecordsThatKafkaDroppedAreNoticedAndMadeGood(t *testing.T) {
	t.Parallel()
	p, first := newProduction(t), clock.DayOf(time.Now())
	api, streamer := p.service("commerce-api"), p.service("commerce-streamer")
	order(t, api.Client(), "ann", 7, 1)
	for range 3 {
		api.Client().Must(t, http.StatusOK, apiclient.View("ann", 7), nil)
	}
	awaitFirst(t, api.Client(), 7)
	p.awaitEvents()
	views := p.db.Count(t.Context(), `SELECT SUM(views) FROM product_metrics`)
	streamer.Stop()

	p.sellUnseen(api.Client())
	lost := p.dropRecords()
	if err := streamer.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	p.awaitLoss(streamer, lost)
	if out := p.commerce(1, "verify", "--wait", "1s"); !strings.Contains(out, "likes") || !strings.Contains(out, "sales") {
		t.Errorf("verify does not name the likes and sales that were lost:\n%s", out)
	}
	p.rebuild(first)
	p.commerce(0, "verify", "--wait", "30s")
	p.commerce(0, "ranking", "verify")
	if n := p.db.Count(t.Context(), `SELECT SUM(views) FROM product_metrics`); n < views {
		t.Errorf("%d views are left of %d", n, views)
	}
	order(t, api.Client(), "cho", 7, 2) // is counted once, by the streamer
	p.commerce(0, "verify", "--wait", "30s")
}

// sellUnseen places orders and likes while no streamer runs, and waits until Kafka has them.
func (p *production) sellUnseen(api apiclient.Client) {
	p.t.Helper()
	order(p.t, api, "ann", 7, 2)
	canceled := order(p.t, api, "bob", 25, 3)
	order(p.t, api, "cho", 25, 1)
	api.Must(p.t, http.StatusOK, apiclient.Cancel("bob", canceled), nil)
	for _, who := range []string{"ann", "bob", "cho"} {
		api.Must(p.t, http.StatusNoContent, apiclient.Like(who, 8), nil)
	}
	api.Must(p.t, http.StatusNoContent, apiclient.Unlike("cho", 8), nil)
	cluster.Eventually(p.t, 30*time.Second, "Kafka has all events", func() error {
		if n := p.db.Count(p.t.Context(), `SELECT COUNT(*) FROM outbox`); n > 0 {
			return fmt.Errorf("%d events wait", n)
		}
		return nil
	})
}

// dropRecords has Kafka delete all records. It returns how many of each topic the ranking has not
// read.
func (p *production) dropRecords() map[string]float64 {
	p.t.Helper()
	ctx := p.t.Context()
	client, err := kgo.NewClient(kgo.SeedBrokers(p.on.Brokers...))
	if err != nil {
		p.t.Fatal(err)
	}
	defer client.Close()
	admin, lost := kadm.NewClient(client), map[string]float64{}
	group := p.on.Prefix + event.RankingGroup
	lags, err := admin.Lag(ctx, group)
	if err != nil {
		p.t.Fatal(err)
	}
	for _, name := range event.Reads(event.RankingGroup) {
		for _, l := range lags[group].Lag[p.on.Prefix+name] {
			lost[name] += float64(l.Lag)
		}
		if lost[name] == 0 {
			p.t.Fatalf("%s: nothing is unread", name)
		}
		ends, err := admin.ListEndOffsets(ctx, p.on.Prefix+name)
		if err == nil {
			_, err = admin.DeleteRecords(ctx, ends.Offsets())
		}
		if err != nil {
			p.t.Fatal(err)
		}
	}
	return lost
}

// awaitLoss waits until a streamer says what was lost, and that nothing is left to read.
func (p *production) awaitLoss(streamer *cluster.Service, lost map[string]float64) {
	p.t.Helper()
	cluster.Eventually(p.t, time.Minute, "the streamer says what was lost", func() error {
		var wrong error
		for name, n := range lost {
			of := fmt.Sprintf(`{group="ranking",topic=%q}`, name)
			if got := streamer.Metric(p.t.Context(), "commerce_consumer_lost_records_total"+of); got != n {
				wrong = errors.Join(wrong, fmt.Errorf("%s: %v records were lost, it says %v", name, n, got))
			}
			for number := range event.Partitions {
				of := fmt.Sprintf(`{group="ranking",partition="%d",topic=%q}`, number, name)
				if got := streamer.Metric(p.t.Context(), "commerce_consumer_lag_records"+of); got != 0 {
					wrong = errors.Join(wrong, fmt.Errorf("%s/%d has a lag of %v", name, number, got))
				}
			}
		}
		return wrong
	})
	if !strings.Contains(streamer.Output(), "commerce metrics rebuild") {
		p.t.Errorf("the log does not name the command that helps:\n%s", streamer.Output())
	}
}

// rebuild shows what is lost, and counts it again.
func (p *production) rebuild(first clock.Day) {
	p.t.Helper()
	days := []string{"metrics", "rebuild", "--from", first.String(), "--to", clock.DayOf(time.Now()).String()}
	dry := p.commerce(0, days...)
	p.t.Logf("\n%s", dry)
	if !strings.Contains(dry, "->") || !strings.Contains(dry, "--apply") {
		p.t.Errorf("the dry run does not say what is to be done:\n%s", dry)
	}
	if again := p.commerce(0, days...); again != dry {
		p.t.Errorf("the dry run has changed something:\n%s", again)
	}
	p.t.Logf("\n%s", p.commerce(0, append(days, "--apply", "--reason", "retention of a day", "--actor", "test")...))
	if after := p.commerce(0, days...); !strings.Contains(after, "all counters are right") {
		p.t.Errorf("after the rebuild:\n%s", after)
	}
	if out := p.commerce(0, "metrics", "history"); !strings.Contains(out, "retention of a day") {
		p.t.Errorf("the history does not say why:\n%s", out)
	}
}
