package preset_test

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/fairlead-go/fairlead"
	"github.com/fairlead-go/fairlead/client"
	"github.com/fairlead-go/fairlead/internal/assert"
	"github.com/fairlead-go/fairlead/preset"
	"github.com/fairlead-go/fairlead/protocol/web"
	"github.com/fairlead-go/fairlead/server"
	"github.com/fairlead-go/fairlead/transport"
)

// The exchange of the tests with faults: a call of each kind, and one that fails.
var (
	scriptGet  = fairlead.NewMethod[text, text](fairlead.Unary, "preset.v1.Script", "Get")
	scriptList = fairlead.NewMethod[text, text](fairlead.ServerStreaming, "preset.v1.Script", "List")
	scriptJoin = fairlead.NewMethod[text, text](fairlead.ClientStreaming, "preset.v1.Script", "Join")
	scriptTalk = fairlead.NewMethod[text, text](fairlead.BidiStreaming, "preset.v1.Script", "Talk")
	scriptFail = fairlead.NewMethod[text, text](fairlead.Unary, "preset.v1.Script", "Fail")
	script     = fairlead.NewService("preset.v1.Script", "proto", nil,
		scriptGet, scriptList, scriptJoin, scriptTalk, scriptFail)
)

// words are the messages of the streams.
var words = []string{"one", "two", "", "four"}

// detail is what scriptFail's error carries.
var detail = fairlead.Detail{Type: "type.googleapis.com/preset.v1.Why", Value: []byte("because")}

// plan says how the script is played.
type plan struct {
	whole  bool       // no call may fail
	late   bool       // a connection's deadline passes, which may be the peer's fault
	stalls bool       // a connection falls silent, so that only its deadline ends a call, and shutting down takes force
	atOnce bool       // all calls run at once
	yields *rand.Rand // handlers give way to others at random; nil: they do not

	protocol preset.Protocol    // of the client; "": gRPC
	wire     []web.ClientOption // of the client's wire
}

// limit is the time that a call of the script has. The clock is the bubble's.
const limit = 2 * time.Second

// record is what became of the calls.
type record struct {
	mu     sync.Mutex
	plan   plan
	begun  map[*fairlead.Call]int // the number of their ends
	faults []error
}

func (r *record) faultf(format string, args ...any) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.faults = append(r.faults, fmt.Errorf(format, args...))
}

// middleware counts ends, and checks what calls end with.
func (r *record) middleware(_ fairlead.Site, next fairlead.Handler) fairlead.Handler {
	return func(ctx context.Context, c *fairlead.Call) error {
		r.mu.Lock()
		if _, again := r.begun[c]; again {
			r.faults = append(r.faults, fmt.Errorf("%s began twice", c.Method().Path))
		}
		r.begun[c] = 0
		r.mu.Unlock()
		c.OnEnd(r.end)
		r.yield()
		err := next(ctx, c)
		r.yield()
		return err
	}
}

func (r *record) end(_ context.Context, c *fairlead.Call, err error) {
	r.yield()
	r.mu.Lock()
	r.begun[c]++
	r.mu.Unlock()
	allowed := []fairlead.Code{
		fairlead.OK, fairlead.Unavailable, fairlead.DeadlineExceeded, fairlead.Canceled,
	}
	if r.plan.late {
		allowed = append(allowed, fairlead.Internal)
	}
	if c.Method() == scriptFail {
		allowed = append(allowed, fairlead.FailedPrecondition)
	}
	if code := fairlead.CodeOf(err); !slices.Contains(allowed, code) {
		r.faultf("%s on the %v side ended with %v", c.Method().Path, c.Side(), err)
	}
}

// yield gives way to other goroutines, or does not.
func (r *record) yield() {
	if r.plan.yields == nil {
		return
	}
	r.mu.Lock()
	what, n := r.plan.yields.IntN(3), r.plan.yields.IntN(100)
	r.mu.Unlock()
	switch what {
	case 0:
		time.Sleep(time.Duration(n) * time.Microsecond) // on the bubble's clock
	case 1:
		for range n % 7 {
			runtime.Gosched()
		}
	}
}

