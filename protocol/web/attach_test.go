package web

import (
	"context"
	"crypto/tls"
	"errors"
	"log/slog"
	"math"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/fairlead-go/fairlead"
	"github.com/fairlead-go/fairlead/internal/http2"
	"github.com/fairlead-go/fairlead/protocol"
	"github.com/fairlead-go/fairlead/transport"
)

// TestConfig: what the options and the server's limits say is what the connections get, and the defaults are those that
// the options' comments name.
func TestConfig(t *testing.T) {
	t.Parallel()
	d := &dispatcher{
		limits: protocol.Limits{Streams: 7, HeaderList: 8, Guard: new(protocol.Guard), Panics: new(protocol.Panics)},
		logger: slog.New(slog.DiscardHandler),
	}
	common := http2.Config{
		MaxStreams: 7, HeaderList: 8, Guard: d.limits.Guard, Panics: d.limits.Panics, Logger: d.logger,
		QueuedBytes: 16 << 20, PingMin: 5 * time.Minute, ControlBudget: 10_000, FrameTimeout: 30 * time.Second,
	}
	for _, tt := range []struct {
		name string
		opts []ServerOption
		want func(c *http2.Config)
	}{
		{"defaults", nil, func(*http2.Config) {}},
		{"all", []ServerOption{
			ExtendedConnect(true), PingPolicy(time.Second, true), ControlBudget(200), FrameTimeout(time.Minute),
			QueuedBytes(1 << 20),
		}, func(c *http2.Config) {
			c.ExtendedConnect, c.PingMin, c.PingIdle, c.ControlBudget = true, time.Second, true, 200
			c.FrameTimeout, c.QueuedBytes = time.Minute, 1<<20
		}},
		{"the last one counts", []ServerOption{
			ExtendedConnect(true), PingPolicy(time.Second, true), ExtendedConnect(false), PingPolicy(0, false),
		}, func(c *http2.Config) { c.PingMin = 0 }},
	} {
		s := NewServer(&fixed{name: "a"}, tt.opts...)
		if err := s.Attach(d); err != nil {
			t.Errorf("%s: %v", tt.name, err)
		}
		want := common
		tt.want(&want)
		if s.cfg2 != want {
			t.Errorf("%s: got %+v, want %+v", tt.name, s.cfg2, want)
		}
	}
	c := NewClient(&caller{}).opts
	if c.queued != 16<<20 || c.budget != 10_000 || c.frameTimeout != 30*time.Second {
		t.Errorf("a client's defaults: got %+v", c)
	}
}

// TestBounds: the lowest and the highest value of each option is taken, and the next one beyond is not.
func TestBounds(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name      string
		set       func(n int) Option
		low, high int
	}{
		{"ControlBudget", ControlBudget, 100, math.MaxInt32},
		{"QueuedBytes", QueuedBytes, 64 << 10, math.MaxInt32},
		{"FrameTimeout", func(n int) Option { return FrameTimeout(time.Duration(n)) }, 0, math.MaxInt64},
	} {
		for _, n := range []int{tt.low - 1, tt.low, tt.low + 1, tt.high - 1, tt.high} {
			check(t, tt.name, n, tt.set(n), n < tt.low)
		}
		if tt.high < math.MaxInt64 {
			check(t, tt.name, tt.high+1, tt.set(tt.high+1), true)
		}
	}
	for _, d := range []time.Duration{-1, 0, 1} {
		err := NewServer(&fixed{name: "a"}, PingPolicy(d, false)).Attach(new(dispatcher))
		if (err != nil) != (d < 0) {
			t.Errorf("PingPolicy %v: got %v", d, err)
		}
	}
}

// check checks whether both sides take an option.
func check(t *testing.T, name string, n int, o Option, wrong bool) {
	t.Helper()
	for side, err := range map[string]error{
		"server": NewServer(&fixed{name: "a"}, o).Attach(new(dispatcher)),
		"client": NewClient(&caller{}, o).Check(),
	} {
		if (err != nil) != wrong || wrong && !strings.HasPrefix(err.Error(), "web: "+name+": ") {
			t.Errorf("%s of a %s, %d: got %v, want an error: %v", name, side, n, err, wrong)
		}
	}
}

// TestAttach: protocols are attached in order; what keeps one from it names it.
func TestAttach(t *testing.T) {
	t.Parallel()
	d := new(dispatcher)
	a, b, c := &fixed{name: "a"}, &fixed{name: "b"}, &fixed{name: "c"}
	s := NewServer(a, Protocol(b), Protocol(c))
	if err := s.Attach(d); err != nil {
		t.Fatal(err)
	}
	if got := []protocol.HTTP{a, b, c}; !slices.Equal(s.sel.apps, got) {
		t.Errorf("got the protocols %v", s.sel.apps)
	}
	for _, f := range []*fixed{a, b, c} {
		if f.attached != d {
			t.Errorf("%s is attached to %v", f.name, f.attached)
		}
	}
	if err := s.Attach(d); err == nil || !strings.Contains(err.Error(), "attached to a server already") {
		t.Errorf("attached twice: got %v", err)
	}
	bad := &fixed{name: "bad", err: errors.New("not today")}
	if err := NewServer(a, Protocol(bad)).Attach(d); !errors.Is(err, bad.err) || !strings.Contains(err.Error(), `"bad"`) {
		t.Errorf("got %v", err)
	}
	if err := NewServer(a, Protocol(&fixed{name: "a"})).Attach(d); err == nil {
		t.Error("two protocols of one name: got no error")
	}
	if s.Name() != "http" || !slices.Equal(s.ALPN(), []string{"h2", "http/1.1"}) {
		t.Errorf("got the name %q and ALPN %q", s.Name(), s.ALPN())
	}
}

