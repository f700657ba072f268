package event

// Opened is an envelope with its event.
type Opened struct {
	Envelope
	Event Event
}
