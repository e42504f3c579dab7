package grpcweb_test

import (
	"context"
	"encoding/base64"
	"encoding/binary"
	"strings"
	"testing"

	"github.com/fairlead-go/fairlead"
	"github.com/fairlead-go/fairlead/protocol"
	"github.com/fairlead-go/fairlead/protocol/protocoltest"
)

// bare is a protocol whose connection is that of HTTP.
type bare struct{ hc protocol.HTTPConn }

func (*bare) Name() string { return "bare" }

func (*bare) Bind(*fairlead.Method, *protocol.ClientConfig) (protocol.Binding, error) {
	return struct{}{}, nil
}

func (b *bare) NewConn(hc protocol.HTTPConn, _ *protocol.ClientConfig) protocol.ClientConn {
	b.hc = hc
	return nil
}

// frame returns a message, or what else has a prefix, as it is in a body.
func frame(flags byte, payload string) string {
	b := binary.BigEndian.AppendUint32([]byte{flags}, uint32(len(payload)))
	return string(b) + payload
}

// msg returns a message of the suite's codec in its frame.
func msg(n int64, text string) string {
	b, _ := protocoltest.Codec{}.AppendMarshal(nil, &protocoltest.Msg{Text: text, N: n})
	return frame(0, string(b))
}

func b64(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) }

// padded returns each part of s, of n bytes, in base64 for itself.
func padded(s string, n int) string {
	var out strings.Builder
	for s != "" {
		part := s[:min(n, len(s))]
		out.WriteString(b64(part))
		s = s[len(part):]
	}
	return out.String()
}

// unpadded decodes base64 whose groups may be padded anywhere.
func unpadded(t *testing.T, s string) string {
	t.Helper()
	var out []byte
	for i := 0; i < len(s); i += 4 {
		b, err := base64.StdEncoding.DecodeString(s[i:min(i+4, len(s))])
		if err != nil {
			t.Fatalf("%q: %v", s, err)
		}
		out = append(out, b...)
	}
	return string(out)
}

