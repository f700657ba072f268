package api_test

import (
	"strings"
	"testing"

	"github.com/loopers-commerce/commerce/internal/adapter/api"
	"github.com/loopers-commerce/commerce/internal/domain/user"
)

const login = `{"loginId":"kim2","password":"correct horse"}`

func (s *shop) token(t *testing.T) string {
	t.Helper()
	var session struct{ Token, TokenType, ExpiresAt string }
	s.as("").post("/api/v1/sessions", login).must(t, s, 201).into(t, &session)
	if session.TokenType != "Bearer" || session.ExpiresAt != "2026-03-01T16:30:00Z" {
		t.Errorf("session = %+v", session)
	}
	return session.Token
}

func TestASessionIsValidUntilItExpires(t *testing.T) {
	t.Parallel()
	s := open(t)
	s.as("").post("/api/v1/users", kim).must(t, s, 201)
	me := s.as("").with("Authorization", "Bearer "+s.token(t)).get("/api/v1/users/me")
	if a := me.must(t, s, 200); !strings.Contains(a.body, `"loginId":"kim2"`) || strings.Contains(a.body, "argon2") {
		t.Errorf("me = %s", a.body)
	}
	s.late.Store(3600)
	a := me.must(t, s, 401)
	if p := a.problem(t); p.Code != "BAD_TOKEN" || !strings.HasPrefix(a.header.Get("WWW-Authenticate"), "Bearer") {
		t.Errorf("%s, WWW-Authenticate %q", p.Code, a.header.Get("WWW-Authenticate"))
	}
}

func TestLogInDoesNotRevealWhetherALoginIDExists(t *testing.T) {
	t.Parallel()
	s := open(t)
	s.as("").post("/api/v1/users", kim).must(t, s, 201)
	s.join(t, "nopass")
	var said []string
	for _, body := range []string{
		`{"loginId":"kim2","password":"wrong horse"}`, `{"loginId":"nobody","password":"wrong horse"}`,
		`{"loginId":"nopass","password":""}`, `{"loginId":"","password":""}`,
	} {
		p := s.as("").post("/api/v1/sessions", body).must(t, s, 401).problem(t)
		said = append(said, p.Code+p.Detail)
	}
	for _, other := range said[1:] {
		if other != said[0] {
			t.Errorf("answers differ: %q and %q", said[0], other)
		}
	}
}

func TestABadTokenIsRefusedOnEveryRoute(t *testing.T) {
	t.Parallel()
	s := stocked(t)
	for _, authorization := range []string{"Bearer nonsense", "Bearer ", "Basic a2ltOmtpbQ==", "nonsense"} {
		for _, path := range []string{"/api/v1/points", "/api/v1/products"} {
			if p := s.as("kim").with("Authorization", authorization).get(path).must(t, s, 401).problem(t); p.Code != "BAD_TOKEN" {
				t.Errorf("%q at %s: %s", authorization, path, p.Code)
			}
		}
	}
}

func TestATokenOfAnEmptiedDatabaseIsBad(t *testing.T) {
	t.Parallel()
	old, fresh := open(t), open(t)
	old.as("").post("/api/v1/users", kim).must(t, old, 201)
	token := old.token(t)
	fresh.as("").with("Authorization", "Bearer "+token).get("/api/v1/points").must(t, fresh, 401)
	fresh.join(t, "kim2") // another person with the same loginId
	fresh.as("").with("Authorization", "Bearer "+token).get("/api/v1/points").must(t, fresh, 401)
}

func TestTheUserHeaderIsIgnoredUnlessItIsTrusted(t *testing.T) {
	t.Parallel()
	trusting := stocked(t)
	trusting.as("kim").get("/api/v1/points").must(t, trusting, 200)
	for _, unknown := range []string{"nobody", "k\xffm", "김", strings.Repeat("k", 10_000)} {
		if p := trusting.as(unknown).get("/api/v1/points").must(t, trusting, 401).problem(t); p.Code != "UNKNOWN_USER" {
			t.Errorf("%q: %s", unknown, p.Code)
		}
	}
	wary := open(t, func(c *api.Config) { c.TrustUserHeader = false })
	wary.join(t, "kim")
	if p := wary.as("kim").get("/api/v1/points").must(t, wary, 401).problem(t); p.Code != "UNAUTHENTICATED" {
		t.Errorf("code = %s", p.Code)
	}
	if strings.Contains(wary.page(t, "/openapi.json"), "X-USER-ID") {
		t.Error("the header is documented where it is not believed")
	}
}

func TestAdminRoutesNeedTheRoleAdmin(t *testing.T) {
	t.Parallel()
	s := stocked(t)
	for _, r := range []request{
		s.as("").post("/admin/v1/brands", `{"name":"x"}`), s.as("").post("/admin/v1/products", `{"brandId":1,"name":"x","price":1,"stock":1}`),
		s.as("").do("PATCH", "/admin/v1/products/1", `{"price":1}`), s.as("").post("/admin/v1/products/1/stock", `{"delta":1,"reason":"x"}`),
	} {
		r.must(t, s, 401)
		if p := r.with("X-USER-ID", "kim").must(t, s, 403).problem(t); p.Code != "FORBIDDEN" {
			t.Errorf("%s %s: %s", r.method, r.path, p.Code)
		}
	}
}

func TestARoleTakesEffectAtTheNextRequest(t *testing.T) {
	t.Parallel()
	s := stocked(t)
	s.as("").post("/api/v1/users", kim).must(t, s, 201)
	bearer := s.as("").with("Authorization", "Bearer "+s.token(t))
	bearer.post("/admin/v1/brands", `{"name":"x"}`).must(t, s, 403)
	if err := s.accounts.Grant(t.Context(), "kim2", user.Admin); err != nil {
		t.Fatal(err)
	}
	bearer.post("/admin/v1/brands", `{"name":"x"}`).must(t, s, 201)
	if err := s.accounts.Grant(t.Context(), "kim2", user.Customer); err != nil {
		t.Fatal(err)
	}
	bearer.post("/admin/v1/brands", `{"name":"y"}`).must(t, s, 403)
}

func TestUserRoutesNeedAuthentication(t *testing.T) {
	t.Parallel()
	s := stocked(t)
	order := s.as("kim").post("/api/v1/orders", twoMugs).must(t, s, 201).header.Get("Location")
	for _, r := range []request{
		s.as("").get("/api/v1/users/me"), s.as("").get("/api/v1/users/me/likes"), s.as("").get("/api/v1/points"),
		s.as("").post("/api/v1/points/charge", `{"amount":1}`), s.as("").get("/api/v1/points/history"),
		s.as("").post("/api/v1/products/1/likes", ""), s.as("").do("DELETE", "/api/v1/products/1/likes", ""),
		s.as("").post("/api/v1/orders", twoMugs), s.as("").get("/api/v1/orders"), s.as("").get(order), s.as("").post(order+"/cancel", ""),
	} {
		if p := r.must(t, s, 401).problem(t); p.Code != "UNAUTHENTICATED" {
			t.Errorf("%s %s: %s", r.method, r.path, p.Code)
		}
	}
	s.join(t, "lee")
	for _, r := range []request{s.as("lee").get(order), s.as("lee").post(order+"/cancel", "")} {
		if p := r.must(t, s, 404).problem(t); p.Code != "ORDER_NOT_FOUND" {
			t.Errorf("%s %s: %s", r.method, r.path, p.Code)
		}
	}
}
