package api

import (
	"net/http"
	"strings"
)

// kind is what a usual request asks for.
type kind int

const (
	aProduct kind = iota
	aBrand
	aList
	aRanking
	kinds   // how many there are
	unusual = kinds
)

const (
	productsPath = "/api/v1/products"
	brandsPath   = "/api/v1/brands"
	rankingsPath = "/api/v1/rankings"

	// longestURL bounds the URLs whose answers are kept.
	longestURL = 256
)

// nearPaths are the routes of the kinds.
//
//nolint:gochecknoglobals // it is never written to
var nearPaths = [kinds]string{productsPath + "/{id}", brandsPath + "/{id}", productsPath, rankingsPath}

// kindOf returns what is asked for, and the id of a product. Only URLs as they are usually
// written are known. Those that name a place within a list are not: few ask for the same
// ones.
func kindOf(uri string) (kind, int64) {
	if len(uri) > longestURL {
		return unusual, 0
	}
	switch {
	case strings.HasPrefix(uri, productsPath+"/"):
		if pid, ok := canonicalID(uri[len(productsPath)+1:]); ok {
			return aProduct, pid
		}
	case strings.HasPrefix(uri, brandsPath+"/"):
		if _, ok := canonicalID(uri[len(brandsPath)+1:]); ok {
			return aBrand, 0
		}
	case isPath(uri, productsPath) && !strings.Contains(uri, "cursor"):
		return aList, 0
	case isPath(uri, rankingsPath) && !strings.Contains(uri, "snapshot"):
		return aRanking, 0
	}
	return unusual, 0
}

// isPath reports whether a URL is the path, with a query or without.
func isPath(uri, path string) bool {
	return strings.HasPrefix(uri, path) && (len(uri) == len(path) || uri[len(path)] == '?')
}

// canonicalID reads an id as it is usually written.
func canonicalID(s string) (n int64, ok bool) {
	if s == "" || len(s) > 18 || s[0] == '0' {
		return 0, false
	}
	for _, c := range []byte(s) {
		if c < '0' || c > '9' {
			return 0, false
		}
		n = n*10 + int64(c-'0')
	}
	return n, true
}

// ordinary reports whether the headers of a request ask for nothing in particular.
func ordinary(r *http.Request) bool {
	if r.Method != http.MethodGet && r.Method != http.MethodHead || r.ContentLength != 0 {
		return false
	}
	accept, given := r.Header["Accept"]
	return !given || len(accept) == 1 && strings.Contains(accept[0], "/")
}
