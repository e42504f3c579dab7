package grpcwire

import (
	"context"
	"errors"
	"io"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"github.com/fairlead-go/fairlead"
	"github.com/fairlead-go/fairlead/internal/rpcwire"
	"github.com/fairlead-go/fairlead/protocol"
)

// brokenConn is a connection that breaks under the streams that are opened on it.
type brokenConn struct {
	*conn

	x *brokenExchange
}

func (c brokenConn) Open(*protocol.Request) (protocol.ClientExchange, error) { return c.x, nil }

// brokenExchange ends with failure once ready is closed.
type brokenExchange struct {
	sent    error // what Send returns; with takes only then, and nil before
	takes   bool
	failure error // what Read returns
	head    *protocol.Head
	ready   chan struct{}
}

func (x *brokenExchange) Send(*protocol.Message, bool) error {
	if x.takes {
		select {
		case <-x.ready:
		default:
			return nil
		}
	}
	return x.sent
}

func (x *brokenExchange) Finish(protocol.Section) error   { return x.Send(nil, true) }
func (x *brokenExchange) Read() ([]byte, error)           { <-x.ready; return nil, x.failure }
func (x *brokenExchange) HeadReady() <-chan struct{}      { return x.ready }
func (x *brokenExchange) Head() (*protocol.Head, bool)    { return x.head, false }
func (x *brokenExchange) Trailer() *protocol.Head         { return nil }
func (x *brokenExchange) Interrupt(error)                 {}
func (x *brokenExchange) Reset(protocol.ResetCode, error) {}

// resumer finds a connection when it is let.
type resumer struct {
	conn protocol.ClientConn
	let  chan struct{}
	n    int
}

func (r *resumer) Resume(
	ctx context.Context, _ *fairlead.Call, _ error, open func(protocol.ClientConn) error,
) error {
	r.n++
	select {
	case <-r.let:
		return open(r.conn)
	case <-ctx.Done():
		return ctx.Err()
	}
}

// openBroken opens a stream of notes on x, which may go on at a server that sends them back.
func openBroken(t *testing.T, x *brokenExchange) (*fairlead.Call, *resumer) {
	t.Helper()
	return openBrokenWith(t.Context(), t, x)
}

func openBrokenWith(ctx context.Context, t *testing.T, x *brokenExchange) (*fairlead.Call, *resumer) {
	t.Helper()
	s, d := newTestServer(t)
	good := bindTo(t, newConn(t, served(s, d)), mBidi, config())
	b := bindTo(t, brokenConn{newConn(t, nil), x}, mBidi, config())
	c := fairlead.NewCall(mBidi, nil)
	if err := b.cc.Open(ctx, b.b, c); err != nil {
		t.Fatal(err)
	}
	r := &resumer{conn: good.cc, let: make(chan struct{})}
	c.Wire().Driver().(protocol.Resumable).SetResumer(r) //nolint:forcetypeassert // it is one
	return c, r
}

// TestSendWhileConnectionBreaks: writers notice first that a connection breaks, and what became of its streams shows
// later. A sender that is told of the end may rely on it: the stream does not go on elsewhere without what follows.
func TestSendWhileConnectionBreaks(t *testing.T) {
	t.Parallel()
	refused := &protocol.Failure{Kind: protocol.FailedGoaway, Reach: fairlead.Refused}
	lost := &protocol.Failure{Kind: protocol.FailedLost}
	tests := []struct {
		name string
		x    brokenExchange
		goes bool // on
	}{
		{"not sent", brokenExchange{failure: &protocol.Failure{Reach: fairlead.NotSent}, sent: io.EOF}, true},
		{"refused", brokenExchange{failure: refused, sent: io.EOF}, true},
		{"refused, as Send says", brokenExchange{failure: refused, sent: refused}, true},
		{"lost", brokenExchange{failure: lost, sent: io.EOF}, false},
		{"answered", brokenExchange{
			failure: lost, sent: io.EOF, head: &protocol.Head{Status: 200, ContentType: "application/grpc+proto"},
		}, false},
	}
	for i := range tests {
		tt := &tests[i]
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				tt.x.ready = make(chan struct{})
				c, r := openBroken(t, &tt.x)
				defer c.Stream().Close()
				close(r.let)
				sent := make(chan error, 1)
				go func() { sent <- c.Stream().Send(&note{"a"}) }()
				synctest.Wait()
				close(tt.x.ready)
				err := <-sent
				if tt.goes != (err == nil) || err != nil && !errors.Is(err, io.EOF) {
					t.Fatalf("Send: got %v", err)
				}
				var got note
				err = c.Stream().Recv(&got)
				if !tt.goes {
					wantError(t, err, fairlead.Unavailable, "")
					if r.n != 0 {
						t.Error("the stream went on")
					}
					return
				}
				if err != nil || got.Text != "a" {
					t.Fatalf("got %q, %v", got.Text, err)
				}
				if err := errors.Join(c.Stream().Send(&note{"b"}), c.Stream().CloseSend()); err != nil {
					t.Error(err)
				}
				if err := c.Stream().Recv(&got); err != nil || got.Text != "b" {
					t.Errorf("got %q, %v", got.Text, err)
				}
				if err := c.Stream().Recv(&got); err != io.EOF { //nolint:errorlint // Recv returns it bare
					t.Errorf("got %v, want EOF", err)
				}
			})
		})
	}
}

