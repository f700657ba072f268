package pgclient

import (
	"encoding/json"
	"net/http"

	"github.com/loopers-commerce/commerce/internal/contract/pgwire"
)

// meaning is what an answer means.
type meaning uint8

// The meanings. Only yes and no are definite.
const (
	doubt meaning = iota // the gateway may have done what was asked, or not
	yes
	no
)

// meaningOf is the one rule of what an answer means. data: the body has data. named: it
// has the key of a transaction, anywhere.
//
// A refusal is the gateway's own FAIL with an error code, and nothing else in the body.
// The status may be that of a refusal, or 2xx: several gateways answer 200 to everything.
// A FAIL that still names a transaction contradicts itself. So does one with the code that
// the wire has for "it may have succeeded or not". Both are doubt, and so is all the rest.
//
// A status that decides alone, such as 500 or 429, does not come here: see statusError.
func meaningOf(status int, m pgwire.Meta, data, named bool) meaning {
	refuses := isGood(status) || status >= http.StatusBadRequest
	switch {
	case isGood(status) && m.Result == pgwire.OK && data:
		return yes
	case refuses && m.Result == pgwire.Fail && !data && !named && saysWhy(m):
		return no
	default:
		return doubt
	}
}

func isGood(status int) bool { return status >= http.StatusOK && status < http.StatusMultipleChoices }

// saysWhy reports whether a failure has a code that makes it definite.
func saysWhy(m pgwire.Meta) bool {
	return m.ErrorCode != nil && *m.ErrorCode != "" && *m.ErrorCode != pgwire.Internal
}

// namesTransaction reports whether a body has the key of a transaction anywhere.
func namesTransaction(text []byte) bool {
	var body any
	return json.Unmarshal(text, &body) == nil && hasKey(body)
}

func hasKey(value any) bool {
	switch v := value.(type) {
	case map[string]any:
		for name, inner := range v {
			if name == "transactionKey" && inner != nil && inner != "" || hasKey(inner) {
				return true
			}
		}
	case []any:
		for _, inner := range v {
			if hasKey(inner) {
				return true
			}
		}
	}
	return false
}

// metaOf returns the result in a body; the zero value if there is none.
func metaOf(text []byte) pgwire.Meta {
	var a pgwire.Answer[json.RawMessage]
	if len(text) > maxAnswer || json.Unmarshal(text, &a) != nil {
		return pgwire.Meta{}
	}
	return a.Meta
}

// said returns the code and the message of a result, in a form that is safe to store.
func said(m pgwire.Meta) string {
	text := ""
	if m.ErrorCode != nil {
		text = clean(*m.ErrorCode)
	}
	if m.Message != nil {
		text += ", " + clean(*m.Message)
	}
	return text
}

// quoted returns what a result says, behind a colon; empty if it says nothing.
func quoted(m pgwire.Meta) string {
	if text := said(m); text != "" {
		return ": " + text
	}
	return ""
}
