package admission_test

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/loopers-commerce/commerce/internal/adapter/api/admission"
)

const (
	patience = 300 * time.Millisecond
	limit    = 5
)

type fixture struct {
	*admission.Flow
	other    *admission.Flow
	registry *prometheus.Registry
}

func open(t *testing.T) fixture {
	t.Helper()
	r := prometheus.NewRegistry()
	m, err := admission.NewMetrics(r)
	if err != nil {
		t.Fatal(err)
	}
	return fixture{admission.New("reads", limit, patience, time.Now, m), admission.New("writes", 1, patience, time.Now, m), r}
}

// read returns the value of a metric of reads.
func (f fixture) read(t *testing.T, name, result string) (value float64) {
	t.Helper()
	families, err := f.registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, family := range families {
		for _, m := range family.GetMetric() {
			labels := m.GetLabel()
			if family.GetName() == name && labels[0].GetValue() == "reads" && (result == "" || labels[1].GetValue() == result) {
				return m.GetCounter().GetValue() + m.GetGauge().GetValue()
			}
		}
	}
	return 0
}

// request is one request, what it waited and how it ended.
type request struct {
	waited time.Duration
	err    error
}

// serve enters, takes a time and leaves.
func serve(ctx context.Context, f *admission.Flow, takes time.Duration) (r request) {
	begun := time.Now()
	pass, err := f.Enter(ctx)
	r = request{time.Since(begun), err}
	if err == nil {
		time.Sleep(takes)
		pass.Leave()
	}
	return r
}

// crowd sends requests at even intervals for a time, whatever becomes of them.
func crowd(ctx context.Context, f *admission.Flow, lasts, each, takes time.Duration) []request {
	var all sync.WaitGroup
	outcomes := make([]request, lasts/each)
	for i := range outcomes {
		all.Go(func() { outcomes[i] = serve(ctx, f, takes) })
		time.Sleep(each)
	}
	all.Wait()
	return outcomes
}

// 500 can be served in a second. From half to ten times as many arrive.
func TestWhatIsServedHasNotWaitedLongAtAnyLoad(t *testing.T) {
	t.Parallel()
	for offered, least := range map[time.Duration]int{250: 500, 500: 1000, 1000: 990, 2500: 990, 5000: 990} {
		synctest.Test(t, func(t *testing.T) {
			f := open(t)
			served, late := 0, 0
			for _, r := range crowd(t.Context(), f.Flow, 2*time.Second, time.Second/offered, 10*time.Millisecond) {
				switch {
				case r.err == nil && r.waited <= patience:
					served++
				case r.err == nil, !errors.Is(r.err, admission.ErrBusy):
					t.Fatalf("waited %v: %v", r.waited, r.err)
				case r.waited > 0:
					late++
				}
			}
			if served < least || late > served/50 {
				t.Errorf("of %d/s for 2 s, %d are served, %d are refused after a wait", offered, served, late)
			}
			if f.Full() {
				t.Error("full when nothing is left")
			}
		})
	}
}

func TestRequestsAreServedInOrderOfArrival(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := open(t)
		var mu sync.Mutex
		var order []int
		for i := range 40 {
			go func() {
				pass, err := f.Enter(t.Context())
				if err != nil {
					t.Error(err)
					return
				}
				mu.Lock()
				order = append(order, i)
				mu.Unlock()
				time.Sleep(10 * time.Millisecond)
				pass.Leave()
			}()
			time.Sleep(time.Microsecond)
		}
		time.Sleep(time.Second)
		mu.Lock()
		defer mu.Unlock()
		if len(order) != 40 || !slices.IsSorted(order) {
			t.Errorf("%v", order)
		}
	})
}

func TestWhoGoesAwayOrIsLateLeavesTheQueue(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := open(t)
		for range limit {
			go serve(t.Context(), f.Flow, time.Second)
		}
		synctest.Wait()
		ctx, leave := context.WithCancel(t.Context())
		left, late := make(chan request, 1), make(chan request, 1)
		go func() { left <- serve(ctx, f.Flow, 0) }()
		go func() { late <- serve(t.Context(), f.Flow, 0) }()
		synctest.Wait()
		waiting := func() float64 { return f.read(t, "commerce_admission_waiting", "") }
		if n := waiting(); n != 2 {
			t.Errorf("%v wait", n)
		}
		leave()
		if r := <-left; !errors.Is(r.err, context.Canceled) || r.waited > 0 {
			t.Errorf("who left: %+v", r)
		}
		if r := <-late; !errors.Is(r.err, admission.ErrBusy) || r.waited != patience {
			t.Errorf("who was late: %+v", r)
		}
		if n := waiting(); n != 0 {
			t.Errorf("%v wait", n)
		}
		time.Sleep(time.Second)
		for range limit { // no place is lost
			if _, err := f.Enter(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		for result, want := range map[string]float64{"admitted": 2 * limit, "expired": 1, "left": 1, "refused": 0} {
			if n := f.read(t, "commerce_admission_total", result); n != want {
				t.Errorf("%s: %v, want %v", result, n, want)
			}
		}
	})
}

// All places of a flow are taken by requests that hang. Others do not feel it, and the flow
// is as before when they are gone.
func TestAFlowThatHangsStopsNoOtherOne(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := open(t)
		for range limit {
			go serve(t.Context(), f.Flow, time.Minute)
		}
		synctest.Wait()
		for _, r := range crowd(t.Context(), f.other, time.Second, 2*time.Millisecond, time.Millisecond) {
			if r.err != nil || r.waited > 0 {
				t.Fatalf("%+v", r)
			}
		}
		for _, r := range crowd(t.Context(), f.Flow, time.Second, time.Millisecond, time.Millisecond) {
			if !errors.Is(r.err, admission.ErrBusy) || r.waited > patience {
				t.Fatalf("%+v", r)
			}
		}
		time.Sleep(time.Minute)
		for range 60 { // what hung is soon forgotten
			serve(t.Context(), f.Flow, time.Millisecond)
		}
		for _, r := range crowd(t.Context(), f.Flow, 40*time.Microsecond, time.Microsecond, time.Millisecond) {
			if r.err != nil {
				t.Fatalf("afterwards: %+v", r)
			}
		}
	})
}

func TestWithoutAFlowNothingIsRefused(t *testing.T) {
	t.Parallel()
	var f *admission.Flow
	pass, err := f.Enter(t.Context())
	if err != nil || f.Full() {
		t.Error(err)
	}
	pass.Leave()
}

func TestTwoOfOneNameAreAnError(t *testing.T) {
	t.Parallel()
	r := prometheus.NewRegistry()
	if _, err := admission.NewMetrics(r); err != nil {
		t.Fatal(err)
	}
	if _, err := admission.NewMetrics(r); err == nil {
		t.Error("no error")
	}
}
