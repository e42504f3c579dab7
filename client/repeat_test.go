package client

import (
	"context"
	"encoding/binary"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/fairlead-go/fairlead"
	"github.com/fairlead-go/fairlead/protocol/grpc"
	"github.com/fairlead-go/fairlead/protocol/protocoltest"
	"github.com/fairlead-go/fairlead/protocol/web"
	"github.com/fairlead-go/fairlead/transport"
	"github.com/fairlead-go/fairlead/transport/inproc"
)

// scripted is a server's end of a connection, driven frame by frame.
type scripted struct{ tc transport.Conn }

// Of HTTP/2, what the scripts need.
const (
	preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"

	typeData, typeHeaders, typeReset, typeSettings, typeGoaway = 0, 1, 3, 4, 7

	codeNone, codeProtocol, codeInternal, codeRefused, codeCancel, codeCalm = 0, 1, 2, 7, 8, 11
)

// request reads up to the end of a request and returns its stream's id, 0 when the client has hung up.
func (s scripted) request() uint32 {
	for {
		b, err := s.tc.Peek(9)
		if err != nil {
			return 0
		}
		typ, flags, id := b[3], b[4], binary.BigEndian.Uint32(b[5:])
		n := 9 + (int(b[0])<<16 | int(b[1])<<8 | int(b[2]))
		if _, err := s.tc.Peek(n); err != nil {
			return 0
		}
		s.tc.Discard(n)
		if (typ == typeData || typ == typeHeaders) && flags&1 != 0 {
			return id
		}
	}
}

// frame sends a frame.
func (s scripted) frame(typ, flags uint8, id uint32, p []byte) {
	b := []byte{0, 0, byte(len(p)), typ, flags}
	_ = s.tc.Write(append(binary.BigEndian.AppendUint32(b, id), p...)) // the client may have hung up
}

func (s scripted) reset(id, code uint32) {
	s.frame(typeReset, 0, id, binary.BigEndian.AppendUint32(nil, code))
}

func (s scripted) goaway(last, code uint32, debug string) {
	b := binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint32(nil, last), code)
	s.frame(typeGoaway, 0, 0, append(b, debug...))
}

// head answers with the head of a response, ":status: 200" and "content-type: application/grpc" in HPACK.
func (s scripted) head(id uint32) {
	s.frame(typeHeaders, 4, id, append([]byte{0x88, 0x5f, 16}, "application/grpc"...))
}

// serveScript has each connection to addr do as script says once it has said hello, and hang up.
func serveScript(t *testing.T, n *inproc.Network, addr string, script func(s scripted)) {
	t.Helper()
	l, err := n.Listen(t.Context(), transport.Target{Addr: addr})
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			tc, err := l.Accept()
			if err != nil {
				return
			}
			wg.Go(func() {
				defer tc.Close()
				if _, err := tc.Peek(len(preface)); err != nil {
					return
				}
				tc.Discard(len(preface))
				script(scripted{tc})
			})
		}
	})
	t.Cleanup(func() {
		_ = l.Close()
		wg.Wait()
	})
}

// TestTransparentRetryOverHTTP2: a call that its server surely did not run is repeated on another instance, and nobody
// notices; one that may have run is not.
func TestTransparentRetryOverHTTP2(t *testing.T) {
	t.Parallel()
	refused := func(code uint32) func(s scripted) {
		return func(s scripted) {
			for id := s.request(); id != 0; id = s.request() {
				s.reset(id, code)
			}
		}
	}
	goaway := func(below bool, code uint32, debug string) func(s scripted) {
		return func(s scripted) {
			id := s.request()
			last := id
			if below {
				last = 0
			}
			s.goaway(last, code, debug)
		}
	}
	tests := []struct {
		name   string
		script func(s scripted)
		mute   bool          // the server does not even say hello
		code   fairlead.Code // OK: the call was repeated
		reach  fairlead.Reach
	}{
		{"hangs up at once", func(scripted) {}, true, fairlead.OK, 0},
		{"a request, then GOAWAY below it", goaway(true, codeNone, ""), false, fairlead.OK, 0},
		{"a request, then GOAWAY below it, for a violation", goaway(true, codeProtocol, "x"), false, fairlead.OK, 0},
		{"too many pings, below", goaway(true, codeCalm, "too_many_pings"), false, fairlead.OK, 0},
		{"REFUSED_STREAM", refused(codeRefused), false, fairlead.OK, 0},

		{"a request, then GOAWAY at it", goaway(false, codeNone, ""), false, fairlead.Unavailable, fairlead.Unknowable},
		{
			"too many pings, at it", goaway(false, codeCalm, "too_many_pings"), false,
			fairlead.Unavailable, fairlead.Unknowable,
		},
		{"hangs up after a request", func(s scripted) { s.request() }, false, fairlead.Unavailable, fairlead.Unknowable},
		{"CANCEL", refused(codeCancel), false, fairlead.Canceled, fairlead.Unknowable},
		{"INTERNAL_ERROR", refused(codeInternal), false, fairlead.Internal, fairlead.Unknowable},
		{"PROTOCOL_ERROR", refused(codeProtocol), false, fairlead.Internal, fairlead.Unknowable},
		{"NO_ERROR", refused(codeNone), false, fairlead.Internal, fairlead.Unknowable},
		{"ENHANCE_YOUR_CALM", refused(codeCalm), false, fairlead.ResourceExhausted, fairlead.Unknowable},
		{
			"hangs up in the response", func(s scripted) { s.head(s.request()) }, false,
			fairlead.Unavailable, fairlead.Unknowable,
		},
		{"REFUSED_STREAM in the response", func(s scripted) {
			id := s.request()
			s.head(id)
			s.reset(id, codeRefused)
			s.request()
		}, false, fairlead.Unavailable, fairlead.Unknowable},
		{"GOAWAY below, in the response", func(s scripted) {
			id := s.request()
			s.head(id)
			s.goaway(0, codeNone, "")
		}, false, fairlead.Unavailable, fairlead.Unknowable},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			n := inproc.New()
			var asked, ran atomic.Int32
			serveScript(t, n, "a", func(s scripted) {
				asked.Add(1)
				if !tt.mute {
					s.frame(typeSettings, 0, 0, nil)
				}
				tt.script(s)
			})
			count := func(_ context.Context, m *protocoltest.Msg) (*protocoltest.Msg, error) {
				ran.Add(1)
				return m, nil
			}
			serveAs(t, n, "b", protocoltest.Handlers{Unary: count})
			seen := 0
			note := func(_ fairlead.Site, next fairlead.Handler) fairlead.Handler {
				return func(ctx context.Context, c *fairlead.Call) error { seen++; return next(ctx, c) }
			}
			c := wireClient(t, n, []string{"a", "b"}, Protocol(web.NewClient(grpc.NewClient())), UsePerAttempt(note))
			stub := service.NewClient(c)
			failed := 0
			calls := 0
			for ; asked.Load() == 0 || calls < 2; calls++ { // the balancer takes turns
				_, err := stub.Unary(t.Context(), &protocoltest.Msg{})
				if err != nil {
					failed++
					wantError(t, err, tt.code, tt.reach)
				}
			}
			if (failed > 0) != (tt.code != fairlead.OK) {
				t.Errorf("%d of %d calls failed", failed, calls)
			}
			if int(ran.Load()) != calls-failed {
				t.Errorf("%d handlers ran for %d calls of which %d failed", ran.Load(), calls, failed)
			}
			if seen != calls {
				t.Errorf("middleware saw %d attempts of %d calls", seen, calls)
			}
		})
	}
}
