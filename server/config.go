package server

import (
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"net"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/fairlead-go/fairlead"
	"github.com/fairlead-go/fairlead/codec"
	"github.com/fairlead-go/fairlead/compress"
	"github.com/fairlead-go/fairlead/protocol"
	"github.com/fairlead-go/fairlead/transport"
)

// config is what the options set.
type config struct {
	services    []*fairlead.Implementation
	companions  []Companion
	protocols   []protocol.Server
	https       []protocol.HTTP // for the one of protocols that carries them
	fallback    fairlead.Handler
	fallbackSet bool
	codecs      []codec.Codec
	compressors []compress.Compressor
	middleware  []namedMiddleware
	validation  fairlead.Middleware // the innermost; nil: none
	gates       []Gate
	network     transport.Network
	networkSet  bool
	listen      []string
	tls         *tls.Config
	tlsSet      bool
	limits      protocol.Limits
	maxConns    int
	maxBytes    int64
	handshake   time.Duration
	alive       protocol.Alive
	guard       *protocol.Guard
	panics      *protocol.Panics
	logger      *slog.Logger // contains the panics of its handler, once the options are checked
	usersLogger *slog.Logger // the one that was given, for middleware

	targets []transport.Target // of listen, once checked
	errs    []error            // of options that could not be applied
}

const maxMaxBytes = 64 << 30 // what the counter of bytes has room for, many times over: see load

func newConfig(opts []Option) (*config, error) {
	c := &config{
		limits: protocol.Limits{
			RecvMessage: 4 << 20,
			SendMessage: math.MaxInt32,
			HeaderList:  64 << 10,
			Streams:     1000,
			CompressMin: 1024,
		},
		alive:     protocol.Alive{PingAfter: 2 * time.Hour, PingTimeout: 20 * time.Second, PingIdle: true},
		guard:     &protocol.Guard{MessageTimeout: time.Minute},
		maxBytes:  256 << 20,
		handshake: 10 * time.Second,
		logger:    slog.Default(),
	}
	for _, o := range opts {
		if o == nil {
			return nil, errors.New("server: nil Option")
		}
		o.apply(c)
	}
	c.guard.FirstTimeout, c.limits.Guard = c.handshake, c.guard
	c.alive.Message = c.guard.MessageTimeout
	err := errors.Join(errors.Join(c.errs...), c.checkLists(), c.checkNumbers(), c.checkListen(), c.checkTLS())
	if err != nil {
		return nil, err
	}
	c.usersLogger = c.logger
	c.logger = protocol.ContainLogger(c.logger)
	c.panics = protocol.NewPanics(fairlead.ServerSide, c.usersLogger)
	c.limits.Panics = c.panics
	return c, nil
}

func (c *config) checkLists() error {
	var errs []error
	if len(c.protocols) == 0 {
		errs = append(errs, errors.New("server: no Protocol; package preset has a server with all of them"))
	}
	if len(c.codecs) == 0 {
		errs = append(errs, errors.New("server: no Codec; package preset has a server with all of them"))
	}
	for _, m := range c.middleware {
		switch {
		case m.mw == nil && m.name == "":
			errs = append(errs, errors.New("server: Use: nil Middleware"))
		case m.mw == nil:
			errs = append(errs, fmt.Errorf("server: UseNamed(%q): nil Middleware", m.name))
		}
	}
	for _, g := range c.gates {
		if g == nil {
			errs = append(errs, errors.New("server: Admission: nil Gate"))
		}
	}
	var err error
	if c.protocols, err = lastOfName("Protocol", c.protocols); err != nil {
		errs = append(errs, err)
	}
	if c.codecs, err = lastOfName("Codec", c.codecs); err != nil {
		errs = append(errs, err)
	}
	if c.compressors, err = lastOfName("Compressor", c.compressors); err != nil {
		errs = append(errs, err)
	}
	for _, k := range c.compressors {
		if k.Name() == "identity" {
			errs = append(errs, fmt.Errorf("server: Compressor: %T has the name of no compression, %q", k, k.Name()))
		}
	}
	c.limits.Compressors = c.compressors
	if c.fallbackSet && c.fallback == nil {
		errs = append(errs, errors.New("server: Fallback: nil"))
	}
	if len(errs) == 0 {
		errs = append(errs, c.addHTTP())
	}
	return errors.Join(errs...)
}

