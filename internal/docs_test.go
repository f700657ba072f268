package internal_test

import (
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"
)

const maxLine = 120 // characters of a line of prose

var (
	testNamed = regexp.MustCompile("`(Test[A-Za-z0-9]+)`")
	testFunc  = regexp.MustCompile(`(?m)^func (Test[A-Za-z0-9]+)\(`)
	quoted    = regexp.MustCompile("`([a-z0-9/]+)`")
	goName    = regexp.MustCompile("`([a-z]+[.][A-Z][A-Za-z.]*)`")
	metric    = regexp.MustCompile(`commerce_(?:gateway_|pgsim_)?([a-z_]+)`)
)

func TestEveryTestThatTheDocsNameExists(t *testing.T) {
	t.Parallel()
	declared := map[string]bool{}
	for _, text := range files(t, ".", "_test.go") {
		for _, name := range testFunc.FindAllStringSubmatch(text, -1) {
			declared[name[1]] = true
		}
	}
	named := 0
	for path, text := range documents(t) {
		for _, name := range testNamed.FindAllStringSubmatch(text, -1) {
			named++
			if !declared[name[1]] {
				t.Errorf("%s names %s, which does not exist", path, name[1])
			}
		}
	}
	if named == 0 {
		t.Error("the documents name no test")
	}
}

// A guarantee is a list item above the heading that starts with "Not ".
func TestEveryGuaranteeNamesATest(t *testing.T) {
	t.Parallel()
	promised, _, found := strings.Cut(read(t, "../docs/guarantees.md"), "\n## Not ")
	if !found {
		t.Error("guarantees.md has no heading that starts with Not: what is not guaranteed?")
	}
	items := strings.Split(promised, "\n- ")[1:]
	if len(items) == 0 {
		t.Error("guarantees.md guarantees nothing")
	}
	for _, item := range items {
		item, _, _ = strings.Cut(item, "\n#")
		if !testNamed.MatchString(item) {
			t.Errorf("this guarantee names no test: %s", item)
		}
	}
}

func TestBothReadmesHaveTheSameHeadingsAndCode(t *testing.T) {
	t.Parallel()
	english, korean := read(t, "../README.md"), read(t, "../README.ko.md")
	if e, k := levels(english), levels(korean); !slices.Equal(e, k) {
		t.Errorf("the headings of README.md have the levels %v, those of README.ko.md %v", e, k)
	}
	e, k := codeBlock.FindAllString(english, -1), codeBlock.FindAllString(korean, -1)
	if len(e) == 0 || len(e) != len(k) {
		t.Fatalf("README.md has %d code blocks, README.ko.md %d", len(e), len(k))
	}
	for i := range e {
		if e[i] != k[i] {
			t.Errorf("code block %d of README.ko.md differs from README.md:\n%s\n%s", i+1, e[i], k[i])
		}
	}
}

func TestTheArchitectureNamesEveryPackageAndNoOther(t *testing.T) {
	t.Parallel()
	text := codeBlock.ReplaceAllString(read(t, "../docs/architecture.md"), "")
	named, packages := map[string]bool{}, packages(t)
	for _, name := range quoted.FindAllStringSubmatch(text, -1) {
		named[name[1]] = true
		if floor(name[1]) < len(floors) && !isFolder(name[1]) {
			t.Errorf("architecture.md names %s, which does not exist", name[1])
		}
	}
	for _, path := range packages {
		if !named[path] {
			t.Errorf("architecture.md does not name the package %s", path)
		}
	}
}

func TestTheGlossaryNamesWhatExists(t *testing.T) {
	t.Parallel()
	declared := declarations(t)
	names := goName.FindAllStringSubmatch(read(t, "../docs/glossary.md"), -1)
	if len(names) == 0 {
		t.Error("glossary.md has no Go name")
	}
	for _, name := range names {
		if !declared[name[1]] {
			t.Errorf("glossary.md names %s, which does not exist", name[1])
		}
	}
}

// A metric is declared by its name without the prefixes of its namespace and
// subsystem, or by its whole name.
func TestTheMetricsThatOperationsNamesExist(t *testing.T) {
	t.Parallel()
	var code strings.Builder
	for path, text := range files(t, ".", ".go") {
		if !strings.HasSuffix(path, "_test.go") {
			code.WriteString(text)
		}
	}
	names := metric.FindAllStringSubmatch(read(t, "../docs/operations.md"), -1)
	if len(names) == 0 {
		t.Error("operations.md names no metric")
	}
	for _, name := range names {
		if !strings.Contains(code.String(), `"`+name[1]+`"`) && !strings.Contains(code.String(), `"`+name[0]+`"`) {
			t.Errorf("operations.md names the metric %s, which does not exist", name[0])
		}
	}
}

