// Package crash holds the crash test. Two of each program and a payment gateway,
// on a PostgreSQL, a Kafka and a Redis of the test's own, are killed and frozen at
// random moments while customers buy, by points and by card. Afterwards everything
// that was answered must be in the database and in the topics, once.
package crash
