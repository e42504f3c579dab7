package ws

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/fairlead-go/fairlead/buffer"
	"github.com/fairlead-go/fairlead/internal/leakcheck"
)

func TestMain(m *testing.M) { leakcheck.Main(m) }

// frameOf makes a frame of a client. first is its first byte: FIN, reserved bits and opcode.
func frameOf(first byte, payload string) []byte {
	b := []byte{first}
	switch n := len(payload); {
	case n < 126:
		b = append(b, maskBit|byte(n))
	case n <= 0xffff:
		b = binary.BigEndian.AppendUint16(append(b, maskBit|126), uint16(n))
	default:
		b = binary.BigEndian.AppendUint64(append(b, maskBit|127), uint64(n))
	}
	key := [4]byte{0x11, 0x92, 0x53, 0xa4}
	b = append(b, key[:]...)
	for i := range len(payload) {
		b = append(b, payload[i]^key[i%4])
	}
	return b
}

const fin = finBit

func textFrame(s string) []byte   { return frameOf(fin|byte(opText), s) }
func binaryFrame(s string) []byte { return frameOf(fin|byte(opBinary), s) }
func pingFrame(s string) []byte   { return frameOf(fin|byte(opPing), s) }
func pongFrame(s string) []byte   { return frameOf(fin|byte(opPong), s) }
func closeFrame(code int, reason string) []byte {
	return frameOf(fin|byte(opClose), string(binary.BigEndian.AppendUint16(nil, uint16(code)))+reason)
}

// parts makes a message of several frames.
func parts(op opcode, pieces ...string) [][]byte {
	var frames [][]byte
	for i, p := range pieces {
		first := byte(opContinuation)
		if i == 0 {
			first = byte(op)
		}
		if i == len(pieces)-1 {
			first |= fin
		}
		frames = append(frames, frameOf(first, p))
	}
	return frames
}

// echo reads all frames, in pieces of n bytes, and sends messages back. It returns what was sent, and how much of the
// input was read when the socket was closed.
func echo(t *testing.T, input []byte, n, limit int) (sent []string, read int) {
	t.Helper()
	r := reader{limit: limit, grow: func(int) error { return nil }}
	r.source = func() ([]byte, error) {
		if read == len(input) {
			return nil, io.EOF
		}
		m := min(n, len(input)-read)
		part := slices.Clone(input[read : read+m])
		read += m
		return part, nil
	}
	r.control = func(op opcode, payload []byte) error {
		if op == opPing {
			sent = append(sent, "pong "+string(payload))
		}
		return nil
	}
	for {
		op, b, err := r.message()
		var c *closeError
		switch {
		case err == nil:
			what := "binary "
			if op == opText {
				what = "text "
			}
			if len(b.B) > 1000 {
				sent = append(sent, fmt.Sprint(what, len(b.B)))
			} else {
				sent = append(sent, what+string(b.B))
			}
			buffer.Put(b)
		case errors.As(err, &c):
			return append(sent, fmt.Sprint("close ", c.code)), read
		case errors.Is(err, io.EOF):
			return sent, read
		default:
			t.Fatal(err)
		}
	}
}

