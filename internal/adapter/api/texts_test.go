package api_test

import (
	"encoding/json"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"testing"

	"golang.org/x/text/unicode/norm"

	"github.com/loopers-commerce/commerce/internal/adapter/api"
	"github.com/loopers-commerce/commerce/internal/app/deadletters"
)

// schema is the part of a JSON schema that says what texts are.
type schema struct {
	Ref        string `json:"$ref"`
	Type       any
	Properties map[string]schema
	Items      *schema
	Enum       []any
	Format     string
	Pattern    string
}

// textDocument is the part of the OpenAPI document that says what bodies are.
type textDocument struct {
	Paths map[string]map[string]struct {
		RequestBody struct {
			Content map[string]struct{ Schema schema }
		}
	}
	Components struct{ Schemas map[string]schema }
}

// texts returns the JSON pointers of the texts in a body that may be anything: they are not one
// of some values, and have no format and no pattern.
func (d textDocument) texts(s schema, pointer string) (found []string) {
	if name, ok := strings.CutPrefix(s.Ref, "#/components/schemas/"); ok {
		return d.texts(d.Components.Schemas[name], pointer)
	}
	for name, property := range s.Properties {
		found = append(found, d.texts(property, pointer+"/"+name)...)
	}
	if s.Items != nil {
		found = append(found, d.texts(*s.Items, pointer+"/0")...)
	}
	list, _ := s.Type.([]any)
	isText := s.Type == "string" || slices.Contains(list, any("string"))
	if isText && s.Enum == nil && s.Format == "" && s.Pattern == "" {
		found = append(found, pointer)
	}
	return found
}

// freeTexts returns the texts of all bodies: "POST /api/v1/users /password".
func (d textDocument) freeTexts() (found []string) {
	for path, methods := range d.Paths {
		for method, op := range methods {
			for _, content := range op.RequestBody.Content {
				for _, pointer := range d.texts(content.Schema, "") {
					found = append(found, strings.ToUpper(method)+" "+path+" "+pointer)
				}
			}
		}
	}
	slices.Sort(found)
	return found
}

// notKept are texts that are not stored as somebody wrote them, by what they end in.
func notKept() map[string]string {
	const (
		filter   = "dead letters are compared with it"
		callback = "a reason to ask the gateway, which is believed instead"
	)
	return map[string]string{
		"POST /api/v1/sessions /loginId":                      "compared with those of users",
		"POST /api/v1/sessions /password":                     "compared with a hash",
		"POST /api/v1/orders /payment/cardNo":                 "never stored, and has a form of its own",
		"POST /admin/v1/payments/{id}/settle /transactionKey": "the gateway's own key: without blanks, and printable",
		"POST /api/v1/payments/callback /transactionKey":      callback, "POST /api/v1/payments/callback /orderId": callback,
		"POST /api/v1/payments/callback /cardType": callback, "POST /api/v1/payments/callback /cardNo": callback,
		"POST /api/v1/payments/callback /reason": callback,
		"/topic":                                 filter, "/group": filter, "/type": filter, "/key": filter, "/eventId": filter, "/error": filter,
	}
}

func exempt(field string) bool {
	for end := range notKept() {
		if strings.HasSuffix(field, " "+end) || field == end {
			return true
		}
	}
	return false
}