// TestWaitHeaderDuringResumption: who waits for the header gives up when its context ends, also while another
// connection is looked for, and the stream goes on all the same.
func TestWaitHeaderDuringResumption(t *testing.T) {
	t.Parallel()
	for _, first := range []bool{true, false} {
		name := "it resumes"
		if !first {
			name = "Recv resumes"
		}
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				x := &brokenExchange{
					sent: io.EOF, failure: &protocol.Failure{Reach: fairlead.Refused}, ready: make(chan struct{}),
				}
				close(x.ready)
				c, r := openBroken(t, x)
				defer c.Stream().Close()
				if err := c.Stream().Send(&note{"a"}); err != nil {
					t.Fatal(err)
				}
				received := make(chan error, 1)
				var got note
				receive := func() { received <- c.Stream().Recv(&got) }
				if !first {
					go receive()
					synctest.Wait()
				}
				ctx, cancel := context.WithCancel(t.Context())
				waited := make(chan error, 1)
				go func() { waited <- c.WaitHeader(ctx) }()
				synctest.Wait()
				cancel()
				wantError(t, <-waited, fairlead.Canceled, "")
				if first {
					go receive()
				}
				close(r.let)
				if err := <-received; err != nil || got.Text != "a" {
					t.Errorf("got %q, %v", got.Text, err)
				}
			})
		})
	}
}

// unnoticed is a context that was cancelled a moment ago: those who wait for its end were not woken yet.
type unnoticed struct {
	context.Context //nolint:containedctx // unnoticed is a context

	over atomic.Bool
}

func (u *unnoticed) Err() error {
	if u.over.Load() {
		return context.Canceled
	}
	return u.Context.Err()
}

// TestCancelDuringResumption: a stream whose context ends while another connection is looked for does not begin anew on
// it, and nobody is told there that the client has sent all it has.
func TestCancelDuringResumption(t *testing.T) {
	t.Parallel()
	x := &brokenExchange{
		takes: true, failure: &protocol.Failure{Reach: fairlead.Refused}, ready: make(chan struct{}),
	}
	ctx := &unnoticed{Context: t.Context()}
	c, r := openBrokenWith(ctx, t, x)
	defer c.Stream().Close()
	opened := newConn(t, func(*exchange, bool) { t.Error("the stream began anew") })
	r.conn = bindTo(t, opened, mBidi, config()).cc
	if err := errors.Join(c.Stream().Send(&note{"a"}), c.Stream().CloseSend()); err != nil {
		t.Fatal(err)
	}
	close(x.ready)
	ctx.over.Store(true)
	close(r.let)
	wantError(t, c.Stream().Recv(new(note)), fairlead.Canceled, "")
	if r.n != 1 {
		t.Errorf("got %d resumptions, want 1", r.n)
	}
}

