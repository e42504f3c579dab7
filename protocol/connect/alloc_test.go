package connect

import (
	"context"
	"iter"
	"log/slog"
	"testing"
	"time"

	"github.com/fairlead-go/fairlead"
	"github.com/fairlead-go/fairlead/buffer"
	"github.com/fairlead-go/fairlead/codec"
	"github.com/fairlead-go/fairlead/protocol"
)

// fixedCodec decodes nothing and encodes two bytes.
type fixedCodec struct{}

var _ codec.Sizer = fixedCodec{}

func (fixedCodec) Name() string                                    { return "fixed" }
func (fixedCodec) AppendMarshal(dst []byte, _ any) ([]byte, error) { return append(dst, "hi"...), nil }
func (fixedCodec) AppendSized(dst []byte, _ any, _ int) ([]byte, error) {
	return append(dst, "hi"...), nil
}
func (fixedCodec) Unmarshal([]byte, any) error { return nil }
func (fixedCodec) Size(any) int                { return 2 }

// quietDispatcher has one route, and admits all calls.
type quietDispatcher struct {
	protocol.Dispatcher

	route  *protocol.Route
	limits protocol.Limits
}

func (d *quietDispatcher) Limits() *protocol.Limits { return &d.limits }
func (d *quietDispatcher) Routes() iter.Seq[*protocol.Route] {
	return func(yield func(*protocol.Route) bool) { yield(d.route) }
}
func (d *quietDispatcher) Admit(*fairlead.Call, int) error { return nil }
func (d *quietDispatcher) Done(*fairlead.Call, int)        {}
func (d *quietDispatcher) Logger() *slog.Logger            { return slog.New(slog.DiscardHandler) }

// quietExchange answers a request without allocating.
type quietExchange struct {
	protocol.Exchange // panics when something else is called

	head protocol.Head
	last *protocol.Block
}

var testPeer = &fairlead.Peer{} //nolint:gochecknoglobals // read-only

func (x *quietExchange) Head() *protocol.Head   { return &x.head }
func (x *quietExchange) Peer() *fairlead.Peer   { return testPeer }
func (x *quietExchange) SetCall(*fairlead.Call) {}
func (x *quietExchange) HeaderLimit() int       { return 0 }
func (x *quietExchange) Reply(r *protocol.Reply) error {
	x.last = r.Head.Block
	return nil
}

// quietConn answers a request without allocating.
type quietConn struct {
	protocol.HTTPConn

	head protocol.Head
	body []byte
}

func (c *quietConn) Peer() *fairlead.Peer { return testPeer }

func (c *quietConn) Do(_ *protocol.Request, r protocol.Receiver) (protocol.Ticket, error) {
	r.Head(&c.head, false)
	r.Data(c.body)
	r.End(nil, nil)
	return 1, nil
}

// wantAllocs checks how often f allocates. It does not run in parallel, and not under the race detector.
func wantAllocs(t *testing.T, what string, want float64, f func()) {
	t.Helper()
	if raceEnabled {
		t.Skip("the race detector allocates")
	}
	buffer.Count(false)
	defer buffer.Count(true)
	if got := testing.AllocsPerRun(200, f); got != want {
		t.Errorf("%s: got %v allocations, want %v", what, got, want)
	}
}

func unaryMethod() *fairlead.Method {
	msg := new(int)
	return &fairlead.Method{
		Service: "test.Notes", Name: "Unary", Path: "/test.Notes/Unary", Idempotency: fairlead.NoSideEffects,
		NewRequest: func() any { return msg }, NewResponse: func() any { return msg },
	}
}

// TestServerAllocs pins the server's own allocations of a unary call: the Call.
func TestServerAllocs(t *testing.T) { //nolint:paralleltest // it counts the process's allocations
	m := unaryMethod()
	d := &quietDispatcher{route: &protocol.Route{
		Method: m,
		Handler: func(_ context.Context, c *fairlead.Call) error {
			c.SetResponse(c.Request())
			return nil
		},
		Codecs: []protocol.MethodCodec{{Name: "fixed", Req: fixedCodec{}, Resp: fixedCodec{}, RespSizer: fixedCodec{}}},
	}}
	s := NewServer()
	if err := s.Attach(d); err != nil {
		t.Fatal(err)
	}
	x := &quietExchange{head: protocol.Head{
		Verb: "POST", Path: m.Path, ContentType: "application/fixed", Route: d.route, UserAgent: "test",
	}}
	x.head.Fields.Add("accept-encoding", "gzip")
	x.head.Fields.Add("content-length", "2")
	x.head.Fields.Add("connect-protocol-version", "1")
	body := []byte("hi")
	call := func() {
		if s.Match(&x.head) != protocol.Complete {
			t.Fatal("unary calls are not wanted whole")
		}
		s.Whole(x, body).Run()
	}
	wantAllocs(t, "plain", 1, call)
	x.head.Timeout, x.head.TimeoutName = []byte("20"), fieldTimeout
	wantAllocs(t, "with a deadline", 1, call)
	x.head.Fields.Append("x-id", "7")
	wantAllocs(t, "with metadata", 2, call)
	if x.last == nil || x.last.Fields()[1] != "200" {
		t.Errorf("got response %v", x.last)
	}
}

// TestClientAllocs pins the client's own allocations of a unary call, besides the Call: none.
func TestClientAllocs(t *testing.T) { //nolint:paralleltest // it counts the process's allocations
	m := unaryMethod()
	hc := &quietConn{body: []byte("hi")}
	hc.head.Status, hc.head.ContentType = 200, "application/fixed"
	hc.head.Fields.Add("date", "Mon, 30 Nov 2026 20:44:15 GMT")
	hc.head.Fields.Add("content-length", "2")
	cl := NewClient()
	b, err := cl.Bind(m, &protocol.ClientConfig{Codec: fixedCodec{}, RecvMessage: 1 << 20, SendMessage: 1 << 20})
	if err != nil {
		t.Fatal(err)
	}
	cc := cl.NewConn(hc, nil)
	ctx := context.Background()
	run := func(c *fairlead.Call) func() {
		return func() {
			if err := cc.Unary(ctx, b, c); err != nil {
				t.Fatal(err)
			}
		}
	}
	c := fairlead.NewCall(m, new(int))
	wantAllocs(t, "plain", 0, run(c))
	c.Tighten(time.Now().Add(time.Hour))
	wantAllocs(t, "with a deadline", 0, run(c))
	c.RequestHeader().Add("x-id", "7")
	wantAllocs(t, "with metadata", 0, run(c))
	hc.body = make([]byte, maxInline+1)
	hc.head.Fields.Set("content-length", "65537")
	wantAllocs(t, "with a large response", 0, run(c))
}
