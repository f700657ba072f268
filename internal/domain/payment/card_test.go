package payment_test

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/loopers-commerce/commerce/internal/base/fault"
	"github.com/loopers-commerce/commerce/internal/domain/payment"
)

func TestTheShopStoresTheTypeAndLastDigitsOfACard(t *testing.T) {
	t.Parallel()
	d, err := payment.NewCardDetails(payment.Samsung, "1234-5678-9814-1451")
	if err != nil || d.Stored() != card || d.Type() != payment.Samsung || d.Number() != "1234-5678-9814-1451" {
		t.Errorf("%+v, %v", d, err)
	}
}

func TestNewCardDetailsReturnsEveryComplaintWithoutTheNumber(t *testing.T) {
	t.Parallel()
	_, err := payment.NewCardDetails("GOLD", "1234567898141451")
	f, ok := errors.AsType[*fault.Error](err)
	if !ok || len(f.Fields) != 2 || f.Fields[0].Pointer != "/payment/cardType" || f.Fields[1].Pointer != "/payment/cardNo" {
		t.Fatalf("two mistakes: %v", err)
	}
	if strings.Contains(err.Error(), "9814") {
		t.Errorf("the number is in the error: %v", err)
	}
}

func TestCardDetailsArePrintedWithFourDigits(t *testing.T) {
	t.Parallel()
	d, err := payment.NewCardDetails(payment.KB, "1234-5678-9814-1451")
	if err != nil {
		t.Fatal(err)
	}
	var log bytes.Buffer
	slog.New(slog.NewTextHandler(&log, nil)).Info("a card", "card", d, "pointer", &d)
	request := payment.ChargeRequest{Card: d}
	text := fmt.Sprintf("%v %+v %#v %s %q %v %+v %#v", d, d, d, d, d, request, request, request) + log.String()
	for _, digits := range []string{"1234", "5678", "9814"} {
		if strings.Contains(text, digits) {
			t.Errorf("%s is in %s", digits, text)
		}
	}
	if !strings.Contains(text, "KB ****-****-****-1451") {
		t.Errorf("no last digits in %s", text)
	}
}
