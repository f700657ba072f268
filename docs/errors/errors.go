// Package errors has the page about the codes of errors, which commerce-api serves.
package errors

import (
	_ "embed"
	"regexp"
	"strings"
)

//go:embed README.md
var page string

var row = regexp.MustCompile("(?m)^\\| `([A-Z_]+)` \\|")

// Page returns the page, in Markdown.
func Page() string { return page }

// Codes returns the codes that the API gives, in the order of the page.
func Codes() (all []string) {
	ofAPI, _, _ := strings.Cut(page, "\n## Commands")
	for _, found := range row.FindAllStringSubmatch(ofAPI, -1) {
		all = append(all, found[1])
	}
	return all
}
