package connectgo_test

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"connectrpc.com/connect"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/fairlead-go/fairlead"
	"github.com/fairlead-go/fairlead/client"
	"github.com/fairlead-go/fairlead/codec/json"
	"github.com/fairlead-go/fairlead/conformance/internal/local"
	"github.com/fairlead-go/fairlead/internal/assert"
	"github.com/fairlead-go/fairlead/preset"
	"github.com/fairlead-go/fairlead/protocol/web"
	"github.com/fairlead-go/fairlead/protoerr"
)

// text is the message of all methods.
type text = wrapperspb.StringValue

const service = "connectgo.Texts"

// The methods, as Fairlead has them; the paths are those of connect-go as well. A text "fail" fails.
var (
	mEcho = fairlead.NewMethod[text, text](fairlead.Unary, service, "Echo",
		func(m *fairlead.Method) { m.Idempotency = fairlead.NoSideEffects })
	mJoin  = fairlead.NewMethod[text, text](fairlead.ClientStreaming, service, "Join")
	mSplit = fairlead.NewMethod[text, text](fairlead.ServerStreaming, service, "Split")
	mChat  = fairlead.NewMethod[text, text](fairlead.BidiStreaming, service, "Chat")
)

// failure is the error of a call that is to fail.
func failure() *fairlead.Error {
	return protoerr.WithDetails(fairlead.Errorf(fairlead.Aborted, "no \"☺\""), durationpb.New(time.Second))
}

// implement is the service on Fairlead.
func implement() *fairlead.Implementation {
	answer := func(c *fairlead.Call) {
		c.ResponseHeader().Set("k", c.RequestHeader().Get("k"))
		c.ResponseHeader().Set("k-bin", c.RequestHeader().Get("k-bin"))
		c.ResponseTrailer().Set("t", "1")
	}
	return fairlead.Implement(fairlead.NewService(service, "", nil, mEcho, mJoin, mSplit, mChat),
		fairlead.UnaryHandler(func(ctx context.Context, m *text) (*text, error) {
			answer(fairlead.CallFrom(ctx))
			switch m.GetValue() {
			case "fail":
				return nil, failure()
			case "hang":
				<-ctx.Done()
				return nil, ctx.Err()
			}
			return m, nil
		}),
		fairlead.ClientStreamHandler(func(_ context.Context, s *fairlead.Inbound[text]) (*text, error) {
			answer(s.Call())
			var all []string
			for m, err := range s.All() {
				if err != nil {
					return nil, err
				}
				if m.GetValue() == "fail" {
					return nil, failure()
				}
				all = append(all, m.GetValue())
			}
			return wrapperspb.String(strings.Join(all, " ")), nil
		}),
		fairlead.ServerStreamHandler(func(_ context.Context, m *text, s *fairlead.Outbound[text]) error {
			answer(s.Call())
			for w := range strings.FieldsSeq(m.GetValue()) {
				if w == "fail" {
					return failure()
				}
				if err := s.Send(wrapperspb.String(w)); err != nil {
					return err
				}
			}
			return nil
		}),
		fairlead.BidiHandler(func(_ context.Context, s *fairlead.Bidi[text, text]) error {
			answer(s.Call())
			for m, err := range s.All() {
				if err != nil {
					return err
				}
				if m.GetValue() == "fail" {
					return failure()
				}
				if err := s.Send(m); err != nil {
					return err
				}
			}
			return nil
		}),
	)
}

