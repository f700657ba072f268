package api_test

import (
	"encoding/json"
	"maps"
	"net/http"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/loopers-commerce/commerce/docs/errors"
)

// object is a part of the OpenAPI document.
type object = map[string]any

func openAPI(t *testing.T) object {
	t.Helper()
	var doc object
	if err := json.Unmarshal([]byte(open(t).page(t, "/openapi.json")), &doc); err != nil {
		t.Fatal(err)
	}
	return doc
}

// at returns a part of an object.
func at(t *testing.T, part any, names ...string) any {
	t.Helper()
	for _, name := range names {
		o, _ := part.(object)
		if part = o[name]; part == nil {
			t.Fatalf("there is no %v", names)
		}
	}
	return part
}

// eachOperation visits the operations of the document.
func eachOperation(t *testing.T, doc object, visit func(id string, op object)) {
	t.Helper()
	paths, _ := doc["paths"].(object)
	for path, methods := range paths {
		all, _ := methods.(object)
		for method, op := range all {
			o, _ := op.(object)
			id, _ := o["operationId"].(string)
			if id == "" {
				t.Errorf("%s %s has no operationId", method, path)
			}
			visit(id, o)
		}
	}
}

func TestEveryOperationIsDescribedWithItsProblemsAndItsSecurity(t *testing.T) {
	t.Parallel()
	doc := openAPI(t)
	operations := 0
	eachOperation(t, doc, func(id string, op object) {
		operations++
		if text, _ := op["description"].(string); len(text) < 20 {
			t.Errorf("%s has the description %q", id, text)
		}
		if op["security"] == nil {
			t.Errorf("%s does not say who may use it", id)
		}
		responses, _ := op["responses"].(object)
		secured, _ := op["security"].([]any)
		for status, wanted := range map[string]bool{
			"400": true, "401": true, "default": true,
			"403": strings.HasPrefix(id, "create") && id != "createOrder", "404": id == "getProduct", "409": id == "createOrder",
			"422": id == "createOrder", "429": id == "chargePoints",
		} {
			if wanted && responses[status] == nil {
				t.Errorf("%s does not document %s", id, status)
			}
		}
		if public := id == "listProducts" || id == "signUp"; public && len(secured) > 0 {
			t.Errorf("%s: security %v", id, secured)
		}
	})
	if operations < 40 {
		t.Errorf("there are %d operations", operations)
	}
}

// Clients that generators have made failed after an order was placed: they did not expect null.
func TestWhatIsNullInAnswersMayBeNullInTheDocument(t *testing.T) {
	t.Parallel()
	s := stocked(t)
	doc := openAPI(t)
	for schema, answer := range map[string]string{
		"Order":        s.as("kim").post("/api/v1/orders", `{"items":[{"productId":1,"quantity":1}]}`).must(t, s, http.StatusCreated).body,
		"RankingEntry": `{"movement":null}`,
	} {
		var body object
		if err := json.Unmarshal([]byte(answer), &body); err != nil {
			t.Fatal(err)
		}
		nulls := 0
		for name, value := range body {
			if value != nil {
				continue
			}
			nulls++
			text, _ := json.Marshal(at(t, doc, "components", "schemas", schema, "properties", name))
			if !strings.Contains(string(text), `"null"`) {
				t.Errorf("%s.%s is null, and documented as %s", schema, name, text)
			}
		}
		if nulls == 0 {
			t.Errorf("%s has no null", schema)
		}
	}
}

func TestNumbersOfTheDocumentFitInto64Bits(t *testing.T) {
	t.Parallel()
	text := open(t).page(t, "/openapi.json")
	for _, limit := range regexp.MustCompile(`"(?:max|min)imum":(-?[0-9.e+]+)`).FindAllStringSubmatch(text, -1) {
		var n int64
		if err := json.Unmarshal([]byte(limit[1]), &n); err != nil || n > 1e15 {
			t.Errorf("a limit is %s", limit[1])
		}
	}
}

