package cluster

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"strconv"
	"testing"
	"time"

	"github.com/loopers-commerce/commerce/internal/base/backoff"
)

// FreePort finds a port below those that the system hands out for outgoing
// connections: whoever was killed must find it free when it comes back.
func FreePort(tb testing.TB) string {
	tb.Helper()
	const lowest, many, tries = 20_000, 10_000, 1000
	for range tries {
		port := strconv.Itoa(lowest + rand.IntN(many))
		l, err := (&net.ListenConfig{}).Listen(tb.Context(), "tcp", "127.0.0.1:"+port)
		if err == nil {
			_ = l.Close()
			return port
		}
	}
	tb.Fatal("no port is free")
	return ""
}

// Page returns what is served at an address, or an error unless that is 200.
func Page(ctx context.Context, url string) (string, error) {
	const patience = 5 * time.Second
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
	if err != nil {
		return "", err
	}
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		return "", err
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err == nil && res.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s = %d", url, res.StatusCode)
	}
	return string(text), err
}

// Await calls try until it succeeds, for up to limit.
func Await(ctx context.Context, limit time.Duration, what string, try func() error) error {
	const pause = 20 * time.Millisecond
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	for {
		err := try()
		if err == nil {
			return nil
		}
		if !backoff.Wait(ctx, pause) {
			return fmt.Errorf("not within %v: %s: %w", limit, what, err)
		}
	}
}
