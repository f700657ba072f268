// Package wakeup wakes a goroutine that waits for news.
package wakeup

// Signal wakes one waiter, which receives from it. Notifications that nobody has
// received yet become one.
type Signal chan struct{}

// New returns a signal without a notification.
func New() Signal { return make(Signal, 1) }

// Notify wakes the waiter now, or when it next receives. It does not block.
func (s Signal) Notify() {
	select {
	case s <- struct{}{}:
	default:
	}
}
