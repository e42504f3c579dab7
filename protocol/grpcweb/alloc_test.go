package grpcweb

import (
	"context"
	"iter"
	"log/slog"
	"testing"

	"github.com/fairlead-go/fairlead"
	"github.com/fairlead-go/fairlead/buffer"
	"github.com/fairlead-go/fairlead/codec"
	"github.com/fairlead-go/fairlead/internal/assert"
	"github.com/fairlead-go/fairlead/protocol"
	"github.com/fairlead-go/fairlead/protocol/protocoltest"
)

// quietDispatcher is a server with one route that allocates nothing.
type quietDispatcher struct {
	protocol.Dispatcher // panics when something else is called

	route *protocol.Route
}

func (d *quietDispatcher) Routes() iter.Seq[*protocol.Route] {
	return func(yield func(*protocol.Route) bool) { yield(d.route) }
}
func (d *quietDispatcher) Fallback() *protocol.Route       { return nil }
func (d *quietDispatcher) Limits() *protocol.Limits        { return new(protocol.Limits) }
func (d *quietDispatcher) Admit(*fairlead.Call, int) error { return nil }
func (d *quietDispatcher) Done(*fairlead.Call, int)        {}
func (d *quietDispatcher) Logger() *slog.Logger            { return slog.New(slog.DiscardHandler) }

var quietPeer = new(fairlead.Peer)

// quietExchange answers a request without allocating.
type quietExchange struct {
	protocol.Exchange

	head  protocol.Head
	body  int
	fails int
}

func (x *quietExchange) Head() *protocol.Head    { return &x.head }
func (x *quietExchange) Peer() *fairlead.Peer    { return quietPeer }
func (x *quietExchange) SetCall(*fairlead.Call)  {}
func (x *quietExchange) Finish(protocol.Section) { x.fails++ }

func (x *quietExchange) Reply(r *protocol.Reply) error {
	x.body = r.Message.Size + len(r.Message.Bytes) + len(r.Tail)
	return nil
}

// quietConn answers a request without allocating.
type quietConn struct {
	protocol.HTTPConn

	head protocol.Head
	body []byte
}

func (*quietConn) Peer() *fairlead.Peer { return nil }

func (c *quietConn) Do(_ *protocol.Request, r protocol.Receiver) (protocol.Ticket, error) {
	r.Head(&c.head, false)
	r.Data(c.body)
	r.End(nil, nil)
	return 1, nil
}

// wantAllocs checks how often f allocates. It does not run in parallel, and not under the race detector.
func wantAllocs(t *testing.T, what string, want float64, f func()) {
	t.Helper()
	if assert.Race {
		t.Skip("the race detector allocates")
	}
	buffer.Count(false)
	defer buffer.Count(true)
	if got := testing.AllocsPerRun(200, f); got != want {
		t.Errorf("%s: got %v allocations, want %v", what, got, want)
	}
}

// unaryMethod is a method whose messages are always the same.
func unaryMethod() *fairlead.Method {
	msg := &protocoltest.Msg{Text: "hi", N: 1}
	return &fairlead.Method{
		Service: "test.Echo", Name: "Unary", Path: "/test.Echo/Unary",
		NewRequest: func() any { return msg }, NewResponse: func() any { return msg },
	}
}

// quietCodec decodes nothing, and so allocates nothing.
type quietCodec struct{ protocoltest.Codec }

func (c quietCodec) ForType(any) (codec.Codec, error) { return c, nil }

func (quietCodec) Unmarshal([]byte, any) error { return nil }

// TestServerAllocs pins the server's own allocations of a unary call: the Call and the exchange.
func TestServerAllocs(t *testing.T) { //nolint:paralleltest // it counts the process's allocations
	m := unaryMethod()
	d := &quietDispatcher{route: &protocol.Route{
		Method: m,
		Handler: func(_ context.Context, c *fairlead.Call) error {
			c.SetResponse(c.Request())
			return nil
		},
		Codecs: []protocol.MethodCodec{{Name: "msg", Req: quietCodec{}, Resp: quietCodec{}, RespSizer: quietCodec{}}},
	}}
	s := NewServer()
	if err := s.Attach(d); err != nil {
		t.Fatal(err)
	}
	x := &quietExchange{head: protocol.Head{
		Verb: "POST", Path: m.Path, ContentType: "application/grpc-web+msg", Route: d.route, UserAgent: "test",
	}}
	body := []byte("\x00\x00\x00\x00\x03\x02hi")
	wantAllocs(t, "binary", 2, func() { s.Whole(x, body).Run() })
	x.head.ContentType = "application/grpc-web-text+msg"
	text := []byte("AAAAAAMCaGk=")
	wantAllocs(t, "text", 3, func() { s.Whole(x, text).Run() })
	if x.fails > 0 || x.body == 0 {
		t.Errorf("%d calls failed, and the last response has %d bytes", x.fails, x.body)
	}
}

// TestClientAllocs pins the client's own allocations of a unary call, besides the Call: the receiver.
func TestClientAllocs(t *testing.T) { //nolint:paralleltest // it counts the process's allocations
	m := unaryMethod()
	hc := new(quietConn)
	hc.head.Status = 200
	for _, tt := range []struct {
		name, ct, body string
		client         *Client
		want           float64
	}{
		{
			"binary", "application/grpc-web+msg", "\x00\x00\x00\x00\x03\x02hi\x80\x00\x00\x00\x10" + plainSuccess,
			NewClient(), 1,
		},
		{"text", "application/grpc-web-text+msg", "AAAAAAMCaGk=gAAAABBncnBjLXN0YXR1czogMA0K", NewTextClient(), 4},
	} {
		hc.head.ContentType, hc.body = tt.ct, []byte(tt.body)
		cfg := &protocol.ClientConfig{Codec: quietCodec{}, Authority: "test"}
		bind, err := tt.client.Bind(m, cfg)
		if err != nil {
			t.Fatal(err)
		}
		cc := tt.client.NewConn(hc, cfg)
		c := fairlead.NewCall(m, m.NewRequest(), fairlead.WithReply(m.NewResponse()))
		wantAllocs(t, tt.name, tt.want, func() {
			if err := cc.Unary(context.Background(), bind, c); err != nil {
				t.Fatal(err)
			}
		})
	}
}
