package process_test

import (
	"strings"
	"testing"
)

func TestCommandsPrintNothingSuperfluous(t *testing.T) {
	t.Parallel()
	env := []string{"DATABASE_URL=sqlite:" + t.TempDir() + "/shop.db"}
	run := func(args ...string) string {
		t.Helper()
		code, out := command(t, env, "commerce", args...)
		if code != 0 {
			t.Fatalf("commerce %v = %d\n%s", args, code, out)
		}
		return out
	}
	if first := run("migrate"); !strings.HasPrefix(first, "VERSION") {
		t.Errorf("the first migration names no version:\n%s", first)
	}
	if again := run("migrate"); strings.Contains(again, "VERSION") || !strings.Contains(again, "0 migrations") {
		t.Errorf("the second migration has a table without a row:\n%s", again)
	}
	if out := run("seed", "--demo"); strings.ContainsRune(out, '\r') || !strings.Contains(out, "products") {
		t.Errorf("a progress bar is drawn although the output is no terminal:\n%q", out)
	}
	code, out := command(t, append(env, "REDIS_URL=redis://127.0.0.1:1"), "commerce", "ranking", "verify")
	if code != 1 || !strings.Contains(out, "127.0.0.1:1") || strings.Contains(out, "read from the database") {
		t.Errorf("without Redis: %d, or a message that is meant for servers\n%s", code, out)
	}
}
