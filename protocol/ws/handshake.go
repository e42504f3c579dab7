package ws

import (
	"crypto/sha1" //nolint:gosec // RFC 6455 has it, and not for secrecy
	"encoding/base64"
	"fmt"
	"net/url"
	"strings"

	"github.com/fairlead-go/fairlead"
	"github.com/fairlead-go/fairlead/protocol"
)

// agreement is what client and server have agreed upon.
type agreement struct {
	bound  *protocol.MethodCodec
	text   bool              // messages are text
	fields fairlead.Metadata // of the response's head
}

// refusal is the answer to a request that does not become a socket.
type refusal struct {
	status int
	text   string
	fields *fairlead.Metadata
}

func refuse(status int, format string, args ...any) *refusal {
	return &refusal{status: status, text: fmt.Sprintf(format, args...) + "\n"}
}

var plain = protocol.NewBlock("content-type", "text/plain; charset=utf-8") //nolint:gochecknoglobals // a constant

func (r *refusal) answer(x protocol.Exchange) {
	// Bytes need no codec, so Reply cannot fail.
	_ = x.Reply(&protocol.Reply{
		Head:    protocol.Section{Status: r.status, Block: plain, Extra: r.fields},
		Message: protocol.Message{Bytes: []byte(r.text)},
	})
}

// handshake reads the head of a request (RFC 6455, section 4.2.1).
func (s *Server) handshake(h *protocol.Head) (*agreement, *refusal) {
	if h.Fields.Get("sec-websocket-version") != "13" {
		r := refuse(426, "This server speaks version 13 of the WebSocket protocol.")
		r.fields = new(fairlead.Metadata)
		r.fields.Append("sec-websocket-version", "13")
		return nil, r
	}
	if r := s.origins.check(h); r != nil {
		return nil, r
	}
	a := new(agreement)
	if h.Version == 1 {
		keys := h.Fields.Values("sec-websocket-key")
		if len(keys) != 1 || !isKey(keys[0]) {
			return nil, refuse(400, "The field Sec-WebSocket-Key is not 16 bytes in base64.")
		}
		a.fields.Append("sec-websocket-accept", acceptKey(keys[0]))
	}
	if r := a.choose(h); r != nil {
		return nil, r
	}
	return a, nil
}

func isKey(key string) bool {
	b, err := base64.StdEncoding.DecodeString(key)
	return err == nil && len(b) == 16
}

// acceptKey returns the answer to a key (RFC 6455, section 4.2.2).
func acceptKey(key string) string {
	sum := sha1.Sum([]byte(key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11")) //nolint:gosec // as above
	return base64.StdEncoding.EncodeToString(sum[:])
}

// choose chooses the first of the client's subprotocols whose codec the method has, and JSON for a client that names
// none.
func (a *agreement) choose(h *protocol.Head) *refusal {
	offered := false
	for _, line := range h.Fields.Values("sec-websocket-protocol") {
		for p := range strings.SplitSeq(line, ",") {
			offered = true
			p = strings.TrimSpace(p)
			if codecName, ours := strings.CutPrefix(p, prefix); ours {
				if a.bound = h.Route.Codec(codecName); a.bound != nil {
					a.fields.Append("sec-websocket-protocol", p)
					a.text = codecName == jsonCodec
					return nil
				}
			}
		}
	}
	if !offered {
		if a.bound = h.Route.Codec(jsonCodec); a.bound != nil {
			a.text = true
			return nil
		}
	}
	names := make([]string, len(h.Route.Codecs))
	for i := range h.Route.Codecs {
		names[i] = prefix + h.Route.Codecs[i].Name
	}
	return refuse(400, "This method is served with the subprotocols %s.", strings.Join(names, ", "))
}

// origins are the origins of pages that may open sockets.
type origins struct {
	all  bool
	list []origin
}

// origin is a scheme and a host with its port; below: the host stands for those below it.
type origin struct {
	scheme, host string
	below        bool
}

func parseOrigin(text string) (o origin, ok bool) {
	u, err := url.Parse(text)
	if err != nil || u.Scheme == "" || u.Host == "" || u.Path != "" || u.RawQuery != "" || u.Fragment != "" ||
		u.User != nil || u.Opaque != "" {
		return o, false
	}
	o.scheme = strings.ToLower(u.Scheme)
	o.host = withPort(strings.ToLower(u.Host), o.scheme)
	return o, true
}

// withPort adds the port of a scheme to a host that has none.
func withPort(host, scheme string) string {
	if i := strings.LastIndexByte(host, ':'); i >= 0 && i > strings.LastIndexByte(host, ']') {
		return host
	}
	switch scheme {
	case "http", "ws":
		return host + ":80"
	case "https", "wss":
		return host + ":443"
	}
	return host
}

func (o *origins) add(text string) error {
	if text == "*" {
		o.all = true
		return nil
	}
	scheme, host, _ := strings.Cut(text, "://")
	host, below := strings.CutPrefix(host, "*.")
	one, ok := parseOrigin(scheme + "://" + host)
	if !ok || strings.Contains(host, "*") {
		return fmt.Errorf("ws: Origins: %q is not an origin, such as https://example.com or https://*.example.com", text)
	}
	one.below = below
	o.list = append(o.list, one)
	return nil
}

// check returns the refusal of a request from a page that may not open sockets (RFC 6455, section 10.2).
func (o *origins) check(h *protocol.Head) *refusal {
	values := h.Fields.Values("origin")
	if len(values) == 0 || o.all && len(values) == 1 {
		return nil
	}
	from, ok := parseOrigin(values[0])
	if ok && len(values) == 1 {
		if from.host == withPort(strings.ToLower(h.Authority), from.scheme) {
			return nil
		}
		for _, to := range o.list {
			if from.scheme == to.scheme &&
				(from.host == to.host && !to.below || to.below && strings.HasSuffix(from.host, "."+to.host)) {
				return nil
			}
		}
	}
	return refuse(403, "Pages of the origin %q may not open sockets here (ws.Origins).", values[0])
}
