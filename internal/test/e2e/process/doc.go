// Package process holds the tests of the programs as processes: built, started,
// killed and started again.
package process
