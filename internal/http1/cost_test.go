package http1

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/fairlead-go/fairlead/buffer"
	"github.com/fairlead-go/fairlead/internal/assert"
	"github.com/fairlead-go/fairlead/protocol"
	"github.com/fairlead-go/fairlead/transport/inproc"
)

// ponger answers everything at once.
type ponger struct{ reply protocol.Reply }

func (*ponger) Route([]byte) *protocol.Route { return nil }

func (p *ponger) Select(*protocol.Head) (protocol.Responder, protocol.Mode) {
	return p, protocol.Complete
}

func (*ponger) Deadline(*protocol.Head) time.Time { return time.Time{} }

func (p *ponger) Stream(x protocol.Exchange) { _ = x.Reply(&p.reply) }

func (p *ponger) Whole(x protocol.Exchange, _ []byte) protocol.Task {
	_ = x.Reply(&p.reply)
	return nil
}

// dispatcher is as much of one as a connection needs.
type dispatcher struct {
	protocol.Dispatcher

	watch *protocol.Watch
}

func (d *dispatcher) Lease(c protocol.ServerConn) *protocol.Lease { return d.watch.Lease(c) }

// TestAllocs: the second request on a connection costs no allocation if its head is equal to the first, and one if only
// its path differs.
func TestAllocs(t *testing.T) { //nolint:paralleltest // it counts allocations
	if buffer.Poisoning {
		t.Skip("nothing is pooled with the tag poison")
	}
	const fields = "Host: a\r\nUser-Agent: test\r\nAccept: */*\r\nX-Request-Id: 1\r\n"
	for _, tt := range []struct {
		name     string
		requests []string
		want     float64
	}{
		{"GET", []string{"GET /ping HTTP/1.1\r\n" + fields + "\r\n"}, 0},
		{"GET of two paths", []string{
			"GET /a?b HTTP/1.1\r\n" + fields + "\r\n", "GET /b?c HTTP/1.1\r\n" + fields + "\r\n",
		}, 2},
		{"POST", []string{"POST /ping HTTP/1.1\r\n" + fields + "Content-Length: 5\r\n\r\nhello"}, 0},
		{"chunked POST", []string{"POST /ping HTTP/1.1\r\n" + fields +
			"Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n"}, 0},
		{"sent ahead", []string{strings.Repeat("GET /ping HTTP/1.1\r\n"+fields+"\r\n", 10)}, 0},
	} {
		near, far := inproc.Pipe()
		p := &ponger{protocol.Reply{
			Head:    protocol.Section{Block: protocol.NewBlock(":status", "200", "content-type", "text/plain")},
			Message: protocol.Message{Bytes: []byte("pong")},
		}}
		d := &dispatcher{watch: protocol.NewWatch(func(protocol.ServerConn) {})}
		c := NewServer(far, &Config{HeaderList: 1 << 14, Line: 1 << 13, Fields: 100}, d, p)
		over := make(chan error, 1)
		go func() { over <- c.Serve() }()
		var requests [][]byte
		for _, r := range tt.requests {
			requests = append(requests, []byte(r))
		}
		pong := []byte("pong")
		answers := strings.Count(tt.requests[0], "HTTP/1.1")
		round := func() {
			for _, r := range requests {
				if err := near.Write(r); err != nil {
					t.Fatal(err)
				}
				for n, got := 1, 0; got < answers; {
					b, err := near.Peek(n)
					if err != nil {
						t.Fatal(err)
					}
					got = bytes.Count(b, pong)
					if n = len(b) + 1; got == answers {
						near.Discard(len(b))
					}
				}
			}
		}
		round()
		t.Run(tt.name, func(t *testing.T) { assert.Allocs(t, tt.want, round) }) //nolint:paralleltest // likewise
		_ = near.Close()
		<-over
		c.Close(nil)
		d.watch.Close()
	}
}

// TestIdleHoldsNothing: a connection that waits holds no buffer, and after the keeper has looked twice no scratch.
func TestIdleHoldsNothing(t *testing.T) { //nolint:paralleltest // it counts buffers
	buffer.Count(true)
	defer buffer.Count(false)
	near, far := inproc.Pipe()
	d := &dispatcher{watch: protocol.NewWatch(func(protocol.ServerConn) {})}
	c := NewServer(far, &Config{HeaderList: 1 << 14, Line: 1 << 13, Fields: 100}, d, &ponger{protocol.Reply{
		Head: protocol.Section{Status: 200}, Message: protocol.Message{Bytes: []byte("pong")},
	}})
	over := make(chan error, 1)
	go func() { over <- c.Serve() }()
	if err := near.Write([]byte("GET / HTTP/1.1\r\nHost: a\r\n\r\n")); err != nil {
		t.Fatal(err)
	}
	b, err := near.Peek(1)
	if err != nil {
		t.Fatal(err)
	}
	near.Discard(len(b))
	_, _ = near.Peek(0)
	_ = near.SetReadDeadline(time.Unix(1, 0))
	_, _ = near.Peek(1) // gives its own buffer back
	for end := time.Now().Add(assert.Patience(time.Second)); buffer.Out() > 0 && time.Now().Before(end); {
		time.Sleep(time.Millisecond) //nolint:forbidigo // it is about to wait
	}
	if text := buffer.Leaks(); text != "" {
		t.Errorf("an idle connection holds\n%s", text)
	}
	c.Vital().Vitals()
	if c.kept.Load() == nil && !buffer.Poisoning {
		t.Error("the head is not kept")
	}
	c.Vital().Vitals()
	if c.kept.Load() != nil {
		t.Error("the head is kept although no request came")
	}
	_ = near.Close()
	<-over
	c.Close(nil)
	d.watch.Close()
}
