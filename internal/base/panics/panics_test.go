package panics_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/loopers-commerce/commerce/internal/base/panics"
)

func TestAPanicIsAnErrorWithItsStack(t *testing.T) {
	t.Parallel()
	err := panics.Caught(func() error {
		all := map[bool][]int{}
		return fmt.Errorf("%d", all[true][0])
	})
	if err == nil || !strings.HasPrefix(err.Error(), "panic: ") || strings.Contains(err.Error(), "goroutine") {
		t.Fatalf("the error is %v", err)
	}
	line := fmt.Sprint(panics.Attrs(fmt.Errorf("count: %w", err))...)
	for _, want := range []string{"error", "count: panic: ", "index out of range", "stack", "TestAPanicIsAnErrorWithItsStack"} {
		if !strings.Contains(line, want) {
			t.Errorf("%s is not in the log: %s", want, line)
		}
	}
}

func TestAnErrorIsReturnedAsItIs(t *testing.T) {
	t.Parallel()
	for _, want := range []error{nil, errors.New("away")} {
		if err := panics.Caught(func() error { return want }); !errors.Is(err, want) {
			t.Errorf("%v, want %v", err, want)
		}
	}
	if attrs := panics.Attrs(errors.New("away")); len(attrs) != 2 {
		t.Errorf("the log says %v", attrs)
	}
}
