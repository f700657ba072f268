package internal_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

var (
	codeBlock = regexp.MustCompile("(?ms)^```.*?\n```$")
	goBlock   = regexp.MustCompile("(?ms)^```go\n(.*?)\n```$")
	heading   = regexp.MustCompile(`(?m)^#+ .*$`)
	link      = regexp.MustCompile(`\]\(([^)\s]+)\)`)
)

// levels returns how many # each heading outside of code blocks begins with.
func levels(text string) (levels []int) {
	for _, h := range heading.FindAllString(codeBlock.ReplaceAllString(text, ""), -1) {
		levels = append(levels, strings.IndexByte(h, ' '))
	}
	return levels
}

// statement is a line of code without its indentation and comment.
func statement(line string) string {
	code, _, _ := strings.Cut(line, "//")
	return strings.TrimSpace(code)
}

// packages returns the folders below internal that hold Go files, but for test
// data and this one.
func packages(t *testing.T) []string {
	t.Helper()
	found := map[string]bool{}
	for path := range files(t, ".", ".go") {
		if dir := filepath.ToSlash(filepath.Dir(path)); dir != "." && !strings.Contains(dir, "testdata") {
			found[dir] = true
		}
	}
	return slices.Sorted(maps.Keys(found))
}

// declarations returns what the packages below internal declare at the top, as
// package.Name, and methods as package.Type.Method.
func declarations(t *testing.T) map[string]bool {
	t.Helper()
	found := map[string]bool{}
	for path, text := range files(t, ".", ".go") {
		file, err := parser.ParseFile(token.NewFileSet(), path, text, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		for _, decl := range file.Decls {
			for _, name := range names(decl) {
				found[file.Name.Name+"."+name] = true
			}
		}
	}
	return found
}

// names returns what a declaration declares.
func names(decl ast.Decl) (names []string) {
	switch d := decl.(type) {
	case *ast.FuncDecl:
		return []string{receiver(d) + d.Name.Name}
	case *ast.GenDecl:
		for _, spec := range d.Specs {
			switch s := spec.(type) {
			case *ast.TypeSpec:
				names = append(names, s.Name.Name)
			case *ast.ValueSpec:
				for _, n := range s.Names {
					names = append(names, n.Name)
				}
			}
		}
	}
	return names
}

// receiver returns the type of a method with a dot; nothing for a function.
func receiver(f *ast.FuncDecl) string {
	if f.Recv == nil {
		return ""
	}
	kind := f.Recv.List[0].Type
	if star, ok := kind.(*ast.StarExpr); ok {
		kind = star.X
	}
	if name, ok := kind.(*ast.Ident); ok {
		return name.Name + "."
	}
	return ""
}

func isFolder(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.IsDir()
}

// resolves reports whether a relative link of a document leads to a file and,
// where it names one, to a heading of it.
func resolves(t *testing.T, from, link string) bool {
	t.Helper()
	path, anchor, _ := strings.Cut(link, "#")
	if path == "" {
		path = from
	} else {
		path = filepath.Join(filepath.Dir(from), path)
	}
	if _, err := os.Stat(path); err != nil {
		return false
	}
	if anchor == "" {
		return true
	}
	return slices.ContainsFunc(heading.FindAllString(read(t, path), -1), func(h string) bool {
		return slug(h) == anchor
	})
}

// slug is the anchor that GitHub gives a heading.
func slug(heading string) string {
	title := strings.ToLower(strings.TrimLeft(heading, "# "))
	return strings.Map(func(r rune) rune {
		switch {
		case r == ' ':
			return '-'
		case strings.ContainsRune(".,:;!?'\"`()/&", r):
			return -1
		default:
			return r
		}
	}, title)
}

// documents returns the texts of all Markdown files, by path.
func documents(t *testing.T) map[string]string {
	t.Helper()
	texts := files(t, "../docs", ".md")
	tops, err := filepath.Glob("../*.md")
	if err != nil || len(tops) == 0 {
		t.Fatalf("no documents at the top: %v", err)
	}
	for _, path := range tops {
		texts[path] = read(t, path)
	}
	return texts
}

// files returns the texts of all files below a folder whose names end so.
func files(t *testing.T, folder, ending string) map[string]string {
	t.Helper()
	texts := map[string]string{}
	err := filepath.WalkDir(folder, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || !strings.HasSuffix(path, ending) {
			return err
		}
		texts[path] = read(t, path)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return texts
}

func read(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
