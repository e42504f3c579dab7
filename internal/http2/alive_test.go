package http2_test

import (
	"errors"
	"io"
	"log/slog"
	"net"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/fairlead-go/fairlead"
	"github.com/fairlead-go/fairlead/buffer"
	"github.com/fairlead-go/fairlead/internal/http2"
	"github.com/fairlead-go/fairlead/protocol"
	"github.com/fairlead-go/fairlead/transport"
	"github.com/fairlead-go/fairlead/transport/inproc"
)

// netConn is an end of a connection within the process as a net.Conn, for tests on synctest's clock.
type netConn struct{ transport.Conn }

func (c netConn) Read(p []byte) (int, error) {
	b, err := c.Peek(1)
	if err != nil {
		return 0, err
	}
	n := copy(p, b)
	c.Discard(n)
	return n, nil
}

func (c netConn) Write(p []byte) (int, error)   { return len(p), c.Conn.Write(p) }
func (c netConn) LocalAddr() net.Addr           { return c.Info().Local }
func (c netConn) RemoteAddr() net.Addr          { return c.Info().Remote }
func (netConn) SetDeadline(time.Time) error     { return nil }
func (netConn) SetReadDeadline(time.Time) error { return nil }

// pipeServer serves one connection within the process and says hello to it. Over delivers its end.
func pipeServer(t *testing.T, cfg http2.Config) (f *foreign, over <-chan error) {
	t.Helper()
	near, far := inproc.Pipe()
	cfg.MaxStreams, cfg.HeaderList, cfg.QueuedBytes = 100, 16<<10, 1<<20
	cfg.Logger = slog.New(slog.DiscardHandler)
	d := &dispatcher{drain: make(chan struct{}), routes: map[string]*protocol.Route{
		"/unary": {Method: &fairlead.Method{Path: "/unary"}},
	}}
	ended := make(chan error, 1)
	serve := func(c protocol.ServerConn) {
		if err := c.Serve(); err != nil {
			c.Close(err)
			ended <- err
		}
	}
	d.watch = protocol.NewWatch(serve)
	c := http2.NewServer(far, &cfg, d, &echo{routes: d.routes})
	var wg sync.WaitGroup
	wg.Go(func() { serve(c) })
	t.Cleanup(func() {
		c.Close(nil)
		wg.Wait()
		d.watch.Close()
	})
	f = newForeign(t, netConn{near})
	_, err := io.WriteString(f.nc, http2.Preface)
	f.must(err)
	f.frame(typeSettings, 0, 0, nil)
	return f, ended
}

func TestPingPolicy(t *testing.T) {
	t.Parallel()
	ping := func(f *foreign) { f.frame(typePing, 0, 0, make([]byte, 8)) }
	// pings sends n PINGs with a pause after each, and reads all answers but the last.
	pings := func(f *foreign, n int, pause time.Duration) {
		for i := range n {
			ping(f)
			time.Sleep(pause)
			if i < n-1 {
				f.want("pong")
			}
		}
	}
	const usual = 5 * time.Minute
	tests := []struct {
		name  string
		least time.Duration
		idle  bool
		do    func(f *foreign)
		cut   bool // what comes behind the answer to the last PING
	}{
		{"four at once", usual, false, func(f *foreign) { pings(f, 4, 0) }, true},
		{"three at once", usual, false, func(f *foreign) { pings(f, 3, 0) }, false},
		{"each hour without a call", usual, false, func(f *foreign) { pings(f, 4, time.Hour) }, true},
		{"each two hours without a call", usual, false, func(f *foreign) { pings(f, 9, 2*time.Hour) }, false},
		{"each five minutes, allowed without a call", usual, true, func(f *foreign) { pings(f, 9, usual) }, false},
		{"each four minutes, allowed without a call", usual, true, func(f *foreign) { pings(f, 4, 4*time.Minute) }, true},
		{"each five minutes with a call", usual, false, func(f *foreign) {
			f.headers(1, false, f.request("/hang"))
			pings(f, 9, usual)
		}, false},
		{"each minute with a call", usual, false, func(f *foreign) {
			f.headers(1, false, f.request("/hang"))
			pings(f, 4, time.Minute)
		}, true},
		{"turned off", 0, false, func(f *foreign) { pings(f, 100, 0) }, false},
		{"one behind each response", usual, false, func(f *foreign) {
			for id := uint32(1); id < 40; id += 2 {
				f.headers(id, true, f.request("/unary"))
				f.want("echo-status 0")
				ping(f)
				if id < 39 {
					f.want("pong")
				}
			}
		}, false},
		{"a response clears the count", usual, false, func(f *foreign) {
			for id := uint32(1); id < 9; id += 2 {
				pings(f, 3, 0)
				f.want("pong")
				f.headers(id, true, f.request("/unary"))
				f.want("echo-status 0")
			}
			ping(f)
		}, false},
		{"the answers to our own PINGs", usual, false, func(f *foreign) {
			for range 10 {
				f.frame(typePing, 1, 0, make([]byte, 8))
			}
			ping(f)
		}, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				f, over := pipeServer(t, http2.Config{PingMin: tt.least, PingIdle: tt.idle})
				tt.do(f)
				f.want("pong")
				if tt.cut {
					f.want("goaway ENHANCE_YOUR_CALM")
					if string(f.debug) != "too_many_pings" {
						t.Errorf("got debug data %q", f.debug)
					}
					_ = f.nc.Close()
					if failure, ok := errors.AsType[*protocol.Failure](<-over); !ok || failure.Code != protocol.ResetEnhanceCalm {
						t.Errorf("the connection ended with %v", failure)
					}
					return
				}
				synctest.Wait()
				select {
				case err := <-over:
					t.Errorf("the connection ended: %v", err)
				default:
				}
			})
		})
	}
}

