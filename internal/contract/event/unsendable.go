package event

import "errors"

// ErrUnsendable is the error of an event that Kafka does not take as it is, or of a batch
// with such an event. It says nothing about other events.
var ErrUnsendable = errors.New("Kafka does not take the event as it is") //nolint:staticcheck // a name