// bodies are valid bodies of the routes that keep texts.
func bodies() map[string]map[string]any {
	const reason = "reason"
	return map[string]map[string]any{
		"POST /api/v1/users":                       {"loginId": "lee", "email": "lee@example.com", "birthDate": "1999-12-31", "gender": "MALE", "password": "correct horse"},
		"POST /api/v1/orders/{id}/cancel":          {reason: "x"},
		"POST /admin/v1/orders/{id}/cancel":        {reason: "x"},
		"POST /admin/v1/brands":                    {"name": "Acme", "description": "x"},
		"POST /admin/v1/coupons":                   {"name": "c", "type": "FIXED", "value": 1, "minOrderAmount": 0, "quantity": 1, "validDays": 1},
		"POST /admin/v1/products":                  {"brandId": 1, "name": "p", "description": "x", "price": 1, "stock": 1},
		"PATCH /admin/v1/products/{id}":            {},
		"POST /admin/v1/products/{id}/stock":       {"delta": 1, reason: "x"},
		"PUT /admin/v1/ranking/weights":            {"view": 1, "like": 2, "order": 3, "carry": 0, reason: "x"},
		"POST /admin/v1/payments/{id}/settle":      {"outcome": "DECLINED", reason: "x"},
		"POST /admin/v1/dead-letters/discard":      {reason: "x"},
		"POST /admin/v1/dead-letters/replay":       {reason: "x"},
		"POST /admin/v1/dead-letters/{id}/discard": {reason: "x"},
		"POST /admin/v1/dead-letters/{id}/replay":  {reason: "x"},
	}
}

// Every text that a client can have stored goes through the one policy of base/text. A new
// field fails here until it does, or it is said why it need not.
func TestEveryTextOfABodyIsCleanedOrIsNotKept(t *testing.T) {
	t.Parallel()
	s := newCardShop(t, func(c *api.Config) {
		c.DeadLetters = deadletters.New(c.DB, &sender{}, c.Clock, slog.New(slog.DiscardHandler))
		c.Launcher = &launched{}
	})
	s.addLetter(t, 1)
	o := s.buy(t)
	var doc textDocument
	if err := json.Unmarshal([]byte(s.page(t, "/openapi.json")), &doc); err != nil {
		t.Fatal(err)
	}
	fields := doc.freeTexts()
	if len(fields) < 25 {
		t.Fatalf("only %d texts were found: %q", len(fields), fields)
	}
	for _, field := range fields {
		if exempt(field) {
			continue
		}
		for _, wrong := range []string{`a\u202eb`, `a\u0007b`, `a\ud800b`, `a\ufffeb`} {
			s.refusesText(t, field, o.ID, wrong)
		}
	}
	for end := range notKept() {
		if !slices.ContainsFunc(fields, func(field string) bool { return strings.HasSuffix(field, end) }) {
			t.Errorf("there is no text %s", end)
		}
	}
}

// refusesText fails the test unless a field is refused with a text. The text is escaped.
func (s *cardShop) refusesText(t *testing.T, field, orderID, escaped string) {
	t.Helper()
	method, rest, _ := strings.Cut(field, " ")
	path, pointer, _ := strings.Cut(rest, " ")
	valid, ok := bodies()[method+" "+path]
	if !ok {
		t.Errorf("%s: clean it with text.Name or text.Prose, and add a body of its route; or say in notKept why not", field)
		return
	}
	const mark = "the wrong text"
	body := map[string]any{}
	for name, value := range valid {
		body[name] = value
	}
	body[pointer[1:]] = mark
	encoded, err := json.Marshal(body)
	if err != nil {
		t.Fatal(err)
	}
	known := map[bool]string{true: orderID, false: "1"}[strings.Contains(path, "orders") || strings.Contains(path, "payments")]
	if strings.Contains(path, "dead-letters") {
		known = strings.TrimPrefix(firstLetter, lettersPath+"/")
	}
	who := "admin"
	if strings.HasPrefix(path, "/api/") {
		who = "kim"
	}
	path = strings.Replace(path, "{id}", known, 1)
	wrong := strings.Replace(string(encoded), mark, "12345678"+escaped, 1)
	a := s.as(who).with("Idempotency-Key", pointer[1:]+strings.Trim(escaped, `a\b`)).do(method, path, wrong).must(t, s.shop, http.StatusBadRequest)
	if !strings.Contains(a.body, `"pointer":"`+pointer+`"`) || !strings.Contains(a.body, `"VALIDATION_FAILED"`) {
		t.Errorf("%s with %s: %s", field, escaped, a.body)
	}
}

// The same word comes composed from one keyboard, and decomposed from another.
func TestOneWordIsOneWordFromAnyKeyboard(t *testing.T) {
	t.Parallel()
	eachEngine(t, sameFromAnyKeyboard)
}

