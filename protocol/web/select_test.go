package web

import (
	"iter"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/fairlead-go/fairlead"
	"github.com/fairlead-go/fairlead/protocol"
)

// fixed is a protocol that answers all heads with the same mode.
type fixed struct {
	protocol.HTTP

	name     string
	mode     protocol.Mode
	asked    int
	attached protocol.Dispatcher
	err      error // of Attach
}

func (f *fixed) Name() string { return f.name }

func (f *fixed) Attach(d protocol.Dispatcher) error {
	f.attached = d
	return f.err
}

func (f *fixed) Match(h *protocol.Head) protocol.Mode {
	f.asked++
	h.Matched = f
	return f.mode
}

// dispatcher is a server with these routes and limits.
type dispatcher struct {
	protocol.Dispatcher

	routes map[string]*protocol.Route
	limits protocol.Limits
	logger *slog.Logger
}

func (d *dispatcher) Routes() iter.Seq[*protocol.Route] { return maps.Values(d.routes) }
func (d *dispatcher) Limits() *protocol.Limits          { return &d.limits }
func (d *dispatcher) Logger() *slog.Logger              { return d.logger }

// TestSelect: the first protocol that takes a request answers it; if none does, the wire answers by what came nearest.
func TestSelect(t *testing.T) {
	t.Parallel()
	const pass, verb, typ = protocol.Pass, protocol.WrongVerb, protocol.WrongType
	const complete, streamed = protocol.Complete, protocol.Streamed
	for _, tt := range []struct {
		name  string
		head  protocol.Head
		modes []protocol.Mode // of the protocols, in order
		taker int             // -1: the wire
		want  protocol.Mode
		text  *answer // the wire's
	}{
		{"taken", protocol.Head{Verb: "POST"}, []protocol.Mode{complete, complete}, 0, complete, nil},
		{"taken by the second", protocol.Head{Verb: "POST"}, []protocol.Mode{pass, streamed}, 1, streamed, nil},
		{"nearer before", protocol.Head{Verb: "POST"}, []protocol.Mode{typ, verb, complete}, 2, complete, nil},
		{"unknown method, taken", protocol.Head{Verb: "BREW"}, []protocol.Mode{complete}, 0, complete, nil},
		{"tunnel", protocol.Head{Verb: "CONNECT"}, []protocol.Mode{complete}, 0, streamed, nil},
		{"too large", protocol.Head{Verb: "POST", TooLarge: true}, []protocol.Mode{complete}, -1, streamed, tooLarge},
		{"no protocol", protocol.Head{Verb: "GET"}, nil, -1, complete, notFound},
		{"passed", protocol.Head{Verb: "GET"}, []protocol.Mode{pass, pass}, -1, complete, notFound},
		{"wrong method", protocol.Head{Verb: "GET"}, []protocol.Mode{verb, pass}, -1, complete, notAllowed},
		{"wrong type", protocol.Head{Verb: "PUT"}, []protocol.Mode{pass, typ}, -1, complete, unsupported},
		{"type over method", protocol.Head{Verb: "PUT"}, []protocol.Mode{typ, verb}, -1, complete, unsupported},
		{"OPTIONS", protocol.Head{Verb: "OPTIONS"}, []protocol.Mode{verb}, -1, complete, noContent},
		{"OPTIONS elsewhere", protocol.Head{Verb: "OPTIONS"}, []protocol.Mode{pass}, -1, complete, notFound},
		{"refused tunnel", protocol.Head{Verb: "CONNECT"}, []protocol.Mode{verb}, -1, streamed, noTunnel},
		{"expecting 100", protocol.Head{Verb: "PUT", Expect100: true}, []protocol.Mode{pass}, -1, streamed, notFound},
		{"unknown method", protocol.Head{Verb: "BREW"}, []protocol.Mode{verb}, -1, complete, notImplemented},
		{"lower case", protocol.Head{Verb: "get"}, []protocol.Mode{pass}, -1, complete, notImplemented},
	} {
		var s selector
		for _, m := range tt.modes {
			s.apps = append(s.apps, &fixed{mode: m})
		}
		h := tt.head
		by, mode := s.Select(&h)
		if mode != tt.want {
			t.Errorf("%s: got mode %d, want %d", tt.name, mode, tt.want)
		}
		if tt.taker >= 0 {
			if by != s.apps[tt.taker] || h.Matched != s.apps[tt.taker] {
				t.Errorf("%s: taken by %v, and matched %v", tt.name, by, h.Matched)
			}
		} else if by != (refuser{}) || h.Matched != tt.text {
			t.Errorf("%s: taken by %v, with %v", tt.name, by, h.Matched)
		}
		last := tt.taker
		if last < 0 && !h.TooLarge {
			last = len(s.apps)
		}
		for i, a := range s.apps {
			if asked := a.(*fixed).asked; (asked > 0) != (i <= last) {
				t.Errorf("%s: protocol %d was asked %d times", tt.name, i, asked)
			}
		}
	}
}

