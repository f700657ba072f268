package grey_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/loopers-commerce/commerce/internal/test/kit/cluster"
)

// look is what /readyz of a program said.
type look struct {
	at                time.Time
	Missing, Degraded map[string]string
	silent            bool // it did not answer
}

// well reports whether nothing is wrong.
func (l look) well() bool { return !l.silent && len(l.Missing)+len(l.Degraded) == 0 }

// watch asks all programs again and again whether they are well.
type watch struct {
	t        *testing.T
	services map[string]*cluster.Service

	mu   sync.Mutex
	last map[string]look
}

func newWatch(s *shop) *watch { return &watch{t: s.t, services: s.services(), last: map[string]look{}} }

// run watches until ctx ends.
func (w *watch) run(ctx context.Context) {
	var all sync.WaitGroup
	defer all.Wait()
	for name, service := range w.services {
		all.Go(func() {
			client := &http.Client{Timeout: 3 * time.Second}
			tick := time.NewTicker(100 * time.Millisecond)
			defer tick.Stop()
			for ctx.Err() == nil {
				l := ask(ctx, client, service.ManagementURL+"/readyz")
				w.note(name, l)
				<-tick.C
			}
		})
	}
}

// note keeps what a program has said, and logs it if that is new: whoever repairs a part reads
// there what has taken how long.
func (w *watch) note(name string, l look) {
	w.mu.Lock()
	before := w.last[name]
	w.last[name] = l
	w.mu.Unlock()
	if text := l.names(); text != before.names() {
		w.t.Logf("%s %s says: %s", l.at.Format("15:04:05.0"), name, text)
	}
}

// names returns what is wrong, without the reasons.
func (l look) names() string {
	if l.silent {
		return silence
	}
	if l.well() {
		return "well"
	}
	return fmt.Sprint("missing ", slices.Sorted(maps.Keys(l.Missing)), ", degraded ", slices.Sorted(maps.Keys(l.Degraded)))
}

func ask(ctx context.Context, client *http.Client, url string) (l look) {
	l.at, l.silent = time.Now(), true
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
	if err != nil {
		return l
	}
	resp, err := client.Do(req)
	if err != nil {
		return l
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	l.silent = err != nil || json.Unmarshal(text, &l) != nil
	return l
}

// says returns what a program whose name begins with a text says of a check; empty: nothing is
// wrong. "silence" is a check, too.
func (w *watch) says(program, check string) string {
	w.mu.Lock()
	defer w.mu.Unlock()
	for name, l := range w.last {
		switch {
		case !strings.HasPrefix(name, program):
		case check == silence && l.silent:
			return "no answer"
		case l.Missing[check] != "":
			return l.Missing[check]
		case l.Degraded[check] != "":
			return l.Degraded[check]
		}
	}
	return ""
}

const silence = "silence"

// sick returns the programs that are not well, with what they say; those that have not been
// asked since a time are not well.
func (w *watch) sick(since time.Time) (all []string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, name := range slices.Sorted(maps.Keys(w.services)) {
		l := w.last[name]
		if !l.well() || l.at.Before(since) {
			text, _ := json.Marshal(l)
			all = append(all, name+": "+string(text))
		}
	}
	return all
}
