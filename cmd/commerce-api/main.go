// Command commerce-api: see commerce-api --help.
package main

import (
	"os"

	"github.com/loopers-commerce/commerce/internal/program/api"
)

func main() { os.Exit(api.Main(os.Args[1:], os.Getenv, os.Stdout, os.Stderr)) }
