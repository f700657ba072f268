// Package streaming shows that the streamers lose nothing and count nothing twice: with
// many events, repeated, out of order and some of them broken, while processes and servers
// are killed, and while the database is away.
package streaming
