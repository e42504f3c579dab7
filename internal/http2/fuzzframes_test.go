package http2

import (
	"bytes"
	"encoding/binary"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/net/http2/hpack"
)

// script makes frames of a fuzzer's choices. It speaks for a client (request true) or for a server, mostly by the
// rules, so that what breaks them comes deep in a conversation.
type script struct {
	tape

	request bool
	r       *rig // nil: the frames are only collected
	out     []byte

	enc    *hpack.Encoder
	buf    bytes.Buffer
	newest uint32 // the next stream of a client
}

func newScript(r *rig, request bool, choices []byte) *script {
	sc := &script{tape: choices, request: request, r: r, newest: 1}
	sc.enc = hpack.NewEncoder(&sc.buf)
	if request {
		sc.out = append(sc.out, Preface...)
	}
	sc.frame(frameSettings, 0, 0, nil)
	return sc
}

func (sc *script) frame(typ frameType, flags uint8, id uint32, p []byte) {
	sc.out = append(appendFrameHeader(sc.out, len(p), typ, flags, id), p...)
}

// Dictionaries. The first of each is the usual one.
var (
	dictPaths = []string{
		"/fuzz.Texts/Unary", "/fuzz.Texts/Bidi", "/fuzz.Texts/Client", "/fuzz.Texts/Server", "/fuzz.Texts/None", "/",
		"*", "", "/fuzz.Texts/Unary?q=1", "fuzz",
	}
	dictMore = [][2]string{
		{"x-a", "b"}, {"x-bin", "AP8"}, {"x-bin", "!"}, {"grpc-timeout", "1S"}, {"grpc-timeout", "5m"},
		{"grpc-timeout", "0n"}, {"grpc-timeout", "99999999H"}, {"grpc-timeout", "tomorrow morning at eight"},
		{"grpc-encoding", "gzip"}, {"grpc-encoding", "identity"}, {"grpc-encoding", "zz"},
		{"grpc-accept-encoding", "gzip, identity"}, {"content-length", "12"}, {"content-length", "0"},
		{"content-length", "-1"}, {"connection", "close"}, {"te", "gzip"}, {"X-Up", "per"}, {"x-lf", "a\nb"},
		{":path", "/again"}, {":what", ""}, {":status", "200"}, {"grpc-status", "0"}, {"grpc-status", "5"},
		{"grpc-message", "a%20b%"}, {"grpc-status-details-bin", "CAUSA2Jhcg"}, {"grpc-status", "x"},
		{"content-type", "text/html"}, {"x-long", strings.Repeat("l", 3000)}, {"x-longer", strings.Repeat("l", 9000)},
		{"user-agent", "fuzz"}, {"cookie", "a=b"}, {"host", "fuzz"}, {"host", "other"}, {"grpc-timeout", "90S"},
		{"expect", "100-continue"}, {":protocol", "websocket"},
	}
	dictTexts  = []string{"hello", "", "wait", "slow", "fail", "big", "huge", "meta", "early", "goexit"}
	dictValues = []uint32{
		0, 1, 5, 100, 4096, defaultFrameSize, defaultWindow, 1 << 20, 1 << 24, maxWindow - defaultWindow, maxWindow,
		1 << 31, 1<<32 - 1,
	}
	dictTypes = []string{"application/grpc", "application/grpc+proto", "application/grpc+json", "application/json", ""}
)

func value(sc *script) uint32 { return dictValues[sc.pick(len(dictValues))] }

// id chooses a stream: 0 is the newest one, others lie before it or behind it.
func (sc *script) id() uint32 {
	if !sc.request {
		return uint32(sc.pick(20)) + 1 //nolint:gosec // small
	}
	back := uint32(sc.pick(12)) //nolint:gosec // small
	switch {
	case back < 8:
		return max(sc.newest, 2*back+3) - 2*back - 2
	default:
		return sc.newest + back - 8
	}
}

