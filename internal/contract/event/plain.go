package event

import (
	"bytes"
	"strconv"

	"github.com/loopers-commerce/commerce/internal/base/id"
)

// Most events are views. Their JSON, and that of likes, has one form if it comes from this
// program, and that form is read without a decoder. Anything else is left to the decoder:
// other spaces, another order, more fields, escapes, wrong values.

// plainFields reads {"productId":17,"userId":"0192f0c1-0000-7000-8000-00000000000a"}, or
// null as the user. It reports false for every other form.
func plainFields(data []byte) (productID int64, user id.ID, visitor, ok bool) {
	rest, ok := bytes.CutPrefix(data, []byte(`{"productId":`))
	if !ok {
		return 0, id.ID{}, false, false
	}
	n := 0
	for ; n < len(rest) && rest[n]-'0' <= 9; n++ {
		productID = productID*10 + int64(rest[n]-'0')
	}
	if n == 0 || n > 18 || rest[0] == '0' { // 18 digits always fit
		return 0, id.ID{}, false, false
	}
	if rest, ok = bytes.CutPrefix(rest[n:], []byte(`,"userId":`)); !ok {
		return 0, id.ID{}, false, false
	}
	if string(rest) == "null}" {
		return productID, id.ID{}, true, true
	}
	if len(rest) != len(`"0192f0c1-0000-7000-8000-00000000000a"}`) || rest[0] != '"' || string(rest[37:]) != `"}` {
		return 0, id.ID{}, false, false
	}
	user, err := id.ParseBytes(rest[1:37])
	return productID, user, false, err == nil
}

// AppendJSON appends the JSON of the event, as json.Marshal does.
func (e ProductViewed) AppendJSON(to []byte) []byte {
	to = strconv.AppendInt(append(to, `{"productId":`...), e.ProductID, 10)
	if e.UserID == nil {
		return append(to, `,"userId":null}`...)
	}
	return append(e.UserID.Append(append(to, `,"userId":"`...)), `"}`...)
}

func decodeViewed(data []byte) (Event, error) {
	productID, user, visitor, ok := plainFields(data)
	switch {
	case !ok:
		return decode[ProductViewed](data)
	case visitor:
		return NewProductViewed(productID, nil), nil
	default:
		return NewProductViewed(productID, &user), nil
	}
}

func decodeLiked(data []byte) (Event, error) {
	if productID, user, visitor, ok := plainFields(data); ok && !visitor {
		return NewProductLiked(productID, user), nil
	}
	return decode[ProductLiked](data)
}

func decodeUnliked(data []byte) (Event, error) {
	if productID, user, visitor, ok := plainFields(data); ok && !visitor {
		return NewProductUnliked(productID, user), nil
	}
	return decode[ProductUnliked](data)
}
