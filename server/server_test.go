package server

import (
	"context"
	"crypto/tls"
	"errors"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/fairlead-go/fairlead"
	"github.com/fairlead-go/fairlead/codec"
	"github.com/fairlead-go/fairlead/protocol"
	"github.com/fairlead-go/fairlead/protocol/protocoltest"
	"github.com/fairlead-go/fairlead/transport/inproc"
)

func nothing(context.Context, *fairlead.Call) error { return nil }

// named is a codec for anything under another name.
type named struct {
	codec.Codec

	name string
}

func (n named) Name() string { return n.name }

func TestNewErrors(t *testing.T) {
	t.Parallel()
	type other struct{}
	wire, cdc := Protocol(newFakeWire("a", 'a')), Codec(protocoltest.Codec{})
	svc := Service(unaryImpl("s", "M", nothing))
	strange := fairlead.Implement(
		fairlead.NewService("s", "test", nil, fairlead.NewMethod[other, other](fairlead.Unary, "s", "Odd")), nothing)
	failing := newFakeWire("failing", 'f')
	failing.attach = errors.New("cannot serve that")
	cert := &tls.Config{Certificates: []tls.Certificate{{}}}
	tooMany := math.MaxInt32
	tooMany++ // below zero where an int has 32 bits
	tests := []struct {
		name string
		opts []Option
		want []string // parts of the error; none: no error
	}{
		{"good", []Option{wire, cdc, svc}, nil},
		{"nothing at all", nil, []string{"no Protocol", "no Codec"}},
		{"no service", []Option{wire, cdc}, []string{"no Service"}},
		{"a nil option", []Option{nil}, []string{"nil Option"}},
		{"two wires of a name", []Option{Protocol(failing), Protocol(newFakeWire("failing", 'f')), cdc, svc}, nil},
		{"a wire without a name", []Option{Protocol(newFakeWire("", 'a')), cdc, svc}, []string{"Protocol", "no name"}},
		{"a nil wire", []Option{Protocol(nil), cdc, svc}, []string{"Protocol: nil"}},
		{"a nil codec", []Option{wire, Codec(nil), svc}, []string{"Codec: nil"}},
		{"a nil compressor", []Option{wire, cdc, svc, Compressor(nil)}, []string{"Compressor: nil"}},
		{"a nil middleware", []Option{wire, cdc, svc, Use(nil)}, []string{"Use: nil"}},
		{"a nil gate", []Option{wire, cdc, svc, Admission(nil)}, []string{"Admission: nil"}},
		{"a nil logger", []Option{wire, cdc, svc, Logger(nil)}, []string{"Logger: nil"}},
		{"a wire that refuses", []Option{Protocol(failing), cdc, svc}, []string{"failing", "cannot serve that"}},
		{"a method twice", []Option{wire, cdc, svc, svc}, []string{"Service: s", "/s/M", "twice"}},
		{"no codec for a type", []Option{wire, cdc, Service(strange)}, []string{"no Codec", "/s/Odd", "msg", "other"}},
		{"a nil service", []Option{wire, cdc, Service(nil)}, []string{"Service: nil"}},
		{"a handler too few", []Option{wire, cdc, Service(&fairlead.Implementation{
			Service: unaryImpl("s", "M", nothing).Service,
		})}, []string{"1 methods and 0 handlers"}},
		{"a nil handler", []Option{wire, cdc, Service(unaryImpl("s", "M", nil))}, []string{"/s/M has no handler"}},
		{"a path without slash", []Option{wire, cdc, Service(fairlead.Implement(
			&fairlead.Service{Name: "s", Methods: []*fairlead.Method{{Name: "M", Path: "s/M"}}}, nothing,
		))}, []string{"s/M", "slash"}},
		{"a middleware that returns nil", []Option{wire, cdc, svc, Use(
			func(fairlead.Site, fairlead.Handler) fairlead.Handler { return nil },
		)}, []string{"/s/M", "Use"}},
		{"a middleware that cannot serve", []Option{wire, cdc, svc, Use(
			func(at fairlead.Site, next fairlead.Handler) fairlead.Handler {
				at.Fail(errors.New("no evaluator"))
				return next
			},
		)}, []string{"/s/M", "Use", "no evaluator"}},
		{"Listen without Transport", []Option{wire, cdc, svc, Listen(":1")}, []string{"Listen", "Transport"}},
		{"a bad address", []Option{wire, cdc, svc, Transport(inproc.New()), Listen("nowhere")},
			[]string{`Listen("nowhere")`, "host:port"}},
		{"a bad port", []Option{wire, cdc, svc, Transport(inproc.New()), Listen(":70000")},
			[]string{`Listen(":70000")`, "port"}},
		{"an address twice", []Option{wire, cdc, svc, Transport(inproc.New()), Listen("a:1"), Listen("a:1")},
			[]string{`Listen("a:1")`, "twice"}},
		{"any port twice", []Option{wire, cdc, svc, Transport(inproc.New()), Listen("a:0"), Listen("a:0")}, nil},
		{"a nil network", []Option{wire, cdc, svc, Transport(nil)}, []string{"Transport: nil"}},
		{"a compressor without a name", []Option{wire, cdc, svc, Compressor(zip(""))}, []string{"Compressor", "no name"}},
		{"a compressor of no compression", []Option{wire, cdc, svc, Compressor(zip("identity"))}, []string{"Compressor"}},
		{"no socket path", []Option{wire, cdc, svc, Transport(inproc.New()), Listen("unix:")},
			[]string{`Listen("unix:")`, "path"}},
		{"no abstract name", []Option{wire, cdc, svc, Transport(inproc.New()), Listen("unix-abstract:")},
			[]string{`Listen("unix-abstract:")`, "name"}},
		{"every number", []Option{
			wire, cdc, svc, MaxRecvMessage(0), MaxSendMessage(-1), MaxHeaderList(3), MaxStreams(0), MaxConnections(-1),
			MaxBytes(maxMaxBytes + 1), CompressMin(-1), HandshakeTimeout(0),
		}, []string{
			"MaxRecvMessage: 0", "MaxSendMessage: -1", "MaxHeaderList: 3", "MaxStreams: 0", "MaxConnections: -1",
			"MaxBytes: ", "CompressMin: -1", "HandshakeTimeout: 0s",
		}},
		{"numbers that are too high", []Option{
			wire, cdc, svc, MaxRecvMessage(tooMany), MaxSendMessage(tooMany), MaxHeaderList(16<<20 + 1),
			MaxStreams(1<<20 + 1), MaxConnections(tooMany), CompressMin(tooMany),
		}, []string{
			"MaxRecvMessage: ", "MaxSendMessage: ", "MaxHeaderList: 16777217", "MaxStreams: 1048577",
			"MaxConnections: ", "CompressMin: ",
		}},
		{"the highest numbers", []Option{
			wire, cdc, svc, MaxRecvMessage(math.MaxInt32), MaxSendMessage(math.MaxInt32), MaxHeaderList(16 << 20),
			MaxStreams(1 << 20), MaxConnections(math.MaxInt32), MaxBytes(maxMaxBytes), CompressMin(math.MaxInt32),
		}, nil},
		{"the lowest numbers", []Option{
			wire, cdc, svc, MaxRecvMessage(1), MaxSendMessage(1), MaxHeaderList(1 << 10), MaxStreams(1), MaxConnections(0),
			MaxBytes(1), CompressMin(0),
		}, nil},
		{"TLS nil", []Option{wire, cdc, svc, TLS(nil)}, []string{"TLS: nil"}},
		{"TLS without Listen", []Option{wire, cdc, svc, TLS(cert)}, []string{"TLS", "Listen"}},
		{"TLS without certificate", []Option{wire, cdc, svc, Transport(inproc.New()), Listen(":1"), TLS(&tls.Config{})},
			[]string{"TLS", "certificate"}},
		{"TLS too old", []Option{
			wire, cdc, svc, Transport(inproc.New()), Listen(":1"),
			TLS(&tls.Config{Certificates: []tls.Certificate{{}}, MinVersion: tls.VersionTLS11}),
		}, []string{"TLS", "MinVersion", "1.1"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s, err := New(tt.opts...)
			if (err == nil) != (len(tt.want) == 0) || (s == nil) != (err != nil) {
				t.Fatalf("got %v, %v; want an error: %v", s, err, len(tt.want) > 0)
			}
			for _, part := range tt.want {
				if !strings.Contains(err.Error(), part) {
					t.Errorf("got error %q, want %q in it", err, part)
				}
			}
		})
	}
}

