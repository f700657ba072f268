// Command commerce-streamer: see commerce-streamer --help.
package main

import (
	"os"

	"github.com/loopers-commerce/commerce/internal/program/streamer"
)

func main() { os.Exit(streamer.Main(os.Args[1:], os.Getenv, os.Stdout, os.Stderr)) }
