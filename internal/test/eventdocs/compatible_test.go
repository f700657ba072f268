package eventdocs_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/loopers-commerce/commerce/internal/contract/event"
	"github.com/loopers-commerce/commerce/internal/test/eventdocs"
)

// The events of the next release that somebody may write: each is stock.adjusted with
// one change. Their comments are their descriptions.

type adjusted struct{ event.StockDepleted }

func (adjusted) Type() string { return "stock.adjusted" }

// same is an event without a change.
type same struct {
	adjusted
	// Delta is as before.
	Delta int64 `json:"delta"`
	// Quantity is as before.
	Quantity int64 `json:"quantity" jsonschema:"minimum=0"`
	// Reason is as before.
	Reason string `json:"reason"`
}

// removed is an event without the quantity.
type removed struct {
	adjusted
	// Delta is as before.
	Delta int64 `json:"delta"`
	// Reason is as before.
	Reason string `json:"reason"`
}

// retyped is an event whose quantity is a text.
type retyped struct {
	adjusted
	// Delta is as before.
	Delta int64 `json:"delta"`
	// Quantity is a text now.
	Quantity string `json:"quantity" jsonschema:"minimum=0"`
	// Reason is as before.
	Reason string `json:"reason"`
}

// renamed is an event whose reason has another name.
type renamed struct {
	adjusted
	// Delta is as before.
	Delta int64 `json:"delta"`
	// Quantity is as before.
	Quantity int64 `json:"quantity" jsonschema:"minimum=0"`
	// Note is the reason.
	Note string `json:"note"`
}

// optional is an event that may leave out its quantity.
type optional struct {
	adjusted
	// Delta is as before.
	Delta int64 `json:"delta"`
	// Quantity may be absent.
	Quantity int64 `json:"quantity,omitempty" jsonschema:"minimum=0"`
	// Reason is as before.
	Reason string `json:"reason"`
}

// nullable is an event whose reason may be null.
type nullable struct {
	adjusted
	// Delta is as before.
	Delta int64 `json:"delta"`
	// Quantity is as before.
	Quantity int64 `json:"quantity" jsonschema:"minimum=0"`
	// Reason may be null.
	Reason *string `json:"reason" jsonschema:"nullable"`
}

// looser is an event whose quantity may be negative.
type looser struct {
	adjusted
	// Delta is as before.
	Delta int64 `json:"delta"`
	// Quantity may be negative.
	Quantity int64 `json:"quantity"`
	// Reason is as before.
	Reason string `json:"reason"`
}

// tighter is an event whose reason is not empty.
type tighter struct {
	adjusted
	// Delta is as before.
	Delta int64 `json:"delta"`
	// Quantity is as before.
	Quantity int64 `json:"quantity" jsonschema:"minimum=0"`
	// Reason is not empty.
	Reason string `json:"reason" jsonschema:"minLength=1"`
}

// demanding is an event with a new field that is required.
type demanding struct {
	same
	// Shelf is new.
	Shelf string `json:"shelf"`
}

// extended is an event with a new field that older events do not have.
type extended struct {
	same
	// Shelf is new.
	Shelf string `json:"shelf,omitempty" jsonschema:"minLength=1"`
}

// moved is an event in another topic.
type moved struct{ same }

func (moved) Topic() string { return event.OrderTopic }

// with returns all events, with another stock.adjusted; nil leaves it out.
func with(e event.Event) (all []event.Event) {
	for _, old := range event.Types() {
		switch {
		case old.Type() != "stock.adjusted":
			all = append(all, old)
		case e != nil:
			all = append(all, e)
		}
	}
	return all
}

func TestABreakingChangeIsRefusedAndNothingIsWritten(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		next event.Event
		says string
	}{
		"an event is removed":            {nil, "stock.adjusted: it was removed"},
		"a field is removed":             {removed{}, "stock.adjusted.quantity: it was removed"},
		"a field has another type":       {retyped{}, `stock.adjusted.quantity: its type was "integer" and is now "string"`},
		"a field has another name":       {renamed{}, "stock.adjusted.reason: it was removed"},
		"a field may be absent":          {optional{}, "stock.adjusted.quantity: it is no longer required"},
		"a field may be null":            {nullable{}, "stock.adjusted.reason: it now has oneOf"},
		"a rule is loosened":             {looser{}, "stock.adjusted.quantity: it no longer has minimum 0"},
		"a rule is tightened":            {tighter{}, "stock.adjusted.reason: it now has minLength 1"},
		"a new field is required":        {demanding{}, "stock.adjusted.shelf: it is newly required"},
		"an event is in another topic":   {moved{}, "channels catalog-events: its stock.adjusted was"},
		"an event has keys of other use": {moved{}, "message stock.adjusted: its bindings was"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			folder := copied(t)
			err := build(t, with(c.next)...).Publish(folder)
			if !errors.Is(err, eventdocs.ErrBreaking) || !strings.Contains(err.Error(), c.says) {
				t.Errorf("Publish = %v, want %q", err, c.says)
			}
			after, err := eventdocs.Read(folder)
			if diff := cmp.Diff(texts(released(t)), texts(after)); err != nil || diff != "" {
				t.Errorf("documents were written (%v):\n%s", err, diff)
			}
		})
	}
}

