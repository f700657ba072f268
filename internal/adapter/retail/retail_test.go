package retail_test

import (
	"bytes"
	"compress/gzip"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/loopers-commerce/commerce/internal/adapter/retail"
	"github.com/loopers-commerce/commerce/internal/app/seed"
)

const checkHeader = "InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country\n"

func file(lines ...string) string { return checkHeader + strings.Join(lines, "\n") + "\n" }

func TestReadParsesALine(t *testing.T) {
	t.Parallel()
	var got []retail.Line
	err := retail.Read(strings.NewReader(file(`C536365,85123a ,"RECORD  FRAME 7"" ",-6,2010-12-01 08:26:00,2.55,17850.0,United Kingdom`)),
		func(l retail.Line) error { got = append(got, l); return nil },
		func(line int, err error) { t.Errorf("line %d: %v", line, err) })
	want := []retail.Line{{
		Invoice: "C536365", SKU: "85123A", Name: `RECORD FRAME 7"`, Quantity: -6, Price: 4463,
		At:       time.Date(2010, 12, 1, 8, 26, 0, 0, time.UTC),
		Customer: "17850", Country: "United Kingdom", Cancelled: true,
	}}
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		t.Errorf("Read = %v, (-want +got)\n%s", err, diff)
	}
}

func TestReadAcceptsGzipAndPlainText(t *testing.T) {
	t.Parallel()
	var zipped bytes.Buffer
	w := gzip.NewWriter(&zipped)
	if _, err := w.Write([]byte(file("1,10001,A,1,2010-12-01 08:26:00,1,,UK"))); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	c, err := retail.ReadCatalogue(&zipped)
	if err != nil || c.Used != 1 {
		t.Errorf("ReadCatalogue = %d used, %v; want 1", c.Used, err)
	}
}

func TestReadRejectsOtherFiles(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"", "x", "a,b,c\n1,2,3\n", strings.Replace(checkHeader, "StockCode", "SKU", 1)} {
		if _, err := retail.ReadCatalogue(strings.NewReader(text)); !errors.Is(err, retail.ErrNotRetail) {
			t.Errorf("ReadCatalogue(%q) = %v, want ErrNotRetail", text, err)
		}
	}
}

func TestReadCountsBadLinesAndContinues(t *testing.T) {
	t.Parallel()
	c, err := retail.ReadCatalogue(strings.NewReader(file(
		"1,10001,A,1,2010-12-01 08:26:00,1,,UK",
		"1,10001,A,many,2010-12-01 08:26:00,1,,UK",
		"1,10001,A,99999999999999999999,2010-12-01 08:26:00,1,,UK",
		"1,10001,A,1,yesterday,1,,UK",
		"1,10001,A,1,2010-12-01 08:26:00,NaN,,UK",
		"1,10001,A\x00,1,2010-12-01 08:26:00,1,,UK",
		"1,10001,A",
		"1,10002,B,1,2010-12-01 08:26:00,1,,UK",
	)))
	if err != nil || c.Lines != 8 || c.Used != 2 || c.Skipped[retail.Unreadable] != 6 {
		t.Errorf("ReadCatalogue = %d lines, %d used, %d unreadable, %v; want 8, 2, 6", c.Lines, c.Used, c.Skipped[retail.Unreadable], err)
	}
	if len(c.Broken) != 6 || !strings.HasPrefix(c.Broken[0], "line 3 ") {
		t.Errorf("Broken = %q, want six, the first for line 3", c.Broken)
	}
}

func TestDatesAreReadInAllFormatsOfTheDataSet(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"2010-12-01 08:26:05": "2010-12-01 08:26:05", "2010-12-01 08:26": "2010-12-01 08:26:00",
		"12/1/2010 8:26": "2010-12-01 08:26:00", "12/31/2010 18:06": "2010-12-31 18:06:00",
		"31/12/2010 8:26": "", "2010-12-01": "", "": "",
	} {
		var got string
		err := retail.Read(strings.NewReader(file("1,10001,A,1,"+text+",1,,UK")), func(l retail.Line) error {
			got = l.At.Format(time.DateTime)
			return nil
		}, func(int, error) {})
		if err != nil || got != want {
			t.Errorf("%q is %q, %v; want %q", text, got, err, want)
		}
	}
}

