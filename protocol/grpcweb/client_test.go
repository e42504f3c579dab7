package grpcweb_test

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/fairlead-go/fairlead"
	"github.com/fairlead-go/fairlead/protocol"
	"github.com/fairlead-go/fairlead/protocol/grpcweb"
	"github.com/fairlead-go/fairlead/protocol/protocoltest"
	"github.com/fairlead-go/fairlead/protocol/web"
	"github.com/fairlead-go/fairlead/server"
	"github.com/fairlead-go/fairlead/transport/inproc"
)

// canned is a protocol that answers each request with the same response, in parts.
type canned struct {
	ct    string
	head  []string
	parts []string
}

func (*canned) Name() string                       { return "canned" }
func (*canned) Attach(protocol.Dispatcher) error   { return nil }
func (*canned) Match(*protocol.Head) protocol.Mode { return protocol.Streamed }
func (*canned) Deadline(*protocol.Head) time.Time  { return time.Time{} }

func (*canned) Whole(protocol.Exchange, []byte) protocol.Task { return nil }

func (c *canned) Stream(x protocol.Exchange) {
	for {
		if _, err := x.Read(); err != nil {
			break
		}
	}
	md := new(fairlead.Metadata)
	md.Append("content-type", c.ct)
	for i := 0; i < len(c.head); i += 2 {
		md.Append(c.head[i], c.head[i+1])
	}
	_ = x.SendHead(protocol.Section{Status: 200, Extra: md})
	for _, p := range c.parts {
		_ = x.Send(&protocol.Message{Bytes: []byte(p)}, false)
	}
	x.Finish(protocol.Section{})
}

// cuts returns a body in parts of n bytes; 0: in one.
func cuts(body string, n int) []string {
	if n == 0 {
		return []string{body}
	}
	var parts []string
	for body != "" {
		parts = append(parts, body[:min(n, len(body))])
		body = body[min(n, len(body)):]
	}
	return parts
}

// TestClient: what the client makes of responses, of unary calls and streams, in one part and byte by byte, in both
// forms.
func TestClient(t *testing.T) { //nolint:paralleltest // TestSuite counts goroutines
	const ok = "grpc-status: 0\r\n"
	zipped, err := zip().AppendCompress(nil, []byte("grpc-status:0\r\nx-tail: 2"))
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name string
		head []string
		body string
		code fairlead.Code
		text string // in the error
		want string // "": an error
		tail string // the trailer x-tail
	}{
		{name: "ok", body: msg(0, "hi") + frame(0x80, ok), want: "hi"},
		{name: "long", body: msg(0, strings.Repeat("x", 1000)) + frame(0x80, ok), want: strings.Repeat("x", 1000)},
		{
			name: "metadata", body: msg(0, "hi") + frame(0x80, "Grpc-Status:0\nX-Tail: \t2 \r\n\r\n"), want: "hi", tail: "2",
		},
		{
			name: "compressed trailer", head: []string{"grpc-encoding", "gzip"},
			body: msg(0, "hi") + frame(0x81, string(zipped)), want: "hi", tail: "2",
		},
		{
			name: "compressed by nothing", body: msg(0, "hi") + frame(0x81, string(zipped)), code: fairlead.Internal,
			text: "says identity",
		},
		{
			name: "error", body: frame(0x80, "grpc-status: 5\r\ngrpc-message: no%20one"), code: fairlead.NotFound,
			text: "no one",
		},
		{
			name: "error after the message", body: msg(0, "hi") + frame(0x80, "grpc-status: 5\r\n"), code: fairlead.NotFound,
		},
		{
			name: "status in the head", head: []string{"grpc-status", "5", "x-tail", "2"},
			code: fairlead.NotFound, tail: "2",
		},
		{
			name: "status in the head, and a body", head: []string{"grpc-status", "5"}, body: msg(0, "hi") + frame(0x80, ok),
			want: "hi",
		},
		{name: "no trailer", body: msg(0, "hi"), code: fairlead.Internal, text: "without sending trailers"},
		{name: "nothing", code: fairlead.Internal, text: "without sending trailers"},
		{
			name: "trailer cut off", body: msg(0, "hi") + frame(0x80, ok)[:10], code: fairlead.Internal,
			text: "without sending trailers",
		},
		{
			name: "more behind it", body: frame(0x80, ok) + msg(0, "hi"), code: fairlead.Internal,
			text: "behind the trailer frame",
		},
		{
			name: "two", body: frame(0x80, ok) + frame(0x80, ok), code: fairlead.Internal, text: "behind the trailer frame",
		},
		{name: "unknown flags", body: frame(0xc0, ok), code: fairlead.Internal, text: "unknown flags"},
		{name: "no status", body: msg(0, "hi") + frame(0x80, "x: y\r\n"), code: fairlead.Unknown, text: "grpc-status"},
		{name: "empty trailer", body: msg(0, "hi") + frame(0x80, ""), code: fairlead.Unknown, text: "grpc-status"},
		{name: "malformed line", body: frame(0x80, "grpc-status 0"), code: fairlead.Internal, text: "malformed line"},
		{name: "malformed name", body: frame(0x80, "grpc status: 0"), code: fairlead.Internal, text: "malformed line"},
		{
			name: "long trailer", body: frame(0x80, ok+"x: "+strings.Repeat("y", 20000)), code: fairlead.ResourceExhausted,
			text: "client.MaxHeaderList",
		},
		{name: "malformed metadata", body: frame(0x80, ok+"x-bin: #\r\n"), code: fairlead.Internal, text: "x-bin"},
	} {
		for form, size := range map[string]int{"binary": 0, "binary, byte by byte": 1, "text": 0, "text, byte by byte": 1} {
			for version, opts := range versions {
				t.Run(tt.name+"/"+form+", "+version, func(t *testing.T) {
					c := &canned{ct: "application/grpc-web+msg", head: tt.head, parts: cuts(tt.body, size)}
					client := grpcweb.NewClient()
					if strings.HasPrefix(form, "text") {
						c.ct, c.parts, client = "application/grpc-web-text+msg", cuts(padded(tt.body, 100), size), grpcweb.NewTextClient()
					}
					cfg := config(protocoltest.Codec{})
					network := canners(t, c)
					echo := protocoltest.NewEcho(protocoltest.ServiceName)
					for _, m := range []*fairlead.Method{echo.Unary, echo.Scatter} {
						wire, conn := connect(t, network, client, cfg, opts...)
						bind, err := wire.Bind(m, cfg)
						if err != nil {
							t.Fatal(err)
						}
						var got protocoltest.Msg
						call := fairlead.NewCall(m, new(protocoltest.Msg), fairlead.WithReply(&got))
						if m.Kind == fairlead.Unary {
							err = conn.Unary(t.Context(), bind, call)
						} else if err = conn.Open(t.Context(), bind, call); err == nil {
							for err == nil {
								err = call.Stream().Recv(&got)
							}
							if errors.Is(err, io.EOF) {
								err = nil
							}
						}
						if tt.want == "" {
							if err == nil || fairlead.CodeOf(err) != tt.code || !strings.Contains(err.Error(), tt.text) {
								t.Errorf("%s: got %v, want the code %v and %q", m.Name, err, tt.code, tt.text)
							}
						} else if err != nil || got.Text != tt.want {
							t.Errorf("%s: got %q, %v, want %q", m.Name, got.Text, err, tt.want)
						}
						if got := call.ResponseTrailer().Get("x-tail"); got != tt.tail {
							t.Errorf("%s: got x-tail %q, want %q", m.Name, got, tt.tail)
						}
					}
				})
			}
		}
	}
}

