package wakeup_test

import (
	"testing"

	"github.com/loopers-commerce/commerce/internal/base/wakeup"
)

func TestNotificationsThatNobodyHasReceivedBecomeOne(t *testing.T) {
	t.Parallel()
	s := wakeup.New()
	for range 2 {
		s.Notify()
		s.Notify()
		<-s
		select {
		case <-s:
			t.Fatal("two notifications were received")
		default:
		}
	}
}
