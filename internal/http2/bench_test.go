package http2_test

import (
	"sync"
	"testing"

	"github.com/fairlead-go/fairlead/protocol"
)

// signal receives a response and keeps nothing of it.
type signal struct {
	n    int
	err  error
	done chan struct{}
}

func (s *signal) Head(*protocol.Head, bool) {}
func (s *signal) Data(b []byte) bool        { s.n += len(b); return true }
func (s *signal) End(_ *protocol.Head, err error) {
	s.err = err
	s.done <- struct{}{}
}

// BenchmarkUnary measures the engine alone: 100 callers on one connection, 1 KiB each way, client and server in one
// process.
func BenchmarkUnary(b *testing.B) {
	r := newRig(b)
	r.app.fast = true
	c := r.dial()
	body := payload(1024)
	b.ReportAllocs()
	b.ResetTimer()
	var wg sync.WaitGroup
	const callers = 100
	for range callers {
		wg.Go(func() {
			s := &signal{done: make(chan struct{}, 1)}
			m := &protocol.Message{Bytes: body}
			req := &protocol.Request{Head: unaryHead, Message: m}
			for range b.N / callers {
				s.n = 0
				if _, err := c.Do(req, s); err != nil {
					b.Error(err)
					return
				}
				if <-s.done; s.err != nil || s.n != 1024 {
					b.Error(s.err, s.n)
					return
				}
			}
		})
	}
	wg.Wait()
}
