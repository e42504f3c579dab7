package rpcwire

import (
	"errors"
	"io"
	"log/slog"
	"testing"

	"github.com/fairlead-go/fairlead"
	"github.com/fairlead-go/fairlead/buffer"
	"github.com/fairlead-go/fairlead/codec"
	"github.com/fairlead-go/fairlead/compress"
	"github.com/fairlead-go/fairlead/protocol"
	"github.com/fairlead-go/fairlead/protocol/protocoltest"
)

// press is a compressor that puts a sign before what it is given, and cuts what is behind the tenth byte off, so that
// it makes messages shorter. It fails for messages that begin with its bad sign.
type press struct {
	compress.Compressor

	bad string // "error" or "panic": what it does
}

func (press) Name() string { return "press" }

func (p press) AppendCompress(dst, src []byte) ([]byte, error) {
	switch p.bad {
	case "error":
		return dst, errors.New("too odd")
	case "panic":
		panic("boom")
	}
	return append(append(dst, 'P'), src[:min(10, len(src))]...), nil
}

func (p press) AppendDecompress(dst, src []byte, limit int) ([]byte, error) {
	switch {
	case p.bad == "error":
		return dst, errors.New("too odd")
	case p.bad == "panic":
		panic("boom")
	case len(src) > limit:
		return dst, compress.ErrTooLarge
	}
	return append(dst, src...), nil
}

// odd is a codec that fails as told.
type odd struct {
	protocoltest.Codec

	bad string
}

func (o odd) fail() error {
	switch o.bad {
	case "error":
		return errors.New("too odd")
	case "panic":
		panic("boom")
	}
	return nil
}

func (o odd) AppendMarshal(dst []byte, m any) ([]byte, error) {
	if err := o.fail(); err != nil {
		return dst, err
	}
	return o.Codec.AppendMarshal(dst, m)
}

func (o odd) AppendSized(dst []byte, m any, _ int) ([]byte, error) { return o.AppendMarshal(dst, m) }

func (o odd) Unmarshal(src []byte, m any) error {
	if err := o.fail(); err != nil {
		return err
	}
	return o.Codec.Unmarshal(src, m)
}

func panics() *protocol.Panics {
	return protocol.NewPanics(fairlead.ClientSide, slog.New(slog.DiscardHandler))
}

