package chart

import (
	"math"
	"slices"
	"strconv"
	"strings"
)

// scale places values between two positions.
type scale struct {
	Axis

	from, to   float64 // values
	begin, end float64 // positions
}

// newScale returns a scale for values. A round one ends at a round value.
func newScale(a Axis, values []float64, begin, end float64, round bool) scale {
	s := scale{Axis: a, begin: begin, end: end, to: a.Most}
	if len(values) > 0 {
		s.to = max(s.to, slices.Max(values))
	}
	if !a.Log {
		if s.to <= 0 {
			s.to = 1
		}
		if round && a.Ticks == nil {
			s.to = math.Ceil(s.to/s.step()-1e-9) * s.step()
		}
		return s
	}
	s.from = s.to
	for _, v := range values {
		if v > 0 {
			s.from = min(s.from, v)
		}
	}
	if s.to <= 0 {
		s.from, s.to = 1, 10
	}
	s.from, s.to = roundDown(s.from), roundUp(s.to)
	return s
}

// at returns the position of a value.
func (s scale) at(v float64) float64 {
	v = min(max(v, s.from), s.to)
	share := (v - s.from) / (s.to - s.from)
	if s.Log {
		share = math.Log(v/s.from) / math.Log(s.to/s.from)
	}
	return s.begin + share*(s.end-s.begin)
}

// ticks returns the positions of the values that are written.
func (s scale) ticks() (at []Tick) {
	given := s.Ticks
	if given == nil {
		for _, v := range s.values() {
			given = append(given, Tick{v, number(v)})
		}
	}
	for _, t := range given {
		if t.At >= s.from*0.999 && t.At <= s.to*1.001 {
			at = append(at, Tick{s.at(t.At), t.Label})
		}
	}
	return at
}

// values returns round values, from a little below the scale on.
func (s scale) values() (all []float64) {
	if !s.Log {
		for i := 0; float64(i)*s.step() <= s.to*1.001; i++ {
			all = append(all, float64(i)*s.step())
		}
		return all
	}
	const many = 150 // times: only powers of 10 have room
	for decade := math.Pow10(int(math.Floor(math.Log10(s.from) + 1e-9))); decade <= s.to*1.001; decade *= 10 {
		all = append(all, decade)
		if s.to/s.from <= many {
			all = append(all, 2*decade, 5*decade)
		}
	}
	return all
}

// say names a value of the axis.
func (s scale) say(v float64) string {
	for _, t := range s.Ticks {
		if math.Abs(t.At-v) < 1e-9 {
			return t.Label
		}
	}
	return number(v)
}

// step is the distance of round values: 1, 2 or 5 times a power of 10.
func (s scale) step() float64 {
	const about = 5 // values
	exact := s.to / about
	decade := math.Pow10(int(math.Floor(math.Log10(exact))))
	for _, times := range []float64{1, 2, 5} {
		if exact <= times*decade*1.0001 {
			return times * decade
		}
	}
	return 10 * decade
}

// roundDown and roundUp return the next 1, 2 or 5 times a power of 10.
func roundDown(v float64) float64 {
	decade := math.Pow10(int(math.Floor(math.Log10(v) + 1e-9)))
	for _, times := range []float64{5, 2} {
		if times*decade <= v*1.0001 {
			return times * decade
		}
	}
	return decade
}

func roundUp(v float64) float64 {
	down := roundDown(v)
	if down >= v*0.9999 {
		down = roundDown(v * 0.999)
	}
	for _, times := range []float64{2, 2.5} {
		if up := roundDown(down * times * 1.001); up >= v*0.9999 && up > down {
			return up
		}
	}
	return down * 10
}

// number writes a value with three digits at most, and large ones with commas.
func number(v float64) string {
	if math.Abs(v) < 100 {
		return strconv.FormatFloat(v, 'g', 3, 64)
	}
	text := strconv.FormatFloat(v, 'f', 0, 64)
	var out strings.Builder
	for i, digit := range text {
		if i > 0 && (len(text)-i)%3 == 0 {
			out.WriteByte(',')
		}
		out.WriteRune(digit)
	}
	return out.String()
}

func fixed(v float64) string { return strconv.FormatFloat(v, 'f', 1, 64) }