func TestTLSConfig(t *testing.T) {
	t.Parallel()
	a, b := newFakeWire("a", 'a'), newFakeWire("b", 'b')
	a.alpn, b.alpn = []string{"h2", "http/1.1"}, []string{"h2", "thrift"}
	given := &tls.Config{Certificates: []tls.Certificate{{}}, NextProtos: []string{"own"}}
	s, err := New(Protocol(a, b), Codec(protocoltest.Codec{}), Service(unaryImpl("s", "M", nothing)),
		Transport(inproc.New()), Listen("h:1"), Listen("unix:///x"), Listen("unix:x"), Listen("unix-abstract:x"),
		TLS(given))
	if err != nil {
		t.Fatal(err)
	}
	for _, target := range s.cfg.targets {
		got := target.TLS
		if want := []string{"own", "h2", "http/1.1", "thrift"}; !slices.Equal(got.NextProtos, want) {
			t.Errorf("got NextProtos %q, want %q", got.NextProtos, want)
		}
		if got.MinVersion != tls.VersionTLS12 {
			t.Errorf("got MinVersion %x, want TLS 1.2", got.MinVersion)
		}
	}
	if given.MinVersion != 0 || len(given.NextProtos) != 1 {
		t.Errorf("the configuration given was changed: %v", given.NextProtos)
	}
	for i, want := range []string{"/x", "x", "@x"} {
		if got := s.cfg.targets[1+i]; got.Network != "unix" || got.Addr != want {
			t.Errorf("got target %v, want unix %s", got, want)
		}
	}
}

