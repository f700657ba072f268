package postgres

import (
	"sync/atomic"
	"time"
)

// rarely says yes once in a second. While a database may only be read, each write says that
// the connections are the wrong ones, also those that were opened since.
type rarely struct{ closed atomic.Bool }

func (r *rarely) now() bool {
	if r.closed.Swap(true) {
		return false
	}
	time.AfterFunc(time.Second, func() { r.closed.Store(false) })
	return true
}
