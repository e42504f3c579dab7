package server

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/fairlead-go/fairlead"
	"github.com/fairlead-go/fairlead/protocol"
	"github.com/fairlead-go/fairlead/transport"
)

// listing is a connection that lists calls.
type listing struct {
	*fakeConn

	calls []*fairlead.Call
}

func (l *listing) Calls() []*fairlead.Call { return l.calls }

// aged is a call of a method that has run for a while.
type aged struct {
	method string
	age    time.Duration
}

// TestCut has the error and the log of a Shutdown that came to no end say what it cut.
func TestCut(t *testing.T) {
	t.Parallel()
	const second = time.Second
	var many []aged // 8 of the first method, 7 of the second, and so on
	for i := range 8 {
		many = append(many, slices.Repeat([]aged{{fmt.Sprintf("M%d", i), second}}, 8-i)...)
	}
	tests := []struct {
		name  string
		calls []aged // the oldest first
		other int    // calls that nobody lists
		deaf  bool   // another connection lists nothing
		want  string
	}{
		{"no calls", nil, 0, false, "1 connection open and no call under way"},
		{"one", []aged{{"Get", 1250 * time.Millisecond}}, 0, false,
			"1 call under way, the oldest 1.3s old: 1 of /s/Get (1.3s)"},
		{"a young one", []aged{{"Get", 1234 * time.Microsecond}}, 0, false,
			"1 call under way, the oldest 1ms old: 1 of /s/Get (1ms)"},
		{"two methods", []aged{
			{"Watch", time.Minute}, {"Get", 2 * second}, {"Watch", second}, {"Get", second}, {"Watch", second},
		}, 0, false, "5 calls under way, the oldest 1m0s old: 3 of /s/Watch (1m0s), 2 of /s/Get (2s)"},
		{"the older first", []aged{{"B", 2 * second}, {"A", second}}, 0, false,
			"2 calls under way, the oldest 2s old: 1 of /s/B (2s), 1 of /s/A (1s)"},
		{"many methods", many, 0, false, "36 calls under way, the oldest 1s old: " +
			"8 of /s/M0 (1s), 7 of /s/M1 (1s), 6 of /s/M2 (1s), " +
			"5 of /s/M3 (1s), 4 of /s/M4 (1s), 6 of 3 other methods"},
		{"one method more", many[:33], 0, false, "4 of /s/M4 (1s), 3 of 1 other method"},
		{"callers that have gone", []aged{{"A", second}}, 2, false,
			"3 calls under way, the oldest 1s old: 1 of /s/A (1s), 2 whose caller has gone"},
		{"callers that have all gone", nil, 1, false, "1 call under way whose caller has gone"},
		{"some that nobody lists", []aged{{"A", second}}, 2, true,
			"3 calls under way, the oldest 1s old: 1 of /s/A (1s), 2 others"},
		{"none that anybody lists", nil, 3, true, "with 3 calls under way"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				var log bytes.Buffer
				w := newFakeWire("w", 'w')
				conn := new(listing)
				w.newConn = func(tc transport.Conn) (protocol.ServerConn, error) {
					conn.fakeConn = &fakeConn{tc: tc, drains: make(chan bool, 10), over: make(chan struct{})}
					w.conns <- conn.fakeConn
					return conn, nil
				}
				all := &slog.HandlerOptions{Level: slog.LevelDebug}
				s := plain(t, Protocol(w), Logger(slog.New(slog.NewTextHandler(&log, all))))
				l := newScripted()
				go s.Serve(l)
				connect(t, l, w)
				if w.newConn = nil; tt.deaf {
					connect(t, l, w)
				}

				var admitted []*fairlead.Call
				cut := time.Now().Add(time.Hour)
				for _, a := range append(slices.Clip(tt.calls), slices.Repeat([]aged{{"Other", 0}}, tt.other)...) {
					time.Sleep(time.Until(cut.Add(-a.age))) // of the bubble's clock
					c := fairlead.NewServerCall(&fairlead.ServerCall{
						Method: fairlead.NewMethod[msg, msg](fairlead.Unary, "s", a.method),
					})
					if err := s.Dispatcher().Admit(c, 0); err != nil {
						t.Fatal(err)
					}
					admitted = append(admitted, c)
				}
				conn.calls = admitted[:len(tt.calls)]
				time.Sleep(time.Until(cut))
				ctx, cancel := context.WithCancel(t.Context())
				cancel()
				err := s.Shutdown(ctx)
				if !errors.Is(err, context.Canceled) || !strings.Contains(err.Error(), tt.want+": context canceled") ||
					!strings.HasPrefix(err.Error(), "server: Shutdown was cut short with ") {
					t.Errorf("got %v, want %q", err, tt.want)
				}
				if got := log.String(); !strings.Contains(got, strings.TrimPrefix(tt.want, "with ")) ||
					!strings.Contains(got, "reason=canceled") {
					t.Errorf("got the log %q, want %q in it", got, tt.want)
				}
				if got := log.String(); strings.Contains(got, "level=WARN") != (len(admitted) > 0) {
					t.Errorf("got the log %q, want a warning if calls were lost", got)
				}
				for _, c := range admitted {
					s.Dispatcher().Done(c, 0)
				}
			})
		})
	}
}