// outcome checks what a caller got.
func (r *record) outcome(what string, err error) {
	switch code := fairlead.CodeOf(err); {
	case err == nil || !r.plan.whole && (code == fairlead.Unavailable || code == fairlead.DeadlineExceeded):
	case r.plan.late && code == fairlead.Internal:
	case len(r.plan.wire) > 0 && !r.plan.whole && code == fairlead.Canceled:
		// Over HTTP/1.1 a server that can read no more of a request still answers it.
	default:
		r.faultf("%s: got %v", what, err)
	}
}

// implement is the service.
func (r *record) implement() *fairlead.Implementation {
	return fairlead.Implement(script,
		fairlead.UnaryHandler(func(ctx context.Context, m *text) (*text, error) {
			r.yield()
			c := fairlead.CallFrom(ctx)
			c.ResponseHeader().Set("x-header", c.RequestHeader().Get("x-key"))
			c.ResponseTrailer().Set("x-trailer-bin", "\x00\xff")
			return m, nil
		}),
		fairlead.ServerStreamHandler(func(_ context.Context, _ *text, s *fairlead.Outbound[text]) error {
			for _, w := range words {
				r.yield()
				if err := s.Send(wrapperspb.String(w)); err != nil {
					return err
				}
			}
			return nil
		}),
		fairlead.ClientStreamHandler(func(_ context.Context, s *fairlead.Inbound[text]) (*text, error) {
			var all []string
			for m, err := range s.All() {
				if err != nil {
					return nil, err
				}
				r.yield()
				all = append(all, m.GetValue())
			}
			return wrapperspb.String(strings.Join(all, " ")), nil
		}),
		fairlead.BidiHandler(func(_ context.Context, s *fairlead.Bidi[text, text]) error {
			for m, err := range s.All() {
				if err != nil {
					return err
				}
				r.yield()
				if err := s.Send(m); err != nil {
					return err
				}
			}
			return nil
		}),
		fairlead.UnaryHandler(func(context.Context, *text) (*text, error) {
			e := fairlead.Errorf(fairlead.FailedPrecondition, "not now")
			e.Details = append(e.Details, detail)
			return nil, e
		}),
	)
}

// play runs a server and a client over n, plays the script, ends both, and returns what was wrong.
func play(t *testing.T, n transport.Network, p plan) []error {
	t.Helper()
	r := &record{plan: p, begun: make(map[*fairlead.Call]int)}
	s, err := preset.NewServer("script:80", server.Transport(n), server.Service(r.implement()), server.Use(r.middleware))
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	c, err := preset.NewClient("static:///script:80", client.Dialer(n), client.Use(r.middleware),
		client.Backoff(time.Millisecond, time.Millisecond), preset.ClientProtocol(cmp.Or(p.protocol, preset.GRPC), p.wire...))
	if err != nil {
		t.Fatal(err)
	}
	calls := []func(context.Context, *client.Client){r.get, r.list, r.join, r.talk, r.fail}
	var wg sync.WaitGroup
	for _, call := range calls {
		if p.atOnce {
			wg.Go(func() { call(t.Context(), c) })
		} else {
			call(t.Context(), c)
		}
	}
	wg.Wait()
	if err := c.Close(); err != nil {
		r.faultf("closing the client: %w", err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), assert.Patience(5*time.Second))
	defer cancel()
	if err := s.Shutdown(ctx); err != nil && !p.stalls {
		r.faultf("shutting down: %w", err)
	}
	if got := s.Stats(); got.Calls != 0 || got.Bytes != 0 || got.Connections != 0 || got.Detecting != 0 {
		stacks := make([]byte, 64<<10)
		r.faultf("the server has left: %+v\n%s", got, stacks[:runtime.Stack(stacks, true)])
	}
	for call, ends := range r.begun {
		if ends != 1 {
			r.faultf("%s on the %v side ended %d times", call.Method().Path, call.Side(), ends)
		}
	}
	return r.faults
}

