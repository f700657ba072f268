package allinone

import (
	"context"
	"runtime/debug"
	"time"

	"github.com/loopers-commerce/commerce/internal/base/backoff"
	"github.com/loopers-commerce/commerce/internal/program/kit/run"
)

// startTime is how long the start of all parts takes, with room to spare.
const startTime = time.Second

// returnMemory returns a component that gives the memory that only the start has used back
// to the system, once: hashes of passwords and migrations take three times what the shop
// needs at rest, and without requests the garbage collector would not run.
func returnMemory() run.Component {
	return run.Component{Name: "memory of the start", Run: func(ctx context.Context) error {
		if backoff.Wait(ctx, startTime) {
			debug.FreeOSMemory()
		}
		<-ctx.Done()
		return nil
	}}
}
