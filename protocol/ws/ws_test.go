package ws_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"runtime"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/fairlead-go/fairlead"
	"github.com/fairlead-go/fairlead/buffer"
	"github.com/fairlead-go/fairlead/internal/assert"
	"github.com/fairlead-go/fairlead/internal/leakcheck"
	"github.com/fairlead-go/fairlead/protocol"
	"github.com/fairlead-go/fairlead/protocol/grpc"
	"github.com/fairlead-go/fairlead/protocol/protocoltest"
	"github.com/fairlead-go/fairlead/protocol/web"
	"github.com/fairlead-go/fairlead/protocol/ws"
	"github.com/fairlead-go/fairlead/server"
	"github.com/fairlead-go/fairlead/transport"
	"github.com/fairlead-go/fairlead/transport/inproc"
)

// asJSON is a codec for the messages of tests.
type asJSON struct{}

func (asJSON) Name() string { return "json" }

func (asJSON) AppendMarshal(dst []byte, msg any) ([]byte, error) {
	b, err := json.Marshal(msg)
	return append(dst, b...), err
}

func (asJSON) Unmarshal(src []byte, msg any) error {
	d := json.NewDecoder(bytes.NewReader(src))
	d.DisallowUnknownFields()
	if err := d.Decode(msg); err != nil {
		return fairlead.Errorf(fairlead.InvalidArgument, "%w", err)
	}
	if d.More() {
		return fairlead.Errorf(fairlead.InvalidArgument, "more than a message")
	}
	return nil
}

type msg = protocoltest.Msg

// echoes is the service under test.
var echoes = protocoltest.NewEcho("test.Echo")

// rig is a server, and a way to connect to it.
type rig struct {
	t       *testing.T
	s       *server.Server
	network *inproc.Network
	conn    protocol.HTTPConn // nil: sockets are opened over HTTP/1.1
}

// each runs a test over both versions of HTTP.
func each(t *testing.T, run func(t *testing.T, version int)) {
	for _, version := range []int{1, 2} {
		t.Run(fmt.Sprintf("HTTP/%d", version), func(t *testing.T) {
			leakcheck.Check(t)
			run(t, version)
		})
	}
}

// bare is a protocol that hands its connection out.
type bare struct{ hc protocol.HTTPConn }

func (*bare) Name() string { return "bare" }

func (*bare) Bind(*fairlead.Method, *protocol.ClientConfig) (protocol.Binding, error) {
	return struct{}{}, nil
}

func (b *bare) NewConn(hc protocol.HTTPConn, _ *protocol.ClientConfig) protocol.ClientConn {
	b.hc = hc
	return nil
}

func newRig(t *testing.T, version int, h protocoltest.Handlers, opts ...any) *rig {
	t.Helper()
	network := inproc.New()
	all := []server.Option{
		server.Codec(protocoltest.Codec{}, asJSON{}), server.Transport(network), server.Listen("ws:1"),
		server.Logger(slog.New(slog.DiscardHandler)), server.Service(echoes.Implement(h)),
	}
	var own []ws.Option
	for _, o := range opts {
		switch o := o.(type) {
		case ws.Option:
			own = append(own, o)
		case server.Option:
			all = append(all, o)
		default:
			t.Fatalf("%T is no option", o)
		}
	}
	all = append(all, server.Protocol(web.NewServer(grpc.NewServer(), web.ExtendedConnect(true))),
		server.HTTP(ws.NewServer(own...)))
	s, err := server.New(all...)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), assert.Patience(5*time.Second))
		defer cancel()
		if err := s.Shutdown(ctx); err != nil {
			t.Errorf("Shutdown: %v", err)
		}
	})
	if version == 1 {
		return &rig{t, s, network, nil}
	}
	tc, err := network.Dial(t.Context(), transport.Target{Addr: "ws:1"})
	if err != nil {
		t.Fatal(err)
	}
	b := new(bare)
	if _, err := web.NewClient(b).NewConn(t.Context(), tc, &protocol.ClientConfig{HeaderList: 1 << 16}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { b.hc.Close(nil) })
	return &rig{t, s, network, b.hc}
}

