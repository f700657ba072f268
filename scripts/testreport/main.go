// Command testreport reads the output of `go test -json` on its standard input
// and prints what a reader needs: a line for each package, the output of every
// test that failed, the slowest tests, and how many tests passed and failed.
// It exits with 1 if a test or a build failed, or if no test ran.
package main

import (
	"fmt"
	"os"
)

func main() {
	r := newReport(os.Stdout)
	err := r.read(os.Stdin)
	if err == nil {
		err = r.finish()
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "testreport:", err)
		os.Exit(1) //nolint:forbidigo // this is main
	}
}
