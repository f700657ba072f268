package cluster

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/loopers-commerce/commerce/internal/base/backoff"
)

// loopback is what URLs begin with; a port follows.
const loopback = "http://127.0.0.1:"

// LoopbackURL returns the URL of a server on a port of this machine.
func LoopbackURL(port string) string { return loopback + port }

// FreePort returns a port below those that the system uses for outgoing
// connections: a program that was killed must find it free when it starts again. No other
// test gets the port, in whatever process, until this one ends.
func FreePort(tb testing.TB) string {
	tb.Helper()
	const lowest, count, attempts = 20_000, 10_000, 1000
	for range attempts {
		port := strconv.Itoa(lowest + rand.IntN(count))
		if !reserve(tb, port) {
			continue
		}
		l, err := (&net.ListenConfig{}).Listen(tb.Context(), "tcp", "127.0.0.1:"+port)
		if err == nil {
			_ = l.Close()
			return port
		}
	}
	tb.Fatal("no port is free")
	return ""
}

// reserve locks a file for a port until the test ends. A lock ends with its process.
func reserve(tb testing.TB, port string) bool {
	tb.Helper()
	dir := filepath.Join(os.TempDir(), "commerce-ports") //nolint:usetesting // shared by all tests
	const everybody = 0o777                              // other users run tests, too
	if err := os.MkdirAll(dir, everybody); err != nil {
		tb.Fatal(err)
	}
	f, err := os.OpenFile(filepath.Join(dir, port), os.O_CREATE|os.O_RDWR, everybody)
	if err != nil {
		return false // another user's
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		_ = f.Close()
		return false
	}
	tb.Cleanup(func() { _ = f.Close() })
	return true
}

// Page returns the page at a URL. Any status but 200 is an error.
func Page(ctx context.Context, url string) (string, error) {
	const timeout = 5 * time.Second
	ctx, cancel := context.WithTimeout(ctx, timeout)
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

// Await calls try until it succeeds, for up to limit, and less and less often.
func Await(ctx context.Context, limit time.Duration, what string, try func() error) error {
	waits := backoff.New(5*time.Millisecond, 100*time.Millisecond, nil)
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	for {
		err := try()
		if err == nil {
			return nil
		}
		if !backoff.Wait(ctx, waits.Next()) {
			return fmt.Errorf("not within %v: %s: %w", limit, what, err)
		}
	}
}

// Eventually is Await that ends the test if try does not succeed.
func Eventually(tb testing.TB, limit time.Duration, what string, try func() error) {
	tb.Helper()
	if err := Await(tb.Context(), limit, what, try); err != nil {
		tb.Fatal(err)
	}
}
