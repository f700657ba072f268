package openloop

import (
	"cmp"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
)

// Recording is what was measured.
type Recording struct {
	Begun time.Time
	Lasts time.Duration // as planned
	Ran   time.Duration // until the last request was due; less than planned if it was interrupted

	mu    sync.Mutex
	kinds map[string]*Kind
	all   *Kind
}

func newRecording(begun time.Time, lasts time.Duration) *Recording {
	return &Recording{Begun: begun, Lasts: lasts, kinds: map[string]*Kind{}, all: newKind("all", lasts)}
}

// Kind is what was measured of all requests of one kind. Times are those of requests that
// were accepted: OK or Declined.
type Kind struct {
	Name     string
	Verdicts Counts
	InTime   Counts           // that ended before the time of the run was over
	FromDue  *Times           // until the answer was there
	FromSend *Times           // the same, as a client would see it that does not know when a request was due
	Late     *Times           // from due to sent, of all that were sent or given up
	Whys     map[string]int64 // why requests were not OK
	Seconds  []Second         // of the time of the run; what ends later is in none
}

// Second is one second of a run.
type Second struct {
	Offered           int64 // requests that were due in it
	Ended             Counts
	FromDue, FromSend *Times // of accepted requests that ended in it
}

// Counts is a number of requests for each verdict.
type Counts [verdicts]int64

// Accepted is the number of requests that were served: OK or Declined.
func (c Counts) Accepted() int64 { return c[OK] + c[Declined] }

// All is the number of requests.
func (c Counts) All() (n int64) {
	for _, v := range c {
		n += v
	}
	return n
}

// Times is a distribution of times.
type Times struct{ h *hdrhistogram.Histogram }

// longest is the longest time that is told apart, in microseconds.
const longest = int64(2 * time.Minute / time.Microsecond)

func newTimes(digits int) *Times { return &Times{hdrhistogram.New(1, longest, digits)} }

func (t *Times) add(d time.Duration) {
	_ = t.h.RecordValue(min(max(d.Microseconds(), 1), longest)) // which is in range
}

// At returns a percentile: 50 is the median. It is 0 if there are no times.
func (t *Times) At(percent float64) time.Duration {
	return time.Duration(t.h.ValueAtPercentile(percent)) * time.Microsecond
}

// Count is how many times there are.
func (t *Times) Count() int64 { return t.h.TotalCount() }

// Numbers of digits of a time: those of a second have less, because there are many.
const digits, digitsOfSecond = 3, 2

func newKind(name string, lasts time.Duration) *Kind {
	k := &Kind{Name: name, FromDue: newTimes(digits), FromSend: newTimes(digits), Late: newTimes(digits), Whys: map[string]int64{}}
	for range max(1, (lasts+time.Second-1)/time.Second) {
		k.Seconds = append(k.Seconds, Second{FromDue: newTimes(digitsOfSecond), FromSend: newTimes(digitsOfSecond)})
	}
	return k
}

// entry is the end of one request. Times count from the begin of the run.
type entry struct {
	Judgement

	kind             string
	due, sent, ended time.Duration
}

func (r *Recording) add(e entry) {
	r.mu.Lock()
	defer r.mu.Unlock()
	k := r.kinds[e.kind]
	if k == nil {
		k = newKind(e.kind, r.Lasts)
		r.kinds[e.kind] = k
	}
	k.add(e, r.Lasts)
	r.all.add(e, r.Lasts)
}

func (k *Kind) add(e entry, lasts time.Duration) {
	k.Verdicts[e.Verdict]++
	k.Late.add(e.sent - e.due)
	accepted := e.Verdict == OK || e.Verdict == Declined
	if accepted {
		k.FromDue.add(e.ended - e.due)
		k.FromSend.add(e.ended - e.sent)
	}
	k.Seconds[k.second(e.due)].Offered++
	if e.ended <= lasts {
		k.InTime[e.Verdict]++
		k.Seconds[k.second(e.ended)].add(e, accepted)
	}
	const most = 20 // different reasons
	if _, known := k.Whys[e.Why]; e.Why != "" && (known || len(k.Whys) < most) {
		k.Whys[e.Why]++
	}
}

func (s *Second) add(e entry, accepted bool) {
	s.Ended[e.Verdict]++
	if accepted {
		s.FromDue.add(e.ended - e.due)
		s.FromSend.add(e.ended - e.sent)
	}
}

func (k *Kind) second(at time.Duration) int {
	return min(int(at/time.Second), len(k.Seconds)-1)
}

// ended returns a second of all kinds, as it is now. What ends after the run is in none.
func (r *Recording) ended(second int) Second {
	r.mu.Lock()
	defer r.mu.Unlock()
	if second >= len(r.all.Seconds) {
		return Second{FromDue: newTimes(digitsOfSecond), FromSend: newTimes(digitsOfSecond)}
	}
	s := r.all.Seconds[second]
	s.FromDue, s.FromSend = &Times{s.FromDue.h.Clone()}, &Times{s.FromSend.h.Clone()}
	return s
}

// Kinds returns what was measured of each kind, the most frequent ones first. It is for use
// after the run.
func (r *Recording) Kinds() []*Kind {
	return slices.SortedFunc(maps.Values(r.kinds), func(a, b *Kind) int {
		return cmp.Or(cmp.Compare(b.Verdicts.All(), a.Verdicts.All()), cmp.Compare(a.Name, b.Name))
	})
}

// Kind returns what was measured of one kind; empty if there were none.
func (r *Recording) Kind(name string) *Kind {
	if k := r.kinds[name]; k != nil {
		return k
	}
	return newKind(name, r.Lasts)
}

// All returns what was measured of all kinds together.
func (r *Recording) All() *Kind { return r.all }

// Goodput is how many requests per second were accepted, and answered before the time of
// the run was over.
func (k *Kind) Goodput(ran time.Duration) float64 {
	return float64(k.InTime.Accepted()) / max(ran.Seconds(), 1e-3)
}
