package grpcwire

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"iter"
	"log/slog"
	"os"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/fairlead-go/fairlead"
	"github.com/fairlead-go/fairlead/buffer"
	"github.com/fairlead-go/fairlead/codec"
	"github.com/fairlead-go/fairlead/compress"
	"github.com/fairlead-go/fairlead/internal/rpcwire"
	"github.com/fairlead-go/fairlead/protocol"
	"github.com/fairlead-go/fairlead/protocol/protocoltest"
)

const contentType = "application/grpc"

// dialect is gRPC's.
var dialect = Dialect{
	Name: "grpc", Title: "gRPC", Types: []string{contentType}, Fields: []string{"te", "trailers"},
	HTTP2: true,
}

// note is the message of these tests: its encoding is its text. The codec refuses "!bad" in both directions.
type note struct{ Text string }

var errBadNote = errors.New("a bad note")

// noteCodec carries notes; sized adds a Sizer.
type noteCodec struct{}

func (noteCodec) Name() string { return "proto" }

func (noteCodec) AppendMarshal(dst []byte, msg any) ([]byte, error) {
	n, ok := msg.(*note)
	if !ok {
		return dst, fmt.Errorf("%w: %T", codec.ErrType, msg)
	}
	if n.Text == "!bad" {
		return dst, errBadNote
	}
	return append(dst, n.Text...), nil
}

func (noteCodec) Unmarshal(src []byte, msg any) error {
	n, ok := msg.(*note)
	if !ok {
		return fmt.Errorf("%w: %T", codec.ErrType, msg)
	}
	if string(src) == "!bad" {
		return errBadNote
	}
	if n.Text != string(src) { // so that allocation tests see none
		n.Text = string(src)
	}
	return nil
}

// ForType implements codec.PerType.
func (c noteCodec) ForType(sample any) (codec.Codec, error) {
	if _, ok := sample.(*note); !ok {
		return nil, codec.ErrType
	}
	return sizedCodec{c}, nil
}

type sizedCodec struct{ noteCodec }

func (sizedCodec) Size(msg any) int { return len(msg.(*note).Text) }

func (c sizedCodec) AppendSized(dst []byte, msg any, _ int) ([]byte, error) {
	return c.AppendMarshal(dst, msg)
}

// gz is a compressor; bomb is the text that it decompresses to more than any limit.
type gz struct{ name string }

func (g gz) Name() string { return g.name }

func (gz) AppendCompress(dst, src []byte) ([]byte, error) {
	b := bytes.NewBuffer(dst)
	w := gzip.NewWriter(b)
	if _, err := w.Write(src); err != nil {
		return nil, err
	}
	err := w.Close()
	return b.Bytes(), err
}

func (gz) AppendDecompress(dst, src []byte, limit int) ([]byte, error) {
	r, err := gzip.NewReader(bytes.NewReader(src))
	if err != nil {
		return dst, err
	}
	out, err := io.ReadAll(io.LimitReader(r, int64(limit)+1))
	if err != nil {
		return dst, err
	}
	if len(out) > limit {
		return dst, compress.ErrTooLarge
	}
	return append(dst, out...), nil
}

// The methods of the tests.
var (
	mUnary  = method(fairlead.Unary, "Unary")
	mClient = method(fairlead.ClientStreaming, "Client")
	mServer = method(fairlead.ServerStreaming, "Server")
	mBidi   = method(fairlead.BidiStreaming, "Bidi")
	mRaw    = &fairlead.Method{Service: "test.Notes", Name: "Raw", Path: "/test.Notes/Raw"}
	mRawSt  = &fairlead.Method{
		Service: "test.Notes", Name: "RawSt", Path: "/test.Notes/RawSt", Kind: fairlead.BidiStreaming,
	}
)

func method(k fairlead.Kind, name string) *fairlead.Method {
	return fairlead.NewMethod[note, note](k, "test.Notes", name)
}

// dispatcher is a protocol.Dispatcher that keeps the books.
type dispatcher struct {
	limits   protocol.Limits
	routes   map[string]*protocol.Route
	admit    func(c *fairlead.Call, size int) error
	reserve  func(n int) error
	draining chan struct{}

	admitted atomic.Int64
	done     atomic.Int64
	bytes    atomic.Int64
}

