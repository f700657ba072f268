package chart_test

import (
	"encoding/xml"
	"errors"
	"io"
	"math"
	"regexp"
	"strings"
	"testing"

	"github.com/loopers-commerce/commerce/internal/test/kit/chart"
)

func html(t *testing.T, c chart.Chart) string {
	t.Helper()
	text, err := c.HTML()
	if err != nil {
		t.Fatal(err)
	}
	for d := xml.NewDecoder(strings.NewReader(string(text))); ; {
		if _, err := d.Token(); errors.Is(err, io.EOF) {
			return string(text)
		} else if err != nil {
			t.Fatalf("%v in\n%s", err, text)
		}
	}
}

func TestAChartNamesEverythingAndEscapesIt(t *testing.T) {
	t.Parallel()
	got := html(t, chart.Chart{
		Title: "Goodput & <p99>", X: chart.Axis{Label: "time (s)"}, Y: chart.Axis{Label: "orders per second"},
		Lines: []chart.Line{{Name: "offered", Color: chart.Gray, Dashed: true, Points: []chart.Point{{X: 0, Y: 900}, {X: 10, Y: 1000}}}},
		Marks: []chart.Mark{{At: 5, Label: "the peak"}},
	})
	for _, want := range []string{
		"Goodput &amp; &lt;p99&gt;", ">time (s)<", ">orders per second<", "</svg>offered</li>", ">the peak<", "line gray dashed", ">1,000</text>", ">10</text>",
		"offered: 900 orders per second at 0",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("%q is missing in\n%s", want, got)
		}
	}
}

// The frame is from 72 to 612 and from 252 up to 14.
func TestPointsAreWhereTheirValuesAre(t *testing.T) {
	t.Parallel()
	path := regexp.MustCompile(`class="line blue" d="(M[^H"]*)"`)
	for name, c := range map[string]struct {
		y      chart.Axis
		points []chart.Point
		want   string
	}{
		"linear":      {chart.Axis{}, []chart.Point{{0, 0}, {5, 50}, {10, 100}}, "M72.0 252.0L342.0 133.0L612.0 14.0"},
		"logarithmic": {chart.Axis{Log: true}, []chart.Point{{0, 1}, {5, 10}, {10, 100}}, "M72.0 252.0L342.0 133.0L612.0 14.0"},
		"with a gap":  {chart.Axis{}, []chart.Point{{0, 0}, {5, math.NaN()}, {10, 100}}, "M72.0 252.0M612.0 14.0"},
		"further":     {chart.Axis{Most: 200}, []chart.Point{{0, 0}, {10, 100}}, "M72.0 252.0L612.0 133.0"},
		"round":       {chart.Axis{}, []chart.Point{{0, 0}, {10, 75}}, "M72.0 252.0L612.0 28.9"}, // of 80
	} {
		got := path.FindStringSubmatch(html(t, chart.Chart{Y: c.y, Lines: []chart.Line{{Color: chart.Blue, Points: c.points}}}))
		if len(got) != 2 || got[1] != c.want {
			t.Errorf("%s: %v, want %s", name, got, c.want)
		}
	}
}

func TestAChartWithoutValuesIsDrawn(t *testing.T) {
	t.Parallel()
	for _, log := range []bool{false, true} {
		for _, points := range [][]chart.Point{nil, {{0, 0}}, {{1, math.NaN()}}} {
			got := html(t, chart.Chart{X: chart.Axis{Log: log}, Y: chart.Axis{Log: log}, Lines: []chart.Line{{Name: "none", Points: points}}})
			if strings.Contains(got, "NaN cx") || strings.Contains(got, "Inf") || strings.Contains(got, "NaN") {
				t.Errorf("%v:\n%s", points, got)
			}
		}
	}
}

func TestTicksAreRound(t *testing.T) {
	t.Parallel()
	tick := regexp.MustCompile(`class="tick end"[^>]*>([^<]*)<`)
	for _, c := range []struct {
		least, most float64
		log         bool
		want        string
	}{
		{0, 1, false, "0 0.2 0.4 0.6 0.8 1"},
		{0, 93, false, "0 20 40 60 80 100"},
		{0, 1234, false, "0 500 1,000 1,500"},
		{3, 40, true, "2 5 10 20 50"},
		{0.7, 4000, true, "1 10 100 1,000"},
	} {
		got := html(t, chart.Chart{Y: chart.Axis{Log: c.log}, Lines: []chart.Line{{Points: []chart.Point{{0, c.least}, {1, c.most}}}}})
		var labels []string
		for _, m := range tick.FindAllStringSubmatch(got, -1) {
			labels = append(labels, m[1])
		}
		if text := strings.Join(labels, " "); text != c.want {
			t.Errorf("%v to %v: %s, want %s", c.least, c.most, text, c.want)
		}
	}
}
