package timeout

import (
	"math"
	"strings"
	"testing"
	"time"
)

func TestValidate(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name   string
		policy Policy
		want   string // "": valid
	}{
		{"usual", Policy{Share: DefaultShare}, ""},
		{"all", Policy{Share: 1, Default: time.Second, Least: time.Millisecond}, ""},
		{"none", Policy{}, "Share"},
		{"negative", Policy{Share: -0.1}, "Share"},
		{"more than there is", Policy{Share: 1.01}, "Share"},
		{"no number", Policy{Share: math.NaN()}, "Share"},
		{"infinite", Policy{Share: math.Inf(1)}, "Share"},
		{"negative default", Policy{Share: 1, Default: -1}, "Default"},
		{"negative keep", Policy{Share: 1, Keep: -1}, "Keep"},
		{"negative least", Policy{Share: 1, Least: -1}, "Least"},
	}
	for _, tt := range tests {
		err := tt.policy.Validate()
		if (err == nil) != (tt.want == "") || err != nil && !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: got %v, want %q in it", tt.name, err, tt.want)
		}
	}
}

func TestOutgoing(t *testing.T) {
	t.Parallel()
	now := time.Unix(1000, 0)
	const none = time.Duration(math.MinInt64)
	at := func(d time.Duration) time.Time {
		if d == none {
			return time.Time{}
		}
		return now.Add(d)
	}
	tests := []struct {
		name         string
		own, inbound time.Duration
		method       time.Duration
		policy       Policy
		want         time.Duration
		cut          bool
	}{
		{"nothing", none, none, 0, Policy{}, none, false},
		{"own", time.Second, none, 0, Policy{}, time.Second, false},
		{"method", none, none, time.Second, Policy{}, time.Second, false},
		{"own before method", time.Second, none, time.Minute, Policy{}, time.Second, false},
		{"method before own", time.Minute, none, time.Second, Policy{}, time.Second, false},
		{"share of the inbound call", none, 10 * time.Second, 0, Policy{}, 7 * time.Second, true},
		{"own before the share", 3 * time.Second, 10 * time.Second, 0, Policy{}, 3 * time.Second, false},
		{"own is the share", 7 * time.Second, 10 * time.Second, 0, Policy{}, 7 * time.Second, false},
		{"share before own", 8 * time.Second, 10 * time.Second, 0, Policy{}, 7 * time.Second, true},
		{"share before method", none, 10 * time.Second, 8 * time.Second, Policy{}, 7 * time.Second, true},
		{"all of it", none, 10 * time.Second, 0, Policy{Share: 1}, 10 * time.Second, false},
		{"all but what is kept", none, 10 * time.Second, 0, Policy{Share: 1, Keep: time.Second}, 9 * time.Second, true},
		{"kept is less than the share keeps", none, 10 * time.Second, 0, Policy{Keep: time.Second}, 7 * time.Second, true},
		{"kept is more", none, 2 * time.Second, 0, Policy{Keep: time.Second}, time.Second, true},
		{"kept is more than there is", none, time.Second, 0, Policy{Keep: 2 * time.Second}, -time.Second, true},
		{"an inbound call that is over", none, -10 * time.Second, 0, Policy{}, -10 * time.Second, false},
		{"fallback", none, none, 0, Policy{Default: time.Second}, time.Second, false},
		{"fallback only if there is nothing else", time.Minute, none, 0, Policy{Default: time.Second}, time.Minute, false},
		{"fallback only without inbound call", none, time.Minute, 0, Policy{Default: time.Second}, 42 * time.Second, true},
	}
	for _, tt := range tests {
		if tt.policy.Share == 0 {
			tt.policy.Share = 0.7
		}
		got, cut := tt.policy.Outgoing(now, at(tt.own), at(tt.inbound), tt.method)
		if want := at(tt.want); !got.Equal(want) || cut != tt.cut {
			t.Errorf("%s: got %v, %v; want %v, %v", tt.name, got.Sub(now), cut, want.Sub(now), tt.cut)
		}
	}
}

func TestInbound(t *testing.T) {
	t.Parallel()
	now := time.Unix(1000, 0)
	p := Policy{Share: 1, Default: time.Hour}
	for _, tt := range []struct {
		name   string
		policy Policy
		own    time.Time
		method time.Duration
		want   time.Time
	}{
		{"own, although longer than the method's", p, now.Add(time.Minute), time.Second, now.Add(time.Minute)},
		{"method", p, time.Time{}, time.Second, now.Add(time.Second)},
		{"fallback", p, time.Time{}, 0, now.Add(time.Hour)},
		{"none", Policy{Share: 1}, time.Time{}, 0, time.Time{}},
	} {
		if got := tt.policy.Inbound(now, tt.own, tt.method); !got.Equal(tt.want) {
			t.Errorf("%s: got %v, want %v", tt.name, got, tt.want)
		}
	}
}

func TestLate(t *testing.T) {
	t.Parallel()
	now := time.Unix(1000, 0)
	for _, tt := range []struct {
		name     string
		least    time.Duration
		deadline time.Time
		want     bool
	}{
		{"no deadline", time.Hour, time.Time{}, false},
		{"ahead", 0, now.Add(1), false},
		{"now", 0, now, true},
		{"passed", 0, now.Add(-1), true},
		{"too close", time.Millisecond, now.Add(time.Millisecond), true},
		{"not too close", time.Millisecond, now.Add(time.Millisecond + 1), false},
	} {
		if got := (&Policy{Share: 1, Least: tt.least}).Late(now, tt.deadline); got != tt.want {
			t.Errorf("%s: got %v, want %v", tt.name, got, tt.want)
		}
	}
}
