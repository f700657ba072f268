// Package grey makes parts of the shop sick instead of dead, while customers use it: a
// server that hangs, is slow, refuses some things, may only be read, or has lost some of
// what it had. What does not need the sick part must go on as if nothing had happened. The
// programs must say what is wrong, and be well again soon after it is over. In the end,
// everything that was answered is there, once.
package grey