// TestKnownVerb: the methods of RFC 9110, and PATCH, are known.
func TestKnownVerb(t *testing.T) {
	t.Parallel()
	for _, verb := range []string{"GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH"} {
		if !knownVerb(verb) || knownVerb(strings.ToLower(verb)) || knownVerb(verb+"S") {
			t.Errorf("%s: got %v, want true, and false in lower case and with a letter more", verb, knownVerb(verb))
		}
	}
	if knownVerb("") {
		t.Error("the empty method is known")
	}
}

// refusalExchange is an exchange that keeps what it is answered with.
type refusalExchange struct {
	protocol.Exchange

	head *protocol.Head
	got  protocol.Section
	text string
	ends int
}

func (x *refusalExchange) Head() *protocol.Head { return x.head }

func (x *refusalExchange) Finish(s protocol.Section) {
	x.got = s
	x.ends++
}

func (x *refusalExchange) Reply(r *protocol.Reply) error {
	x.got, x.text = r.Head, string(r.Message.Bytes)
	x.ends++
	return nil
}

// TestRefuser: each answer of the wire has its status and text, and 405 and 204 say which methods there are.
func TestRefuser(t *testing.T) {
	t.Parallel()
	methods := []string{"PUT", "GET", "PUT", "DELETE"}
	for _, tt := range []struct {
		answer any
		allow  []string
		status int
		text   string // a part of it; "": no body
		listed string
	}{
		{noContent, methods, 204, "", "DELETE, GET, PUT"},
		{noContent, nil, 204, "", ""},
		{notFound, methods, 404, "nothing at this path", ""},
		{notAllowed, methods, 405, "not served with the request's method", "DELETE, GET, PUT"},
		{notAllowed, []string{"GET"}, 405, "not served with the request's method", "GET"},
		{notAllowed, nil, 405, "not served with the request's method", ""},
		{unsupported, methods, 415, "content type", ""},
		{tooLarge, methods, 431, "", ""},
		{noTunnel, methods, 501, "what the request asks for", ""},
		{notImplemented, methods, 501, "does not know the request's method", ""},
		{nil, nil, 404, "nothing at this path", ""},
		{"a protocol's", nil, 404, "nothing at this path", ""},
	} {
		for _, stream := range []bool{false, true} {
			x := &refusalExchange{head: &protocol.Head{Matched: tt.answer, Allow: tt.allow}}
			if stream {
				refuser{}.Stream(x)
			} else if task := (refuser{}).Whole(x, []byte("body")); task != nil {
				t.Errorf("%d: there is a task", tt.status)
			}
			if x.ends != 1 || x.got.StatusCode() != tt.status || (x.text == "") != (tt.text == "") ||
				!strings.Contains(x.text, tt.text) {
				t.Errorf("got %d answers with %d and %q, want one with %d and %q",
					x.ends, x.got.StatusCode(), x.text, tt.status, tt.text)
			}
			typed := slices.Contains(x.got.Block.Fields(), "text/plain; charset=utf-8")
			if typed != (tt.text != "") {
				t.Errorf("%d: the content type is given: %v", tt.status, typed)
			}
			listed := ""
			if x.got.Extra != nil {
				listed = x.got.Extra.Get("allow")
			}
			if listed != tt.listed {
				t.Errorf("%d: allowed are %q, want %q", tt.status, listed, tt.listed)
			}
		}
	}
}

// TestRefuserWaits: the wire waits half a second for the body of a request that it refuses.
func TestRefuserWaits(t *testing.T) {
	t.Parallel()
	came := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	if got := (refuser{}).Deadline(&protocol.Head{Came: came}).Sub(came); got != 500*time.Millisecond {
		t.Errorf("got %v", got)
	}
}

// TestRoutes: the wire finds the routes of the server's methods by path, and no others.
func TestRoutes(t *testing.T) {
	t.Parallel()
	s := NewServer(&fixed{name: "a"})
	d := &dispatcher{routes: map[string]*protocol.Route{
		"/a/B": {Method: &fairlead.Method{Path: "/a/B"}},
		"/a/C": {Method: &fairlead.Method{Path: "/a/C"}},
	}}
	if err := s.Attach(d); err != nil {
		t.Fatal(err)
	}
	var sel protocol.Selector = &s.sel
	for _, path := range []string{"/a/B", "/a/C", "/a/D", ""} {
		if got := sel.Route([]byte(path)); got != d.routes[path] {
			t.Errorf("%q: got %v", path, got)
		}
	}
}
