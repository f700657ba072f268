// Command load is the load test: see go run ./load --help, and docs/load.md.
package main

import (
	"os"

	"github.com/loopers-commerce/commerce/internal/test/load"
)

func main() { os.Exit(load.Main(os.Args[1:], os.Getenv, os.Stdout, os.Stderr)) } //nolint:forbidigo // main ends the process