// addHTTP gives the protocols of HTTP to their wire.
func (c *config) addHTTP() error {
	if len(c.https) == 0 {
		return nil
	}
	for _, p := range c.https {
		if p == nil {
			return errors.New("server: HTTP: nil")
		}
	}
	var wire protocol.HTTPCarrier
	for _, p := range c.protocols {
		w, ok := p.(protocol.HTTPCarrier)
		switch {
		case !ok:
		case wire != nil:
			return fmt.Errorf("server: HTTP: the Protocols %s and %s both carry HTTP; give %s to one of them itself",
				wire.Name(), w.Name(), c.https[0].Name())
		default:
			wire = w
		}
	}
	if wire == nil {
		return fmt.Errorf("server: HTTP: no Protocol carries HTTP, which %s needs", c.https[0].Name())
	}
	wire.AddHTTP(c.https...)
	return nil
}

// lastOfName keeps of all values with the same name the last one, in the place of the first.
func lastOfName[T interface {
	comparable
	Name() string
}](option string, list []T) ([]T, error) {
	var zero T
	var kept []T
	at := make(map[string]int)
	for _, v := range list {
		if v == zero {
			return nil, fmt.Errorf("server: %s: nil", option)
		}
		if i, ok := at[v.Name()]; ok {
			kept[i] = v
			continue
		}
		if v.Name() == "" {
			return nil, fmt.Errorf("server: %s: %T has no name", option, v)
		}
		at[v.Name()] = len(kept)
		kept = append(kept, v)
	}
	return kept, nil
}

func (c *config) checkNumbers() error {
	var errs []error
	for _, n := range []struct {
		option           string
		value, low, high int64
	}{
		{"MaxRecvMessage", int64(c.limits.RecvMessage), 1, math.MaxInt32},
		{"MaxSendMessage", int64(c.limits.SendMessage), 1, math.MaxInt32},
		{"MaxHeaderList", int64(c.limits.HeaderList), 1 << 10, 16 << 20},
		{"MaxStreams", int64(c.limits.Streams), 1, 1 << 20},
		{"MaxConnections", int64(c.maxConns), 0, math.MaxInt32},
		{"MaxBytes", c.maxBytes, 1, maxMaxBytes},
		{"CompressMin", int64(c.limits.CompressMin), 0, math.MaxInt32},
	} {
		if n.value < n.low || n.value > n.high {
			errs = append(errs, fmt.Errorf("server: %s: %d is not between %d and %d", n.option, n.value, n.low, n.high))
		}
	}
	if c.handshake <= 0 {
		errs = append(errs, fmt.Errorf("server: HandshakeTimeout: %v is not positive", c.handshake))
	}
	if c.guard.MessageTimeout < 0 {
		errs = append(errs, fmt.Errorf("server: MessageTimeout: %v is negative", c.guard.MessageTimeout))
	}
	errs = append(errs, c.checkAlive())
	if c.logger == nil {
		errs = append(errs, errors.New("server: Logger: nil"))
	}
	return errors.Join(errs...)
}

