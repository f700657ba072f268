package kafka

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kgo"
	"pgregory.net/rapid"

	"github.com/loopers-commerce/commerce/internal/base/id"
	"github.com/loopers-commerce/commerce/internal/contract/event"
)

// The records of views are those that the event has on the usual way, whatever memory they
// are written into.
func TestRecordsOfViewsAreThoseOfTheirEvents(t *testing.T) {
	t.Parallel()
	config := Config{Prefix: "shop-"}
	rapid.Check(t, func(t *rapid.T) {
		var n byte
		ids := func() id.ID { n++; return id.ID{1: n, 15: n} }
		records := newViewRecords(config, ids)
		for round := range 3 {
			batch := rapid.SliceOfN(rapid.Custom(drawView), 1, 20).Draw(t, "views")
			before := n
			c := records.of(batch)
			made := n
			n = before
			for i, v := range batch {
				envelope, err := event.Wrap(ids(), v.at, "", event.NewProductViewed(v.product, orNobody(&v.user)))
				if err != nil {
					t.Fatal(err)
				}
				want := config.encode(envelope)
				if diff := cmp.Diff(textOf(want), textOf(&c.records[i])); diff != "" {
					t.Fatalf("round %d, view %d: %s", round, i, diff)
				}
			}
			n = made
			for range batch {
				c.answered(nil) // the next round uses its memory
			}
		}
	})
}

// textOf returns all that is sent of a record.
func textOf(r *kgo.Record) string {
	return fmt.Sprintf("%s %s %s %s", r.Topic, r.Key, r.Value, r.Headers)
}

func drawView(t *rapid.T) view {
	v := view{
		product: rapid.Int64Min(1).Draw(t, "product"),
		at:      time.Unix(rapid.Int64Range(1_772_000_000, 1_772_000_002).Draw(t, "second"), rapid.Int64Range(0, 999_999_999).Draw(t, "nanosecond")),
	}
	if rapid.Bool().Draw(t, "known") {
		v.user = id.ID{3: rapid.Byte().Draw(t, "user"), 9: 1}
	}
	return v
}

// What has failed may still be read by the client.
func TestMemoryOfFailedViewsIsNotUsedAgain(t *testing.T) {
	t.Parallel()
	records := newViewRecords(Config{}, func() id.ID { return id.ID{} })
	made := 0
	made0 := records.chunks.New
	records.chunks.New = func() any { made++; return made0() }
	c := records.of(make([]view, 2))
	c.answered(kgo.ErrRecordTimeout)
	c.answered(nil)
	records.of(make([]view, 1))
	if made != 2 {
		t.Errorf("%d chunks were made, want 2", made)
	}
}
