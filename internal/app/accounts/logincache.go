package accounts

import "sync"

// maxCachedLogins bounds the memory of the cache to a few megabytes.
const maxCachedLogins = 50_000

// loginCache maps a loginId, as it was asked for, to its user. A user's id and loginId never change, so entries
// do not expire. Only the role can be out of date: see RequireRole.
type loginCache struct {
	mu      sync.RWMutex
	byLogin map[string]Principal
}

func newLoginCache() *loginCache { return &loginCache{byLogin: map[string]Principal{}} }

func (c *loginCache) get(loginID string) (Principal, bool) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	p, ok := c.byLogin[loginID]
	return p, ok
}

func (c *loginCache) put(loginID string, p Principal) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.byLogin) >= maxCachedLogins {
		clear(c.byLogin) // rare; each user is then looked up once more
	}
	c.byLogin[loginID] = p
}
