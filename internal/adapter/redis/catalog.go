package redis

import (
	"context"
	"strconv"
	"sync/atomic"
	"time"

	goredis "github.com/redis/go-redis/v9"

	"github.com/loopers-commerce/commerce/internal/base/backoff"
	"github.com/loopers-commerce/commerce/internal/base/id"
	"github.com/loopers-commerce/commerce/internal/base/page"
	"github.com/loopers-commerce/commerce/internal/domain/product"
)

// How long entries are kept, less up to a tenth: what was written together does not expire
// together.
const (
	detailLife = 10 * time.Minute
	listLife   = 5 * time.Minute
)

// Catalog keeps facts of products and first pages of lists. It is a cache: whoever reads it
// must ask the database whether the versions are current. Every error is ErrUnavailable. An
// entry that cannot be read, because a program of another version wrote it, is a missing
// one.
type Catalog struct {
	*Caller
	prefix string
	ids    id.Source // of generations
	random backoff.Random
	last   atomic.Value // the generation that was seen last, a string
}

// NewCatalog returns a cache whose keys begin with prefix.
func NewCatalog(caller *Caller, prefix string, ids id.Source, random backoff.Random) *Catalog {
	return &Catalog{Caller: caller, prefix: prefix, ids: ids, random: random}
}

func (c *Catalog) detailKey(pid int64) string {
	return c.prefix + "product:detail:" + strconv.FormatInt(pid, 10)
}

// generationKey has the name of the generation of lists. It is a new one each time and not
// a count: if Redis loses the key, no old generation comes back.
func (c *Catalog) generationKey() string { return c.prefix + "product:list:generation" }

func (c *Catalog) listKey(generation, name string) string {
	return c.prefix + "product:list:" + generation + ":" + name
}

func (c *Catalog) life(longest time.Duration) time.Duration {
	return longest - time.Duration(c.random()*float64(longest/10))
}

// Details returns the products that are kept, by id. Their numbers are not: they are 0.
func (c *Catalog) Details(ctx context.Context, ids []int64) (map[int64]product.Versioned, error) {
	keys := make([]string, len(ids))
	for i, pid := range ids {
		keys[i] = c.detailKey(pid)
	}
	texts, err := c.texts(ctx, c.soon, "read products", keys)
	found := make(map[int64]product.Versioned, len(texts))
	for i, text := range texts {
		if v, ok := decodeDetail(text); ok && v.ID == ids[i] {
			found[v.ID] = v
		}
	}
	return found, err
}

// KeepDetails keeps the facts of products.
func (c *Catalog) KeepDetails(ctx context.Context, all []product.Versioned) error {
	return c.soon(ctx, "keep products", c.pipelined(func(ctx context.Context, p goredis.Pipeliner) {
		for _, v := range all {
			p.Set(ctx, c.detailKey(v.ID), encodeDetail(v), c.life(detailLife))
		}
	}))
}

// List returns the first page of a list, if it is kept, and the generation that it is to be
// kept in. It is one round trip while the generation is the one that was seen last.
func (c *Catalog) List(ctx context.Context, f product.FirstPage) (p page.Page[product.Versioned], generation string, found bool, err error) {
	name := f.Name()
	last, _ := c.last.Load().(string)
	generation, text, err := c.listOf(ctx, last, name)
	if err == nil && generation == "" {
		generation, err = c.begin(ctx)
	}
	if err == nil && generation != last {
		c.last.Store(generation)
		_, text, err = c.listOf(ctx, generation, name)
	}
	if err == nil {
		var of product.FirstPage
		p, of, found = decodeList(text)
		found = found && of.Name() == name
	}
	return p, generation, found, err
}

// listOf returns the generation of now, and a list of the generation given.
func (c *Catalog) listOf(ctx context.Context, generation, name string) (now, text string, err error) {
	var current, list *goredis.StringCmd
	err = c.soon(ctx, "read a list", c.pipelined(func(ctx context.Context, p goredis.Pipeliner) {
		current = p.Get(ctx, c.generationKey())
		list = p.Get(ctx, c.listKey(generation, name))
	}))
	if err != nil {
		return "", "", err
	}
	return current.Val(), list.Val(), nil
}

// begin begins a generation of lists, unless somebody else has just done so.
func (c *Catalog) begin(ctx context.Context) (generation string, err error) {
	err = c.soon(ctx, "begin a generation of lists", func(ctx context.Context) error {
		if err := c.client.SetNX(ctx, c.generationKey(), c.ids().String(), 0).Err(); err != nil {
			return err
		}
		generation, err = c.client.Get(ctx, c.generationKey()).Result()
		return err
	})
	return generation, err
}

// KeepList keeps the first page of a list that was read after its generation.
func (c *Catalog) KeepList(ctx context.Context, f product.FirstPage, generation string, p page.Page[product.Versioned]) error {
	return c.soon(ctx, "keep a list", func(ctx context.Context) error {
		return c.client.Set(ctx, c.listKey(generation, f.Name()), encodeList(f, p), c.life(listLife)).Err()
	})
}

// Invalidate drops products, and begins a new generation of lists.
func (c *Catalog) Invalidate(ctx context.Context, ids []int64) error {
	return c.do(ctx, "invalidate products", c.pipelined(func(ctx context.Context, p goredis.Pipeliner) {
		for _, pid := range ids {
			p.Del(ctx, c.detailKey(pid))
		}
		p.Set(ctx, c.generationKey(), c.ids().String(), 0)
	}))
}
