// Package flow tests whole flows over HTTP: the programs run in this process, put
// together as in production, on the embedded parts and on real servers.
package flow