// sock is a socket of a client.
type sock struct {
	t   *testing.T
	x   stream
	buf []byte
}

// stream is what a socket is carried by: an exchange of HTTP/2, or a connection.
type stream interface {
	Read() ([]byte, error)
	Send(m *protocol.Message, last bool) error
	Reset(code protocol.ResetCode, cause error)
}

// plain is a connection of HTTP/1.1.
type plain struct {
	tc   transport.Conn
	last int
}

func (p *plain) Read() ([]byte, error) {
	p.tc.Discard(p.last)
	b, err := p.tc.Peek(1)
	p.last = len(b)
	return b, err
}

func (p *plain) Send(m *protocol.Message, last bool) error {
	if last {
		return p.tc.Close()
	}
	return p.tc.Write(m.Bytes)
}

func (p *plain) Reset(protocol.ResetCode, error) { _ = p.tc.Close() }

// upgrade asks for a socket over HTTP/1.1 (RFC 6455, section 1.3). It returns the head of the response.
func (r *rig) upgrade(method string, fields *fairlead.Metadata) (*plain, *protocol.Head) {
	r.t.Helper()
	tc, err := r.network.Dial(r.t.Context(), transport.Target{Addr: "ws:1"})
	if err != nil {
		r.t.Fatal(err)
	}
	r.t.Cleanup(func() { _ = tc.Close() })
	b := fmt.Appendf(nil, "GET /test.Echo/%s HTTP/1.1\r\nHost: shop.example\r\nUpgrade: WebSocket\r\n"+
		"Connection: keep-alive, Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n", method)
	for k, v := range fields.All() {
		b = fmt.Appendf(b, "%s: %s\r\n", k, v)
	}
	if err := tc.Write(append(b, "\r\n"...)); err != nil {
		r.t.Fatal(err)
	}
	var text string
	for n := 1; ; {
		in, err := tc.Peek(n)
		if err != nil {
			r.t.Fatalf("%v after %q", err, in)
		}
		if i := bytes.Index(in, []byte("\r\n\r\n")); i >= 0 {
			text = string(in[:i])
			tc.Discard(i + 4)
			break
		}
		n = len(in) + 1
	}
	h := new(protocol.Head)
	_, _ = fmt.Sscanf(text, "HTTP/1.1 %d", &h.Status)
	for line := range strings.SplitSeq(text, "\r\n") {
		if k, v, ok := strings.Cut(line, ": "); ok {
			h.Fields.Add(k, v)
		}
	}
	switches := strings.EqualFold(h.Fields.Get("upgrade"), "websocket") &&
		strings.EqualFold(h.Fields.Get("connection"), "upgrade")
	if h.Status == 101 && (!switches || h.Fields.Get("sec-websocket-accept") != "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=") {
		r.t.Errorf("got the head %q", text)
	}
	return &plain{tc: tc}, h
}

// open opens a socket, with more fields as pairs. It returns nil and the status if the server refuses it.
func (r *rig) open(method string, fields ...string) (*sock, *protocol.Head) {
	r.t.Helper()
	head := protocol.NewBlock(
		":method", "CONNECT", ":protocol", "websocket", ":scheme", "https", ":authority", "shop.example")
	extra := new(fairlead.Metadata)
	if !slices.Contains(fields, "sec-websocket-version") {
		extra.Add("sec-websocket-version", "13")
	}
	for i := 0; i < len(fields); i += 2 {
		extra.Add(fields[i], fields[i+1])
	}
	if r.conn == nil {
		p, h := r.upgrade(method, extra)
		if h.Status != 101 {
			_ = p.tc.Close()
			return nil, h
		}
		return &sock{t: r.t, x: p}, h
	}
	x, err := r.conn.Open(&protocol.Request{Head: head, Path: "/test.Echo/" + method, Extra: extra})
	if err != nil {
		r.t.Fatal(err)
	}
	<-x.HeadReady()
	h, _ := x.Head()
	if h == nil {
		r.t.Fatal("no head came")
	}
	if h.Status != 200 {
		x.Reset(protocol.ResetCancel, io.EOF)
		return nil, h
	}
	return &sock{t: r.t, x: x}, h
}

