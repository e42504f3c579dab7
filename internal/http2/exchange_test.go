package http2

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"

	"golang.org/x/net/http2/hpack"

	"github.com/fairlead-go/fairlead"
	"github.com/fairlead-go/fairlead/buffer"
	"github.com/fairlead-go/fairlead/codec/proto"
	"github.com/fairlead-go/fairlead/protocol"
	"github.com/fairlead-go/fairlead/transport"
	"github.com/fairlead-go/fairlead/transport/inproc"
)

// told returns the frames of a server's output, in words: fields but for the date's value, lengths of DATA.
func told(t *testing.T, out []byte) []string {
	t.Helper()
	frames, _ := rawFrames(out)
	dec := hpack.NewDecoder(decoderTableSize, nil)
	var words []string
	for _, f := range frames {
		var w string
		switch f.typ { //nolint:exhaustive // what these tests send
		case frameHeaders:
			fields, err := dec.DecodeFull(f.payload)
			if err != nil {
				t.Fatal(err)
			}
			w = "HEADERS"
			for _, h := range fields {
				if h.Name == "date" {
					h.Value = ""
				}
				w += " " + h.Name + "=" + h.Value
			}
		case frameData:
			w = fmt.Sprintf("DATA %d", len(f.payload))
		default:
			w = fmt.Sprintf("type %d %x", f.typ, f.payload)
		}
		if f.flags&flagEndStream != 0 {
			w += " END"
		}
		words = append(words, w)
	}
	return words
}

// bare is a codec without sizes: its messages are encoded beside the write buffer.
type bare struct{ proto.Codec }

func (bare) AppendMarshal(dst []byte, msg any) ([]byte, error) {
	if msg == "bad" {
		return dst, errBad
	}
	return append(dst, msg.(string)...), nil
}
func (bare) Size(any) int                                         { panic("not asked") }
func (bare) AppendSized(dst []byte, _ any, _ int) ([]byte, error) { return dst, errBad }

var errBad = errors.New("as the test wants it")

// valueOf is a message that is encoded beside the write buffer.
func valueOf(s string) protocol.Message { return protocol.Message{Value: s, Codec: bare{}} }