func TestRoutes(t *testing.T) {
	t.Parallel()
	var sites []fairlead.Site
	trace := func(tag string, into *[]string) fairlead.Middleware {
		return func(at fairlead.Site, next fairlead.Handler) fairlead.Handler {
			sites = append(sites, at)
			return func(ctx context.Context, c *fairlead.Call) error {
				*into = append(*into, tag)
				return next(ctx, c)
			}
		}
	}
	var order []string
	raw := fairlead.Implement(&fairlead.Service{Name: "r", Methods: []*fairlead.Method{
		{Service: "r", Name: "Raw", Path: "/r/Raw"},
	}}, nothing)
	s, err := New(Protocol(newFakeWire("a", 'a')),
		Codec(protocoltest.Codec{}, named{protocoltest.Codec{}, "unbound"}),
		Codec(named{protocoltest.Codec{}, "msg"}), // in the place of the first
		Service(unaryImpl("s", "M", nothing), raw),
		Use(trace("first", &order)), Use(trace("second", &order)))
	if err != nil {
		t.Fatal(err)
	}
	d := s.Dispatcher()
	var paths []string
	for r := range d.Routes() {
		paths = append(paths, r.Method.Path)
	}
	if want := []string{"/s/M", "/r/Raw"}; !slices.Equal(paths, want) {
		t.Errorf("got routes %q, want %q", paths, want)
	}
	r := d.Lookup("/s/M")
	if r == nil || d.Lookup("/s/N") != nil {
		t.Fatalf("got %v for a method, %v for none", r, d.Lookup("/s/N"))
	}
	if err := r.Handler(t.Context(), fairlead.NewServerCall(&fairlead.ServerCall{Method: r.Method})); err != nil {
		t.Fatal(err)
	}
	if want := []string{"first", "second"}; !slices.Equal(order, want) {
		t.Errorf("got order %q, want %q", order, want)
	}
	for _, at := range sites {
		if at.Side != fairlead.ServerSide || at.Method == nil {
			t.Errorf("got site %v", at)
		}
	}
	if got := r.Codec("msg"); got == nil || got.Req != codec.Codec(named{protocoltest.Codec{}, "msg"}) {
		t.Errorf("got codec %v, want the later one of the name", got)
	}
	if got := r.Codec("none"); got != nil {
		t.Errorf("got codec %v for an unknown name", got)
	}
	if got := d.Lookup("/r/Raw"); len(got.Codecs) != 2 {
		t.Errorf("got %d codecs for raw messages, want both", len(got.Codecs))
	}
}

func TestDefaults(t *testing.T) {
	t.Parallel()
	s, err := New(Protocol(newFakeWire("a", 'a')), Codec(protocoltest.Codec{}), Service(unaryImpl("s", "M", nothing)))
	if err != nil {
		t.Fatal(err)
	}
	got := *s.Dispatcher().Limits()
	got.Compressors = nil
	want := protocol.Limits{
		RecvMessage: 4 << 20, SendMessage: 1<<31 - 1, HeaderList: 64 << 10, Streams: 1000, CompressMin: 1024,
	}
	if got.RecvMessage != want.RecvMessage || got.SendMessage != want.SendMessage ||
		got.HeaderList != want.HeaderList || got.Streams != want.Streams ||
		got.CompressMin != want.CompressMin {
		t.Errorf("got %+v, want %+v", got, want)
	}
	if s.Dispatcher().Logger() == nil || s.Addr() != nil || len(s.Addrs()) != 0 {
		t.Errorf("got logger %v, address %v", s.Dispatcher().Logger(), s.Addr())
	}
	if err := s.Start(t.Context()); err == nil || !strings.Contains(err.Error(), "Listen") {
		t.Errorf("Start without Listen: got %v", err)
	}
}
