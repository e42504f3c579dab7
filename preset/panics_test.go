package preset_test

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/fairlead-go/fairlead"
	"github.com/fairlead-go/fairlead/client"
	"github.com/fairlead-go/fairlead/codec"
	"github.com/fairlead-go/fairlead/compress"
	"github.com/fairlead-go/fairlead/compress/gzip"
	"github.com/fairlead-go/fairlead/preset"
	"github.com/fairlead-go/fairlead/protocol/protocoltest"
	"github.com/fairlead-go/fairlead/server"
)

type (
	msg     = protocoltest.Msg
	hostile struct { // what goes wrong in a codec or a compressor, and how
		protocoltest.Codec

		armed *atomic.Pointer[string] // the operation, "" for none
		f     func()
	}
	unsized struct{ codec.Codec } // hides that a codec knows sizes
	crooked struct {
		compress.Compressor

		hostile hostile
	}
)

func newHostile(f func()) hostile { return hostile{armed: new(atomic.Pointer[string]), f: f} }

// arm has the next operation of that name go wrong.
func (h hostile) arm(op string) { h.armed.Store(&op) }

func (h hostile) meet(op string) {
	if p := h.armed.Load(); p != nil && *p == op && h.armed.CompareAndSwap(p, nil) {
		h.f()
	}
}

func (h hostile) ForType(any) (codec.Codec, error) { return h, nil }

func (h hostile) AppendMarshal(dst []byte, m any) ([]byte, error) {
	dst, err := h.Codec.AppendMarshal(dst, m)
	h.meet("marshal")
	return dst, err
}

func (h hostile) AppendSized(dst []byte, m any, size int) ([]byte, error) {
	dst, err := h.Codec.AppendSized(dst, m, size)
	h.meet("marshal")
	return dst, err
}

func (h hostile) Size(m any) int {
	h.meet("size")
	return h.Codec.Size(m)
}

func (h hostile) Unmarshal(src []byte, m any) error {
	err := h.Codec.Unmarshal(src, m)
	h.meet("unmarshal")
	return err
}

func (u unsized) ForType(any) (codec.Codec, error) { return u, nil }

func (c crooked) AppendCompress(dst, src []byte) ([]byte, error) {
	dst, err := c.Compressor.AppendCompress(dst, src)
	c.hostile.meet("compress")
	return dst, err
}

func (c crooked) AppendDecompress(dst, src []byte, limit int) ([]byte, error) {
	dst, err := c.Compressor.AppendDecompress(dst, src, limit)
	c.hostile.meet("decompress")
	return dst, err
}

// panicRig is a server and a client that share a codec for each side.
type panicRig struct {
	server, client hostile // what goes wrong on either side
	s              *server.Server
	c              *client.Client
	echo           *protocoltest.Echo
	stub           *protocoltest.EchoClient
}

func newPanicRig(
	t *testing.T, protocol preset.Protocol, f func(), sized bool, h protocoltest.Handlers, opts ...server.Option,
) *panicRig {
	t.Helper()
	r := &panicRig{server: newHostile(f), client: newHostile(f), echo: protocoltest.NewEcho("panics.v1.Echo")}
	wrap := func(h hostile) codec.Codec {
		if sized {
			return h
		}
		return unsized{h}
	}
	z, err := gzip.New()
	if err != nil {
		t.Fatal(err)
	}
	quiet := slog.New(slog.DiscardHandler)
	r.s = start(t, "127.0.0.1:0", append([]server.Option{
		server.Service(r.echo.Implement(h)), server.Codec(wrap(r.server)), server.Logger(quiet),
		server.Compressor(crooked{z, r.server}), server.Without("recovery"),
	}, opts...)...)
	r.c = connect(t, r.s.Addr().String(), client.Codec(wrap(r.client)), client.Logger(quiet),
		client.Compressor(crooked{z, r.client}), preset.ClientProtocol(protocol))
	r.stub = r.echo.NewClient(r.c)
	return r
}

// doer makes a call with a text and returns the error that it ends with.
type doer func(ctx context.Context, c *protocoltest.EchoClient, text string, o ...fairlead.CallOption) error

