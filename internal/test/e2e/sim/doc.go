// Package sim holds the simulation: the whole of commerce dev (SQLite, the
// embedded broker and Redis, the API over HTTP, relay, streamer and keeper, and
// the payment gateway) inside one testing/synctest bubble, in a world made of a
// seed. Customers shop around midnights, by points, by card and with coupons,
// while a villain drops connections, has the broker and Redis refuse what they
// are asked, stalls them, starts them again, kills the programs, and has the
// gateway lie, hang and die. At the end of each day every order must have ended
// and the books are verified; a model of what the customers were answered is
// compared with what the shop knows, with what the topics say, and with what the
// gateway has kept, to the won.
//
// Everything that the world decides is drawn from the seed: who does what and
// when, what goes wrong, how long a parcel is on its way, ids, jitter. What
// stays outside is the order in which Go runs goroutines that are ready at the
// same moment of virtual time, the choice of a select among several ready
// cases, the order of maps, and what libraries draw themselves (the client of
// Kafka spreads its retries). So a seed repeats the plan of the villain and the
// customers to the word, and nearly always the failure; where it does not at
// the first try, -repeat runs it several times.
package sim