func newDispatcher() *dispatcher {
	return &dispatcher{
		limits: protocol.Limits{
			RecvMessage: 1 << 20, SendMessage: 1 << 20,
			Compressors: []compress.Compressor{gz{"gzip"}, gz{"other"}}, CompressMin: 100,
		},
		routes:   make(map[string]*protocol.Route),
		draining: make(chan struct{}),
	}
}

func (d *dispatcher) handle(m *fairlead.Method, h fairlead.Handler) *protocol.Route {
	b := protocol.MethodCodec{Name: "proto", Req: sizedCodec{}, Resp: sizedCodec{}, RespSizer: sizedCodec{}}
	if m.NewRequest == nil {
		b = protocol.MethodCodec{Name: "proto", Req: noteCodec{}, Resp: noteCodec{}}
	}
	plain := protocol.MethodCodec{Name: "plain", Req: noteCodec{}, Resp: noteCodec{}}
	r := &protocol.Route{Method: m, Handler: h, Codecs: []protocol.MethodCodec{b, plain}}
	d.routes[m.Path] = r
	return r
}

func (d *dispatcher) Lookup(path string) *protocol.Route { return d.routes[path] }

func (d *dispatcher) Routes() iter.Seq[*protocol.Route] {
	return func(yield func(*protocol.Route) bool) {
		for _, r := range d.routes {
			if !yield(r) {
				return
			}
		}
	}
}

func (d *dispatcher) Admit(c *fairlead.Call, size int) error {
	if d.admit != nil {
		if err := d.admit(c, size); err != nil {
			return err
		}
	}
	d.admitted.Add(1)
	d.bytes.Add(int64(size))
	return nil
}

func (d *dispatcher) Reserve(n int) error {
	if d.reserve != nil {
		if err := d.reserve(n); err != nil {
			return err
		}
	}
	d.bytes.Add(int64(n))
	return nil
}

func (d *dispatcher) Done(_ *fairlead.Call, size int) {
	d.done.Add(1)
	d.bytes.Add(-int64(size))
}

func (d *dispatcher) Fallback() *protocol.Route { return nil }

func (d *dispatcher) NewRoute(*fairlead.Method, fairlead.Handler) (*protocol.Route, error) {
	return nil, errors.ErrUnsupported
}
func (d *dispatcher) Limits() *protocol.Limits { return &d.limits }
func (d *dispatcher) Lease(c protocol.ServerConn) *protocol.Lease {
	return protocol.NewWatch(nil).Lease(c)
}
func (d *dispatcher) Draining() <-chan struct{} { return d.draining }
func (d *dispatcher) Logger() *slog.Logger      { return slog.New(slog.DiscardHandler) }

// settled fails the test unless every admitted call is done and all bytes are accounted for.
func (d *dispatcher) settled(t *testing.T) {
	t.Helper()
	if a, n := d.admitted.Load(), d.done.Load(); a != n {
		t.Errorf("admitted %d calls, done %d", a, n)
	}
	if n := d.bytes.Load(); n != 0 {
		t.Errorf("%d bytes still accounted for", n)
	}
}

// headFrom makes the head that the peer of what was sent sees.
func headFrom(s protocol.Section, name string, value []byte) *protocol.Head {
	h := &protocol.Head{Version: 2}
	add := func(k, v string) {
		switch k {
		case ":method":
			h.Verb = v
		case ":scheme":
			h.Scheme = v
		case ":authority":
			h.Authority = v
		case ":path":
			h.Path = v
		case ":status":
			h.Status, _ = strconv.Atoi(v)
		case "content-type":
			h.ContentType = v
		case "user-agent":
			h.UserAgent = v
		case "grpc-timeout":
			h.Timeout, h.TimeoutName = []byte(v), k
		default:
			h.Fields.Add(k, v)
		}
	}
	if s.Block != nil {
		for i := 0; i < len(s.Block.Fields()); i += 2 {
			add(s.Block.Fields()[i], s.Block.Fields()[i+1])
		}
	}
	if name != "" {
		add(name, string(value))
	}
	if s.Extra != nil {
		for k, v := range s.Extra.All() {
			if s.Base64 && strings.HasSuffix(k, "-bin") {
				v = base64.RawStdEncoding.EncodeToString([]byte(v))
			}
			add(k, v)
		}
	}
	return h
}

