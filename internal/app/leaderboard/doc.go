// Package leaderboard rebuilds, reconciles and verifies the boards in Redis, from the
// counters in the database.
package leaderboard