// TestResumptionOrders has everybody at work while a stream begins anew: each message arrives once and in order, or the
// stream ends as it was told to.
func TestResumptionOrders(t *testing.T) {
	t.Parallel()
	const messages = 10
	refused := &protocol.Failure{Kind: protocol.FailedGoaway, Reach: fairlead.Refused}
	for i := range 200 {
		x := &brokenExchange{sent: io.EOF, takes: true, failure: refused, ready: make(chan struct{})}
		if i%2 == 0 {
			x.sent = refused
		}
		c, r := openBroken(t, x)
		s := c.Stream()
		ctx, cancel := context.WithCancel(t.Context())
		closes := i%4 == 3
		begin := make(chan struct{})
		var others sync.WaitGroup
		together := func(f func()) { others.Go(func() { <-begin; f() }) }
		together(func() { close(x.ready) })
		together(func() { close(r.let) })
		together(cancel)
		together(func() { _ = c.WaitHeader(ctx) })
		together(func() { _ = c.WaitHeader(t.Context()) })
		together(func() {
			for n := range messages {
				if err := s.Send(&note{strconv.Itoa(n)}); err != nil && !closes {
					t.Errorf("message %d: %v", n, err)
				}
			}
			if err := s.CloseSend(); err != nil && !closes {
				t.Error(err)
			}
		})
		if closes {
			together(func() { _ = s.Close() })
		}
		close(begin)
		n := 0
		var err error
		for ; ; n++ {
			var got note
			if err = s.Recv(&got); err != nil {
				break
			}
			if got.Text != strconv.Itoa(n) {
				t.Errorf("got message %s, want %d", got.Text, n)
			}
		}
		others.Wait()
		whole := n == messages && err == io.EOF //nolint:errorlint // Recv returns it bare
		if told := closes && fairlead.CodeOf(err) == fairlead.Canceled; !whole && !told {
			t.Errorf("got %d messages and %v", n, err)
		}
		if r.n > 2 {
			t.Errorf("%d resumptions", r.n)
		}
		_ = s.Close()
	}
}

// TestKeptIsBounded: a stream begins anew with 64 KiB less one byte that it has sent, envelopes included, and not with
// more.
func TestKeptIsBounded(t *testing.T) {
	t.Parallel()
	for size, goes := range map[int]bool{65535: true, 65536: false, 100_000: false} {
		x := &brokenExchange{
			takes: true, failure: &protocol.Failure{Reach: fairlead.Refused}, ready: make(chan struct{}),
		}
		c, r := openBroken(t, x)
		const first = 1000
		for _, n := range []int{first, size - first} {
			if err := c.Stream().Send(&note{strings.Repeat("x", n-rpcwire.PrefixSize)}); err != nil {
				t.Fatal(err)
			}
		}
		close(r.let)
		close(x.ready)
		err := c.Stream().Recv(new(note))
		if (err == nil) != goes {
			t.Errorf("%d bytes: got %v, want it to go on: %v", size, err, goes)
		}
		if want := map[bool]int{true: 1}[goes]; r.n != want {
			t.Errorf("%d bytes: got %d resumptions, want %d", size, r.n, want)
		}
		if err := c.Stream().Close(); err != nil {
			t.Error(err)
		}
	}
}

// TestResumedRequest: a stream with one request, and one that has sent all it has, begin anew with all of it.
func TestResumedRequest(t *testing.T) {
	t.Parallel()
	for _, m := range []*fairlead.Method{mServer, mBidi, mClient} {
		t.Run(m.Name, func(t *testing.T) {
			t.Parallel()
			x := &brokenExchange{
				takes: true, failure: &protocol.Failure{Reach: fairlead.Refused}, ready: make(chan struct{}),
			}
			s, d := newTestServer(t)
			good := bindTo(t, newConn(t, served(s, d)), m, config())
			b := bindTo(t, brokenConn{newConn(t, nil), x}, m, config())
			c := fairlead.NewCall(m, &note{"3"})
			if err := b.cc.Open(t.Context(), b.b, c); err != nil {
				t.Fatal(err)
			}
			defer c.Stream().Close()
			r := &resumer{conn: good.cc, let: make(chan struct{})}
			c.Wire().Driver().(protocol.Resumable).SetResumer(r) //nolint:forcetypeassert // it is one
			if m != mServer {
				for _, err := range []error{c.Stream().Send(&note{"3"}), c.Stream().CloseSend()} {
					if err != nil {
						t.Fatal(err)
					}
				}
			}
			close(r.let)
			close(x.ready)
			var err error
			n := 0
			for ; err == nil; n++ {
				err = c.Stream().Recv(new(note))
			}
			if err != io.EOF || n < 2 { //nolint:errorlint // Recv returns it bare
				t.Errorf("got %d messages and %v", n-1, err)
			}
		})
	}
}

// vital is a connection that says when it heard from its peer.
type vital struct{ *conn }

func (vital) Vital() protocol.Vital { return theVital }

var theVital protocol.Vital = new(struct{ protocol.Vital })

// TestVital: the connection's signs of life are those of the HTTP connection, if that has any.
func TestVital(t *testing.T) {
	t.Parallel()
	with := NewClient(&dialect).NewConn(vital{newConn(t, nil)}, config()).(protocol.Living)
	if got := with.Vital(); got != theVital {
		t.Errorf("got %v, want the connection's own", got)
	}
	without := NewClient(&dialect).NewConn(newConn(t, nil), config()).(protocol.Living)
	if got := without.Vital(); got != nil {
		t.Errorf("got %v, want none", got)
	}
}
