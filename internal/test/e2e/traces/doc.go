// Package traces tests the trace of an order through all programs: each span has its place
// in one tree, from the request of the customer to the write in Redis.
package traces
