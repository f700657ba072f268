package kafka

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/loopers-commerce/commerce/internal/base/id"
	"github.com/loopers-commerce/commerce/internal/contract/event"
)

// Headers of a record: CloudEvents 1.0 in binary mode.
const (
	headerSpec     = "ce_specversion"
	headerID       = "ce_id"
	headerSource   = "ce_source"
	headerType     = "ce_type"
	headerSubject  = "ce_subject"
	headerTime     = "ce_time"
	headerSequence = "ce_sequence"
	headerContent  = "content-type"
	headerTrace    = "traceparent"
	// headerCETrace is the same as an attribute of CloudEvents. Libraries of CloudEvents
	// read only this one, those of OpenTelemetry only the other.
	headerCETrace = "ce_traceparent"

	specVersion = "1.0"
	mediaType   = "application/json"
	// timeLayout is RFC 3339 with the microseconds that databases keep.
	timeLayout = "2006-01-02T15:04:05.000000Z07:00"
	// sequenceLayout has all digits of 64 bits: as texts, sequences sort as their numbers do.
	sequenceLayout = "%019d"
)

// encode turns an envelope into a record. The client sets its timestamp when it
// sends the record: brokers expire and refuse records by their timestamp, and an
// event may have waited long in the outbox.
func (c Config) encode(v event.Envelope) *kgo.Record {
	headers := append(make([]kgo.RecordHeader, 0, 10),
		header(headerSpec, specVersion),
		header(headerID, v.ID.String()),
		header(headerSource, v.Source),
		header(headerType, v.Type),
		header(headerSubject, v.Key),
		header(headerTime, v.Time.UTC().Format(timeLayout)),
		header(headerContent, mediaType))
	if v.Sequence > 0 {
		headers = append(headers, header(headerSequence, fmt.Sprintf(sequenceLayout, v.Sequence)))
	}
	if v.Traceparent != "" {
		headers = append(headers, header(headerTrace, v.Traceparent), header(headerCETrace, v.Traceparent))
	}
	return &kgo.Record{Topic: c.Topic(v.Topic), Key: []byte(v.Key), Value: v.Data, Headers: headers}
}

func header(key, value string) kgo.RecordHeader {
	return kgo.RecordHeader{Key: key, Value: []byte(value)}
}

// open reads a record and its event into o. It is not known if its type is not. Errors
// are event.ErrUnreadable.
func (c *Consumer) open(r *kgo.Record, o *event.Opened) (known bool, err error) {
	if err := c.decode(r, &o.Envelope); err != nil {
		return false, err
	}
	o.Event, err = o.Open()
	return o.Event != nil, err
}

// decode reads the envelope of a record. Its topic is the one that the event was
// published to.
func (c *Consumer) decode(r *kgo.Record, v *event.Envelope) error {
	if err := skipped(r); err != nil {
		return err
	}
	err := c.config.read(r, v)
	if source, retried := c.sources[r.Topic]; retried {
		v.Topic = c.config.bare(source)
	}
	return err
}

// decode reads the envelope of a record. Every error is event.ErrUnreadable.
func (c Config) decode(r *kgo.Record) (v event.Envelope, err error) {
	if err := c.read(r, &v); err != nil {
		return event.Envelope{}, err
	}
	return v, nil
}

// read is decode into v, which is of no use after an error.
func (c *Config) read(r *kgo.Record, v *event.Envelope) error {
	*v = event.Envelope{Topic: c.bare(r.Topic), Key: string(r.Key), Data: r.Value}
	if err := attributes(v, r.Headers); err != nil {
		return fmt.Errorf("%w: %w", event.ErrUnreadable, err)
	}
	return nil
}

var errNoKey = errors.New("the record has no key")

func attributes(v *event.Envelope, headers []kgo.RecordHeader) error {
	if v.Key == "" {
		return errNoKey
	}
	given := headersOf(headers)
	if err := checkFormat(given.spec, given.content); err != nil {
		return err
	}
	v.Source, v.Type, v.Traceparent = usually(given.source, event.Source), usually(given.kind, event.ProductViewed{}.Type()), string(given.trace)
	if v.Source == "" || v.Type == "" {
		return fmt.Errorf("%s and %s are required", headerSource, headerType)
	}
	return values(v, given)
}

// usually returns a text. The one that is usual takes no memory.
func usually(text []byte, usual string) string {
	if string(text) == usual {
		return usual
	}
	return string(text)
}

// given are the values of the headers of a record; nil if there is no such header.
type given struct{ spec, id, source, kind, at, content, sequence, trace []byte }

// headersOf reads the headers in one pass, because that is done for every record. The last
// header of a name counts.
func headersOf(headers []kgo.RecordHeader) (g given) {
	for _, h := range headers {
		value := g.named(h.Key)
		if value == nil {
			value = g.named(strings.ToLower(h.Key))
		}
		switch {
		case value == nil: // it is not read
		case h.Value == nil:
			*value = []byte{}
		default:
			*value = h.Value
		}
	}
	return g
}

// named returns where the value of a header belongs; nil for one that is not read.
func (g *given) named(name string) *[]byte {
	switch name {
	case headerSpec:
		return &g.spec
	case headerID:
		return &g.id
	case headerSource:
		return &g.source
	case headerType:
		return &g.kind
	case headerTime:
		return &g.at
	case headerContent:
		return &g.content
	case headerSequence:
		return &g.sequence
	case headerTrace:
		return &g.trace
	default:
		return nil
	}
}

// find returns the value of the last header of that name.
func find(headers []kgo.RecordHeader, name string) (value []byte, found bool) {
	for _, h := range slices.Backward(headers) {
		if strings.EqualFold(h.Key, name) {
			return h.Value, true
		}
	}
	return nil, false
}

// text returns the value of a header, or "" if there is none.
func text(headers []kgo.RecordHeader, name string) string {
	value, _ := find(headers, name)
	return string(value)
}

// checkFormat checks the version and the content type of a record.
func checkFormat(spec, content []byte) error {
	if string(spec) != specVersion {
		return fmt.Errorf("%s is %q, not %s", headerSpec, spec, specVersion)
	}
	if string(content) == mediaType {
		return nil
	}
	media, _, _ := strings.Cut(string(content), ";")
	if !strings.EqualFold(strings.TrimSpace(media), mediaType) {
		return fmt.Errorf("%s is %q, not %s", headerContent, content, mediaType)
	}
	return nil
}

// values parses the attributes that are not plain text.
func values(v *event.Envelope, g given) (err error) {
	if v.ID, err = id.ParseBytes(g.id); err != nil {
		if v.ID, err = id.Parse(string(g.id)); err != nil {
			return fmt.Errorf("%s: %w", headerID, err)
		}
	}
	if err := v.Time.UnmarshalText(g.at); err != nil { // takes no memory, but accepts less
		if v.Time, err = time.Parse(time.RFC3339Nano, string(g.at)); err != nil {
			return fmt.Errorf("%s is %q, not a time", headerTime, g.at)
		}
	}
	if v.Time = v.Time.UTC(); v.Time.Year() < 0 || v.Time.Year() > 9999 {
		return fmt.Errorf("%s is %q, which is outside of the years 0 to 9999", headerTime, g.at)
	}
	if g.sequence != nil {
		if v.Sequence, err = strconv.ParseInt(string(g.sequence), 10, 64); err != nil || v.Sequence < 1 {
			return fmt.Errorf("%s is %q, not a positive number", headerSequence, g.sequence)
		}
	}
	return nil
}
