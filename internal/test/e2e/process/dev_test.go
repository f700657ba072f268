package process_test

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/loopers-commerce/commerce/internal/test/kit/apiclient"
	"github.com/loopers-commerce/commerce/internal/test/kit/cluster"
)

// dev starts the whole shop in one process, on the data of a folder.
func dev(t *testing.T, data string, env ...string) (*cluster.Program, apiclient.Client) {
	t.Helper()
	port := cluster.FreePort(t)
	api := apiclient.Client{URL: cluster.LoopbackURL(port)}
	p := &cluster.Program{
		TB: t, Name: "commerce dev", Path: programs.Path(t, "commerce"), Env: env, Probe: api.URL + "/api/v1/products?size=1",
		Args: []string{"dev", "--data", data, "--port", port, "--management-port", "0", "--gateway-port", "0"},
	}
	p.Launch(t.Context())
	return p, api
}

// banner returns the output up to where the program says where its data is.
func banner(t *testing.T, p *cluster.Program) (out string) {
	t.Helper()
	cluster.Eventually(t, 10*time.Second, "the program says where its data is", func() error {
		if out = p.Output(); !strings.Contains(out, "for commands") {
			return errors.New(out)
		}
		return nil
	})
	return out
}

func TestDevLosesNothingWhenItIsKilled(t *testing.T) {
	t.Parallel()
	data := t.TempDir()
	p, api := dev(t, data)
	api.Must(t, http.StatusNoContent, apiclient.Like("ann", 7), nil)
	id := order(t, api, "ann", 7, 2)
	kill(t, p) // at once: the events may not have left the outbox yet

	p, api = dev(t, data)
	awaitFirst(t, api, 7)
	var o apiclient.Order
	api.Must(t, http.StatusOK, apiclient.ViewOrder("ann", id), &o)
	if o.Status != "PAID" {
		t.Errorf("order = %+v", o)
	}
	var wallet apiclient.Wallet
	api.Must(t, http.StatusOK, apiclient.Points("ann"), &wallet)
	if wallet.Balance != 500_000-2*18_500 {
		t.Errorf("balance = %d", wallet.Balance)
	}
	var product apiclient.Product
	api.Must(t, http.StatusOK, apiclient.View("", 7), &product)
	if product.LikeCount != 1 || product.Stock != 198 {
		t.Errorf("product = %+v", product)
	}
	p.Stop()
	env := []string{"DATABASE_URL=sqlite:" + filepath.Join(data, "shop.db")}
	if code, out := command(t, env, "commerce", "verify", "--no-board"); code != 0 {
		t.Errorf("verify = %d\n%s", code, out)
	}
}

func TestDevPrintsItsAddressesAndThePasswordOnce(t *testing.T) {
	t.Parallel()
	data := t.TempDir()
	p, api := dev(t, data)
	first := banner(t, p)
	for _, want := range []string{api.URL + "/api/v1", api.URL + "/docs", "/readyz", data, "password"} {
		if !strings.Contains(first, want) {
			t.Errorf("%q is missing in:\n%s", want, first)
		}
	}
	_, password, _ := strings.Cut(first, "password ")
	password, _, _ = strings.Cut(password, " ")
	api.Must(t, http.StatusCreated, apiclient.LogIn("admin", password), nil)
	brand := map[string]string{"name": "New", "description": ""}
	api.Must(t, http.StatusCreated, apiclient.Post("admin", "/admin/v1/brands", brand).WithKey("brand"), nil)
	p.Stop()
	p, _ = dev(t, data)
	if again := banner(t, p); strings.Contains(again, "password") {
		t.Errorf("the second start prints the password again:\n%s", again)
	}
}

func TestDevSignsSessionsWithTheConfiguredKey(t *testing.T) {
	t.Parallel()
	data := t.TempDir()
	p, api := dev(t, data, "AUTH_JWT_SECRET="+strings.Repeat("a", 32))
	api.Must(t, http.StatusCreated, apiclient.SignUp("dan"), nil)
	var session apiclient.Session
	api.Must(t, http.StatusCreated, apiclient.LogIn("dan", apiclient.Password), &session)
	for key, want := range map[string]int{"a": http.StatusOK, "b": http.StatusUnauthorized} {
		p.Stop()
		p, api = dev(t, data, "AUTH_JWT_SECRET="+strings.Repeat(key, 32))
		got, err := api.Do(t.Context(), apiclient.Get("", "/api/v1/users/me").WithToken(session.Token))
		if err != nil || got.Status != want {
			t.Errorf("with the key %s: %v, %v, want %d", key, got, err, want)
		}
	}
}

func TestDevRefusesAFolderThatIsInUse(t *testing.T) {
	t.Parallel()
	data := t.TempDir()
	dev(t, data)
	code, out := command(t, nil, "commerce", "dev", "--data", data, "--port", "0", "--management-port", "0", "--gateway-port", "0")
	if code != 1 || !strings.Contains(out, "in use by another") || !strings.Contains(out, "--data") {
		t.Errorf("exit code %d:\n%s", code, out)
	}
}

func TestDevRefusesAPortThatIsInUse(t *testing.T) {
	t.Parallel()
	_, api := dev(t, t.TempDir())
	_, port, _ := strings.Cut(strings.TrimPrefix(api.URL, "http://"), ":")
	code, out := command(t, nil, "commerce", "dev", "--data", t.TempDir(), "--port", port, "--management-port", "0", "--gateway-port", "0")
	if code != 1 || !strings.Contains(out, "--port") {
		t.Errorf("exit code %d:\n%s", code, out)
	}
}

// What an order did, from its request to the ranking, is shown by the process itself.
func TestDevShowsTheTraceOfAnOrder(t *testing.T) {
	t.Parallel()
	p, api := dev(t, t.TempDir())
	order(t, api, "ann", 7, 2)
	_, after, _ := strings.Cut(banner(t, p), "traces")
	traces := strings.Fields(after)[0]
	cluster.Eventually(t, 10*time.Second, "the trace has the streamer's part", func() error {
		list := text(t, traces)
		placed := regexp.MustCompile(`(\w{32})  POST /api/v1/orders\n`).FindStringSubmatch(list)
		if placed == nil {
			return errors.New(list)
		}
		tree := text(t, traces+"/"+placed[1])
		for _, span := range []string{
			"ms  POST /api/v1/orders\n", "ms    place order\n", "ms      commit orders\n", "ms        update\n", "ms      send order-events\n",
			"  process order-events by ranking\n", "  write scores\n",
		} {
			if !strings.Contains(tree, span) {
				return fmt.Errorf("no %q in\n%s", span, tree)
			}
		}
		return nil
	})
}

// text gets a page of text.
func text(t *testing.T, url string) string {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = answer.Body.Close() }()
	body, err := io.ReadAll(answer.Body)
	if err != nil || answer.StatusCode != http.StatusOK {
		t.Fatalf("%s answers %d, %v: %s", url, answer.StatusCode, err, body)
	}
	return string(body)
}
