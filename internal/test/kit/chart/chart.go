// Package chart draws line charts as SVG inside of HTML: no script, nothing from the
// network, and colors from the style sheet of the page, so that a chart is right on light
// and dark paper.
package chart

import (
	"embed"
	"html/template"
	"math"
	"strings"
)

// Chart is a chart with one or more lines.
type Chart struct {
	Title string
	X, Y  Axis
	Lines []Line
	// Marks are values of x at which something happens.
	Marks []Mark
}

// Axis is an axis. It begins at 0, or near the least value if it is logarithmic. That of x
// ends at the last value.
type Axis struct {
	Label string // with the unit
	Log   bool
	Most  float64 // the axis reaches as far as this, even if no value does
	Ticks []Tick  // nil: round values
}

// Tick is a value that is written at an axis.
type Tick struct {
	At    float64
	Label string
}

// Line is a line through points. It is interrupted at a point whose Y is not a number.
type Line struct {
	Name   string
	Color  Color
	Dashed bool
	Dots   bool // at each point
	Points []Point
}

// Point is a point of a line.
type Point struct{ X, Y float64 }

// Mark is a vertical line with a name.
type Mark struct {
	At    float64
	Label string
}

// Color is a color of the style sheet.
type Color string

// The colors, by what they say.
const (
	Blue   Color = "blue"
	Green  Color = "green"
	Orange Color = "orange"
	Red    Color = "red"
	Purple Color = "purple"
	Gray   Color = "gray"
)

// The size of the picture and of the frame in it, in units of the SVG.
const (
	width, height            = 640, 300
	left, right, top, bottom = 72, 28, 14, 48
)

var (
	//go:embed chart.html
	files embed.FS
	// page is parsed once: it is part of the program.
	page = template.Must(template.ParseFS(files, "chart.html"))
)

// Style is the style sheet of all charts.
//
//go:embed chart.css
var Style template.CSS

// HTML returns the chart as a figure.
func (c Chart) HTML() (template.HTML, error) {
	var out strings.Builder
	err := page.Execute(&out, c.layout())
	return template.HTML(out.String()), err // html/template has escaped it
}

// layout is a chart in units of the SVG.
type layout struct {
	Chart

	Width, Height, Left, Right, Top, Bottom float64
	XTicks, YTicks                          []Tick
	Drawn                                   []drawn
	MarksAt                                 []Tick
	MiddleX, MiddleY, LabelY                float64
}

// drawn is a line in units of the SVG.
type drawn struct {
	Line

	Path string
	At   []dot
}

// dot is a point with its values as text.
type dot struct {
	X, Y float64
	Says string
}

func (c Chart) layout() layout {
	var xs, ys []float64
	for _, l := range c.Lines {
		for _, p := range l.Points {
			if !math.IsNaN(p.Y) {
				xs, ys = append(xs, p.X), append(ys, p.Y)
			}
		}
	}
	x := newScale(c.X, xs, left, width-right, false)
	y := newScale(c.Y, ys, height-bottom, top, true)
	out := layout{
		Chart: c, Width: width, Height: height, Left: left, Right: width - right, Top: top, Bottom: height - bottom,
		XTicks: x.ticks(), YTicks: y.ticks(), MiddleX: (left + width - right) / 2, MiddleY: (top + height - bottom) / 2, LabelY: height - 8,
	}
	for _, l := range c.Lines {
		out.Drawn = append(out.Drawn, draw(l, x, y))
	}
	for _, m := range c.Marks {
		out.MarksAt = append(out.MarksAt, Tick{x.at(m.At), m.Label})
	}
	return out
}

func draw(l Line, x, y scale) drawn {
	d := drawn{Line: l}
	var path strings.Builder
	command := "M"
	for _, p := range l.Points {
		if math.IsNaN(p.Y) || y.Log && p.Y <= 0 {
			command = "M"
			continue
		}
		at := dot{x.at(p.X), y.at(p.Y), l.Name + ": " + number(p.Y) + " " + y.Label + " at " + x.say(p.X)}
		d.At = append(d.At, at)
		path.WriteString(command + fixed(at.X) + " " + fixed(at.Y))
		command = "L"
	}
	d.Path = path.String()
	return d
}