// encoded returns the bytes of m with its envelope, or those of several messages that have theirs.
func encoded(m *protocol.Message) ([]byte, error) {
	out := []byte{0, 0, 0, 0, 0}
	var err error
	switch {
	case m.Sizer != nil:
		if out, err = m.Sizer.AppendSized(out, m.Value, m.Size); err == nil && len(out) != rpcwire.PrefixSize+m.Size {
			err = errors.New("the size is wrong")
		}
	case m.Value != nil:
		out, err = m.Codec.AppendMarshal(out, m.Value)
	default:
		out = append(out, m.Bytes...)
	}
	if !m.Envelope {
		if m.Value != nil {
			return nil, errors.New("no envelope")
		}
		return m.Bytes, nil // messages in their envelopes, as a stream that begins anew sends them
	}
	out[0] = m.Flags
	binary.BigEndian.PutUint32(out[1:], uint32(len(out)-rpcwire.PrefixSize))
	return out, err
}

// frame is a message as it travels.
func frame(flags byte, payload string) []byte {
	b := []byte{flags, 0, 0, 0, 0}
	binary.BigEndian.PutUint32(b[1:], uint32(len(payload)))
	return append(b, payload...)
}

// cut cuts b into parts of n bytes.
func cut(b []byte, n int) [][]byte {
	var out [][]byte
	for len(b) > 0 {
		k := min(n, len(b))
		out, b = append(out, b[:k]), b[k:]
	}
	return out
}

// half is one direction of an exchange: parts that wait to be read.
type half struct {
	mu    sync.Mutex
	cond  *sync.Cond
	parts [][]byte
	ended bool
	err   error // after the parts
	now   error // before the parts
	last  []byte
}

func newHalf() *half {
	h := new(half)
	h.cond = sync.NewCond(&h.mu)
	return h
}

func (h *half) push(part []byte) {
	h.mu.Lock()
	h.parts = append(h.parts, append([]byte(nil), part...))
	h.cond.Broadcast()
	h.mu.Unlock()
}

func (h *half) end(err error) {
	h.mu.Lock()
	if !h.ended {
		h.ended, h.err = true, err
	}
	h.cond.Broadcast()
	h.mu.Unlock()
}

func (h *half) cut(cause error) {
	h.mu.Lock()
	if h.now == nil {
		h.now = cause
	}
	h.cond.Broadcast()
	h.mu.Unlock()
}

// read returns the next part, and spoils the one before, which is no longer valid.
func (h *half) read() ([]byte, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for i := range h.last {
		h.last[i] = 0xEE
	}
	h.last = nil
	for h.now == nil && len(h.parts) == 0 && !h.ended {
		h.cond.Wait()
	}
	switch {
	case h.now != nil:
		return nil, h.now
	case len(h.parts) > 0:
		h.last, h.parts = h.parts[0], h.parts[1:]
		return h.last, nil
	case h.err != nil:
		return nil, h.err
	}
	return nil, io.EOF
}

// exchange is a whole exchange in memory. Both sides are held to the contract of package protocol.
type exchange struct {
	t    *testing.T
	head *protocol.Head
	up   *half // client to server
	down *half

	mu       sync.Mutex
	call     *fairlead.Call
	respHead *protocol.Head
	headEnds bool
	trailer  *protocol.Head
	ready    chan struct{}
	over     bool // for the server
	overCh   chan struct{}
	served   chan struct{}
	gone     bool // for the client
	reset    protocol.ResetCode
	inRun    bool
	sendErr  error // what the server's Send and Reply fail with

	headerLimit int // what the client says; 0: nothing

	receiver  protocol.Receiver
	receiving sync.Mutex
	ended     bool // the receiver's End was called, or it was cancelled
}

func newExchange(t *testing.T, h *protocol.Head) *exchange {
	return &exchange{
		t: t, head: h, up: newHalf(), down: newHalf(),
		ready: make(chan struct{}), overCh: make(chan struct{}), served: make(chan struct{}),
	}
}

// serverSide is the exchange as the server sees it.
type serverSide struct{ *exchange }

func (x serverSide) alive(what string) {
	x.t.Helper()
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.over {
		x.t.Errorf("%s after the exchange was over", what)
	}
}

func (x serverSide) finish(what string) {
	x.mu.Lock()
	if x.over {
		x.t.Errorf("%s after the exchange was over", what)
	}
	x.over = true
	x.mu.Unlock()
}