func (r *rig) socket(method string, fields ...string) *sock {
	r.t.Helper()
	k, h := r.open(method, fields...)
	if k == nil {
		r.t.Fatalf("%s: got the status %d", method, h.Status)
	}
	return k
}

// frame sends a frame with a mask of zeros.
func (k *sock) frame(op byte, payload []byte) {
	k.t.Helper()
	b := []byte{0x80 | op}
	switch n := len(payload); {
	case n < 126:
		b = append(b, 0x80|byte(n))
	case n <= 0xffff:
		b = binary.BigEndian.AppendUint16(append(b, 0x80|126), uint16(n))
	default:
		b = binary.BigEndian.AppendUint64(append(b, 0x80|127), uint64(n))
	}
	b = append(append(b, 0, 0, 0, 0), payload...)
	_ = k.x.Send(&protocol.Message{Bytes: b}, false) // the server may have closed
}

func (k *sock) say(texts ...string) {
	k.t.Helper()
	for _, s := range texts {
		k.frame(1, []byte(s))
	}
}

func (k *sock) envelope(flags byte, payload string) {
	k.t.Helper()
	k.frame(2, append(binary.BigEndian.AppendUint32([]byte{flags}, uint32(len(payload))), payload...))
}

// read returns the next n bytes.
func (k *sock) read(n int) ([]byte, error) {
	for len(k.buf) < n {
		b, err := k.x.Read()
		if err != nil {
			return nil, err
		}
		k.buf = append(k.buf, b...)
	}
	b := k.buf[:n]
	k.buf = k.buf[n:]
	return b, nil
}

// next returns a frame as text: its payload, or "close 1000 reason", "ping", "pong x", "over".
func (k *sock) next() string {
	k.t.Helper()
	h, err := k.read(2)
	if err != nil {
		return "over"
	}
	op, n := h[0], int(h[1])
	if op&0x80 == 0 || h[1]&0x80 != 0 {
		k.t.Errorf("got a frame with the header %x", h)
	}
	switch n {
	case 126:
		b, _ := k.read(2)
		n = int(binary.BigEndian.Uint16(b))
	case 127:
		b, _ := k.read(8)
		n = int(binary.BigEndian.Uint64(b))
	}
	p, err := k.read(n)
	if err != nil {
		return "cut"
	}
	switch op & 0xf {
	case 8:
		return strings.TrimSpace(fmt.Sprintf("close %d %s", binary.BigEndian.Uint16(p), p[2:]))
	case 9:
		return "ping"
	case 10:
		return "pong " + string(p)
	case 2:
		return fmt.Sprintf("%d %s", p[0], p[5:])
	}
	return string(p)
}

// expect compares the next frames. If the last of them is Close, the client closes as well, and the stream has to end.
func (k *sock) expect(want ...string) {
	k.t.Helper()
	for i, w := range want {
		got := k.next()
		if got != w {
			k.t.Errorf("frame %d: got %s, want %s", i, got, w)
		}
		if strings.HasPrefix(got, "close ") {
			k.frame(8, nil)
			if rest := k.next(); rest != "over" {
				k.t.Errorf("behind Close: got %s", rest)
			}
			k.x.Reset(protocol.ResetCancel, io.EOF)
			return
		}
	}
}

