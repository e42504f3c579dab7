package soak_test

import (
	"math/rand/v2"
	"net"
	"sync"
	"testing"
	"time"
)

// proxy passes connections on to a server, and cuts them.
type proxy struct {
	listener net.Listener
	target   string

	wg     sync.WaitGroup
	mu     sync.Mutex
	closed bool
	links  map[*link]struct{}
}

// link is one connection through a proxy.
type link struct {
	in, out net.Conn
	pause   sync.Mutex // held while nothing passes
}

func newProxy(t *testing.T, target string) *proxy {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &proxy{listener: l, target: target, links: make(map[*link]struct{})}
	p.wg.Go(p.accept)
	return p
}

func (p *proxy) addr() string { return p.listener.Addr().String() }

func (p *proxy) accept() {
	for {
		in, err := p.listener.Accept()
		if err != nil {
			return
		}
		out, err := net.Dial("tcp", p.target)
		if err != nil {
			_ = in.Close()
			continue
		}
		k := &link{in: in, out: out}
		p.mu.Lock()
		if p.closed {
			p.mu.Unlock()
			k.close()
			return
		}
		p.links[k] = struct{}{}
		p.mu.Unlock()
		var both sync.WaitGroup
		both.Go(func() { k.relay(out, in) })
		both.Go(func() { k.relay(in, out) })
		p.wg.Go(func() {
			both.Wait()
			p.mu.Lock()
			delete(p.links, k)
			p.mu.Unlock()
		})
	}
}

// relay copies in pieces, and ends both directions when one ends.
func (k *link) relay(to, from net.Conn) {
	defer k.close()
	buf := make([]byte, 32<<10)
	for {
		n, err := from.Read(buf)
		k.pause.Lock()
		k.pause.Unlock() //nolint:staticcheck // it waits for the end of a pause
		if n > 0 {
			if _, err := to.Write(buf[:n]); err != nil {
				return
			}
		}
		if err != nil {
			return
		}
	}
}

func (k *link) close() {
	_ = k.in.Close()
	_ = k.out.Close()
}

// cut ends a link, in one of several ways: properly, or by resets.
func (k *link) cut(r *rand.Rand) {
	if r.IntN(2) == 0 {
		for _, c := range []net.Conn{k.in, k.out} {
			if tcp, ok := c.(*net.TCPConn); ok {
				_ = tcp.SetLinger(0)
			}
		}
	}
	k.close()
}

// some returns one of the links, or with all every one.
func (p *proxy) some(all bool) []*link {
	p.mu.Lock()
	defer p.mu.Unlock()
	var ks []*link
	for k := range p.links {
		ks = append(ks, k)
		if !all {
			break
		}
	}
	return ks
}

// trouble makes trouble, of a kind that is drawn, and returns the number of links that were cut.
func (p *proxy) trouble(r *rand.Rand) int64 {
	all := r.IntN(6) == 0
	ks := p.some(all)
	if r.IntN(4) == 0 {
		for _, k := range ks {
			k.pause.Lock()
			d := time.Duration(r.IntN(200)) * time.Millisecond
			p.wg.Go(func() {
				time.Sleep(d)
				k.pause.Unlock()
			})
		}
		return 0
	}
	for _, k := range ks {
		k.cut(r)
	}
	return int64(len(ks))
}

func (p *proxy) close() {
	_ = p.listener.Close()
	p.mu.Lock()
	p.closed = true
	for k := range p.links {
		k.close()
	}
	p.mu.Unlock()
	p.wg.Wait()
}
