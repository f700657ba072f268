package process_test

import (
	"strings"
	"testing"

	"github.com/loopers-commerce/commerce/internal/test/kit/retailtest"
)

// The job is killed in the middle, and restarted. Every invoice is ordered once: the
// command, which sends the same, has nothing left to do.
func TestAReplayCanBeRunAsAJobThatIsKilledAndRestarted(t *testing.T) {
	t.Parallel()
	p := newProduction(t)
	file := retailtest.File(t, 1, 900, 3)
	p.commerce(0, "seed", "--online-retail", file)
	api := p.service("commerce-api")
	p.service("commerce-streamer")
	args := []string{"run", "replayJob", "--online-retail", file, "--api-url=" + api.URL, "--concurrency", "2"}
	killed := start(t, p.on.Env, "commerce-batch", args...)
	p.awaitOrders(20)
	kill(t, killed)
	code, out := command(t, p.on.Env, "commerce-batch", args...)
	if code != 0 || !strings.Contains(out, "COMPLETED") {
		t.Fatalf("restarted: %d\n%s", code, out)
	}
	again := reportOf(t, p.commerce(0, "replay", "--online-retail", file, "--api-url", api.URL, "--concurrency", "2", "--json"))
	if n := again.Steps["order"]; again.Done != again.Of || n.Sent != 0 || n.Repeated != p.orders() {
		t.Errorf("%+v, %d orders in the database", again, p.orders())
	}
	for _, wrong := range [][]string{{"--concurrency=0"}, {"--speed=-1"}, {"--from=2011-01-02", "--to=2011-01-01"}, {"--patience=long"}} {
		if code, out := command(t, p.on.Env, "commerce-batch", append(args[:len(args)-2:len(args)-2], wrong...)...); code != 2 {
			t.Errorf("%v = %d\n%s", wrong, code, out)
		}
	}
	code, out = command(t, p.on.Env, "commerce-batch", "run", "replayJob")
	if code != 2 || !strings.Contains(out, "give the file of invoices") {
		t.Errorf("without a file: %d\n%s", code, out)
	}
}
