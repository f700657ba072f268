package api

import (
	"context"
	"encoding/hex"
	"regexp"

	"github.com/loopers-commerce/commerce/internal/base/id"
)

// trace is the W3C trace context of a request.
type trace struct{ traceID, spanID, flags string }

type traceKey struct{}

var traceparent = regexp.MustCompile(`^[0-9a-f]{2}-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?$`)

// newTrace continues the trace of the client, or starts a new one.
func newTrace(header string, ids id.Source) trace {
	span := ids()
	t := trace{spanID: hex.EncodeToString(span[8:]), flags: "01"} // the last half of an id is random
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

// Traceparent returns the W3C trace context of the request in ctx, for the events that it causes. It is
// empty outside of requests.
func Traceparent(ctx context.Context) string { return traceOf(ctx).String() }
