package postgres

import (
	"os"
	"testing"
	"time"
)

func TestSettingsAreChangedUnlessTheAdministratorHas(t *testing.T) {
	t.Parallel()
	address := os.Getenv("TEST_DATABASE_URL")
	if address == "" {
		t.Fatal("TEST_DATABASE_URL is not set: run `make services` and use `make test`")
	}
	for suffix, want := range map[string][2]string{
		"": {"1min", "1.1"},
		"&idle_in_transaction_session_timeout=5000": {"5s", "1.1"},
		"&random_page_cost=2":                       {"1min", "2"},
	} {
		pool, err := connect(t.Context(), address+suffix, time.Minute)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(pool.Close)
		var got [2]string
		err = pool.QueryRow(t.Context(), `SELECT current_setting('idle_in_transaction_session_timeout'), current_setting('random_page_cost')`).
			Scan(&got[0], &got[1])
		if got != want || err != nil {
			t.Errorf("with %q the settings are %q (%v), want %q", suffix, got, err, want)
		}
	}
}
