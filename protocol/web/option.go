package web

import (
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/fairlead-go/fairlead/protocol"
)

// ServerOption configures the wire of a server.
type ServerOption interface{ applyServer(c *config) }

// ClientOption configures the wire of a client.
type ClientOption interface{ applyClient(c *config) }

// Option configures the wire of either side.
type Option interface {
	ServerOption
	ClientOption
}

type serverOption func(*config)

func (o serverOption) applyServer(c *config) { o(c) }

type option func(*config)

func (o option) applyServer(c *config) { o(c) }
func (o option) applyClient(c *config) { o(c) }

// Protocol adds protocols, which are asked after those before them. Default: the one that NewServer was given.
func Protocol(p ...protocol.HTTP) ServerOption {
	return serverOption(func(c *config) { c.apps = append(c.apps, p...) })
}

// ExtendedConnect lets clients open streams for a protocol that is none of HTTP's, such as a WebSocket (RFC 8441): they
// are told that they may, by SETTINGS_ENABLE_CONNECT_PROTOCOL, and protocols find the name in protocol.Head.Protocol.
// Browsers then open all WebSockets to this port so, those of mounted handlers that know HTTP/1.1's upgrade alone, too.
// Default: false; such requests are malformed then.
func ExtendedConnect(on bool) ServerOption {
	return serverOption(func(c *config) { c.extendedConnect = on })
}

// PingPolicy bounds the PINGs of clients: between two of them must be least, or two hours while the client has no call
// and withoutCalls is false. PINGs with a response, or a part of one, between them are not counted. A client that comes
// too soon three times is sent away with GOAWAY, ENHANCE_YOUR_CALM and the debug data "too_many_pings", upon which
// gRPC's clients double their interval. 0 turns it off, whatever withoutCalls is. Default: 5 min and false, which are
// grpc-go's.
func PingPolicy(least time.Duration, withoutCalls bool) ServerOption {
	return serverOption(func(c *config) { c.pingMin, c.pingIdle = least, withoutCalls })
}

// ControlBudget bounds, for each connection, the work that a peer can make without calls: frames such as SETTINGS,
// PING, PRIORITY, WINDOW_UPDATE and empty DATA cost one unit, streams that are reset or refused two. The budget is n
// units, at least 100; n/2 come back each second, and answered calls and received data give back more, so that ordinary
// peers do not notice it. A peer that is over it is sent GOAWAY, with ENHANCE_YOUR_CALM and the name of the flood, and
// left; the calls of a client that leaves its server fail. Default: 10,000.
func ControlBudget(n int) Option { return option(func(c *config) { c.budget = n }) }

// FrameTimeout limits the time that a peer takes to send the rest of a frame, or of a header block, that it has begun,
// to d, and twice that at worst. 0 sets no limit. Default: 30 s.
func FrameTimeout(d time.Duration) Option { return option(func(c *config) { c.frameTimeout = d }) }

// QueuedBytes limits what a connection holds for slow handlers, or for slow readers of responses, to n bytes, 64 KiB at
// least; then it stops reading. Default: 16 MiB.
func QueuedBytes(n int) Option { return option(func(c *config) { c.queued = n }) }

// config is what the options set.
type config struct {
	apps            []protocol.HTTP
	extendedConnect bool
	pingMin         time.Duration
	pingIdle        bool
	budget          int
	frameTimeout    time.Duration
	queued          int
	errs            []error
}

func defaults() config {
	return config{
		pingMin: 5 * time.Minute, budget: 10_000, frameTimeout: 30 * time.Second, queued: 16 << 20,
	}
}

// check returns what is wrong with the options.
func (c *config) check() error {
	errs := c.errs
	bad := func(wrong bool, format string, args ...any) {
		if wrong {
			errs = append(errs, fmt.Errorf("web: "+format, args...))
		}
	}
	bad(c.pingMin < 0, "PingPolicy: %v is negative", c.pingMin)
	bad(c.frameTimeout < 0, "FrameTimeout: %v is negative", c.frameTimeout)
	for _, n := range []struct {
		option     string
		value, low int
	}{
		{"ControlBudget", c.budget, 100},
		{"QueuedBytes", c.queued, 64 << 10},
	} {
		bad(n.value < n.low || n.value > math.MaxInt32, "%s: %d is not between %d and %d", n.option, n.value, n.low,
			math.MaxInt32)
	}
	return errors.Join(errs...)
}
