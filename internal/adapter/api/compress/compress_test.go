package compress_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"

	"github.com/loopers-commerce/commerce/internal/adapter/api/compress"
	"github.com/loopers-commerce/commerce/internal/base/coded"
	"github.com/loopers-commerce/commerce/internal/test/kit/apiclient"
)

// list is a body as that of a list.
func list(items int) []byte {
	var b strings.Builder
	for i := range items {
		fmt.Fprintf(&b, `{"id":%d,"name":"Product %d","price":%d,"stock":%d},`, i, i, 1000+i*7919%100_000, i%100)
	}
	return []byte(b.String())
}

func TestEachCodingIsMadeOnceAndIsTheSameBody(t *testing.T) {
	t.Parallel()
	packer, body := compress.New(), list(40)
	for range 3 { // with encoders that were used before
		a := coded.New(body, "tag", packer)
		for c, name := range map[coded.Coding]string{coded.Zstd: "zstd", coded.Brotli: "br", coded.Gzip: "gzip"} {
			var all sync.WaitGroup
			forms := make([]*coded.Form, 8)
			for i := range forms {
				all.Go(func() { forms[i] = a.In(c) })
			}
			all.Wait()
			f := forms[0]
			if len(f.Coding) != 1 || f.Coding[0] != name || !bytes.Equal(apiclient.Unpack(t, f.Coding[0], f.Body), body) || f.Length[0] != fmt.Sprint(len(f.Body)) {
				t.Errorf("%s: %v, length %v of %d", name, f.Coding, f.Length, len(f.Body))
			}
			for _, other := range forms {
				if &other.Body[0] != &f.Body[0] {
					t.Errorf("%s was made again", name)
				}
			}
			if cap(f.Body) > len(f.Body)*5/4 {
				t.Errorf("%s: %d bytes are kept for %d", name, cap(f.Body), len(f.Body))
			}
		}
		if f := a.In(coded.Plain); f.Coding != nil || !bytes.Equal(f.Body, body) {
			t.Errorf("plain: %v", f.Coding)
		}
	}
}

func TestWhatIsShortOrDoesNotShrinkIsSentPlain(t *testing.T) {
	t.Parallel()
	noise := make([]byte, 4000)
	source := rand.NewChaCha8([32]byte{})
	_, _ = source.Read(noise)
	for name, body := range map[string][]byte{"short": list(40)[:1023], "empty": nil, "noise": noise} {
		a := coded.New(body, "", compress.New())
		for c := coded.Zstd; c <= coded.Plain; c++ {
			if f := a.In(c); f.Coding != nil || !bytes.Equal(f.Body, body) {
				t.Errorf("%s: %v", name, f.Coding)
			}
		}
	}
}

// The weight is given before anything is compressed, and holds whatever is asked for later.
func TestTheWeightCoversAllCodings(t *testing.T) {
	t.Parallel()
	for _, items := range []int{0, 10, 40, 400} {
		a := coded.New(list(items), "", compress.New())
		sum := 0
		kept := map[*byte]bool{}
		for c := coded.Zstd; c <= coded.Plain; c++ {
			if f := a.In(c); len(f.Body) > 0 && !kept[&f.Body[0]] {
				kept[&f.Body[0]] = true
				sum += cap(f.Body)
			}
		}
		if sum > a.Weight()+64*len(kept) {
			t.Errorf("%d items: %d bytes, weight %d", items, sum, a.Weight())
		}
	}
}

// BenchmarkPack is what it costs to compress the page of a list.
func BenchmarkPack(b *testing.B) {
	packer, body := compress.New(), list(80)
	for c, name := range map[coded.Coding]string{coded.Zstd: "zstd", coded.Brotli: "br", coded.Gzip: "gzip"} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			n := 0
			for b.Loop() {
				a := coded.New(body, "", packer)
				n = len(a.In(c).Body)
			}
			b.ReportMetric(float64(n), "bytes")
			b.ReportMetric(float64(len(body)), "of-bytes")
		})
	}
}