func (c *config) checkAlive() error {
	a := &c.alive
	var errs []error
	bad := func(wrong bool, format string, args ...any) {
		if wrong {
			errs = append(errs, fmt.Errorf("server: "+format, args...))
		}
	}
	bad(a.PingAfter != 0 && a.PingAfter < minPingInterval,
		"KeepAlive: the interval %v is neither 0 nor at least %v", a.PingAfter, minPingInterval)
	bad(a.PingAfter != 0 && a.PingTimeout <= 0 || a.PingTimeout < 0,
		"KeepAlive: the timeout %v is not positive", a.PingTimeout)
	bad(a.Idle < 0, "IdleTimeout: %v is negative", a.Idle)
	bad(a.Age < 0 || a.Grace < 0, "MaxAge: %v or %v is negative", a.Age, a.Grace)
	bad(a.Age == 0 && a.Grace > 0, "MaxAge: a grace of %v and no age", a.Grace)
	return errors.Join(errs...)
}

// minPingInterval is the shortest interval of KeepAlive.
const minPingInterval = time.Second

func (c *config) checkListen() error {
	var errs []error
	switch {
	case c.networkSet && c.network == nil:
		errs = append(errs, errors.New("server: Transport: nil"))
	case len(c.listen) > 0 && c.network == nil:
		errs = append(errs, fmt.Errorf("server: Listen(%q) needs Transport", c.listen[0]))
	}
	for i, addr := range c.listen {
		t, err := parseAddr(addr)
		if err == nil && slices.Contains(c.listen[:i], addr) && !strings.HasSuffix(addr, ":0") {
			err = errors.New("it is there twice")
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("server: Listen(%q): %w", addr, err))
			continue
		}
		c.targets = append(c.targets, t)
	}
	return errors.Join(errs...)
}

// parseAddr reads "host:port", "unix:/path", also as "unix:///path", and "unix-abstract:name"; clients call them so.
func parseAddr(addr string) (transport.Target, error) {
	if name, ok := strings.CutPrefix(addr, "unix-abstract:"); ok {
		if name == "" {
			return transport.Target{}, errors.New("the name is missing")
		}
		return transport.Target{Network: "unix", Addr: "@" + name}, nil
	}
	if path, ok := strings.CutPrefix(addr, "unix:"); ok {
		path = strings.TrimPrefix(path, "//")
		if path == "" {
			return transport.Target{}, errors.New("the path is missing")
		}
		return transport.Target{Network: "unix", Addr: path}, nil
	}
	_, port, err := net.SplitHostPort(addr)
	if err != nil {
		return transport.Target{}, errors.New(`not "host:port" or "unix:/path"`)
	}
	if _, err := strconv.ParseUint(port, 10, 16); err != nil {
		return transport.Target{}, fmt.Errorf("port %q is not a number from 0 to 65535", port)
	}
	return transport.Target{Network: "tcp", Addr: addr}, nil
}

func (c *config) checkTLS() error {
	switch t := c.tls; {
	case !c.tlsSet:
		return nil
	case t == nil:
		return errors.New("server: TLS: nil configuration")
	case len(c.listen) == 0:
		return errors.New("server: TLS applies to the addresses of Listen, and there is none")
	case len(t.Certificates) == 0 && t.GetCertificate == nil && t.GetConfigForClient == nil:
		return errors.New("server: TLS: the configuration has no certificate")
	case t.MinVersion != 0 && t.MinVersion < tls.VersionTLS12:
		return fmt.Errorf("server: TLS: MinVersion is %s, and TLS 1.2 is the least", tls.VersionName(t.MinVersion))
	case t.MaxVersion != 0 && t.MaxVersion < tls.VersionTLS12:
		return fmt.Errorf("server: TLS: MaxVersion is %s, and TLS 1.2 is the least", tls.VersionName(t.MaxVersion))
	}
	t := c.tls.Clone()
	t.MinVersion = max(t.MinVersion, tls.VersionTLS12)
	have := make(map[string]bool)
	for _, name := range t.NextProtos {
		have[name] = true
	}
	for _, p := range c.protocols {
		if p == nil {
			continue
		}
		for _, name := range p.ALPN() {
			if !have[name] {
				have[name] = true
				t.NextProtos = append(t.NextProtos, name)
			}
		}
	}
	for i := range c.targets {
		c.targets[i].TLS = t
	}
	return nil
}
