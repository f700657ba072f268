package kafka

import (
	"errors"
	"testing"
	"time"
)

func TestAConsumerThatStandsStillIsLookedAtAgainSoon(t *testing.T) {
	t.Parallel()
	now := time.Now()
	at := partition{"t", 1}
	standing := func(lasts time.Duration) map[partition]standing {
		return map[partition]standing{at: {offset: 1, waiting: 1, since: now.Add(-lasts)}}
	}
	for name, c := range map[string]struct {
		health *health
		want   time.Duration
	}{
		"well":                {&health{}, lagInterval},
		"stands for a moment": {&health{stands: standing(time.Second)}, lagInterval},
		"stands still":        {&health{stands: standing(standsFor + 1)}, soon},
		"cannot be read":      {&health{silent: errors.New("no answer")}, soon},
	} {
		if got := c.health.pause(now); got != c.want {
			t.Errorf("%s: %v, want %v", name, got, c.want)
		}
	}
}