func TestAnAdditionIsPublished(t *testing.T) {
	t.Parallel()
	for name, steps := range map[string][][]event.Event{
		"new words":   {event.Types(), with(same{})},
		"a new field": {event.Types(), with(extended{})},
		"a new event": {with(nil), event.Types()},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			folder := t.TempDir()
			for _, events := range steps {
				now := build(t, events...)
				if err := now.Publish(folder); err != nil {
					t.Fatal(err)
				}
				after, err := eventdocs.Read(folder)
				if diff := cmp.Diff(texts(now), texts(after)); err != nil || diff != "" {
					t.Errorf("other documents were written (%v):\n%s", err, diff)
				}
			}
		})
	}
}

// What is not in a struct is protected, too.
func TestHeadersTopicsAndGroupsStay(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ old, changed, says string }{
		"a header is renamed":   {`"ce_time"`, `"time"`, "headers.ce_time: it was removed"},
		"a topic is renamed":    {`"order-events-dlt": {`, `"order-dead": {`, "channels order-events-dlt: it was removed"},
		"the partitions change": {`"partitions": 12`, `"partitions": 24`, "channels catalog-events: its bindings was"},
		"an address changes":    {`"address": "order-events"`, `"address": "orders"`, `channels order-events: its address was "order-events"`},
		"a group is renamed":    {`"enum": [`, `"enum": ["x",`, "operations audit-log.consume.catalog-events: its bindings was"},
		"a known value goes":    {`"KB",`, ``, "payment.approved.cardType: the value KB was removed"},
		"the source changes":    {`"/commerce"`, `"/shop"`, "headers.ce_source: its enum was"},
		"it is not JSON":        {`"asyncapi"`, `asyncapi`, "asyncapi.json: it is not JSON"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			now := released(t)
			text := strings.ReplaceAll(string(now["asyncapi.json"]), c.old, c.changed)
			if text == string(now["asyncapi.json"]) {
				t.Fatalf("%s is not in the document", c.old)
			}
			now["asyncapi.json"] = []byte(text)
			if err := eventdocs.Compatible(released(t), now); !errors.Is(err, eventdocs.ErrBreaking) || !strings.Contains(err.Error(), c.says) {
				t.Errorf("Compatible = %v, want %q", err, c.says)
			}
		})
	}
}

// A schema that was deleted by hand is still in the AsyncAPI document, and the other way round.
func TestOneDeletedFileDoesNotMakeABreakPossible(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"stock.adjusted.schema.json", "asyncapi.json"} {
		folder := copied(t)
		if err := os.Remove(filepath.Join(folder, name)); err != nil {
			t.Fatal(err)
		}
		if err := build(t, with(retyped{})...).Publish(folder); !errors.Is(err, eventdocs.ErrBreaking) {
			t.Errorf("without %s, Publish = %v", name, err)
		}
	}
}

// quiet is an event that does not say that its shelf may be null.
type quiet struct {
	same

	// Shelf is where the stock is.
	Shelf *string `json:"shelf"`
}

func TestEventsMustHaveCommentsAndSayWhatCanBeNull(t *testing.T) {
	t.Parallel()
	type silent struct{ same }
	for says, e := range map[string]event.Event{"silent has no comment": silent{}, "nullable of quiet.Shelf": quiet{}} {
		if _, err := eventdocs.Build(root, with(e)); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("Build = %v, want %q", err, says)
		}
	}
}

// copied returns a folder with the released documents.
func copied(t *testing.T) string {
	t.Helper()
	folder := t.TempDir()
	for name, text := range released(t) {
		if err := os.WriteFile(filepath.Join(folder, name), text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return folder
}
