package audit

import (
	"encoding/json"
	"time"

	"github.com/loopers-commerce/commerce/internal/base/id"
	"github.com/loopers-commerce/commerce/internal/store"
)

// facts are what the data of an event of any type may say. Ids and times are read as
// text: a field that is something else must not hide the others.
type facts struct {
	UserID  string `json:"userId"`
	OrderID string `json:"orderId"`
	PaidAt  string `json:"paidAt"`
	Lines   []struct {
		ProductID int64 `json:"productId"`
	} `json:"lines"`
}

// factsOf reads what it can.
func factsOf(data []byte) (f facts) {
	_ = json.Unmarshal(data, &f) // what cannot be read is not known
	return f
}

// user returns the user that the event is about, or nil.
func (f facts) user() *id.ID { return parsed(f.UserID) }

// cause returns the order that has caused an event of another key, or nil.
func (f facts) cause(key string) *id.ID {
	if f.OrderID == key {
		return nil
	}
	return parsed(f.OrderID)
}

func parsed(text string) *id.ID {
	v, err := id.Parse(text)
	if err != nil || v.IsZero() {
		return nil
	}
	return &v
}

// lines returns the lines that change counters: those of an order that was paid.
func (f facts) lines(eventID id.ID) (lines []store.EventLine) {
	at, err := time.Parse(time.RFC3339Nano, f.PaidAt)
	if err != nil {
		return nil
	}
	for _, l := range f.Lines {
		if l.ProductID > 0 {
			lines = append(lines, store.EventLine{EventID: eventID, ProductID: l.ProductID, CountedAt: at})
		}
	}
	return lines
}
