package kafka

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"testing"

	"github.com/loopers-commerce/commerce/internal/base/fault"
	"github.com/loopers-commerce/commerce/internal/base/panics"
	"github.com/loopers-commerce/commerce/internal/contract/event"
)

func TestAFailureIsBlamedOnADependencyOrOnARecord(t *testing.T) {
	t.Parallel()
	away := fault.New(fault.Unavailable, "AWAY", "the database is away")
	for err, want := range map[error]blame{
		nil: nobody,
		fmt.Errorf("count: %w", event.ErrUnreadable):           unreadable,
		fmt.Errorf("count: %w", away):                          dependency,
		fmt.Errorf("%w: %w", away, errors.New("57P01")):        dependency,
		fmt.Errorf("count: %w", context.DeadlineExceeded):      dependency,
		fmt.Errorf("count: %w", context.Canceled):              dependency,
		fmt.Errorf("count: %w", &net.OpError{Err: io.EOF}):     dependency,
		fmt.Errorf("count: %w", io.ErrUnexpectedEOF):           dependency,
		errors.New("no such product"):                          record,
		fault.New(fault.Invalid, "TOO_MUCH", "it is too much"): record,
		&panics.Error{Value: "index out of range"}:             record,
		fault.New(fault.Conflict, "TAKEN", "it is taken"):      record,
		fmt.Errorf("%w: %w", event.ErrUnreadable, io.EOF):      unreadable,
	} {
		if got := blameFor(err); got != want {
			t.Errorf("%v is blamed on %d, want %d", err, got, want)
		}
	}
}
