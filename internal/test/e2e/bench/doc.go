// Package bench holds the benchmarks whose figures the project states. Each measures,
// in turn and in the same run, our program and a baseline, and prints the ratio of the
// two. `make bench` runs them; docs/benchmarks.md explains the figures.
package bench