// TestEncode: messages with a size and without, compressed and as they are; what fails leaves no buffer behind, which
// TestMain looks for.
func TestEncode(t *testing.T) {
	t.Parallel()
	long := note("a message of some length")
	tests := []struct {
		name   string
		codec  odd
		sized  bool
		anyOut bool
		press  *press
		min    int
		plain  bool
		limit  int
		v      any
		want   string // of Bytes; "": the message is left to its Sizer
		flags  uint8
		code   fairlead.Code
		text   string
	}{
		{name: "sized", sized: true, v: long},
		{name: "not sized", v: long, want: enc(long.Text)},
		{name: "sized, of any type", sized: true, anyOut: true, v: long, want: enc(long.Text)},
		{name: "of any type", anyOut: true, v: long, want: enc(long.Text)},
		{
			name: "of a wrong type", anyOut: true, v: new(int),
			code: fairlead.Internal, text: "msg cannot carry a message of type *int",
		},
		{name: "none", v: nil, code: fairlead.Internal, text: "there is no message to send"},
		{name: "raw", v: &fairlead.Raw{Data: []byte("raw")}, want: "raw"},
		{name: "raw of the codec", v: &fairlead.Raw{Data: []byte("raw"), Codec: "msg"}, want: "raw"},
		{
			name: "raw of another codec", v: &fairlead.Raw{Codec: "json"},
			code: fairlead.Internal, text: "encoded with json, the call with msg",
		},
		{
			name: "sized, compressed", sized: true, press: new(press), v: long,
			want: "P" + enc(long.Text)[:10], flags: FlagCompressed,
		},
		{
			name: "not sized, compressed", press: new(press), v: long,
			want: "P" + enc(long.Text)[:10], flags: FlagCompressed,
		},
		{name: "below the least", press: new(press), min: 100, v: long, want: enc(long.Text)},
		{
			name: "at the least", press: new(press), min: len(enc(long.Text)), v: long,
			want: "P" + enc(long.Text)[:10], flags: FlagCompressed,
		},
		{name: "plain", press: new(press), plain: true, v: long, want: enc(long.Text)},
		{name: "not shorter", press: new(press), v: note("short"), want: enc("short")},
		{
			name: "sized, too long", sized: true, limit: 24, v: long,
			code: fairlead.ResourceExhausted, text: "client.Send",
		},
		{name: "not sized, too long", limit: 24, v: long, code: fairlead.ResourceExhausted, text: "client.Send"},
		{name: "not too long", limit: 25, v: long, want: enc(long.Text)},
		{name: "sized, not too long", sized: true, limit: 25, v: long},
		{
			name: "the codec fails", codec: odd{bad: "error"}, v: long,
			code: fairlead.Internal, text: "cannot encode a message with msg: too odd",
		},
		{
			name: "the codec fails, sized", codec: odd{bad: "error"}, sized: true, press: new(press), v: long,
			code: fairlead.Internal, text: "cannot encode a message with msg: too odd",
		},
		{
			name: "the codec panics", codec: odd{bad: "panic"}, v: long,
			code: fairlead.Internal, text: "encoding with msg panicked",
		},
		{
			name: "the codec panics, sized", codec: odd{bad: "panic"}, sized: true, press: new(press), v: long,
			code: fairlead.Internal, text: "encoding with msg panicked",
		},
		{
			name: "the compressor fails", press: &press{bad: "error"}, v: long,
			code: fairlead.Internal, text: "cannot compress a message with press: too odd",
		},
		{
			name: "the compressor panics", press: &press{bad: "panic"}, v: long,
			code: fairlead.Internal, text: "encoding with msg panicked",
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var sizer codec.Sizer
			if tt.sized {
				sizer = tt.codec
			}
			m := NewMessages("msg", tt.codec, tt.codec, sizer, false, tt.anyOut)
			m.Panics = panics()
			limit := 1 << 20
			if tt.limit > 0 {
				limit = tt.limit
			}
			o := Outgoing{Limit: NewLimit(limit, "client", "client.Send"), CompressMin: tt.min, Plain: tt.plain}
			if tt.press != nil {
				o.Compressor = *tt.press
			}
			var p protocol.Message
			held, err := m.Encode(&p, tt.v, &o)
			wantError(t, err, tt.code, tt.text)
			if err == nil && (string(p.Bytes) != tt.want || p.Flags != tt.flags || !p.Envelope) {
				t.Errorf("got %q with the flags %d, want %q with %d", p.Bytes, p.Flags, tt.want, tt.flags)
			}
			if left := tt.want == "" && err == nil; left != (p.Value != nil && p.Sizer != nil) && err == nil {
				t.Errorf("left to its Sizer: %v, want %v", p.Value != nil, left)
			}
			if err != nil && held != nil {
				t.Error("there is a buffer beside the error")
			}
			buffer.Put(held)
		})
	}
}

// TestAppendSized: a message that was left to its Sizer, when that fails.
func TestAppendSized(t *testing.T) {
	t.Parallel()
	for bad, text := range map[string]string{
		"error": "cannot encode a message with msg: too odd", "panic": "encoding with msg panicked",
	} {
		m := NewMessages("msg", odd{bad: bad}, odd{bad: bad}, odd{bad: bad}, false, false)
		m.Panics = panics()
		_, err := m.AppendSized(nil, &protocol.Message{Value: note("a"), Sizer: odd{bad: bad}, Size: 2})
		wantError(t, err, fairlead.Internal, text)
	}
}

