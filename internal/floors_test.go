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

const root = "github.com/loopers-commerce/commerce/internal/"

// floors lists the floors from bottom to top. A package imports from the floors
// below its own and, unless the floor is open, from no room beside it except the
// one that it is part of. Only tests import the top floor.
var floors = []string{"base", "contract", "pgsim", "domain", "store", "app", "adapter", "program", "test"}

// open lists the floors whose rooms may import one another.
var open = []string{"base", "contract", "domain", "program", "test"}

// reserved lists modules that only the rooms named may import: a part that
// leaks out of its room can no longer be exchanged there.
var reserved = map[string][]string{
	"github.com/danielgtaylor/huma/v2":    {"adapter/api"},
	"github.com/jackc/pgx/v5":             {"adapter/sqlstore/postgres", "test"},
	"modernc.org/sqlite":                  {"adapter/sqlstore/sqlite"},
	"github.com/pressly/goose/v3":         {"adapter/sqlstore"},
	"github.com/twmb/franz-go/pkg/kgo":    {"adapter/kafka", "program", "test"},
	"github.com/twmb/franz-go/pkg/kfake":  {"program/allinone", "test"},
	"github.com/alicebob/miniredis/v2":    {"program/allinone", "test"},
	"github.com/redis/go-redis/v9":        {"adapter/redis", "program", "test"},
	"github.com/golang-jwt/jwt/v5":        {"adapter/credentials"},
	"github.com/failsafe-go/failsafe-go":  {"adapter/pgclient"},
	"github.com/alecthomas/kong":          {"program"},
	"github.com/prometheus/client_golang": {"adapter", "program", "pgsim", "test"},
	"github.com/schollz/progressbar/v3":   {"program"},
	"github.com/google/uuid":              {"base/id"},
	"github.com/swaggest/swgui":           {"adapter/api"},
	"golang.org/x/crypto":                 {"adapter/credentials"},
	"database/sql":                        {"adapter/sqlstore", "base/id"}, // an id knows how it is stored
	"net/http":                            {"adapter", "program", "pgsim", "test"},
	"os":                                  {"adapter", "program", "pgsim", "test"},
}

// pgsim stands for a company of its own: it knows the wire and nothing of the shop.
func TestTheSimulatedGatewayKnowsTheWireOnly(t *testing.T) {
	t.Parallel()
	eachImport(t, func(file, from, name string) {
		to, ours := strings.CutPrefix(name, root)
		if within(from, "pgsim") && ours && !within(to, "base") && !within(to, "contract/pgwire") && !within(to, "pgsim") {
			t.Errorf("%s may not import %s: the gateway knows contract/pgwire and base only", file, to)
		}
		if within(to, "pgsim") && !within(from, "program") && !within(from, "test") && !within(from, "pgsim") {
			t.Errorf("%s may not import %s: the shop knows the gateway by its wire only", file, to)
		}
	})
}

// The files are read here, not by go list, so that the test cache sees them.
func TestImportsGoDown(t *testing.T) {
	t.Parallel()
	eachImport(t, func(file, from, name string) {
		if to, ours := strings.CutPrefix(name, root); ours && !allowed(from, to) {
			t.Errorf("%s may not import %s: imports go down, and not sideways", file, to)
		}
	})
}

func TestPartsStayInTheirRooms(t *testing.T) {
	t.Parallel()
	eachImport(t, func(file, from, name string) {
		for part, rooms := range reserved {
			if within(name, part) && !slices.ContainsFunc(rooms, func(room string) bool { return within(from, room) }) {
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
		if within(from, "base") && outside && name != "github.com/google/uuid" {
			t.Errorf("%s imports %s: base is the standard library, and ids", file, name)
		}
	})
}

func TestMainsAreShort(t *testing.T) {
	t.Parallel()
	mains, err := filepath.Glob("../cmd/*/main.go")
	if err != nil || len(mains) == 0 {
		t.Fatalf("no programs found: %v", err)
	}
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
// room that the file stands in.
func eachImport(t *testing.T, see func(file, from, name string)) {
	t.Helper()
	err := filepath.WalkDir(".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return err
		}
		from := filepath.ToSlash(filepath.Dir(path))
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ImportsOnly)
		if err != nil {
			return err
		}
		for _, spec := range file.Imports {
			name, err := strconv.Unquote(spec.Path.Value)
			if err != nil {
				return err
			}
			see(path, from, name)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func allowed(from, to string) bool {
	f, g := floor(from), floor(to)
	if f != g {
		return g < f
	}
	return f < len(floors) && slices.Contains(open, floors[f]) || within(from, to) || within(to, from)
}

func within(pkg, room string) bool { return pkg == room || strings.HasPrefix(pkg, room+"/") }

// floor is the height of a package; one on no floor is higher than all, so
// that nothing may import it.
func floor(pkg string) int {
	name, _, _ := strings.Cut(pkg, "/")
	if i := slices.Index(floors, name); i >= 0 {
		return i
	}
	return len(floors)
}