func TestSchemasHaveTheNamesOfThings(t *testing.T) {
	t.Parallel()
	doc := openAPI(t)
	schemas, _ := at(t, doc, "components", "schemas").(object)
	for name, schema := range schemas {
		if strings.Contains(name, "Body") || strings.Contains(name, "Input") || strings.Contains(name, "Struct") {
			t.Errorf("the schema %s has the name of a type in our code", name)
		}
		if s, _ := schema.(object); s["type"] == nil {
			t.Errorf("the schema %s has no type", name)
		}
	}
	for _, name := range []string{
		"Order", "OrderPage", "CreateOrderRequest", "OrderStatus", "Payment", "PaymentStatus", "CardType", "CouponType", "ProductStatus", "Product", "Problem",
	} {
		if schemas[name] == nil {
			t.Errorf("there is no schema %s; there are %v", name, slices.Sorted(maps.Keys(schemas)))
		}
	}
}

func TestParametersSayWhatTheyTake(t *testing.T) {
	t.Parallel()
	doc := openAPI(t)
	seen := map[string]bool{}
	eachOperation(t, doc, func(id string, op object) {
		parameters, _ := op["parameters"].([]any)
		for _, p := range parameters {
			parameter, _ := p.(object)
			name, _ := parameter["name"].(string)
			schema, _ := parameter["schema"].(object)
			want := map[string]string{
				"sort": "enum", "period": "$ref", "date": "pattern", "minPrice": "minimum", "maxPrice": "maximum", "Idempotency-Key": "pattern",
			}[name]
			if want == "" {
				continue
			}
			seen[name] = true
			if schema[want] == nil {
				t.Errorf("%s: the parameter %s has no %s: %v", id, name, want, schema)
			}
		}
	})
	if len(seen) != 6 {
		t.Errorf("only %v are there", seen)
	}
}

// The pattern of the document and the parser agree.
func TestThePatternOfIdempotencyKeysIsThatOfTheParser(t *testing.T) {
	t.Parallel()
	s := stocked(t)
	var pattern *regexp.Regexp
	eachOperation(t, openAPI(t), func(_ string, op object) {
		parameters, _ := op["parameters"].([]any)
		for _, p := range parameters {
			parameter, _ := p.(object)
			if schema, _ := parameter["schema"].(object); parameter["name"] == "Idempotency-Key" {
				text, _ := schema["pattern"].(string)
				pattern = regexp.MustCompile(text)
			}
		}
	})
	for _, key := range []string{
		"a", "a b", `"a b"`, `"a`, `a"`, `"`, `""`, `"\""`, `"\\"`, "~", strings.Repeat("k", 255), strings.Repeat("k", 256),
		`"` + strings.Repeat("k", 255) + `"`, `"` + strings.Repeat("k", 256) + `"`, "\u00e9",
	} {
		got, err := s.as("kim").with("Idempotency-Key", key).post("/api/v1/points/charge", `{"amount":1}`).send(t.Context(), s)
		if err != nil {
			t.Fatal(err)
		}
		if taken := got.status == http.StatusOK; taken != pattern.MatchString(key) {
			t.Errorf("the key %.20q: %d, and the pattern matches: %v", key, got.status, pattern.MatchString(key))
		}
	}
}

func TestTheDocumentListsTheCodesThatThePageExplains(t *testing.T) {
	t.Parallel()
	var listed []string
	codes, _ := at(t, openAPI(t), "components", "schemas", "Problem", "properties", "code", "x-extensible-enum").([]any)
	for _, code := range codes {
		text, _ := code.(string)
		listed = append(listed, text)
	}
	if diff := cmp.Diff(errors.Codes(), listed); diff != "" || len(listed) < 50 {
		t.Error(diff)
	}
	if page := open(t).page(t, "/errors"); !reflect.DeepEqual(page, errors.Page()) {
		t.Errorf("GET /errors: %.100s", page)
	}
}