// The metrics of consumers and of the outbox are what an operator looks at first.
func TestOperationsExplainsTheMetricsOfEvents(t *testing.T) {
	t.Parallel()
	operations := read(t, "../docs/operations.md")
	names := regexp.MustCompile(`(?:counter|gauge|histogram)\("([a-z_]+)"`).FindAllStringSubmatch(read(t, "adapter/kafka/metrics.go"), -1)
	if len(names) < 10 {
		t.Errorf("metrics.go declares %v", names)
	}
	for _, name := range names {
		if !strings.Contains(operations, "commerce_"+name[1]) {
			t.Errorf("operations.md does not name the metric commerce_%s", name[1])
		}
	}
}

// Comments at the end of a line may differ.
func TestTheCodeInTheArchitectureIsThatOfCheckout(t *testing.T) {
	t.Parallel()
	code := map[string]bool{}
	for _, text := range files(t, "app/checkout", ".go") {
		for line := range strings.Lines(text) {
			code[statement(line)] = true
		}
	}
	samples := goBlock.FindAllStringSubmatch(read(t, "../docs/architecture.md"), -1)
	if len(samples) == 0 {
		t.Error("architecture.md shows no Go code")
	}
	for _, sample := range samples {
		for line := range strings.Lines(sample[1]) {
			if !code[statement(line)] {
				t.Errorf("architecture.md shows a line that app/checkout does not have: %s", line)
			}
		}
	}
}

func TestLinksBetweenDocumentsResolve(t *testing.T) {
	t.Parallel()
	for path, text := range documents(t) {
		for _, match := range link.FindAllStringSubmatch(codeBlock.ReplaceAllString(text, ""), -1) {
			if !strings.Contains(match[1], "://") && !resolves(t, path, match[1]) {
				t.Errorf("%s links to %s, which does not exist", path, match[1])
			}
		}
	}
}

// Lines of code blocks and rows of tables may be longer.
func TestLinesOfProseAreShort(t *testing.T) {
	t.Parallel()
	for path, text := range documents(t) {
		for line := range strings.Lines(codeBlock.ReplaceAllString(text, "")) {
			line = strings.TrimRight(line, "\n")
			if n := utf8.RuneCountInString(line); n > maxLine && !strings.HasPrefix(line, "|") {
				t.Errorf("%s has a line of %d characters, more than %d: %s", path, n, maxLine, line)
			}
		}
	}
}

var (
	newFault   = regexp.MustCompile(`fault\.New\(fault\.(\w+), "([A-Z_]+)",`)
	newProblem = regexp.MustCompile(`newProblem\([^"\n]*, "([A-Z_]+)",`)
	codeRow    = regexp.MustCompile("(?m)^\\| `([A-Z_]+)` \\| (?:(\\d+) \\| )?")
)

// statusOfKind is the status of the answer to a fault.
func statusOfKind() map[string]string {
	return map[string]string{
		"Invalid": "400", "Unauthenticated": "401", "Forbidden": "403", "NotFound": "404", "Conflict": "409", "Gone": "410",
		"Unprocessable": "422", "TooMany": "429", "Internal": "500", "Unavailable": "503",
	}
}

// The page explains each code of the sources, with its status, and no other.
func TestEveryErrorCodeIsExplained(t *testing.T) {
	t.Parallel()
	explained := map[string]string{}
	for _, row := range codeRow.FindAllStringSubmatch(read(t, "../docs/errors/README.md"), -1) {
		if _, twice := explained[row[1]]; twice {
			t.Errorf("docs/errors/README.md explains %s twice", row[1])
		}
		explained[row[1]] = row[2]
	}
	given := map[string]bool{"VALIDATION_FAILED": true} // package fault has it itself
	for path, text := range files(t, ".", ".go") {
		if strings.HasSuffix(path, "_test.go") || strings.Contains(path, "pgsim") {
			continue
		}
		for _, f := range newFault.FindAllStringSubmatch(text, -1) {
			given[f[2]] = true
			if status, found := explained[f[2]]; !found || status != "" && status != statusOfKind()[f[1]] {
				t.Errorf("%s: docs/errors/README.md has %s with the status %q, want %s", path, f[2], status, statusOfKind()[f[1]])
			}
		}
		for _, p := range newProblem.FindAllStringSubmatch(text, -1) {
			given[p[1]] = true
			if explained[p[1]] == "" {
				t.Errorf("%s: docs/errors/README.md does not explain %s", path, p[1])
			}
		}
	}
	for code := range explained {
		if !given[code] {
			t.Errorf("docs/errors/README.md explains %s, which nothing gives", code)
		}
	}
}
