// Command pg-simulator: see pg-simulator --help.
package main

import (
	"os"

	"github.com/loopers-commerce/commerce/internal/program/pgsim"
)

func main() { os.Exit(pgsim.Main(os.Args[1:], os.Getenv, os.Stdout, os.Stderr)) }