// TestForeign: a page is no response, and its words are in the error; malformed base64 is an error.
func TestForeign(t *testing.T) { //nolint:paralleltest // TestSuite counts goroutines
	for name, tt := range map[string]struct {
		ct, body, text string
		code           fairlead.Code
	}{
		"page":             {"text/html", "<p>try later", "try later", fairlead.Unknown},
		"gRPC":             {"application/grpc+msg", msg(0, "hi"), "unexpected content-type", fairlead.Unknown},
		"other codec":      {"application/grpc-web+json", msg(0, "hi"), `encoded with "json"`, fairlead.Internal},
		"not base64":       {"application/grpc-web-text+msg", "!", "base64", fairlead.Internal},
		"not whole base64": {"application/grpc-web-text+msg", "AAA", "base64", fairlead.Internal},
	} {
		t.Run(name, func(t *testing.T) {
			cfg := config(protocoltest.Codec{})
			wire, conn := connect(t, canners(t, &canned{ct: tt.ct, parts: []string{tt.body}}), grpcweb.NewClient(), cfg)
			echo := protocoltest.NewEcho(protocoltest.ServiceName)
			for _, m := range []*fairlead.Method{echo.Unary, echo.Scatter} {
				bind, err := wire.Bind(m, cfg)
				if err != nil {
					t.Fatal(err)
				}
				call := fairlead.NewCall(m, new(protocoltest.Msg), fairlead.WithReply(new(protocoltest.Msg)))
				if m.Kind == fairlead.Unary {
					err = conn.Unary(t.Context(), bind, call)
				} else if err = conn.Open(t.Context(), bind, call); err == nil {
					err = call.Stream().Recv(new(protocoltest.Msg))
				}
				if fairlead.CodeOf(err) != tt.code || !strings.Contains(err.Error(), tt.text) {
					t.Errorf("%s: got %v, want the code %v and %q", m.Name, err, tt.code, tt.text)
				}
			}
		})
	}
}

// canners serves one response at echo:1.
func canners(t *testing.T, c *canned) *inproc.Network {
	t.Helper()
	network := inproc.New()
	s, err := server.New(
		server.Protocol(web.NewServer(c)), server.Codec(protocoltest.Codec{}), server.Transport(network),
		server.Service(protocoltest.NewEcho(protocoltest.ServiceName).Implement(protocoltest.Handlers{})),
		server.Listen("echo:1"), server.Logger(slog.New(slog.DiscardHandler)),
	)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Shutdown(context.Background()) })
	return network
}
