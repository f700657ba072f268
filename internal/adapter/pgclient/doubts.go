package pgclient

import "sync"

// doubts remembers the requests that ended in doubt, by their keys, so that who
// requests one of them again looks first. It forgets the oldest where there are
// too many: those are left to the gateway, which is told the key.
type doubts struct {
	most int

	mu    sync.Mutex
	keys  map[string]bool
	order []string // in which they came; some may be gone since
}

func newDoubts(most int) *doubts { return &doubts{most: most, keys: map[string]bool{}} }

func (d *doubts) about(key string) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.keys[key]
}

// note remembers a doubt, or that there is none any more.
func (d *doubts) note(key string, doubtful bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	switch {
	case !doubtful:
		delete(d.keys, key)
		return
	case d.keys[key]:
		return
	case len(d.order) == d.most:
		delete(d.keys, d.order[0])
		d.order = d.order[1:]
	}
	d.keys[key] = true
	d.order = append(d.order, key)
}