func TestKinds(t *testing.T) { //nolint:paralleltest // leakcheck counts goroutines
	each(t, func(t *testing.T, version int) {
		r := newRig(t, version, protocoltest.Handlers{})
		for _, tt := range []struct {
			method string
			say    []string
			want   []string
		}{
			{
				"Unary", []string{`{"message":{"text":"a","n":1}}`},
				[]string{`{"message":{"text":"a","n":1}}`, `{"end":{}}`, "close 1000"},
			},
			{
				"Unary", []string{" { \"message\" : {\"N\":1} } \n", `{"end":true}`},
				[]string{`{"message":{"text":"","n":1}}`, `{"end":{}}`, "close 1000"},
			},
			{
				"Scatter", []string{`{"message":{"text":"a","n":2}}`},
				[]string{`{"message":{"text":"a","n":0}}`, `{"message":{"text":"a","n":1}}`, `{"end":{}}`, "close 1000"},
			},
			{
				"Gather", []string{`{"message":{"text":"a","n":2}}`, `{"message":{"text":"b","n":3}}`, `{"end":{}}`},
				[]string{`{"message":{"text":"ab","n":5}}`, `{"end":{}}`, "close 1000"},
			},
			{"Gather", []string{`{"end":true}`}, []string{`{"message":{"text":"","n":0}}`, `{"end":{}}`, "close 1000"}},
			{
				"Chat", []string{`{"message":{"text":"a"}}`, `{"message":{"text":"b"}}`, `{"end":true}`},
				[]string{`{"message":{"text":"a","n":0}}`, `{"message":{"text":"b","n":0}}`, `{"end":{}}`, "close 1000"},
			},
			{"Chat", []string{`{"header":{}}`, `{"end":true}`}, []string{`{"end":{}}`, "close 1000"}},
		} {
			for _, fields := range [][]string{nil, {"sec-websocket-protocol", "other, fairlead.json"}} {
				k := r.socket(tt.method, fields...)
				k.say(tt.say...)
				k.expect(tt.want...)
			}
		}
		k := r.socket("Chat", "sec-websocket-protocol", "fairlead.msg")
		k.envelope(0x80, `{"header":{"a":"b"}}`)
		for _, text := range []string{"a", "", strings.Repeat("x", 200), strings.Repeat("x", 70_000)} {
			k.envelope(0, "\x04"+text)
			k.expect("0 \x04" + text)
		}
		k.envelope(2, "{}")
		k.expect("2 {}", "close 1000")
		if got := r.s.Stats(); got.Calls != 0 || got.Bytes != 0 {
			waitIdle(t, r.s)
		}
	})
}

// waitIdle waits until no call is under way, and checks that no byte is counted then.
func waitIdle(t *testing.T, s *server.Server) {
	t.Helper()
	for end := time.Now().Add(assert.Patience(5 * time.Second)); s.Stats().Calls > 0; runtime.Gosched() {
		if time.Now().After(end) {
			t.Fatalf("%d calls are left", s.Stats().Calls)
		}
	}
	if got := s.Stats().Bytes; got != 0 {
		t.Errorf("%d bytes are left", got)
	}
}

