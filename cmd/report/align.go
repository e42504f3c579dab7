package report

import (
	"fmt"
	"math"
	"slices"
	"strings"
)

// chartData is a chart as the page's JSON has it: the places of all series, and for each series its values there.
type chartData struct {
	ID     string       `json:"id"`
	Title  string       `json:"title"`
	X      axisData     `json:"x"`
	Y      axisData     `json:"y"`
	Series []seriesData `json:"series"`
	// Data begins with the places; null is where a series has no value.
	Data [][]*float64 `json:"data"`
}

type axisData struct {
	Title string `json:"title"`
	Unit  Unit   `json:"unit"`
	Scale Scale  `json:"scale"`
}

type seriesData struct {
	Name   string `json:"name"`
	Color  int    `json:"color"`
	Dashed bool   `json:"dashed"`
	// Gaps are the indices of the places where a value is missing; at others without a value the series has no point.
	Gaps []int `json:"gaps"`
}

// colors is the number of colors that the page knows.
const colors = 8

// align brings the series of a chart to the same places.
func (c *Chart) align(id string) (chartData, error) {
	d := chartData{ID: id, Title: c.Title, X: c.X.data(), Y: c.Y.data(), Series: []seriesData{}}
	var places []float64
	for _, s := range c.Series {
		if len(s.X) != len(s.Y) {
			return d, fmt.Errorf("report: chart %q: series %q has %d places and %d values", c.Title, s.Name, len(s.X), len(s.Y))
		}
		if !slices.IsSorted(s.X) || slices.ContainsFunc(s.X, notFinite) {
			return d, fmt.Errorf("report: chart %q: the places of series %q do not ascend", c.Title, s.Name)
		}
		places = append(places, s.X...)
	}
	slices.Sort(places)
	places = slices.Compact(places)
	first := make([]*float64, len(places))
	for i := range places {
		first[i] = &places[i]
	}
	d.Data = append(d.Data, first)
	for i, s := range c.Series {
		values := make([]*float64, len(places))
		gaps := []int{}
		for j := range s.X {
			at, _ := slices.BinarySearch(places, s.X[j]) // it is among them
			if notFinite(s.Y[j]) {
				gaps = append(gaps, at)
				continue
			}
			values[at] = &s.Y[j]
		}
		color := s.Color
		if color < 1 {
			color = i + 1
		}
		d.Data = append(d.Data, values)
		d.Series = append(d.Series, seriesData{Name: s.Name, Color: (color-1)%colors + 1, Dashed: s.Dashed, Gaps: gaps})
	}
	return d, nil
}

func notFinite(v float64) bool { return math.IsNaN(v) || math.IsInf(v, 0) }

func (a Axis) data() axisData {
	d := axisData(a)
	if d.Unit == "" {
		d.Unit = Number
	}
	if d.Scale == "" {
		d.Scale = Linear
	}
	return d
}

// identifiers gives each chart one of its own.
type identifiers map[string]bool

func (used identifiers) take(c *Chart) string {
	id := clean(c.ID)
	if id == "" {
		id = clean(strings.ToLower(c.Title))
	}
	if id == "" {
		id = "chart"
	}
	unique := id
	for n := 2; used[unique]; n++ {
		unique = fmt.Sprintf("%s-%d", id, n)
	}
	used[unique] = true
	return unique
}

// clean leaves letters, digits, '-' and '_' of a text.
func clean(text string) string {
	text = strings.Map(func(r rune) rune {
		switch {
		case 'a' <= r && r <= 'z', 'A' <= r && r <= 'Z', '0' <= r && r <= '9', r == '_':
			return r
		case r == '-', r == ' ':
			return '-'
		}
		return -1
	}, text)
	return strings.Trim(text, "-")
}
