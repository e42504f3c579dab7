package foreign_test

import (
	"net"
	"sync"
	"sync/atomic"
	"testing"
)

// proxy passes connections on and counts them, and the bytes of each direction.
type proxy struct {
	addr            string
	conns, up, down atomic.Int64
}

func newProxy(t *testing.T, target string) *proxy {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &proxy{addr: l.Addr().String()}
	var (
		wg   sync.WaitGroup
		mu   sync.Mutex
		open []net.Conn
	)
	wg.Go(func() {
		for {
			in, err := l.Accept()
			if err != nil {
				return
			}
			out, err := net.Dial("tcp", target)
			if err != nil {
				_ = in.Close()
				continue
			}
			p.conns.Add(1)
			mu.Lock()
			open = append(open, in, out)
			mu.Unlock()
			wg.Go(func() { relay(out, in, &p.up) })
			wg.Go(func() { relay(in, out, &p.down) })
		}
	})
	t.Cleanup(func() {
		_ = l.Close()
		mu.Lock()
		for _, c := range open {
			_ = c.Close()
		}
		mu.Unlock()
		wg.Wait()
	})
	return p
}

// relay copies until either side closes.
func relay(to, from net.Conn, n *atomic.Int64) {
	defer to.Close()
	b := make([]byte, 64<<10)
	for {
		k, err := from.Read(b)
		n.Add(int64(k))
		if k > 0 {
			if _, err := to.Write(b[:k]); err != nil {
				return
			}
		}
		if err != nil {
			return
		}
	}
}
