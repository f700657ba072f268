// Package sim holds the simulation: the whole of commerce dev (SQLite, the
// embedded broker and Redis, the API over HTTP, relay, streamer, ranking, jobs and the
// payment gateway) inside one testing/synctest bubble, with virtual time. Customers
// shop around midnight, by points, by card and with coupons, while faults are
// injected: connections break, the broker and Redis answer with errors, stall and
// restart, processes are killed, and the gateway hangs, crashes and sends false
// callbacks. At the end of each day every order must have ended, the rankings of all
// periods that are over must be published, and the checks of the operator must find no
// difference. A model of what the customers were answered
// is compared with the database, with the topics, and with what the gateway has
// kept, to the won.
//
// Everything random follows from the seed: who does what and when, the faults, the
// delays of the network, ids, jitter. Not controlled are the order in which Go runs
// goroutines that are ready at the same virtual time, the choice of a select among
// several ready cases, the order of maps, and random numbers of libraries (the Kafka
// client spreads its retries). So a seed always repeats the plan of the faults and
// the customers, and nearly always the failure. Where it does not, -repeat runs it
// several times.
package sim
