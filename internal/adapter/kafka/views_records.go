package kafka

import (
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/loopers-commerce/commerce/internal/base/id"
	"github.com/loopers-commerce/commerce/internal/contract/event"
)

const (
	// viewsAtOnce is how many records share their memory.
	viewsAtOnce = 256
	// viewHeaders is how many headers the record of a view has.
	viewHeaders = 7
	// viewText is the length of the longest texts of a view: key, event, id and time.
	viewText = 20 + 90 + 36 + 32
)

// viewRecords makes the records of views. They are those that encode makes, but many at a
// time, in memory that is used again. Not for use by several goroutines at a time.
type viewRecords struct {
	topic  string
	shared [viewHeaders]kgo.RecordHeader // of all views; the id, the subject and the time are each one's own
	ids    id.Source
	chunks sync.Pool

	second int64  // since 1970
	until  []byte // its text
}

// viewChunk is the memory of some records.
type viewChunk struct {
	records []kgo.Record
	headers [viewsAtOnce * viewHeaders]kgo.RecordHeader
	text    []byte

	pool   *sync.Pool
	open   atomic.Int64 // records that are not answered yet
	failed atomic.Bool
}

const placeOfID, placeOfSubject, placeOfTime = 1, 4, 5

func newViewRecords(c Config, ids id.Source) *viewRecords {
	e := event.ProductViewed{}
	r := &viewRecords{topic: c.Topic(e.Topic()), ids: ids, second: -1, shared: [viewHeaders]kgo.RecordHeader{
		header(headerSpec, specVersion), placeOfID: {Key: headerID}, header(headerSource, event.Source),
		header(headerType, e.Type()), placeOfSubject: {Key: headerSubject}, placeOfTime: {Key: headerTime}, header(headerContent, mediaType),
	}}
	r.chunks.New = func() any {
		return &viewChunk{records: make([]kgo.Record, 0, viewsAtOnce), text: make([]byte, 0, viewsAtOnce*viewText), pool: &r.chunks}
	}
	return r
}

// of returns the records of at most viewsAtOnce views. Each must be answered.
func (r *viewRecords) of(batch []view) *viewChunk {
	c, _ := r.chunks.Get().(*viewChunk)
	c.records, c.text = c.records[:len(batch)], c.text[:0]
	c.open.Store(int64(len(batch)))
	for i := range batch {
		headers := c.headers[i*viewHeaders : (i+1)*viewHeaders : (i+1)*viewHeaders]
		copy(headers, r.shared[:])
		c.records[i] = kgo.Record{Topic: r.topic, Headers: headers}
		r.write(c, &c.records[i], batch[i])
	}
	return c
}

// write writes the texts of a record.
func (r *viewRecords) write(c *viewChunk, to *kgo.Record, v view) {
	start := len(c.text)
	c.text = strconv.AppendInt(c.text, v.product, 10)
	to.Key = c.cut(start)
	to.Headers[placeOfSubject].Value = to.Key
	start = len(c.text)
	c.text = event.NewProductViewed(v.product, orNobody(&v.user)).AppendJSON(c.text)
	to.Value = c.cut(start)
	start = len(c.text)
	c.text = r.ids().Append(c.text)
	to.Headers[placeOfID].Value = c.cut(start)
	start = len(c.text)
	c.text = r.appendTime(c.text, v.at)
	to.Headers[placeOfTime].Value = c.cut(start)
}

func orNobody(user *id.ID) *id.ID {
	if user.IsZero() {
		return nil
	}
	return user
}

// cut returns what was written since start.
func (c *viewChunk) cut(start int) []byte { return c.text[start:len(c.text):len(c.text)] }

// appendTime appends a time in timeLayout. Most times share their second with the one before.
func (r *viewRecords) appendTime(to []byte, at time.Time) []byte {
	const toSecond, micros = len("2006-01-02T15:04:05"), 1_000_000
	if s := at.Unix(); s != r.second {
		r.second, r.until = s, at.UTC().AppendFormat(r.until[:0], timeLayout)[:toSecond]
	}
	to = append(append(to, r.until...), '.')
	for rest, unit := at.Nanosecond()/1000, micros/10; unit > 0; unit /= 10 {
		to = append(to, '0'+byte(rest/unit%10)) //nolint:gosec // a digit
	}
	return append(to, 'Z')
}

// answered notes that the client is done with a record. Memory is used again if all were
// sent: the client may still read records that have failed.
func (c *viewChunk) answered(err error) {
	if err != nil {
		c.failed.Store(true)
	}
	if c.open.Add(-1) == 0 && !c.failed.Load() {
		c.pool.Put(c)
	}
}
