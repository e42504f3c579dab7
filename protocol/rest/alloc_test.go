package rest

import (
	"context"
	"iter"
	"testing"

	"google.golang.org/protobuf/types/known/typepb"

	"github.com/fairlead-go/fairlead"
	"github.com/fairlead-go/fairlead/httprule"
	"github.com/fairlead-go/fairlead/protocol"
)

// quietExchange answers a request without allocating.
type quietExchange struct {
	protocol.Exchange // panics when something else is called

	head   protocol.Head
	status int
	body   []byte
}

func (x *quietExchange) Head() *protocol.Head { return &x.head }
func (*quietExchange) Peer() *fairlead.Peer   { return nil }
func (*quietExchange) SetCall(*fairlead.Call) {}
func (*quietExchange) HeaderLimit() int       { return 0 }
func (x *quietExchange) Reply(r *protocol.Reply) error {
	x.status, x.body = r.Head.Status, append(x.body[:0], r.Message.Bytes...)
	return nil
}

// dispatcher has one route.
type dispatcher struct {
	protocol.Dispatcher // panics when something else is called

	route  *protocol.Route
	limits protocol.Limits
}

func (d *dispatcher) Routes() iter.Seq[*protocol.Route] {
	return func(yield func(*protocol.Route) bool) { yield(d.route) }
}
func (d *dispatcher) Limits() *protocol.Limits      { return &d.limits }
func (*dispatcher) Admit(*fairlead.Call, int) error { return nil }
func (*dispatcher) Reserve(int) error               { return nil }
func (*dispatcher) Done(*fairlead.Call, int)        {}

// fixed is a codec that allocates nothing.
type fixed struct{}

func (fixed) Name() string                                    { return "json" }
func (fixed) AppendMarshal(dst []byte, _ any) ([]byte, error) { return append(dst, "{}"...), nil }
func (fixed) Unmarshal([]byte, any) error                     { return nil }

// TestAllocs pins the protocol's own allocations of a call: the Call, and the values of a path that has some.
func TestAllocs(t *testing.T) { //nolint:paralleltest // it counts the process's allocations
	if raceEnabled {
		t.Skip("the race detector allocates")
	}
	msg := new(typepb.Type)
	set := func(m any, v []string) error {
		return httprule.Set("name", v, httprule.String, func(s string) { m.(*typepb.Type).Name = s })
	}
	m := fairlead.NewMethod[typepb.Type, typepb.Type](fairlead.Unary, "test.v1.Things", "Get")
	m.NewRequest = func() any { return msg }
	body := func(m any) any { return m }
	m.HTTP = []fairlead.HTTPRule{
		{Verb: "POST", Template: "/v1/things", BodyField: "*", Body: body},
		{
			Verb: "POST", Template: "/v1/things/{name}", BodyField: "*", Body: body,
			Params: []fairlead.HTTPParam{{Name: "name", InPath: true, Set: set}},
		},
		{Verb: "GET", Template: "/v1/things", Params: []fairlead.HTTPParam{{Name: "name", Set: set}}},
	}
	d := &dispatcher{route: &protocol.Route{Method: m, Handler: func(_ context.Context, c *fairlead.Call) error {
		c.SetResponse(c.Request())
		return nil
	}}}
	s := NewServer()
	if err := s.Attach(d); err != nil {
		t.Fatal(err)
	}
	for _, rule := range m.HTTP {
		b, _, _, err := s.router.Match(rule.Verb, rule.Template, nil)
		if err != nil {
			t.Fatal(err)
		}
		b.result, b.estimate = fixed{}, nil
		if b.body != nil {
			b.body = fixed{}
		}
	}
	for _, tt := range []struct {
		name, verb, path, query, field string
		want                           float64
	}{
		{"body", "POST", "/v1/things", "", "", 1},
		{"query", "GET", "/v1/things", "name=x", "", 1},
		{"variable", "POST", "/v1/things/x", "", "", 2},
		{"metadata", "POST", "/v1/things", "", "x-id", 2},
	} {
		x := &quietExchange{head: protocol.Head{Verb: tt.verb, Path: tt.path, Query: tt.query}}
		x.head.Fields.Append("accept-encoding", "gzip")
		if tt.field != "" {
			x.head.Fields.Append(tt.field, "7")
		}
		content := []byte("{}")
		if tt.verb == "GET" {
			content = nil
		} else {
			x.head.ContentType = jsonType
		}
		call := func() {
			x.head.Matched = nil
			if s.Match(&x.head) != protocol.Complete {
				t.Fatal("it is not taken")
			}
			if task := s.Whole(x, content); task != nil {
				task.Run()
			}
		}
		if got := testing.AllocsPerRun(200, call); got != tt.want || x.status != 200 || string(x.body) != "{}" {
			t.Errorf("%s: got %v allocations, %d %s, want %v", tt.name, got, x.status, x.body, tt.want)
		}
	}
}
