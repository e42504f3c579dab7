package grpcwire

import (
	"context"
	"errors"
	"io"
	"reflect"
	"strings"
	"testing"

	"github.com/fairlead-go/fairlead"
	"github.com/fairlead-go/fairlead/compress"
)

// TestSetSendCompressor has handlers choose how their responses are compressed.
func TestSetSendCompressor(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("long ", 100)
	zipped, err := gz{}.AppendCompress(nil, []byte(long))
	if err != nil {
		t.Fatal(err)
	}
	asks := []string{"grpc-encoding", "gzip", "grpc-accept-encoding", "identity,gzip"}
	takes := []string{"grpc-accept-encoding", "identity, gzip,other"}
	compressed, plain := frame(1, string(zipped)), frame(0, long)
	tests := []struct {
		name     string
		fields   []string
		body     []byte
		choose   string
		code     fairlead.Code // of SetSendCompressor
		want     string        // '!' before what is compressed
		encoding string
	}{
		{"not asked for", takes, plain, "gzip", fairlead.OK, "!" + long, "gzip"},
		{"another", takes, plain, "other", fairlead.OK, "!" + long, "other"},
		{"asked for", asks, compressed, "identity", fairlead.OK, long, ""},
		{"no compressor", takes, plain, "br", fairlead.Internal, long, ""},
		{"not accepted", asks, plain, "other", fairlead.FailedPrecondition, "!" + long, "gzip"},
		{"nothing is accepted", nil, plain, "gzip", fairlead.FailedPrecondition, long, ""},
		{"short", takes, frame(0, "hi"), "gzip", fairlead.OK, "hi", "gzip"},
	}
	for _, tt := range tests {
		for _, m := range []*fairlead.Method{mUnary, mRaw, mClient, mBidi} {
			t.Run(tt.name+"/"+m.Name, func(t *testing.T) {
				t.Parallel()
				d := newDispatcher()
				d.handle(m, func(_ context.Context, c *fairlead.Call) error {
					resp := c.Request()
					if m.Kind.ClientStreams() {
						resp = new(note)
						if err := c.Stream().Recv(resp); err != nil {
							return err
						}
					}
					if got, want := c.ReceivedCompressed(), tt.body[0] == 1; got != want {
						t.Errorf("ReceivedCompressed: got %v, want %v", got, want)
					}
					if err := c.SetSendCompressor(tt.choose); fairlead.CodeOf(err) != tt.code {
						t.Errorf("got %v, want %v", err, tt.code)
					}
					if m == mBidi {
						if err := c.Stream().Send(resp); err != nil {
							return err
						}
					} else {
						c.SetResponse(resp)
						if m.Kind == fairlead.ClientStreaming {
							return nil
						}
						if tt.code == fairlead.OK {
							return nil // without a header before
						}
						if err := c.SendHeader(); err != nil {
							return err
						}
					}
					if err := c.SetSendCompressor("identity"); fairlead.CodeOf(err) != fairlead.FailedPrecondition {
						t.Errorf("after the header: got %v, want FAILED_PRECONDITION", err)
					}
					return nil
				})
				x := raw{path: m.Path, fields: tt.fields, parts: [][]byte{tt.body}}.send(t, attach(t, d), d)
				if code, msg, _ := x.status(); code != "0" {
					t.Fatalf("got status %s %q", code, msg)
				}
				if got := x.messages(t); !reflect.DeepEqual(got, []string{tt.want}) {
					t.Errorf("got %.30q, want %.30q", got, tt.want)
				}
				// The head of a short unary response does not promise what is not there.
				if got := x.respHead.Fields.Get("grpc-encoding"); got != tt.encoding && (tt.name != "short" || got != "") {
					t.Errorf("got grpc-encoding %q, want %q", got, tt.encoding)
				}
			})
		}
	}
}

