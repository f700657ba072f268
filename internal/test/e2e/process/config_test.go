package process_test

import (
	"strings"
	"testing"
)

func TestEveryProgramReportsAllConfigurationErrorsAndExits2(t *testing.T) {
	t.Parallel()
	for program, args := range map[string][]string{
		"commerce-api": nil, "commerce-streamer": nil, "commerce": {"verify"}, "commerce-batch": {"schedule"},
	} {
		t.Run(program, func(t *testing.T) {
			t.Parallel()
			env := []string{"REDIS_URL=nowhere", "LOG_LEVEL=loud"}
			code, out := command(t, env, program, args...)
			if code != 2 {
				t.Errorf("exit code %d", code)
			}
			for _, want := range []string{"DATABASE_URL", "REDIS_URL", "LOG_LEVEL"} {
				if !strings.Contains(out, want) {
					t.Errorf("%s is missing in:\n%s", want, out)
				}
			}
		})
	}
}

func TestDaysWithoutARankingAreRefused(t *testing.T) {
	t.Parallel()
	for _, days := range []string{"0", "-1", "9", "all"} {
		for _, check := range [][]string{{"verify"}, {"ranking", "verify"}, {"ranking", "rebuild"}} {
			env := []string{"DAYS=" + days, "LOG_FORMAT=prose"}
			code, out := command(t, env, "commerce", check...)
			if code != 2 || !strings.Contains(out, "DAYS") || !strings.Contains(out, "LOG_FORMAT") || !strings.Contains(out, "DATABASE_URL") {
				t.Errorf("%v = %d\n%s", check, code, out)
			}
		}
	}
}

func TestEveryProgramHasHelp(t *testing.T) {
	t.Parallel()
	for program, args := range map[string][]string{
		"commerce-api": {"--help"}, "commerce-streamer": {"--help"}, "pg-simulator": {"--help"},
		"commerce": {"dev", "--help"}, "commerce-batch": {"schedule", "--help"},
	} {
		code, out := command(t, nil, program, args...)
		if code != 0 || !strings.Contains(out, "[MANAGEMENT_PORT]") {
			t.Errorf("%s = %d\n%s", program, code, out)
		}
	}
	if code, out := command(t, nil, "commerce"); code != 0 || !strings.Contains(out, "ranking rebuild") {
		t.Errorf("commerce alone = %d\n%s", code, out)
	}
}

func TestAnUnknownCommandExits2(t *testing.T) {
	t.Parallel()
	if code, out := command(t, nil, "commerce", "verfy"); code != 2 || !strings.Contains(out, "verfy") {
		t.Errorf("exit code %d:\n%s", code, out)
	}
}

func TestAProgramOnAnOldSchemaSaysWhichCommandToRun(t *testing.T) {
	t.Parallel()
	env := []string{"DATABASE_URL=sqlite:" + t.TempDir() + "/empty.db"}
	if code, out := command(t, env, "commerce-streamer"); code != 1 || !strings.Contains(out, "commerce migrate") {
		t.Errorf("exit code %d:\n%s", code, out)
	}
}
