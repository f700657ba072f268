// Package failover runs the shop on databases that are not well: a row that somebody holds, a
// server that may only be read, a pooler between, a primary that dies and a standby that
// takes its place. What needs the sick part is refused soon, everything else goes on, and
// nothing that was answered is lost.
package failover
