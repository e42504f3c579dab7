package http2

import (
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/fairlead-go/fairlead/protocol"
)

// TestSettle draws on a budget of 100 and looks who is sent away.
func TestSettle(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name   string
		steps  func(c *Conn) error
		reason string
	}{
		{"within", func(c *Conn) error {
			c.r.guard.draw(protocol.FloodPing, 200) // the first time finds a full budget
			return c.settle()
		}, ""},
		{"above at once", func(c *Conn) error {
			c.r.guard.draw(protocol.FloodPriority, 50)
			c.r.guard.draw(protocol.FloodPing, 151)
			return c.settle()
		}, "flood of PING"},
		{"time", func(c *Conn) error {
			var err error
			for range 1000 { // 50 units come back each second
				c.r.guard.draw(protocol.FloodSettings, 25)
				time.Sleep(500 * time.Millisecond) // of the bubble
				err = errors.Join(err, c.settle())
			}
			return err
		}, ""},
		{"faster than time", func(c *Conn) error {
			var err error
			for range 100 {
				c.r.guard.draw(protocol.FloodSettings, 30)
				time.Sleep(500 * time.Millisecond) // of the bubble
				err = errors.Join(err, c.settle())
			}
			return err
		}, "flood of SETTINGS"},
		{"idle time is not saved", func(c *Conn) error {
			err := c.settle()
			time.Sleep(time.Hour) // of the bubble
			c.r.guard.draw(protocol.FloodReset, 201)
			return errors.Join(err, c.settle())
		}, "flood of RST_STREAM"},
		{"a year is no overflow", func(c *Conn) error {
			err := c.settle()
			time.Sleep(365 * 24 * time.Hour) // of the bubble
			c.r.guard.draw(protocol.FloodReset, 199)
			return errors.Join(err, c.settle())
		}, ""},
		{"frames sent", func(c *Conn) error {
			err := c.settle()
			for range 1000 {
				c.r.guard.draw(protocol.FloodWindowUpdate, 3)
				c.w.frames++
			}
			return errors.Join(err, c.settle())
		}, ""},
		{"bytes received", func(c *Conn) error {
			err := c.settle()
			c.r.guard.draw(protocol.FloodData, 1000)
			c.r.guard.earn(1000)
			return errors.Join(err, c.settle())
		}, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				g := new(protocol.Guard)
				c := &Conn{cfg: &Config{ControlBudget: 100, Guard: g}}
				err := tt.steps(c)
				if tt.reason == "" {
					if err != nil {
						t.Errorf("got %v, want a connection that goes on", err)
					}
					return
				}
				v, ok := errors.AsType[*connError](err)
				if !ok || v.code != protocol.ResetEnhanceCalm || !strings.Contains(v.reason, tt.reason) {
					t.Errorf("got %v, want ENHANCE_YOUR_CALM and %q", err, tt.reason)
				}
			})
		})
	}
}

// TestAbuseNames covers that each kind has a name and each flood a reason.
func TestAbuseNames(t *testing.T) {
	t.Parallel()
	var g *protocol.Guard
	g.Note(protocol.FloodPing) // no guard counts nothing
	g = new(protocol.Guard)
	g.Note(protocol.FloodPing)
	seen := make(map[string]bool)
	for name, n := range g.Counts().All() {
		if name == "" || seen[name] || (n == 1) != (name == "ping_flood") {
			t.Errorf("got %q with %d", name, n)
		}
		seen[name] = true
	}
	for kind, reason := range floodReasons {
		if reason == "" {
			t.Errorf("got no reason for %v", protocol.Abuse(kind))
		}
	}
}
