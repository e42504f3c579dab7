package soak_test

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"math/rand/v2"
	"time"

	"google.golang.org/protobuf/types/known/wrapperspb"
)

// message is what all methods take and return. Its bytes are empty, or an order and a filling of any length.
type message = wrapperspb.BytesValue

// order is what the front of a message says. A response has the id of its request and asks for nothing.
type order struct {
	id     uint64
	size   uint32 // of the response
	count  uint8  // of responses, where the method is server-streaming
	code   uint8  // of the error to return instead; 0: none
	pause  uint8  // milliseconds before the response
	panics bool
}

// orderSize is the length of an encoded order, behind the checksum of all that follows.
const orderSize = 4 + 8 + 4 + 4

var (
	castagnoli = crc32.MakeTable(crc32.Castagnoli)
	// filling is where messages are cut from: half of it is random, half compresses to little.
	filling = func() []byte {
		b := make([]byte, 2*maxSize)
		r := rand.NewChaCha8([32]byte{1})
		for i := range b[:maxSize] {
			b[i] = byte(r.Uint64())
		}
		for i := range b[maxSize:] {
			b[maxSize+i] = byte(i / 1000)
		}
		return b
	}()
)

// maxSize is the length of the longest message's filling.
const maxSize = 3 << 20

// sizeOf draws the length of a filling: most are short.
func sizeOf(r *rand.Rand) uint32 {
	switch n := r.IntN(1000); {
	case n < 3:
		return r.Uint32N(maxSize)
	case n < 20:
		return r.Uint32N(200 << 10)
	case n < 100:
		return r.Uint32N(20 << 10)
	default:
		return r.Uint32N(1000)
	}
}

// encode makes a message with size bytes behind the order.
func encode(o *order, size, from uint32) *message {
	b := make([]byte, orderSize, orderSize+size)
	binary.LittleEndian.PutUint64(b[4:], o.id)
	binary.LittleEndian.PutUint32(b[12:], o.size)
	b[16], b[17], b[18] = o.count, o.code, o.pause
	if o.panics {
		b[19] = 1
	}
	b = append(b, filling[from%maxSize:][:size]...)
	binary.LittleEndian.PutUint32(b, crc32.Checksum(b[4:], castagnoli))
	return &message{Value: b}
}

// decode checks a message.
func decode(m *message) (order, error) {
	b := m.GetValue()
	if len(b) == 0 {
		return order{}, nil
	}
	if len(b) < orderSize {
		return order{}, fmt.Errorf("a message of %d bytes", len(b))
	}
	if got, want := crc32.Checksum(b[4:], castagnoli), binary.LittleEndian.Uint32(b); got != want {
		return order{}, fmt.Errorf("a message of %d bytes has the checksum %x, not %x", len(b), got, want)
	}
	return order{
		id:    binary.LittleEndian.Uint64(b[4:]),
		size:  binary.LittleEndian.Uint32(b[12:]),
		count: b[16], code: b[17], pause: b[18], panics: b[19] == 1,
	}, nil
}

// isAnswer checks a response to o.
func isAnswer(o *order, m *message) error {
	got, err := decode(m)
	want := int(o.size) + orderSize
	if o.id == 0 {
		want = 0 // an empty message is answered by one
	}
	switch {
	case err != nil:
		return err
	case got.id != o.id:
		return fmt.Errorf("a response is that of call %d, not of %d", got.id, o.id)
	case len(m.GetValue()) != want:
		return fmt.Errorf("a response has %d bytes, not %d", len(m.GetValue()), want)
	}
	return nil
}

func (o *order) wait() time.Duration { return time.Duration(o.pause) * time.Millisecond }
