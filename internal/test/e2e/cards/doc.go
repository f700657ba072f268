// Package cards holds the tests of card payments with real processes: two APIs,
// a streamer, and a gateway that lies, hangs and dies. Every card order must
// end, and what the gateway has kept must be what the books say, to the won.
package cards