func (r *record) get(ctx context.Context, c *client.Client) {
	var info fairlead.CallInfo
	k := fairlead.NewCall(scriptGet, wrapperspb.String("ping"), fairlead.WithTimeout(limit),
		fairlead.WithHeader("x-key", "a value"), fairlead.WithHeader("x-key-bin", "\x01\x02"), fairlead.WithInfo(&info))
	m, err := fairlead.Result[text](k, c.Bind(scriptGet)(ctx, k))
	r.outcome("Get", err)
	if err == nil && (m.GetValue() != "ping" || info.Header.Get("x-header") != "a value" ||
		info.Trailer.Get("x-trailer-bin") != "\x00\xff") {
		r.faultf("Get: got %q, %v", m.GetValue(), info)
	}
}

func (r *record) list(ctx context.Context, c *client.Client) {
	k := fairlead.NewCall(scriptList, wrapperspb.String("all"), fairlead.WithTimeout(limit))
	s, err := fairlead.OpenedServerStream[text](k, c.Bind(scriptList)(ctx, k))
	if err != nil {
		r.outcome("List", err)
		return
	}
	var got []string
	for m, err := range s.All() {
		if err != nil {
			r.outcome("List", err)
			return
		}
		r.yield()
		got = append(got, m.GetValue())
	}
	if !slices.Equal(got, words) {
		r.faultf("List: got %q", got)
	}
}

func (r *record) join(ctx context.Context, c *client.Client) {
	k := fairlead.NewCall(scriptJoin, nil, fairlead.WithTimeout(limit))
	s, err := fairlead.OpenedClientStream[text, text](k, c.Bind(scriptJoin)(ctx, k))
	if err != nil {
		r.outcome("Join", err)
		return
	}
	for _, w := range words {
		if err = s.Send(wrapperspb.String(w)); err != nil {
			break
		}
		r.yield()
	}
	if err != nil && !errors.Is(err, io.EOF) {
		r.faultf("Join: sending: %w", err)
	}
	m, err := s.CloseAndRecv()
	r.outcome("Join", err)
	if want := strings.Join(words, " "); err == nil && m.GetValue() != want {
		r.faultf("Join: got %q, want %q", m.GetValue(), want)
	}
}

func (r *record) talk(ctx context.Context, c *client.Client) {
	k := fairlead.NewCall(scriptTalk, nil, fairlead.WithTimeout(limit))
	s, err := fairlead.OpenedBidi[text, text](k, c.Bind(scriptTalk)(ctx, k))
	if err != nil {
		r.outcome("Talk", err)
		return
	}
	for _, w := range words {
		if err := s.Send(wrapperspb.String(w)); err != nil && !errors.Is(err, io.EOF) {
			r.faultf("Talk: sending: %w", err)
		}
		m, err := s.Recv()
		if err != nil {
			r.ended("Talk", s, err)
			return
		}
		if m.GetValue() != w {
			r.faultf("Talk: got %q, want %q", m.GetValue(), w)
		}
		r.yield()
	}
	if err := s.CloseSend(); err != nil {
		r.ended("Talk", s, err)
		return
	}
	_, err = s.Recv()
	if !errors.Is(err, io.EOF) {
		r.ended("Talk", s, err)
	}
}

// ended checks the error of a stream, and that it stays.
func (r *record) ended(what string, s *fairlead.Bidi[text, text], err error) {
	if errors.Is(err, io.EOF) {
		r.faultf("%s: ended too early, as if it had succeeded", what)
	}
	r.outcome(what, err)
	if _, again := s.Recv(); fairlead.CodeOf(again) != fairlead.CodeOf(err) {
		r.faultf("%s: ended with %v and then with %v", what, err, again)
	}
}

func (r *record) fail(ctx context.Context, c *client.Client) {
	k := fairlead.NewCall(scriptFail, wrapperspb.String("x"), fairlead.WithTimeout(limit))
	_, err := fairlead.Result[text](k, c.Bind(scriptFail)(ctx, k))
	e := fairlead.ErrorOf(err)
	switch {
	case e == nil:
		r.faultf("Fail: succeeded")
	case e.Code != fairlead.FailedPrecondition:
		r.outcome("Fail", err)
	case len(e.Details) != 1 || e.Details[0].Type != detail.Type || string(e.Details[0].Value) != "because":
		r.faultf("Fail: got the details %v", e.Details)
	}
}
