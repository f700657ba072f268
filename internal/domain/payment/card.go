package payment

import (
	"log/slog"
	"slices"

	"github.com/loopers-commerce/commerce/internal/base/cardno"
	"github.com/loopers-commerce/commerce/internal/base/fault"
)

// The card types that the shop takes.
const (
	Samsung = "SAMSUNG"
	KB      = "KB"
	Hyundai = "HYUNDAI"
)

// CardTypes lists the card types that the shop takes.
func CardTypes() []string { return []string{Samsung, KB, Hyundai} }

// Card is the part of a card that the shop stores.
type Card struct {
	Type  string
	Last4 string
}

// CardDetails is a card with its whole number. It is kept in memory only, and is
// printed and logged with the last four digits of the number.
type CardDetails struct {
	cardType string
	number   cardno.Number
}

// NewCardDetails checks the type and the number of a card. It ends in
// fault.ErrValidation with every complaint about them.
func NewCardDetails(cardType string, number cardno.Number) (CardDetails, error) {
	var c fault.Check
	c.That(slices.Contains(CardTypes(), cardType), "/payment/cardType", "must be one of %v", CardTypes())
	c.That(number.Valid(), "/payment/cardNo", "must be dddd-dddd-dddd-dddd")
	return CardDetails{cardType, number}, c.Err()
}

// Type returns the type of the card: one of CardTypes.
func (d CardDetails) Type() string { return d.cardType }

// Number returns the whole number of the card. It is for the gateway only.
func (d CardDetails) Number() cardno.Number { return d.number }

// Stored returns the part of the card that the shop stores.
func (d CardDetails) Stored() Card { return Card{d.cardType, d.number.Last4()} }

// String implements fmt.Stringer. fmt does not call the methods of unexported fields,
// so the number cannot mask itself here.
func (d CardDetails) String() string { return d.cardType + " " + d.number.String() }

// GoString implements fmt.GoStringer.
func (d CardDetails) GoString() string { return d.String() }

// LogValue implements slog.LogValuer.
func (d CardDetails) LogValue() slog.Value { return slog.StringValue(d.String()) }
