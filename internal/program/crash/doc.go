// Package crash holds the test that kills: two of each program, on a Kafka and
// a Redis of the test's own, are killed and frozen at random moments while
// customers buy, and afterwards everything that was answered must be there, once.
package crash