// want reads until the peer has said something, which must be this.
func (f *foreign) want(outcome string) {
	f.t.Helper()
	if got := f.outcome(); got != outcome {
		f.t.Errorf("got %s, want %s", got, outcome)
	}
}

func pipeConfig() *http2.Config {
	return &http2.Config{HeaderList: 16 << 10, QueuedBytes: 1 << 20, Logger: slog.New(slog.DiscardHandler)}
}

// pipeClient makes a client's connection whose server is the test's.
func pipeClient(t *testing.T) (c http2.ClientConn, f *foreign) {
	t.Helper()
	near, far := inproc.Pipe()
	c = http2.NewClient(near, pipeConfig())
	t.Cleanup(func() { c.Close(nil) })
	f = newForeign(t, netConn{far})
	_, err := io.ReadFull(f.nc, make([]byte, len(http2.Preface)))
	f.must(err)
	f.frame(typeSettings, 0, 0, nil)
	f.must(c.Ready(t.Context()))
	return c, f
}

func TestVitals(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c, f := pipeClient(t)
		v := c.Vital()
		synctest.Wait()
		first := v.Vitals()
		if !first.Heard || first.Open != 0 {
			t.Errorf("at first: got %+v", first)
		}
		if got := v.Vitals(); got.Heard || got.Called != first.Called {
			t.Errorf("when nothing has happened: got %+v", got)
		}
		a := newAnswer()
		if _, err := c.Do(&protocol.Request{Head: unaryHead, Last: true}, a); err != nil {
			t.Fatal(err)
		}
		if got := v.Vitals(); got.Heard || got.Called == first.Called || got.Open != 1 {
			t.Errorf("in a call: got %+v", got)
		}
		f.frame(typePing, 1, 0, make([]byte, 8))
		synctest.Wait()
		if got := v.Vitals(); !got.Heard {
			t.Errorf("after something was received: got %+v", got)
		}
		v.Ping()
		for {
			typ, flags, _, _, err := f.read()
			f.must(err)
			if typ == typePing && flags == 0 {
				break
			}
		}
		cause := &protocol.Failure{Kind: protocol.FailedLost, Cause: errors.New("keepalive: nobody there")}
		v.Close(cause)
		<-a.done
		failure, ok := a.err.(*protocol.Failure)
		if !ok || failure.Kind != protocol.FailedLost || failure.Reach != fairlead.Unknowable {
			t.Errorf("got %v", a.err)
		}
		<-c.Done()
		v.Ping() // and no harm done
		if got := v.Vitals(); got.Open != 0 {
			t.Errorf("after the end: got %+v", got)
		}
	})
}