// TestFrames has the cases of Autobahn's test suite, by its numbers: sections 1 to 7, 9 and 10.
func TestFrames(t *testing.T) {
	t.Parallel()
	join := func(frames ...[]byte) []byte { return bytes.Join(frames, nil) }
	bye := closeFrame(1000, "")
	long := func(n int) string { return strings.Repeat("*", n) }
	chop := func(op opcode, s string, n int) []byte {
		var pieces []string
		for piece := range slices.Chunk([]byte(s), n) {
			pieces = append(pieces, string(piece))
		}
		return join(parts(op, pieces...)...)
	}
	type frameCase struct {
		name  string
		input []byte
		want  []string
	}
	cases := []frameCase{}
	for i, n := range []int{0, 125, 126, 127, 128, 65535, 65536} {
		sent := func(what string) string {
			if n > 1000 {
				return fmt.Sprint(what, n)
			}
			return what + long(n)
		}
		cases = append(cases,
			frameCase{
				fmt.Sprintf("1.1.%d text of %d bytes", i+1, n),
				join(textFrame(long(n)), bye), []string{sent("text "), "close 1000"},
			},
			frameCase{
				fmt.Sprintf("1.2.%d binary of %d bytes", i+1, n),
				join(binaryFrame(long(n)), bye), []string{sent("binary "), "close 1000"},
			},
		)
	}
	for op, name := range map[opcode]string{opText: "text", opBinary: "binary"} {
		section := map[opcode]int{opText: 1, opBinary: 2}[op]
		for i, n := range []int{64, 256, 1 << 10, 4 << 10, 16 << 10, 64 << 10, 256 << 10, 1 << 20, 4 << 20} {
			if i > 6 && n/64 > 1<<16 {
				continue
			}
			cases = append(cases, frameCase{
				fmt.Sprintf("9.%d.%d 4 MiB of %s in frames of %d bytes", section+2, i+1, name, n),
				join(chop(op, long(4<<20), n), bye), []string{fmt.Sprint(name, " ", 4<<20), "close 1000"},
			})
		}
		for i, n := range []int{64 << 10, 256 << 10, 1 << 20, 4 << 20, 8 << 20, 16 << 20} {
			cases = append(cases, frameCase{
				fmt.Sprintf("9.%d.%d %s of %d bytes", section, i+1, name, n),
				join(frameOf(fin|byte(op), long(n)), bye), []string{fmt.Sprint(name, " ", n), "close 1000"},
			})
		}
	}
	cases = append(cases, []frameCase{
		{"2.1 ping without a payload", join(pingFrame(""), bye), []string{"pong ", "close 1000"}},
		{"2.2 ping", join(pingFrame("Hello, world!"), bye), []string{"pong Hello, world!", "close 1000"}},
		{"2.3 binary ping", join(pingFrame("\x00\xff\xfe\xfd"), bye), []string{"pong \x00\xff\xfe\xfd", "close 1000"}},
		{"2.4 ping of 125 bytes", join(pingFrame(long(125)), bye), []string{"pong " + long(125), "close 1000"}},
		{"2.5 ping of 126 bytes", join(pingFrame(long(126)), bye), []string{"close 1002"}},
		{"2.7 pong that nobody asked for", join(pongFrame(""), bye), []string{"close 1000"}},
		{"2.8 pong with a payload", join(pongFrame("unsolicited"), bye), []string{"close 1000"}},
		{"2.9 pong, then ping", join(pongFrame("unsolicited"), pingFrame("p"), bye), []string{"pong p", "close 1000"}},
		{
			"2.10 ten pings", join(bytes.Repeat(pingFrame("p"), 10), bye),
			append(slices.Repeat([]string{"pong p"}, 10), "close 1000"),
		},

		{"3.1 reserved bits 1", join(frameOf(fin|0x10|byte(opText), "x"), bye), []string{"close 1002"}},
		{
			"3.2 reserved bits 2", join(textFrame("x"), frameOf(fin|0x20|byte(opText), "x"), pingFrame("")),
			[]string{"text x", "close 1002"},
		},
		{
			"3.3 reserved bits 3", join(textFrame("x"), frameOf(fin|0x30|byte(opText), "x"), pingFrame("")),
			[]string{"text x", "close 1002"},
		},
		{
			"3.4 reserved bits 4", join(textFrame("x"), frameOf(fin|0x40|byte(opText), "x"), pingFrame("")),
			[]string{"text x", "close 1002"},
		},
		{"3.5 reserved bits 5, binary", frameOf(fin|0x50|byte(opBinary), "x"), []string{"close 1002"}},
		{"3.6 reserved bits 6, ping", frameOf(fin|0x60|byte(opPing), "x"), []string{"close 1002"}},
		{"3.7 reserved bits 7, close", frameOf(fin|0x70|byte(opClose), ""), []string{"close 1002"}},
	}...)
	for i, op := range []byte{3, 4, 5, 6, 7, 11, 12, 13, 14, 15} {
		cases = append(cases, frameCase{
			fmt.Sprintf("4.%d.%d opcode %d", 1+i/5, i%5+1, op), join(textFrame("x"), frameOf(fin|op, ""), pingFrame("")),
			[]string{"text x", "close 1002"},
		})
	}
	ping := pingFrame("p")
	mixed := bytes.Join // frames, and what is between them
	two := parts(opText, "fragment1", "fragment2")
	cases = append(cases, []frameCase{
		{"5.1 ping in parts", join(parts(opPing, "a", "b")...), []string{"close 1002"}},
		{"5.2 pong in parts", join(parts(opPong, "a", "b")...), []string{"close 1002"}},
		{"5.3 text in parts", join(join(two...), bye), []string{"text fragment1fragment2", "close 1000"}},
		{
			"5.6 text in parts, a ping between", join(mixed(two, ping), bye),
			[]string{"pong p", "text fragment1fragment2", "close 1000"},
		},
		{"5.9 continuation of nothing", join(frameOf(fin, "x"), textFrame("x")), []string{"close 1002"}},
		{"5.12 continuation of nothing that goes on", join(frameOf(0, "x"), textFrame("x")), []string{"close 1002"}},
		{
			"5.15 continuation behind a message", join(join(two...), frameOf(0, "x"), textFrame("x")),
			[]string{"text fragment1fragment2", "close 1002"},
		},
		{"5.18 a message within a message", join(frameOf(byte(opText), "a"), textFrame("b")), []string{"close 1002"}},
		{
			"5.19 pings between five parts", join(mixed(parts(opText, "1", "2", "3", "4", "5"), ping), bye),
			append(slices.Repeat([]string{"pong p"}, 4), "text 12345", "close 1000"),
		},

		{"6.1.1 empty text", join(textFrame(""), bye), []string{"text ", "close 1000"}},
		{"6.1.2 empty parts", join(join(parts(opText, "", "", "")...), bye), []string{"text ", "close 1000"}},
		{
			"6.1.3 a part between empty ones", join(join(parts(opText, "", "middle", "")...), bye),
			[]string{"text middle", "close 1000"},
		},
		{"6.2.1 text", join(textFrame("Hello-µ@ßöäüàá-UTF-8!!"), bye), []string{"text Hello-µ@ßöäüàá-UTF-8!!", "close 1000"}},
		{"6.2.4 a byte a frame", join(chop(opText, "κόσμε", 1), bye), []string{"text κόσμε", "close 1000"}},
		{"6.3.1 a surrogate", join(textFrame("\xce\xba\xed\xa0\x80edited"), bye), []string{"close 1007"}},
		{"6.3.2 a surrogate, a byte a frame", chop(opText, "\xce\xba\xed\xa0\x80edited", 1), []string{"close 1007"}},
		{
			"6.4.1 above U+10FFFF, and no end", join(frameOf(byte(opText), "κόσμε"), frameOf(0, "\xf4\x90\x80\x80")),
			[]string{"close 1007"},
		},
		{"6.4.3 the same within a frame", textFrame("κόσμε\xf4\x90\x80\x80edited")[:25], []string{"close 1007"}},
	}...)
	for i, s := range []string{
		"κόσμε", "\x00", "\u0080", "\u0800", "\U00010000", "\x7f", "\u07ff", "\uffff", "\U0010ffff", "\ud7ff", "\ue000",
		"\ufffd", "\ufffe", "\U0001fffe",
	} {
		cases = append(
			cases, frameCase{fmt.Sprintf("6.5-6.23 text %d", i), join(textFrame(s), bye), []string{"text " + s, "close 1000"}},
		)
	}
	for i, s := range []string{
		"\xce", "\xce\xba\xe1", "\xce\xba\xe1\xbd", "\xf8\x88\x80\x80\x80", "\xfc\x84\x80\x80\x80\x80", "\xf7\xbf\xbf\xbf",
		"\xfb\xbf\xbf\xbf\xbf", "\xfd\xbf\xbf\xbf\xbf\xbf", "\xf4\x90\x80\x80", "\x80", "\xbf", "\x80\xbf", "\xc0 ", "\xe0 ",
		"\xf0 ", "\xf8 ", "\xfc ", "\xc0", "\xe0\x80", "\xf0\x80\x80", "\xfe", "\xff", "\xfe\xfe\xff\xff", "\xc0\xaf",
		"\xe0\x80\xaf", "\xf0\x80\x80\xaf", "\xc1\xbf", "\xe0\x9f\xbf", "\xf0\x8f\xbf\xbf", "\xc0\x80", "\xe0\x80\x80",
		"\xed\xa0\x80", "\xed\xbf\xbf", "\xed\xa0\x80\xed\xb0\x80",
	} {
		cases = append(
			cases, frameCase{fmt.Sprintf("6.6-6.21 not text %d", i), join(textFrame(s), bye), []string{"close 1007"}},
		)
	}
	cases = append(cases, []frameCase{
		{"7.1.1 text, then close", join(textFrame("x"), bye), []string{"text x", "close 1000"}},
		{"7.1.2 close twice", join(bye, bye), []string{"close 1000"}},
		{"7.1.3 close, then ping", join(bye, ping), []string{"close 1000"}},
		{"7.1.4 close, then text", join(bye, textFrame("x")), []string{"close 1000"}},
		{"7.1.5 close within a message", join(two[0], bye, two[1]), []string{"close 1000"}},
		{"7.3.1 close without a status", frameOf(fin|byte(opClose), ""), []string{"close 1000"}},
		{"7.3.2 half a status", frameOf(fin|byte(opClose), "a"), []string{"close 1002"}},
		{"7.3.3 a status", bye, []string{"close 1000"}},
		{"7.3.4 a reason", closeFrame(1000, "Hello World!"), []string{"close 1000"}},
		{"7.3.5 a reason of 123 bytes", closeFrame(1000, long(123)), []string{"close 1000"}},
		{"7.3.6 a reason of 124 bytes", closeFrame(1000, long(124)), []string{"close 1002"}},
		{"7.5.1 a reason that is not text", closeFrame(1000, "\xce\xba\xed\xa0\x80"), []string{"close 1007"}},
	}...)
	for _, code := range []int{1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 3000, 3999, 4000, 4999} {
		cases = append(
			cases, frameCase{fmt.Sprint("7.7 close with ", code), closeFrame(code, ""), []string{fmt.Sprint("close ", code)}},
		)
	}
	for _, code := range []int{0, 999, 1004, 1005, 1006, 1016, 1100, 2000, 2999, 5000, 65535} {
		cases = append(cases, frameCase{fmt.Sprint("7.9 close with ", code), closeFrame(code, ""), []string{"close 1002"}})
	}
	cases = append(cases, []frameCase{
		{
			"10.1.1 64 KiB in frames of 1300 bytes", join(chop(opText, long(65536), 1300), bye),
			[]string{"text 65536", "close 1000"},
		},

		{"not masked", []byte{fin | byte(opText), 1, 'x'}, []string{"close 1002"}},
		{
			"16 bits of length for 125", append([]byte{fin | byte(opText), maskBit | 126, 0, 125}, make([]byte, 129)...),
			[]string{"close 1002"},
		},
		{
			"64 bits of length for 65535",
			append([]byte{fin | byte(opText), maskBit | 127, 0, 0, 0, 0, 0, 0, 0xff, 0xff}, 0, 0, 0, 0),
			[]string{"close 1002"},
		},
		{"a length of 64 bits", []byte{fin | byte(opText), maskBit | 127, 0x80, 0, 0, 0, 0, 1, 0, 0}, []string{"close 1002"}},
		{
			"a message that is too long",
			join(frameOf(byte(opText), "x"), []byte{fin, maskBit | 127, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0}),
			[]string{"close 1009"},
		},
		{
			"empty frames without an end", join(frameOf(byte(opText), ""), bytes.Repeat(frameOf(0, ""), 5000)),
			[]string{"close 1008"},
		},
	}...)
	for _, tt := range cases {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			for _, n := range []int{1 << 20, 1000, 997, 1} {
				if n < 997 && len(tt.input) > 1<<17 || n < 1<<20 && len(tt.input) > 1<<20 {
					continue
				}
				if got, _ := echo(t, tt.input, n, 16<<20); !slices.Equal(got, tt.want) {
					t.Errorf("%d bytes at a time: got %.200q, want %.200q", n, got, tt.want)
				}
			}
		})
	}
}