// TestExchange: what a protocol does with an exchange, and the frames that leave. Nothing keeps a buffer.
func TestExchange(t *testing.T) { //nolint:paralleltest // counts buffers
	ok, done := protocol.Section{Status: 200}, protocol.Section{Block: protocol.NewBlock("grpc-status", "0")}
	inform := func(x exchange, status int) string {
		if x.Inform(status, nil) != nil {
			return "refused " + strconv.Itoa(status)
		}
		return ""
	}
	for _, tt := range []struct {
		name string
		head bool // the request is HEAD
		do   func(x exchange) string
		want []string // what do returns is last
	}{
		{"interim responses", false, func(x exchange) string {
			var md fairlead.Metadata
			md.Add("link", "</a>")
			s := inform(x, 100)
			if err := x.Inform(103, &md); err != nil {
				return err.Error()
			}
			_ = x.SendHead(ok)
			return s
		}, []string{"HEADERS :status=100", "HEADERS :status=103 link=</a>", "HEADERS :status=200 date="}},
		{"interim responses with the status of others", false, func(x exchange) string {
			return inform(x, 99) + inform(x, 101) + inform(x, 200)
		}, []string{"refused 99refused 101refused 200"}},
		{"the first and the last of them", false, func(x exchange) string {
			return inform(x, 102) + inform(x, 199)
		}, []string{"HEADERS :status=102", "HEADERS :status=199"}},
		{"interim response after the head", false, func(x exchange) string {
			_ = x.SendHead(ok)
			s := inform(x, 103)
			x.Finish(done)
			return s
		}, []string{"HEADERS :status=200 date=", "HEADERS grpc-status=0 END", "refused 103"}},
		{"interim response after the end", false, func(x exchange) string {
			x.Finish(protocol.Section{Status: 404})
			return inform(x, 103)
		}, []string{"HEADERS :status=404 date= content-length=0 END", "refused 103"}},
		{"head with the status of an interim response", false, func(x exchange) string {
			if x.SendHead(protocol.Section{Status: 100}) == nil || x.SendHead(protocol.Section{Status: 199}) == nil {
				return "sent"
			}
			return ""
		}, nil},
		{"reply", false, func(x exchange) string {
			_ = x.Reply(&protocol.Reply{Head: ok, Message: valueOf("hello"), Tail: []byte("!")})
			return ""
		}, []string{"HEADERS :status=200 date= content-length=6", "DATA 5", "DATA 1 END"}},
		{"reply with a trailer", false, func(x exchange) string {
			_ = x.Reply(&protocol.Reply{Head: ok, Message: valueOf("hello"), Trailer: done})
			return ""
		}, []string{"HEADERS :status=200 date=", "DATA 5", "HEADERS grpc-status=0 END"}},
		{"reply without a body", false, func(x exchange) string {
			_ = x.Reply(&protocol.Reply{Head: protocol.Section{Status: 204}, Message: valueOf("hello")})
			return ""
		}, []string{"HEADERS :status=204 date= END"}},
		{"reply without a body and with a trailer", false, func(x exchange) string {
			_ = x.Reply(&protocol.Reply{Head: protocol.Section{Status: 304}, Message: valueOf("hello"), Trailer: done})
			return ""
		}, []string{"HEADERS :status=304 date= END"}},
		{"reply to HEAD", true, func(x exchange) string {
			_ = x.Reply(&protocol.Reply{Head: ok, Message: valueOf("hello")})
			return ""
		}, []string{"HEADERS :status=200 date= content-length=5 END"}},
		{"reply to HEAD whose head was sent", true, func(x exchange) string {
			_ = x.SendHead(ok)
			_ = x.Reply(&protocol.Reply{Message: valueOf("hello"), Trailer: done})
			return ""
		}, []string{"HEADERS :status=200 date=", "DATA 0 END"}},
		{"reply that cannot be encoded", false, func(x exchange) string {
			if err := x.Reply(&protocol.Reply{Head: ok, Message: valueOf("bad")}); !errors.Is(err, errBad) {
				return fmt.Sprint("got ", err)
			}
			x.Finish(protocol.Section{Status: 500})
			return ""
		}, []string{"HEADERS :status=500 date= content-length=0 END"}},
		{"reply with a trailer that cannot be encoded", false, func(x exchange) string {
			m := protocol.Message{Value: "bad", Sizer: bare{}, Size: 3}
			if err := x.Reply(&protocol.Reply{Head: ok, Message: m, Trailer: done}); !errors.Is(err, errBad) {
				return fmt.Sprint("got ", err)
			}
			x.Finish(done)
			return ""
		}, []string{"HEADERS :status=200 date=", "HEADERS grpc-status=0 END"}},
		{"100 with a response that wants the body", false, func(x exchange) string {
			x.awaits100 = true
			s := inform(x, 103) // says nothing about the body
			_ = x.SendHead(ok)
			x.c.proceed(x.stream)
			return s
		}, []string{"HEADERS :status=103", "HEADERS :status=100", "HEADERS :status=200 date="}},
		{"100 that the protocol sends", false, func(x exchange) string {
			x.awaits100 = true
			s := inform(x, 100)
			x.c.proceed(x.stream)
			_ = x.SendHead(ok)
			return s
		}, []string{"HEADERS :status=100", "HEADERS :status=200 date="}},
		{"100 because the body is read", false, func(x exchange) string {
			x.awaits100 = true
			x.c.proceed(x.stream)
			x.c.proceed(x.stream)
			return ""
		}, []string{"HEADERS :status=100"}},
		{"100 that nobody waits for", false, func(x exchange) string {
			x.c.proceed(x.stream)
			return ""
		}, nil},
		{"no 100 with a response that does not want the body", false, func(x exchange) string {
			x.awaits100 = true
			_ = x.SendHead(protocol.Section{Status: 300})
			x.c.proceed(x.stream)
			return ""
		}, []string{"HEADERS :status=300 date="}},
		{"message that cannot be encoded", false, func(x exchange) string {
			_ = x.SendHead(ok)
			m := valueOf("bad")
			if err := x.Send(&m, false); !errors.Is(err, errBad) {
				return fmt.Sprint("got ", err)
			}
			m = valueOf("good")
			_ = x.Send(&m, true)
			return ""
		}, []string{"HEADERS :status=200 date=", "DATA 4 END"}},
		{"stream", false, func(x exchange) string {
			_ = x.SendHead(ok)
			m := valueOf("one")
			_ = x.Send(&m, false)
			_ = x.Send(nil, true)
			if x.Send(&m, false) == nil {
				return "sent after the end"
			}
			return ""
		}, []string{"HEADERS :status=200 date=", "DATA 3", "DATA 0 END"}},
		{"stream to HEAD", true, func(x exchange) string {
			_ = x.SendHead(ok)
			m := valueOf("one")
			_ = x.Send(&m, false)
			_ = x.Send(&m, true)
			return ""
		}, []string{"HEADERS :status=200 date=", "DATA 0 END"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			inBubble(t, func(t *testing.T) {
				near, far := inproc.Pipe()
				w := newWire(near)
				c := newConn(w, &Config{})
				c.s.open = 1
				s := newStream(c, 1)
				s.noBody, s.remoteDone = tt.head, true
				s.pull()
				s.p.readErr = errSendAfterEnd
				got := tt.do(exchange{s})
				synctest.Wait()
				want := tt.want
				all := told(t, w.output())
				if got != "" {
					all = append(all, got)
				}
				if !slices.Equal(all, want) {
					t.Errorf("got\n\t%s\nwant\n\t%s", strings.Join(all, "\n\t"), strings.Join(want, "\n\t"))
				}
				c.w.Close(errDone)
				_, _ = near.Close(), far.Close()
				s.dropBody(true)
				if n := buffer.Out(); n != 0 {
					t.Errorf("%d buffers are held\n%s", n, buffer.Leaks())
				}
			})
		})
	}
}

