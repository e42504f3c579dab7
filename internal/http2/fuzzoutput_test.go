package http2

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"

	"golang.org/x/net/http2/hpack"
)

// rawFrame is a frame as it stands in a stream of bytes.
type rawFrame struct {
	typ     frameType
	flags   uint8
	id      uint32
	payload []byte
}

func (f *rawFrame) has(flag uint8) bool { return f.flags&flag != 0 }

func (f *rawFrame) String() string {
	return fmt.Sprintf("type %d flags 0x%x stream %d, %d bytes: %.60x", f.typ, f.flags, f.id, len(f.payload), f.payload)
}

// rawFrames takes a conversation's one side apart; cut says that the last frame is not complete.
func rawFrames(b []byte) (all []rawFrame, cut bool) {
	b = bytes.TrimPrefix(b, []byte(Preface))
	for len(b) >= frameHeaderLen {
		n := int(b[0])<<16 | int(b[1])<<8 | int(b[2])
		cut = n > len(b)-frameHeaderLen
		n = min(n, len(b)-frameHeaderLen)
		id := binary.BigEndian.Uint32(b[5:]) & maxWindow
		all = append(all, rawFrame{frameType(b[3]), b[4], id, b[frameHeaderLen : frameHeaderLen+n]})
		b = b[frameHeaderLen+n:]
	}
	return all, cut || len(b) > 0
}

// listing is a conversation's one side for a person.
func listing(b []byte) string {
	var text strings.Builder
	all, _ := rawFrames(b)
	for i := range all {
		text.WriteString("\n\t" + all[i].String())
	}
	return text.String()
}

// allowance is what the script allows the engine at most.
type allowance struct {
	conn, initial   int64
	stream          map[uint32]int64
	settings, pings int
	frame           int
	lax             map[uint32]bool // streams with a PRIORITY, which is answered by a reset when it is malformed
}

func allowed(script []byte) allowance {
	a := allowance{
		conn: defaultWindow, initial: defaultWindow, frame: defaultFrameSize,
		stream: make(map[uint32]int64), lax: make(map[uint32]bool),
	}
	all, _ := rawFrames(script)
	for _, f := range all {
		p := f.payload
		switch {
		case f.typ == frameWindowUpdate && len(p) >= 4:
			a.stream[f.id] += int64(binary.BigEndian.Uint32(p) & maxWindow)
		case f.typ == framePriority:
			a.lax[f.id] = true
		case f.typ == framePing:
			a.pings++
		case f.typ == frameSettings && !f.has(flagAck):
			a.settings++
			for ; len(p) >= 6; p = p[6:] {
				v := binary.BigEndian.Uint32(p[2:])
				switch binary.BigEndian.Uint16(p) {
				case settingInitialWindowSize:
					a.initial = max(a.initial, int64(v))
				case settingMaxFrameSize:
					a.frame = max(a.frame, int(min(v, maxFrameSizeLimit)))
				}
			}
		}
	}
	a.conn += a.stream[0]
	return a
}

// errOutput is a rule of RFC 9113 that the engine has broken.
var errOutput = errors.New("against RFC 9113")

func broken(format string, args ...any) error {
	return fmt.Errorf("%w: %w", errOutput, fmt.Errorf(format, args...))
}

// reading reads what the engine has written, as a peer does that gives it windows as large as they ever were.
type reading struct {
	allowance

	client  bool // the engine is
	dec     *hpack.Decoder
	block   []byte // a header block that goes on
	first   rawFrame
	streams map[uint32]*sentStream
	data    int64
	acks    int
	pongs   int
	resets  int
}

type sentStream struct {
	heads        int
	ended, reset bool
	data         int64
}

// checkOutput says what is wrong with what the engine wrote in answer to a script.
func checkOutput(script, out []byte, client bool) error {
	if client && len(out) > 0 && !bytes.HasPrefix(out, []byte(Preface)) {
		return broken("no preface: %q", out[:min(len(out), 30)])
	}
	rd := &reading{
		allowance: allowed(script), client: client, dec: hpack.NewDecoder(decoderTableSize, nil),
		streams: make(map[uint32]*sentStream),
	}
	all, cut := rawFrames(out)
	if cut {
		return broken("the last frame is not complete")
	}
	for i := range all {
		f := &all[i]
		err := rd.frame(f)
		if i == 0 && f.typ != frameSettings {
			err = broken("the first frame")
		}
		if err != nil {
			return fmt.Errorf("frame %d, %v: %w", i, f, err)
		}
	}
	return rd.total()
}

