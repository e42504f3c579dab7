package client

import (
	"math"
	"strings"
	"testing"
	"time"
)

// TestOptionLimits: the least and the largest value of each option are taken, those beyond are errors that name it.
func TestOptionLimits(t *testing.T) {
	t.Parallel()
	bytes := func(f func(int) Option) func(int64) Option {
		return func(v int64) Option { return f(int(v)) }
	}
	span := func(f func(time.Duration) Option) func(int64) Option {
		return func(v int64) Option { return f(time.Duration(v)) }
	}
	none := int64(math.MinInt64) // there is no limit on this side
	for _, tt := range []struct {
		name      string
		set       func(int64) Option
		low, high int64
	}{
		{"CompressMin", bytes(CompressMin), 0, math.MaxInt32},
		{"MaxRecvMessage", bytes(MaxRecvMessage), 1, math.MaxInt32},
		{"MaxSendMessage", bytes(MaxSendMessage), 1, math.MaxInt32},
		{"MaxHeaderList", bytes(MaxHeaderList), 1 << 10, 16 << 20},
		{"Connections", bytes(Connections), 1, none},
		{"MaxConnections", bytes(MaxConnections), 1, none},
		{"ConnectTimeout", span(ConnectTimeout), 1, none},
		{"IdleTimeout", span(IdleTimeout), 0, none},
		{"Backoff", span(func(d time.Duration) Option { return Backoff(d, time.Hour) }), 1, int64(time.Hour)},
		{"Backoff", span(func(d time.Duration) Option { return Backoff(time.Second, d) }), int64(time.Second), none},
		{
			"KeepAlive has an interval", span(func(d time.Duration) Option { return KeepAlive(d, time.Second, false) }),
			int64(10 * time.Second), none,
		},
		{
			"KeepAlive has a timeout", span(func(d time.Duration) Option { return KeepAlive(time.Minute, d, false) }),
			1, none,
		},
		{"KeepAlive has a timeout", span(func(d time.Duration) Option { return KeepAlive(0, d, false) }), 0, none},
	} {
		try := func(v int64) error {
			c, err := New("test:///service", newWorld().options(&fakeResolver{}, tt.set(v))...)
			if err == nil {
				_ = c.Close()
			}
			return err
		}
		good, bad := []int64{tt.low}, []int64{tt.low - 1}
		if tt.high != none {
			good, bad = append(good, tt.high), append(bad, tt.high+1)
		}
		for _, v := range good {
			if err := try(v); err != nil {
				t.Errorf("%s(%d): %v", tt.name, v, err)
			}
		}
		for _, v := range bad {
			if err := try(v); err == nil || !strings.Contains(err.Error(), "client: "+tt.name) {
				t.Errorf("%s(%d): got %v, want an error that names the option", tt.name, v, err)
			}
		}
	}
}

// TestOptionTexts: what may stand in the options that are texts.
func TestOptionTexts(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name string
		set  func(string) Option
		good []string
		bad  []string
	}{
		{
			"Authority", Authority, []string{"", "greeter", "greeter:8080", "[::1]:80", "a~b"},
			[]string{" ", "a b", "a/b", "a?b", "a#b", "u@a", "a\\b", "a\x1f", "a\x7f", "ä"},
		},
		{"UserAgent", UserAgent, []string{"", "a/1 (b)", "~"}, []string{"\x1f", "\x7f", "ä", "a\n"}},
	} {
		try := func(v string) error {
			c, err := New("test:///service", newWorld().options(&fakeResolver{}, tt.set(v))...)
			if err == nil {
				_ = c.Close()
			}
			return err
		}
		for _, v := range tt.good {
			if err := try(v); err != nil {
				t.Errorf("%s(%q): %v", tt.name, v, err)
			}
		}
		for _, v := range tt.bad {
			if err := try(v); err == nil || !strings.Contains(err.Error(), "client: "+tt.name) {
				t.Errorf("%s(%q): got %v, want an error that names the option", tt.name, v, err)
			}
		}
	}
}

// TestOptionDefaults: what holds without options is what their comments say.
func TestOptionDefaults(t *testing.T) {
	t.Parallel()
	c, _ := newWorld().client(t, []string{"a:1"})
	cfg := &c.cfg
	for _, tt := range []struct {
		name      string
		got, want int64
	}{
		{"CompressMin", int64(cfg.compressMin), 1024},
		{"MaxRecvMessage", int64(cfg.recvMessage), 4 << 20},
		{"MaxSendMessage", int64(cfg.sendMessage), 2<<30 - 1},
		{"MaxHeaderList", int64(cfg.headerList), 64 << 10},
		{"Connections", int64(cfg.connections), 1},
		{"MaxConnections", int64(cfg.maxConnections), 8},
		{"ConnectTimeout", int64(cfg.connectTimeout), int64(20 * time.Second)},
		{"Backoff", int64(cfg.backoffBase), int64(time.Second)},
		{"Backoff", int64(cfg.backoffMax), int64(2 * time.Minute)},
		{"IdleTimeout", int64(cfg.alive.Idle), int64(30 * time.Minute)},
		{"KeepAlive", int64(cfg.alive.PingAfter), 0},
	} {
		if tt.got != tt.want {
			t.Errorf("%s: got %d, want %d", tt.name, tt.got, tt.want)
		}
	}
	if cfg.waitForReady || cfg.alive.PingIdle || cfg.tls != nil || cfg.deadline != nil {
		t.Error("WaitForReady, KeepAlive while idle, TLS or Deadline is on without its option")
	}
}