// TestLongHead: a header block longer than a frame goes on in CONTINUATION frames, whose last one ends it (RFC 9113,
// section 6.10).
func TestLongHead(t *testing.T) {
	t.Parallel()
	for _, maxFrame := range []int{defaultFrameSize, 4 * defaultFrameSize} {
		for _, end := range []bool{true, false} {
			for _, n := range []int{1, maxFrame - 1, maxFrame, maxFrame + 1, 2*maxFrame - 1, 2 * maxFrame, 2*maxFrame + 1} {
				c := newConn(&wire{Conn: nowhere{}}, &Config{})
				c.w.maxFrame = maxFrame
				s := newStream(c, 3)
				c.w.Cork()
				var md fairlead.Metadata
				md.Add("x", "")
				const around = 1 + 2 + 4 // the status, the name, the length of a long value
				if n > around {
					md.Set("x", strings.Repeat("v", n-around))
				}
				c.appendHeaders(s, &protocol.Section{Status: 200, Extra: &md, Bare: true}, -1, end)
				out := slices.Clone(c.w.Buf().B)
				frames, cut := rawFrames(out)
				var block []byte
				for i, f := range frames {
					typ, last := frameContinuation, i == len(frames)-1
					if i == 0 {
						typ = frameHeaders
					}
					size := len(f.payload)
					if f.typ != typ || f.id != 3 || f.has(flagEndHeaders) != last || f.has(flagEndStream) != (end && i == 0) ||
						size > maxFrame || !last && size != maxFrame {
						t.Errorf("%d bytes, frame %d of %d: got %v", n, i, len(frames), &f)
					}
					block = append(block, f.payload...)
				}
				if want := max(1, (len(block)+maxFrame-1)/maxFrame); len(frames) != want || cut {
					t.Errorf("%d bytes: got %d frames, want %d; cut %v", n, len(frames), want, cut)
				}
				fields, err := hpack.NewDecoder(decoderTableSize, nil).DecodeFull(block)
				if err != nil || len(fields) != 2 || fields[1].Value != md.Get("x") {
					t.Errorf("%d bytes: %d fields and %v", n, len(fields), err)
				}
				c.w.Fail(errDone) // gives the buffer back
			}
		}
	}
}

// nowhere is a connection that is only asked who is at its other end.
type nowhere struct{ transport.Conn }

func (nowhere) Info() *transport.Info { return new(transport.Info) }
