package event

// Opened is an envelope with the event that was inside.
type Opened struct {
	Envelope
	Event Event
}
