package process_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/loopers-commerce/commerce/internal/test/kit/apiclient"
	"github.com/loopers-commerce/commerce/internal/test/kit/cluster"
)

// The question "what happened to this order?" has one answer, for a card order that was
// paid and cancelled. So has "why has this product this score?".
func TestAnOperatorAsksWhatHappenedToAnOrder(t *testing.T) {
	t.Parallel()
	data := t.TempDir()
	shop, api := dev(t, data, "GATEWAY_SCENARIO=healthy")
	operator := operatorOf(t, shop, data)
	operator.env = append(operator.env, "REDIS_URL=redis://127.0.0.1:1") // without Redis there is no rank
	order := cardOrder(t, api, "ann")
	cluster.Eventually(t, 60*time.Second, "the order is paid", func() error {
		if status := orderStatus(t, api, "ann", order); status != "PAID" {
			return fmt.Errorf("it is %s", status)
		}
		return nil
	})
	api.Must(t, http.StatusOK, apiclient.Cancel("ann", order), nil)
	want := "order.placed payment.requested payment.approved order.paid order.cancelled payment.refunded"
	var timeline struct {
		Status string
		Steps  []struct {
			Event struct {
				ID, Type, Key, TraceID string
			}
			Effects []struct{ Subject string }
		}
	}
	cluster.Eventually(t, 60*time.Second, "the timeline is complete", func() error {
		var types []string
		if err := json.Unmarshal([]byte(operator.run(0, "events", "timeline", order, "--json")), &timeline); err != nil {
			return err
		}
		for _, s := range timeline.Steps {
			types = append(types, s.Event.Type)
		}
		if got := strings.Join(types, " "); got != want {
			return fmt.Errorf("it is %s", got)
		}
		return nil
	})
	if timeline.Status != "CANCELLED" || len(timeline.Steps[0].Effects) != 2 || len(timeline.Steps[4].Effects) != 2 || timeline.Steps[0].Event.TraceID == "" {
		t.Errorf("the timeline is %+v", timeline)
	}
	rows := lines(operator.run(0, "events", "timeline", order))
	if len(rows) != 1+1+6 || rows[2][2] != "order.placed" || strings.Join(rows[2][3:7], " ") != "product 7 -1, points" {
		t.Errorf("the table is %v", rows)
	}
	operator.run(1, "events", "timeline", timeline.Steps[0].Event.ID)
	if out := operator.run(0, "events", "show", timeline.Steps[0].Event.ID); !strings.Contains(out, "order.placed") || !strings.Contains(out, `"orderId": "`+order+`"`) {
		t.Errorf("the event is shown as\n%s", out)
	}
	for args, want := range map[string]int{ // a table has a header, and a line that counts
		"--key=" + order: 8, "--type=order.paid": 3, "--key=" + order + " --limit=2": 4, "--type=order.paid --to=20000101": 1,
	} {
		out := operator.run(0, append([]string{"events", "list"}, strings.Fields(args)...)...)
		if rows := lines(out); len(rows) != want {
			t.Errorf("%s: %d lines\n%s", args, len(rows), out)
		}
	}
	out := operator.run(0, "ranking", "explain", "7", "--events=5")
	if !strings.Contains(out, "order.paid") || !strings.Contains(out, "order.cancelled") {
		t.Errorf("the explanation is\n%s", out)
	}
	if out := operator.run(0, "ranking", "explain", "7"); strings.Contains(out, "order.paid") {
		t.Errorf("nobody asked for events:\n%s", out)
	}
}
