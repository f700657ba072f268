package process_test

import (
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/loopers-commerce/commerce/internal/test/kit/cluster"
	"github.com/loopers-commerce/commerce/internal/test/kit/pgtest"
	"github.com/loopers-commerce/commerce/internal/test/kit/storetest"
)

// purges is a shop with many marks of old events, which a job purges in chunks of 1,000.
type purges struct {
	*testing.T

	env   []string
	db    *pgtest.DB
	marks int64
}

const purge = "handledEventPurgeJob"

func newPurges(t *testing.T, marks int64) *purges {
	t.Helper()
	address := storetest.Schema(t)
	p := &purges{t, []string{"DATABASE_URL=" + address, "REDIS_URL=" + os.Getenv("TEST_REDIS_URL")}, pgtest.Open(t, address), marks}
	if code, out := command(t, p.env, "commerce", "migrate"); code != 0 {
		t.Fatal(out)
	}
	_, err := p.db.Pool.Exec(t.Context(), `
		INSERT INTO event_handled (consumer, event_id, at_us)
		SELECT 'ranking', ('01700000-0000-7000-8000-' || lpad(to_hex(n), 12, '0'))::uuid, 0 FROM generate_series(1, $1::bigint) n`, marks)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// begin starts the job as a process and returns when it is in the middle.
func (p *purges) begin() *cluster.Program {
	p.Helper()
	job := start(p.T, p.env, "commerce-batch", "run", purge)
	err := cluster.Await(p.Context(), time.Minute, "the job is in the middle", func() error {
		if done := p.written(); done < 2_000 || done == p.marks {
			return fmt.Errorf("%d marks are purged", done)
		}
		return nil
	})
	if err != nil {
		p.Fatal(err)
	}
	return job
}

func (p *purges) written() int64 {
	p.Helper()
	return p.db.Count(p.Context(), `SELECT COALESCE(SUM(items_written), 0)::bigint FROM job_partitions`)
}

func (p *purges) run(want int, args ...string) string {
	p.Helper()
	code, out := command(p.T, p.env, "commerce-batch", args...)
	if code != want {
		p.Fatalf("commerce-batch %s = %d, want %d\n%s", strings.Join(args, " "), code, want, out)
	}
	return out
}

// execution is an execution in the output of history.
type execution struct{ ID, Run, Status, ExitCode, Message string }

func (p *purges) history() (all []execution) {
	p.Helper()
	if err := json.Unmarshal([]byte(p.run(0, "history", "--json", "--job", purge)), &all); err != nil {
		p.Fatal(err)
	}
	return all
}

// check demands that every mark was purged once, in one run of two executions of which
// the first has ended as given.
func (p *purges) check(status, exitCode string) {
	p.Helper()
	if left, done := p.db.Count(p.Context(), `SELECT COUNT(*) FROM event_handled`), p.written(); left != 0 || done != p.marks {
		p.Errorf("%d marks are left, %d were counted, want 0 and %d", left, done, p.marks)
	}
	steps := p.db.Count(p.Context(), `SELECT SUM(items_written)::bigint FROM job_steps`)
	second := p.db.Count(p.Context(), `SELECT items_written FROM job_steps ORDER BY execution_id DESC LIMIT 1`)
	if steps != p.marks || second == p.marks || second == 0 {
		p.Errorf("the two executions have purged %d marks, the second one %d of them", steps, second)
	}
	all := p.history()
	if len(all) != 2 || all[0].Status != "COMPLETED" || all[1].Status != status || all[1].ExitCode != exitCode || all[0].Run != all[1].Run {
		p.Errorf("%+v", all)
	}
}

// spring-batch 3127: the execution stays STARTED for ever, and cannot be restarted.
func TestAJobThatIsKilledRestartsAtOnceWhereItStopped(t *testing.T) {
	t.Parallel()
	p := newPurges(t, 200_000)
	kill(t, p.begin())
	began := time.Now()
	out := p.run(0, "run", purge)
	t.Logf("restarted and completed within %v\n%s", time.Since(began), out)
	p.check("FAILED", "DIED")
	if shown := p.run(0, "show", p.history()[1].ID); !strings.Contains(shown, "its process ended") || !strings.Contains(shown, "DIED") {
		t.Errorf("show says:\n%s", shown)
	}
}

// The process wakes after its successor has done the work.
func TestAJobThatIsFrozenCannotCommitAfterItsSuccessor(t *testing.T) {
	t.Parallel()
	p := newPurges(t, 200_000)
	frozen := p.begin()
	if err := frozen.Freeze(); err != nil {
		t.Fatal(err)
	}
	p.run(0, "run", purge)
	if err := frozen.Thaw(); err != nil {
		t.Fatal(err)
	}
	if code := frozen.Wait(time.Minute); code != 1 || !strings.Contains(frozen.Output(), "another process has taken over") {
		t.Errorf("the frozen process ends with %d\n%s", code, frozen.Output())
	}
	p.check("FAILED", "DIED")
}

func TestAJobThatIsStoppedBySIGTERMGoesOnLater(t *testing.T) {
	t.Parallel()
	p := newPurges(t, 200_000)
	if code := p.begin().EndBy(syscall.SIGTERM); code != 3 {
		t.Errorf("exit code %d", code)
	}
	p.run(0, "run", purge)
	p.check("STOPPED", "STOPPED")
}

func TestAJobThatRunsIsRefusedAndCanBeStopped(t *testing.T) {
	t.Parallel()
	p := newPurges(t, 400_000)
	job := p.begin()
	if out := p.run(4, "run", purge, "--by", "kim"); !strings.Contains(out, "running since") {
		t.Errorf("a job that runs:\n%s", out)
	}
	if out := p.run(0, "stop", purge); !strings.Contains(out, "STOPPED") {
		t.Errorf("stop says:\n%s", out)
	}
	if code := job.Wait(time.Minute); code != 3 {
		t.Errorf("the stopped job ends with %d", code)
	}
	p.run(0, "run", purge)
	p.check("STOPPED", "STOPPED")
	p.run(1, "stop", purge)
}

func TestTheSchedulerRunsJobsAndShowsItsWork(t *testing.T) {
	t.Parallel()
	p := newPurges(t, 3_000)
	port := cluster.FreePort(t)
	s := &cluster.Service{ManagementURL: "http://127.0.0.1:" + port}
	s.Program = &cluster.Program{
		TB: t, Name: "scheduler", Path: programs.Path(t, "commerce-batch"), Args: []string{"schedule"}, Probe: s.ManagementURL + "/readyz",
		Env: append([]string{"MANAGEMENT_PORT=" + port, "TZ=America/New_York", "SCHEDULES=handledEventPurge=every 2s;rankingVerify=off"}, p.env...),
	}
	s.Launch(t.Context())
	name := `commerce_batch_job_executions_total{job="` + purge + `",status="COMPLETED"}`
	err := cluster.Await(t.Context(), time.Minute, "the job was run", func() error {
		if n := s.Metric(t.Context(), name); n < 2 {
			return fmt.Errorf("%s is %v", name, n)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if n := s.Metric(t.Context(), `commerce_batch_job_items_total{job="`+purge+`",kind="written",step="purge"}`); n != 3_000 {
		t.Errorf("%v marks were purged", n)
	}
	if at := s.Metric(t.Context(), `commerce_batch_job_last_success_timestamp_seconds{job="`+purge+`"}`); time.Since(time.Unix(int64(at), 0)) > time.Minute {
		t.Errorf("the last success was at %v", at)
	}
	s.Stop()
	if held := p.db.Column(t.Context(), `SELECT name FROM leases WHERE until_us > 0`); len(held) > 0 {
		t.Errorf("leases are still held: %v", held)
	}
}

func TestBadCommandLinesOfJobsSayWhatIsWrong(t *testing.T) {
	t.Parallel()
	path := t.TempDir() + "/shop.db"
	env := []string{"DATABASE_URL=sqlite:" + path}
	if code, out := command(t, env, "commerce", "migrate"); code != 0 {
		t.Fatal(out)
	}
	for _, c := range []struct {
		args, want string
		code       int
	}{
		{"run", "expected", 2},
		{"run purge", "there are idempotencyKeyPurgeJob, handledEventPurgeJob", 2},
		{"run jobHistoryPurgeJob colour=red", "it has days", 2},
		{"run jobHistoryPurgeJob --colour red", "commerce-batch run jobHistoryPurgeJob --help", 2},
		{"run jobHistoryPurgeJob 30", "give name=value", 2},
		{"run jobHistoryPurgeJob days=1 days=2", "given twice", 2},
		{"run jobHistoryPurgeJob --days 0", "give 1 to", 2},
		{"run jobHistoryPurgeJob --partitions 0", "PARTITIONS", 2},
		{"run verifyJob --wait soon", "give one like 10s", 2},
		{"history --job purge", "there is no job", 2},
		{"history --limit 0", "LIMIT", 2},
		{"show 5", "is not an id", 2},
		{"show 01a2209b-b49b-7a08-921d-119c2acc13d8", "commerce-batch history", 1},
		{"stop purge", "there is no job", 2},
		{"stop handledEventPurgeJob", "is not running", 1},
		{"schedule --schedules purge=off", "there is no schedule", 2},
		{"schedule --schedules handledEventPurge=sometimes", "no rule for due times", 2},
		{"run jobHistoryPurgeJob --days 30", "COMPLETED", 0},
		{"run jobHistoryPurgeJob --help", "--days", 0},
	} {
		code, out := command(t, env, "commerce-batch", strings.Fields(c.args)...)
		if code != c.code || !strings.Contains(out, c.want) {
			t.Errorf("commerce-batch %s = %d, want %d and %q\n%s", c.args, code, c.code, c.want, out)
		}
	}
}