// open is the stream for a head: mostly a new one of a client, the first ones of a server.
func (sc *script) open() uint32 {
	if !sc.request {
		return 2*uint32(sc.pick(8)) + 1 //nolint:gosec // small
	}
	if n := sc.pick(16); n > 12 {
		return sc.id()
	}
	id := sc.newest
	sc.newest += 2
	return id
}

func (sc *script) field(name, value string) {
	_ = sc.enc.WriteField(hpack.HeaderField{Name: name, Value: value}) // to a buffer
}

// head makes the header block of a request or a response.
func (sc *script) head() []byte {
	sc.buf.Reset()
	if n := sc.pick(64); n >= 60 {
		sc.enc.SetMaxDynamicTableSize(value(sc))
	}
	if sc.request {
		sc.field(":method", []string{"POST", "POST", "POST", "GET", "CONNECT"}[sc.pick(5)])
		sc.field(":scheme", "http")
		sc.field(":path", dictPaths[sc.pick(len(dictPaths))])
		sc.field(":authority", "fuzz")
		sc.field("te", "trailers")
	} else {
		sc.field(":status", []string{"200", "200", "200", "103", "404", "99", "2000"}[sc.pick(7)])
	}
	sc.field("content-type", dictTypes[sc.pick(len(dictTypes))])
	sc.fields()
	return bytes.Clone(sc.buf.Bytes())
}

func (sc *script) fields() {
	for range sc.pick(4) {
		f := dictMore[sc.pick(len(dictMore))]
		sc.field(f[0], f[1])
	}
}

func (sc *script) trailer() []byte {
	sc.buf.Reset()
	if !sc.request {
		sc.field("grpc-status", []string{"0", "0", "5", "99", ""}[sc.pick(5)])
	}
	sc.fields()
	return bytes.Clone(sc.buf.Bytes())
}

// message is one with its prefix.
func (sc *script) message() []byte {
	text := dictTexts[sc.pick(len(dictTexts))]
	if n := sc.pick(32); n > 24 {
		text = strings.Repeat("x", 1<<(n-16)) // 512 to 32768
	}
	m := append([]byte{0x0a}, binary.AppendUvarint(nil, uint64(len(text)))...)
	m = append(m, text...)
	p := binary.BigEndian.AppendUint32([]byte{0}, uint32(len(m))) //nolint:gosec // short
	switch sc.pick(16) {
	case 13:
		p[0] = 1 // compressed, it says
	case 14:
		p[1] = 0xff // longer than it is
	case 15:
		p[4]++
	}
	return append(p, m...)
}

// data sends p in DATA frames.
func (sc *script) data(id uint32, p []byte, end bool) {
	size := []int{defaultFrameSize, 1, 7, 100, 8192}[sc.pick(5)]
	for {
		n := min(size, len(p))
		if size == 1 && len(p) > 40 {
			n = 40
		}
		var flags uint8
		if end && n == len(p) {
			flags = flagEndStream
		}
		sc.frame(frameData, flags, id, p[:n])
		if p = p[n:]; len(p) == 0 {
			return
		}
	}
}

// headers sends a block, perhaps in pieces.
func (sc *script) headers(id uint32, block []byte, end bool) {
	var flags uint8
	if end {
		flags = flagEndStream
	}
	switch how := sc.pick(16); {
	case how < 12:
		sc.frame(frameHeaders, flags|flagEndHeaders, id, block[:min(len(block), defaultFrameSize)])
	case how == 12: // padded, with a priority
		p := append([]byte{3, 0, 0, 0, 0, 16}, block[:min(len(block), 16000)]...)
		sc.frame(frameHeaders, flags|flagEndHeaders|flagPadded|flagPriority, id, append(p, 0, 0, 0))
	default:
		n := min(len(block), sc.pick(50))
		sc.frame(frameHeaders, flags, id, block[:n])
		if how == 15 {
			return // the rest is for the next frames to break
		}
		for block = block[n:]; len(block) > 1000; block = block[1000:] {
			sc.frame(frameContinuation, 0, id, block[:1000])
		}
		sc.frame(frameContinuation, flagEndHeaders, id, block)
	}
}

