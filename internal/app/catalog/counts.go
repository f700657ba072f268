package catalog

import "sync/atomic"

// counts are what a cache was good for.
type counts struct{ details, lists count }

type count struct{ hits, misses, stales atomic.Int64 }

func (c *count) hit(n int)    { c.hits.Add(int64(n)) }
func (c *count) missed(n int) { c.misses.Add(int64(n)) }
func (c *count) stale(n int)  { c.stales.Add(int64(n)) }

// CacheCounts returns how to read what the cache was good for: products and lists that it
// had (hit) or had not (miss), and that differed from the database (stale).
func (s *Service) CacheCounts() map[string]func() int64 {
	if s.cache == nil {
		return nil
	}
	d, l := &s.cache.details, &s.cache.lists
	return map[string]func() int64{
		"product hit": d.hits.Load, "product miss": d.misses.Load, "product stale": d.stales.Load,
		"list hit": l.hits.Load, "list miss": l.misses.Load, "list stale": l.stales.Load,
	}
}