// TestWhatIsRefused: sockets that do not become calls, and calls that fail.
func TestWhatIsRefused(t *testing.T) { //nolint:paralleltest // leakcheck counts goroutines
	each(t, func(t *testing.T, version int) {
		r := newRig(t, version, protocoltest.Handlers{
			Unary: func(ctx context.Context, m *msg) (*msg, error) {
				switch m.Text {
				case "fail":
					fairlead.CallFrom(ctx).ResponseTrailer().Add("why", "because")
					return nil, fairlead.Errorf(fairlead.NotFound, "no %d", m.N).WithDetail("type.googleapis.com/a.B", []byte("x"))
				case "relay":
					details := []fairlead.Detail{{Type: "a.B", Value: []byte("x")}}
					return nil, fairlead.PeerError(fairlead.NotFound, "not there", details)
				case "panic":
					panic("oh")
				case "exit":
					runtime.Goexit()
				case "wait":
					<-ctx.Done()
					return nil, ctx.Err()
				}
				return m, nil
			},
		}, server.MaxRecvMessage(1000))
		for _, tt := range []struct {
			name, method string
			say          []string
			want         []string
		}{
			{"an error", "Unary", []string{`{"message":{"text":"fail","n":7}}`}, []string{
				`{"end":{"error":{"code":"not_found","message":"no 7","details":[{"type":"a.B","value":"eA"}]},` +
					`"metadata":{"why":["because"]}}}`,
				"close 4005 no 7",
			}},
			{"an error of another server", "Unary", []string{`{"message":{"text":"relay"}}`}, []string{
				`{"end":{"error":{"code":"not_found","message":"not there"}}}`, "close 4005 not there",
			}},
			{"a panic", "Unary", []string{`{"message":{"text":"panic"}}`}, []string{
				`{"end":{"error":{"code":"internal","message":"internal error"}}}`, "close 4013 internal error",
			}},
			{"runtime.Goexit", "Unary", []string{`{"message":{"text":"exit"}}`}, []string{
				`{"end":{"error":{"code":"internal","message":"internal error"}}}`, "close 4013 internal error",
			}},
			{"too late", "Unary", []string{`{"header":{},"timeout_ms":20}`, `{"message":{"text":"wait"}}`}, []string{
				`{"end":{"error":{"code":"deadline_exceeded","message":"context deadline exceeded"}}}`,
				"close 4004 context deadline exceeded",
			}},
			{"no message", "Unary", []string{`{"end":true}`}, []string{
				`{"end":{"error":{"code":"unimplemented","message":"the method takes one request, and none was sent"}}}`,
				"close 4012 the method takes one request, and none was sent",
			}},
			{
				"not JSON", "Unary", []string{`hello`},
				[]string{
					`{"end":{"error":{"code":"invalid_argument","message":"a message is not {\"message\": ...}, ` +
						`{\"header\": {...}, \"timeout_ms\": ...} or {\"end\": true}"}}}`,
					`close 4003 a message is not {"message": ...}, {"header": {...}, "timeout_ms": ...} or {"end": true}`,
				},
			},
			{"two members", "Unary", []string{`{"message":{},"end":true}`}, nil},
			{"a header of the browser", "Unary", []string{`{"header":{"Cookie":"a=b"}}`}, []string{
				`{"end":{"error":{"code":"invalid_argument","message":"\"cookie\" cannot be set as metadata of a socket"}}}`,
				`close 4003 "cookie" cannot be set as metadata of a socket`,
			}},
			{"metadata twice", "Chat", []string{`{"header":{}}`, `{"header":{}}`}, []string{
				`{"end":{"error":{"code":"invalid_argument","message":"metadata is sent once, and first"}}}`,
				"close 4003 metadata is sent once, and first",
			}},
			{"a message behind the only one", "Unary", []string{
				`{"message":{"text":"wait"}}`, `{"message":{}}`, `{"message":{}}`,
			}, []string{
				"close 1008 a message after the last one of the call",
			}},
			{"too long", "Chat", []string{`{"message":{"text":"` + strings.Repeat("x", 1000) + `"}}`}, nil},
			{"far too long", "Chat", []string{`{"message":{"text":"` + strings.Repeat("x", 70_000) + `"}}`}, []string{
				"close 1009 a message has more than 65600 bytes",
			}},
		} {
			k := r.socket(tt.method)
			k.say(tt.say...)
			if tt.want != nil {
				k.expect(tt.want...)
				continue
			}
			first := k.next()
			second := k.next()
			if !strings.HasPrefix(first, `{"end":{"error":`) || !strings.HasPrefix(second, "close 40") {
				t.Errorf("%s: got %s, %s", tt.name, first, second)
			}
			k.x.Reset(protocol.ResetCancel, io.EOF)
		}
		for _, tt := range []struct {
			name   string
			status int
			fields []string
		}{
			{"another version", 426, []string{"sec-websocket-version", "8"}},
			{"another origin", 403, []string{"origin", "https://evil.example"}},
			{"no origin that it could have", 403, []string{"origin", "null"}},
			{"another port", 403, []string{"origin", "https://shop.example:444"}},
			{"no such subprotocol", 400, []string{"sec-websocket-protocol", "fairlead.thrift, chat"}},
		} {
			if k, h := r.open("Unary", tt.fields...); k != nil || h.Status != tt.status {
				t.Errorf("%s: got %d, want %d", tt.name, h.Status, tt.status)
			}
		}
		for _, origin := range []string{"https://shop.example", "https://shop.example:443", "HTTPS://SHOP.example"} {
			k := r.socket("Unary", "origin", origin)
			k.say(`{"message":{}}`)
			k.expect(`{"message":{"text":"","n":0}}`, `{"end":{}}`, "close 1000")
		}
		if k, h := r.open("Nothing"); k != nil || h.Status != map[int]int{1: 404, 2: 501}[version] {
			t.Errorf("no such method: got %d", h.Status)
		}
		k := r.socket("Unary")
		k.frame(2, []byte("binary"))
		k.expect("close 1003 the messages of this subprotocol are text")
		k = r.socket("Unary")
		k.frame(3, nil)
		k.expect("close 1002 unknown opcode 3")
		waitIdle(t, r.s)
		if got := r.s.Stats().Guard[protocol.SocketError]; got < 3 {
			t.Errorf("%d errors of sockets were counted", got)
		}
	})
}

