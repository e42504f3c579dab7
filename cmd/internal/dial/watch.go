package dial

import (
	"context"
	"crypto/tls"
	"net"
	"time"

	"github.com/fairlead-go/fairlead/discovery"
	"github.com/fairlead-go/fairlead/transport"
	"github.com/fairlead-go/fairlead/transport/std"
)

// dialer connects and notes how that went.
type dialer struct {
	trace *trace
	watch bool
}

// Dial implements transport.Dialer.
func (d *dialer) Dial(ctx context.Context, t transport.Target) (transport.Conn, error) {
	a := d.trace.begin(t.Network, t.Addr)
	c, err := d.connect(ctx, t, a)
	d.trace.change(func() { a.Err = err })
	if err != nil {
		return nil, err
	}
	return &watched{Conn: c, trace: d.trace, addr: t.Addr, all: d.watch}, nil
}

// connect is Dial with the times of its parts kept. Plaintext connections are the transport's own.
func (d *dialer) connect(ctx context.Context, t transport.Target, a *Attempt) (transport.Conn, error) {
	if t.TLS == nil {
		c, err := std.Network{}.Dial(ctx, t)
		d.trace.change(func() { a.Connect = time.Since(a.Begun) })
		return c, err
	}
	nc, err := new(net.Dialer).DialContext(ctx, t.Network, t.Addr)
	d.trace.change(func() { a.Connect = time.Since(a.Begun) })
	if err != nil {
		return nil, err
	}
	c := std.Wrap(tls.Client(nc, t.TLS))
	begun := time.Now()
	if h, ok := c.(transport.Handshaker); ok {
		err = h.Handshake(ctx)
	}
	state := c.Info().TLS
	d.trace.change(func() { a.Handshake, a.State = time.Since(begun), state })
	if err != nil {
		_ = c.Close() // the handshake's error is the one that matters
		return nil, err
	}
	return c, nil
}

// watched is a connection that is looked at as it is read: for its first bytes, which say what the server speaks, and
// if all is set for the heads of responses.
type watched struct {
	transport.Conn

	trace *trace
	addr  string
	all   bool
	seen  int // bytes of the view that were looked at
	begun bool

	// Of HTTP/2's frames (RFC 9113, section 4.1): the head so far, and what is left of the payload.
	head [9]byte
	have int
	left int
}

// Peek implements transport.Conn.
func (w *watched) Peek(n int) ([]byte, error) {
	b, err := w.Conn.Peek(n)
	if !w.begun && len(b) > 0 {
		w.begun = true
		w.trace.received(w.addr, b)
	}
	if w.all && len(b) > w.seen {
		w.look(b[w.seen:])
		w.seen = len(b)
	}
	return b, err
}

// Discard implements transport.Conn.
func (w *watched) Discard(n int) {
	w.Conn.Discard(n)
	w.seen = max(0, w.seen-n)
}

// frameHeaders is the type of frames with the head of a response, or a trailer.
const frameHeaders = 0x1

// look goes through the frames in b, which follows on what was looked at before.
func (w *watched) look(b []byte) {
	for len(b) > 0 {
		if w.left > 0 {
			n := min(w.left, len(b))
			w.left -= n
			b = b[n:]
			continue
		}
		n := copy(w.head[w.have:], b)
		w.have += n
		b = b[n:]
		if w.have < len(w.head) {
			return
		}
		w.have = 0
		w.left = int(w.head[0])<<16 | int(w.head[1])<<8 | int(w.head[2])
		if w.head[3] == frameHeaders {
			w.trace.responded()
		}
	}
}

// resolver notes how long its answers take.
type resolver struct {
	discovery.Resolver

	trace *trace
}

// Watch implements discovery.Resolver.
func (r *resolver) Watch(ctx context.Context, endpoint string, sink discovery.Sink) error {
	return r.Resolver.Watch(ctx, endpoint, &noting{Sink: sink, trace: r.trace, begun: time.Now()})
}

// noting is a sink that notes the first answer.
type noting struct {
	discovery.Sink

	trace *trace
	begun time.Time
}

// Update implements discovery.Sink.
func (n *noting) Update(instances []discovery.Instance) error {
	r := Resolution{Took: time.Since(n.begun)}
	for _, in := range instances {
		for _, e := range in.Endpoints {
			r.Addrs = append(r.Addrs, e.Addr)
		}
	}
	n.trace.resolution(r)
	return n.Sink.Update(instances)
}

// Fail implements discovery.Sink.
func (n *noting) Fail(err error) {
	n.trace.resolution(Resolution{Took: time.Since(n.begun), Err: err})
	n.Sink.Fail(err)
}