// handlers is the service on connect-go.
func handlers(opts ...connect.HandlerOption) http.Handler {
	fail := func() error {
		e := connect.NewError(connect.CodeAborted, errors.New("no \"☺\""))
		d, err := connect.NewErrorDetail(durationpb.New(time.Second))
		if err != nil {
			return err
		}
		e.AddDetail(d)
		e.Meta().Set("T", "1")
		return e
	}
	answer := func(in, header, trailer http.Header) {
		header.Set("K", in.Get("K"))
		header.Set("K-Bin", in.Get("K-Bin"))
		trailer.Set("T", "1")
	}
	mux := http.NewServeMux()
	mux.Handle(mEcho.Path, connect.NewUnaryHandler(mEcho.Path,
		func(ctx context.Context, r *connect.Request[text]) (*connect.Response[text], error) {
			switch r.Msg.GetValue() {
			case "fail":
				return nil, fail()
			case "hang":
				<-ctx.Done()
				return nil, ctx.Err()
			}
			resp := connect.NewResponse(r.Msg)
			answer(r.Header(), resp.Header(), resp.Trailer())
			return resp, nil
		}, append(opts, connect.WithIdempotency(connect.IdempotencyNoSideEffects))...))
	mux.Handle(mJoin.Path, connect.NewClientStreamHandler(mJoin.Path,
		func(_ context.Context, s *connect.ClientStream[text]) (*connect.Response[text], error) {
			var all []string
			for s.Receive() {
				if s.Msg().GetValue() == "fail" {
					return nil, fail()
				}
				all = append(all, s.Msg().GetValue())
			}
			resp := connect.NewResponse(wrapperspb.String(strings.Join(all, " ")))
			answer(s.RequestHeader(), resp.Header(), resp.Trailer())
			return resp, s.Err()
		}, opts...))
	mux.Handle(mSplit.Path, connect.NewServerStreamHandler(mSplit.Path,
		func(_ context.Context, r *connect.Request[text], s *connect.ServerStream[text]) error {
			answer(r.Header(), s.ResponseHeader(), s.ResponseTrailer())
			for w := range strings.FieldsSeq(r.Msg.GetValue()) {
				if w == "fail" {
					return fail()
				}
				if err := s.Send(wrapperspb.String(w)); err != nil {
					return err
				}
			}
			return nil
		}, opts...))
	mux.Handle(mChat.Path, connect.NewBidiStreamHandler(mChat.Path,
		func(_ context.Context, s *connect.BidiStream[text, text]) error {
			answer(s.RequestHeader(), s.ResponseHeader(), s.ResponseTrailer())
			for {
				m, err := s.Receive()
				if errors.Is(err, io.EOF) {
					return nil
				}
				if err != nil {
					return err
				}
				if m.GetValue() == "fail" {
					return fail()
				}
				if err := s.Send(m); err != nil {
					return err
				}
			}
		}, opts...))
	return mux
}

// caller calls the service, whatever the client. Each method returns the texts received, the header and the trailer.
type caller interface {
	echo(ctx context.Context, m string) outcome
	join(ctx context.Context, m ...string) outcome
	split(ctx context.Context, m string) outcome
	chat(ctx context.Context, m ...string) outcome
}

// outcome is how a call went.
type outcome struct {
	texts         []string
	k, bin, trail string // the header's k and k-bin, the trailer's t
	code          string
	message       string
	detail        proto.Message // the first of the error
}

func limited(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), assert.Patience(10*time.Second))
	t.Cleanup(cancel)
	return ctx
}

// noise is a text that does not compress well.
func noise(n int) string {
	b := make([]byte, n/2)
	_, _ = rand.Read(b)
	return hex.EncodeToString(b)
}

