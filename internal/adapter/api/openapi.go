package api

import (
	"cmp"
	"maps"
	"net/http"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"github.com/loopers-commerce/commerce/docs/errors"
)

// describe completes the OpenAPI document, of which huma has made the frame: it says what the
// types of Go cannot say. It must be called when all routes are registered.
func (s *service) describe() {
	doc := s.huma.OpenAPI()
	for _, name := range []string{"ErrorModel", "ErrorDetail"} { // huma's own error body, which is never sent
		delete(doc.Components.Schemas.Map(), name)
	}
	s.allowNull()
	s.shareEnums()
	s.withoutOwnKeywords()
	s.describeProblems()
	for _, path := range doc.Paths {
		for _, op := range operations(path) {
			op.Description = cmp.Or(op.Description, operationTexts()[op.OperationID])
			for _, p := range op.Parameters {
				p.Schema = parameterSchema(p)
			}
			addResponses(op)
		}
	}
}

// operations returns the operations of a path.
func operations(p *huma.PathItem) []*huma.Operation {
	all := []*huma.Operation{p.Get, p.Put, p.Post, p.Patch, p.Delete}
	return slices.DeleteFunc(all, func(op *huma.Operation) bool { return op == nil })
}

// parameterSchemas are schemas of parameters, by name, that say more than the parsers of our
// routes leave to huma: they have errors of their own.
func parameterSchemas() map[string]huma.Schema {
	least, most := 0.0, 999_999_999_999_999.0
	day := huma.Schema{Type: huma.TypeString, Pattern: `^[0-9]{8}$`, Examples: []any{"20260131"}}
	won := huma.Schema{Type: huma.TypeInteger, Format: "int64", Minimum: &least, Maximum: &most, Examples: []any{10000}}
	shortest, longest := 1, 257
	return map[string]huma.Schema{
		"sort":     {Type: huma.TypeString, Enum: values("latest,price_asc,price_desc,likes_desc"), Default: "latest"},
		"period":   {Ref: schemasPrefix + "RankingPeriod"},
		"date":     day,
		"minPrice": won,
		"maxPrice": won,
		"Idempotency-Key": {
			Type: huma.TypeString, MinLength: &shortest, MaxLength: &longest, Pattern: `^([!#-~][!-~]{0,254}|"([ !#-\[\]-~]|\\["\\]){1,255}")$`,
			Examples: []any{"8e03978e-40d5-43e8-bc93-6894a57f9324"},
		},
	}
}

// parameterSchema returns the schema of a parameter for the document. That by which huma checks stays.
func parameterSchema(p *huma.Param) *huma.Schema {
	if better, found := parameterSchemas()[p.Name]; found {
		return &better
	}
	shown := *p.Schema
	shown.PatternDescription = ""
	return &shown
}

// problemCase is a response to requests that are refused.
type problemCase struct {
	name, text string
	given      func(op *huma.Operation) bool
}

// problemCases are the responses of problems by status.
func problemCases() map[int]problemCase {
	always := func(*huma.Operation) bool { return true }
	return map[int]problemCase{
		http.StatusBadRequest:   {"BadRequest", "The request is wrong. errors names its wrong parts, if it is one of them.", always},
		http.StatusUnauthorized: {"Unauthorized", "The token is missing, wrong or expired.", always}, // a wrong token is refused everywhere
		http.StatusForbidden: {"Forbidden", "The route is for admins.", func(op *huma.Operation) bool {
			return op.Metadata[accessKey] == admins
		}},
		http.StatusNotFound:            {"NotFound", "There is no such thing, or it is not yours.", func(op *huma.Operation) bool { return strings.Contains(op.Path, "{") || op.Tags[0] == "Rankings" }},
		http.StatusConflict:            {"Conflict", "What the request wants is not possible in the present state.", writes},
		http.StatusUnprocessableEntity: {"KeyReused", "The Idempotency-Key was used for another request.", keyed},
		http.StatusTooManyRequests:     {"TooMany", "You have asked too often.", keyed},
	}
}

func writes(op *huma.Operation) bool { return op.Method != http.MethodGet }

func keyed(op *huma.Operation) bool {
	return slices.ContainsFunc(op.Parameters, func(p *huma.Param) bool { return p.Name == "Idempotency-Key" })
}

// describeProblems makes the responses of problems that operations refer to, and lists the codes.
func (s *service) describeProblems() {
	components := s.huma.OpenAPI().Components
	for _, c := range problemCases() {
		response := s.problemResponse()
		response.Description = c.text
		components.Responses[c.name] = response
	}
	code := components.Schemas.SchemaFromRef(schemasPrefix + "Problem").Properties["code"]
	// Not an enum: generated clients refuse values that are not in it, and a new version may have new codes.
	code.Extensions = map[string]any{"x-extensible-enum": errors.Codes()}
	code.Description = "A stable code for programs. GET /errors explains each of them. A new version of the shop may have new ones."
}

// addResponses adds the problems that an operation can end in.
func addResponses(op *huma.Operation) {
	cases := problemCases()
	for _, status := range slices.Sorted(maps.Keys(cases)) {
		if c := cases[status]; c.given(op) {
			op.Responses[strconv.Itoa(status)] = &huma.Response{Ref: "#/components/responses/" + c.name}
		}
	}
}

// problemResponse documents a problem.
func (s *service) problemResponse() *huma.Response {
	schema := s.huma.OpenAPI().Components.Schemas.Schema(reflect.TypeFor[problem](), true, "Problem")
	return &huma.Response{
		Description: "Another error, as a problem (RFC 9457).",
		Headers: map[string]*huma.Param{"X-Trace-Id": {Schema: &huma.Schema{Type: huma.TypeString}, Description: "The id of the trace of this request. It is " +
			"the traceId of the problem, except in an answer that is repeated (Idempotent-Replayed: true): its body is the first one, byte by byte."}},
		Content: map[string]*huma.MediaType{problemType: {Schema: schema}},
	}
}