// step makes the next frames, or does something else.
func (sc *script) step() {
	switch sc.pick(32) {
	case 0, 1, 2, 3:
		sc.exchange()
	case 4, 5:
		sc.headers(sc.open(), sc.head(), sc.pick(4) == 3)
	case 6, 7:
		sc.data(sc.id(), sc.message(), sc.pick(2) == 1)
	case 8:
		sc.data(sc.id(), sc.part(), sc.pick(2) == 1)
	case 9:
		sc.headers(sc.id(), sc.trailer(), sc.pick(8) != 7)
	case 10:
		sc.frame(frameReset, 0, sc.id(), u32(value(sc)))
	case 11, 12:
		sc.frame(frameWindowUpdate, 0, sc.id(), u32(value(sc)))
	case 13:
		sc.frame(frameWindowUpdate, 0, 0, u32(value(sc)))
	case 14, 15:
		sc.settings()
	case 16:
		sc.ping()
	case 17:
		p := append(u32(sc.id()), u32(value(sc))...)
		sc.frame(frameGoaway, 0, 0, append(p, "bye"...))
	case 18:
		sc.frame(framePriority, 0, sc.id(), append(u32(sc.id()), 1))
	case 19:
		sc.frame(frameType(sc.next()), sc.next(), uint32(sc.pick(8)), sc.part())
	case 20: // padded DATA
		p := sc.part()
		pad := sc.next()
		sc.frame(frameData, flagPadded, sc.id(), append(append([]byte{pad}, p...), make([]byte, pad)...))
	case 21: // a bit that is not as it should be
		if n := len(sc.out); n > 0 {
			sc.out[n-1-min(n-1, sc.pick(64))] ^= 1 << sc.pick(8)
		}
	case 22, 23:
		sc.flush()
	case 24, 25:
		sc.flush()
		if sc.r != nil {
			sc.r.rest()
		}
	default:
		sc.act()
	}
}

// exchange is what a well-behaved peer does: a whole request, or a whole response.
func (sc *script) exchange() {
	id := sc.open()
	sc.headers(id, sc.head(), false)
	for range sc.pick(3) {
		sc.data(id, sc.message(), false)
	}
	if sc.request {
		sc.data(id, sc.message(), true)
	} else {
		sc.data(id, sc.message(), false)
		sc.headers(id, sc.trailer(), true)
	}
}

func (sc *script) settings() {
	if sc.pick(8) == 7 {
		sc.frame(frameSettings, flagAck, 0, nil)
		return
	}
	var p []byte
	for range 1 + sc.pick(3) {
		id := []uint16{
			settingInitialWindowSize, settingMaxFrameSize, settingHeaderTableSize, settingMaxStreams,
			settingMaxHeaderListSize, settingEnablePush, 99,
		}[sc.pick(7)]
		p = appendSetting(p, id, value(sc))
	}
	sc.frame(frameSettings, 0, 0, p)
}

func (sc *script) ping() {
	var flags uint8
	if sc.pick(2) == 1 {
		flags = flagAck
	}
	data := [][8]byte{{}, drainPing, bdpPing, alivePing}[sc.pick(4)]
	sc.frame(framePing, flags, 0, data[:])
}

// act does what is not a frame: time passes, the peer stops reading, the user of the connection does something.
func (sc *script) act() {
	r := sc.r
	if r == nil {
		return
	}
	sc.flush()
	switch sc.pick(8) {
	case 0:
		time.Sleep(time.Duration(sc.pick(256)) * time.Millisecond)
	case 1:
		r.w.hold(true)
	case 2:
		r.w.hold(false)
	case 3:
		time.Sleep(time.Duration(sc.pick(256)) * time.Second)
	case 4:
		if !sc.request {
			r.cc.Drain()
		} else {
			r.c.drain(sc.pick(2) == 1)
		}
	case 5, 6:
		if !sc.request && r.begun < 24 {
			r.call(sc.pick(16))
		}
	case 7:
		if n := len(r.cancels); n > 0 {
			r.cancels[sc.pick(n)]()
		}
	}
	synctest.Wait()
}

