package pgclient

import "sync"

// keySet remembers the idempotency keys of requests that ended uncertain, so that the
// next request with such a key asks the gateway first. If there are too many it
// forgets the oldest: the gateway gets the key all the same.
type keySet struct {
	limit int

	mu    sync.Mutex
	keys  map[string]bool
	order []string // oldest first; some may be deleted since
}

func newKeySet(limit int) *keySet { return &keySet{limit: limit, keys: map[string]bool{}} }

func (s *keySet) has(key string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.keys[key]
}

// set adds a key, or deletes it.
func (s *keySet) set(key string, uncertain bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case !uncertain:
		delete(s.keys, key)
		return
	case s.keys[key]:
		return
	case len(s.order) == s.limit:
		delete(s.keys, s.order[0])
		s.order = s.order[1:]
	}
	s.keys[key] = true
	s.order = append(s.order, key)
}
