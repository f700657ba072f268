package main

import (
	"strings"
	"testing"
)

// run reads the events and returns what is printed, and the error of the run.
func run(t *testing.T, events ...string) (string, error) {
	t.Helper()
	var out strings.Builder
	r := newReport(&out)
	if err := r.read(strings.NewReader(strings.Join(events, "\n") + "\n")); err != nil {
		t.Fatal(err)
	}
	err := r.finish()
	return out.String(), err
}

const (
	good    = `{"Action":"run","Package":"x/a","Test":"TestGood"}` + "\n" + `{"Action":"output","Package":"x/a","Test":"TestGood","Output":"chatter\n"}` + "\n" + `{"Action":"pass","Package":"x/a","Test":"TestGood","Elapsed":1.5}`
	goodPkg = `{"Action":"output","Package":"x/a","Output":"ok  \tx/a\t1.6s\n"}` + "\n" + `{"Action":"pass","Package":"x/a","Elapsed":1.6}`
	bad     = `{"Action":"output","Package":"x/a","Test":"TestBad","Output":"got 1, want 2\n"}` + "\n" + `{"Action":"fail","Package":"x/a","Test":"TestBad","Elapsed":0.1}`
	badPkg  = `{"Action":"output","Package":"x/a","Output":"FAIL\tx/a\t1.6s\n"}` + "\n" + `{"Action":"fail","Package":"x/a","Elapsed":1.6}`
)

func TestASuccessfulRunIsShort(t *testing.T) {
	t.Parallel()
	got, err := run(t, good, goodPkg)
	want := "ok  \tx/a\t1.6s\n\nThe 1 slowest tests:\n    1.50s  a TestGood\n\n1 passed, 0 failed, 0 skipped\n"
	if err != nil || got != want {
		t.Errorf("printed %q, %v; want %q", got, err, want)
	}
}

func TestFailuresAreShownAndFailTheRun(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ events, want string }{
		"a test":                          {bad + "\n" + badPkg, "got 1, want 2\nFAIL\tx/a"},
		"a panic outside of a test":       {`{"Action":"output","Package":"x/a","Output":"panic: no\n"}` + "\n" + badPkg, "panic: no\nFAIL\tx/a"},
		"a test that never ended":         {`{"Action":"output","Package":"x/a","Test":"TestHangs","Output":"stuck\n"}` + "\n" + badPkg, "stuck\nFAIL\tx/a"},
		"a build":                         {`{"ImportPath":"x/b","Action":"build-output","Output":"b.go:1: no\n"}` + "\n" + `{"ImportPath":"x/b","Action":"build-fail"}` + "\n" + `{"Action":"fail","Package":"x/b","FailedBuild":"x/b"}`, "b.go:1: no\n"},
		"a race under a test that passed": {`{"Action":"output","Package":"x/a","Test":"TestRace","Output":"WARNING: DATA RACE\n"}` + "\n" + `{"Action":"pass","Package":"x/a","Test":"TestRace"}` + "\n" + badPkg, "WARNING: DATA RACE\nFAIL\tx/a"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := run(t, good, c.events)
			if err == nil || !strings.Contains(got, c.want) || !strings.Contains(got, "\n1 passed, 1 failed") && !strings.Contains(got, "\n2 passed, 1 failed") || strings.Contains(got, "chatter") {
				t.Errorf("printed %q, %v; want %q in it", got, err, c.want)
			}
		})
	}
}

func TestARunWithoutTestsFails(t *testing.T) {
	t.Parallel()
	if _, err := run(t, ""); err == nil {
		t.Error("no error")
	}
}

func TestLinesThatAreNoEventsArePrinted(t *testing.T) {
	t.Parallel()
	if got, _ := run(t, "go: downloading x v1", good, goodPkg); !strings.HasPrefix(got, "go: downloading x v1\n") {
		t.Errorf("printed %q", got)
	}
}

func TestATestWithSubtestsIsNotCounted(t *testing.T) {
	t.Parallel()
	got, err := run(t, `{"Action":"run","Package":"x/a","Test":"TestGood/sub"}`, `{"Action":"pass","Package":"x/a","Test":"TestGood/sub","Elapsed":1}`, good, goodPkg)
	if err != nil || !strings.Contains(got, "1.00s  a TestGood/sub\n\n1 passed") {
		t.Errorf("printed %q, %v", got, err)
	}
}

func TestAFailedSubtestIsCountedOnce(t *testing.T) {
	t.Parallel()
	got, err := run(t, `{"Action":"run","Package":"x/a","Test":"TestBad/sub"}`, `{"Action":"fail","Package":"x/a","Test":"TestBad/sub"}`, bad, badPkg)
	if err == nil || !strings.Contains(got, "FAILED: x/a TestBad/sub\n\n0 passed, 1 failed") {
		t.Errorf("printed %q, %v", got, err)
	}
}

func TestATestThatFailsBesideItsSubtestsIsCounted(t *testing.T) {
	t.Parallel()
	got, err := run(t, `{"Action":"run","Package":"x/a","Test":"TestBad/sub"}`, `{"Action":"pass","Package":"x/a","Test":"TestBad/sub"}`, bad, badPkg)
	if err == nil || !strings.Contains(got, "FAILED: x/a TestBad\n\n1 passed, 1 failed") {
		t.Errorf("printed %q, %v", got, err)
	}
}

func TestOnlyTheSlowestTestsAreListed(t *testing.T) {
	t.Parallel()
	var events []string
	for i := range 12 {
		events = append(events, `{"Action":"pass","Package":"x/a","Test":"Test`+string(rune('A'+i))+`","Elapsed":`+string(rune('0'+i%10))+`}`)
	}
	got, err := run(t, events...)
	if n := strings.Count(got, "s  a Test"); err != nil || n != slowest || !strings.Contains(got, "12 passed") {
		t.Errorf("%d tests are listed: %q, %v", n, got, err)
	}
}
