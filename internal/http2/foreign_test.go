package http2_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"testing"
	"time"

	"golang.org/x/net/http2/hpack"

	"github.com/fairlead-go/fairlead/internal/assert"
	"github.com/fairlead-go/fairlead/internal/http2"
)

// Frame types and error codes, by the names of RFC 9113.
const (
	typeData, typeHeaders, typePriority, typeReset, typeSettings = 0, 1, 2, 3, 4
	typePush, typePing, typeGoaway, typeWindowUpdate, typeCont   = 5, 6, 7, 8, 9
	flagEnd, flagHeadersEnd                                      = 1, 4
)

var codeNames = map[uint32]string{
	0: "NO_ERROR", 1: "PROTOCOL_ERROR", 2: "INTERNAL_ERROR", 3: "FLOW_CONTROL_ERROR", 5: "STREAM_CLOSED",
	6: "FRAME_SIZE_ERROR", 7: "REFUSED_STREAM", 8: "CANCEL", 9: "COMPRESSION_ERROR", 11: "ENHANCE_YOUR_CALM",
}

// foreign is the other end of a connection, driven frame by frame; it does as it is told, right or wrong.
type foreign struct {
	t   *testing.T
	nc  net.Conn
	enc *hpack.Encoder
	dec *hpack.Decoder
	buf bytes.Buffer

	debug []byte // of the last GOAWAY
}

func newForeign(t *testing.T, nc net.Conn) *foreign {
	f := &foreign{t: t, nc: nc, dec: hpack.NewDecoder(4096, nil)}
	f.enc = hpack.NewEncoder(&f.buf)
	_ = nc.SetDeadline(time.Now().Add(assert.Patience(10 * time.Second)))
	t.Cleanup(func() { _ = nc.Close() })
	return f
}

// toServer connects to a server and says hello.
func toServer(t *testing.T, r *rig) *foreign {
	t.Helper()
	nc, err := net.Dial("tcp", r.l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(nc, http2.Preface); err != nil {
		t.Fatal(err)
	}
	f := newForeign(t, nc)
	f.frame(typeSettings, 0, 0, nil)
	return f
}

func (f *foreign) must(err error) {
	f.t.Helper()
	if err != nil {
		f.t.Fatal(err)
	}
}

// frame sends a frame; that the peer has hung up meanwhile is for outcome to say.
func (f *foreign) frame(typ, flags uint8, id uint32, p []byte) {
	b := []byte{byte(len(p) >> 16), byte(len(p) >> 8), byte(len(p)), typ, flags}
	b = binary.BigEndian.AppendUint32(b, id)
	_, _ = f.nc.Write(append(b, p...))
}

func u32(v uint32) []byte { return binary.BigEndian.AppendUint32(nil, v) }

func setting(id uint16, v uint32) []byte {
	return binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint16(nil, id), v)
}

// block encodes a header block.
func (f *foreign) block(kv ...string) []byte {
	f.buf.Reset()
	for i := 0; i+1 < len(kv); i += 2 {
		f.must(f.enc.WriteField(hpack.HeaderField{Name: kv[i], Value: kv[i+1]}))
	}
	return bytes.Clone(f.buf.Bytes())
}

func (f *foreign) request(path string, more ...string) []byte {
	return f.block(append([]string{":method", "POST", ":scheme", "http", ":path", path, ":authority", "x"}, more...)...)
}

func (f *foreign) headers(id uint32, end bool, block []byte) {
	flags := uint8(flagHeadersEnd)
	if end {
		flags |= flagEnd
	}
	f.frame(typeHeaders, flags, id, block)
}

func (f *foreign) data(id uint32, end bool, b string) {
	var flags uint8
	if end {
		flags = flagEnd
	}
	f.frame(typeData, flags, id, []byte(b))
}

// read reads one frame.
func (f *foreign) read() (typ, flags uint8, id uint32, p []byte, err error) {
	var h [9]byte
	if _, err = io.ReadFull(f.nc, h[:]); err != nil {
		return 0, 0, 0, nil, err
	}
	p = make([]byte, int(h[0])<<16|int(h[1])<<8|int(h[2]))
	_, err = io.ReadFull(f.nc, p)
	return h[3], h[4], binary.BigEndian.Uint32(h[5:]), p, err
}

// outcome reads until the peer has said what it thinks: a reset, a GOAWAY, a complete response, or the end.
func (f *foreign) outcome() string {
	for {
		typ, flags, _, p, err := f.read()
		if err != nil {
			if errors.Is(err, io.EOF) {
				return "closed"
			}
			return err.Error()
		}
		switch typ {
		case typeReset:
			return "reset " + codeNames[binary.BigEndian.Uint32(p)]
		case typeGoaway:
			f.debug = p[8:]
			return "goaway " + codeNames[binary.BigEndian.Uint32(p[4:])]
		case typePing:
			if flags&1 != 0 {
				return "pong"
			}
		case typeHeaders:
			fields, err := f.dec.DecodeFull(p)
			if err != nil {
				return fmt.Sprint("bad header block: ", err)
			}
			for _, h := range fields {
				if h.Name == ":status" && h.Value != "200" || h.Name == "echo-status" && flags&flagEnd != 0 {
					return h.Name + " " + h.Value
				}
			}
		}
	}
}
