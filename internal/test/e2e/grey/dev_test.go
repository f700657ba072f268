package grey_test

import (
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/loopers-commerce/commerce/internal/test/kit/apiclient"
	"github.com/loopers-commerce/commerce/internal/test/kit/cluster"
)

// dev is the whole shop in one process, on the data of a folder.
type dev struct {
	*testing.T
	*cluster.Program

	api        apiclient.Client
	management string
}

func startDev(t *testing.T, data string) *dev {
	t.Helper()
	port, management := cluster.FreePort(t), cluster.FreePort(t)
	d := &dev{T: t, api: apiclient.Client{URL: cluster.LoopbackURL(port)}, management: cluster.LoopbackURL(management)}
	d.Program = &cluster.Program{
		TB: t, Name: "commerce dev", Path: programs.Path(t, "commerce"), Probe: d.management + "/readyz",
		Args: []string{"dev", "--data", data, "--port", port, "--management-port", management, "--gateway-port", "0"},
	}
	d.Launch(t.Context())
	return d
}

// readiness returns an error unless the program says that it is ready.
func (d *dev) readiness() error {
	_, err := cluster.Page(d.Context(), d.management+"/readyz")
	return err
}

func (d *dev) buy(n int) apiclient.Response {
	d.Helper()
	got, err := d.api.Do(d.Context(), apiclient.Buy(7, 1).Request("ann", fmt.Sprint("order-", n)))
	if err != nil {
		d.Fatal(err)
	}
	return got
}

func (d *dev) verify(data string) {
	d.Helper()
	programs.MustRun(d.T, []string{"DATABASE_URL=sqlite:" + filepath.Join(data, "shop.db")}, "verify", "--no-board")
}

// While the disk of the data is full, reads go on, and the rest is told to come again. There is
// room again: all goes on, without a restart and after a kill.
func TestDevOnAFullDisk(t *testing.T) {
	t.Parallel()
	data := filepath.Join(t.TempDir(), "data")
	disk, err := cluster.Mount(t, data, 64, nil)
	if err != nil {
		t.Logf("ATTENTION: no disk can be mounted here, so that commerce dev on a full disk is LEFT OUT. Run the test as root. (%v)", err)
		return
	}
	t.Cleanup(func() { _ = disk.Unmount() })
	d := startDev(t, data)
	d.api.Must(t, http.StatusOK, apiclient.Charge("ann", 9_000_000).WithKey("charge"), nil)
	if err := disk.Fill(); err != nil {
		t.Fatal(err)
	}
	answered := d.fullDisk()
	if err := disk.Free(); err != nil {
		t.Fatal(err)
	}
	cluster.Eventually(t, patience, "it is ready again", d.readiness)
	d.api.Must(t, http.StatusOK, apiclient.Charge("ann", 1).WithKey("room"), nil)
	d.api.Must(t, http.StatusNoContent, apiclient.Like("ann", 7), nil)
	for n, id := range answered { // once, whether it was answered or not
		var o apiclient.Order
		d.api.Must(t, http.StatusCreated, apiclient.Buy(7, 1).Request("ann", fmt.Sprint("order-", n)), &o)
		if id != "" && o.ID != id {
			t.Errorf("order %d was %s and is %s", n, id, o.ID)
		}
	}
	if err := d.Kill(t.Context()); err != nil {
		t.Fatal(err)
	}
	d.verify(data)
	d = startDev(t, data)
	d.api.Must(t, http.StatusOK, apiclient.View("", 7), nil)
	d.Stop()
	d.verify(data)
}

// fullDisk buys until nothing can be written any more, and a while longer. It returns the
// orders by number; those that were refused have no id.
func (d *dev) fullDisk() (answered []string) {
	d.Helper()
	const most, more = 1500, 40
	for refused := 0; refused < more && len(answered) < most; {
		got := d.buy(len(answered))
		var o apiclient.Order
		switch {
		case got.Status == http.StatusCreated:
			if err := got.Decode(&o); err != nil {
				d.Error(err)
			}
		case got.Status == http.StatusServiceUnavailable && got.RetryAfter != "":
			refused++
		default:
			d.Fatalf("order %d: %v, Retry-After: %q", len(answered), got, got.RetryAfter)
		}
		answered = append(answered, o.ID)
		if refused == 1 {
			d.awaitNotReady()
		}
	}
	d.reads()
	d.Logf("%d orders on a full disk", len(answered))
	return answered
}

func (d *dev) awaitNotReady() {
	d.Helper()
	began := time.Now()
	cluster.Eventually(d.T, patience, "it says that it is not ready", func() error {
		if d.readiness() == nil {
			return errors.New("it is ready")
		}
		return nil
	})
	d.Logf("not ready %v after the first refusal", time.Since(began).Round(time.Millisecond))
}

func (d *dev) reads() {
	d.Helper()
	for _, q := range []apiclient.Request{
		apiclient.Get("", "/api/v1/products"), apiclient.Get("", "/api/v1/products?sort=price_asc"), apiclient.View("", 8), apiclient.Points("ann"),
		apiclient.Get("ann", "/api/v1/orders"),
	} {
		d.api.Must(d.T, http.StatusOK, q, nil)
	}
}

// Root may write everywhere, so another user starts the program.
func TestDevOnAFolderThatMayOnlyBeRead(t *testing.T) {
	t.Parallel()
	data := t.TempDir()
	startDev(t, data).Stop()
	for _, path := range []string{data, filepath.Join(data, "shop.db"), filepath.Join(data, "kafka"), filepath.Join(data, "lock")} {
		if err := os.Chmod(path, 0o555); err != nil { //nolint:gosec // that is the point
			t.Fatal(err)
		}
	}
	cmd := exec.CommandContext(t.Context(), programs.Path(t, "commerce"), "dev", "--data", data, "--port", "0", "--management-port", "0", "--gateway-port", "0")
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: cluster.Unprivileged(t)}
	out, err := cmd.CombinedOutput()
	if cmd.ProcessState.ExitCode() != 1 || !strings.Contains(string(out), data) || !strings.Contains(string(out), "permission denied") {
		t.Errorf("%v:\n%s", err, out)
	}
}

// The line that dev prints for commands can be pasted into a shell, whatever the folder is called.
func TestTheLineForCommandsCanBePasted(t *testing.T) {
	t.Parallel()
	data := filepath.Join(t.TempDir(), `my data#1 & 'that' $HOME "more"; true`)
	d := startDev(t, data)
	var line string
	cluster.Eventually(t, patience, "the program says what commands need", func() error {
		_, after, found := strings.Cut(d.Output(), "for commands")
		line, _, _ = strings.Cut(after, "\n")
		if !found {
			return errors.New(d.Output())
		}
		return nil
	})
	cmd := exec.CommandContext(t.Context(), "bash", "-c", strings.TrimSpace(line)+"\nexec \"$0\" verify --wait 60s", programs.Path(t, "commerce"))
	cmd.Env = []string{"HOME=" + t.TempDir()}
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%v:\n%s\n%s", err, line, out)
	}
}
