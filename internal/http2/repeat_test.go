package http2

import (
	"bytes"
	"math/rand/v2"
	"reflect"
	"testing"

	"golang.org/x/net/http2/hpack"
)

// TestRepeatedHeads has one builder make heads from what it remembers, and another from the fields of each block: they
// must not differ, whatever comes again and whatever the table does meanwhile.
func TestRepeatedHeads(t *testing.T) {
	t.Parallel()
	rnd := rand.New(rand.NewPCG(5, 6)) //nolint:gosec // the same each time
	c := &Conn{cfg: &Config{HeaderList: 450}}
	fields := []hpack.HeaderField{
		{Name: ":method", Value: "POST"},
		{Name: ":scheme", Value: "http"},
		{Name: ":path", Value: "/a.B/C"},
		{Name: ":authority", Value: "localhost"},
		{Name: "content-type", Value: "application/grpc"},
		{Name: "te", Value: "trailers"},
		{Name: "user-agent", Value: "x"},
		{Name: "x-a", Value: "1"},
		{Name: "x-b", Value: "2"},
		{Name: "grpc-timeout", Value: "1S"},
		{Name: "content-length", Value: "7"},
		{Name: "connection", Value: "close"},
		{Name: "x-long", Value: string(bytes.Repeat([]byte{'y'}, 100))},
	}
	var buf bytes.Buffer
	enc := hpack.NewEncoder(&buf)
	dec, fresh := newDecoder(), newDecoder()
	hb, want := new(headBuilder), new(headBuilder)
	remembered := 0
	var block []hpack.HeaderField
	for i := range 20000 {
		switch rnd.IntN(8) {
		case 0:
			block = block[:0]
			for j := range fields {
				if j < 7 || rnd.IntN(6) == 0 {
					block = append(block, fields[j])
				}
			}
		case 1:
			enc.SetMaxDynamicTableSize(uint32(rnd.IntN(decoderTableSize)))
		case 2:
			hb.repeat = repeat{} // another batch
		}
		buf.Reset()
		for _, f := range block {
			if err := enc.WriteField(f); err != nil {
				t.Fatal(err)
			}
		}
		if rnd.IntN(3) == 0 {
			_ = enc.WriteField(hpack.HeaderField{Name: "x-id", Value: "v", Sensitive: true})
		}
		hb.reset(c)
		want.reset(c)
		want.repeat = repeat{}
		known := hb.repeat.known
		if err := dec.decode(buf.Bytes(), hb); err != nil {
			t.Fatal(err)
		}
		if err := fresh.decode(buf.Bytes(), want); err != nil {
			t.Fatal(err)
		}
		if known && hb.repeat.known {
			remembered++
		}
		if hb.bad != want.bad || hb.tooLarge != want.tooLarge {
			t.Fatalf("block %d: got %q, %v, want %q, %v", i, hb.bad, hb.tooLarge, want.bad, want.tooLarge)
		}
		if hb.bad != "" || hb.tooLarge {
			continue
		}
		if !reflect.DeepEqual(hb.h, want.h) || hb.length != want.length ||
			hb.host != want.host || hb.size != want.size || hb.seen != want.seen || hb.regular != want.regular {
			t.Fatalf("block %d: got %+v, want %+v", i, hb, want)
		}
	}
	if remembered < 1000 {
		t.Errorf("only %d heads were made from memory", remembered)
	}
}
