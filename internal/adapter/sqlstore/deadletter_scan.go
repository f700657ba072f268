package sqlstore

import (
	"encoding/json"
	"fmt"

	"github.com/loopers-commerce/commerce/internal/base/id"
	"github.com/loopers-commerce/commerce/internal/domain/deadletter"
)

func idOrNil(v id.ID) *id.ID {
	if v.IsZero() {
		return nil
	}
	return &v
}

func idOf(v *id.ID) id.ID {
	if v == nil {
		return id.ID{}
	}
	return *v
}

// letterContent is the form of a content in its column. Headers are names and values in
// turn. JSON keeps all bytes, those of a name, too, and tells nil from empty.
type letterContent struct {
	Key     []byte   `json:"key"`
	Value   []byte   `json:"value"`
	Headers [][]byte `json:"headers"`
}

// contentOf returns the column of a content; nil for none.
func contentOf(c *deadletter.Content) ([]byte, error) {
	if c == nil {
		return nil, nil
	}
	stored := letterContent{Key: c.Key, Value: c.Value}
	for _, h := range c.Headers {
		stored.Headers = append(stored.Headers, []byte(h.Name), h.Value)
	}
	return json.Marshal(stored)
}

// contentFrom is the reverse of contentOf.
func contentFrom(column []byte) (*deadletter.Content, error) {
	if column == nil {
		return nil, nil //nolint:nilnil // it is not kept
	}
	var stored letterContent
	if err := json.Unmarshal(column, &stored); err != nil {
		return nil, fmt.Errorf("content of a dead letter: %w", err)
	}
	c := &deadletter.Content{Key: stored.Key, Value: stored.Value}
	for i := 0; i+1 < len(stored.Headers); i += 2 {
		c.Headers = append(c.Headers, deadletter.Header{Name: string(stored.Headers[i]), Value: stored.Headers[i+1]})
	}
	return c, nil
}

func scanLetter(r row) (deadletter.Letter, error) { return scanLetterAnd(r) }

func scanWhole(r row, more ...any) (deadletter.Letter, error) {
	var content []byte
	l, err := scanLetterAnd(r, append([]any{&content}, more...)...)
	if err == nil {
		l.Content, err = contentFrom(content)
	}
	return l, err
}

// scanLetterAnd reads the columns of selectLetter, and those that follow.
func scanLetterAnd(r row, more ...any) (l deadletter.Letter, err error) {
	var dead, changed int64
	var expires, origin *int64
	var event *id.ID
	err = r.Scan(append([]any{
		&l.ID, &l.At.Topic, &l.At.Partition, &l.At.Offset, &dead, &expires, &l.Origin.Topic, &l.Origin.Partition, &l.Origin.Offset, &origin,
		&l.Group, &l.Key, &event, &l.Type, &l.Cause, &l.Message, &l.Attempts, &l.Size, &l.State, &l.Replays, &l.Failures, &l.Actor, &l.Reason, &changed,
	}, more...)...)
	l.DeadAt, l.ExpiresAt, l.OriginAt, l.EventID, l.ChangedAt = timeOf(dead), timeOrNil(expires), timeOrNil(origin), idOf(event), timeOf(changed)
	return l, err
}