// TestCompressionOfEachMessage has both sides decide for each message of a stream, and see what the other has decided.
func TestCompressionOfEachMessage(t *testing.T) {
	t.Parallel()
	text := strings.Repeat("t", 1000)
	d := newDispatcher()
	var seen []bool
	d.handle(mBidi, func(_ context.Context, c *fairlead.Call) error {
		if err := c.SetSendCompressor("gzip"); err != nil {
			return err
		}
		for {
			var m note
			if err := c.Stream().Recv(&m); errors.Is(err, io.EOF) {
				return nil
			} else if err != nil {
				return err
			}
			seen = append(seen, c.ReceivedCompressed())
			c.SetCompress(!c.ReceivedCompressed()) // the other way round
			if err := c.Stream().Send(&m); err != nil {
				return err
			}
		}
	})
	hc := newConn(t, served(attach(t, d), d))
	b := bindTo(t, hc, mBidi, config())
	c := fairlead.NewCall(mBidi, nil, fairlead.WithCompressor("gzip"))
	// What a middleware has decided holds for attempts that it makes, and what arrives there is the caller's to see.
	c.SetCompress(false)
	again := c.Wire().Another()
	if err := b.cc.Open(t.Context(), b.b, again); err != nil {
		t.Fatal(err)
	}
	c.Wire().Adopt(again)
	for i, on := range []bool{false, true, true, false, true} {
		if i > 0 {
			c.SetCompress(on)
		}
		if err := c.Stream().Send(&note{text}); err != nil {
			t.Fatal(err)
		}
		var m note
		if err := c.Stream().Recv(&m); err != nil || m.Text != text {
			t.Fatalf("message %d: got %.10q, %v", i, m.Text, err)
		}
		if got := c.ReceivedCompressed(); got == on {
			t.Errorf("message %d: the client received it compressed: %v, want %v", i, got, !on)
		}
	}
	if err := c.Stream().CloseSend(); err != nil {
		t.Fatal(err)
	}
	if err := c.Stream().Recv(new(note)); err != io.EOF { //nolint:errorlint // Recv returns it bare
		t.Fatal(err)
	}
	if want := []bool{false, true, true, false, true}; !reflect.DeepEqual(seen, want) {
		t.Errorf("the server received them compressed: %v, want %v", seen, want)
	}
}

// TestCompressionOfUnary is the same for unary calls.
func TestCompressionOfUnary(t *testing.T) {
	t.Parallel()
	text := strings.Repeat("t", 1000)
	for _, request := range []bool{false, true} {
		for _, response := range []bool{false, true} {
			d := newDispatcher()
			d.handle(mUnary, func(_ context.Context, c *fairlead.Call) error {
				if got := c.ReceivedCompressed(); got != request {
					t.Errorf("the server received the request compressed: %v, want %v", got, request)
				}
				c.SetCompress(response)
				c.SetResponse(c.Request())
				return c.SetSendCompressor("gzip")
			})
			b := bindTo(t, newConn(t, served(attach(t, d), d)), mUnary, config())
			c := fairlead.NewCall(mUnary, &note{text}, fairlead.WithCompressor("gzip"))
			c.SetCompress(request)
			if err := b.cc.Unary(t.Context(), b.b, c); err != nil {
				t.Fatal(err)
			}
			if got := c.ReceivedCompressed(); got != response {
				t.Errorf("the client received the response compressed: %v, want %v", got, response)
			}
			if err := c.SetSendCompressor("gzip"); fairlead.CodeOf(err) != fairlead.Unimplemented {
				t.Errorf("SetSendCompressor of a client: got %v", err)
			}
		}
	}
}

// jammed is a compressor that cannot compress.
type jammed struct{ gz }

func (jammed) AppendCompress([]byte, []byte) ([]byte, error) { return nil, errors.New("jammed") }

// TestCompressorFails: a message that cannot be compressed is not sent, and its call says why.
func TestCompressorFails(t *testing.T) {
	t.Parallel()
	long := note{strings.Repeat("x", 1000)}
	for _, m := range []*fairlead.Method{mUnary, mServer, mBidi} {
		hc := newConn(t, reply{trailer: ok, parts: [][]byte{frame(0, "r")}}.serve)
		cfg := config()
		cfg.Compressor = jammed{gz{"gzip"}}
		b := bindTo(t, hc, m, cfg)
		c := fairlead.NewCall(m, &long)
		var err error
		if m == mUnary {
			err = b.cc.Unary(t.Context(), b.b, c)
		} else if err = b.cc.Open(t.Context(), b.b, c); err == nil {
			err = c.Stream().Send(&long)
			_ = c.Stream().Close()
		}
		wantError(t, err, fairlead.Internal, "cannot compress a message with gzip: jammed")

		d := newDispatcher()
		d.limits.Compressors = []compress.Compressor{jammed{gz{"gzip"}}}
		d.handle(m, func(_ context.Context, c *fairlead.Call) error {
			if err := c.SetSendCompressor("gzip"); err != nil {
				return err
			}
			if m == mUnary {
				c.SetResponse(&long)
				return nil
			}
			return c.Stream().Send(&long)
		})
		x := raw{
			path: m.Path, parts: [][]byte{frame(0, "q")}, fields: []string{"grpc-accept-encoding", "gzip"},
		}.send(t, attach(t, d), d)
		if code, text, _ := x.status(); code != "13" || !strings.Contains(text, "jammed") {
			t.Errorf("%s: got %s %q", m.Name, code, text)
		}
	}
}
