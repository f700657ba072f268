// Package crash holds the test that kills: two of each program and a payment
// gateway, on a PostgreSQL, a Kafka and a Redis of the test's own, are killed and
// frozen at random moments while customers buy, by points and by card, and
// afterwards everything that was answered must be there, once.
package crash