func (x serverSide) Read() ([]byte, error) { x.alive("Read"); return x.up.read() }

func (x serverSide) Send(m *protocol.Message, last bool) error {
	x.alive("Send")
	x.up.mu.Lock()
	err := x.up.now
	x.up.mu.Unlock()
	if err == nil {
		err = x.sendErr
	}
	if err != nil {
		return err
	}
	if x.respHead == nil {
		x.t.Error("Send before SendHead")
	}
	if last {
		x.t.Error("gRPC responses end with a trailer")
	}
	b, err := encoded(m)
	if err != nil {
		return err
	}
	x.data(b)
	return nil
}

func (x serverSide) Interrupt(cause error) { x.up.cut(cause) }

func (x serverSide) Reset(protocol.ResetCode, error) { x.t.Error("the server resets") }

func (x serverSide) Head() *protocol.Head {
	x.alive("Head")
	return x.head
}

func (x serverSide) Peer() *fairlead.Peer { x.alive("Peer"); return testPeer }

func (x serverSide) SetCall(c *fairlead.Call) {
	x.alive("SetCall")
	x.mu.Lock()
	x.call = c
	x.mu.Unlock()
}

func (x serverSide) HeaderLimit() int { return x.headerLimit }

func (x serverSide) Trailer() *protocol.Head { return nil }

func (x serverSide) Inform(int, *fairlead.Metadata) error {
	x.t.Error("gRPC has no interim responses")
	return nil
}

func (x serverSide) Expect(bool) { x.alive("Expect") }

func (x serverSide) SendHead(s protocol.Section) error {
	x.alive("SendHead")
	if x.respHead != nil {
		x.t.Error("SendHead twice")
	}
	x.sendHead(headFrom(s, "", nil), false)
	return nil
}

func (x serverSide) Reply(r *protocol.Reply) error {
	x.alive("Reply")
	if (x.respHead != nil) != r.Head.Empty() {
		x.t.Error("Reply with two heads, or none")
	}
	b, err := encoded(&r.Message)
	if !r.Head.Empty() {
		x.sendHead(headFrom(r.Head, "", nil), false)
	}
	if err != nil {
		return err
	}
	if x.sendErr != nil {
		return x.sendErr
	}
	x.data(b)
	x.finish("Reply")
	defer close(x.overCh)
	x.sendTrailer(headFrom(r.Trailer, "", nil))
	return nil
}

func (x serverSide) Finish(s protocol.Section) {
	x.finish("Finish")
	defer close(x.overCh)
	h := headFrom(s, "", nil)
	if x.respHead == nil {
		if h.Status == 0 {
			x.t.Error("a trailer without a head has no status")
		}
		x.sendHead(h, true)
		return
	}
	if h.Status != 0 {
		x.t.Error("a trailer has a status")
	}
	x.sendTrailer(h)
}

// sendHead, data and sendTrailer hand the response to the client.
func (x *exchange) sendHead(h *protocol.Head, end bool) {
	x.receiving.Lock()
	defer x.receiving.Unlock()
	x.mu.Lock()
	x.respHead, x.headEnds = h, end
	x.mu.Unlock()
	if x.receiver != nil && !x.ended {
		x.receiver.Head(h, end)
		if end {
			x.ended = true
			x.receiver.End(nil, nil)
		}
	}
	x.setReady()
	if end {
		x.down.end(nil)
	}
}

// setReady closes ready if it is not.
func (x *exchange) setReady() {
	x.mu.Lock()
	defer x.mu.Unlock()
	select {
	case <-x.ready:
	default:
		close(x.ready)
	}
}

func (x *exchange) data(b []byte) {
	x.receiving.Lock()
	defer x.receiving.Unlock()
	if x.receiver != nil && !x.ended {
		part := append([]byte(nil), b...)
		if !x.receiver.Data(part) {
			x.ended = true
			x.receiver.End(nil, nil)
		}
		for i := range part {
			part[i] = 0xEE
		}
	}
	x.down.push(b)
}

func (x *exchange) sendTrailer(h *protocol.Head) {
	x.receiving.Lock()
	defer x.receiving.Unlock()
	x.mu.Lock()
	x.trailer = h
	x.mu.Unlock()
	if x.receiver != nil && !x.ended {
		x.ended = true
		x.receiver.End(h, nil)
	}
	x.down.end(nil)
}