// flush sends what was made.
func (sc *script) flush() {
	if sc.r == nil {
		return
	}
	b := sc.out
	sc.out = nil
	sc.r.send(b)
}

// play makes all of the input frames and actions.
func (sc *script) play() {
	for n := 0; len(sc.tape) > 0 && n < 400; n++ {
		sc.step()
		if len(sc.out) > 48<<10 {
			sc.flush()
		}
	}
	sc.flush()
}

// FuzzServerFrames has a client of a fuzzer's choices talk to a server's connection.
func FuzzServerFrames(f *testing.F) {
	for _, s := range choices {
		for _, how := range []byte{0, 1, 2, 3, rigTimed, rigTimed | 3, 0x40, 0x80, 0xc0} {
			f.Add(how, []byte(s))
		}
	}
	f.Fuzz(func(t *testing.T, how byte, b []byte) {
		inBubble(t, func(t *testing.T) {
			r := newServerRig(t, int(how))
			newScript(r, true, b).play()
			r.rest()
			r.end(int(how))
		})
	})
}

// FuzzClientFrames has a server of a fuzzer's choices talk to a client's connection with calls under way.
func FuzzClientFrames(f *testing.F) {
	for _, s := range choices {
		for _, how := range []byte{0, 1, 2, 3, 0x40, 0x80, 0xc0} {
			f.Add(how, []byte(s))
		}
	}
	f.Fuzz(func(t *testing.T, how byte, b []byte) {
		inBubble(t, func(t *testing.T) {
			r := newClientRig(t)
			for kind := range 4 {
				r.call(kind)
			}
			newScript(r, false, b).play()
			r.rest()
			r.end(int(how))
		})
	})
}

// choices are conversations to begin with, as step reads them.
var choices = []string{
	"",
	// Exchanges: one after another, of each method, with each text.
	strings.Repeat("\x00", 40),
	"\x00\x00\x00\x00\x00\x00\x00\x01\x00\x00\x00" + strings.Repeat("\x00\x00\x00\x00\x01\x00\x00\x00\x00\x02", 6),
	"\x00\x00\x00\x00\x01\x00\x00\x00\x02\x05\x00\x00\x00\x06\x00\x00\x00\x07\x00\x00\x00",
	// A stream that is opened, fed, and reset; window; settings; ping.
	"\x04\x00\x00\x00\x01\x00\x00\x00\x06\x00\x00\x00\x00\x00\x18\x0a\x00\x08\x18",
	"\x0e\x00\x00\x00\x00\x04\x00\x00\x00\x01\x00\x00\x00\x06\x00\x05\x00\x00\x00\x18\x0b\x00\x06\x18\x0d\x06\x18",
	"\x10\x00\x00\x10\x01\x01\x10\x01\x02\x18",
	"\x1a\x01\x00\x00\x00\x00\x00\x00\x00\x00\x05\x00\x00\x00\x18\x1a\x02\x18",
	"\x1a\x04\x00\x18\x10\x01\x01\x18\x1a\x04\x01\x18",
	"\x11\x00\x00\x18\x00\x00\x00\x18",
	"\x1a\x05\x08\x1a\x05\x03\x1a\x07\x00\x18\x1a\x00\xff\x18",
	"\x04\x00\x00\x00\x00\x00\x00\x00\x1a\x03\x40\x15\x04\x03\x18",
	"\x04\x00\x00\x00\x00\x00\x00\x0f\x05\x07\x00\x00\x00\x00\x18",
}

// serverScripts are conversations as bytes, for the server's ear.
func serverScripts(testing.TB) [][]byte { return scripts(true) }

// clientScripts are conversations as bytes, for the client's ear.
func clientScripts(testing.TB) [][]byte { return scripts(false) }

func scripts(request bool) (all [][]byte) {
	for _, s := range choices {
		sc := newScript(nil, request, []byte(s))
		sc.play()
		all = append(all, sc.out)
	}
	return all
}

func u32(v uint32) []byte { return binary.BigEndian.AppendUint32(nil, v) }
