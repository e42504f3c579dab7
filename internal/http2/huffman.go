package http2

import (
	"strings"

	"golang.org/x/net/http2/hpack"
)

// Huffman's code of HPACK (RFC 7541, section 5.2 and appendix B), decoded four bits at a time. Decoding it bit by bit
// through x/net was a quarter of the instructions of a call of 1 KiB whose deadline and metadata were so encoded, as
// those of other gRPC implementations are (3,900 of 16,400, callgrind).

// step is what four bits lead to: another node of the code's tree and, on the way, at most one symbol, since the
// shortest code has five bits.
type step struct {
	next   uint8
	symbol byte
	emits  bool
	fails  bool // the bits are no symbol: the end-of-string code is not to appear
}

// huffman is the code's tree. The 257 codes make 256 inner nodes; node 0 is the root.
type huffman struct {
	steps [256][16]step
	final [256]bool // a string may end here: what follows the last symbol is a part of EOS of less than a byte
}

// huffmanCode is built of x/net's encoder: eight times a symbol take as many bytes as its code has bits.
var huffmanCode = func() *huffman { //nolint:gochecknoglobals // a constant
	const (
		none  = -1
		first = 1 << 16 // leaves are first plus the symbol
		eos   = first + 256
	)
	children := [][2]int{{none, none}}
	add := func(code uint64, bits int, leaf int) {
		at := 0
		for i := bits - 1; i > 0; i-- {
			side := code >> i & 1
			if children[at][side] == none {
				children[at][side] = len(children)
				children = append(children, [2]int{none, none})
			}
			at = children[at][side]
		}
		children[at][code&1] = leaf
	}
	for c := range 256 {
		symbol := string([]byte{byte(c)})
		bits := int(hpack.HuffmanEncodeLength(strings.Repeat(symbol, 8)))
		var code uint64
		encoded := hpack.AppendHuffmanString(nil, symbol)
		for _, b := range encoded {
			code = code<<8 | uint64(b)
		}
		add(code>>(8*len(encoded)-bits), bits, first+c)
	}
	add(1<<30-1, 30, eos)

	h := new(huffman)
	for node := range children {
		for bits := range 16 {
			s, at := &h.steps[node][bits], node
			for i := 3; i >= 0; i-- {
				at = children[at][bits>>i&1]
				if at >= first {
					s.fails = s.fails || at == eos
					s.symbol, s.emits = byte(at-first), true
					at = 0
				}
			}
			s.next = uint8(at)
		}
	}
	for depth, at := 0, 0; depth < 8; depth++ {
		h.final[at] = true
		at = children[at][1]
	}
	return h
}()

// decode appends what b stands for to dst. It returns false if b is malformed.
func (h *huffman) decode(dst, b []byte) ([]byte, bool) {
	at := uint8(0)
	for _, c := range b {
		s := h.steps[at][c>>4]
		if s.emits {
			if s.fails {
				return dst, false
			}
			dst = append(dst, s.symbol)
		}
		s = h.steps[s.next][c&15]
		if s.emits {
			if s.fails {
				return dst, false
			}
			dst = append(dst, s.symbol)
		}
		at = s.next
	}
	return dst, h.final[at]
}
