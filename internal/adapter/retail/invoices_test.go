package retail_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/loopers-commerce/commerce/internal/adapter/retail"
	"github.com/loopers-commerce/commerce/internal/app/replay"
	"github.com/loopers-commerce/commerce/internal/base/clock"
)

func readInvoices(t *testing.T, lines ...string) retail.Invoices {
	t.Helper()
	b, err := retail.ReadInvoices(strings.NewReader(file(lines...)))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestTheLinesOfAnInvoiceAreOnePurchase(t *testing.T) {
	t.Parallel()
	b := readInvoices(t,
		"1,10002,POT,1,2010-12-01 23:59:00,1,111.0,UK",
		"1,10001,CUP,2,2010-12-02 00:00:00,1,111.0,UK",
		"2,10001,CUP,1,2010-12-01 08:00:00,1,112.0,UK",
		"1,10002,POT,4,2010-12-01 23:59:00,1,111.0,UK",
	)
	want := []replay.Invoice{
		{Number: "2", Customer: "c112", At: time.Date(2010, 12, 1, 8, 0, 0, 0, clock.KST), Items: []replay.Item{{SKU: "10001", Quantity: 1}}},
		{
			Number: "1", Customer: "c111", At: time.Date(2010, 12, 1, 23, 59, 0, 0, clock.KST),
			Items: []replay.Item{{SKU: "10001", Quantity: 2}, {SKU: "10002", Quantity: 5}},
		},
	}
	if diff := cmp.Diff(want, b.Invoices); diff != "" || b.Used != 4 {
		t.Errorf("used %d, (-want +got)\n%s", b.Used, diff)
	}
}

// cancels maps the number of each cancel to the purchase that it cancels.
func cancels(b retail.Invoices) map[string]string {
	found := map[string]string{}
	for _, i := range b.Invoices {
		if i.Cancels != "" {
			found[i.Number] = i.Cancels
		}
	}
	return found
}

func TestACancelMatchesTheLatestPurchaseWithItsItems(t *testing.T) {
	t.Parallel()
	b := readInvoices(t,
		"1,10001,CUP,5,2010-12-01 08:00:00,1,111.0,UK",
		"2,10001,CUP,5,2010-12-02 08:00:00,1,111.0,UK",
		"3,10001,CUP,2,2010-12-03 08:00:00,1,111.0,UK",
		"4,10001,CUP,9,2010-12-03 08:00:00,1,112.0,UK", // another customer
		"C5,10001,CUP,-3,2010-12-04 08:00:00,1,111.0,UK",
		"C6,10001,CUP,-3,2010-12-05 08:00:00,1,111.0,UK",
		"C7,10001,CUP,-3,2010-12-06 08:00:00,1,111.0,UK", // 3 has only two
		"8,10001,CUP,5,2010-12-07 08:00:00,1,111.0,UK",   // after C7
		"9,10001,CUP,5,2010-12-07 08:00:00,1,113.0,UK",
		"C10,10001,CUP,-5,2010-12-08 08:00:00,1,113.0,UK",
		"C10,10002,POT,-1,2010-12-08 08:00:00,1,113.0,UK", // 9 has no pot
		"C11,POST,POSTAGE,-1,2010-12-08 08:00:00,1,113.0,UK",
	)
	if diff := cmp.Diff(map[string]string{"C5": "2", "C6": "1"}, cancels(b)); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	if b.Dropped[retail.Unmatched] != 2 || b.Skipped[retail.NoProduct] != 1 {
		t.Errorf("dropped %v, skipped %v", b.Dropped, b.Skipped)
	}
}

func TestUnusableLinesAreCountedByReason(t *testing.T) {
	t.Parallel()
	b := readInvoices(t,
		"1,10001,CUP,1,2010-12-01 08:00:00,1,111.0,UK",
		"1,10001,CUP,99999999,2010-12-01 08:00:00,1,111.0,UK",
		"1,10001,CUP,1,2010-12-01 08:00:00,1,112.0,UK",
		"2,10001,CUP,1,2010-12-01 08:00:00,1,,UK",
		"2,10001,CUP,1,2010-12-01 08:00:00,1,O'Hara,UK",
		`"two words",10001,CUP,1,2010-12-01 08:00:00,1,111.0,UK`,
		"3,10001,CUP,-1,2010-12-01 08:00:00,1,111.0,UK",
		"C3,10001,CUP,1,2010-12-01 08:00:00,1,111.0,UK",
		"4,10001,CUP,1,2010-12-01 08:00:00,0,111.0,UK",
		"4,BANK CHARGES,FEE,1,2010-12-01 08:00:00,5,111.0,UK",
		"C5,10001,CUP,-9223372036854775808,2010-12-01 08:00:00,1,111.0,UK",
		"5,10001,CUP,1,2010-13-01 08:00:00,1,111.0,UK",
		"6,10001",
	)
	want := map[retail.Reason]int{
		retail.TooMany: 2, retail.NoCustomer: 3, retail.NoInvoice: 1, retail.Returned: 2, retail.NoPrice: 1,
		retail.NoProduct: 1, retail.Unreadable: 2,
	}
	if diff := cmp.Diff(want, b.Skipped); diff != "" || b.Lines != 13 || b.Used != 1 || len(b.Invoices) != 1 {
		t.Errorf("%d lines, %d used, %d invoices, skipped (-want +got)\n%s", b.Lines, b.Used, len(b.Invoices), diff)
	}
}

func TestBetweenKeepsWholeDays(t *testing.T) {
	t.Parallel()
	lines := []string{
		"1,10001,CUP,1,2010-11-30 23:59:59,1,111.0,UK",
		"2,10001,CUP,1,2010-12-01 00:00:00,1,111.0,UK",
		"3,10001,CUP,1,2010-12-02 23:59:59,1,111.0,UK",
		"4,10001,CUP,1,2010-12-03 00:00:00,1,111.0,UK",
	}
	for _, c := range []struct {
		first, last clock.Day
		want        string
	}{{0, 0, "1234"}, {20101201, 20101202, "23"}, {20101202, 0, "34"}, {0, 20101130, "1"}} {
		b := readInvoices(t, lines...)
		b.Between(c.first, c.last)
		got := ""
		for _, i := range b.Invoices {
			got += i.Number
		}
		if got != c.want {
			t.Errorf("Between(%d, %d) keeps %s, want %s", c.first, c.last, got, c.want)
		}
	}
}

func FuzzReadInvoices(f *testing.F) {
	f.Add([]byte(file("1,10001,CUP,6,2010-12-01 08:26:00,2.55,17850.0,UK", "C2,10001,CUP,-6,2010-12-01 09:26:00,2.55,17850.0,UK")))
	f.Add([]byte(file("1,10001,CUP,100000,2010-12-01 08:26:00,1,1,UK", "1,10001,CUP,100000,2010-12-01 08:26:00,1,1,UK")))
	f.Fuzz(func(t *testing.T, text []byte) {
		b, err := retail.ReadInvoices(strings.NewReader(string(text)))
		sum := b.Used
		for _, n := range b.Skipped {
			sum += n
		}
		if sum != b.Lines {
			t.Errorf("%d lines, but %d used or skipped (%v)", b.Lines, sum, err)
		}
		for _, i := range b.Invoices {
			if len(i.Items) == 0 || i.Number == "" || i.Customer == "" {
				t.Errorf("an invoice that cannot be replayed: %+v", i)
			}
			for _, item := range i.Items {
				if item.Quantity <= 0 {
					t.Errorf("invoice %s: %+v", i.Number, item)
				}
			}
		}
	})
}
