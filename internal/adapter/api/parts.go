package api

import (
	"strings"

	"github.com/loopers-commerce/commerce/internal/base/cardno"
	"github.com/loopers-commerce/commerce/internal/base/fault"
)

// wrongPart says what is wrong with one part of a request.
type wrongPart struct {
	Pointer   *string `json:"pointer" doc:"JSON pointer (RFC 6901) into the body, \"\" for all of it; null for a parameter." example:"/items/1/productId"`
	Parameter *string `json:"parameter" doc:"Name of the parameter in the path, the query or a header; null for a part of the body." example:"size"`
	Detail    string  `json:"detail" example:"is required"`
}

// wrongParts returns fields as they are answered. Names are masked: an unknown name may be a card number.
func wrongParts(fields []fault.Field) (parts []wrongPart) {
	for _, f := range fields {
		name := cardno.Mask(f.Pointer)
		if name == "" || strings.HasPrefix(name, "/") {
			parts = append(parts, wrongPart{Pointer: &name, Detail: f.Detail})
		} else {
			parts = append(parts, wrongPart{Parameter: &name, Detail: f.Detail})
		}
	}
	return parts
}
