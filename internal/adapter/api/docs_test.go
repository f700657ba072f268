package api_test

import (
	"encoding/json"
	"io"
	"net/http"
	"os"
	"regexp"
	"strings"
	"testing"
)

// outside matches references to other hosts.
var outside = regexp.MustCompile(`(?i)(src|href|url|@import)\s*[=(:]\s*["']?(https?:)?//[^"')\s]+`)

func TestTheDocsLoadNothingFromAnotherHost(t *testing.T) {
	t.Parallel()
	shop := open(t)
	page := shop.page(t, "/docs")
	if found := outside.FindAllString(page, -1); found != nil {
		t.Errorf("the page loads %q", found)
	}
	if !strings.Contains(page, "validatorUrl: null") {
		t.Error("the page sends the document to an external validator")
	}
	own := regexp.MustCompile(`(?:src|href)="([^"]+)"`).FindAllStringSubmatch(page, -1)
	if len(own) < 3 {
		t.Fatalf("the page has %d references, want at least a script, a style and an icon:\n%s", len(own), page)
	}
	for _, m := range own {
		text := shop.page(t, m[1])
		if strings.HasSuffix(m[1], ".css") && outside.MatchString(text) {
			t.Errorf("%s loads %q", m[1], outside.FindString(text))
		}
	}
}

// The words of the document may change. All that a generated client depends on may only grow: paths,
// operations, schemas with their names, fields, types and limits. A renamed Go type must not rename a schema.
func TestTheOpenAPIDocumentMatchesItsGoldenFile(t *testing.T) {
	t.Parallel()
	var doc map[string]any
	if err := json.Unmarshal([]byte(open(t).page(t, "/openapi.json")), &doc); err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(withoutWords(doc))
	if err != nil {
		t.Fatal(err)
	}
	response{body: string(text)}.golden(t, "openapi")
}

// withoutWords returns a part of the document without its descriptions and summaries.
func withoutWords(part any) any {
	switch part := part.(type) {
	case map[string]any:
		for key, value := range part {
			if _, text := value.(string); text && (key == "description" || key == "summary" || key == "version") {
				delete(part, key)
				continue
			}
			part[key] = withoutWords(value)
		}
	case []any:
		for i, value := range part {
			part[i] = withoutWords(value)
		}
	}
	return part
}

func TestTheOpenAPIDocumentDescribesEveryRoute(t *testing.T) {
	t.Parallel()
	var doc struct {
		OpenAPI string
		Paths   map[string]map[string]struct {
			OperationID string
			Responses   map[string]struct {
				Content map[string]any
			}
			Security   []map[string][]string
			Parameters []struct{ Name, In string }
		}
		Components struct{ SecuritySchemes map[string]any }
		Tags       []struct{ Name string }
	}
	text := open(t).page(t, "/openapi.json")
	if err := json.Unmarshal([]byte(text), &doc); err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(doc.OpenAPI, "3.1") {
		t.Errorf("openapi = %q", doc.OpenAPI)
	}
	if strings.Contains(text, "ErrorModel") {
		t.Error("the document describes an error body that is never sent")
	}
	if doc.Components.SecuritySchemes["bearer"] == nil {
		t.Error("no security scheme bearer")
	}
	for path, methods := range doc.Paths {
		for method, op := range methods {
			if op.Responses["default"].Content["application/problem+json"] == nil {
				t.Errorf("%s %s does not document its problems", method, path)
			}
			if strings.HasPrefix(path, "/admin/") && len(op.Security) == 0 {
				t.Errorf("%s %s does not say that it needs an identity", method, path)
			}
		}
	}
	for _, r := range []string{
		"post /api/v1/users", "post /api/v1/sessions", "get /api/v1/users/me", "get /api/v1/users/me/likes",
		"get /api/v1/brands/{id}", "get /api/v1/products", "get /api/v1/products/{id}",
		"post /api/v1/products/{id}/likes", "delete /api/v1/products/{id}/likes",
		"get /api/v1/points", "post /api/v1/points/charge", "get /api/v1/points/history",
		"get /api/v1/users/me/coupons", "post /api/v1/coupons/{id}/issue",
		"post /api/v1/orders", "get /api/v1/orders", "get /api/v1/orders/{id}", "post /api/v1/orders/{id}/cancel",
		"get /api/v1/rankings", "post /admin/v1/brands", "post /admin/v1/products",
		"patch /admin/v1/products/{id}", "post /admin/v1/products/{id}/stock", "post /admin/v1/coupons", "get /admin/v1/coupons/{id}",
		"post /api/v1/payments/callback", "get /admin/v1/payments", "get /admin/v1/payments/{id}",
		"post /admin/v1/payments/{id}/recheck", "post /admin/v1/payments/{id}/settle", "post /admin/v1/orders/{id}/cancel",
	} {
		method, path, _ := strings.Cut(r, " ")
		if _, there := doc.Paths[path][method]; !there {
			t.Errorf("%s is missing", r)
		}
	}
	if last := len(doc.Tags) - 1; last < 8 || doc.Tags[0].Name != "Users" || doc.Tags[last].Name != "Admin" {
		t.Errorf("the tags are %v, want Users first and Admin last", doc.Tags)
	}
	if unchanged, there := doc.Paths["/api/v1/products/{id}"]["get"].Responses["304"]; !there || unchanged.Content != nil {
		t.Errorf("304 of a product: %+v, %v", unchanged, there)
	}
	var keyed bool
	for _, p := range doc.Paths["/api/v1/orders"]["post"].Parameters {
		keyed = keyed || p.Name == "Idempotency-Key" && p.In == "header"
	}
	if !keyed {
		t.Error("POST /api/v1/orders does not document Idempotency-Key")
	}
}

func TestTheAsyncAPIDocumentIsServed(t *testing.T) {
	t.Parallel()
	want, err := os.ReadFile("../../../docs/events/asyncapi.json")
	if err != nil {
		t.Fatal(err)
	}
	if got := open(t).page(t, "/asyncapi.json"); got != string(want) {
		t.Errorf("/asyncapi.json is not docs/events/asyncapi.json: %.100s", got)
	}
}

func TestTheExampleOrderOfTheDocsIsValid(t *testing.T) {
	t.Parallel()
	var doc struct {
		Paths map[string]struct {
			Post struct {
				RequestBody struct {
					Content map[string]struct{ Example json.RawMessage }
				}
			}
		}
	}
	s := stocked(t)
	if err := json.Unmarshal([]byte(s.page(t, "/openapi.json")), &doc); err != nil {
		t.Fatal(err)
	}
	offered := doc.Paths["/api/v1/orders"].Post.RequestBody.Content["application/json"].Example
	s.as("kim").post("/api/v1/orders", string(offered)).must(t, s, http.StatusCreated)
}

func (s *shop) page(t *testing.T, path string) string {
	t.Helper()
	resp, err := http.Get(s.url + path)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if policy := resp.Header.Get("Content-Security-Policy"); strings.HasPrefix(path, "/docs") && !strings.HasPrefix(policy, "default-src 'self';") {
		t.Errorf("GET %s: Content-Security-Policy is %q", path, policy)
	}
	if err != nil || resp.StatusCode != http.StatusOK {
		t.Fatalf("GET %s: %d %v", path, resp.StatusCode, err)
	}
	return string(text)
}
