// Command commerce-batch: see commerce-batch --help.
package main

import (
	"os"

	"github.com/loopers-commerce/commerce/internal/program/batch"
)

func main() { os.Exit(batch.Main(os.Args[1:], os.Getenv, os.Stdout, os.Stderr)) }
