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
	headerTime     = "ce_time"
	headerSequence = "ce_sequence"
	headerContent  = "content-type"
	headerTrace    = "traceparent"

	specVersion = "1.0"
	mediaType   = "application/json"
	// timeLayout is RFC 3339 with the microseconds that databases keep.
	timeLayout = "2006-01-02T15:04:05.000000Z07:00"
)

// encode turns an envelope into a record. The client sets its timestamp when it
// sends the record: brokers expire and refuse records by their timestamp, and an
// event may have waited long in the outbox.
func (c Config) encode(v event.Envelope) *kgo.Record {
	headers := append(make([]kgo.RecordHeader, 0, 8),
		header(headerSpec, specVersion),
		header(headerID, v.ID.String()),
		header(headerSource, v.Source),
		header(headerType, v.Type),
		header(headerTime, v.Time.UTC().Format(timeLayout)),
		header(headerContent, mediaType))
	if v.Sequence > 0 {
		headers = append(headers, header(headerSequence, strconv.FormatInt(v.Sequence, 10)))
	}
	if v.Traceparent != "" {
		headers = append(headers, header(headerTrace, v.Traceparent))
	}
	return &kgo.Record{Topic: c.Topic(v.Topic), Key: []byte(v.Key), Value: v.Data, Headers: headers}
}

func header(key, value string) kgo.RecordHeader {
	return kgo.RecordHeader{Key: key, Value: []byte(value)}
}

// open reads a record and its event. It is not known if its type is not. Errors are
// event.ErrUnreadable.
func (c *Consumer) open(r *kgo.Record) (o event.Opened, known bool, err error) {
	if o.Envelope, err = c.decode(r); err != nil {
		return o, false, err
	}
	o.Event, err = o.Open()
	return o, o.Event != nil, err
}

// decode reads the envelope of a record. Its topic is the one that the event was
// published to.
func (c *Consumer) decode(r *kgo.Record) (event.Envelope, error) {
	v, err := c.config.decode(r)
	if source, retried := c.sources[r.Topic]; retried {
		v.Topic = c.config.bare(source)
	}
	return v, err
}

// decode reads the envelope of a record. Every error is event.ErrUnreadable.
func (c Config) decode(r *kgo.Record) (event.Envelope, error) {
	v := event.Envelope{Topic: c.bare(r.Topic), Key: string(r.Key), Data: r.Value}
	if err := attributes(&v, r.Headers); err != nil {
		return event.Envelope{}, fmt.Errorf("%w: %w", event.ErrUnreadable, err)
	}
	return v, nil
}

var errNoKey = errors.New("the record has no key")

func attributes(v *event.Envelope, headers []kgo.RecordHeader) error {
	if v.Key == "" {
		return errNoKey
	}
	if err := checkFormat(headers); err != nil {
		return err
	}
	v.Source, v.Type, v.Traceparent = text(headers, headerSource), text(headers, headerType), text(headers, headerTrace)
	if v.Source == "" || v.Type == "" {
		return fmt.Errorf("%s and %s are required", headerSource, headerType)
	}
	return values(v, headers)
}

// find returns the value of the last header of that name. It is called for every
// attribute of every record, and is faster than a map of the seven headers.
func find(headers []kgo.RecordHeader, name string) (value []byte, found bool) {
	for _, h := range slices.Backward(headers) {
		if len(h.Key) == len(name) && strings.EqualFold(h.Key, name) {
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
func checkFormat(headers []kgo.RecordHeader) error {
	if got, _ := find(headers, headerSpec); string(got) != specVersion {
		return fmt.Errorf("%s is %q, not %s", headerSpec, got, specVersion)
	}
	got, _ := find(headers, headerContent)
	if string(got) == mediaType {
		return nil
	}
	content, _, _ := strings.Cut(string(got), ";")
	if !strings.EqualFold(strings.TrimSpace(content), mediaType) {
		return fmt.Errorf("%s is %q, not %s", headerContent, got, mediaType)
	}
	return nil
}

// values parses the attributes that are not plain text.
func values(v *event.Envelope, headers []kgo.RecordHeader) (err error) {
	if v.ID, err = id.Parse(text(headers, headerID)); err != nil {
		return fmt.Errorf("%s: %w", headerID, err)
	}
	at := text(headers, headerTime)
	if v.Time, err = time.Parse(time.RFC3339Nano, at); err != nil {
		return fmt.Errorf("%s is %q, not a time", headerTime, at)
	}
	if v.Time = v.Time.UTC(); v.Time.Year() < 0 || v.Time.Year() > 9999 {
		return fmt.Errorf("%s is %q, which is outside of the years 0 to 9999", headerTime, at)
	}
	if number, ok := find(headers, headerSequence); ok {
		if v.Sequence, err = strconv.ParseInt(string(number), 10, 64); err != nil || v.Sequence < 1 {
			return fmt.Errorf("%s is %q, not a positive number", headerSequence, number)
		}
	}
	return nil
}
