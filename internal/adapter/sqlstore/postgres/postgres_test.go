package postgres

import (
	"os"
	"testing"
)

func TestASilentTransactionIsEndedAfterAMinuteUnlessTheServerSaysOtherwise(t *testing.T) {
	t.Parallel()
	address := os.Getenv("TEST_DATABASE_URL")
	if address == "" {
		t.Fatal("TEST_DATABASE_URL is not set: run `make services` and use `make test`")
	}
	for suffix, want := range map[string]string{"": "1min", "&idle_in_transaction_session_timeout=5000": "5s"} {
		pool, err := connect(t.Context(), address+suffix)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(pool.Close)
		var got string
		err = pool.QueryRow(t.Context(), "SHOW idle_in_transaction_session_timeout").Scan(&got)
		if got != want || err != nil {
			t.Errorf("the limit is %q (%v), want %q", got, err, want)
		}
	}
}