// fail breaks the exchange for both sides.
func (x *exchange) fail(f *protocol.Failure) {
	x.receiving.Lock()
	defer x.receiving.Unlock()
	if x.receiver != nil && !x.ended {
		x.ended = true
		x.receiver.End(nil, f)
	}
	x.down.end(f)
	x.up.end(f)
	x.mu.Lock()
	if x.call != nil {
		x.call.Wire().Cancel(f)
	}
	x.mu.Unlock()
	x.setReady()
}

// clientSide is the exchange as the client sees it.
type clientSide struct{ *exchange }

func (x clientSide) Read() ([]byte, error) { return x.down.read() }

func (x clientSide) Send(m *protocol.Message, last bool) error {
	x.down.mu.Lock()
	err := x.down.now
	if err == nil && x.down.ended {
		err = io.EOF
		if x.down.err != nil {
			err = x.down.err
		}
	}
	x.down.mu.Unlock()
	if err != nil {
		return err
	}
	if m != nil {
		b, err := encoded(m)
		if err != nil {
			return err
		}
		x.up.push(b)
	}
	if last {
		x.up.end(nil)
	}
	return nil
}

func (x clientSide) Finish(protocol.Section) error { return x.Send(nil, true) } // gRPC's requests have no trailer

func (x clientSide) Interrupt(cause error) { x.down.cut(cause) }

func (x clientSide) Reset(code protocol.ResetCode, cause error) {
	x.mu.Lock()
	x.down.mu.Lock()
	gone := x.gone || x.down.ended
	x.down.mu.Unlock()
	x.gone = true
	if !gone {
		x.reset = code
	}
	x.mu.Unlock()
	if gone {
		return
	}
	x.down.cut(cause)
	x.setReady()
	f := &protocol.Failure{Kind: protocol.FailedReset, Code: code}
	x.mu.Lock()
	if x.call != nil {
		x.call.Wire().Cancel(f)
	}
	x.mu.Unlock()
	x.up.end(f)
}

func (x clientSide) HeadReady() <-chan struct{} { return x.ready }

func (x clientSide) Head() (*protocol.Head, bool) {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.respHead, x.headEnds
}

func (x clientSide) Trailer() *protocol.Head {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.trailer
}

var testPeer = &fairlead.Peer{Addr: "pipe", Wire: "http/2"}

// conn is a protocol.HTTPConn whose other end is serve.
type conn struct {
	t      *testing.T
	serve  func(x *exchange, complete bool)
	full   bool
	broken error
	closed chan struct{}

	mu   sync.Mutex
	last *exchange
	all  map[protocol.Ticket]*exchange
	wg   sync.WaitGroup
}

func newConn(t *testing.T, serve func(x *exchange, complete bool)) *conn {
	c := &conn{t: t, serve: serve, closed: make(chan struct{}), all: make(map[protocol.Ticket]*exchange)}
	t.Cleanup(c.wg.Wait)
	return c
}

