package api

import (
	"context"
	"encoding/hex"
	"regexp"

	"github.com/loopers-commerce/commerce/internal/base/id"
)

// trace is a request's place in a W3C trace.
type trace struct{ traceID, spanID, flags string }

type traceKey struct{}

var traceparent = regexp.MustCompile(`^[0-9a-f]{2}-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?$`)

// newTrace continues the caller's trace, or begins one.
func newTrace(header string, ids id.Source) trace {
	span := ids()
	t := trace{spanID: hex.EncodeToString(span[8:]), flags: "01"} // the last half is the random one
	m := traceparent.FindStringSubmatch(header)
	if m != nil && header[:2] != "ff" && m[1] != zeros[:32] && m[2] != zeros[:16] {
		t.traceID, t.flags = m[1], m[3]
		return t
	}
	whole := ids()
	t.traceID = hex.EncodeToString(whole[:])
	return t
}

const zeros = "00000000000000000000000000000000"

func (t trace) id() string { return t.traceID }

func (t trace) String() string {
	if t.traceID == "" {
		return ""
	}
	return "00-" + t.traceID + "-" + t.spanID + "-" + t.flags
}

func traceOf(ctx context.Context) trace {
	t, _ := ctx.Value(traceKey{}).(trace)
	return t
}

// Traceparent is the W3C trace context of the request that ctx belongs to, for
// the events that it causes; empty outside of requests.
func Traceparent(ctx context.Context) string { return traceOf(ctx).String() }
