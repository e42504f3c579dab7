package client

import (
	"context"
	"errors"
	"io"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/fairlead-go/fairlead"
)

// ends counts the ends of calls.
type ends struct {
	n   atomic.Int32
	err atomic.Value
}

func (e *ends) middleware(_ fairlead.Site, next fairlead.Handler) fairlead.Handler {
	return func(ctx context.Context, c *fairlead.Call) error {
		c.OnEnd(func(_ context.Context, _ *fairlead.Call, err error) {
			e.n.Add(1)
			e.err.Store(fairlead.CodeOf(err))
		})
		return next(ctx, c)
	}
}

func (e *ends) want(t *testing.T, n int, code fairlead.Code) {
	t.Helper()
	if got := int(e.n.Load()); got != n {
		t.Errorf("got %d ends, want %d", got, n)
	} else if n > 0 && e.err.Load() != code {
		t.Errorf("got end %v, want %s", e.err.Load(), code)
	}
}

func TestStreamEnds(t *testing.T) {
	t.Parallel()
	type str = fairlead.Bidi[string, string]
	tests := []struct {
		name string
		opts []fairlead.CallOption
		end  func(t *testing.T, s *str, cancel func())
		code fairlead.Code
	}{
		{"last message", nil, func(t *testing.T, s *str, _ func()) {
			t.Helper()
			text := "x"
			if err := s.Send(&text); err != nil {
				t.Error(err)
			}
			if err := s.CloseSend(); err != nil {
				t.Error(err)
			}
			if got, err := s.Recv(); err != nil || *got != "x" {
				t.Errorf("got %v, %v", got, err)
			}
			for range 2 {
				if _, err := s.Recv(); !errors.Is(err, io.EOF) {
					t.Errorf("got %v, want io.EOF", err)
				}
			}
		}, fairlead.OK},
		{"close", nil, func(t *testing.T, s *str, _ func()) {
			t.Helper()
			for range 2 {
				if err := s.Close(); err != nil {
					t.Error(err)
				}
			}
			_, err := s.Recv()
			wantError(t, err, fairlead.Canceled, fairlead.Unknowable, "closed by the caller")
		}, fairlead.Canceled},
		{"close during receive", nil, func(t *testing.T, s *str, _ func()) {
			t.Helper()
			done := make(chan error)
			go func() {
				_, err := s.Recv()
				done <- err
			}()
			synctest.Wait()
			s.Close()
			wantError(t, <-done, fairlead.Canceled, fairlead.Unknowable)
		}, fairlead.Canceled},
		{"context while nobody receives", nil, func(t *testing.T, s *str, cancel func()) {
			t.Helper()
			cancel()
			synctest.Wait()
			_, err := s.Recv()
			wantError(t, err, fairlead.Canceled, fairlead.Unknowable, "context canceled")
			if err := s.Call().WaitHeader(t.Context()); fairlead.CodeOf(err) != fairlead.Canceled {
				t.Errorf("got %v, want the end", err)
			}
		}, fairlead.Canceled},
		{"context during receive", nil, func(t *testing.T, s *str, cancel func()) {
			t.Helper()
			time.AfterFunc(time.Second, cancel)
			_, err := s.Recv()
			wantError(t, err, fairlead.Canceled, fairlead.Unknowable)
		}, fairlead.Canceled},
		{
			"deadline while nobody receives",
			[]fairlead.CallOption{fairlead.WithTimeout(time.Second)},
			func(t *testing.T, s *str, _ func()) {
				t.Helper()
				time.Sleep(2 * time.Second)
				synctest.Wait()
				text := "x"
				for range 20 { // more than the stream holds
					if err := s.Send(&text); errors.Is(err, io.EOF) {
						return
					}
				}
				t.Error("the stream takes messages after its end")
			}, fairlead.DeadlineExceeded,
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := newWorld()
				w.serve("a:1")
				var e ends
				c, _ := w.client(t, []string{"a:1"}, Use(e.middleware))
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				var info fairlead.CallInfo
				s, err := open(ctx, c, append(tt.opts, fairlead.WithInfo(&info))...)
				if err != nil {
					t.Fatal(err)
				}
				e.want(t, 0, 0)
				tt.end(t, s, cancel)
				synctest.Wait()
				e.want(t, 1, tt.code)
				if info.Peer == nil || info.Peer.Addr != "a:1" {
					t.Errorf("got %+v, want the info filled in", info)
				}
				cancel()
				s.Close()
				synctest.Wait()
				e.want(t, 1, tt.code)
				if n := w.servers["a:1"].conn(0).inflight; n != 0 {
					t.Errorf("the connection has %d calls under way still", n)
				}
			})
		})
	}
}

// TestSendAfterCancel: nothing is sent, and not said to be, once the context has ended, however late the stream learns.
func TestSendAfterCancel(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		w.serve("a:1")
		c, _ := w.client(t, []string{"a:1"})
		ctx, cancel := context.WithCancel(t.Context())
		s, err := open(ctx, c)
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		text := "x"
		cancel()
		if err := s.Send(&text); err != io.EOF { //nolint:errorlint // streams return it bare
			t.Errorf("Send: got %v, want io.EOF", err)
		}
		wantError(t, s.CloseSend(), fairlead.Canceled, fairlead.Unknowable, "canceled")
		_, err = s.Recv()
		wantError(t, err, fairlead.Canceled, fairlead.Unknowable, "canceled")
	})
}

func TestStreamNotOpened(t *testing.T) {
	t.Parallel()
	w := newWorld()
	var e ends
	c, _ := w.client(t, []string{"a:1"}, Use(e.middleware)) // nobody listens
	_, err := open(t.Context(), c)
	wantError(t, err, fairlead.Unavailable, fairlead.NotSent, "a:1")
	e.want(t, 1, fairlead.Unavailable)

	c, _ = w.client(t, nil, Use(e.middleware, func(fairlead.Site, fairlead.Handler) fairlead.Handler {
		return func(context.Context, *fairlead.Call) error { return nil }
	}))
	_, err = open(t.Context(), c)
	wantError(t, err, fairlead.Internal, fairlead.Unknowable, "opened no stream")
	e.want(t, 2, fairlead.Internal)
}
