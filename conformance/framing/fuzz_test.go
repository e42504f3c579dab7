// Package framing_test compares what a server of Fairlead says of frames and fields with golang.org/x/net's judgement.
package framing_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"io"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/fairlead-go/fairlead"
	"github.com/fairlead-go/fairlead/codec/proto"
	"github.com/fairlead-go/fairlead/internal/assert"
	"github.com/fairlead-go/fairlead/protocol/grpc"
	"github.com/fairlead-go/fairlead/protocol/web"
	"github.com/fairlead-go/fairlead/server"
	"github.com/fairlead-go/fairlead/transport"
	"github.com/fairlead-go/fairlead/transport/inproc"
	"golang.org/x/net/http/httpguts"
	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
	"google.golang.org/protobuf/types/known/wrapperspb"
)

const maxFrame = 16384

type text = wrapperspb.StringValue

var chat = fairlead.NewMethod[text, text](fairlead.BidiStreaming, "fuzz.Texts", "Chat")

// say sends bytes to a new server and returns what it answers with at once; then both come to their end. It runs in a
// bubble.
func say(t *testing.T, b []byte) []byte {
	t.Helper()
	network := inproc.New()
	s, err := server.New(
		server.Service(fairlead.Implement(fairlead.NewService("fuzz.Texts", "fuzz", nil, chat),
			fairlead.BidiHandler(func(_ context.Context, s *fairlead.Bidi[text, text]) error {
				for m, err := range s.All() {
					if err != nil {
						return err
					}
					if err := s.Send(m); err != nil {
						return err
					}
				}
				return nil
			}))),
		server.Protocol(web.NewServer(grpc.NewServer())), server.Codec(proto.Codec{}), server.Transport(network),
		server.Listen("fuzz:1"), server.Logger(slog.New(slog.DiscardHandler)),
	)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	tc, err := network.Dial(t.Context(), transport.Target{Addr: "fuzz:1"})
	if err != nil {
		t.Fatal(err)
	}
	if err := tc.Write(b); err != nil {
		t.Fatal(err)
	}
	synctest.Wait()
	answer, err := tc.Peek(1)
	if err != nil {
		t.Fatalf("no answer: %v", err)
	}
	answer = bytes.Clone(answer)
	_ = tc.Close()
	ctx, cancel := context.WithTimeout(context.Background(), assert.Patience(time.Minute))
	defer cancel()
	if err := s.Shutdown(ctx); err != nil {
		t.Errorf("Shutdown: %v", err)
	}
	return answer
}

// hello is a client's preface and SETTINGS, and the head of a request for a stream with some more fields.
func hello(t *testing.T, more ...string) []byte {
	t.Helper()
	var out, block bytes.Buffer
	out.WriteString(http2.ClientPreface)
	fr := http2.NewFramer(&out, nil)
	enc := hpack.NewEncoder(&block)
	fields := append([]string{
		":method", "POST", ":scheme", "http", ":path", chat.Path, ":authority", "fuzz",
		"content-type", "application/grpc", "te", "trailers",
	}, more...)
	for i := 0; i+1 < len(fields); i += 2 {
		if err := enc.WriteField(hpack.HeaderField{Name: fields[i], Value: fields[i+1]}); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(
		fr.WriteSettings(),
		fr.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: block.Bytes(), EndHeaders: true}),
	); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// verdict is what an endpoint says of a frame, as far as others see it.
type verdict struct {
	goaway, reset bool
	code          http2.ErrCode
}

// verdictOf looks for a GOAWAY, or else for the first reset of a stream, in what an endpoint has written.
func verdictOf(t *testing.T, out []byte, id uint32) (v verdict) {
	t.Helper()
	fr := http2.NewFramer(io.Discard, bytes.NewReader(out))
	for {
		f, err := fr.ReadFrame()
		if errors.Is(err, io.EOF) {
			return v
		}
		if err != nil {
			t.Fatalf("the answer %x: %v", out, err)
		}
		switch f := f.(type) {
		case *http2.GoAwayFrame:
			return verdict{goaway: true, code: f.ErrCode}
		case *http2.RSTStreamFrame:
			if f.StreamID == id && !v.reset {
				v = verdict{reset: true, code: f.ErrCode}
			}
		}
	}
}

// foreignVerdict is that of golang.org/x/net's Framer on the third frame. It knows frames and not streams.
func foreignVerdict(frames []byte) verdict {
	fr := http2.NewFramer(io.Discard, bytes.NewReader(frames))
	fr.SetMaxReadFrameSize(maxFrame)
	var err error
	for range 3 {
		_, err = fr.ReadFrame()
	}
	if se, ok := errors.AsType[http2.StreamError](err); ok {
		return verdict{reset: true, code: se.Code}
	}
	if ce, ok := errors.AsType[http2.ConnectionError](err); ok {
		return verdict{goaway: true, code: http2.ErrCode(ce)}
	}
	if err != nil {
		// Too long, or too short for what its flags promise, of which it only says that more bytes were expected.
		return verdict{goaway: true, code: http2.ErrCodeFrameSize}
	}
	return verdict{}
}