// kinds makes calls of all kinds and checks what comes of them.
func kinds(t *testing.T, c caller, bidi bool) {
	t.Helper()
	check := func(what string, got outcome, want ...string) {
		t.Helper()
		if fmt.Sprint(got.texts) != fmt.Sprint(want) || got.code != "" {
			t.Errorf("%s: got %.100q, %s %s", what, got.texts, got.code, got.message)
		}
		if got.k != "v" || got.bin != "\xff\x00" || got.trail != "1" {
			t.Errorf("%s: got metadata %q, %q, trailer %q", what, got.k, got.bin, got.trail)
		}
	}
	fails := func(what string, got outcome, want ...string) {
		t.Helper()
		d, _ := got.detail.(*durationpb.Duration)
		if fmt.Sprint(got.texts) != fmt.Sprint(want) || got.code != "aborted" || got.message != "no \"☺\"" ||
			d.GetSeconds() != 1 || got.trail != "1" {
			t.Errorf("%s: got %+v", what, got)
		}
	}
	ctx := limited(t)
	for _, n := range []int{0, 2, 1000, 100_000, 3 << 20} {
		s := noise(n)
		check("echo", c.echo(ctx, s), s)
	}
	check("join", c.join(ctx, "a", "b", "c"), "a b c")
	check("join of nothing", c.join(ctx), "")
	check("split", c.split(ctx, "a b c"), "a", "b", "c")
	check("split of nothing", c.split(ctx, ""))
	long := noise(200_000)
	if bidi {
		check("chat", c.chat(ctx, "a", long, "", "b"), "a", long, "", "b")
		check("chat of nothing", c.chat(ctx))
		fails("chat", c.chat(ctx, "a", "fail"), "a")
	}

	fails("echo", c.echo(ctx, "fail"))
	fails("join", c.join(ctx, "a", "fail"))
	fails("split", c.split(ctx, "a fail"), "a")

	late, cancel := context.WithTimeout(t.Context(), assert.Patience(50*time.Millisecond))
	defer cancel()
	if got := c.echo(late, "hang"); got.code != "deadline_exceeded" {
		t.Errorf("a late call: got %+v", got)
	}
	gone, cancel := context.WithCancel(t.Context())
	time.AfterFunc(10*time.Millisecond, cancel)
	if got := c.echo(gone, "hang"); got.code != "canceled" {
		t.Errorf("a cancelled call: got %+v", got)
	}
	check("afterwards", c.echo(ctx, "a"), "a")
}

// TestConnectGoClient has connect-go's client call Fairlead's server.
func TestConnectGoClient(t *testing.T) {
	t.Parallel()
	s := local.Serve(t, serverOptions()...)
	for name, opts := range map[string][]connect.ClientOption{
		"plain": nil, "gzip": {connect.WithSendGzip()},
		"GET": {connect.WithHTTPGet(), connect.WithHTTPGetMaxURLSize(4096, true)},
	} {
		for _, v := range versions {
			t.Run(name+" over "+v.name, func(t *testing.T) {
				t.Parallel()
				tr := &http.Transport{Protocols: v.protocols(), DisableCompression: true}
				t.Cleanup(tr.CloseIdleConnections)
				kinds(t, newForeign(&http.Client{Transport: tr}, "http://"+s.Addr().String(), opts), v.bidi)
			})
		}
	}
}

// TestConnectGoServer has Fairlead's client call connect-go's handlers.
func TestConnectGoServer(t *testing.T) {
	t.Parallel()
	for name, opts := range map[string][]client.Option{
		"plain": nil, "gzip": {client.Compress("gzip"), client.CompressMin(0)},
		"JSON": {client.Codec(json.Codec{})},
	} {
		for _, v := range versions {
			t.Run(name+" over "+v.name, func(t *testing.T) {
				t.Parallel()
				s := httptest.NewUnstartedServer(handlers())
				s.Config.Protocols = v.protocols()
				s.Start()
				t.Cleanup(s.Close)
				conn := local.Dial(t, s.Listener.Addr().String(), append(opts, v.client)...)
				kinds(t, ours{conn}, v.bidi)
			})
		}
	}
}

// httpVersion is a version of HTTP for the tests.
type httpVersion struct {
	name   string
	client client.Option
	set    func(*http.Protocols)
	bidi   bool
}

func (v httpVersion) protocols() *http.Protocols {
	p := new(http.Protocols)
	v.set(p)
	return p
}

var versions = []httpVersion{
	{"HTTP/2", preset.ClientProtocol(preset.Connect), func(p *http.Protocols) { p.SetUnencryptedHTTP2(true) }, true},
	{
		"HTTP/1.1", preset.ClientProtocol(preset.Connect, web.UseHTTP1()), func(p *http.Protocols) { p.SetHTTP1(true) },
		false, // connect-go has no bidirectional streams there
	},
}
