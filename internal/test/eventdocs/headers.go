package eventdocs

import "github.com/loopers-commerce/commerce/internal/base/id"

// eventHeaders are the headers of all records: CloudEvents 1.0 in binary mode, as its
// Kafka protocol binding defines it.
type eventHeaders struct {
	// SpecVersion is the version of CloudEvents.
	SpecVersion string `json:"ce_specversion" jsonschema:"enum=1.0"`
	// ID is the id of the event. An event may be delivered more than once, always with
	// the same id.
	ID id.ID `json:"ce_id"`
	// Source is the shop.
	Source string `json:"ce_source" jsonschema:"enum=/commerce"`
	// Type says what has happened.
	Type string `json:"ce_type"`
	// Subject is what it has happened to: the id of the product, or of the order. It is
	// the key of the record. Records of earlier versions do not have it.
	Subject string `json:"ce_subject,omitempty"`
	// Time is when it happened, by the clock of the API, in UTC.
	Time string `json:"ce_time" jsonschema:"format=date-time"`
	// Sequence is the version of the order. It is there if the event has a version, and
	// shows a gap or an event that is older than one that was read before. It has zeros in
	// front, so that texts sort as numbers do; records of earlier versions have none.
	Sequence string `json:"ce_sequence,omitempty" jsonschema:"pattern=^0*[1-9][0-9]*$"`
	// ContentType says that the value of the record is JSON.
	ContentType string `json:"content-type" jsonschema:"enum=application/json"`
	// Traceparent is the W3C trace context of the request that caused the event.
	Traceparent string `json:"traceparent,omitempty" jsonschema:"pattern=^[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}"`
	// CETraceparent is the same, as the extension of CloudEvents has it.
	CETraceparent string `json:"ce_traceparent,omitempty" jsonschema:"pattern=^[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}"`
}

// originHeaders are the headers that a record gets when a group could not process it,
// beside those that it has. All but the last have the names of Spring Kafka.
type originHeaders struct {
	// OriginalTopic is the topic that the record was in at first.
	OriginalTopic string `json:"kafka_dlt-original-topic"`
	// OriginalPartition is its partition there.
	OriginalPartition string `json:"kafka_dlt-original-partition" jsonschema:"pattern=^[0-9]+$"`
	// OriginalOffset is its offset there.
	OriginalOffset string `json:"kafka_dlt-original-offset" jsonschema:"pattern=^[0-9]+$"`
	// OriginalTimestamp is its timestamp there, in milliseconds since 1970. It is empty if it is not known.
	OriginalTimestamp string `json:"kafka_dlt-original-timestamp" jsonschema:"pattern=^(-?[0-9]+)?$"`
	// OriginalGroup is the consumer group that could not process it.
	OriginalGroup string `json:"kafka_dlt-original-consumer-group"`
	// Attempts is how often the group has tried the record, since it was first sent or last replayed.
	Attempts string `json:"retry_topic-attempts" jsonschema:"pattern=^[0-9]+$"`
	// Replays is how often an operator has replayed the record to the group. It is absent if nobody has.
	Replays string `json:"commerce-replays,omitempty" jsonschema:"pattern=^[1-9][0-9]*$"`
}

// causes are the kinds of failure that are known.
type causes struct {
	// ExceptionName is the kind of failure.
	ExceptionName string `json:"kafka_dlt-exception-fqcn" jsonschema_extras:"x-extensible-enum=commerce.UnreadableRecord,x-extensible-enum=commerce.HandlerFailed,x-extensible-enum=commerce.HandlerPanicked"`
	// ExceptionMessage is the error, as text for people. It may quote the record.
	ExceptionMessage string `json:"kafka_dlt-exception-message"`
}

// deadHeaders are the headers of a dead letter.
type deadHeaders struct {
	originHeaders
	causes
}

// retryHeaders are the headers of a record in a retry topic. One that was replayed has
// no failure yet.
type retryHeaders struct {
	originHeaders
	// Due is when the record may be tried again, in milliseconds since 1970. It is absent if
	// the record waits only for those before it.
	Due string `json:"retry_topic-backoff-timestamp,omitempty" jsonschema:"pattern=^[0-9]+$"`
	// ExceptionName is the kind of the last failure. It is absent if the record was replayed.
	ExceptionName string `json:"kafka_dlt-exception-fqcn,omitempty"`
	// ExceptionMessage is the last error, as text for people. It may quote the record.
	ExceptionMessage string `json:"kafka_dlt-exception-message,omitempty"`
}