// TestMetadata: metadata goes both ways, and gates and middleware see it.
func TestMetadata(t *testing.T) { //nolint:paralleltest // leakcheck counts goroutines
	each(t, func(t *testing.T, version int) {
		var got string
		r := newRig(t, version, protocoltest.Handlers{
			Unary: func(ctx context.Context, m *msg) (*msg, error) {
				c := fairlead.CallFrom(ctx)
				h := c.RequestHeader()
				_, limited := c.Deadline()
				got = fmt.Sprintln(h.Get("token"), h.Values("list"), h.Get("raw-bin"), h.Get("cookie"),
					h.Has("sec-websocket-version"), limited, c.Protocol(), c.Authority(), c.Peer().Wire)
				got = strings.TrimSuffix(got, "\n")
				c.ResponseHeader().Add("served", "by me")
				c.ResponseHeader().Add("raw-bin", "\x00")
				c.ResponseTrailer().Add("sum", "42")
				return m, nil
			},
		}, server.Admission(needsToken{}))
		k := r.socket("Unary", "cookie", "a=b", "token", "of the handshake")
		k.say(`{"header":{"Token":"let me in","list":["1","2"],"raw-bin":"AAE"},"timeout_ms":60000}`, `{"message":{}}`)
		k.expect(`{"header":{"raw-bin":["AA"],"served":["by me"]}}`, `{"message":{"text":"","n":0}}`,
			`{"end":{"metadata":{"sum":["42"]}}}`, "close 1000")
		wire := map[int]string{1: "http/1.1", 2: "http/2"}[version]
		if want := "let me in [1 2] \x00\x01 a=b false true websocket shop.example " + wire; got != want {
			t.Errorf("got %q, want %q", got, want)
		}
		k = r.socket("Unary")
		k.say(`{"message":{}}`)
		k.expect(`{"end":{"error":{"code":"unauthenticated","message":"no token"}}}`, "close 4016 no token")
		waitIdle(t, r.s)
	})
}

type needsToken struct{}

func (needsToken) Enter(c *fairlead.Call) error {
	if !c.RequestHeader().Has("token") {
		return fairlead.Errorf(fairlead.Unauthenticated, "no token")
	}
	return nil
}

func (needsToken) Leave(*fairlead.Call) {}

// TestCancel: a call ends when its client closes the socket, resets it, or stops in the middle of a frame.
func TestCancel(t *testing.T) { //nolint:paralleltest // leakcheck counts goroutines
	each(t, func(t *testing.T, version int) {
		ended := make(chan error, 1)
		began := make(chan struct{}, 1)
		hold := func(ctx context.Context) error {
			began <- struct{}{}
			<-ctx.Done()
			ended <- ctx.Err()
			return ctx.Err()
		}
		r := newRig(t, version, protocoltest.Handlers{
			Scatter: func(ctx context.Context, _ *msg, _ *fairlead.Outbound[msg]) error { return hold(ctx) },
			Chat: func(_ context.Context, s *fairlead.Bidi[msg, msg]) error {
				began <- struct{}{}
				_, err := s.Recv()
				ended <- err
				return err
			},
		})
		for _, method := range []string{"Scatter", "Chat"} {
			for name, leave := range map[string]func(k *sock){
				"close": func(k *sock) {
					k.frame(8, binary.BigEndian.AppendUint16(nil, 1001))
					if got := k.next(); got != "close 1001" {
						t.Errorf("got %s, want the answer to Close", got)
					}
				},
				"end":   func(k *sock) { _ = k.x.Send(nil, true) },
				"reset": func(k *sock) { k.x.Reset(protocol.ResetCancel, io.EOF) },
			} {
				k := r.socket(method)
				if method == "Scatter" {
					k.say(`{"message":{}}`)
				} else {
					k.say(`{"header":{}}`)
				}
				<-began
				k.frame(9, []byte("there?"))
				if got := k.next(); got != "pong there?" {
					t.Errorf("got %s, want a pong", got)
				}
				leave(k)
				if err := <-ended; fairlead.CodeOf(err) != fairlead.Canceled {
					t.Errorf("%s, %s: the handler got %v, want CANCELLED", method, name, err)
				}
				waitIdle(t, r.s)
			}
		}
	})
}

