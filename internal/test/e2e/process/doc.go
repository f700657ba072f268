// Package process tests the programs as processes: they are built, started,
// killed and started again.
package process
