package grpcwire

import (
	"context"
	"testing"
	"time"

	"github.com/fairlead-go/fairlead"
	"github.com/fairlead-go/fairlead/buffer"
	"github.com/fairlead-go/fairlead/protocol"
)

// quietExchange answers a request without allocating.
type quietExchange struct {
	protocol.Exchange // panics when something else is called

	head  protocol.Head
	fails int
}

func (x *quietExchange) Head() *protocol.Head        { return &x.head }
func (x *quietExchange) Peer() *fairlead.Peer        { return testPeer }
func (x *quietExchange) SetCall(*fairlead.Call)      {}
func (x *quietExchange) Reply(*protocol.Reply) error { return nil }
func (x *quietExchange) Finish(protocol.Section) {
	x.fails++
}

// quietConn answers a request without allocating.
type quietConn struct {
	protocol.HTTPConn

	head, trailer protocol.Head
	body          []byte
}

func (c *quietConn) Peer() *fairlead.Peer { return testPeer }

func (c *quietConn) Do(_ *protocol.Request, r protocol.Receiver) (protocol.Ticket, error) {
	r.Head(&c.head, false)
	r.Data(c.body)
	r.End(&c.trailer, nil)
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

// TestServerAllocs pins the server's own allocations of a unary call: the Call.
func TestServerAllocs(t *testing.T) { //nolint:paralleltest // it counts the process's allocations
	msg := &note{"hi"}
	m := &fairlead.Method{
		Service: "test.Notes", Name: "Unary", Path: "/test.Notes/Unary",
		NewRequest: func() any { return msg }, NewResponse: func() any { return msg },
	}
	d := newDispatcher()
	d.draining = nil
	route := d.handle(m, echo)
	s := attach(t, d)
	x := &quietExchange{head: protocol.Head{
		Verb: "POST", Path: m.Path, ContentType: contentType, Route: route, UserAgent: "test",
	}}
	x.head.Fields.Add("te", "trailers")
	x.head.Fields.Add("grpc-accept-encoding", "gzip")
	body := frame(0, "hi")
	if s.Match(&x.head) != protocol.Complete {
		t.Fatal("unary calls are not wanted whole")
	}
	wantAllocs(t, "plain", 1, func() { s.Whole(x, body).Run() })
	x.head.Timeout, x.head.TimeoutName = []byte("20S"), "grpc-timeout"
	wantAllocs(t, "with a deadline", 1, func() { s.Whole(x, body).Run() })
	x.head.ContentType = "application/grpc+proto"
	wantAllocs(t, "with a codec's name", 1, func() { s.Whole(x, body).Run() })
	x.head.Fields.Append("x-id", "7")
	wantAllocs(t, "with metadata", 2, func() { s.Whole(x, body).Run() })
	if x.fails > 0 {
		t.Errorf("%d calls failed", x.fails)
	}
}

// TestClientAllocs pins the client's own allocations of a unary call, besides the Call: none.
func TestClientAllocs(t *testing.T) { //nolint:paralleltest // it counts the process's allocations
	msg := &note{"hi"}
	m := &fairlead.Method{
		Service: "test.Notes", Name: "Unary", Path: "/test.Notes/Unary",
		NewRequest: func() any { return msg }, NewResponse: func() any { return msg },
	}
	hc := &quietConn{body: frame(0, "hi")}
	hc.head.Status, hc.head.ContentType = 200, contentType
	hc.trailer.Fields.Add("grpc-status", "0")
	b := bindTo(t, hc, m, config())
	ctx := context.Background()
	run := func(c *fairlead.Call) func() {
		return func() {
			if err := b.cc.Unary(ctx, b.b, c); err != nil {
				t.Fatal(err)
			}
		}
	}
	c := fairlead.NewCall(m, msg)
	wantAllocs(t, "plain", 0, run(c))
	c.Tighten(time.Now().Add(time.Hour))
	wantAllocs(t, "with a deadline", 0, run(c))
	c.RequestHeader().Add("x-id", "7")
	wantAllocs(t, "with metadata", 0, run(c))
	var cancel func()
	ctx, cancel = context.WithCancel(ctx)
	defer cancel()
	wantAllocs(t, "with a context", 0, run(c))
	hc.body = frame(0, string(make([]byte, maxInline+1)))
	msg.Text = string(make([]byte, maxInline+1))
	wantAllocs(t, "with a large response", 0, run(c))
}

func BenchmarkServerUnary(b *testing.B) {
	msg := &note{"hi"}
	m := &fairlead.Method{
		Service: "test.Notes", Name: "Unary", Path: "/test.Notes/Unary",
		NewRequest: func() any { return msg }, NewResponse: func() any { return msg },
	}
	d := newDispatcher()
	route := d.handle(m, echo)
	s := NewServer(&dialect)
	if err := s.Attach(d); err != nil {
		b.Fatal(err)
	}
	body := frame(0, "hi")
	buffer.Count(false)
	defer buffer.Count(true)
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		x := &quietExchange{head: protocol.Head{Verb: "POST", Path: m.Path, ContentType: contentType, Route: route}}
		x.head.Fields.Add("te", "trailers")
		x.head.Fields.Add("grpc-accept-encoding", "gzip")
		for pb.Next() {
			s.Whole(x, body).Run()
		}
	})
}

func BenchmarkClientUnary(b *testing.B) {
	msg := &note{"hi"}
	m := &fairlead.Method{
		Service: "test.Notes", Name: "Unary", Path: "/test.Notes/Unary",
		NewRequest: func() any { return msg }, NewResponse: func() any { return msg },
	}
	hc := &quietConn{body: frame(0, "hi")}
	hc.head.Status, hc.head.ContentType = 200, contentType
	hc.trailer.Fields.Add("grpc-status", "0")
	cl := NewClient(&dialect)
	bind, err := cl.Bind(m, config())
	if err != nil {
		b.Fatal(err)
	}
	cc := cl.NewConn(hc, nil)
	buffer.Count(false)
	defer buffer.Count(true)
	for _, timed := range []bool{false, true} {
		b.Run(map[bool]string{false: "plain", true: "deadline"}[timed], func(b *testing.B) {
			b.ReportAllocs()
			for range b.N {
				c := fairlead.NewCall(m, msg)
				if timed {
					c.Tighten(time.Now().Add(time.Hour))
				}
				if err := cc.Unary(context.Background(), bind, c); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