// kinds makes a call of each kind.
var kinds = map[string]doer{
	"unary": func(ctx context.Context, c *protocoltest.EchoClient, text string, o ...fairlead.CallOption) error {
		_, err := c.Unary(ctx, &msg{Text: text}, o...)
		return err
	},
	"gather": func(ctx context.Context, c *protocoltest.EchoClient, text string, o ...fairlead.CallOption) error {
		s, err := c.Gather(ctx, o...)
		if err != nil {
			return err
		}
		defer s.Close()
		for range 3 {
			if err := s.Send(&msg{Text: text}); err != nil && !errors.Is(err, io.EOF) {
				return err
			}
		}
		_, err = s.CloseAndRecv()
		return err
	},
	"scatter": func(ctx context.Context, c *protocoltest.EchoClient, text string, o ...fairlead.CallOption) error {
		s, err := c.Scatter(ctx, &msg{Text: text, N: 3}, o...)
		if err != nil {
			return err
		}
		for _, err := range s.All() {
			if err != nil {
				return err
			}
		}
		return nil
	},
	"chat": func(ctx context.Context, c *protocoltest.EchoClient, text string, o ...fairlead.CallOption) error {
		s, err := c.Chat(ctx, o...)
		if err != nil {
			return err
		}
		defer s.Close()
		if err := s.Send(&msg{Text: text}); err != nil && !errors.Is(err, io.EOF) {
			return err
		}
		if _, err = s.Recv(); err != nil {
			return err
		}
		if err = s.CloseSend(); err != nil {
			return err
		}
		if _, err = s.Recv(); errors.Is(err, io.EOF) {
			return nil
		}
		return err
	},
}

var escapes = map[string]func(){"panic": func() { panic("boom") }, "Goexit": runtime.Goexit}

// TestCodecsPanic: a codec or a compressor that panics or leaves its goroutine fails the call with INTERNAL, on either
// side. Other calls and the process are not concerned, and nothing is left behind.
func TestCodecsPanic(t *testing.T) {
	t.Parallel()
	for _, protocol := range preset.Protocols() {
		t.Run(string(protocol), func(t *testing.T) {
			t.Parallel()
			codecsPanic(t, protocol)
		})
	}
}

func codecsPanic(t *testing.T, protocol preset.Protocol) {
	t.Helper()
	long := strings.Repeat("long ", 40_000)
	for how, f := range escapes {
		for _, sized := range []bool{true, false} {
			for kind, do := range kinds {
				for _, text := range []string{"short", long} {
					name := how + "/" + kind + "/" + text[:5]
					if sized {
						name += "/sized"
					}
					t.Run(name, func(t *testing.T) {
						t.Parallel()
						testCodecsPanic(t, newPanicRig(t, protocol, f, sized, protocoltest.Handlers{}), how, do, text, sized)
					})
				}
			}
		}
	}
}

func testCodecsPanic(t *testing.T, r *panicRig, how string, do doer, text string, sized bool) {
	t.Helper()
	attempt := func(o ...fairlead.CallOption) error {
		err := errors.New("the call did not return")
		done := make(chan struct{})
		go func() {
			defer close(done)
			err = do(t.Context(), r.stub, text, o...)
		}()
		<-done
		return err
	}
	ops := []string{"marshal", "unmarshal", "compress", "decompress"}
	if sized {
		ops = append(ops, "size")
	}
	for side, h := range map[string]hostile{"server": r.server, "client": r.client} {
		for _, op := range ops {
			before := r.s.Stats().Panics + r.c.Stats().Panics
			o := fairlead.WithCompressor("identity")
			if strings.HasSuffix(op, "compress") {
				o = fairlead.WithCompressor("gzip")
				if len(text) < 1000 {
					continue // it is not compressed
				}
			}
			h.arm(op)
			err := attempt(o)
			if how == "Goexit" && side == "client" && err.Error() == "the call did not return" {
				h.armed.Store(nil) // the caller's own goroutine
			} else if inPlace := how == "Goexit" && sized && side == "server" && op == "marshal"; inPlace &&
				fairlead.CodeOf(err) == fairlead.Unavailable {
				continue // codecs that know sizes promise to call no code of users: the connection is lost
			} else if fairlead.CodeOf(err) != fairlead.Internal {
				t.Errorf("%s's %s: got %v, want INTERNAL", side, op, err)
			} else if now := r.s.Stats().Panics + r.c.Stats().Panics; now != before+1 {
				t.Errorf("%s's %s: %d panics were counted", side, op, now-before)
			}
			if err := attempt(o); err != nil {
				t.Errorf("after %s's %s: %v", side, op, err)
			}
		}
	}
	if err := r.s.Shutdown(t.Context()); err != nil {
		t.Error(err)
	}
	if st := r.s.Stats(); st.Calls != 0 || st.Bytes != 0 {
		t.Errorf("got %+v after all calls", st)
	}
}

