package api

import (
	"context"
	"net/http"
	"strconv"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/loopers-commerce/commerce/internal/adapter/api/admission"
	"github.com/loopers-commerce/commerce/internal/app/checkout"
	"github.com/loopers-commerce/commerce/internal/app/rankings"
	"github.com/loopers-commerce/commerce/internal/app/settle"
	"github.com/loopers-commerce/commerce/internal/base/fault"
	"github.com/loopers-commerce/commerce/internal/base/tracing"
	"github.com/loopers-commerce/commerce/internal/store"
)

// flow is a kind of requests that wait for each other, and for no others.
type flow string

// The flows. A route is in that of its method and access, unless it is registered with
// inFlow. Requests that the near cache answers are in none.
const (
	unbounded   flow = "" // it has a bound of its own
	orderFlow   flow = "orders"
	readFlow    flow = "reads"
	rankingFlow flow = "rankings"
	writeFlow   flow = "writes"
	couponFlow  flow = "coupons"
	logInFlow   flow = "logins"
	adminFlow   flow = "admin"
	gatewayFlow flow = "gateway"
)

// Admission is how many requests of each flow are served at a time, each of which may hold a
// connection to the database, and how long others wait. Orders have a queue of their own:
// see checkout.Crowd.
type Admission struct {
	Patience time.Duration // 0: nothing waits, and nothing is refused
	Reads    int
	Writes   int
	Coupons  int
	LogIns   int
	Admin    int
	Gateway  int
}

// limits returns the limit of each flow. Rankings that wait until they are computed hold no
// connection, and hold up no other reads.
func (a Admission) limits() map[flow]int {
	return map[flow]int{
		readFlow: a.Reads, rankingFlow: a.Reads + rankings.MaxWaiting, writeFlow: a.Writes, couponFlow: a.Coupons, logInFlow: a.LogIns, adminFlow: a.Admin, gatewayFlow: a.Gateway,
	}
}

// doors are where requests wait, or are refused.
type doors struct {
	flows  map[flow]*admission.Flow
	orders admission.Outcomes
	routes map[string]door // by pattern: those whose requests can be refused as they arrive
}

// door refuses requests before anything is done for them.
type door struct {
	full    func() bool
	refused func()
	busy    *fault.Error
}

func (s *service) openDoors() error {
	s.doors.routes = map[string]door{}
	c := s.config.Admission
	if c.Patience == 0 {
		return nil
	}
	metrics, err := admission.NewMetrics(s.config.Registerer)
	if err != nil {
		return err
	}
	s.doors.orders, s.doors.flows = metrics.Outcomes(string(orderFlow)), map[flow]*admission.Flow{}
	for name, limit := range c.limits() {
		s.doors.flows[name] = admission.New(string(name), max(limit, 1), c.Patience, s.config.Clock, metrics)
	}
	return nil
}

const flowKey = "flow"

// inFlow puts a route into a flow.
func inFlow(f flow) func(*huma.Operation) {
	return func(op *huma.Operation) { op.Metadata[flowKey] = f }
}

func usualFlow(method string, need access) flow {
	switch {
	case need == admins:
		return adminFlow
	case method == http.MethodGet:
		return readFlow
	default:
		return writeFlow
	}
}

// bound puts a door before a route, and documents what is answered when it is closed.
func (s *service) bound(op *huma.Operation) {
	name, _ := op.Metadata[flowKey].(flow)
	if name == unbounded {
		return
	}
	op.Responses["503"] = &huma.Response{Ref: "#/components/responses/" + busyResponse}
	pattern := op.Method + " " + op.Path
	if f := s.doors.flows[name]; f != nil {
		s.doors.routes[pattern] = door{f.Full, f.Refused, admission.ErrBusy}
	} else if name == orderFlow && s.config.Admission.Patience > 0 {
		s.doors.routes[pattern] = door{s.config.Checkout.Busy, s.doors.orders.Refused, checkout.ErrBusy}
	}
}

// enter waits for the turn of a request of a route. Requests of admins have entered before:
// their access is checked in the database.
func (s *service) enter(ctx context.Context, op *huma.Operation) (admission.Pass, error) {
	name, _ := op.Metadata[flowKey].(flow)
	if name == adminFlow {
		return admission.Pass{}, nil
	}
	return s.doors.flows[name].Enter(ctx)
}

// admitted calls a handler when it is its turn.
func admitted[I, O any](ctx context.Context, s *service, op *huma.Operation, in *I, h func(context.Context, *I) (*O, error)) (*O, error) {
	pass, err := s.enter(ctx, op)
	if err != nil {
		return nil, err
	}
	defer pass.Leave()
	return h(ctx, in)
}

// refuse answers a request before its body, its user or its parameters are looked at. It
// has a place in the trace, and no span: there may be very many.
func (m *middleware) refuse(w http.ResponseWriter, r *http.Request, d door, pattern string, start time.Time) {
	d.refused()
	s := m.service
	ctx := tracing.Unrecorded(tracing.Extract(r.Context(), r.Header), s.config.IDs)
	header := w.Header()
	header["X-Content-Type-Options"] = noSniff
	header["Traceresponse"], header["X-Trace-Id"] = []string{tracing.Parent(ctx)}, []string{tracing.ID(ctx)}
	p := newProblem(ctx, http.StatusServiceUnavailable, d.busy.Code, d.busy.Text)
	p.headers.Set("Retry-After", s.retryAfter())
	s.writeProblem(w, r, p)
	m.observe(r, p.Status, pattern, s.config.Clock().Sub(start).Seconds())
}

// retryAfter returns 1 to 3 seconds, so that those who are refused together do not come
// back together.
func (s *service) retryAfter() string {
	if s.config.Random == nil {
		return "1"
	}
	return strconv.Itoa(1 + int(3*s.config.Random()))
}

// isBusy reports whether a problem says that too many ask at the same time. It is no fault
// of the shop's parts, and there may be very many: it is counted, and not logged.
func isBusy(code string) bool {
	return code == store.ErrBusy.Code || code == admission.ErrBusy.Code || code == checkout.ErrBusy.Code || code == settle.ErrBusy.Code ||
		code == rankings.ErrBusy.Code
}
