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

type clientOption func(*config)

func (o clientOption) applyClient(c *config) { o(c) }

type option func(*config)

func (o option) applyServer(c *config) { o(c) }
func (o option) applyClient(c *config) { o(c) }

// Protocol adds protocols, which are asked after those before them. A name given twice is an error. Default: only the
// protocol that NewServer was given.
func Protocol(p ...protocol.HTTP) ServerOption {
	return serverOption(func(c *config) { c.apps = append(c.apps, p...) })
}

// ExtendedConnect allows clients to open streams for other protocols than HTTP, such as WebSocket (RFC 8441).
// SETTINGS_ENABLE_CONNECT_PROTOCOL tells them so, and protocol.Head.Protocol has the name. Browsers then use such
// streams for all WebSockets to the port, including those whose handler knows only the upgrade of HTTP/1.1. Default:
// false; requests with :protocol are malformed.
func ExtendedConnect(on bool) ServerOption {
	return serverOption(func(c *config) { c.extendedConnect = on })
}

// PingPolicy limits how often a client may send PINGs: least must pass between two of them, or two hours while the
// client has no call and withoutCalls is false. PINGs are not counted if a response, or a part of one, was sent between
// them. After three PINGs that come too early the connection ends with GOAWAY, ENHANCE_YOUR_CALM and the debug data
// "too_many_pings", which makes clients of gRPC double their interval. With a least of 0 there is no policy. Default:
// 5 min and false, as in grpc-go.
func PingPolicy(least time.Duration, withoutCalls bool) ServerOption {
	return serverOption(func(c *config) { c.pingMin, c.pingIdle = least, withoutCalls })
}

// ControlBudget limits the work that a peer can cause without calls, for each connection. Frames such as SETTINGS,
// PING, PRIORITY, WINDOW_UPDATE and empty DATA cost one unit; streams that are reset or refused cost two. The budget
// is n units, at least 100. n/2 units are given back each second, and more for answered calls and received data, so
// ordinary peers never use it up. A peer that does gets GOAWAY with ENHANCE_YOUR_CALM and the name of the flood, and
// the connection ends; on a client its calls fail. Default: 10,000.
func ControlBudget(n int) Option { return option(func(c *config) { c.budget = n }) }

// FrameTimeout limits to d, and to 2d at worst, the time in which a peer sends the rest of a frame or header block that
// it has begun. The time counts from a complete frame header of 9 bytes at the latest: fewer bytes that arrive alone
// count as silence, which KeepAlive and IdleTimeout of the server or client limit. 0 sets no limit. Default: 30 s.
func FrameTimeout(d time.Duration) Option { return option(func(c *config) { c.frameTimeout = d }) }

// QueuedBytes limits the bytes that a connection holds for slow handlers, or for slow readers of responses, to n, at
// least 64 KiB. Beyond that it stops reading. Default: 16 MiB.
func QueuedBytes(n int) Option { return option(func(c *config) { c.queued = n }) }

// HTTP1 makes the wire serve HTTP/1.1 and HTTP/1.0 beside HTTP/2, or HTTP/2 alone. Default: true.
func HTTP1(on bool) ServerOption { return serverOption(func(c *config) { c.http1 = on }) }

// UseHTTP1 makes a client speak HTTP/1.1 instead of HTTP/2, for servers that know nothing else. Its connections carry
// one call at a time.
func UseHTTP1() ClientOption { return clientOption(func(c *config) { c.useHTTP1 = true }) }

// RequestLine limits the request line of HTTP/1, which has the path and the query, to n bytes; a longer one is answered
// with 414. server.MaxHeaderList limits the whole head. Default: 8 KiB.
func RequestLine(n int) ServerOption { return serverOption(func(c *config) { c.line = n }) }

// RequestFields limits the number of fields in the head of a request of HTTP/1, and in its trailer, to n; more are
// answered with 431. Default: 100.
func RequestFields(n int) ServerOption { return serverOption(func(c *config) { c.fields = n }) }

// RequestBody limits the body of a request of HTTP/1 to n bytes, whatever its protocol; a longer one is answered with
// 413. Protocols have limits for messages (server.MaxRecvMessage), and a connection never holds more of a body than its
// reader is behind, so that streams may go on for ever. 0 sets no limit. Default: 0.
func RequestBody(n int64) ServerOption { return serverOption(func(c *config) { c.body = n }) }

// RequestsPerConnection makes a connection of HTTP/1 end after n requests. 0 sets no limit; server.MaxAge also
// makes clients come back. Default: 0.
func RequestsPerConnection(n int) ServerOption {
	return serverOption(func(c *config) { c.requests = n })
}

// config is what the options set.
type config struct {
	http1           bool
	useHTTP1        bool
	line            int
	fields          int
	body            int64
	requests        int
	apps            []protocol.HTTP
	extendedConnect bool
	pingMin         time.Duration
	pingIdle        bool
	budget          int
	frameTimeout    time.Duration
	queued          int
	cors            *CORS // nil: no other origin is allowed
	crossSite       bool
	errs            []error
}

func defaults() config {
	return config{
		pingMin: 5 * time.Minute, budget: 10_000, frameTimeout: 30 * time.Second, queued: 16 << 20,
		http1: true, line: 8 << 10, fields: 100,
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
	bad(c.body < 0, "RequestBody: %d is negative", c.body)
	bad(c.requests < 0, "RequestsPerConnection: %d is negative", c.requests)
	bad(c.frameTimeout < 0, "FrameTimeout: %v is negative", c.frameTimeout)
	for _, n := range []struct {
		option     string
		value, low int
	}{
		{"ControlBudget", c.budget, 100},
		{"QueuedBytes", c.queued, 64 << 10},
		{"RequestLine", c.line, 256},
		{"RequestFields", c.fields, 10},
	} {
		bad(n.value < n.low || n.value > math.MaxInt32, "%s: %d is not between %d and %d", n.option, n.value, n.low,
			math.MaxInt32)
	}
	if c.cors != nil {
		errs = append(errs, checkCORS(c.cors))
	}
	return errors.Join(errs...)
}
