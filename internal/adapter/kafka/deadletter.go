package kafka

import (
	"strconv"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

// Headers that say where a dead letter comes from and why it is one. All values
// are text. The names are those of Spring Kafka's dead-letter publisher, so its
// tools can read them.
const (
	DeadTopic     = "kafka_dlt-original-topic"
	DeadPartition = "kafka_dlt-original-partition"
	DeadOffset    = "kafka_dlt-original-offset"
	DeadTimestamp = "kafka_dlt-original-timestamp" // milliseconds since 1970
	DeadGroup     = "kafka_dlt-original-consumer-group"
	DeadCause     = "kafka_dlt-exception-fqcn"
	DeadMessage   = "kafka_dlt-exception-message"
)

const (
	deadLetterTimeout = 10 * time.Second
	maxMessage        = 1_000 // bytes
)

// failure returns the headers that say where a record comes from and why it could
// not be processed.
func (c *Consumer) failure(from origin, cause error) []kgo.RecordHeader {
	message := cause.Error() // it may quote the record
	headers := []kgo.RecordHeader{
		header(DeadTopic, from.topic),
		header(DeadPartition, from.partition),
		header(DeadOffset, from.offset),
		header(DeadTimestamp, from.timestamp),
		header(DeadGroup, c.group),
		header(DeadCause, causeOf(cause)),
		header(DeadMessage, strings.ToValidUTF8(message[:min(len(message), maxMessage)], "")),
		header(RetryAttempts, strconv.Itoa(from.attempts)),
	}
	if from.replays > 0 {
		headers = append(headers, header(Replays, strconv.Itoa(from.replays)))
	}
	return headers
}
