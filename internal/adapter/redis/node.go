package redis

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	goredis "github.com/redis/go-redis/v9"
)

// timeoutOf returns the limit of one step of a call.
func timeoutOf(client goredis.UniversalClient) time.Duration {
	switch c := client.(type) {
	case *goredis.Client:
		return c.Options().ReadTimeout
	case *goredis.ClusterClient:
		return c.Options().ReadTimeout
	default:
		return defaultTimeout
	}
}

// serverOf returns the server that has a key now.
func serverOf(ctx context.Context, client goredis.UniversalClient, key string) (goredis.UniversalClient, error) {
	if c, ok := client.(*goredis.ClusterClient); ok {
		server, err := c.MasterForKey(ctx, key)
		if err != nil {
			return nil, fmt.Errorf("find the server of the rankings: %w", err)
		}
		return server, nil
	}
	return client, nil
}

// serversOf returns all servers that take writes.
func serversOf(ctx context.Context, client goredis.UniversalClient) ([]goredis.UniversalClient, error) {
	c, ok := client.(*goredis.ClusterClient)
	if !ok {
		return []goredis.UniversalClient{client}, nil
	}
	var mu sync.Mutex
	var all []*goredis.Client
	err := c.ForEachMaster(ctx, func(_ context.Context, server *goredis.Client) error {
		mu.Lock()
		defer mu.Unlock()
		all = append(all, server)
		return nil
	})
	slices.SortFunc(all, func(a, b *goredis.Client) int { return strings.Compare(a.Options().Addr, b.Options().Addr) })
	servers := make([]goredis.UniversalClient, len(all))
	for i, server := range all {
		servers[i] = server
	}
	return servers, err //nolint:wrapcheck // the caller wraps it
}

// field returns a field of the answer of INFO.
func field(info, name string) (value string, ok bool) {
	for line := range strings.Lines(info) {
		if value, ok = strings.CutPrefix(line, name+":"); ok {
			return strings.TrimSpace(value), true
		}
	}
	return "", false
}
