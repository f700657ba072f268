package process_test

import (
	"database/sql"
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

// A shop that was there before loginIds and brands were compared without their case.
func TestMigrateListsWhatIsTheSameInAnotherForm(t *testing.T) {
	t.Parallel()
	path := t.TempDir() + "/shop.db"
	env := []string{"DATABASE_URL=sqlite:" + path}
	check := func(want int) string {
		t.Helper()
		code, out := command(t, env, "commerce", "migrate", "--check")
		if code != want {
			t.Fatalf("commerce migrate --check = %d, want %d\n%s", code, want, out)
		}
		return out
	}
	check(0) // there are no tables
	if code, out := command(t, env, "commerce", "migrate"); code != 0 {
		t.Fatal(out)
	}
	if out := check(0); !strings.Contains(out, "No texts are the same") {
		t.Error(out)
	}
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	const older = `INSERT INTO brands (name, description) VALUES ('Cafe', ''), (' CAFE', '')` // as a program of the version before does
	if _, err := db.ExecContext(t.Context(), older); err != nil {
		t.Fatal(err)
	}
	out := check(1)
	for _, part := range []string{"brands.name", `" CAFE"`, `"Cafe"`, "UPDATE brands SET name"} {
		if !strings.Contains(out, part) {
			t.Errorf("%s is not named:\n%s", part, out)
		}
	}
	if code, out := command(t, env, "commerce", "migrate", "--check", "--json"); code != 1 || !strings.Contains(out, `"olderText": "Cafe"`) {
		t.Errorf("%d\n%s", code, out)
	}
	if _, err := db.ExecContext(t.Context(), `UPDATE brands SET name = 'Cafe 2' WHERE name = ' CAFE'`); err != nil {
		t.Fatal(err)
	}
	check(0)
}
