package http2

import (
	"time"

	"github.com/fairlead-go/fairlead"
	"github.com/fairlead-go/fairlead/internal/combine"
	"github.com/fairlead-go/fairlead/protocol"
)

// What a connection does for keepalive: the protocol.Keeper of its server or client does the rest. How
// PINGs are counted follows gRPC's documents on keepalive (https://github.com/grpc/proposal/blob/master, A8 for
// clients and A9 for servers) and the servers that are in use.

// vital is a Conn as a keeper sees it. It is one pointer, so that it fits an interface without an allocation.
type vital struct{ *Conn }

var _ protocol.Vital = vital{}

// Vital implements protocol.Living.
func (c *Conn) Vital() protocol.Vital { return vital{c} }

// Vitals implements protocol.Vital.
func (v vital) Vitals() protocol.Vitals {
	c := v.Conn
	heard := c.heard.Load()
	if heard {
		// What arrives between the two is not missed: the keeper takes it for received now.
		c.heard.Store(false)
	}
	c.w.Lock()
	defer c.w.Unlock()
	c.smu.Lock()
	defer c.smu.Unlock()
	called := c.w.nextID
	if !c.client {
		called = c.s.lastPeer
	}
	if c.s.open == 0 {
		c.lags = nil // Sweep is not called then
		// The last write of a client's connection was not the last thing that happened on it: a response followed.
		c.w.DropSpare()
	}
	return protocol.Vitals{Heard: heard, Called: called, Open: c.s.open}
}

// alivePing is the payload of the PING of keepalive.
var alivePing = [8]byte{'a', 'l', 'i', 'v', 'e', '?'} //nolint:gochecknoglobals // a constant

// Ping implements protocol.Vital. Its answer needs no attention: everything that is received is one.
func (v vital) Ping() {
	c := v.Conn
	c.w.Lock()
	if c.w.Err() == nil {
		b := c.w.Buf()
		b.B = appendPing(b.B, false, alivePing)
	}
	c.w.UnlockFlush(combine.Spawn)
}

// Drain implements protocol.Vital.
func (v vital) Drain(final bool) {
	if v.client {
		ClientConn(v).Drain()
		return
	}
	v.drain(final)
}

// TooManyPings implements protocol.Complained.
func (c ClientConn) TooManyPings() bool {
	c.smu.Lock()
	defer c.smu.Unlock()
	return c.s.complained
}

// tooManyPings is the debug data of the GOAWAY that tells a client to send fewer PINGs (A9, "Server Enforcement").
const tooManyPings = "too_many_pings"

const (
	// maxStrikes is the number of PINGs in a row that may come too soon.
	maxStrikes = 2
	// idlePingGap is the time that a client without calls must leave between PINGs when it should send none: TCP's
	// own keepalive does no less.
	idlePingGap = 2 * time.Hour
)

// pings counts the PINGs of a client that come too soon. It is the reading role's.
type pings struct {
	last    int64 // when the last one came, in nanoseconds since 1970; 0: none has
	strikes uint8
}

// pinged counts a PING, and returns the error that ends the connection if it is one too many. Answered is set if
// HEADERS or DATA were sent since the PING before: then this one may measure bandwidth times delay, or be the keepalive
// of a busy client, and the count starts again at zero.
func (c *Conn) pinged(answered bool) error {
	if c.client || c.cfg.PingMin <= 0 {
		return nil
	}
	p := &c.r.pings
	now := time.Now().UnixNano()
	since, first := time.Duration(now-p.last), p.last == 0
	p.last = now
	if answered {
		p.strikes = 0
		return nil
	}
	limit := c.cfg.PingMin
	if !c.cfg.PingIdle {
		c.smu.Lock()
		if c.s.open == 0 {
			limit = idlePingGap
		}
		c.smu.Unlock()
	}
	if first || since >= limit {
		return nil
	}
	if p.strikes++; p.strikes <= maxStrikes {
		return nil
	}
	c.cfg.Guard.Note(protocol.TooManyPings)
	return &connError{code: protocol.ResetEnhanceCalm, reason: tooManyPings}
}

// unsent returns the error for a stream of a client's connection that has ended with err: streams whose HEADERS never
// left this process may be opened again elsewhere.
func (c *Conn) unsent(id uint32, err error) error {
	c.w.Lock()
	handed := c.w.handed
	c.w.Unlock()
	f, ok := err.(*protocol.Failure) //nolint:errorlint // the connection's own error is bare
	if !ok || id < handed {
		return err
	}
	g := *f
	g.Reach = fairlead.NotSent
	return &g
}

// answeredAlready is the error for a stream whose response had begun when the server said that it had not taken it,
// which is not to be believed: what has been answered must not be sent again.
func answeredAlready(err error) error {
	f, ok := err.(*protocol.Failure) //nolint:errorlint // connections end streams with it bare
	if !ok || f.Reach == fairlead.Unknowable {
		return err
	}
	g := *f
	g.Reach = fairlead.Unknowable
	return &g
}
