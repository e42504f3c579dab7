package websocket

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"
	gorilla "github.com/gorilla/websocket"

	"github.com/fairlead-go/fairlead"
	"github.com/fairlead-go/fairlead/internal/assert"
	"github.com/fairlead-go/fairlead/internal/leakcheck"
	"github.com/fairlead-go/fairlead/preset"
	"github.com/fairlead-go/fairlead/protocol/nethttp"
	"github.com/fairlead-go/fairlead/protocol/protocoltest"
	"github.com/fairlead-go/fairlead/server"
)

func TestMain(m *testing.M) {
	slog.SetDefault(slog.New(slog.DiscardHandler)) // presets log calls there
	leakcheck.Main(m)
}

// asJSON is a codec for the messages of tests.
type asJSON struct{}

func (asJSON) Name() string { return "json" }

func (asJSON) AppendMarshal(dst []byte, msg any) ([]byte, error) {
	b, err := json.Marshal(msg)
	return append(dst, b...), err
}

func (asJSON) Unmarshal(src []byte, msg any) error {
	if err := json.NewDecoder(bytes.NewReader(src)).Decode(msg); err != nil {
		return fairlead.Errorf(fairlead.InvalidArgument, "%w", err)
	}
	return nil
}

type msg = protocoltest.Msg

// service is a server's methods of all kinds, beside the preset's options.
func service() []server.Option {
	return []server.Option{
		server.Codec(asJSON{}, protocoltest.Codec{}),
		server.Service(protocoltest.NewEcho("test.Echo").Implement(protocoltest.Handlers{
			Unary: func(_ context.Context, m *msg) (*msg, error) {
				if m.Text == "fail" {
					return nil, fairlead.Errorf(fairlead.NotFound, "no %d", m.N)
				}
				return m, nil
			},
		})),
	}
}

// inNetHTTP serves by net/http until t ends, and returns the address.
func inNetHTTP(t *testing.T) string {
	t.Helper()
	opts, err := preset.ServerOptions()
	if err != nil {
		t.Fatal(err)
	}
	s, err := server.New(append(opts, service()...)...)
	if err != nil {
		t.Fatal(err)
	}
	h, err := nethttp.NewHandler(s)
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	hs := &http.Server{Handler: h, ReadHeaderTimeout: time.Minute}
	over := make(chan struct{})
	go func() {
		defer close(over)
		_ = hs.Serve(l)
	}()
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), assert.Patience(10*time.Second))
		defer cancel()
		if err := s.Shutdown(ctx); err != nil {
			t.Errorf("Shutdown: %v", err)
		}
		_ = hs.Close()
		<-over
	})
	return l.Addr().String()
}

// socket is a socket of a client under test.
type socket interface {
	send(asBinary bool, b []byte) error
	recv() (isBinary bool, b []byte, err error)
	// status returns the status of the Close frame that recv has failed with.
	status(err error) (code int, reason string)
	ping() error
	leave()
}

type coderSocket struct {
	ctx context.Context
	c   *websocket.Conn
}

func dialCoder(t *testing.T, url, subprotocol string) socket {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), assert.Patience(30*time.Second))
	t.Cleanup(cancel)
	//nolint:bodyclose // "You never need to close resp.Body yourself."
	c, _, err := websocket.Dial(ctx, url, &websocket.DialOptions{Subprotocols: []string{subprotocol}})
	if err != nil {
		t.Fatal(err)
	}
	c.SetReadLimit(1 << 24)
	if got := c.Subprotocol(); got != subprotocol {
		t.Errorf("got the subprotocol %q", got)
	}
	return coderSocket{ctx, c}
}

func (s coderSocket) send(asBinary bool, b []byte) error {
	typ := websocket.MessageText
	if asBinary {
		typ = websocket.MessageBinary
	}
	return s.c.Write(s.ctx, typ, b)
}

func (s coderSocket) recv() (bool, []byte, error) {
	typ, b, err := s.c.Read(s.ctx)
	return typ == websocket.MessageBinary, b, err
}

func (coderSocket) status(err error) (int, string) {
	var e websocket.CloseError
	if !errors.As(err, &e) {
		return 0, err.Error()
	}
	return int(e.Code), e.Reason
}

func (s coderSocket) ping() error {
	ctx, cancel := context.WithTimeout(s.ctx, assert.Patience(10*time.Second))
	defer cancel()
	reading := s.c.CloseRead(ctx) // Ping needs a reader
	_ = reading
	return s.c.Ping(ctx)
}

func (s coderSocket) leave() { _ = s.c.CloseNow() }

type gorillaSocket struct{ c *gorilla.Conn }

func dialGorilla(t *testing.T, url, subprotocol string) socket {
	t.Helper()
	d := &gorilla.Dialer{Subprotocols: []string{subprotocol}, HandshakeTimeout: assert.Patience(10 * time.Second)}
	c, resp, err := d.DialContext(t.Context(), url, nil)
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	if got := c.Subprotocol(); got != subprotocol {
		t.Errorf("got the subprotocol %q", got)
	}
	_ = c.SetReadDeadline(time.Now().Add(assert.Patience(30 * time.Second)))
	return gorillaSocket{c}
}

func (s gorillaSocket) send(asBinary bool, b []byte) error {
	typ := gorilla.TextMessage
	if asBinary {
		typ = gorilla.BinaryMessage
	}
	return s.c.WriteMessage(typ, b)
}

func (s gorillaSocket) recv() (bool, []byte, error) {
	typ, b, err := s.c.ReadMessage()
	return typ == gorilla.BinaryMessage, b, err
}