// TestDrain: a socket without a call is closed, a call may go on, and its client learns that it should come back.
func TestDrain(t *testing.T) { //nolint:paralleltest // leakcheck counts goroutines
	each(t, func(t *testing.T, version int) {
		r := newRig(t, version, protocoltest.Handlers{
			Chat: func(_ context.Context, s *fairlead.Bidi[msg, msg]) error {
				if err := s.Send(&msg{Text: "ready"}); err != nil {
					return err
				}
				<-s.Call().Draining()
				if err := s.Send(&msg{Text: "soon"}); err != nil {
					return err
				}
				return fairlead.Errorf(fairlead.Unavailable, "come back")
			},
		})
		idle, busy := r.socket("Chat"), r.socket("Chat")
		busy.say(`{"header":{}}`)
		busy.expect(`{"message":{"text":"ready","n":0}}`)
		over := make(chan error, 1)
		go func() {
			ctx, cancel := context.WithTimeout(context.Background(), assert.Patience(10*time.Second))
			defer cancel()
			over <- r.s.Shutdown(ctx)
		}()
		idle.expect(`{"end":{"error":{"code":"unavailable","message":"the server is shutting down"}}}`,
			"close 1001 the server is shutting down")
		busy.expect(`{"message":{"text":"soon","n":0}}`, `{"end":{"error":{"code":"unavailable","message":"come back"}}}`,
			"close 1001 come back")
		if err := <-over; err != nil {
			t.Error(err)
		}
	})
}

// TestSlowMessage: a message that has begun has to come to its end, before there is a call and afterwards.
func TestSlowMessage(t *testing.T) { //nolint:paralleltest // leakcheck counts goroutines
	each(t, func(t *testing.T, version int) {
		r := newRig(t, version, protocoltest.Handlers{}, server.MessageTimeout(50*time.Millisecond))
		for _, say := range [][]string{nil, {`{"message":{"text":"a"}}`}} {
			k := r.socket("Chat")
			k.say(say...)
			for range say {
				k.expect(`{"message":{"text":"a","n":0}}`)
			}
			_ = k.x.Send(&protocol.Message{Bytes: []byte{0x81, 0x80 | 100, 0, 0, 0, 0, '{'}}, false)
			const late = "the client did not send the rest of its message within 50ms (server.MessageTimeout)"
			want := []string{
				`{"end":{"error":{"code":"deadline_exceeded","message":"` + late + `"}}}`, "close 4004 " + late,
			}
			for _, w := range want {
				if got := k.next(); got != w {
					t.Errorf("got %s, want %s", got, w)
				}
			}
			k.x.Reset(protocol.ResetCancel, io.EOF)
		}
		waitIdle(t, r.s)
		if got := r.s.Stats().Guard[protocol.SlowMessage]; got != 2 {
			t.Errorf("%d slow messages were counted, want 2", got)
		}
	})
}

