package conformance_test

import (
	"io"
	"net"
	"sync"
	"sync/atomic"
	"testing"
)

// proxy passes connections on to a target, which may change, and counts the bytes of each direction.
type proxy struct {
	addr     string
	target   atomic.Pointer[string]
	up, down atomic.Int64

	wg    sync.WaitGroup
	mu    sync.Mutex
	conns []net.Conn
}

func newProxy(t *testing.T, target string) *proxy {
	t.Helper()
	l := listen(t)
	p := &proxy{addr: l.Addr().String()}
	p.target.Store(&target)
	p.wg.Go(func() {
		for {
			in, err := l.Accept()
			if err != nil {
				return
			}
			p.pass(in)
		}
	})
	t.Cleanup(func() {
		_ = l.Close()
		p.mu.Lock()
		for _, c := range p.conns {
			_ = c.Close()
		}
		p.mu.Unlock()
		p.wg.Wait()
	})
	return p
}

// pass connects in with the target.
func (p *proxy) pass(in net.Conn) {
	out, err := net.Dial("tcp", *p.target.Load())
	if err != nil {
		_ = in.Close()
		return
	}
	p.mu.Lock()
	p.conns = append(p.conns, in, out)
	p.mu.Unlock()
	p.wg.Go(func() { relay(out, in, &p.up) })
	p.wg.Go(func() { relay(in, out, &p.down) })
}

// relay copies until either side closes.
func relay(to, from net.Conn, n *atomic.Int64) {
	defer to.Close()
	_, _ = io.Copy(to, io.TeeReader(from, counter{n}))
}

type counter struct{ n *atomic.Int64 }

func (c counter) Write(b []byte) (int, error) {
	c.n.Add(int64(len(b)))
	return len(b), nil
}
