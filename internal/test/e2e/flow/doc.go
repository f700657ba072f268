// Package flow holds the tests of whole flows: the programs as they run in
// production, driven over HTTP, on the embedded parts and on real servers.
package flow
