package process_test

import (
	"encoding/json"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/loopers-commerce/commerce/internal/adapter/sqlstore"
	"github.com/loopers-commerce/commerce/internal/adapter/sqlstore/postgres"
	"github.com/loopers-commerce/commerce/internal/contract/event"
	"github.com/loopers-commerce/commerce/internal/store"
	"github.com/loopers-commerce/commerce/internal/test/kit/storetest"
)

// An operator lists, discards and retries events that were set aside. No relay runs here.
func TestAnOperatorDecidesAboutEventsThatWereSetAside(t *testing.T) {
	t.Parallel()
	address := storetest.Schema(t)
	env := []string{"DATABASE_URL=" + address}
	run := func(want int, args ...string) string {
		t.Helper()
		code, out := command(t, env, "commerce", args...)
		if code != want {
			t.Fatalf("commerce %s = %d\n%s", strings.Join(args, " "), code, out)
		}
		return out
	}
	run(0, "migrate")
	for what, said := range map[string]string{"outbox list": "No event is set aside.\n", "metrics history": "Nothing was counted again yet.\n"} {
		if out := run(0, strings.Fields(what)...); out != said {
			t.Errorf("%s of an empty shop: %q", what, out)
		}
	}
	if out := run(0, "outbox", "list", "--json"); out != "[]\n" {
		t.Errorf("as JSON: %q", out)
	}
	seqs := setAside(t, address)
	out := run(0, "outbox", "list")
	for _, part := range []string{"SEQ", "BEHIND", event.CatalogTopic, "stock.depleted", "larger than the topic allows", "SET_ASIDE"} {
		if !strings.Contains(out, part) {
			t.Errorf("the list lacks %q:\n%s", part, out)
		}
	}
	run(1, "outbox", "discard", seqs[0])                       // without a reason
	run(1, "outbox", "retry")                                  // of what?
	run(1, "outbox", "retry", "999")                           // there is none
	run(0, "outbox", "discard", seqs[0], "--dry-run")          // does nothing
	run(0, "outbox", "discard", seqs[0], "--reason", "a test") // the first of key 1
	run(1, "outbox", "discard", seqs[0], "--reason", "a test")
	run(0, "outbox", "retry", "--all")
	var rows []struct {
		State, Key string
		Behind     int64
	}
	if err := json.Unmarshal([]byte(run(0, "outbox", "list", "--json")), &rows); err != nil {
		t.Fatal(err)
	}
	if len(rows) != 2 || rows[0].State != "RETRY" || rows[1].State != "RETRY" || rows[0].Behind != 1 {
		t.Errorf("%+v", rows)
	}
}

// setAside sets an event of product 1 aside, with one behind it, and an event of product 2.
// It returns their numbers.
func setAside(t *testing.T, address string) (seqs []string) {
	t.Helper()
	db, err := postgres.Open(t.Context(), address, storetest.Complete(sqlstore.Options{}))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	err = db.Update(t.Context(), func(tx store.Tx) error {
		tx.Outbox.Append(time.Now(), event.NewStockDepleted(1), event.NewStockDepleted(2), event.NewStockDepleted(1))
		page, err := tx.Queues.Read(t.Context(), store.OutboxRead{Lanes: []int{0, 1, 2, 3, 4, 5, 6, 7}, Limit: 10})
		if err != nil {
			return err
		}
		for _, e := range page.Events[:2] {
			a := store.SetAside{OutboxRecord: e.OutboxRecord, Lane: e.Lane, Reason: "larger than the topic allows", Attempts: 5, Since: time.Now(), TriedAt: time.Now()}
			if err := tx.SetAside.Put(t.Context(), a); err != nil {
				return err
			}
			seqs = append(seqs, strconv.FormatInt(e.Seq, 10))
		}
		return tx.SetAside.Hold(t.Context(), page.Events[2:])
	})
	if err != nil {
		t.Fatal(err)
	}
	return seqs
}
