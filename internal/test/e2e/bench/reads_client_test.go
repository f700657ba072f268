package bench_test

import (
	"bytes"
	"maps"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/loopers-commerce/commerce/internal/test/kit/servicetest"
)

const (
	readers  = 16 // requests at a time, each on a connection of its own
	readTime = 2 * time.Second
)

// savedResponse is the first answer to a request.
type savedResponse struct {
	header http.Header
	body   []byte
}

// client reads paths and knows the answers. Both sides of a comparison are read by the
// same one, in the same process.
type client struct {
	http  http.Client
	paths []string
	want  map[string]savedResponse
	same  func(got, want []byte) bool // whether a body is right
	cpu   map[string][]float64        // of this process, in us for each request, by side
}

func newClient(b *testing.B) *client {
	b.Helper()
	c := &client{want: map[string]savedResponse{}, same: bytes.Equal, cpu: map[string][]float64{}}
	c.http.Transport = &http.Transport{MaxIdleConnsPerHost: readers, DisableCompression: true}
	b.Cleanup(c.http.CloseIdleConnections)
	return c
}

// save reads each path from a server once, and keeps the answers as the right ones.
func (c *client) save(b *testing.B, url string, paths ...string) {
	b.Helper()
	c.paths = append(c.paths, paths...)
	for _, path := range paths {
		var body bytes.Buffer
		status, header := c.get(b, url+path, &body)
		if status != http.StatusOK {
			b.Fatalf("%s is answered by %d %s", path, status, &body)
		}
		header.Del("Date") // net/http adds it
		c.want[path] = savedResponse{header, slices.Clone(body.Bytes())}
	}
}

// get reads the answer to a request; the status is 0 if there is none.
func (c *client) get(b *testing.B, url string, into *bytes.Buffer) (status int, header http.Header) {
	b.Helper()
	into.Reset()
	res, err := c.http.Get(url)
	if err != nil {
		b.Error(err)
		return 0, nil
	}
	defer res.Body.Close()
	if _, err := into.ReadFrom(res.Body); err != nil {
		b.Error(err)
	}
	return res.StatusCode, res.Header
}

// load lets all readers read random paths for a while. It returns requests per second and
// the median time of a request.
func (c *client) load(b *testing.B, url string, paths []string, lasts time.Duration) (rate float64, half time.Duration) {
	b.Helper()
	var all sync.WaitGroup
	took := make([][]time.Duration, readers)
	begun := time.Now()
	for i := range took {
		all.Go(func() {
			var body bytes.Buffer
			for before := begun; before.Sub(begun) < lasts; {
				path := paths[rand.IntN(len(paths))]
				status, _ := c.get(b, url+path, &body)
				if status != http.StatusOK || !c.same(body.Bytes(), c.want[path].body) {
					b.Errorf("%s is answered by %d %s", path, status, &body)
					return
				}
				now := time.Now()
				took[i] = append(took[i], now.Sub(before))
				before = now
			}
		})
	}
	all.Wait()
	lasts = time.Since(begun)
	each := slices.Sorted(slices.Values(slices.Concat(took...)))
	if b.Failed() || len(each) == 0 {
		b.FailNow()
	}
	return float64(len(each)) / lasts.Seconds(), each[len(each)/2]
}

// against is a side that reads from a server.
func (c *client) against(name, url string) side {
	return side{name, func(b *testing.B) float64 {
		b.Helper()
		before, begun := cpuTime(b), time.Now()
		rate, _ := c.load(b, url, c.paths, readTime)
		c.cpu[name] = append(c.cpu[name], (cpuTime(b)-before).Seconds()/time.Since(begun).Seconds()/rate*1e6)
		return rate
	}}
}

// reportCPU reports the CPU time of this process for each request: the client, and the
// server. Other programs on the machine change it less than they change rates.
func (c *client) reportCPU(b *testing.B) {
	b.Helper()
	for name, each := range c.cpu {
		b.ReportMetric(spreadOf(each[1:]).median, "cpu-us/"+strings.ReplaceAll(name, " ", "-")) // the first round warms up
	}
}

// cpuTime returns the CPU time that this process has used.
func cpuTime(b *testing.B) time.Duration {
	b.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// bare is a side that serves the saved answers with net/http and nothing else.
func (c *client) bare(b *testing.B) side {
	b.Helper()
	server := &http.Server{ReadHeaderTimeout: time.Second, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		answer, known := c.want[r.URL.RequestURI()]
		if !known {
			w.WriteHeader(http.StatusNotFound)
			return
		}
		maps.Copy(w.Header(), answer.header)
		_, _ = w.Write(answer.body) // the client may have gone
	})}
	listener, url := servicetest.Listen(b)
	go server.Serve(listener) //nolint:errcheck // it ends when it is closed
	b.Cleanup(func() { _ = server.Close() })
	return c.against("bare net/http", url)
}
