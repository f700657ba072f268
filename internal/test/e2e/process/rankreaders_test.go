package process_test

import (
	"context"
	"fmt"
	"math"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/loopers-commerce/commerce/internal/test/kit/apiclient"
)

// readAll reads a week and a month again and again, 1,000 times a second if the machine is
// fast enough, until stop is called: in plain SQL and, if there is a client, over the API.
// No ranking may be empty, short or mixed, or older than one that was read before.
func (r *rankTest) readAll(api *apiclient.Client) (stop func()) {
	r.Helper()
	const readers, each = 5, 4 * time.Millisecond
	ctx, cancel := context.WithCancel(r.Context())
	var reads atomic.Int64
	var all sync.WaitGroup
	for i := range readers {
		read := r.readTables()
		if api != nil && i%2 == 0 {
			read = r.readPages(*api)
		}
		all.Go(func() {
			clock := time.NewTicker(each)
			defer clock.Stop()
			for ctx.Err() == nil {
				if err := read(ctx); err != nil && ctx.Err() == nil {
					r.Error(err)
					return
				}
				reads.Add(1)
				<-clock.C
			}
		})
	}
	r.Cleanup(func() { cancel(); all.Wait() })
	began := time.Now()
	return func() {
		r.Helper()
		cancel()
		all.Wait()
		r.Logf("%d reads, %.0f per second", reads.Load(), float64(reads.Load())/time.Since(began).Seconds())
	}
}

type reading func(ctx context.Context) error

// readTables returns a function that reads the tables, each in one statement.
func (r *rankTest) readTables() reading {
	var newest [2]int64
	nth := 0
	return func(ctx context.Context) error {
		nth++
		days, kind, column, period := int64(7), "weekly", "year_week", rankedWeek
		if nth%2 == 0 {
			days, kind, column, period = 31, "monthly", "year_month", rankedMonth
		}
		var rows, last, runs, least, most int64
		err := r.db.Pool.QueryRow(ctx, `
			SELECT COUNT(*), COALESCE(MAX(rank_no), 0), COUNT(DISTINCT run_id),
				COALESCE(MIN(views / (100 + product_id)), 0), COALESCE(MAX(views / (100 + product_id)), 0)
			FROM mv_product_rank_`+kind+` WHERE `+column+` = $1`, period).Scan(&rows, &last, &runs, &least, &most)
		if err != nil {
			return err
		}
		if rows != rankedProducts || last != rankedProducts || runs != 1 || least != most || most%days != 0 || most < newest[nth%2] {
			return fmt.Errorf("%s has %d rows up to rank %d of %d runs, of the versions %d to %d of which each day has %d; seen was %d",
				period, rows, last, runs, least, most, days, newest[nth%2])
		}
		newest[nth%2] = most
		return nil
	}
}

// readPages returns a function that reads the ranking over the API. The size of the page
// changes, because an answer is kept for a second.
func (r *rankTest) readPages(api apiclient.Client) reading {
	nth := 0
	return func(ctx context.Context) error {
		nth++
		size := 1 + nth%rankedProducts
		query, days := fmt.Sprintf("weekly&date=2026010%d", 1+nth%4), int64(7)
		if nth%2 == 0 {
			query, days = fmt.Sprintf("monthly&date=202601%d", 10+nth%20), 31
		}
		var shown apiclient.Ranking
		if err := readJSON(ctx, api, fmt.Sprintf("/api/v1/rankings?period=%s&size=%d", query, size), &shown); err != nil {
			return err
		}
		versions := map[int64]bool{}
		for i, item := range shown.Items {
			score, err := item.Score.Float64()
			if err != nil {
				return err
			}
			if item.Rank != int64(i)+1 || item.Product.ID != rankedProducts-int64(i) {
				return fmt.Errorf("%s, place %d: %+v", query, i+1, item)
			}
			views := int64(math.Round(10 * score))
			versions[views/(100+item.Product.ID)/days] = true
			if views%(days*(100+item.Product.ID)) != 0 {
				return fmt.Errorf("%s, place %d: %d views are of no version", query, i+1, views)
			}
		}
		if len(shown.Items) != size || len(versions) != 1 {
			return fmt.Errorf("%s has %d of %d rows, of the versions %v", query, len(shown.Items), size, versions)
		}
		return nil
	}
}

func readJSON(ctx context.Context, api apiclient.Client, path string, v any) error {
	got, err := api.Do(ctx, apiclient.Get("", path))
	if err != nil {
		return err
	}
	if got.Status != http.StatusOK {
		return fmt.Errorf("%s = %d %s", path, got.Status, strings.TrimSpace(string(got.Body)))
	}
	return got.Decode(v)
}

func TestReadersOfARankingNeverSeeItEmptyShortOrMixed(t *testing.T) {
	t.Parallel()
	r := newRankTest(t)
	shop := programs.NewService(t, "commerce-api", "commerce-api", r.env...)
	shop.Launch(t.Context())
	api := shop.Client()
	stop := r.readAll(&api)
	for version := 2; version <= 6; version++ {
		r.count(version)
		if version == 4 {
			b := r.bar(rankedWeek)
			job := r.begin()
			b.await()
			kill(t, job)
			b.open()
		}
		r.publish()
	}
	stop()
	r.checkContents(6)
}
