package process_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// recount runs the recount program, which shares no code with the shop, and returns the
// lines that it prints.
func recount(t *testing.T, args ...string) []string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "go", append([]string{"run", "./testdata/recount"}, args...)...)
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	return strings.Fields(string(out))
}

// written writes a file and returns its path.
func written(t *testing.T, name, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// The scores are computed by hand: an order of 1,750 won has the logarithm 7468, one of
// 3,500 won 8161, one of 5,250 won 8566; a point of an order is worth 700.
func TestTheRecountRanksDaysWeeksAndMonths(t *testing.T) {
	t.Parallel()
	file := written(t, "invoices.csv", strings.Join([]string{
		"InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country",
		"536001,10001,CUP,1,2010-12-31 23:59:59,1.00,17850,UK",
		"536002,10002,LAMP,2,2011-01-01 00:00:00,1.00,17850,UK",
		"536003,10003,SOCKS,2,2011-01-02 12:00:00,1.00,17850,UK",
		"536004,10001,CUP,3,2011-01-03 12:00:00,1.00,17850,UK",
		"536005,10003,SOCKS,5,2011-01-03 13:00:00,1.00,17851,UK",
		"C536006,10003,SOCKS,-5,2011-01-04 12:00:00,1.00,17851,UK",
	}, "\n"))
	ids := written(t, "ids", "10001,7\n10002,8\n10003,9\n")
	for rank, want := range map[string][]string{
		"monthly": {
			"2010-12,1,7,5227600,0,0,1,1,1750",
			"2011-01,1,7,5996200,0,0,1,3,5250", "2011-01,2,9,5712700,0,0,1,2,3500", "2011-01,3,8,5712700,0,0,1,2,3500",
		},
		"weekly": { // 2 January 2011 is the Sunday of the last week of 2010
			"2010-W52,1,9,5712700,0,0,1,2,3500", "2010-W52,2,8,5712700,0,0,1,2,3500", "2010-W52,3,7,5227600,0,0,1,1,1750",
			"2011-W01,1,7,5996200,0,0,1,3,5250",
		},
	} {
		got := recount(t, "-rank", rank, "-products", ids, "-views", "0", "-likes", "0", file)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: period,rank,product,score,views,likes,orders,quantity,amount (-want +got)\n%s", rank, diff)
		}
	}
	daily := recount(t, "-rank", "daily", "-products", ids, "-views", "0", "-likes", "0", file)
	want := []string{
		"20101231,1,7,5227600,0,0,1,1,1750",
		"20110101,1,8,5712700,0,0,1,2,3500", "20110101,2,7,522760,0,0,0,0,0",
		"20110102,1,9,5712700,0,0,1,2,3500", "20110102,2,8,571270,0,0,0,0,0", "20110102,3,7,52276,0,0,0,0,0",
		"20110103,1,7,6001427,0,0,1,3,5250", "20110103,2,9,571270,0,0,0,0,0", "20110103,3,8,57127,0,0,0,0,0",
	}
	if diff := cmp.Diff(want, daily[:min(len(want), len(daily))]); diff != "" {
		t.Errorf("daily (-want +got)\n%s", diff)
	}
	if end := daily[len(daily)-1]; end != "20110109,1,7,5,0,0,0,0,0" {
		t.Errorf("the last day with a carry-over is %s", end)
	}
}
