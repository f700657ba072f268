package standalone_test

import (
	"os"
	"strings"
	"testing"

	"github.com/loopers-commerce/commerce/internal/test/kit/standalone"
)

func TestCleanupsRunHoweverTheWorkEnds(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		end  func(tb testing.TB)
		ok   bool
		says string
	}{
		"returns": {func(testing.TB) {}, true, ""},
		"fails":   {func(tb testing.TB) { tb.Helper(); tb.Errorf("wrong %d", 1) }, false, "wrong 1"},
		"ends":    {func(tb testing.TB) { tb.Helper(); tb.Fatal("no server") }, false, "no server"},
		"panics":  {func(testing.TB) { panic("oh") }, false, "panic: oh"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var out strings.Builder
			var order, dir string
			ok := standalone.Run(t.Context(), "load", &out, func(tb testing.TB) {
				tb.Helper()
				dir = tb.TempDir()
				tb.Cleanup(func() { order += "first" })
				tb.Cleanup(func() {
					order += "second, "
					if tb.Context().Err() == nil {
						order += "with a context, "
					}
				})
				c.end(tb)
			})
			if ok != c.ok || order != "second, first" || !strings.Contains(out.String(), c.says) {
				t.Errorf("ok %t, cleanups %q, says %q", ok, order, &out)
			}
			if _, err := os.Stat(dir); !os.IsNotExist(err) {
				t.Errorf("%s is left behind: %v", dir, err)
			}
		})
	}
}