// TestDecode: what a codec fails at, and messages that stay as they are until they are asked for.
func TestDecode(t *testing.T) {
	t.Parallel()
	for bad, text := range map[string]string{
		"error": "cannot decode a message with msg: too odd", "panic": "decoding with msg panicked",
	} {
		m := NewMessages("msg", odd{bad: bad}, odd{}, nil, false, false)
		m.Panics = panics()
		wantError(t, m.Decode([]byte(enc("a")), new(protocoltest.Msg)), fairlead.Internal, text)
		if n := m.Panics.Count(); (n == 1) != (bad == "panic") {
			t.Errorf("%s: %d panics were counted", bad, n)
		}
	}
	m := NewMessages("msg", odd{}, odd{}, nil, true, false)
	raw := new(fairlead.Raw)
	data := []byte(enc("a"))
	if err := m.Decode(data, raw); err != nil {
		t.Fatal(err)
	}
	clear(data) // the message is a copy
	got := new(protocoltest.Msg)
	if err := raw.Decode(raw.Data, got); err != nil || got.Text != "a" || raw.Codec != "msg" {
		t.Errorf("got %v, %v of %q", got, err, raw.Codec)
	}
	wantError(t, m.Decode(data, new(int)), fairlead.Internal, "msg cannot carry a message of type *int")
}

// TestPlain: payloads as they came, and decompressed; what fails leaves no buffer behind.
func TestPlain(t *testing.T) {
	t.Parallel()
	lim := NewLimit(10, "client", "client.Recv")
	tests := []struct {
		name     string
		press    press
		flags    uint8
		encoding string
		payload  string
		code     fairlead.Code
		text     string
	}{
		{"as it came", press{}, 0, "", "payload", fairlead.OK, ""},
		{"as it came, of a compressed call", press{}, 0, "press", "payload", fairlead.OK, ""},
		{"compressed", press{}, FlagCompressed, "press", "payload", fairlead.OK, ""},
		{
			"compressed, says nothing", press{}, FlagCompressed, "", "payload",
			fairlead.Internal, "but enc says identity",
		},
		{
			"compressed, says identity", press{}, FlagCompressed, Identity, "payload",
			fairlead.Internal, "but enc says identity",
		},
		{
			"of another", press{}, FlagCompressed, "zip", "payload",
			fairlead.Internal, `enc "zip" is not supported; supported are identity,press`,
		},
		{"too long", press{}, FlagCompressed, "press", "a long payload", fairlead.ResourceExhausted, "client.Recv"},
		{
			"fails", press{bad: "error"}, FlagCompressed, "press", "payload",
			fairlead.Internal, "cannot decompress a message with press: too odd",
		},
		{
			"panics", press{bad: "panic"}, FlagCompressed, "press", "payload",
			fairlead.Internal, "decompressing with press panicked",
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			cs := NewCompressors("enc", tt.press)
			cs.Panics = panics()
			data, b, err := cs.Plain([]byte(tt.payload), tt.flags, tt.encoding, &lim)
			wantError(t, err, tt.code, tt.text)
			if err == nil && string(data) != tt.payload || err != nil && (data != nil || b != nil) {
				t.Errorf("got %q, %v", data, b)
			}
			if (b != nil) != (tt.flags != 0) && err == nil {
				t.Errorf("got the buffer %v", b)
			}
			buffer.Put(b)
		})
	}
}

// TestSendError makes a server's errors of what pipes return.
func TestSendError(t *testing.T) {
	t.Parallel()
	own := fairlead.Errorf(fairlead.DeadlineExceeded, "late")
	tests := []struct {
		name string
		err  error
		code fairlead.Code
		text string
	}{
		{"nothing", nil, fairlead.OK, ""},
		{"an Error", own, fairlead.DeadlineExceeded, "late"},
		{"a client that has gone", &protocol.Failure{Kind: protocol.FailedReset}, fairlead.Canceled, ""},
		{"a client that broke the rules", &protocol.Failure{Kind: protocol.FailedViolation}, fairlead.Internal, ""},
		{"a codec's", errors.New("too odd"), fairlead.Internal, "cannot encode a message: too odd"},
	}
	for _, tt := range tests {
		wantError(t, SendError(tt.err), tt.code, tt.text)
	}
	wantError(t, PeerError(io.ErrUnexpectedEOF), fairlead.Internal, "the body ends within a message")
	wantError(t, PeerError(errors.New("odd")), fairlead.Internal, "odd")
}
