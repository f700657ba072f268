// Package load is the load test: crowds of customers on the real programs, with the content
// of every answer checked. `make load` runs it; docs/load.md explains it.
package load
