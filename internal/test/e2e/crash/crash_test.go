package crash_test

import (
	"context"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/loopers-commerce/commerce/internal/test/kit/cluster"
)

// What is drawn from the seed, each by dice of its own.
const (
	luckOfVillain = iota
	luckOfFile
	luckOfPlan
)

// perBlow is how much time there is for each blow, on average: enough that the
// shop works in between, little enough that blows meet.
const perBlow = 3500 * time.Millisecond

// bin is where the programs were built.
var bin string

func TestMain(m *testing.M) { os.Exit(cluster.Main(m, &bin)) }

func TestWhateverIsKilledNothingAnsweredIsLostOrDoneTwice(t *testing.T) {
	t.Parallel()
	seed := number(t, "CRASH_SEED", rand.Uint64N(1_000_000))
	lines := int(number(t, "CRASH_LINES", 4_000))
	kills := int(number(t, "CRASH_KILLS", 8))
	t.Logf("to repeat it: CRASH_SEED=%d CRASH_LINES=%d CRASH_KILLS=%d", seed, lines, kills)
	dice := func(luck uint64) *rand.Rand { return rand.New(rand.NewPCG(seed, luck)) }

	s := open(t)
	ctx, cancel := context.WithTimeout(t.Context(), 4*time.Minute+patience+4*time.Duration(kills)*perBlow)
	defer cancel()
	read := invoices(t, dice(luckOfFile), lines)
	s.commerce(ctx, "migrate")
	s.commerce(ctx, "seed", "--online-retail", csvOf(t, read))
	s.start(ctx)
	acts := plan(dice(luckOfPlan), s.shelf(ctx), s.offers(ctx), read)
	blows := schedule(dice(luckOfVillain), int64(len(acts)), kills)
	for _, b := range blows {
		t.Log(b)
	}

	c, v := s.storm(ctx, seed, acts, blows)
	if v.kills < kills || v.freezes < fewest {
		t.Errorf("%d kills and %d freezes: the villain was to deal %d", v.kills, v.freezes, len(blows))
	}
	t.Logf("%d requests were answered, %d of them again under their key; %d tries were not heard, and refused: %v; %d kills and %d freezes",
		len(acts), c.repeated, c.unheard, c.refused, v.kills, v.freezes)
	s.settleCards(ctx)
	acts = append(acts, s.sound(ctx, c, acts)...)
	s.settle(ctx)
	if err := c.again(ctx, acts); err != nil {
		t.Error(err)
	}
	s.checkCards(ctx, acts)
	s.checkBooks(ctx, acts)
	s.checkTopics(ctx, acts)
	s.checkStop(ctx)
}

// number reads a number from the environment.
func number(t *testing.T, name string, otherwise uint64) uint64 {
	t.Helper()
	text := os.Getenv(name)
	if text == "" {
		return otherwise
	}
	n, err := strconv.ParseUint(text, 10, 32)
	if err != nil {
		t.Fatalf("%s=%q: must be a number", name, text)
	}
	return n
}

// shop is two of each program, and a gateway, on servers of their own.
type shop struct {
	t        *testing.T
	env      []string
	brokers  []string
	database *pgxpool.Pool
	doors    [2]string
	gateway  cluster.Gateway
	programs []*cluster.Program
	victims  map[string]*victim
	logins   map[string]string // by id of the user
}

func open(t *testing.T) *shop {
	t.Helper()
	s := &shop{t: t, victims: map[string]*victim{}}
	ports := map[string]string{}
	for _, name := range []string{"postgres", "kafka", "controller", "redis"} {
		ports[name] = cluster.FreePort(t)
	}
	s.brokers = []string{"127.0.0.1:" + ports["kafka"]}
	address := "postgres://commerce@127.0.0.1:" + ports["postgres"] + "/commerce?sslmode=disable"
	s.victims["postgres"] = &victim{mortal: cluster.NewServer(t, "postgres", "PG_PORT="+ports["postgres"])}
	s.victims["redis"] = &victim{mortal: cluster.NewServer(t, "redis", "REDIS_PORT="+ports["redis"])}
	s.victims["kafka"] = &victim{mortal: cluster.NewServer(t, "kafka", "KAFKA_PORT="+ports["kafka"], "KAFKA_CONTROLLER_PORT="+ports["controller"])}
	s.env = []string{
		"DATABASE_URL=" + address, "KAFKA_BROKERS=" + s.brokers[0], "REDIS_URL=redis://127.0.0.1:" + ports["redis"] + "/0",
		"AUTH_JWT_SECRET=" + strings.Repeat("k", 32), "AUTH_TRUST_USER_HEADER=true", "HOST=127.0.0.1", "LOG_FORMAT=json",
	}
	var err error
	if s.database, err = pgxpool.New(t.Context(), address); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.database.Close)
	return s
}

// commerce runs a command, which must succeed, and returns what it printed.
func (s *shop) commerce(ctx context.Context, args ...string) string {
	s.t.Helper()
	cmd := exec.CommandContext(ctx, filepath.Join(bin, "commerce"), args...)
	cmd.Env = append([]string{"HOME=" + os.TempDir()}, s.env...)
	out, err := cmd.CombinedOutput()
	if err != nil {
		s.t.Errorf("commerce %s: %v\n%.4000s", strings.Join(args, " "), err, out)
	}
	return string(out)
}

// start starts the gateway, and two of each program.
func (s *shop) start(ctx context.Context) {
	s.t.Helper()
	s.openGateway(ctx)
	for i := range s.doors {
		port := cluster.FreePort(s.t)
		s.doors[i] = "http://127.0.0.1:" + port
		s.program(ctx, "commerce-api", "api-"+strconv.Itoa(i+1), s.doors[i]+"/api/v1/products?size=1", "PORT="+port, "PUBLIC_URL="+s.doors[i], "MANAGEMENT_PORT=0")
	}
	for i := range 2 {
		port := cluster.FreePort(s.t)
		s.program(ctx, "commerce-streamer", "streamer-"+strconv.Itoa(i+1), "http://127.0.0.1:"+port+"/healthz", "MANAGEMENT_PORT="+port)
	}
}

func (s *shop) program(ctx context.Context, name, instance, probe string, env ...string) {
	s.t.Helper()
	p := &cluster.Program{TB: s.t, Name: instance, Path: filepath.Join(bin, name), Env: append(env, s.env...), Probe: probe}
	p.Keep(ctx)
	s.programs = append(s.programs, p)
	s.victims[instance] = &victim{mortal: p}
}

// storm lets customers and villain loose, and returns when everything was
// answered and everybody is at work again.
func (s *shop) storm(ctx context.Context, seed uint64, acts []*act, blows []blow) (*customers, *villain) {
	s.t.Helper()
	v := &villain{t: s.t, victims: s.victims, blows: blows}
	c := newCustomers(s.doors, seed)
	s.t.Cleanup(c.http.CloseIdleConnections)
	c.ended, c.near = v.ended, v.near
	unhurried := max(len(acts)-2*rush*len(blows), len(acts)/4)
	c.pause = time.Duration(len(blows)) * perBlow * queues / time.Duration(unhurried)
	err := c.act(ctx, acts)
	v.under.Wait()
	if err != nil {
		s.t.Fatal(err)
	}
	return c, v
}