func sameFromAnyKeyboard(t *testing.T, on engine) {
	t.Helper()
	s := stockedOn(t, on)
	kim := strings.NewReplacer("kim2", "Kim2", "correct horse", "비밀번호는열쇠!!").Replace(kim)
	s.as("").post("/api/v1/users", norm.NFD.String(kim)).must(t, s, 201)
	for _, other := range []string{"kim2", "KIM2", "kIM2"} {
		taken := strings.NewReplacer("Kim2@", other+"x@", "Kim2", other).Replace(kim)
		if a := s.as("").post("/api/v1/users", taken).must(t, s, 409); !strings.Contains(a.body, `"LOGIN_ID_TAKEN"`) {
			t.Errorf("%s: %s", other, a.body)
		}
		for _, password := range []string{"비밀번호는열쇠!!", norm.NFD.String("비밀번호는열쇠!!")} {
			s.as("").post("/api/v1/sessions", `{"loginId":"`+other+`","password":"`+password+`"}`).must(t, s, 201)
		}
		if me := s.as(other).get("/api/v1/users/me").must(t, s, 200); !strings.Contains(me.body, `"loginId":"Kim2"`) {
			t.Errorf("%s is %s", other, me.body)
		}
	}
	s.as("kım2").get("/api/v1/users/me").must(t, s, 401)
	brand := s.as("admin").post("/admin/v1/brands", `{"name":"  Cafe\u0301 \u3000 한글 "}`).must(t, s, 201)
	if !strings.Contains(brand.body, `"name":"Café 한글"`) {
		t.Error(brand.body)
	}
	for _, name := range []string{"café 한글", "CAFÉ 한글", " Café\u00a0한글\u200b", norm.NFD.String("Café 한글")} {
		if a := s.as("admin").post("/admin/v1/brands", `{"name":"`+name+`"}`).must(t, s, 409); !strings.Contains(a.body, `"BRAND_NAME_TAKEN"`) {
			t.Errorf("%s: %s", name, a.body)
		}
	}
	for _, name := range []string{"한글 머그컵", norm.NFD.String("한글 텀블러")} {
		s.as("admin").post("/admin/v1/products", `{"brandId":1,"name":"`+name+`","price":1,"stock":1}`).must(t, s, 201)
	}
	for _, q := range []string{"머그", "텀블러"} {
		for _, form := range []string{q, norm.NFD.String(q)} {
			if found := s.as("").get("/api/v1/products?q="+form).must(t, s, 200); strings.Count(found.body, `"name":"한글`) != 1 {
				t.Errorf("q=%+q: %s", form, found.body)
			}
		}
	}
}

// A limit in characters is that of the OpenAPI document, in whatever form they come.
func TestCharactersAreCountedAsTheDocumentSays(t *testing.T) {
	t.Parallel()
	s := stocked(t)
	for n, c := range []struct {
		password string
		status   int
	}{
		{strings.Repeat("열", 43), 201}, {strings.Repeat("열", 128), 201}, {norm.NFD.String(strings.Repeat("열", 128)), 201},
		{strings.Repeat("x", 129), 400}, {strings.Repeat("열", 129), 400}, {strings.Repeat("열", 7), 400}, {norm.NFD.String(strings.Repeat("열", 7)), 400},
		{strings.Repeat(" ", 8), 201}, {strings.Repeat("👩", 8), 201},
	} {
		login := "p" + string(rune('a'+n))
		s.as("").post("/api/v1/users", strings.NewReplacer("kim2", login, "correct horse", c.password).Replace(kim)).must(t, s, c.status)
	}
	long := norm.NFD.String(strings.Repeat("긴", 200))
	s.as("admin").post("/admin/v1/brands", `{"name":"`+long+`"}`).must(t, s, 201)
	s.as("admin").post("/admin/v1/brands", `{"name":"`+long+`x"}`).must(t, s, 400)
}
