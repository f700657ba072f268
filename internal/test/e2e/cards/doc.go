// Package cards tests card payments with real processes: two APIs, a streamer, and
// a gateway that sends false callbacks, hangs and crashes. Every card order must
// end, and what the gateway has kept must be what the orders were paid with, to the
// won.
package cards
