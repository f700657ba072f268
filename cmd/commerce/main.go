// Command commerce: see commerce --help.
package main

import (
	"os"

	"github.com/loopers-commerce/commerce/internal/program/operator"
)

func main() { os.Exit(operator.Main(os.Args[1:], os.Getenv, os.Stdout, os.Stderr)) }
