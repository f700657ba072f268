// Package events has the generated documents of the events that commerce-api serves.
package events

import _ "embed"

//go:embed asyncapi.json
var asyncAPI []byte

// AsyncAPI returns the AsyncAPI document, which describes the topics and the events.
func AsyncAPI() []byte { return asyncAPI }
