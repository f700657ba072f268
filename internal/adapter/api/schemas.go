package api

import (
	"maps"
	"reflect"
	"slices"
	"strings"

	"github.com/danielgtaylor/huma/v2"
)

// schemasPrefix is what references to schemas begin with.
const schemasPrefix = "#/components/schemas/"

// schemaNames are the names of schemas in the OpenAPI document that are not made by the rule
// of schemaName. A name stays when its Go type is renamed: clients have generated code from it.
func schemaNames() map[string]string {
	return map[string]string{
		"BehindBody": "ExplainedRanking", "CardBody": "Card", "ChangeBody": "OrderChange", "CountedBody": "CountedEvent",
		"CouponRef": "OrderCoupon", "DayPartBody": "RankingDay", "EditInputBody": "ChangeProductRequest", "EntryBody": "PointEntry",
		"ExplanationBody": "RankingExplanation", "WrongPart": "FieldError", "LetterActionBody": "DeadLetterAction",
		"LetterBody": "DeadLetter", "LetterCount": "DeadLetterCount", "LetterCounts": "DeadLetterSummary",
		"LetterDetailBody": "DeadLetterDetail", "LetterForecast": "ReplayForecast", "LetterHeader": "DeadLetterHeader",
		"LetterJobBody": "DeadLetterJob", "LetterReason": "DiscardDeadLetterRequest", "LetterReplayInputBody": "ReplayDeadLetterRequest",
		"LettersDiscardInputBody": "DiscardDeadLettersRequest", "LettersReplayInputBody": "ReplayDeadLettersRequest",
		"LettersTrialInputBody": "PreviewReplayRequest", "LineBody": "OrderLine", "ListedPayment": "AdminPayment", "NoteBody": "PaymentNote",
		"OfferBody": "Coupon", "OfferInputBody": "CreateCouponRequest", "OrderState": "AdminOrder", "OwnedBody": "IssuedCoupon",
		"PaymentDetail": "AdminPaymentDetail", "PlaceInputBody": "CreateOrderRequest", "PreviewedBody": "PreviewedProduct",
		"ProductDetail": "Product", "ProductItem": "ProductSummary", "RankedBody": "RankingEntry",
		"SettlementInputBody": "SettlePaymentRequest", "StepBody": "TimelineStep", "StockInputBody": "AdjustStockRequest",
		"StreamBody": "RankingUpdate", "TimelineBody": "OrderTimeline", "TrialBody": "RankingPreview", "TrialLettersBody": "ReplayPreview",
		"WantBody": "OrderItem", "WeightsInputBody": "ChangeWeightsRequest", "ChargeInputBody": "ChargePointsRequest",
		"BrandInputBody": "CreateBrandRequest", "ProductInputBody": "CreateProductRequest", "CancelInputBody": "CancelOrderRequest",
	}
}

// schemaName names the schema of a Go type by the thing, not by its place in our code:
// orderBody is Order, pageOf[orderBody] is OrderPage, signUpInput.Body is SignUpRequest.
func schemaName(t reflect.Type, hint string) string {
	return nameOfThing(huma.DefaultSchemaNamer(t, hint))
}

func nameOfThing(name string) string {
	if given, found := schemaNames()[name]; found {
		return given
	}
	if thing, page := strings.CutPrefix(name, "PageOf"); page {
		return nameOfThing(thing) + "Page"
	}
	if thing, input := strings.CutSuffix(name, "InputBody"); input {
		return thing + "Request"
	}
	return strings.TrimSuffix(name, "Body")
}

// enums are the values that several schemas have. They get a schema of their own, so that
// clients in typed languages have one type for them.
func enums() map[string]string {
	return map[string]string{
		"OrderStatus":   "PENDING,PAID,FAILED,EXPIRED,CANCELLED",
		"PaymentStatus": "PENDING,APPROVED,DECLINED,REFUNDED",
		"CardType":      "SAMSUNG,KB,HYUNDAI",
		"CouponType":    "FIXED,PERCENT",
		"ProductStatus": "ON_SALE,SOLD_OUT,HIDDEN",
		"RankingPeriod": "daily,weekly,monthly",
	}
}

func values(list string) (all []any) {
	for value := range strings.SplitSeq(list, ",") {
		all = append(all, value)
	}
	return all
}

// shareEnums replaces the values that several schemas have by a reference to one schema.
func (s *service) shareEnums() {
	schemas := s.huma.OpenAPI().Components.Schemas.Map()
	known := slices.Collect(maps.Values(schemas))
	for name, list := range enums() {
		shared := &huma.Schema{Type: huma.TypeString, Enum: values(list)}
		shared.PrecomputeMessages() // bodies of requests are checked by it
		for _, schema := range known {
			for property, p := range schema.Properties {
				if slices.Equal(p.Enum, shared.Enum) {
					schema.Properties[property] = &huma.Schema{Ref: schemasPrefix + name, Description: p.Description}
					schemas[name] = shared
				}
			}
		}
	}
}

// allowNull documents that an object in an answer may be null. huma knows null for values
// only. anyOf with null is the form that generators of clients understand.
func (s *service) allowNull() {
	schemas := s.huma.OpenAPI().Components.Schemas
	for name, schema := range schemas.Map() {
		t := schemas.TypeFromRef(schemasPrefix + name)
		if t == nil || t.Kind() != reflect.Struct {
			continue
		}
		for _, f := range reflect.VisibleFields(t) {
			property, options, _ := strings.Cut(f.Tag.Get("json"), ",")
			p := schema.Properties[property]
			if p == nil || p.Ref == "" || f.Type.Kind() != reflect.Pointer || strings.Contains(options, "omit") {
				continue
			}
			schema.Properties[property] = &huma.Schema{
				AnyOf: []*huma.Schema{{Ref: p.Ref}, {Type: "null"}}, Description: f.Tag.Get("doc"),
			}
		}
	}
}

// withoutOwnKeywords removes what is not a keyword of JSON Schema. huma has made its messages of it.
func (s *service) withoutOwnKeywords() {
	for _, schema := range s.huma.OpenAPI().Components.Schemas.Map() {
		for _, p := range schema.Properties {
			p.PatternDescription = ""
		}
	}
}