// TestFailFast: text that is not UTF-8 ends the socket with the byte that makes it so, before the frame has come.
func TestFailFast(t *testing.T) {
	t.Parallel()
	input := textFrame("κόσμε\xf4\x90\x80\x80" + strings.Repeat("x", 50))
	got, read := echo(t, input, 1, 1000)
	if want := 6 + len("κόσμε") + 2; !slices.Equal(got, []string{"close 1007"}) || read != want {
		t.Errorf("got %q after %d bytes, want it after %d", got, read, want)
	}
}

// TestClose: the reason of a Close frame is cut between characters.
func TestClose(t *testing.T) {
	t.Parallel()
	for _, reason := range []string{
		"", "short", strings.Repeat("x", 200), strings.Repeat("ö", 100), strings.Repeat("€", 50),
	} {
		b := appendClose(nil, 4003, reason)
		got := string(b[4:])
		if len(b)-2 > maxControl || int(b[1]) != len(b)-2 || !utf8.ValidString(got) || !strings.HasPrefix(reason, got) ||
			len(got) < min(len(reason), maxReason-2) {
			t.Errorf("%q: got %q", reason, b)
		}
	}
}

// FuzzFrames: no input makes the reader panic, or hold more than it got; the pieces in which it comes do not matter.
func FuzzFrames(f *testing.F) {
	f.Add(textFrame("hello"), uint8(1))
	f.Add(bytes.Join(parts(opText, "a", "b"), pingFrame("p")), uint8(3))
	f.Add(closeFrame(1000, "bye"), uint8(2))
	f.Add([]byte{fin | byte(opBinary), maskBit | 127, 0, 0, 0, 0, 0, 1, 0, 0, 1, 2, 3, 4}, uint8(5))
	f.Fuzz(func(t *testing.T, input []byte, n uint8) {
		whole, _ := echo(t, input, max(len(input), 1), 1<<16)
		got, _ := echo(t, input, int(n)+1, 1<<16)
		if !slices.Equal(got, whole) {
			t.Errorf("in pieces of %d bytes: got %q, want %q", n, got, whole)
		}
	})
}

// FuzzMessages: no message makes the parser panic, and what it takes for a message of the method is what stands in it.
func FuzzMessages(f *testing.F) {
	for _, s := range []string{
		`{"message":{"a":1}}`, ` { "message" : null } `, `{"message":`, `{"message":}`, `{"message":1},{"x":2}`,
		`{"end":true}`, `{"header":{"a":["b"]}}`, `{"timeout_ms":5}`, `{}`, `[]`,
		"\x00\x00\x00\x00\x01a", "\x02\x00\x00\x00\x00", "\x80\x00\x00\x00\x02{}",
	} {
		f.Add([]byte(s), true)
		f.Add([]byte(s), false)
	}
	f.Fuzz(func(t *testing.T, input []byte, text bool) {
		m, err := parse(text, &buffer.Buf{B: slices.Clone(input)})
		if err != nil || m.kind != kindMessage {
			return
		}
		n := binary.BigEndian.Uint32(m.envelope[1:])
		if m.envelope[0] != 0 || int(n) != len(m.envelope)-5 || !bytes.Contains(input, m.envelope[5:]) {
			t.Errorf("%q: got the envelope %q", input, m.envelope)
		}
	})
}
