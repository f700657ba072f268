package allinone

import (
	"context"
	"runtime"
	"testing"
	"testing/synctest"
	"time"
)

func TestTheMemoryOfTheStartIsReturnedOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, stop := context.WithCancel(t.Context())
		done := make(chan error, 1)
		var before, soon, later runtime.MemStats
		runtime.ReadMemStats(&before)
		go func() { done <- returnMemory().Run(ctx) }()
		time.Sleep(startTime - 1)
		runtime.ReadMemStats(&soon)
		time.Sleep(time.Hour)
		runtime.ReadMemStats(&later)
		stop()
		if err := <-done; err != nil || soon.NumForcedGC != before.NumForcedGC || later.NumForcedGC != before.NumForcedGC+1 {
			t.Errorf("%v; forced collections: %d, then %d, then %d", err, before.NumForcedGC, soon.NumForcedGC, later.NumForcedGC)
		}
	})
}