// TestServer: what is in a response, byte for byte.
func TestServer(t *testing.T) { //nolint:paralleltest // TestSuite counts goroutines
	const (
		ok       = "grpc-status: 0\r\n"
		textType = "application/grpc-web-text+msg"
	)
	echo := protocoltest.Handlers{
		Unary: func(ctx context.Context, m *protocoltest.Msg) (*protocoltest.Msg, error) {
			c := fairlead.CallFrom(ctx)
			switch m.Text {
			case "metadata":
				c.ResponseHeader().Set("x-head", "1")
				c.ResponseTrailer().Set("x-tail", "2")
				c.ResponseTrailer().Set("x-tail-bin", "\x00\xff")
			case "fail":
				c.ResponseHeader().Set("x-head", "1")
				return nil, fairlead.Errorf(fairlead.NotFound, "no\nthing")
			case "bare":
				return nil, fairlead.Errorf(fairlead.NotFound, "nothing")
			case "refused":
				m.Text = protocoltest.Refused
			case "sent":
				if err := c.SendHeader(); err != nil {
					return nil, err
				}
			}
			return m, nil
		},
		Scatter: func(_ context.Context, m *protocoltest.Msg, out *fairlead.Outbound[protocoltest.Msg]) error {
			for i := range m.N {
				if err := out.Send(&protocoltest.Msg{Text: m.Text, N: i}); err != nil {
					return err
				}
			}
			if m.Text == "fail" {
				return fairlead.Errorf(fairlead.Aborted, "enough")
			}
			return nil
		},
	}
	network := serve(t, echo)
	zipped, err := zip().AppendCompress(nil, []byte("\x02"+strings.Repeat("z", 2000)))
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name, method string
		ct, accept   string // "": the binary form, and no field
		encoding     string
		body         string
		status       int // 0: 200
		wantType     string
		want         string            // the body, decoded if it is text
		head         map[string]string // some fields of the head
	}{
		{name: "unary", body: msg(1, "hi"), want: msg(1, "hi") + frame(0x80, ok)},
		{name: "text", ct: textType, body: b64(msg(1, "hi")), want: msg(1, "hi") + frame(0x80, ok)},
		{
			name: "text, padded in between", ct: textType, body: padded(msg(1, "hello"), 4),
			want: msg(1, "hello") + frame(0x80, ok),
		},
		{
			name: "binary, for text", accept: "application/grpc-web-text", body: msg(1, "hi"), wantType: textType,
			want: msg(1, "hi") + frame(0x80, ok),
		},
		{
			name: "text, for binary", ct: textType, accept: "*/*, application/grpc-web", body: b64(msg(1, "hi")),
			wantType: "application/grpc-web+msg", want: msg(1, "hi") + frame(0x80, ok),
		},
		{name: "any", ct: textType, accept: "*/*", body: b64(msg(1, "hi")), want: msg(1, "hi") + frame(0x80, ok)},
		{
			name: "metadata", body: msg(1, "metadata"), head: map[string]string{"x-head": "1"},
			want: msg(1, "metadata") + frame(0x80, ok+"x-tail: 2\r\nx-tail-bin: AP8\r\n"),
		},
		{
			name: "status alone", body: msg(1, "bare"),
			head: map[string]string{"grpc-status": "5", "grpc-message": "nothing", "content-length": "0"},
		},
		{
			name: "status alone, in text", ct: textType, body: b64(msg(1, "bare")),
			head: map[string]string{"grpc-status": "5", "grpc-message": "nothing"},
		},
		{
			name: "status and metadata", body: msg(1, "fail"), head: map[string]string{"x-head": "1"},
			want: frame(0x80, "grpc-status: 5\r\ngrpc-message: no%0Athing\r\n"),
		},
		{
			name: "not encoded", body: msg(1, "refused"),
			want: frame(0x80, "grpc-status: 13\r\ngrpc-message: cannot encode the response: "+
				"protocoltest: message refused by its codec\r\n"),
		},
		{
			name: "not encoded, in text", ct: textType, body: b64(msg(1, "refused")),
			want: frame(0x80, "grpc-status: 13\r\ngrpc-message: cannot encode the response: "+
				"protocoltest: message refused by its codec\r\n"),
		},
		{name: "head sent", body: msg(1, "sent"), want: msg(1, "sent") + frame(0x80, ok)},
		{
			name: "stream", method: "Scatter", body: msg(2, "hi"),
			want: msg(0, "hi") + msg(1, "hi") + frame(0x80, ok),
		},
		{
			name: "stream in text", method: "Scatter", ct: textType, body: padded(msg(2, "hi"), 5),
			want: msg(0, "hi") + msg(1, "hi") + frame(0x80, ok),
		},
		{
			name: "stream that fails", method: "Scatter", body: msg(1, "fail"),
			want: msg(0, "fail") + frame(0x80, "grpc-status: 10\r\ngrpc-message: enough\r\n"),
		},
		{name: "stream of nothing", method: "Scatter", body: msg(0, "hi"), head: map[string]string{"grpc-status": "0"}},
		{
			name: "bidirectional", method: "Chat", body: msg(1, "a") + msg(2, "b"),
			want: msg(1, "a") + msg(2, "b") + frame(0x80, ok),
		},
		{
			name: "compressed", encoding: "gzip", body: frame(1, string(zipped)),
			head: map[string]string{"grpc-encoding": "gzip"},
			want: frame(1, string(zipped)) + frame(0x80, ok),
		},
		{name: "malformed text", ct: textType, body: "AAA", head: map[string]string{"grpc-status": "13"}},
		{
			name: "malformed text of a stream", method: "Chat", ct: textType, body: "A===",
			head: map[string]string{"grpc-status": "13"},
		},
		{name: "no request", head: map[string]string{"grpc-status": "12"}},
		{name: "trailer frame in a request", body: frame(0x80, ok), head: map[string]string{"grpc-status": "13"}},
		{
			name: "other codec", ct: "application/grpc-web+json", body: msg(1, "hi"),
			wantType: "application/grpc-web", head: map[string]string{"grpc-status": "12"},
		},
		{
			name: "gRPC's type", ct: "application/grpc+msg", body: msg(1, "hi"), status: 415,
			wantType: "text/plain; charset=utf-8",
		},
	} {
		for version, opts := range versions {
			t.Run(tt.name+", "+version, func(t *testing.T) {
				b := new(bare)
				connect(t, network, b, config(protocoltest.Codec{}), opts...)
				t.Cleanup(func() { b.hc.Close(nil) })
				if tt.ct == "" {
					tt.ct = "application/grpc-web+msg"
				}
				if tt.wantType == "" {
					tt.wantType = tt.ct
				}
				if tt.method == "" {
					tt.method = "Unary"
				}
				req := &protocol.Request{
					Head: protocol.NewBlock(":scheme", "http", ":authority", "echo", "content-type", tt.ct),
					Verb: "POST", Path: "/" + protocoltest.ServiceName + "/" + tt.method,
					Message: &protocol.Message{Bytes: []byte(tt.body)}, Extra: new(fairlead.Metadata),
				}
				if tt.accept != "" {
					req.Extra.Append("accept", tt.accept)
				}
				if tt.encoding != "" {
					req.Extra.Append("grpc-encoding", tt.encoding)
					req.Extra.Append("grpc-accept-encoding", tt.encoding)
				}
				a := protocoltest.DoHTTP(t, b.hc, req)
				if want := max(tt.status, 200); a.Status != want || a.Fields["content-type"] != tt.wantType || a.Trailer != nil {
					t.Fatalf("got %d, type %q, trailer %v, want %d, %q and none",
						a.Status, a.Fields["content-type"], a.Trailer, want, tt.wantType)
				}
				if tt.status != 0 {
					return
				}
				if a.Fields["date"] == "" {
					t.Error("the head has no date")
				}
				body := a.Body
				if strings.HasPrefix(tt.wantType, "application/grpc-web-text") {
					body = unpadded(t, body)
				}
				if body != tt.want {
					t.Errorf("got the body %q, want %q", body, tt.want)
				}
				for k, v := range tt.head {
					if a.Fields[k] != v {
						t.Errorf("got %s %q, want %q", k, a.Fields[k], v)
					}
				}
			})
		}
	}
}
