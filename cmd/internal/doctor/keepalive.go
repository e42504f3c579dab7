package doctor

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"time"

	"golang.org/x/net/http2"

	"github.com/fairlead-go/fairlead/cmd/internal/dial"
)

// checkKeepalive speaks HTTP/2 to --address: one PING, and those of --keepalive.
func checkKeepalive(ctx context.Context, x *examination, f *findings) {
	if x.target == nil {
		f.skipf("name a service with --address")
		return
	}
	e := x.target
	conn, err := e.open(ctx)
	if err != nil {
		explainHandshake(e, err, f)
		return
	}
	s, err := openSession(conn)
	if err != nil {
		_ = conn.Close()
		f.failf(e.text, "", "%v", err)
		return
	}
	defer s.close()
	p := &pinging{session: s, x: x, sent: make(map[byte]time.Time)}
	if !p.greet(ctx, f) {
		return
	}
	if x.keepalive > 0 {
		p.keep(ctx, f)
	}
}

// open makes a connection, with TLS if the flags say so.
func (e *endpoint) open(ctx context.Context) (net.Conn, error) {
	if !e.secure {
		return e.connect(ctx)
	}
	conn, _, err := e.handshake(ctx)
	if err != nil {
		return nil, err
	}
	return conn, nil
}

// pinging is a session and the PINGs on it.
type pinging struct {
	*session

	x       *examination
	sent    map[byte]time.Time // that are not answered
	trips   []time.Duration    // of those that were
	started time.Time
	call    bool // one is under way
	goaway  *goaway
	goneAt  time.Time
	limit   string // SETTINGS_MAX_CONCURRENT_STREAMS
}

// greet waits for the server's SETTINGS and the answer to a PING.
func (p *pinging) greet(ctx context.Context, f *findings) bool {
	e := p.x.target
	_ = p.send(1) // when it fails, reading has the better reason
	settled := false
	err := p.until(ctx, p.x.dial.ConnectTimeout, func(ev *event) bool {
		settled = settled || ev.settings != nil
		return settled && len(p.trips) > 0
	})
	switch {
	case err == nil:
		f.okf(e.text, "HTTP/2 (%s), a PING is answered in %s", orElse(p.limit, "any number of calls at once"),
			dial.Round(p.trips[0]))
		return true
	case !settled && errors.Is(err, errTimeout):
		f.failf(e.text, "see what listens there", "no SETTINGS within %s: it does not speak HTTP/2", p.x.dial.ConnectTimeout)
	case !settled:
		f.failf(e.text, "see what listens there, and whether it wants TLS (--tls) or a client's certificate (--cert)",
			"it does not speak HTTP/2 with us: %v", err)
	default:
		f.failf(e.text, "", "a PING was not answered: %v", err)
	}
	return false
}

func (p *pinging) send(number byte) error {
	p.sent[number] = time.Now()
	return p.ping(number)
}

var errTimeout = errors.New("it did not come in time")

// until takes events until f is content with one; that the connection or the time ends is an error.
func (p *pinging) until(ctx context.Context, limit time.Duration, f func(*event) bool) error {
	timer := time.NewTimer(limit)
	defer timer.Stop()
	for {
		select {
		case ev, ok := <-p.events:
			if !ok {
				return errors.New("the connection has ended")
			}
			if ev.err != nil {
				return ev.err
			}
			if err := p.note(&ev); err != nil {
				return err
			}
			if f(&ev) {
				return nil
			}
		case <-timer.C:
			return errTimeout
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// note keeps what an event says, and answers it.
func (p *pinging) note(ev *event) error {
	if at, ok := p.sent[ev.pong]; ok {
		delete(p.sent, ev.pong)
		p.trips = append(p.trips, ev.at.Sub(at))
	}
	if ev.goaway != nil && p.goaway == nil {
		p.goaway, p.goneAt = ev.goaway, ev.at
	}
	if ev.settings != nil && ev.settings.limit {
		p.limit = fmt.Sprintf("%d calls at once", ev.settings.calls)
	}
	p.call = p.call && !ev.ended
	return p.answer(ev)
}

// keep sends PINGs as a client's keepalive does, and tells how the server takes them.
func (p *pinging) keep(ctx context.Context, f *findings) {
	e, every := p.x.target, p.x.keepalive
	if !p.x.idle {
		p.call = true
		if err := p.watchHealth(orElse(e.flags.Authority, e.addr), e.secure); err != nil {
			f.failf(e.text, "", "%v", err)
			return
		}
	}
	p.trips, p.started = nil, time.Now()
	var err error
	sent := 0
	for ; sent < p.x.pings && err == nil && p.goaway == nil; sent++ {
		p.x.progress.Set(fmt.Sprintf("keepalive: PING %d of %d", sent+1, p.x.pings))
		if err = p.send(byte(2 + sent%200)); err == nil {
			err = p.until(ctx, every, func(*event) bool { return p.goaway != nil })
		}
		if errors.Is(err, errTimeout) {
			err = nil // as it should be
		}
	}
	p.judge(f, sent, err)
}

func (p *pinging) judge(f *findings, sent int, err error) {
	e, every := p.x.target, p.x.keepalive
	with := "without a call"
	if p.call {
		with = "with a call under way"
	}
	switch {
	case p.goaway != nil && p.goaway.code == http2.ErrCodeEnhanceYourCalm:
		f.failf(e.text, "have clients wait longer between PINGs (gRPC's servers ask for 5 minutes unless they are told "+
			"otherwise), or let the server allow it: web.PingPolicy (preset.ServerHTTP2), keepalive.EnforcementPolicy of "+
			"grpc-go",
			"%d %s, one every %s, %s: after %s the server sent GOAWAY %v", sent, plural(sent, "PING"), every, with,
			dial.Round(p.goneAt.Sub(p.started)), p.goaway)
	case p.goaway != nil:
		f.warnf(e.text, "", "the server ends the connection with GOAWAY %v, as it does when it shuts down or connections "+
			"get old", p.goaway)
	case err != nil:
		f.failf(e.text, "see what is between client and server", "after %d %s the connection ended: %v", sent,
			plural(sent, "PING"), err)
	case len(p.sent) > 0:
		f.failf(e.text, "see what is between client and server", "%d of %d PINGs were not answered within %s",
			len(p.sent), sent, every)
	default:
		slices.Sort(p.trips)
		f.okf(e.text, "%d %s, one every %s, %s: all answered, in %s to %s", sent, plural(sent, "PING"), every, with,
			dial.Round(p.trips[0]), dial.Round(p.trips[len(p.trips)-1]))
	}
}
