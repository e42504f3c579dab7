package http2

import (
	"bytes"
	"math/rand/v2"
	"testing"

	"golang.org/x/net/http2/hpack"
)

// TestHuffman holds the decoder against x/net's, on strings that it encodes and on bytes of any kind.
func TestHuffman(t *testing.T) {
	t.Parallel()
	rnd := rand.New(rand.NewPCG(1, 2)) //nolint:gosec // the same each time
	for range 20000 {
		plain := make([]byte, rnd.IntN(40))
		for i := range plain {
			plain[i] = byte(rnd.UintN(256))
		}
		got, ok := huffmanCode.decode(nil, hpack.AppendHuffmanString(nil, string(plain)))
		if !ok || !bytes.Equal(got, plain) {
			t.Fatalf("got %q, %v, want %q", got, ok, plain)
		}
		want, err := hpack.HuffmanDecodeToString(plain)
		got, ok = huffmanCode.decode(nil, plain)
		if ok != (err == nil) || ok && string(got) != want {
			t.Fatalf("%x: got %q, %v, want %q, %v", plain, got, ok, want, err)
		}
	}
	for _, tt := range []struct {
		name string
		in   []byte
	}{
		{"EOS", []byte{0xff, 0xff, 0xff, 0xff}},
		{"a byte of padding", append(hpack.AppendHuffmanString(nil, "a"), 0xff)},
		{"padding of zeros", []byte{0x18}},
	} {
		if got, ok := huffmanCode.decode(nil, tt.in); ok {
			t.Errorf("%s: got %q, want an error", tt.name, got)
		}
	}
}