func TestClientToldOfTooManyPings(t *testing.T) {
	t.Parallel()
	tests := []struct {
		code  byte
		debug string
		want  bool
	}{
		{11, "too_many_pings", true},
		{11, "something else", false},
		{0, "too_many_pings", false},
		{0, "", false},
	}
	for _, tt := range tests {
		t.Run(tt.debug, func(t *testing.T) {
			t.Parallel()
			c, f := pipeClient(t)
			f.frame(typeGoaway, 0, 0, append([]byte{0, 0, 0, 0, 0, 0, 0, tt.code}, tt.debug...))
			<-c.Closed()
			if got := c.TooManyPings(); got != tt.want {
				t.Errorf("got %v, want %v", got, tt.want)
			}
		})
	}
}

// stuckConn is a connection whose first write does not end before the connection does, once it is told so.
type stuckConn struct {
	transport.Conn

	mu    sync.Mutex
	stick bool
	stuck chan struct{} // closed when a write is stuck
	over  chan struct{}
}

func (c *stuckConn) Write(b []byte) error {
	c.mu.Lock()
	stick := c.stick
	c.mu.Unlock()
	if !stick {
		return c.Conn.Write(b)
	}
	close(c.stuck)
	<-c.over
	return net.ErrClosed
}

func (c *stuckConn) Close() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	select {
	case <-c.over:
	default:
		close(c.over)
	}
	return c.Conn.Close()
}

// TestUnsent: when a connection is lost, the calls whose request was still waiting behind others were not sent, and say
// so; those that were given to the transport may have been.
func TestUnsent(t *testing.T) {
	t.Parallel()
	near, far := inproc.Pipe()
	tc := &stuckConn{Conn: near, stuck: make(chan struct{}), over: make(chan struct{})}
	c := http2.NewClient(tc, pipeConfig())
	t.Cleanup(func() { c.Close(nil) })
	f := newForeign(t, netConn{far})
	_, err := io.ReadFull(f.nc, make([]byte, len(http2.Preface)))
	f.must(err)
	f.frame(typeSettings, 0, 0, nil)
	f.must(c.Ready(t.Context()))
	for acknowledged := false; !acknowledged; { // nothing is left to be written
		typ, flags, _, _, err := f.read()
		f.must(err)
		acknowledged = typ == typeSettings && flags == 1
	}
	tc.mu.Lock()
	tc.stick = true
	tc.mu.Unlock()
	given, waiting := newAnswer(), newAnswer()
	var wg sync.WaitGroup
	send := func(a *answer) {
		_, err := c.Do(&protocol.Request{Head: unaryHead, Last: true}, a)
		if err != nil {
			t.Error(err)
		}
	}
	wg.Go(func() { send(given) })
	<-tc.stuck
	send(waiting)
	stream, err := c.Open(&protocol.Request{Head: streamHead})
	f.must(err)
	_ = f.nc.Close()
	<-given.done
	<-waiting.done
	_, streamErr := stream.Read()
	wg.Wait()
	for _, tt := range []struct {
		name string
		err  error
		want fairlead.Reach
	}{
		{"given to the transport", given.err, fairlead.Unknowable},
		{"waiting", waiting.err, fairlead.NotSent},
		{"a waiting stream", streamErr, fairlead.NotSent},
	} {
		failure, ok := tt.err.(*protocol.Failure)
		if !ok || failure.Kind != protocol.FailedLost || failure.Reach != tt.want {
			t.Errorf("%s: got %#v, want reach %v", tt.name, tt.err, tt.want)
		}
		if ok && !strings.Contains(failure.Error(), "lost") {
			t.Errorf("%s: got %v", tt.name, failure)
		}
	}
}

// A client whose calls are over keeps the buffer of its last write until its keeper looks.
func TestIdleClientHoldsNoBuffer(t *testing.T) { //nolint:paralleltest // buffers are counted for the whole process
	synctest.Test(t, func(t *testing.T) {
		c, f := pipeClient(t)
		synctest.Wait()
		buffer.Count(true)
		defer buffer.Count(false)
		a := newAnswer()
		if _, err := c.Do(&protocol.Request{Head: unaryHead, Last: true}, a); err != nil {
			t.Fatal(err)
		}
		if c.Vital().Vitals(); buffer.Out() != 1 {
			t.Errorf("in a call: %d buffers are held, want 1\n%s", buffer.Out(), buffer.Leaks())
		}
		f.frame(typeHeaders, 5, 1, []byte{0x88})
		<-a.done
		if c.Vital().Vitals(); buffer.Out() != 0 {
			t.Errorf("after it: %d buffers are held, want none\n%s", buffer.Out(), buffer.Leaks())
		}
	})
}
