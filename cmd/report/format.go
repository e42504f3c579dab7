package report

import (
	"math"
	"strconv"
)

// format writes a value of the unit. The page's script has the same rules.
func (u Unit) format(v float64) string {
	switch u {
	case Nanoseconds:
		switch {
		case v < 1e3:
			return digits(v) + " ns"
		case v < 1e6:
			return digits(v/1e3) + " µs"
		case v < 1e9:
			return digits(v/1e6) + " ms"
		}
		return digits(v/1e9) + " s"
	case Seconds:
		return digits(v) + " s"
	case Percent:
		return strconv.FormatFloat(v, 'f', -1, 64) + " %"
	case PerSecond:
		return scaled(v) + "/s"
	case BytesPerSecond:
		return scaled(v) + "B/s"
	default:
		return scaled(v)
	}
}

// scaled writes a value with a prefix of the SI.
func scaled(v float64) string {
	for _, p := range []struct {
		factor float64
		name   string
	}{{1e9, " G"}, {1e6, " M"}, {1e4, " k"}} {
		if math.Abs(v) >= p.factor {
			if p.factor == 1e4 {
				p.factor = 1e3
			}
			return digits(v/p.factor) + p.name
		}
	}
	return digits(v)
}

// digits writes a value with at most three digits behind the point, and about four in all.
func digits(v float64) string {
	places := 3
	for a := math.Abs(v); a >= 10 && places > 0; a /= 10 {
		places--
	}
	p := math.Pow10(places)
	return strconv.FormatFloat(math.Round(v*p)/p, 'f', -1, 64)
}

// place writes a place on an axis.
func (a axisData) place(v float64) string {
	if a.Scale != Nines {
		return a.Unit.format(v)
	}
	// As many digits as there are nines.
	places := max(int(math.Ceil(math.Log10(v)))-1, 0) + 1
	p := math.Pow10(places)
	return strconv.FormatFloat(math.Floor(100*(1-1/v)*p)/p, 'f', -1, 64) + " %"
}