// TestPing: a silent client is asked, and its call canceled if it does not answer. One that sends nothing at all does
// not keep its socket.
func TestPing(t *testing.T) { //nolint:paralleltest // synctest
	const version = 2 // it is the same for both
	synctest.Test(t, func(t *testing.T) {
		ended := make(chan error, 1)
		r := newRig(t, version, protocoltest.Handlers{
			Chat: func(_ context.Context, s *fairlead.Bidi[msg, msg]) error {
				_, err := s.Recv()
				ended <- err
				return err
			},
		}, ws.PingInterval(30*time.Second))
		mute := r.socket("Chat")
		began := time.Now()
		mute.expect(`{"end":{"error":{"code":"deadline_exceeded","message":"the client did not send a message within 10s"}}}`,
			"close 4004 the client did not send a message within 10s")
		if took := time.Since(began); took != 10*time.Second {
			t.Errorf("it took %v", took)
		}
		k := r.socket("Chat")
		k.say(`{"header":{}}`)
		began = time.Now()
		for range 3 {
			k.expect("ping")
			k.frame(10, nil)
		}
		if took := time.Since(began); took != 90*time.Second {
			t.Errorf("three pings took %v", took)
		}
		k.expect("ping")
		if err := <-ended; fairlead.CodeOf(err) != fairlead.Canceled || !strings.Contains(err.Error(), "ping") {
			t.Errorf("got %v", err)
		}
		if took := time.Since(began); took != 150*time.Second {
			t.Errorf("without an answer it took %v", took)
		}
		k.x.Reset(protocol.ResetCancel, io.EOF)
		r.conn.Close(nil)
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		if err := r.s.Shutdown(ctx); err != nil {
			t.Error(err)
		}
	})
}

// TestSlowClient: a client that takes nothing does not keep a call whose deadline has passed.
func TestSlowClient(t *testing.T) { //nolint:paralleltest // it counts buffers
	for _, version := range []int{1, 2} {
		t.Run(fmt.Sprintf("HTTP/%d", version), func(t *testing.T) { slowClient(t, version) })
	}
}

func slowClient(t *testing.T, version int) {
	buffer.Count(true)
	defer buffer.Count(false)
	t.Run("rig", func(t *testing.T) {
		ended := make(chan error, 1)
		r := newRig(t, version, protocoltest.Handlers{
			Scatter: func(_ context.Context, _ *msg, s *fairlead.Outbound[msg]) error {
				big := &msg{Text: strings.Repeat("x", 1<<20)}
				for {
					if err := s.Send(big); err != nil {
						ended <- err
						return err
					}
				}
			},
		})
		k := r.socket("Scatter")
		k.say(`{"header":{},"timeout_ms":50}`, `{"message":{}}`)
		if err := <-ended; fairlead.CodeOf(err) != fairlead.DeadlineExceeded {
			t.Errorf("got %v, want DEADLINE_EXCEEDED", err)
		}
		waitIdle(t, r.s)
		k.x.Reset(protocol.ResetCancel, io.EOF)
	})
	for end := time.Now().Add(assert.Patience(5 * time.Second)); buffer.Out() > 0 && time.Now().Before(end); {
		runtime.Gosched() // the connections' writers are ending
	}
	if text := buffer.Leaks(); text != "" {
		t.Errorf("buffers are left:\n%s", text)
	}
}

func TestOptions(t *testing.T) {
	t.Parallel()
	for name, o := range map[string]ws.Option{
		"nil": nil, "origin": ws.Origins("example.com"), "path": ws.Origins("https://example.com/"),
		"star": ws.Origins("https://a.*.com"), "ping": ws.PingInterval(time.Millisecond),
	} {
		_, err := server.New(server.Protocol(web.NewServer(ws.NewServer(o))), server.Codec(asJSON{}),
			server.Service(echoes.Implement(protocoltest.Handlers{})))
		if err == nil || !strings.Contains(err.Error(), "ws: ") {
			t.Errorf("%s: got %v", name, err)
		}
	}
	r := newRig(t, 2, protocoltest.Handlers{}, ws.Origins("https://app.example", "https://*.pages.example"))
	for origin, want := range map[string]bool{
		"https://app.example": true, "http://app.example": false, "https://x.app.example": false,
		"https://a.pages.example": true, "https://a.b.pages.example": true, "https://pages.example": false,
		"https://evilpages.example": false, "https://app.example.evil": false,
	} {
		k, _ := r.open("Unary", "origin", origin)
		if (k != nil) != want {
			t.Errorf("%s: opened %v, want %v", origin, k != nil, want)
		}
		if k != nil {
			k.x.Reset(protocol.ResetCancel, io.EOF)
		}
	}
}
