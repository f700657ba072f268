package internal_test

import (
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const (
	module = "github.com/loopers-commerce/commerce/"
	root   = module + "internal/"
)

// floors lists the floors from bottom to top. A package imports from the floors
// below its own and, unless the floor is open, from no room beside it except the
// one that it is part of. A floor inside of another one, such as program/kit, is
// a floor of its own.
//
// The law is about the product: files whose name ends in _test.go may import
// what they need. So only tests import the top floor, and load/, which is no part of
// the product either: the main of the load test.
var floors = []string{
	"base", "contract", "pgsim", "domain", "store", "batch", "app", "adapter", "program/kit", "program", "test/kit", "test",
}

// loadMain is the package of the main of the load test, as eachImport names it.
const loadMain = "load"

// open lists the floors whose rooms may import one another.
var open = []string{"base", "contract", "domain", "program/kit", "program", "test/kit"}

// reserved lists the modules that only some rooms may import. A library that is
// used in one room can be replaced there.
var reserved = map[string][]string{
	"github.com/danielgtaylor/huma/v2":    {"adapter/api"},
	"github.com/jackc/pgx/v5":             {"adapter/sqlstore/postgres", "test"},
	"modernc.org/sqlite":                  {"adapter/sqlstore/sqlite"},
	"github.com/pressly/goose/v3":         {"adapter/sqlstore"},
	"github.com/twmb/franz-go/pkg/kgo":    {"adapter/kafka", "program", "test"},
	"github.com/twmb/franz-go/pkg/kfake":  {"program/allinone", "test"},
	"github.com/alicebob/miniredis/v2":    {"program/allinone", "test"},
	"github.com/maypok86/otter/v2":        {"adapter/api/near"},
	"github.com/rs/cors":                  {"adapter/api"},
	"github.com/andybalholm/brotli":       {"adapter/api/compress", "test"},
	"github.com/klauspost/compress":       {"adapter/api/compress", "test"},
	"github.com/redis/go-redis/v9":        {"adapter/redis", "program", "test"},
	"github.com/golang-jwt/jwt/v5":        {"adapter/credentials"},
	"github.com/failsafe-go/failsafe-go":  {"adapter/pgclient", "adapter/api/admission"},
	"github.com/alecthomas/kong":          {"program"},
	"github.com/prometheus/client_golang": {"adapter", "program", "pgsim", "test"},
	"github.com/schollz/progressbar/v3":   {"program"},
	"github.com/parquet-go/parquet-go":    {"adapter/parquet"},
	"github.com/google/uuid":              {"base/id"},
	"github.com/swaggest/swgui":           {"adapter/api"},
	"github.com/invopop/jsonschema":       {"test/eventdocs"},
	"github.com/HdrHistogram":             {"test/kit/openloop"},
	"github.com/Shopify/toxiproxy/v2":     {"test/kit/toxic"},
	"golang.org/x/crypto":                 {"adapter/credentials"},
	"golang.org/x/text":                   {"base/text"},
	"go.opentelemetry.io/otel":            {"base/tracing", "adapter", "program", "test"},
	"go.opentelemetry.io/otel/sdk":        {"program/kit/wire", "program/kit/recent", "test"},
	"go.opentelemetry.io/otel/exporters":  {"program/kit/wire"},
	"go.opentelemetry.io/proto":           {"test"},
	"database/sql":                        {"adapter/sqlstore", "base/id"}, // an id implements sql.Scanner
	"net/http":                            {"adapter", "program", "pgsim", "test"},
	"os":                                  {"cmd", loadMain, "adapter", "program", "pgsim", "test"},
}

func TestImportsGoDown(t *testing.T) {
	t.Parallel()
	eachImport(t, func(file, from, name string) {
		if to, ours := strings.CutPrefix(name, root); ours {
			if wrong := violation(from, to); wrong != "" {
				t.Errorf("%s may not import %s: %s", file, to, wrong)
			}
		}
	})
}

// The cases are imports that somebody might write.
func TestTheLawOfFloorsIsEnforced(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		from, to string
		allowed  bool
	}{
		{"app/checkout", "store", true},
		{"app/checkout", "app/settle", false},
		{"app/checkout", "adapter/pgclient", false},
		{"app/checkout", "test/kit/storetest", false},
		{"domain/order", "domain/coupon", true},
		{"domain/order", "store", false},
		{"adapter/api", "app/checkout", true},
		{"adapter/api", "adapter/sqlstore", false},
		{"adapter/sqlstore/postgres", "adapter/sqlstore", true},
		{"adapter/sqlstore", "test/conformance", false},
		{"program/allinone", "program/api", true},
		{"program/allinone", "program/kit/run", true},
		{"program/kit/run", "program/api", false},
		{"program/api", "test/kit/cluster", false},
		{"test/kit/shoptest", "test/kit/storetest", true},
		{"test/kit/storetest", "test/conformance", false},
		{"test/kit/cluster", "test/e2e/crash", false},
		{"test/e2e/cards", "test/kit/cluster", true},
		{"test/e2e/cards", "test/e2e/crash", false},
		{"test/e2e/cards", "program/api", true},
		{"pgsim", "contract/pgwire", true},
		{"pgsim", "contract/event", false},
		{"pgsim", "domain/payment", false},
		{"adapter/pgclient", "pgsim", false},
		{"program/pgsim", "pgsim", true},
		{"test/kit/cluster", "pgsim", true},
		{"cmd/commerce", "program/operator", true},
		{"cmd/commerce", "program/kit/config", false},
		{"cmd/commerce", "adapter/api", false},
		{"cmd/commerce", "test/kit/cluster", false},
		{"cmd/commerce", "test/load", false},
		{loadMain, "test/load", true},
		{loadMain, "test/kit/cluster", false},
		{loadMain, "program/operator", false},
		{"test/load", "test/kit/openloop", true},
		{"program/operator", "test/load", false},
		{"base/clock", "base/fault", true},
		{"base/clock", "contract/event", false},
		{"batch", "store", true},
		{"app/rollup", "batch", true},
		{"batch", "app/rollup", false},
		{"store", "batch", false},
		{"store", "nowhere", false},
		{"nowhere", "store", false},
	} {
		if wrong := violation(c.from, c.to); (wrong == "") != c.allowed {
			t.Errorf("%s imports %s: allowed is to be %t, the law says %q", c.from, c.to, c.allowed, wrong)
		}
	}
}

