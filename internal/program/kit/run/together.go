package run

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/loopers-commerce/commerce/internal/base/panics"
)

// Together returns a component that runs several at once, and stops them at the same
// time: none of them needs another one to finish its work. If one fails, it stops the
// others and fails.
func Together(name string, all ...Component) Component {
	return Component{Name: name, Run: func(ctx context.Context) error {
		ctx, stop := context.WithCancel(ctx)
		defer stop()
		errs := make([]error, len(all))
		var running sync.WaitGroup
		for i, c := range all {
			running.Go(func() {
				defer stop()
				if err := panics.Caught(func() error { return c.Run(ctx) }); err != nil && (ctx.Err() == nil || !errors.Is(err, context.Canceled)) {
					errs[i] = fmt.Errorf("%s: %w", c.Name, err)
				} else if ctx.Err() == nil {
					errs[i] = fmt.Errorf("%s ended before the program stopped", c.Name)
				}
			})
		}
		running.Wait()
		return errors.Join(errs...)
	}}
}
