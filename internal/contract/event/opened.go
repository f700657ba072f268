package event

// Opened is an envelope with its event.
type Opened struct {
	Envelope
	Event Event
}

// Received is an envelope with its place in Kafka.
type Received struct {
	Envelope
	Partition int32
	Offset    int64
}
