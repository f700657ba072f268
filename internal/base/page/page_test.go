package page_test

import (
	"encoding/base64"
	"errors"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/loopers-commerce/commerce/internal/base/page"
)

type key struct {
	Price int64 `json:"k"`
	ID    int64 `json:"i"`
}

func TestDecodeReturnsTheEncodedKey(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		want := key{rapid.Int64().Draw(t, "price"), rapid.Int64().Draw(t, "id")}
		got, ok, err := page.Decode[key]("list", page.Encode("list", want))
		if !ok || err != nil || got != want {
			t.Fatalf("Decode = %+v, %v, %v; want %+v", got, ok, err, want)
		}
	})
}

func TestNoCursorIsTheBeginning(t *testing.T) {
	t.Parallel()
	if _, ok, err := page.Decode[key]("list", ""); ok || err != nil {
		t.Errorf("Decode = %v, %v", ok, err)
	}
}

func TestACursorOfAnotherListIsAnError(t *testing.T) {
	t.Parallel()
	good := page.Encode("list", key{1, 2})
	for name, cursor := range map[string]string{
		"of another list": page.Encode("other", key{1, 2}),
		"cut short":       good[:len(good)-3],
		"with a tail":     good + "AAAA",
		"padded":          good + "=",
		"not base64":      "!!!",
		"not JSON":        base64.RawURLEncoding.EncodeToString([]byte("nonsense")),
		"of other types":  page.Encode("list", "text"),
		"far too long":    page.Encode("list", map[string]string{"x": strings.Repeat("y", 2000)}),
	} {
		if got, ok, err := page.Decode[key]("list", cursor); ok || !errors.Is(err, page.ErrCursor) {
			t.Errorf("%s: Decode = %+v, %v, %v; want ErrCursor", name, got, ok, err)
		}
	}
}

func TestAListIsCutIntoPagesWithoutGapOrRepeat(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		all := slices.Sorted(slices.Values(rapid.SliceOfDistinct(rapid.IntRange(0, 1000), rapid.ID[int]).Draw(t, "all")))
		size := rapid.IntRange(1, 7).Draw(t, "size")
		var seen []int
		for cursor, first := "", true; first || cursor != ""; first = false {
			p := next(t, all, size, cursor)
			if len(p.Items) > size {
				t.Fatalf("a page of %d has %d items", size, len(p.Items))
			}
			seen, cursor = append(seen, p.Items...), p.Next
		}
		if !slices.Equal(seen, all) {
			t.Fatalf("saw %v of %v", seen, all)
		}
	})
}

// next reads as a table does: size+1 items after the cursor.
func next(t *rapid.T, all []int, size int, cursor string) page.Page[int] {
	after, ok, err := page.Decode[int]("n", cursor)
	if err != nil {
		t.Fatal(err)
	}
	var rows []int
	for _, n := range all {
		if (!ok || n > after) && len(rows) <= size {
			rows = append(rows, n)
		}
	}
	return page.Of(rows, size, "n", func(n int) int { return n })
}

func TestMapKeepsTheCursor(t *testing.T) {
	t.Parallel()
	got := page.Map(page.Page[int]{Items: []int{1, 2}, Next: "x"}, func(n int) string { return strings.Repeat("a", n) })
	if !slices.Equal(got.Items, []string{"a", "aa"}) || got.Next != "x" {
		t.Errorf("Map = %+v", got)
	}
}

func FuzzDecode(f *testing.F) {
	f.Add(page.Encode("list", key{1, 2}))
	f.Add("")
	f.Add("e30")
	f.Fuzz(func(t *testing.T, cursor string) {
		got, ok, err := page.Decode[key]("list", cursor)
		if err != nil {
			if ok || !errors.Is(err, page.ErrCursor) {
				t.Fatalf("Decode = %v, %v", ok, err)
			}
			return
		}
		if !ok {
			if cursor != "" {
				t.Fatalf("%q is taken for the beginning", cursor)
			}
			return
		}
		if again, _, err := page.Decode[key]("list", page.Encode("list", got)); err != nil || again != got {
			t.Fatalf("%+v became %+v, %v", got, again, err)
		}
	})
}
