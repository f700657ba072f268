package fault_test

import (
	"errors"
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/loopers-commerce/commerce/internal/base/fault"
)

var errFull = fault.New(fault.Conflict, "FULL", "it is full")

func TestBecauseAndAboutKeepTheCode(t *testing.T) {
	t.Parallel()
	precise := fmt.Errorf("while filling: %w", errFull.Because("holds %d of %d", 5, 5))
	if !errors.Is(precise, errFull) {
		t.Error("errors.Is does not know it any more")
	}
	if errors.Is(precise, fault.New(fault.Conflict, "EMPTY", "it is empty")) {
		t.Error("it is taken for another")
	}
	if errFull.Error() != "it is full" {
		t.Errorf("the sentinel has changed to %q", errFull)
	}
}

func TestTheKindIsFoundThroughWrapping(t *testing.T) {
	t.Parallel()
	for err, want := range map[error]fault.Kind{
		fmt.Errorf("x: %w", errFull): fault.Conflict,
		errors.New("disk on fire"):   fault.Internal,
		nil:                          fault.Internal,
	} {
		if got := fault.KindOf(err); got != want {
			t.Errorf("KindOf(%v) = %d, want %d", err, got, want)
		}
	}
}

func TestCheckReturnsEveryField(t *testing.T) {
	t.Parallel()
	var c fault.Check
	c.That(true, "/a", "is fine")
	if err := c.Err(); err != nil {
		t.Errorf("without complaints: %v", err)
	}
	c.That(false, "/b", "must be %d", 1)
	c.That(false, "/c", "must be there")
	want := []fault.Field{{Pointer: "/b", Detail: "must be 1"}, {Pointer: "/c", Detail: "must be there"}}
	if diff := cmp.Diff(want, fields(t, c.Err())); diff != "" {
		t.Error(diff)
	}
	if len(fault.ErrValidation.Fields) != 0 {
		t.Error("the sentinel has learned complaints")
	}
}

func TestJoinReturnsTheFieldsOfAllChecks(t *testing.T) {
	t.Parallel()
	var a, b fault.Check
	if err := fault.Join(a.Err(), nil, b.Err()); err != nil {
		t.Errorf("without complaints: %v", err)
	}
	a.That(false, "/a", "is wrong")
	b.That(false, "/b", "is wrong too")
	want := []fault.Field{{Pointer: "/a", Detail: "is wrong"}, {Pointer: "/b", Detail: "is wrong too"}}
	if diff := cmp.Diff(want, fields(t, fault.Join(a.Err(), nil, b.Err()))); diff != "" {
		t.Error(diff)
	}
	if err := fault.Join(a.Err(), errFull); !errors.Is(err, errFull) {
		t.Errorf("Join = %v, want the error that is no complaint", err)
	}
}

func fields(t *testing.T, err error) []fault.Field {
	t.Helper()
	f, ok := errors.AsType[*fault.Error](err)
	if !ok || !errors.Is(err, fault.ErrValidation) {
		t.Fatalf("%v is not ErrValidation", err)
	}
	return f.Fields
}
