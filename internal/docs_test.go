package internal_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var (
	testNamed    = regexp.MustCompile("`(Test[A-Za-z0-9]+)`")
	testDeclared = regexp.MustCompile(`(?m)^func (Test[A-Za-z0-9]+)\(`)
)

// What the documents say is proved by a test must be.
func TestEveryTestThatTheDocsNameExists(t *testing.T) {
	t.Parallel()
	declared := map[string]bool{}
	for _, text := range files(t, ".", "_test.go") {
		for _, name := range testDeclared.FindAllStringSubmatch(text, -1) {
			declared[name[1]] = true
		}
	}
	named := 0
	for path, text := range files(t, "../docs", ".md") {
		for _, name := range testNamed.FindAllStringSubmatch(text, -1) {
			named++
			if !declared[name[1]] {
				t.Errorf("%s names %s, which is nowhere", path, name[1])
			}
		}
	}
	if named == 0 {
		t.Error("the documents name no test")
	}
}

// files returns the texts of all files below a folder whose names end so.
func files(t *testing.T, folder, ending string) map[string]string {
	t.Helper()
	texts := map[string]string{}
	err := filepath.WalkDir(folder, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || !strings.HasSuffix(path, ending) {
			return err
		}
		text, err := os.ReadFile(path)
		texts[path] = string(text)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return texts
}
