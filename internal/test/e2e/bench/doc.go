// Package bench holds the benchmarks whose figures the project states: each
// measures, in turn and in the same run, what ours does and the limit that it
// is held against, and prints the ratio of the two. `make bench` runs them;
// docs/benchmarks.md says what the figures mean.
package bench
