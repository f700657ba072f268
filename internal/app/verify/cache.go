package verify

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/loopers-commerce/commerce/internal/base/backoff"
	"github.com/loopers-commerce/commerce/internal/base/page"
	"github.com/loopers-commerce/commerce/internal/domain/product"
	"github.com/loopers-commerce/commerce/internal/store"
)

// Cache is a cache of products and of first pages of lists. unused is how many entries no
// reader uses.
type Cache interface {
	EachDetail(ctx context.Context, visit func([]product.Versioned) error) (unused int64, err error)
	EachList(ctx context.Context, visit func(product.FirstPage, page.Page[product.Versioned]) error) (unused int64, err error)
}

// Cached compares all that a cache has with the database. A product of another version than
// that of the database is not used by readers, and nor is a list with one on it: they are
// counted as unused. Cached tries again until wait has passed: a change may be on its way.
func (a *Auditor) Cached(ctx context.Context, c Cache, wait time.Duration, progress func(compared int64)) (Result, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	deadline := time.After(wait)
	for {
		r, err := a.cachedOnce(ctx, c, progress)
		if err != nil || r.Right() {
			return r, err
		}
		select {
		case <-deadline:
			return r, nil
		default:
		}
		if !backoff.Wait(ctx, pause) {
			return r, ctx.Err()
		}
	}
}

func (a *Auditor) cachedOnce(ctx context.Context, c Cache, progress func(compared int64)) (Result, error) {
	k := &keptCheck{db: a.db, progress: progress, Result: Result{
		Truth: 8, Check: "cache", Compares: "products and lists in Redis that readers may use = those of the database",
		Differences: []store.Difference{},
	}}
	progress(0)
	unused, err := c.EachDetail(ctx, func(all []product.Versioned) error { return k.products(ctx, all) })
	k.Unused += unused
	if err != nil {
		return k.Result, err
	}
	unused, err = c.EachList(ctx, func(f product.FirstPage, p page.Page[product.Versioned]) error { return k.list(ctx, f, p) })
	k.Unused += unused
	return k.Result, err
}

// keptCheck compares what is kept.
type keptCheck struct {
	Result

	db       store.DB
	progress func(compared int64)
}

func (k *keptCheck) compared() {
	k.Compared++
	k.progress(k.Compared)
}

// products compares products with those of the database.
func (k *keptCheck) products(ctx context.Context, kept []product.Versioned) error {
	if len(kept) == 0 {
		return nil
	}
	ids := make([]int64, len(kept))
	for i, v := range kept {
		ids[i] = v.ID
	}
	current := map[int64]product.Versioned{}
	err := k.db.View(ctx, func(tx store.Tx) error {
		found, err := tx.Cached.Whole(ctx, ids)
		for _, v := range found {
			current[v.ID] = v
		}
		return err
	})
	if err != nil {
		return err
	}
	for _, v := range kept {
		want := current[v.ID]
		if want.Version != v.Version {
			k.Unused++
			continue
		}
		k.facts(fmt.Sprintf("product %d", v.ID), want.Listing, v.Listing)
		k.compared()
	}
	return nil
}

// list compares a page with that of the database.
func (k *keptCheck) list(ctx context.Context, f product.FirstPage, kept page.Page[product.Versioned]) error {
	want, versions, err := k.read(ctx, f, kept)
	if err != nil {
		return err
	}
	for _, v := range kept.Items {
		if versions[v.ID] != v.Version {
			k.Unused++
			return nil
		}
	}
	where := "list " + nameOf(f)
	k.differs(where, "products", idsOf(want.Items, func(l product.Listing) int64 { return l.ID }), idsOf(kept.Items, func(v product.Versioned) int64 { return v.ID }))
	k.differs(where, "next page", want.Next, kept.Next)
	for i := range min(len(want.Items), len(kept.Items)) {
		if want.Items[i].ID == kept.Items[i].ID {
			k.facts(fmt.Sprintf("%s, product %d", where, want.Items[i].ID), want.Items[i], kept.Items[i].Listing)
		}
	}
	k.compared()
	return nil
}

// read returns a page, and the versions of the products on another one.
func (k *keptCheck) read(ctx context.Context, f product.FirstPage, kept page.Page[product.Versioned]) (p page.Page[product.Listing], versions map[int64]int64, err error) {
	versions = map[int64]int64{}
	err = k.db.Snapshot(ctx, func(tx store.Tx) error {
		found, err := tx.Products.List(ctx, f.Query, f.Size+1)
		if err != nil {
			return err
		}
		p = f.Query.Page(found, f.Size)
		hot, err := tx.Cached.Hot(ctx, page.Map(kept, func(v product.Versioned) int64 { return v.ID }).Items)
		for _, h := range hot {
			versions[h.ID] = h.Version
		}
		return err
	})
	return p, versions, err
}

// facts compares all that is kept of a product: everything but its numbers.
func (k *keptCheck) facts(where string, want, got product.Listing) {
	k.differs(where, "name", want.Name, got.Name)
	k.differs(where, "description", want.Description, got.Description)
	k.differs(where, "price", strconv.FormatInt(int64(want.Price), 10), strconv.FormatInt(int64(got.Price), 10))
	k.differs(where, "status", string(want.Status), string(got.Status))
	k.differs(where, "SKU", want.SKU, got.SKU)
	k.differs(where, "brand", fmt.Sprintf("%d %s", want.BrandID, want.BrandName), fmt.Sprintf("%d %s", got.BrandID, got.BrandName))
	k.differs(where, "created", want.CreatedAt.UTC().Format(time.RFC3339Nano), got.CreatedAt.UTC().Format(time.RFC3339Nano))
}

func (k *keptCheck) differs(where, what, want, got string) {
	switch {
	case want == got:
	case len(k.Texts) < maxListed:
		k.Texts = append(k.Texts, TextDifference{where, what, want, got})
	default:
		k.More++
	}
}

func idsOf[T any](items []T, idOf func(T) int64) string {
	ids := make([]string, len(items))
	for i, item := range items {
		ids[i] = strconv.FormatInt(idOf(item), 10)
	}
	return strings.Join(ids, " ")
}

// nameOf returns the query of a list as a client would write it.
func nameOf(f product.FirstPage) string {
	q := f.Query
	name := fmt.Sprintf("sort=%s&size=%d", q.Sort, f.Size)
	if q.BrandID != 0 {
		name += fmt.Sprintf("&brandId=%d", q.BrandID)
	}
	if q.Text != "" {
		name += "&q=" + q.Text
	}
	if q.MinPrice != nil {
		name += fmt.Sprintf("&minPrice=%d", *q.MinPrice)
	}
	if q.MaxPrice != nil {
		name += fmt.Sprintf("&maxPrice=%d", *q.MaxPrice)
	}
	return name
}