func (c *conn) start(req *protocol.Request, r protocol.Receiver) (*exchange, protocol.Ticket, error) {
	if c.full {
		return nil, 0, protocol.ErrFull
	}
	if c.broken != nil {
		return nil, 0, c.broken
	}
	head := protocol.Section{Block: req.Head, Extra: req.Extra, Base64: req.Base64}
	x := newExchange(c.t, headFrom(head, req.Name, req.Value))
	x.receiver = r
	if req.Message != nil {
		b, err := encoded(req.Message)
		if err != nil {
			return nil, 0, err
		}
		x.up.push(b)
	}
	if req.Last {
		x.up.end(nil)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.last = x
	ticket := protocol.Ticket(len(c.all) + 1)
	c.all[ticket] = x
	last := req.Last
	c.wg.Go(func() { c.serve(x, last) })
	return x, ticket, nil
}

func (c *conn) Do(req *protocol.Request, r protocol.Receiver) (protocol.Ticket, error) {
	if !req.Last {
		c.t.Error("Do without Last")
	}
	_, ticket, err := c.start(req, r)
	return ticket, err
}

func (c *conn) Cancel(ticket protocol.Ticket, code protocol.ResetCode) bool {
	c.mu.Lock()
	x := c.all[ticket]
	c.mu.Unlock()
	x.receiving.Lock()
	defer x.receiving.Unlock()
	if x.ended {
		return false
	}
	x.ended = true
	x.mu.Lock()
	x.reset = code
	if x.call != nil {
		x.call.Wire().Cancel(errors.New("reset by the client"))
	}
	x.mu.Unlock()
	x.up.end(&protocol.Failure{Kind: protocol.FailedReset, Code: code})
	return true
}

func (c *conn) Open(req *protocol.Request) (protocol.ClientExchange, error) {
	x, _, err := c.start(req, nil)
	if err != nil {
		return nil, err
	}
	return clientSide{x}, nil
}

func (c *conn) Peer() *fairlead.Peer    { return testPeer }
func (c *conn) Free() int               { return 7 }
func (c *conn) Freed() <-chan struct{}  { return nil }
func (c *conn) Drain()                  {}
func (c *conn) Close(error)             {}
func (c *conn) Closed() <-chan struct{} { return c.closed }
func (c *conn) Done() <-chan struct{}   { return c.closed }
func (c *conn) Err() error              { return io.ErrClosedPipe }

// served returns the serve function of a gRPC server.
func served(s *Server, d *dispatcher) func(*exchange, bool) {
	return func(x *exchange, complete bool) {
		x.head.Route = d.Lookup(x.head.Path)
		switch mode := s.Match(x.head); {
		case !mode.Takes():
			serverSide{x}.Finish(protocol.Section{Block: protocol.NewBlock(":status", "415")})
		case mode == protocol.Complete && complete:
			body, err := protocoltest.ReadAll(nil, halfPipe{serverSide{x}}, protocol.MaxWhole)
			if err != nil {
				x.up.mu.Lock()
				x.up.parts = append([][]byte{body, append([]byte(nil), x.up.last...)}, x.up.parts...)
				x.up.mu.Unlock()
				s.Stream(serverSide{x})
				return
			}
			task := s.Whole(serverSide{x}, body)
			for i := range body {
				body[i] = 0xEE
			}
			if task != nil {
				x.inRun = true
				_ = task.Cost().Inline()
				task.Run()
				x.inRun = false
			}
		default:
			s.Stream(serverSide{x})
		}
	}
}

// halfPipe is serverSide as a protocol.Pipe.
type halfPipe struct{ serverSide }

// attach makes a server for d.
func attach(t *testing.T, d *dispatcher) *Server {
	t.Helper()
	s := NewServer(&dialect)
	if err := s.Attach(d); err != nil {
		t.Fatal(err)
	}
	return s
}

// config is a client's configuration.
func config() *protocol.ClientConfig {
	return &protocol.ClientConfig{
		Codec: noteCodec{}, Authority: "notes.test", UserAgent: "test/1",
		RecvMessage: 1 << 20, SendMessage: 1 << 20, CompressMin: 100,
		Compressors: []compress.Compressor{gz{"gzip"}},
		Logger:      slog.New(slog.DiscardHandler),
	}
}

// bound is a method bound for a client, and its connection.
type bound struct {
	cc protocol.ClientConn
	b  protocol.Binding
}

func bindTo(t *testing.T, hc protocol.HTTPConn, m *fairlead.Method, cfg *protocol.ClientConfig) bound {
	t.Helper()
	cl := NewClient(&dialect)
	b, err := cl.Bind(m, cfg)
	if err != nil {
		t.Fatal(err)
	}
	return bound{cl.NewConn(hc, cfg), b}
}

// wantError checks code and part of the message of an error.
func wantError(t *testing.T, err error, code fairlead.Code, part string) {
	t.Helper()
	if got := fairlead.CodeOf(err); got != code {
		t.Errorf("got code %v, want %v: %v", got, code, err)
	}
	if err != nil && !strings.Contains(err.Error(), part) {
		t.Errorf("got error %q, want %q in it", err, part)
	}
}

// TestMain counts buffers: one that is not put back fails the tests, and one that is used afterwards is spoilt.
func TestMain(m *testing.M) {
	buffer.Count(true)
	code := m.Run()
	if n := buffer.Out(); n != 0 && code == 0 {
		fmt.Fprintf(os.Stderr, "%d buffers were not put back:\n%s", n, buffer.Leaks())
		code = 1
	}
	os.Exit(code) //nolint:forbidigo // this is main
}
