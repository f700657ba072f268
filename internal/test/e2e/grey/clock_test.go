package grey_test

import (
	"context"
	"net/http"
	"time"
)

func clockFaults() []fault {
	return []fault{
		{name: "the clock of an API is an hour ahead", begin: wrongClock("1h"), says: aheadSays, lasts: 15 * time.Second},
		{name: "the clock of an API is an hour behind", begin: wrongClock("-1h"), says: aheadSays, lasts: 8 * time.Second},
	}
}

// wrongClock starts one more API, whose clock is wrong. A third of the requests go there.
func wrongClock(ahead string) func(context.Context, *shop) (func() error, error) {
	return func(ctx context.Context, s *shop) (func() error, error) {
		api := programs.NewService(s.t, "wrongclock", "api "+ahead, append([]string{"CLOCK_AHEAD=" + ahead}, s.env...)...)
		api.Args = []string{"api"}
		api.EndWithTest(ctx)
		if err := api.Start(ctx); err != nil {
			return nil, err
		}
		s.ahead.Store(api)
		return func() error {
			s.ahead.Store(nil)
			time.Sleep(time.Second) // requests are on their way
			api.Stop()
			return nil
		}, nil
	}
}

// aheadSays returns what the API with the wrong clock says of it.
func aheadSays(ctx context.Context, s *shop) string {
	api := s.ahead.Load()
	if api == nil {
		return ""
	}
	return ask(ctx, &http.Client{Timeout: 3 * time.Second}, api.ManagementURL+"/readyz").Degraded["clock"]
}
