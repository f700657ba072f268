package grey_test

import (
	"errors"
	"fmt"
	"net/http"
	"os/exec"
	"path/filepath"
	"strings"
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

// paste runs a command of commerce in a shell, after the line that the program prints for
// commands.
func (d *dev) paste(command string) {
	d.Helper()
	var line string
	cluster.Eventually(d.T, patience, "the program says what commands need", func() error {
		out := d.Output()
		if at := strings.LastIndex(out, "for commands"); at >= 0 { // that of the last start
			line, _, _ = strings.Cut(out[at+len("for commands"):], "\n")
			return nil
		}
		return errors.New(out)
	})
	cmd := exec.CommandContext(d.Context(), "bash", "-c", strings.TrimSpace(line)+"\nexec \"$0\" "+command, programs.Path(d.T, "commerce"))
	cmd.Env = []string{"HOME=" + d.TempDir()}
	if out, err := cmd.CombinedOutput(); err != nil {
		d.Errorf("%s: %v:\n%s\n%s", command, err, line, out)
	}
}

// mounted returns a folder on a disk of its own; nil: there can be none.
func mounted(t *testing.T) (data string, disk *cluster.Disk) {
	t.Helper()
	data = filepath.Join(t.TempDir(), "data")
	disk, err := cluster.Mount(t, data, 64, nil)
	if err != nil {
		t.Logf("ATTENTION: no disk can be mounted here, so that %s is LEFT OUT. Run the test as root. (%v)", t.Name(), err)
		return data, nil
	}
	t.Cleanup(func() { _ = disk.Unmount() })
	return data, disk
}

// While the disk of the data is full, reads go on, and the rest is told to come again. There is
// room again: all goes on, without a restart and after a kill.
func TestDevOnAFullDisk(t *testing.T) {
	t.Parallel()
	data, disk := mounted(t)
	if disk == nil {
		return
	}
	d := startDev(t, data)
	d.api.Must(t, http.StatusOK, apiclient.Charge("ann", 9_000_000).WithKey("charge"), nil)
	d.api.Must(t, http.StatusCreated, apiclient.Buy(7, 1).Request("ann", "before"), nil)
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
	d.paste("verify --wait 60s")
	if err := d.Kill(t.Context()); err != nil {
		t.Fatal(err)
	}
	d = startDev(t, data)
	d.paste("verify --wait 60s")
	d.Stop()
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

// Where nothing can be written, the program says so and ends.
func TestDevOnAFolderThatMayOnlyBeRead(t *testing.T) {
	t.Parallel()
	data, disk := mounted(t)
	if disk == nil {
		return
	}
	startDev(t, data).Stop()
	if err := disk.ReadOnly(); err != nil {
		t.Fatal(err)
	}
	code, out := programs.Run(t, nil, "commerce", "dev", "--data", data, "--port", "0", "--management-port", "0", "--gateway-port", "0")
	if code != 1 || !strings.Contains(out, data) || !strings.Contains(out, "read-only") || !strings.Contains(out, "--data") {
		t.Errorf("exit code %d:\n%s", code, out)
	}
}

// The line that dev prints for commands can be pasted into a shell, whatever the folder is called.
func TestTheLineForCommandsCanBePasted(t *testing.T) {
	t.Parallel()
	data := filepath.Join(t.TempDir(), `my data#1 & 'that' $HOME "more"; true`)
	startDev(t, data).paste("verify --wait 60s")
}
