package load

import (
	"embed"
	"fmt"
	"html/template"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"github.com/loopers-commerce/commerce/internal/test/kit/chart"
	"github.com/loopers-commerce/commerce/internal/test/kit/openloop"
)

var (
	//go:embed report.html report.css
	files embed.FS
	//go:embed report.css
	style template.CSS
	// page is parsed once: it is part of the program.
	page = template.Must(template.New("report.html").Funcs(template.FuncMap{
		"ms": ms, "rate": func(v float64) string { return fmt.Sprintf("%.0f", v) },
		"ratio": func(v float64) string { return fmt.Sprintf("%.2f", v) }, "share": func(v float64) string { return fmt.Sprintf("%.0f %%", 100*v) },
		"seconds": func(d time.Duration) string { return fmt.Sprintf("%.0f s", d.Seconds()) },
	}).ParseFS(files, "report.html"))
)

// document is what the report shows.
type document struct {
	ChartStyle, Style template.CSS
	Begun             time.Time
	Machine           string
	Products          int
	Broken            []string
	Baselines         []baseline
	Sections          []section
}

// section is a scenario in the report.
type section struct {
	*Result

	Ran      time.Duration
	Total    *openloop.Kind // nil: there are sweeps
	Charts   []template.HTML
	Rows     []row
	Whys     []why
	Met, Of  int // thresholds
	Right    int // effects
	WrongAll int64
}

// row is one kind of request.
type row struct {
	Load             string // of a sweep; empty: none
	Name             string
	Offered, Goodput float64
	Verdicts         openloop.Counts
	P50, P99, P999   time.Duration
	FromSend         time.Duration // p99
	Beside           time.Duration // p99 of the others, in a sweep
}

// why says why some requests were not OK.
type why struct {
	Kind  string
	Count int64
	Why   string
}

// write writes the report as one HTML file that needs nothing else.
func (r *runner) write(path string) error {
	d := document{
		ChartStyle: chart.Style, Style: style, Begun: r.begun, Products: r.Products.Get(), Broken: r.broken(), Baselines: r.baselines,
		Machine: fmt.Sprintf("%d processors, which customers, programs and servers share; %s", runtime.NumCPU(), runtime.Version()),
	}
	for _, result := range r.results {
		s, err := newSection(result)
		if err != nil {
			return err
		}
		d.Sections = append(d.Sections, s)
	}
	var out strings.Builder
	if err := page.Execute(&out, d); err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o750); err != nil {
		return err
	}
	return os.WriteFile(path, []byte(out.String()), 0o600)
}

func newSection(r *Result) (section, error) {
	s := section{Result: r, Of: len(r.Thresholds), WrongAll: r.count(openloop.Wrong)}
	charts := sweepCharts(r.Sweeps)
	if rec := r.Recording; rec != nil {
		s.Ran, s.Total = rec.Ran, rec.All()
		charts = append(charts, goodputChart(rec), timeChart(rec), dueChart(rec), kindChart(rec))
		for _, k := range rec.Kinds() {
			s.Rows = append(s.Rows, newRow("", k, rec.Ran))
		}
	}
	for _, sweep := range r.Sweeps {
		for _, o := range sweep.Points {
			s.Ran += o.Ran
			row := newRow(fmt.Sprintf("x %g", o.Times), o.Flow, o.Ran)
			if o.Beside != nil {
				row.Beside = o.Beside.FromDue.At(99)
			}
			s.Rows = append(s.Rows, row)
		}
	}
	for _, c := range charts {
		text, err := c.HTML()
		if err != nil {
			return s, err
		}
		s.Charts = append(s.Charts, text)
	}
	s.count()
	return s, nil
}

func (s *section) count() {
	for _, t := range s.Thresholds {
		if t.Met {
			s.Met++
		}
	}
	for _, e := range s.Effects {
		if e.OK {
			s.Right++
		}
	}
	for _, k := range s.kinds() {
		for text, n := range k.Whys {
			s.Whys = append(s.Whys, why{k.Name, n, text})
		}
	}
}

func newRow(load string, k *openloop.Kind, ran time.Duration) row {
	return row{
		Load: load, Name: k.Name, Offered: float64(k.Verdicts.All()) / max(ran.Seconds(), 1e-3), Goodput: k.Goodput(ran), Verdicts: k.Verdicts,
		P50: k.FromDue.At(50), P99: k.FromDue.At(99), P999: k.FromDue.At(99.9), FromSend: k.FromSend.At(99),
	}
}
