package coded_test

import (
	"testing"

	"github.com/loopers-commerce/commerce/internal/base/coded"
)

func TestTheCodingThatTheClientLikesBestIsChosen(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		headers []string
		want    coded.Coding
	}{
		{nil, coded.Plain},
		{[]string{""}, coded.Plain},
		{[]string{"gzip, deflate, br, zstd"}, coded.Zstd},
		{[]string{"gzip, deflate, br"}, coded.Brotli},
		{[]string{"gzip;q=1.0, br;q=0.9"}, coded.Gzip},
		{[]string{"GZIP"}, coded.Gzip},
		{[]string{"gzip", "br"}, coded.Brotli},
		{[]string{"deflate"}, coded.Plain},
		{[]string{"gzip;q=0"}, coded.Plain},
		{[]string{"zstd;q=0, *"}, coded.Brotli},
		{[]string{"*"}, coded.Zstd},
		{[]string{"*;q=0"}, coded.Plain},
		{[]string{"*;q=0, gzip;q=0.001"}, coded.Gzip},
		{[]string{"identity"}, coded.Plain},
		{[]string{"identity, gzip;q=0.5"}, coded.Plain},
		{[]string{"identity;q=0.5, gzip"}, coded.Gzip},
		{[]string{"identity, gzip"}, coded.Gzip},
		{[]string{"identity;q=0"}, coded.Plain},
		{[]string{" gzip ; q = 0.5 ,br;q=0.4"}, coded.Gzip},
		{[]string{"gzip;q=x"}, coded.Plain},
		{[]string{"gzip;q=2"}, coded.Plain},
		{[]string{"gzip;q=-1"}, coded.Plain},
		{[]string{"gzip;q=nan"}, coded.Plain},
		{[]string{"gzip;x=1"}, coded.Plain},
		{[]string{",,gzip,,"}, coded.Gzip},
	} {
		if got := coded.Asked(c.headers); got != c.want {
			t.Errorf("%q: %d, want %d", c.headers, got, c.want)
		}
	}
}

func FuzzAsked(f *testing.F) {
	f.Add("gzip;q=0.5, *;q=0")
	f.Fuzz(func(t *testing.T, header string) {
		if c := coded.Asked([]string{header}); c < coded.Zstd || c > coded.Plain {
			t.Errorf("%q: %d", header, c)
		}
	})
}

func BenchmarkAsked(b *testing.B) {
	headers := []string{"gzip, deflate, br, zstd"}
	b.ReportAllocs()
	for b.Loop() {
		coded.Asked(headers)
	}
}