// FuzzFrame has a server with one stream open, and golang.org/x/net's Framer, judge the same frame.
func FuzzFrame(f *testing.F) {
	for typ := range byte(11) {
		for _, n := range []int{0, 1, 4, 5, 6, 8, 9, 20} {
			for _, flags := range []byte{0, 1, 4, 8, 0x2d} {
				f.Add(typ, flags, uint32(typ)%3, bytes.Repeat([]byte{byte(n)}, n))
			}
		}
	}
	f.Add(byte(http2.FrameData), byte(0), uint32(1), make([]byte, maxFrame+1))
	f.Add(byte('!'), byte(0), uint32(1), make([]byte, maxFrame+1))
	f.Fuzz(func(t *testing.T, typ, flags byte, id uint32, p []byte) {
		p = p[:min(len(p), maxFrame+1)]
		if typ == byte(http2.FrameSettings) && flags&1 == 0 && len(p) == 0 {
			flags |= 1 // one without settings is like the first
		}
		synctest.Test(t, func(t *testing.T) {
			n := len(p)
			script := append(hello(t), byte(n>>16), byte(n>>8), byte(n), typ, flags)
			script = append(binary.BigEndian.AppendUint32(script, id), p...)
			want := foreignVerdict(script[len(http2.ClientPreface):])
			id := id & (1<<31 - 1)
			got := verdictOf(t, say(t, script), id)
			if !agree(http2.FrameType(typ), id, got, want) {
				t.Errorf("%v flags 0x%x stream %d %.40x: got %+v, x/net %+v", http2.FrameType(typ), flags, id, p, got, want)
			}
		})
	})
}

// agree says whether two verdicts are the same, but for what RFC 9113 leaves open and for what only an endpoint knows.
func agree(typ http2.FrameType, id uint32, got, want verdict) bool {
	switch {
	case typ > http2.FrameContinuation:
		// Extensions are ignored (section 5.5) unless they are too long (section 4.2); x/net reads one of them.
		return got == verdict{} || got == want && want.code == http2.ErrCodeFrameSize
	case want.goaway && got.goaway:
		// They may differ about which of two things wrong comes first, and about frames that are too short for their
		// flags (RFC 9113, sections 4.2 and 6.1).
		return got.code == want.code || slices.Contains([]http2.ErrCode{got.code, want.code}, http2.ErrCodeFrameSize)
	case want.goaway:
		// A PRIORITY of the wrong length is an error of the stream (section 6.3).
		return typ == http2.FramePriority && got.reset && got.code == want.code
	case want.reset:
		// Of streams that are over nothing is said.
		return got.goaway || got.reset
	default:
		return !got.goaway || beyondFraming(typ, id)
	}
}

// beyondFraming says whether a server may refuse a frame that is well-formed: because of the state of its stream, or of
// what is in it.
func beyondFraming(typ http2.FrameType, id uint32) bool {
	switch typ { //nolint:exhaustive // of the others all is known
	case http2.FramePushPromise, http2.FrameSettings, http2.FrameHeaders:
		return true // not enabled; values; header compression, order of streams
	case http2.FrameData, http2.FrameRSTStream, http2.FrameWindowUpdate:
		return id != 1 // idle
	default:
		return false
	}
}

// FuzzField sends a request with a field of any name and value and compares with golang.org/x/net's rules. The
// differences are on purpose: control characters other than NUL, CR and LF are let through in values, as RFC 9113,
// section 8.2.1, has it; pseudo-fields have no place behind other fields; and some fields have rules of their own.
func FuzzField(f *testing.F) {
	for _, s := range []string{"a", "", ":", ":path", "A", "a b", "a\x00", "a\tb", " a", "é", "a:b", "\x7f", "\xff"} {
		f.Add(s, "v")
		f.Add("x-a", s)
	}
	ruled := []string{
		"te", "content-length", "connection", "keep-alive", "proxy-connection", "transfer-encoding", "upgrade",
		"grpc-timeout",
	}
	f.Fuzz(func(t *testing.T, name, value string) {
		if slices.Contains(ruled, name) || len(name)+len(value) > 8000 {
			return
		}
		harmless := strings.Map(func(r rune) rune {
			if r < ' ' && r != 0 && r != '\r' && r != '\n' || r == 0x7f {
				return ' '
			}
			return r
		}, value)
		good := httpguts.ValidHeaderFieldName(name) && strings.ToLower(name) == name &&
			httpguts.ValidHeaderFieldValue(harmless)
		synctest.Test(t, func(t *testing.T) {
			got := verdictOf(t, say(t, hello(t, name, value)), 1)
			malformed := got.reset && got.code == http2.ErrCodeProtocol
			if got.goaway || malformed == good {
				t.Errorf("%q: %q: got %+v, valid: %v", name, value, got, good)
			}
		})
	})
}