func TestLibrariesStayInTheirRooms(t *testing.T) {
	t.Parallel()
	eachImport(t, func(file, from, name string) {
		for library, rooms := range reserved {
			if within(name, library) && !slices.ContainsFunc(rooms, func(room string) bool { return within(from, room) }) {
				t.Errorf("%s may not import %s: it belongs to %v", file, name, rooms)
			}
		}
	})
}

func TestBaseUsesTheStandardLibrary(t *testing.T) {
	t.Parallel()
	eachImport(t, func(file, from, name string) {
		first, _, _ := strings.Cut(name, "/")
		outside := strings.Contains(first, ".") && !strings.HasPrefix(name, root)
		// The API of OpenTelemetry; see reserved. x/text is the standard library's own Unicode.
		allowed := name == "github.com/google/uuid" || within(name, "go.opentelemetry.io/otel") || within(name, "golang.org/x/text")
		if within(from, "base") && outside && !allowed {
			t.Errorf("%s imports %s: base is the standard library, Unicode, ids and the API of traces", file, name)
		}
	})
}

func TestMainsAreShort(t *testing.T) {
	t.Parallel()
	mains, err := filepath.Glob("../cmd/*/main.go")
	if err != nil || len(mains) == 0 {
		t.Fatalf("no programs found: %v", err)
	}
	mains = append(mains, "../load/main.go")
	for _, path := range mains {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if n := strings.Count(string(text), "\n"); n > 15 {
			t.Errorf("%s has %d lines: a program is put together in internal/program", path, n)
		}
	}
}

// eachImport calls see for every import of every file of the product, with the
// package of the file: its folder below internal/, cmd/NAME, or load. The files are
// read here, not by go list, so that the test cache sees them.
func eachImport(t *testing.T, see func(file, from, name string)) {
	t.Helper()
	seen := map[string]int{}
	for prefix, dir := range map[string]string{"": ".", "cmd/": "../cmd", loadMain: "../load"} {
		err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
				return err
			}
			seen[dir]++
			from, err := filepath.Rel(dir, filepath.Dir(path))
			if err != nil {
				return err
			}
			return imports(path, func(name string) { see(path, strings.TrimSuffix(prefix+filepath.ToSlash(from), "."), name) })
		})
		if err != nil || seen[dir] == 0 {
			t.Fatalf("%d files in %s (%v)", seen[dir], dir, err)
		}
	}
}

// imports calls see for every import of a file.
func imports(path string, see func(name string)) error {
	file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ImportsOnly)
	if err != nil {
		return err
	}
	for _, spec := range file.Imports {
		name, err := strconv.Unquote(spec.Path.Value)
		if err != nil {
			return err
		}
		see(name)
	}
	return nil
}

// violation says why a package of the product may not import another one; empty
// if it may.
func violation(from, to string) string {
	f, g := floor(from), floor(to)
	switch {
	case within(from, "cmd"):
		if !within(to, "program") || within(to, "program/kit") {
			return "a main starts one program"
		}
		return ""
	case from == loadMain:
		if to != "test/load" {
			return "the main of the load test starts the load test"
		}
		return ""
	case f == len(floors):
		return "the package that imports it stands on no floor"
	case within(from, "pgsim") && !within(to, "base") && !within(to, "contract/pgwire") && !within(to, "pgsim"):
		return "the simulated gateway knows contract/pgwire and base only, like another company's"
	case within(to, "pgsim") && f < slices.Index(floors, "program/kit") && !within(from, "pgsim"):
		return "the shop knows the gateway by contract/pgwire only"
	case g > f || g == len(floors):
		return "imports go down"
	case g == f && !slices.Contains(open, floors[f]) && !within(from, to) && !within(to, from):
		return "imports do not go sideways on this floor"
	default:
		return ""
	}
}

func within(pkg, room string) bool { return pkg == room || strings.HasPrefix(pkg, room+"/") }

// floor returns the height of a package: the index in floors of the longest name
// that it is within. A package on no floor is higher than all others, so that
// nothing may import it.
func floor(pkg string) int {
	height := len(floors)
	for i, name := range floors {
		if within(pkg, name) && (height == len(floors) || len(name) > len(floors[height])) {
			height = i
		}
	}
	return height
}