func TestTheCatalogueHasTheSoldProductsAndCountsSkippedLines(t *testing.T) {
	t.Parallel()
	c, err := retail.ReadCatalogue(strings.NewReader(file(
		"1,10001,LAMP,600,2010-12-01 08:26:00,2,111.0,UK",
		"2,10001,LAMP,300,2010-12-01 08:26:00,2,112.0,UK",
		"3,10001,BROKEN LAMP,100,2010-12-01 08:26:00,1,111.0,UK",
		"3,10002,,1,2010-12-01 08:26:00,1,111.0,UK",
		"3,10002,a\u202eb,1,2010-12-01 08:26:00,1,111.0,UK",
		"3,10005,\u00a0POT  of tea ,1,2010-12-01 08:26:00,1,111.0,UK",
		"3,10005,POT of  tea,1,2010-12-01 08:26:00,1,111.0,UK",
		"3,10005,PAN,1,2010-12-01 08:26:00,1,111.0,UK",
		"3,POST,POSTAGE,1,2010-12-01 08:26:00,18,113.0,UK",
		"C4,10001,LAMP,-3,2010-12-01 08:26:00,2,111.0,UK",
		"5,10003,LOST,-9,2010-12-01 08:26:00,0,,UK",
		"6,10004,GIFT,1,2010-12-01 08:26:00,0,,UK",
	)))
	if err != nil {
		t.Fatal(err)
	}
	wantSkipped := map[retail.Reason]int{retail.NoProduct: 1, retail.Returned: 2, retail.NoPrice: 1}
	if diff := cmp.Diff(wantSkipped, c.Skipped); diff != "" {
		t.Errorf("skipped (-want +got)\n%s", diff)
	}
	want := []seed.Product{
		{SKU: "10001", Name: "LAMP", Price: 3500, Stock: 2000},
		{SKU: "10002", Name: "10002", Price: 1750, Stock: 1000},
		{SKU: "10005", Name: "POT of tea", Price: 1750, Stock: 1000},
	}
	if diff := cmp.Diff(want, c.Shop.Brands[0].Products); diff != "" {
		t.Errorf("products (-want +got)\n%s", diff)
	}
	var logins []string
	for _, customer := range c.Shop.Customers {
		logins = append(logins, customer.LoginID)
	}
	if diff := cmp.Diff([]string{"c111", "c112", "c113"}, logins); diff != "" {
		t.Errorf("customers (-want +got)\n%s", diff)
	}
}

func FuzzRead(f *testing.F) {
	f.Add([]byte(file("536365,85123A,HEART,6,2010-12-01 08:26:00,2.55,17850.0,United Kingdom")))
	f.Add([]byte(file(`1,"1,2`, `"`, ",,,,,,,", "1,10001,A,-9223372036854775808,2010-12-01 08:26:00,1e308,,UK")))
	f.Add([]byte{0x1f, 0x8b, 8, 0})
	f.Fuzz(func(t *testing.T, text []byte) {
		c, err := retail.ReadCatalogue(bytes.NewReader(text))
		sum := c.Used
		for _, n := range c.Skipped {
			sum += n
		}
		if sum != c.Lines {
			t.Errorf("%d lines, but %d used or skipped (%v)", c.Lines, sum, err)
		}
		for _, b := range c.Shop.Brands {
			for _, p := range b.Products {
				if p.Price <= 0 || p.Stock <= 0 || p.Name == "" {
					t.Errorf("an invalid product: %+v", p)
				}
			}
		}
	})
}