// TestHandlersPanic: on a server without recovery a handler, a function of Call.OnEnd or a gate that panics or leaves
// its goroutine fails its call with INTERNAL, whose text has nothing of the panic. All else goes on, and Shutdown ends.
func TestHandlersPanic(t *testing.T) {
	t.Parallel()
	for _, protocol := range preset.Protocols() {
		t.Run(string(protocol), func(t *testing.T) {
			t.Parallel()
			handlersPanic(t, protocol)
		})
	}
}

func handlersPanic(t *testing.T, protocol preset.Protocol) {
	t.Helper()
	for how, f := range escapes {
		for _, where := range []string{"handler", "OnEnd", "OnEnd and handler", "Enter", "Leave"} {
			for kind, do := range kinds {
				t.Run(how+"/"+where+"/"+kind, func(t *testing.T) {
					t.Parallel()
					testHandlersPanic(t, protocol, f, where, do)
				})
			}
		}
	}
}

func testHandlersPanic(t *testing.T, protocol preset.Protocol, f func(), where string, do doer) {
	t.Helper()
	var bad atomic.Bool
	met := make(chan struct{}, 16) // more than are sent
	meet := func() {
		if bad.Load() {
			met <- struct{}{}
			f()
		}
	}
	mw := func(_ fairlead.Site, next fairlead.Handler) fairlead.Handler {
		return func(ctx context.Context, c *fairlead.Call) error {
			if strings.HasPrefix(where, "OnEnd") {
				c.OnEnd(func(context.Context, *fairlead.Call, error) { meet() })
			}
			err := next(ctx, c)
			if strings.HasSuffix(where, "handler") {
				meet()
			}
			return err
		}
	}
	opts := []server.Option{server.Use(mw)}
	switch where {
	case "Enter":
		opts = append(opts, server.Admission(meetGate{enter: meet}))
	case "Leave":
		opts = append(opts, server.Admission(meetGate{leave: meet}))
	}
	r := newPanicRig(t, protocol, func() {}, true, protocoltest.Handlers{}, opts...)
	for range 3 {
		bad.Store(true)
		err := do(t.Context(), r.stub, "hello")
		want := fairlead.Internal
		if where == "Leave" {
			want = fairlead.OK // it has been answered
		}
		if fairlead.CodeOf(err) != want || err != nil && strings.Contains(err.Error(), "boom") {
			t.Errorf("got %v, want %v", err, want)
		}
		<-met // Leave runs after the answer
		bad.Store(false)
		if err := do(t.Context(), r.stub, "hello"); err != nil {
			t.Error(err)
		}
	}
	if err := r.s.Shutdown(t.Context()); err != nil {
		t.Error(err)
	}
	if st := r.s.Stats(); st.Calls != 0 || st.Bytes != 0 || st.Panics < 3 || st.Accepted != 1 {
		t.Errorf("got %+v, want no calls, at least 3 panics and 1 connection", st)
	}
}

type meetGate struct{ enter, leave func() }

func (g meetGate) Enter(*fairlead.Call) error {
	if g.enter != nil {
		g.enter()
	}
	return nil
}

func (g meetGate) Leave(*fairlead.Call) {
	if g.leave != nil {
		g.leave()
	}
}