// TestAddHTTP: a protocol that is added takes the place of the one with its name, and is otherwise asked last.
func TestAddHTTP(t *testing.T) {
	t.Parallel()
	a, b, c := &fixed{name: "a"}, &fixed{name: "b"}, &fixed{name: "c"}
	a2, b2 := &fixed{name: "a"}, &fixed{name: "b"}
	s := NewServer(a, Protocol(b))
	s.AddHTTP(c, b2, a2)
	if want := []protocol.HTTP{a2, b2, c}; !slices.Equal(s.opts.apps, want) {
		t.Errorf("got %v, want %v", s.opts.apps, want)
	}
	s.AddHTTP(nil)
	s.AddHTTP(&fixed{name: "d"}) // beside one that is nil
	if got := len(s.opts.apps); got != 5 {
		t.Errorf("got %d protocols, want 5", got)
	}
	if err := s.Attach(new(dispatcher)); err == nil || !strings.Contains(err.Error(), "a protocol is nil") {
		t.Errorf("got %v", err)
	}
}

// TestDetect: the wire knows HTTP/2 by its preface, and does not decide before it is complete.
func TestDetect(t *testing.T) {
	t.Parallel()
	s := new(Server)
	for n := range len(http2.Preface) {
		first := http2.Preface[:n]
		if got := s.Detect([]byte(first)); got != protocol.More {
			t.Errorf("%q: got %v, want More", first, got)
		}
		if got := s.Detect([]byte(first + "?")); got != protocol.No {
			t.Errorf("%q: got %v, want No", first+"?", got)
		}
	}
	for _, more := range []string{"", "\x00", http2.Preface} {
		if got := s.Detect([]byte(http2.Preface + more)); got != protocol.Yes {
			t.Errorf("the preface and %q: got %v, want Yes", more, got)
		}
	}
}

// caller is the client side of a protocol.
type caller struct {
	protocol.HTTPClient

	bound *fairlead.Method
	conn  protocol.ClientConn
}

func (*caller) Name() string { return "caller" }

func (c *caller) Bind(m *fairlead.Method, _ *protocol.ClientConfig) (protocol.Binding, error) {
	c.bound = m
	return "binding", nil
}

func (c *caller) NewConn(hc protocol.HTTPConn, _ *protocol.ClientConfig) protocol.ClientConn {
	hc.Close(nil)
	return c.conn
}

// choosy is a caller that cannot send some names.
type choosy struct{ caller }

var errName = errors.New("not this one")

func (*choosy) CheckName(name string) error {
	if name == "bad" {
		return errName
	}
	return nil
}

// TestClient: what the client asks of the wire it asks of its protocol.
func TestClient(t *testing.T) {
	t.Parallel()
	app := new(choosy)
	c := NewClient(app)
	if c.Name() != "caller" || !slices.Equal(c.ALPN(), []string{"h2"}) || c.Serial() {
		t.Errorf("got the name %q and ALPN %q", c.Name(), c.ALPN())
	}
	m := new(fairlead.Method)
	if b, err := c.Bind(m, nil); err != nil || b != "binding" || app.bound != m {
		t.Errorf("got %v and %v for %v", b, err, app.bound)
	}
	if err := c.CheckName("bad"); !errors.Is(err, errName) {
		t.Errorf("a bad name: got %v", err)
	}
	if err := c.CheckName("good"); err != nil {
		t.Errorf("a good name: got %v", err)
	}
	if err := NewClient(new(caller)).CheckName("bad"); err != nil {
		t.Errorf("a protocol that does not look at names: got %v", err)
	}
}

// deaf is a connection on which nothing can be written or read.
type deaf struct {
	transport.Conn

	info   transport.Info
	closed bool
}

func (c *deaf) Info() *transport.Info          { return &c.info }
func (*deaf) Peek(int) ([]byte, error)         { return nil, net.ErrClosed }
func (*deaf) Discard(int)                      {}
func (*deaf) Write([]byte) error               { return net.ErrClosed }
func (*deaf) SetReadDeadline(time.Time) error  { return nil }
func (*deaf) SetWriteDeadline(time.Time) error { return nil }

func (c *deaf) Close() error {
	c.closed = true
	return nil
}

// TestClientALPN: in TLS, HTTP/2 must have been agreed upon (RFC 9113, section 3.2), or the connection is closed.
func TestClientALPN(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name string
		info transport.Info
		want string
	}{
		{"nothing agreed", transport.Info{TLS: new(tls.ConnectionState)}, `(it chose "")`},
		{"HTTP/1.1", transport.Info{TLS: new(tls.ConnectionState), ALPN: "http/1.1"}, `(it chose "http/1.1")`},
		{"HTTP/2", transport.Info{TLS: new(tls.ConnectionState), ALPN: "h2"}, "web: 10.0.0.1:80: "},
		{"plaintext", transport.Info{}, "web: 10.0.0.1:80: "},
	} {
		tc := &deaf{info: tt.info}
		tc.info.Remote = &net.TCPAddr{IP: net.IPv4(10, 0, 0, 1), Port: 80}
		conn, err := NewClient(new(caller)).NewConn(context.Background(), tc, &protocol.ClientConfig{HeaderList: 1 << 16})
		if conn != nil || err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: got %v and %v, want %q", tt.name, conn, err, tt.want)
		}
		refused := strings.Contains(tt.want, "it chose")
		if refused != strings.Contains(err.Error(), "ALPN") || refused && !tc.closed {
			t.Errorf("%s: got %v, closed %v", tt.name, err, tc.closed)
		}
	}
}