func (gorillaSocket) status(err error) (int, string) {
	var e *gorilla.CloseError
	if !errors.As(err, &e) {
		return 0, err.Error()
	}
	return e.Code, e.Text
}

func (s gorillaSocket) ping() error {
	got := make(chan string, 1)
	s.c.SetPongHandler(func(text string) error {
		got <- text
		return nil
	})
	if err := s.c.WriteControl(gorilla.PingMessage, []byte("there?"), time.Now().Add(time.Second)); err != nil {
		return err
	}
	go func() { _, _, _ = s.c.ReadMessage() }() // pongs come to a reader
	late := time.NewTimer(assert.Patience(10 * time.Second))
	defer late.Stop()
	select {
	case text := <-got:
		if text != "there?" {
			return fmt.Errorf("the pong has %q", text)
		}
		return nil
	case <-late.C:
		return fmt.Errorf("no pong came")
	}
}

func (s gorillaSocket) leave() { _ = s.c.Close() }

// TestClients: clients of others call methods of all kinds.
func TestClients(t *testing.T) {
	leakcheck.Check(t)
	for server, addr := range servers(t) {
		for client, dial := range map[string]func(*testing.T, string, string) socket{
			"coder": dialCoder, "gorilla": dialGorilla,
		} {
			t.Run(client+" and "+server, func(t *testing.T) {
				calls(t, func(t *testing.T, method, subprotocol string) socket {
					t.Helper()
					return dial(t, "ws://"+addr+"/test.Echo/"+method, subprotocol)
				})
			})
		}
	}
}

func calls(t *testing.T, dial func(t *testing.T, method, subprotocol string) socket) {
	long := strings.Repeat("x", 300_000)
	for _, tt := range []struct {
		method string
		send   []string
		want   []string
		code   int
	}{
		{"Unary", []string{`{"message":{"text":"a"}}`}, []string{`{"message":{"text":"a","n":0}}`, `{"end":{}}`}, 1000},
		{
			"Unary", []string{`{"message":{"text":"` + long + `"}}`},
			[]string{`{"message":{"text":"` + long + `","n":0}}`, `{"end":{}}`}, 1000,
		},
		{
			"Unary", []string{`{"header":{"a":"b"}}`, `{"message":{"text":"fail","n":7}}`},
			[]string{`{"end":{"error":{"code":"not_found","message":"no 7"}}}`}, 4005,
		},
		{
			"Scatter", []string{`{"message":{"text":"a","n":2}}`},
			[]string{`{"message":{"text":"a","n":0}}`, `{"message":{"text":"a","n":1}}`, `{"end":{}}`}, 1000,
		},
		{
			"Gather", []string{`{"message":{"n":1}}`, `{"message":{"n":2}}`, `{"end":true}`},
			[]string{`{"message":{"text":"","n":3}}`, `{"end":{}}`}, 1000,
		},
		{
			"Chat", []string{`{"message":{"text":"µ"}}`, `{"message":{"n":2}}`, `{"end":true}`},
			[]string{`{"message":{"text":"µ","n":0}}`, `{"message":{"text":"","n":2}}`, `{"end":{}}`}, 1000,
		},
	} {
		s := dial(t, tt.method, "fairlead.json")
		for _, m := range tt.send {
			if err := s.send(false, []byte(m)); err != nil {
				t.Fatal(err)
			}
		}
		for _, want := range tt.want {
			if isBinary, got, err := s.recv(); err != nil || isBinary || string(got) != want {
				t.Fatalf("%s: got %.200q, %v, want %.200q", tt.method, got, err, want)
			}
		}
		_, _, err := s.recv()
		if code, reason := s.status(err); code != tt.code {
			t.Errorf("%s: closed with %d %q, want %d", tt.method, code, reason, tt.code)
		}
		s.leave()
	}
	s := dial(t, "Chat", "fairlead.msg")
	for _, text := range []string{"a", "", long} {
		b := append(binary.BigEndian.AppendUint32([]byte{0}, uint32(len(text)+1)), 2)
		b = append(b, text...)
		if err := s.send(true, b); err != nil {
			t.Fatal(err)
		}
		if isBinary, got, err := s.recv(); err != nil || !isBinary || !bytes.Equal(got, b) {
			t.Fatalf("got %d bytes, %v", len(got), err)
		}
	}
	s.leave()
	s = dial(t, "Chat", "fairlead.json")
	if err := s.send(false, []byte(`{"header":{}}`)); err != nil {
		t.Fatal(err)
	}
	if err := s.ping(); err != nil {
		t.Error(err)
	}
	s.leave()
}

// TestNode: npm's ws calls a method of each kind.
func TestNode(t *testing.T) {
	leakcheck.Check(t)
	const check = "require('../foreign/testdata/node/node_modules/ws')"
	out, err := exec.CommandContext(t.Context(), "node", "-e", check).CombinedOutput()
	if err != nil {
		message := fmt.Sprintf("NOT TESTED against node, something is missing; run tools/foreign.sh: %v\n%s", err, out)
		if os.Getenv("CI") != "" || os.Getenv("FAIRLEAD_CI") != "" {
			t.Fatal(message)
		}
		t.Skip(message)
	}
	for server, addr := range servers(t) {
		out, err := exec.CommandContext(t.Context(), "node", "testdata/client.js", addr).CombinedOutput()
		if err != nil || !strings.HasSuffix(string(out), "ok\n") {
			t.Errorf("%s: %v\n%s", server, err, out)
		}
	}
}
