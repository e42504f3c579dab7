package json

import (
	"sync"
	"sync/atomic"

	"github.com/fairlead-go/fairlead/jsonwire"
)

var (
	encoders = sync.Pool{New: func() any { return new(jsonwire.Encoder) }}
	decoders = sync.Pool{New: func() any { return new(jsonwire.Decoder) }}
)

func getEncoder() *jsonwire.Encoder {
	e, _ := encoders.Get().(*jsonwire.Encoder)
	return e
}

// putEncoder keeps an encoder. It still has the codec's options, and the error if there was one.
func putEncoder(e *jsonwire.Encoder) { encoders.Put(e) }

func getDecoder() *jsonwire.Decoder {
	d, _ := decoders.Get().(*jsonwire.Decoder)
	return d
}

func putDecoder(d *jsonwire.Decoder) {
	d.Release()
	decoders.Put(d)
}

// mostEstimated bounds estimates, so that one huge message does not make the buffers of many small ones huge.
const mostEstimated = 1 << 20

// estimate is about how long the next encoding will be: as long as the largest of those before, of which it forgets a
// part with each shorter one. It is safe for concurrent use.
type estimate struct{ n atomic.Int64 }

func (s *estimate) get() int { return int(s.n.Load()) }

func (s *estimate) add(n int) {
	n = min(n, mostEstimated)
	was := int(s.n.Load())
	switch {
	case n > was:
		s.n.Store(int64(n))
	case n < was-was/4:
		s.n.Store(int64(was - (was-n)/16 - 1)) // rarely, so that messages of equal length do not contend for it
	}
}
