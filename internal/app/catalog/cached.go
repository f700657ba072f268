package catalog

import (
	"context"

	"github.com/loopers-commerce/commerce/internal/base/page"
	"github.com/loopers-commerce/commerce/internal/domain/product"
	"github.com/loopers-commerce/commerce/internal/store"
)

// Cache keeps facts of products and first pages of lists outside of the process. An error
// means that it is away, and nothing else: without it the database answers. What it returns
// is used only if its versions are those of the database, and its numbers are not used.
type Cache interface {
	Details(ctx context.Context, ids []int64) (map[int64]product.Versioned, error)
	KeepDetails(ctx context.Context, all []product.Versioned) error
	// List returns a page if it is kept, and the generation to keep it in. It is
	// empty if nothing can be kept.
	List(ctx context.Context, f product.FirstPage) (p page.Page[product.Versioned], generation string, found bool, err error)
	KeepList(ctx context.Context, f product.FirstPage, generation string, p page.Page[product.Versioned]) error
}

// WithCache has details and first pages read through a cache. While behind returns true,
// the cache has not been told of all changes of this process, and lists are not read from it.
func WithCache(c Cache, behind func() bool) Option {
	return func(s *Service) { s.cache = &cached{Cache: c, behind: behind, hot: newHotReader(s.db)} }
}

// cached is a cache, and what it was good for.
type cached struct {
	Cache
	counts

	behind func() bool
	hot    *hotReader
}

// Details returns the given products by id, without those that are hidden.
func (s *Service) Details(ctx context.Context, productIDs []int64) (map[int64]product.Versioned, error) {
	if s.cache == nil {
		found, err := s.whole(ctx, productIDs)
		return visible(found), err
	}
	confirmed, missing, err := s.confirmedDetails(ctx, productIDs)
	if err != nil || len(missing) == 0 {
		return visible(confirmed), err
	}
	read, err := s.whole(ctx, missing)
	if err != nil {
		return nil, err
	}
	_ = s.cache.KeepDetails(ctx, read) // while it is away, the next one reads again
	return visible(append(confirmed, read...)), nil
}

func (s *Service) whole(ctx context.Context, productIDs []int64) (found []product.Versioned, err error) {
	err = s.db.View(ctx, func(tx store.Tx) error {
		found, err = tx.Cached.Whole(ctx, productIDs)
		return err
	})
	return found, err
}

// confirmedDetails returns what the cache has, as far as the database confirms it, and
// which products it has not.
func (s *Service) confirmedDetails(ctx context.Context, productIDs []int64) (confirmed []product.Versioned, missing []int64, err error) {
	kept, _ := s.cache.Details(ctx, productIDs) // while it is away it has nothing
	if len(kept) == 0 {
		s.cache.details.missed(len(productIDs))
		return nil, productIDs, nil
	}
	hot, err := s.Hot(ctx, productIDs)
	if err != nil {
		return nil, nil, err
	}
	for _, pid := range productIDs {
		h, exists := hot[pid]
		v, found := kept[pid]
		switch {
		case !exists:
		case found && h.Version == v.Version:
			confirmed = append(confirmed, h.Of(v))
		default:
			missing = append(missing, pid)
			if found {
				s.cache.details.stale(1)
			}
		}
	}
	s.cache.details.hit(len(confirmed))
	s.cache.details.missed(len(missing))
	return confirmed, missing, nil
}

func visible(all []product.Versioned) map[int64]product.Versioned {
	shown := make(map[int64]product.Versioned, len(all))
	for _, v := range all {
		if v.Status != product.Hidden {
			shown[v.ID] = v
		}
	}
	return shown
}

// Hot returns what of the given products changes all the time, by id; hidden ones, too.
func (s *Service) Hot(ctx context.Context, productIDs []int64) (map[int64]product.Hot, error) {
	return readHot(ctx, s.db, productIDs)
}

// serves reports whether a list may be in the cache. Likes reorder lists all the time, and
// nobody reports that.
func (c *cached) serves(q product.Query) bool { return q.Sort != product.LikesDesc && !c.behind() }

// cachedList returns the first page of a list from the cache, or from the database.
func (s *Service) cachedList(ctx context.Context, q product.Query, size int) (page.Page[product.Listing], error) {
	first := product.FirstPage{Query: q, Size: size}
	kept, generation, found, err := s.cache.List(ctx, first)
	if err == nil && found {
		p, current, err := s.confirmedList(ctx, kept)
		if err != nil {
			return page.Page[product.Listing]{}, err
		}
		if current {
			s.cache.lists.hit(1)
			return page.Map(p, listingOf), nil
		}
		s.cache.lists.stale(1)
	}
	s.cache.lists.missed(1)
	p, err := s.versionedList(ctx, q, size)
	if err == nil && generation != "" {
		_ = s.cache.KeepList(ctx, first, generation, p) // as above
	}
	return page.Map(p, listingOf), err
}

func listingOf(v product.Versioned) product.Listing { return v.Listing }

// confirmedList returns a page with the numbers of now. It reports false if the facts of a
// product on it have changed.
func (s *Service) confirmedList(ctx context.Context, p page.Page[product.Versioned]) (page.Page[product.Versioned], bool, error) {
	if len(p.Items) == 0 {
		return p, true, nil
	}
	ids := page.Map(p, func(v product.Versioned) int64 { return v.ID }).Items
	hot, err := s.cache.hot.read(ctx, ids)
	current := err == nil
	fresh := page.Map(p, func(v product.Versioned) product.Versioned {
		h := hot[v.ID]
		current = current && h.Version == v.Version
		return h.Of(v)
	})
	return fresh, current, err
}

// versionedList reads the first page of a list, and the versions of the products on it, as
// they were at one moment.
func (s *Service) versionedList(ctx context.Context, q product.Query, size int) (p page.Page[product.Versioned], err error) {
	err = s.db.Snapshot(ctx, func(tx store.Tx) error {
		found, err := tx.Products.List(ctx, q, size+1)
		if err != nil || len(found) == 0 {
			p = page.Page[product.Versioned]{Items: []product.Versioned{}}
			return err
		}
		listed := q.Page(found, size)
		hot, err := tx.Cached.Hot(ctx, page.Map(listed, func(l product.Listing) int64 { return l.ID }).Items)
		if err != nil {
			return err
		}
		versions := map[int64]int64{}
		for _, h := range hot {
			versions[h.ID] = h.Version
		}
		p = page.Map(listed, func(l product.Listing) product.Versioned {
			return product.Versioned{Listing: l, Version: versions[l.ID]}
		})
		return nil
	})
	return p, err
}
