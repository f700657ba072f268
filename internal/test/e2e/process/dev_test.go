package process_test

import (
	"errors"
	"fmt"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// dev starts the shop in one process on the folder.
func dev(t *testing.T, data string, env ...string) (*process, door) {
	t.Helper()
	port := freePort(t)
	p := start(t, env, "commerce", "dev", "--data", data, "--port", port, "--management-port", "0", "--gateway-port", "0")
	d := at(port)
	d.awaitOpen(t)
	return p, d
}

// purse is what a customer sees of themself.
type purse struct{ Balance int64 }

func TestDevLosesNothingWhenItIsKilled(t *testing.T) {
	t.Parallel()
	data := t.TempDir()
	p, d := dev(t, data)
	d.must(t, http.StatusNoContent, "ann", http.MethodPost, "/api/v1/products/7/likes", "", nil)
	var order struct{ ID string }
	d.must(t, http.StatusCreated, "ann", http.MethodPost, "/api/v1/orders", `{"items":[{"productId":7,"quantity":2}]}`, &order)
	p.kill() // at once: the events may not have left the outbox yet

	p, d = dev(t, data)
	d.awaitFirst(t, 7)
	var kept struct{ Status string }
	d.must(t, http.StatusOK, "ann", http.MethodGet, "/api/v1/orders/"+order.ID, "", &kept)
	if kept.Status != "PAID" {
		t.Errorf("order = %+v", kept)
	}
	var wallet purse
	d.must(t, http.StatusOK, "ann", http.MethodGet, "/api/v1/points", "", &wallet)
	if wallet.Balance != 500_000-2*18_500 {
		t.Errorf("balance = %d", wallet.Balance)
	}
	var product struct{ LikeCount, Stock int64 }
	d.must(t, http.StatusOK, "", http.MethodGet, "/api/v1/products/7", "", &product)
	if product.LikeCount != 1 || product.Stock != 198 {
		t.Errorf("product = %+v", product)
	}
	if code := p.stop(t); code != 0 {
		t.Errorf("SIGTERM: exit code %d", code)
	}
	env := []string{"DATABASE_URL=sqlite:" + filepath.Join(data, "shop.db")}
	if code, out := command(t, env, "commerce", "verify", "--no-board"); code != 0 {
		t.Errorf("verify = %d\n%s", code, out)
	}
}

func TestDevPrintsWhereThingsAreAndThePasswordOnce(t *testing.T) {
	t.Parallel()
	data := t.TempDir()
	p, d := dev(t, data)
	first := p.welcome(t)
	for _, want := range []string{string(d) + "/api/v1", string(d) + "/docs", "/readyz", data, "password"} {
		if !strings.Contains(first, want) {
			t.Errorf("no word of %q in:\n%s", want, first)
		}
	}
	_, password, _ := strings.Cut(first, "password ")
	password, _, _ = strings.Cut(password, " ")
	d.must(t, http.StatusCreated, "", http.MethodPost, "/api/v1/sessions",
		fmt.Sprintf(`{"loginId":"admin","password":%q}`, password), nil)
	d.must(t, http.StatusCreated, "admin", http.MethodPost, "/admin/v1/brands", `{"name":"New","description":""}`, nil)
	p.stop(t)
	p, _ = dev(t, data)
	if again := p.welcome(t); strings.Contains(again, "password") {
		t.Errorf("the password is told again:\n%s", again)
	}
}

func TestDevSignsSessionsWithTheKeyItIsGiven(t *testing.T) {
	t.Parallel()
	data := t.TempDir()
	p, d := dev(t, data, "AUTH_JWT_SECRET="+strings.Repeat("a", 32))
	d.must(t, http.StatusCreated, "", http.MethodPost, "/api/v1/users",
		`{"loginId":"dan","email":"dan@example.com","birthDate":"1999-12-31","gender":"MALE","password":"correct horse"}`, nil)
	var session struct{ Token string }
	d.must(t, http.StatusCreated, "", http.MethodPost, "/api/v1/sessions", `{"loginId":"dan","password":"correct horse"}`, &session)
	for key, want := range map[string]int{"a": http.StatusOK, "b": http.StatusUnauthorized} {
		p.stop(t)
		p, d = dev(t, data, "AUTH_JWT_SECRET="+strings.Repeat(key, 32))
		if got := d.status(t, session.Token, "/api/v1/users/me"); got != want {
			t.Errorf("with the key %s: status %d, want %d", key, got, want)
		}
	}
}

// status is what a GET with the token is answered.
func (d door) status(t *testing.T, token, path string) int {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, string(d)+path, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+token)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	return resp.StatusCode
}

// welcome is what the process said by the time it has told where its data is.
func (p *process) welcome(t *testing.T) (said string) {
	t.Helper()
	eventually(t, 10*time.Second, "it says where things are", func() error {
		if said = p.said(); !strings.Contains(said, "for commands") {
			return errors.New(said)
		}
		return nil
	})
	return said
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

func TestDevRefusesAPortThatIsTaken(t *testing.T) {
	t.Parallel()
	_, d := dev(t, t.TempDir())
	_, port, _ := strings.Cut(strings.TrimPrefix(string(d), "http://"), ":")
	code, out := command(t, nil, "commerce", "dev", "--data", t.TempDir(), "--port", port, "--management-port", "0", "--gateway-port", "0")
	if code != 1 || !strings.Contains(out, "--port") {
		t.Errorf("exit code %d:\n%s", code, out)
	}
}
