package load

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"sync"
)

// listeners are customers who listen to the stream of the ranking.
type listeners struct {
	stop context.CancelFunc
	all  sync.WaitGroup

	mu     sync.Mutex
	count  int
	silent int // have received no state
	states int64
	wrong  map[string]int64
	cut    map[string]int64 // why a stream ended before the listener did
}

// listen lets some customers listen until end is called.
func (c *crowd) listen(ctx context.Context, count int) *listeners {
	ctx, stop := context.WithCancel(context.WithoutCancel(ctx))
	l := &listeners{stop: stop, count: count, silent: count, wrong: map[string]int64{}, cut: map[string]int64{}}
	for range count {
		l.all.Go(func() {
			if err := c.stream(ctx, l); err != nil && ctx.Err() == nil {
				l.mu.Lock()
				defer l.mu.Unlock()
				l.cut[whyUnanswered(err)]++
			}
		})
	}
	return l
}

// stream reads the states of one listener.
func (c *crowd) stream(ctx context.Context, l *listeners) error {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, c.client.URL+"/api/v1/rankings/stream", http.NoBody)
	if err != nil {
		return err
	}
	res, err := c.client.HTTP.Do(r)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return fmt.Errorf("the stream is answered by %d", res.StatusCode)
	}
	lines := bufio.NewScanner(res.Body)
	const longestLine = 1 << 20
	lines.Buffer(nil, longestLine)
	first := true
	for lines.Scan() {
		if data, is := strings.CutPrefix(lines.Text(), "data: "); is {
			l.state(c.streamed(data), first)
			first = false
		}
	}
	if err := lines.Err(); err != nil {
		return err
	}
	return fmt.Errorf("the stream has ended")
}

// streamed returns what is wrong with a state.
func (c *crowd) streamed(data string) error {
	var b board
	if err := json.Unmarshal([]byte(data), &b); err != nil {
		return err
	}
	day := c.day
	if b.Date != day.String() {
		day = today() // midnight has passed
	}
	return c.page(day.String(), 0)(b)
}

func (l *listeners) state(wrong error, first bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.states++
	if first {
		l.silent--
	}
	if wrong != nil {
		l.wrong[wrong.Error()]++
	}
}

// end ends the listening, and returns what must be true of it.
func (l *listeners) end() []Effect {
	l.stop()
	l.all.Wait()
	return []Effect{
		effect(fmt.Sprintf("listeners of %d that heard nothing", l.count), l.silent, 0),
		effect("listeners that were cut off", said(l.cut), "none"),
		effect(fmt.Sprintf("states of the stream that were wrong, of %d", l.states), said(l.wrong), "none"),
	}
}

// threshold says whether the stream has told of changes.
func (l *listeners) threshold() Threshold {
	const enough = 2 // the first state, and a change
	each := float64(l.states) / float64(l.count)
	return Threshold{"states that each listener received", fmt.Sprintf("%.1f", each), fmt.Sprintf("≥ %d", enough), each >= enough}
}

// said writes reasons with their numbers.
func said(counts map[string]int64) string {
	if len(counts) == 0 {
		return "none"
	}
	var all []string
	for why, n := range counts {
		all = append(all, fmt.Sprintf("%d: %s", n, why))
	}
	return strings.Join(all, "; ")
}
