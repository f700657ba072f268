package redis

import (
	"context"
	"strings"

	goredis "github.com/redis/go-redis/v9"

	"github.com/loopers-commerce/commerce/internal/base/page"
	"github.com/loopers-commerce/commerce/internal/domain/product"
)

// keysAtOnce is how many keys are read in one round trip, about.
const keysAtOnce = 500

// EachDetail calls visit with all products that are kept, some at a time. unused is how many
// entries no reader uses, because this program cannot read them. An entry that comes or goes
// meanwhile may be missing, and one may come twice.
func (c *Catalog) EachDetail(ctx context.Context, visit func([]product.Versioned) error) (unused int64, err error) {
	prefix := c.prefix + "product:detail:"
	err = c.each(ctx, prefix, func(keys, texts []string) error {
		var found []product.Versioned
		for i, text := range texts {
			v, ok := decodeDetail(text)
			if ok && keys[i] == c.detailKey(v.ID) {
				found = append(found, v)
			} else {
				unused++
			}
		}
		return visit(found)
	})
	return unused, err
}

// EachList is EachDetail for lists. Those of earlier generations are not used.
func (c *Catalog) EachList(ctx context.Context, visit func(product.FirstPage, page.Page[product.Versioned]) error) (unused int64, err error) {
	generation, _, err := c.listOf(ctx, "", "")
	if err != nil {
		return 0, err
	}
	err = c.each(ctx, c.prefix+"product:list:", func(keys, texts []string) error {
		for i, text := range texts {
			if keys[i] == c.generationKey() {
				continue
			}
			p, of, ok := decodeList(text)
			if !ok || keys[i] != c.listKey(generation, of.Name()) {
				unused++
			} else if err := visit(of, p); err != nil {
				return err
			}
		}
		return nil
	})
	return unused, err
}

// each calls visit with the keys that begin with a prefix and with their values.
func (c *Catalog) each(ctx context.Context, prefix string, visit func(keys, texts []string) error) error {
	var servers []goredis.UniversalClient
	err := c.do(ctx, "find the servers", func(ctx context.Context) (err error) {
		servers, err = serversOf(ctx, c.client)
		return err
	})
	for _, server := range servers {
		if err == nil {
			err = c.eachOn(ctx, server, literally(prefix)+"*", visit)
		}
	}
	return err
}

// eachOn is each for the keys of one server.
func (c *Catalog) eachOn(ctx context.Context, server goredis.UniversalClient, pattern string, visit func(keys, texts []string) error) error {
	for cursor := uint64(0); ; {
		var keys, texts []string
		err := c.do(ctx, "scan", func(ctx context.Context) (err error) {
			keys, cursor, err = server.Scan(ctx, cursor, pattern, keysAtOnce).Result()
			return err
		})
		if err == nil {
			texts, err = c.texts(ctx, c.do, "read entries", keys)
		}
		if err == nil {
			err = visit(keys, texts)
		}
		if err != nil || cursor == 0 {
			return err
		}
	}
}

// texts returns the values of keys; an empty one for a key that is gone. Keys may be on
// different servers of a cluster, so each has a command of its own.
func (c *Catalog) texts(ctx context.Context, do doer, what string, keys []string) ([]string, error) {
	values := make([]*goredis.StringCmd, len(keys))
	texts := make([]string, len(keys))
	if len(keys) == 0 {
		return texts, nil
	}
	err := do(ctx, what, c.pipelined(func(ctx context.Context, p goredis.Pipeliner) {
		for i, key := range keys {
			values[i] = p.Get(ctx, key)
		}
	}))
	for i, v := range values {
		if err == nil {
			texts[i] = v.Val()
		}
	}
	return texts, err
}

// literally returns a pattern that matches a text and nothing else.
func literally(text string) string {
	var pattern strings.Builder
	for _, c := range []byte(text) {
		if strings.IndexByte(`*?[]^-\`, c) >= 0 {
			pattern.WriteByte('\\')
		}
		pattern.WriteByte(c)
	}
	return pattern.String()
}
