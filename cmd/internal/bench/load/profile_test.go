package load

import (
	"math"
	"math/rand/v2"
	"testing"
	"time"
)

func TestLevel(t *testing.T) {
	t.Parallel()
	p := profile{{10, 10, time.Second}, {10, 110, 10 * time.Second}, {50, 50, time.Second}}
	for at, want := range map[time.Duration]float64{
		0: 10, 500 * time.Millisecond: 10, time.Second: 10, 6 * time.Second: 60, 11 * time.Second: 50,
		20 * time.Second: 50,
	} {
		if got := p.level(at); got != want {
			t.Errorf("at %v: got %v, want %v", at, got, want)
		}
	}
	if got := p.length(); got != 12*time.Second {
		t.Errorf("got a length of %v", got)
	}
	if got := p.peak(); got != 110 {
		t.Errorf("got a peak of %v", got)
	}
}

// By any time, as many calls are due as the area below the profile says.
func TestArrivals(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name    string
		profile profile
		area    map[time.Duration]float64
	}{
		{"constant", profile{{100, 100, time.Second}}, map[time.Duration]float64{
			time.Second: 100, 2 * time.Second: 200, 2505 * time.Millisecond: 250.5,
		}},
		{"up", profile{{0, 1000, 10 * time.Second}}, map[time.Duration]float64{
			time.Second: 50, 5 * time.Second: 1250, 10 * time.Second: 5000, 11 * time.Second: 6000,
		}},
		{"down to silence", profile{{1000, 0, 10 * time.Second}}, map[time.Duration]float64{
			time.Second: 950, 10 * time.Second: 5000, time.Hour: 5000,
		}},
		{"steps", profile{{10, 10, 10 * time.Second}, {0, 0, 5 * time.Second}, {100, 100, time.Second}},
			map[time.Duration]float64{5 * time.Second: 50, 12 * time.Second: 100, 16 * time.Second: 200}},
		{"up and down", profile{{0, 100, 10 * time.Second}, {100, 50, 10 * time.Second}}, map[time.Duration]float64{
			10 * time.Second: 500, 20 * time.Second: 1250, 22 * time.Second: 1350,
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			for until, area := range tt.area {
				a := newArrivals(tt.profile, nil)
				got, last := 0, time.Duration(-1)
				for {
					due, ok := a.next()
					if !ok || due >= until || got > 10_000 {
						break
					}
					if due < last {
						t.Fatalf("call %d is due at %v, before the last at %v", got, due, last)
					}
					got, last = got+1, due
				}
				// The first is due at once, and rounding may move one over the edge.
				if want := math.Ceil(area); math.Abs(float64(got)-want) > 1 {
					t.Errorf("by %v %d calls were due, want %v", until, got, want)
				}
			}
		})
	}
}

func TestPoisson(t *testing.T) {
	t.Parallel()
	a := newArrivals(profile{{1000, 1000, time.Second}}, rand.New(rand.NewPCG(1, 1)))
	var last time.Duration
	var gaps []float64
	for range 20_000 {
		due, ok := a.next()
		if !ok {
			t.Fatal("no more calls")
		}
		gaps = append(gaps, (due - last).Seconds())
		last = due
	}
	mean, variance := 0.0, 0.0
	for _, g := range gaps {
		mean += g / float64(len(gaps))
	}
	for _, g := range gaps {
		variance += (g - mean) * (g - mean) / float64(len(gaps))
	}
	// The gaps of a Poisson process are exponential: their deviation is their mean.
	if mean < 0.00098 || mean > 0.00102 || math.Abs(math.Sqrt(variance)/mean-1) > 0.03 {
		t.Errorf("got a mean gap of %v s with a deviation of %v, want 0.001 for both", mean, math.Sqrt(variance))
	}
}

func TestPlanCheck(t *testing.T) {
	t.Parallel()
	good := func() *Plan {
		return &Plan{Stages: []Stage{{1, 1, time.Second}}, Interval: time.Second, Limit: 1}
	}
	tests := map[string]func(p *Plan){
		"no stages":        func(p *Plan) { p.Stages = nil },
		"negative level":   func(p *Plan) { p.Stages[0].From = -1 },
		"not a number":     func(p *Plan) { p.Stages[0].To = math.NaN() },
		"silence":          func(p *Plan) { p.Stages[0] = Stage{0, 0, time.Second} },
		"too many workers": func(p *Plan) { p.Stages[0].To = 1e9 },
		"no time":          func(p *Plan) { p.Stages[0].Over = 0 },
		"no interval":      func(p *Plan) { p.Interval = 0 },
		"no limit":         func(p *Plan) { p.Open, p.Limit = true, 0 },
		"warm-up":          func(p *Plan) { p.Warmup = -1 },
		"endless count":    func(p *Plan) { p.Count, p.Stages[0].To = 1, 0 },
	}
	for name, spoil := range tests {
		p := good()
		if err := p.check(); err != nil {
			t.Fatal(err)
		}
		spoil(p)
		if err := p.check(); err == nil {
			t.Errorf("%s: got no error", name)
		}
	}
}
