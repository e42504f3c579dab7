package preset_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/fairlead-go/fairlead"
	"github.com/fairlead-go/fairlead/client"
	"github.com/fairlead-go/fairlead/preset"
	"github.com/fairlead-go/fairlead/protocol/grpc"
	"github.com/fairlead-go/fairlead/protocol/protocoltest"
	"github.com/fairlead-go/fairlead/protocol/web"
	"github.com/fairlead-go/fairlead/server"
	"github.com/fairlead-go/fairlead/transport/inproc"
)

// gateway passes calls on to a server, whatever their methods.
type gateway struct {
	behind  *client.Client
	methods sync.Map // of *fairlead.Method, by path
}

// call is a server's fallback.
func (g *gateway) call(ctx context.Context, s *fairlead.Bidi[fairlead.Raw, fairlead.Raw]) error {
	in := fairlead.CallFrom(ctx)
	v, _ := g.methods.LoadOrStore(in.Method().Path, in.Method())
	m, _ := v.(*fairlead.Method)
	var opts []fairlead.CallOption
	for k, v := range in.RequestHeader().All() {
		opts = append(opts, fairlead.WithHeader(k, v))
	}
	call := fairlead.NewCall(m, nil, opts...)
	out, err := fairlead.OpenedBidi[fairlead.Raw, fairlead.Raw](call, g.behind.Bind(m)(ctx, call))
	if err != nil {
		return passedOn(err)
	}
	var sent sync.WaitGroup
	defer sent.Wait()
	defer func() { _ = out.Close() }()
	sent.Go(func() {
		for msg, err := range s.All() {
			if err != nil || out.Send(msg) != nil {
				return // the receiving side learns why
			}
		}
		_ = out.CloseSend()
	})
	for first := true; ; first = false {
		msg, err := out.Recv()
		if first {
			for k, v := range call.ResponseHeader().All() {
				in.ResponseHeader().Add(k, v)
			}
		}
		if err == nil {
			err = s.Send(msg)
		}
		if err != nil {
			for k, v := range call.ResponseTrailer().All() {
				in.ResponseTrailer().Add(k, v)
			}
			return passedOn(err)
		}
	}
}

// passedOn is the error of a call behind the gateway as that of the call in front of it, details included.
func passedOn(err error) error {
	if errors.Is(err, io.EOF) {
		return nil
	}
	e := fairlead.ErrorOf(err)
	own := fairlead.Errorf(e.Code, "%s", e.Message)
	own.Details = e.Details
	return own
}

// TestGateway sends all kinds of calls through a server that has none of their methods.
func TestGateway(t *testing.T) {
	t.Parallel()
	n := inproc.New()
	r := &record{begun: make(map[*fairlead.Call]int), plan: plan{whole: true}}
	start(t, "behind:1", server.Transport(n), server.Service(r.implement()), server.Use(r.middleware))
	g := &gateway{behind: connect(t, "static:///behind:1", client.Dialer(n))}
	var sites, calls atomic.Int64
	front := start(t, "front:1", server.Transport(n), server.Fallback(fairlead.BidiHandler(g.call)),
		server.Use(func(at fairlead.Site, next fairlead.Handler) fairlead.Handler {
			if at.Method.Path == "*" {
				sites.Add(1)
			}
			return func(ctx context.Context, c *fairlead.Call) error {
				if strings.HasPrefix(c.Method().Path, "/preset.v1.") && c.Method().Service != "" && c.Method().Name != "" {
					calls.Add(1)
				}
				return next(ctx, c)
			}
		}))
	c := connect(t, "static:///front:1", client.Dialer(n), client.Use(r.middleware))
	for _, call := range []func(context.Context, *client.Client){r.get, r.list, r.join, r.talk, r.fail} {
		call(t.Context(), c)
	}
	unknown := fairlead.NewMethod[text, text](fairlead.Unary, "preset.v1.Nothing", "Get")
	call := fairlead.NewCall(unknown, wrapperspb.String("x"))
	plain := connect(t, "static:///front:1", client.Dialer(n))
	_, err := fairlead.Result[text](call, plain.Bind(unknown)(t.Context(), call))
	if fairlead.CodeOf(err) != fairlead.Unimplemented || !strings.Contains(err.Error(), "service preset.v1.Nothing") {
		t.Errorf("a method that nobody has: got %v, want what the server behind says", err)
	}
	for _, err := range r.faults {
		t.Error(err)
	}
	if sites.Load() != 1 || calls.Load() != 6 {
		t.Errorf("the middleware saw %d sites and %d calls, want 1 and 6", sites.Load(), calls.Load())
	}
	if got := front.Stats(); got.Calls != 0 || got.Bytes != 0 {
		t.Errorf("got %+v, want nothing under way", got)
	}
}

// TestHTTP: a protocol is added to the wire that the preset has, beside gRPC, and may take gRPC's place.
func TestHTTP(t *testing.T) {
	t.Parallel()
	addr := start(t, "127.0.0.1:0", echoes(nil), server.HTTP(new(protocoltest.Items))).Addr().String()
	if got, err := call(t.Context(), connect(t, addr), "x"); err != nil || got != "x" {
		t.Errorf("gRPC: got %q, %v", got, err)
	}
	tr := &http.Transport{Protocols: new(http.Protocols)}
	tr.Protocols.SetUnencryptedHTTP2(true)
	defer tr.CloseIdleConnections()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+addr+"/items/a?q", nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := tr.RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	if got, err := io.ReadAll(resp.Body); err != nil || string(got) != "q\n" || resp.Header.Get("Item") != "a" {
		t.Errorf("Items: got %q, %v, %v", got, err, resp.Header)
	}
	for _, tt := range []struct {
		name string
		opts []server.Option
		want string
	}{
		{"in its place", []server.Option{server.HTTP(grpc.NewServer())}, ""},
		{"twice, the last counts", []server.Option{
			server.HTTP(new(protocoltest.Items)), server.HTTP(new(protocoltest.Items)),
		}, ""},
		{"the wire given later", []server.Option{
			server.HTTP(new(protocoltest.Items)), preset.ServerHTTP2(web.QueuedBytes(1 << 20)),
		}, ""},
		{"nil", []server.Option{server.HTTP(nil)}, "server: HTTP: nil"},
		{"two wires", []server.Option{
			server.HTTP(new(protocoltest.Items)), server.Protocol(second{web.NewServer(grpc.NewServer())}),
		}, "server: HTTP: the Protocols http and second both carry HTTP"},
		{"a fallback that is nil", []server.Option{server.Fallback(nil)}, "server: Fallback: nil"},
	} {
		_, err := preset.NewServer(":1", append([]server.Option{echoes(nil)}, tt.opts...)...)
		if (err == nil) != (tt.want == "") || err != nil && !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: got %v, want %q", tt.name, err, tt.want)
		}
	}
}

// second is a wire of another name.
type second struct{ *web.Server }

func (second) Name() string { return "second" }
