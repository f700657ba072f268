//go:build synctests

package sim_test

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/loopers-commerce/commerce/internal/app/rollup"
	"github.com/loopers-commerce/commerce/internal/base/clock"
	"github.com/loopers-commerce/commerce/internal/domain/ranking"
	"github.com/loopers-commerce/commerce/internal/store"
)

// publishLimit is how long the jobs may take to publish what has changed: one may have
// died a moment ago, another one is due, and then the one that takes all is due.
const publishLimit = 3 * publishEvery

// verifyPublished waits for the jobs, and compares the tables of all days, weeks and
// months with the counters and with what the customers were answered.
func (sim *simulation) verifyPublished() {
	t := sim.t
	env := sim.newEnv("auditor", "auditor", time.Now)
	db, err := sim.database(env)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	service := rollup.New(rollup.Config{
		DB: db, IDs: env.IDs, Clock: env.Clock, Log: env.Log,
		Schedules: func(ctx context.Context, tx store.Tx) (ranking.Schedule, error) {
			return ranking.ReadSchedule(ctx, tx.Weights)
		},
	})
	sim.awaitPublished(db, service)
	sim.compareTables(service)
	sim.comparePublishedSales()
}

// awaitPublished waits until no period that is over is missing or stale.
func (sim *simulation) awaitPublished(db store.DB, service *rollup.Service) {
	for limit := time.Now().Add(publishLimit); ; time.Sleep(time.Second) {
		open := sim.unpublished(db, service)
		if len(open) == 0 {
			return
		}
		if !time.Now().Before(limit) {
			sim.t.Errorf("%v after the last fault, these rankings are missing or stale: %v", publishLimit, open)
			return
		}
	}
}

// unpublished returns the periods that are over and due.
func (sim *simulation) unpublished(db store.DB, service *rollup.Service) (keys []string) {
	ctx, today := sim.t.Context(), clock.DayOf(time.Now())
	err := db.Snapshot(ctx, func(tx store.Tx) error {
		for _, kind := range ranking.Kinds() {
			due, err := service.Due(ctx, tx, kind)
			if err != nil {
				return err
			}
			for _, p := range due {
				if p.Last < today {
					keys = append(keys, p.Key())
				}
			}
		}
		return nil
	})
	if err != nil {
		sim.t.Fatal(err)
	}
	return keys
}

// compareTables compares all published rankings with the counters, as commerce ranking
// verify does. Those of periods that are not over may be stale.
func (sim *simulation) compareTables(service *rollup.Service) {
	t := sim.t
	today := clock.DayOf(time.Now())
	for _, kind := range ranking.Kinds() {
		err := service.Verify(t.Context(), kind, sim.firstDay, today, func(v rollup.Verdict) error {
			if v.Wrong() || v.Period.Last < today && (v.Missing || v.Stale) {
				t.Errorf("%s %s: missing %v, stale %v, differences %v", kind, v.Period.Key(), v.Missing, v.Stale, v.Changes)
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}

// comparePublishedSales compares the counters in the tables of periods that are over with
// the orders that were answered as paid. A product whose likes were taken back may be
// missing: its score is not above zero.
func (sim *simulation) comparePublishedSales() {
	t := sim.t
	db := sim.openRaw()
	defer db.Close()
	answered := sim.model.publishedFacts()
	published := column(t, db, `
		SELECT kind || ' ' || first_day || ': ' || orders || ' orders, ' || quantity || ' pieces, ' || amount || ' won of product ' || product_id
		FROM ranking_publications p JOIN product_ranks r ON r.run_id = p.run_id WHERE p.replaced_us IS NULL AND orders <> 0 AND last_day < `+clock.DayOf(time.Now()).String())
	for _, line := range published {
		if !slices.Contains(answered, line) {
			t.Errorf("%s: that is published, and was not answered", line)
		}
	}
	sim.log.Info("compared published sales", "facts", len(published))
}

// publishedFacts returns the sales of days, weeks and months.
func (m *model) publishedFacts() (facts []string) {
	type place struct {
		period  ranking.Period
		product int64
	}
	counts := map[place]sales{}
	for at, c := range m.sales() {
		for _, kind := range ranking.Kinds() {
			in := place{ranking.PeriodOf(kind, at.day), at.product}
			counts[in] = counts[in].plus(c)
		}
	}
	for at, c := range counts {
		facts = append(facts, fmt.Sprintf("%s %s: %d orders, %d pieces, %d won of product %d",
			at.period.Kind, at.period.First, c.orders, c.quantity, c.amount, at.product))
	}
	return facts
}
