package payload

import (
	"math/rand/v2"
	"time"
)

// State is the state of a worker's templates. It is for one goroutine.
type State struct {
	worker  int
	seq     func() int64
	drawn   bool
	n       int64
	message int
	random  *rand.Rand
	now     func() time.Time
	scratch []byte
}

// NewState makes the state of a worker. Seq is asked for the number of a call once for each call whose templates want
// it. Workers with the same seed and number draw the same random values.
func NewState(worker int, seed uint64, seq func() int64) *State {
	return &State{
		worker: worker, seq: seq, now: time.Now,
		random: rand.New(rand.NewPCG(seed, uint64(worker))), //nolint:gosec // load needs no secrecy
	}
}

// Next starts a new call.
func (s *State) Next() { s.drawn, s.message = false, 0 }

// SetMessage sets the number of the message within a stream, from 0.
func (s *State) SetMessage(n int) { s.message = n }

// number is the call's number.
func (s *State) number() int64 {
	if !s.drawn {
		s.n, s.drawn = s.seq(), true
	}
	return s.n
}

const alphabet = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"

// appendText appends n random letters and digits.
func (s *State) appendText(dst []byte, n int) []byte {
	for range n {
		dst = append(dst, alphabet[s.random.IntN(len(alphabet))])
	}
	return dst
}

// appendUUID appends a random UUID (RFC 9562, section 5.4).
func (s *State) appendUUID(dst []byte) []byte {
	const digits = "0123456789abcdef"
	high, low := s.random.Uint64(), s.random.Uint64()
	high = high&^0xf000 | 0x4000 // version 4
	low = low&^(3<<62) | 1<<63   // variant 10
	for i := range 32 {
		if i == 8 || i == 12 || i == 16 || i == 20 {
			dst = append(dst, '-')
		}
		v := high
		if i >= 16 {
			v = low
		}
		dst = append(dst, digits[v>>(60-4*(i%16))&15])
	}
	return dst
}
