package grpcweb

import (
	"bytes"
	"encoding/base64"
	"slices"
	"testing"

	"github.com/fairlead-go/fairlead"
	"github.com/fairlead-go/fairlead/internal/rpcwire"
	"github.com/fairlead-go/fairlead/protocol"
)

// parts cuts b after as many bytes as each byte of cuts says.
func parts(b, cuts []byte) [][]byte {
	var out [][]byte
	for _, n := range cuts {
		n := min(int(n), len(b))
		out, b = append(out, b[:n]), b[n:]
	}
	return append(out, b)
}

// FuzzText decodes text in parts: what encoding/base64 takes is taken, whatever the parts, and parts that were encoded
// for themselves are put together.
func FuzzText(f *testing.F) {
	f.Add([]byte("AAECAw=="), []byte{1, 2, 3})
	f.Add([]byte("AA==AQI=AAECAw=="), []byte{9})
	f.Add([]byte("A=AA"), []byte{})
	f.Add([]byte("AAA"), []byte{})
	f.Add([]byte("AA=A"), []byte{3})
	f.Fuzz(func(t *testing.T, in, cuts []byte) {
		decode := func(text []byte) ([]byte, error) {
			var d decoder
			var got []byte
			var err error
			for _, p := range parts(text, cuts) {
				if got, err = d.decode(got, p); err != nil {
					return nil, err
				}
			}
			return got, d.end()
		}
		var whole decoder
		want, err := whole.decode(nil, in)
		if err == nil {
			err = whole.end()
		}
		got, gotErr := decode(in)
		if (err == nil) != (gotErr == nil) || err == nil && !bytes.Equal(got, want) {
			t.Fatalf("%q in parts: got %q, %v, in one %q, %v", in, got, gotErr, want, err)
		}
		if !bytes.ContainsAny(in, "\r\n") {
			std, stdErr := base64.StdEncoding.DecodeString(string(in))
			if stdErr == nil && (err != nil || !bytes.Equal(want, std)) {
				t.Fatalf("%q: got %q, %v, want %q", in, want, err, std)
			}
		}
		var text []byte
		for _, p := range parts(in, cuts) {
			text = base64.StdEncoding.AppendEncode(text, p)
		}
		if got, err := decode(text); err != nil || !bytes.Equal(got, in) {
			t.Fatalf("%q: got %q, %v, want %q", text, got, err, in)
		}
	})
}

// FuzzSplitter separates a response's end from its messages: whatever the parts, the result is the same, and nothing is
// lost.
func FuzzSplitter(f *testing.F) {
	f.Add([]byte("\x00\x00\x00\x00\x02hi\x80\x00\x00\x00\x10grpc-status: 0\r\n"), []byte{1, 4, 5, 9})
	f.Add([]byte("\x80\x00\x00\x00\x00\x00"), []byte{5})
	f.Add([]byte("\x80\xff\xff\xff\xff"), []byte{2})
	f.Add([]byte("\x00\xff\xff\xff\xff\x80"), []byte{2})
	f.Fuzz(func(t *testing.T, in, cuts []byte) {
		split := func(ps [][]byte) (messages []byte, s splitter, err error) {
			s.limit = rpcwire.NewLimit(1000, "client", "x")
			for _, p := range ps {
				var m []byte
				m, err = s.messages(p)
				messages = append(messages, m...)
				if err != nil {
					return messages, s, err
				}
			}
			return messages, s, nil
		}
		want, one, err := split([][]byte{in})
		got, many, manyErr := split(parts(in, cuts))
		if (err == nil) != (manyErr == nil) || !bytes.Equal(got, want) || one.done != many.done {
			t.Fatalf("%q: got %q, %v, in one %q, %v", in, got, manyErr, want, err)
		}
		if err == nil && !bytes.HasPrefix(in, want) {
			t.Fatalf("%q: got the messages %q", in, want)
		}
		if cap(one.payload) > 4*len(in)+64 {
			t.Fatalf("%d bytes make %d", len(in), cap(one.payload))
		}
		accepted := rpcwire.NewCompressors("grpc-encoding")
		if h, err := one.head(accepted, ""); (h != nil) != (one.done && err == nil) {
			t.Fatalf("%q: got %v, %v", in, h, err)
		}
	})
}

// FuzzTrailer reads trailer frames, and what they have as it is written.
func FuzzTrailer(f *testing.F) {
	f.Add([]byte("grpc-status: 0\r\nx-bin: AA\r\n"))
	f.Add([]byte("Grpc-Status:5\ngrpc-message: no%20one"))
	f.Add([]byte(": x\r\n"))
	f.Fuzz(func(t *testing.T, payload []byte) {
		h, err := parseTrailer(payload)
		if err != nil {
			return
		}
		b := appendTrailer(nil, &protocol.Section{Extra: &h.Fields})
		again, err := parseTrailer(b[rpcwire.PrefixSize:])
		if err != nil || !slices.Equal(pairs(&again.Fields), pairs(&h.Fields)) {
			t.Fatalf("%q: got %v, %v, want %v", b, again, err, h.Fields)
		}
	})
}

func pairs(md *fairlead.Metadata) (out []string) {
	for k, v := range md.All() {
		out = append(out, k, v)
	}
	return out
}