func (rd *reading) frame(f *rawFrame) error {
	if len(f.payload) > rd.allowance.frame {
		return broken("a frame longer than %d", rd.allowance.frame)
	}
	if rd.block != nil != (f.typ == frameContinuation) || rd.block != nil && f.id != rd.first.id {
		return broken("CONTINUATION and no block, or a block and no CONTINUATION")
	}
	s := rd.streams[f.id]
	if s == nil {
		s = new(sentStream)
		rd.streams[f.id] = s
	}
	switch f.typ {
	case frameHeaders:
		rd.first, rd.block = *f, append([]byte{}, f.payload...)
		return rd.headers(s, f)
	case frameContinuation:
		rd.block = append(rd.block, f.payload...)
		return rd.headers(s, f)
	case frameData:
		if s.ended || s.reset || s.heads == 0 {
			return broken("DATA after the end, or before HEADERS")
		}
		s.ended = f.has(flagEndStream)
		s.data += int64(len(f.payload))
		rd.data += int64(len(f.payload))
	case frameReset:
		// The engine remembers as many as the ring holds.
		if rd.resets++; s.reset && rd.resets < resetRingSize {
			return broken("reset twice")
		}
		s.reset = !rd.lax[f.id] // a stream that was not open may still be
	case frameWindowUpdate:
		if s.reset {
			return broken("WINDOW_UPDATE after a reset")
		}
		if n := binary.BigEndian.Uint32(f.payload); n == 0 || n > maxWindow {
			return broken("a WINDOW_UPDATE of %d", n)
		}
	case frameSettings:
		if f.has(flagAck) {
			rd.acks++
		}
	case framePing:
		if f.has(flagAck) {
			rd.pongs++
		}
	case frameGoaway:
	default:
		return broken("a frame that is never sent")
	}
	return nil
}

// headers takes a frame of a header block.
func (rd *reading) headers(s *sentStream, f *rawFrame) error {
	if !f.has(flagEndHeaders) {
		return nil
	}
	fields, err := rd.dec.DecodeFull(rd.block)
	rd.block = nil
	if err != nil {
		return broken("header block: %w", err)
	}
	values := make(map[string]string)
	for i, h := range fields {
		values[h.Name] = h.Value
		if !validName(h.Name) || !validValue(h.Value) {
			return broken("field %q", h)
		}
		if h.IsPseudo() && i > 0 && !fields[i-1].IsPseudo() {
			return broken("%q behind other fields", h.Name)
		}
	}
	end := rd.first.has(flagEndStream)
	interim := !rd.client && strings.HasPrefix(values[":status"], "1")
	if !interim {
		s.heads++
	}
	switch {
	case s.ended || s.reset:
		return broken("HEADERS after the end")
	case interim && (end || s.heads > 0):
		return broken("interim response that ends the stream, or comes behind the head")
	case interim:
		return nil
	case f.id%2 == 0:
		return broken("HEADERS on an even stream")
	case s.heads > 1 && !end:
		return broken("a trailer that does not end the stream")
	case rd.client && (values[":method"] != "POST" || values[":path"] == ""):
		return broken("request without :method or :path")
	case !rd.client && (values[":status"] == "") != (s.heads > 1):
		return broken("header block %d has the status %q", s.heads, values[":status"])
	}
	s.ended = end
	return nil
}

// total compares the sums with what was allowed.
func (rd *reading) total() error {
	if rd.block != nil {
		return broken("a header block without an end")
	}
	if rd.data > rd.conn {
		return broken("%d bytes of DATA, the window was never more than %d", rd.data, rd.conn)
	}
	for id, s := range rd.streams {
		if most := rd.initial + rd.stream[id]; s.data > most {
			return broken("%d bytes of DATA on stream %d, its window was never more than %d", s.data, id, most)
		}
	}
	if rd.acks > rd.settings || rd.pongs > rd.pings {
		return broken("%d SETTINGS acknowledged of %d, %d PINGs of %d", rd.acks, rd.settings, rd.pongs, rd.pings)
	}
	return nil
}
