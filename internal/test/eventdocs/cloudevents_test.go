package eventdocs_test

import (
	"fmt"
	"log/slog"
	"maps"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/IBM/sarama"
	cekafka "github.com/cloudevents/sdk-go/protocol/kafka_sarama/v2"
	"github.com/cloudevents/sdk-go/v2/binding"
	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/loopers-commerce/commerce/internal/adapter/kafka"
	"github.com/loopers-commerce/commerce/internal/base/id"
	"github.com/loopers-commerce/commerce/internal/contract/event"
	"github.com/loopers-commerce/commerce/internal/test/eventdocs"
	"github.com/loopers-commerce/commerce/internal/test/kit/kafkatest"
)

const traceparent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"

// published writes all golden events with the producer of the shop and returns them with the
// records that are in Kafka then, by type. Half of them are traced.
func published(t *testing.T) (map[string]event.Envelope, map[string]*kgo.Record) {
	t.Helper()
	config := kafkatest.Prepared(t, kafkatest.Cluster(t))
	producer, err := kafka.NewProducer(config, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	defer producer.Close()
	sent, inTopic := map[string]event.Envelope{}, map[string]int{}
	for i, e := range event.Types() {
		_, e = golden(t, e.Type())
		v, err := event.Wrap(id.ID{1, byte(i)}, time.Date(2025, time.November, 3, 23, 59, 59, 123456000, time.UTC), []string{"", traceparent}[i%2], e)
		if err != nil {
			t.Fatal(err)
		}
		sent[e.Type()] = v
		inTopic[v.Topic]++
	}
	for i, err := range producer.Publish(t.Context(), slices.Collect(maps.Values(sent))) {
		if err != nil {
			t.Fatalf("event %d: %v", i, err)
		}
	}
	read := map[string]*kgo.Record{}
	for topic, n := range inTopic {
		for _, r := range kafkatest.Records(t, config.Brokers, config.Topic(topic), n) {
			read[kafkatest.Header(r, "ce_type")] = r
		}
	}
	return sent, read
}

// The official SDK of CloudEvents and its Kafka binding share no code with the shop.
func TestTheOfficialSDKReadsEveryEvent(t *testing.T) {
	t.Parallel()
	sent, read := published(t)
	for name, v := range sent {
		message := cekafka.NewMessageFromConsumerMessage(foreign(read[name]))
		if message.ReadEncoding() != binding.EncodingBinary {
			t.Errorf("%s is not in binary mode", name)
		}
		got, err := binding.ToEvent(t.Context(), message)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if err := got.Validate(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		want := []any{"1.0", v.ID.String(), v.Type, "/commerce", v.Key, "application/json", v.Time, string(v.Data)}
		have := []any{got.SpecVersion(), got.ID(), got.Type(), got.Source(), got.Subject(), got.DataContentType(), got.Time().UTC(), string(got.Data())}
		if diff := cmp.Diff(want, have); diff != "" {
			t.Errorf("%s (-sent +read):\n%s", name, diff)
		}
		if sequence, there := got.Extensions()["sequence"]; there != (v.Sequence > 0) || there && sequence != "0000000000000000002" {
			t.Errorf("%s has the sequence %v, want %d", name, sequence, v.Sequence)
		}
		if trace, there := got.Extensions()["traceparent"]; there != (v.Traceparent != "") || there && trace != v.Traceparent {
			t.Errorf("%s has the traceparent %v, want %q", name, trace, v.Traceparent)
		}
	}
}

// foreign returns a record as another client library has it.
func foreign(r *kgo.Record) *sarama.ConsumerMessage {
	m := &sarama.ConsumerMessage{Topic: r.Topic, Partition: r.Partition, Offset: r.Offset, Key: r.Key, Value: r.Value}
	for _, h := range r.Headers {
		m.Headers = append(m.Headers, &sarama.RecordHeader{Key: []byte(h.Key), Value: h.Value})
	}
	return m
}

func TestRecordsAreAsTheAsyncAPIDocumentSays(t *testing.T) {
	t.Parallel()
	_, read := published(t)
	validator, err := eventdocs.NewValidator(folder)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range event.Types() {
		name, r := e.Type(), read[e.Type()]
		if err := validator.Validate(headers(r.Headers), r.Value); err != nil {
			t.Error(err)
		}
		check(t, name+" key", "#/components/messages/"+name+"/bindings/kafka/key", string(r.Key))
		everyHeaderIsNamed(t, name, r.Headers, "headers")
		place := "#/channels/" + strings.TrimPrefix(r.Topic, "shop-")
		if in(t, place+"/messages/"+name) == nil {
			t.Errorf("%s is not a message of %s", name, r.Topic)
		}
	}
}

func TestARecordThatIsNotAsDocumentedIsInvalid(t *testing.T) {
	t.Parallel()
	_, read := published(t)
	validator, err := eventdocs.NewValidator(folder)
	if err != nil {
		t.Fatal(err)
	}
	for what, spoil := range map[string]func(r map[string]any, value []byte) []byte{
		"an unknown type":      func(h map[string]any, v []byte) []byte { h["ce_type"] = "order.shipped"; return v },
		"another type":         func(h map[string]any, v []byte) []byte { h["ce_type"] = "order.placed"; return v },
		"an id of its own":     func(h map[string]any, v []byte) []byte { h["ce_id"] = "42"; return v },
		"no time":              func(h map[string]any, v []byte) []byte { delete(h, "ce_time"); return v },
		"a sequence of 0":      func(h map[string]any, v []byte) []byte { h["ce_sequence"] = "0"; return v },
		"another content type": func(h map[string]any, v []byte) []byte { h["content-type"] = "text/plain"; return v },
		"a short trace":        func(h map[string]any, v []byte) []byte { h["traceparent"] = "00-1-1-1"; return v },
		"an empty event":       func(map[string]any, []byte) []byte { return []byte("{}") },
		"no JSON":              func(map[string]any, []byte) []byte { return []byte("{") },
	} {
		r := read["order.paid"]
		h := headers(r.Headers)
		value := spoil(h, r.Value)
		if validator.Validate(h, value) == nil {
			t.Errorf("%s is valid", what)
		}
	}
}

// The golden files of adapter/kafka are records in a retry topic and in a dead-letter topic.
func TestRecordsThatFailedAreAsTheAsyncAPIDocumentSays(t *testing.T) {
	t.Parallel()
	for file, c := range map[string]struct{ message, schema string }{
		"retry":      {"order-events.retried", "headers.retried"},
		"deadletter": {"order-events.dead", "headers.dead"},
	} {
		topic, found := record(t, file)
		check(t, file, "#/components/messages/"+c.message+"/headers", headers(found))
		everyHeaderIsNamed(t, file, found, "headers", c.schema)
		if in(t, "#/channels/"+strings.TrimPrefix(topic, "shop-")+"/messages/"+c.message) == nil {
			t.Errorf("%s is not a message of %s", c.message, topic)
		}
		for _, h := range found {
			if schema, ok := in(t, "#/components/schemas/"+c.schema).(map[string]any); !ok || !required(schema, h.Key) {
				continue
			}
			less := headers(slices.DeleteFunc(slices.Clone(found), func(o kgo.RecordHeader) bool { return o.Key == h.Key }))
			if compile(t, "asyncapi.json", "#/components/messages/"+c.message+"/headers").Validate(less) == nil {
				t.Errorf("%s is valid without %s", file, h.Key)
			}
		}
	}
}

// A record that an operator replays has no failure yet.
func TestAReplayedRecordIsAsTheAsyncAPIDocumentSays(t *testing.T) {
	t.Parallel()
	_, found := record(t, "retry")
	h := headers(found)
	delete(h, kafka.DeadCause)
	delete(h, kafka.DeadMessage)
	h[kafka.DeadTimestamp], h[kafka.RetryAttempts], h["commerce-replays"] = "", "0", "1"
	check(t, "a replayed record", "#/components/messages/order-events.retried/headers", h)
}

func required(schema map[string]any, name string) bool {
	list, _ := schema["required"].([]any)
	return slices.Contains(list, any(name))
}

// record reads the topic and the headers of a golden record.
func record(t *testing.T, name string) (topic string, all []kgo.RecordHeader) {
	t.Helper()
	text, err := os.ReadFile(root + "/internal/adapter/kafka/testdata/" + name + ".golden")
	if err != nil {
		t.Fatal(err)
	}
	head, _, _ := strings.Cut(string(text), "\n\n")
	for line := range strings.Lines(head) {
		line = strings.TrimSuffix(line, "\n")
		if rest, found := strings.CutPrefix(line, "topic "); found {
			topic = rest
		} else if name, value, found := strings.Cut(line, ": "); found {
			all = append(all, kgo.RecordHeader{Key: name, Value: []byte(value)})
		}
	}
	return topic, all
}

func headers(all []kgo.RecordHeader) map[string]any {
	texts := map[string]any{}
	for _, h := range all {
		texts[h.Key] = string(h.Value)
	}
	return texts
}

func check(t *testing.T, what, place string, value any) {
	t.Helper()
	if err := compile(t, "asyncapi.json", place).Validate(value); err != nil {
		t.Errorf("%s: %v", what, err)
	}
}

func everyHeaderIsNamed(t *testing.T, what string, all []kgo.RecordHeader, schemas ...string) {
	t.Helper()
	for _, h := range all {
		if !slices.ContainsFunc(schemas, func(s string) bool { return in(t, "#/components/schemas/"+s+"/properties/"+h.Key) != nil }) {
			t.Errorf("%s has the header %s, which is not documented", what, h.Key)
		}
	}
}

// in returns what is at a place of the AsyncAPI document.
func in(t *testing.T, place string) any {
	t.Helper()
	part := parse(t, released(t)["asyncapi.json"])
	for name := range strings.SplitSeq(strings.TrimPrefix(place, "#/"), "/") {
		inside, _ := part.(map[string]any)
		part = inside[name]
	}
	return part
}

// The topics that the shop creates are the channels of the document.
func TestEveryTopicIsAChannel(t *testing.T) {
	t.Parallel()
	config := kafkatest.Prepared(t, kafkatest.Cluster(t))
	client, err := kgo.NewClient(kgo.SeedBrokers(config.Brokers...))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	topics, err := kadm.NewClient(client).ListTopics(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	created, documented := map[string]string{}, map[string]string{}
	for name, topic := range topics {
		created[strings.TrimPrefix(name, "shop-")] = strconv.Itoa(len(topic.Partitions))
	}
	channels, _ := in(t, "#/channels").(map[string]any)
	for name := range channels {
		documented[name] = fmt.Sprint(in(t, "#/channels/"+name+"/bindings/kafka/partitions"))
	}
	if diff := cmp.Diff(created, documented); diff != "" {
		t.Errorf("(-topics +channels):\n%s", diff)
	}
}
