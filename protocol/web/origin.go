package web

import (
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/fairlead-go/fairlead"
	"github.com/fairlead-go/fairlead/protocol"
)

// CORS lists the pages of other origins that may call a server, by the CORS protocol of the Fetch standard
// (https://fetch.spec.whatwg.org/#http-cors-protocol).
type CORS struct {
	// Origins are scheme, host and, unless it is the scheme's own, port of pages, such as "https://shop.example". "*"
	// stands for all.
	Origins []string
	// Credentials allows browsers to send cookies and TLS client certificates, and pages to read the answers. It is an
	// error together with the origin "*".
	Credentials bool
	// Headers are fields that pages may send, besides those that Connect and gRPC-Web need, those that need no
	// permission, and "authorization". "*" stands for all.
	Headers []string
	// Expose are fields of responses that pages may read, such as metadata, besides those that Connect and gRPC-Web need.
	Expose []string
	// MaxAge is how long a browser may keep the answer to a preflight; it is sent in whole seconds. Browsers have limits
	// of their own, such as two hours. 0: two hours; negative: not at all.
	MaxAge time.Duration
}

// AllowOrigins allows pages of other origins to call the server and to read what it answers, whatever the protocol. The
// wire answers preflight requests from any origin itself, and adds the fields of CORS to all answers, so that handlers
// must not add them again. Default: browsers let no other origin read anything, and the wire refuses writes:
// see CrossSiteWrites.
func AllowOrigins(c CORS) ServerOption {
	return serverOption(func(cfg *config) { cfg.cors = &c })
}

// CrossSiteWrites sets whether requests that may change something are served when a browser sends them for a page of
// another origin that AllowOrigins does not name. Otherwise the wire answers with 403. It tells by the fields
// sec-fetch-site and origin, as http.CrossOriginProtection does: requests without them are not from a browser, and are
// served. Those with GET, HEAD and OPTIONS are served, since they change nothing. Default: false.
func CrossSiteWrites(served bool) ServerOption {
	return serverOption(func(c *config) { c.crossSite = served })
}

// What protocols need. The fields of a response that the Fetch standard lets pages read anyway are left out.
const (
	preflightMethods = "DELETE, GET, HEAD, PATCH, POST, PUT"
	preflightHeaders = "authorization, connect-accept-encoding, connect-content-encoding, connect-protocol-version, " +
		"connect-timeout-ms, content-encoding, content-type, grpc-accept-encoding, grpc-encoding, grpc-timeout, " +
		"x-grpc-web, x-user-agent"
	exposedHeaders = "connect-content-encoding, content-encoding, etag, grpc-encoding, grpc-message, grpc-status, " +
		"grpc-status-details-bin, location, retry-after"
	preflightAge = 2 * time.Hour
)

// anyOrigin stands for all origins, and in the list of headers for all headers.
const anyOrigin = "*"

// origins decides about requests that browsers send for pages. It is read-only. The zero value refuses writes of other
// origins.
type origins struct {
	cors      bool
	crossSite bool // writes are served
	all       bool
	anyHeader bool
	// allowed has the fields for each origin; with all there is one, for anyOrigin.
	allowed map[string]*granted
	// stranger has the fields of responses to GET and HEAD for all others, which caches must keep apart.
	stranger  *fairlead.Metadata
	preflight *answer
}

// granted are the fields that an origin gets.
type granted struct{ response, preflight *fairlead.Metadata }

// newOrigins returns what the options say, which config.check has found right.
func newOrigins(c *config) origins {
	o := origins{crossSite: c.crossSite}
	if c.cors == nil {
		return o
	}
	o.cors = true
	o.all = slices.Contains(c.cors.Origins, anyOrigin)
	o.anyHeader = slices.Contains(c.cors.Headers, anyOrigin)
	expose := strings.Join(append([]string{exposedHeaders}, lowered(c.cors.Expose)...), ", ")
	vary := "access-control-request-method, access-control-request-headers"
	o.allowed = make(map[string]*granted)
	grant := func(origin string) {
		g := &granted{new(fairlead.Metadata), new(fairlead.Metadata)}
		for _, md := range []*fairlead.Metadata{g.response, g.preflight} {
			md.Append("access-control-allow-origin", origin)
			if c.cors.Credentials {
				md.Append("access-control-allow-credentials", "true")
			}
		}
		g.response.Append("access-control-expose-headers", expose)
		if origin != anyOrigin {
			g.response.Append("vary", "origin")
		}
		o.allowed[origin] = g
	}
	if o.all {
		grant(anyOrigin)
	} else {
		for _, origin := range c.cors.Origins {
			grant(origin)
		}
		o.stranger = new(fairlead.Metadata)
		o.stranger.Append("vary", "origin")
		vary = "origin, " + vary
	}
	fields := []string{
		":status", "204", "access-control-allow-methods", preflightMethods,
		"access-control-max-age", maxAge(c.cors.MaxAge),
	}
	if !o.anyHeader {
		fields = append(fields, "access-control-allow-headers",
			strings.Join(append([]string{preflightHeaders}, lowered(c.cors.Headers)...), ", "))
	}
	o.preflight = &answer{head: protocol.NewBlock(append(fields, "vary", vary)...)}
	return o
}

// maxAge returns the value of access-control-max-age.
func maxAge(d time.Duration) string {
	switch {
	case d < 0:
		return "0"
	case d == 0:
		d = preflightAge
	}
	return strconv.FormatInt(int64(d/time.Second), 10)
}

func lowered(names []string) []string {
	out := make([]string, len(names))
	for i, n := range names {
		out[i] = strings.ToLower(n)
	}
	return out
}

// answerTo looks at a request before the protocols do. It returns the answer to a preflight and to a write that is
// refused, and nil for a request that is for the protocols; h.Answer then has the fields that a browser needs.
func (o *origins) answerTo(h *protocol.Head) *answer {
	safe := h.Verb == "GET" || h.Verb == "HEAD" || h.Verb == "OPTIONS" ||
		h.Protocol != "" // the protocol that takes over, such as WebSocket, checks the origin itself
	if !o.cors && (safe || o.crossSite) {
		return nil
	}
	var origin, site, method, headers string
	for i := range h.Fields.Len() {
		switch k, v := h.Fields.At(i); k {
		case "origin":
			origin = v
		case "sec-fetch-site":
			site = v
		case "access-control-request-method":
			method = v
		case "access-control-request-headers":
			headers = v
		}
	}
	if origin == "" && site == "" {
		if safe && o.stranger != nil {
			h.Answer = o.stranger
		}
		return nil
	}
	to := o.grant(origin)
	switch {
	case to != nil:
		h.Answer = to.response
	case o.stranger != nil:
		h.Answer = o.stranger
	}
	switch {
	case o.cors && h.Verb == "OPTIONS" && origin != "" && method != "":
		return o.preflighted(h, to, headers)
	case to != nil || safe || o.crossSite || sameOrigin(h, origin, site):
		return nil
	}
	return crossSiteRefused
}

// grant returns the fields for pages of an origin, nil if it is not allowed.
func (o *origins) grant(origin string) *granted {
	switch {
	case origin == "":
		return nil
	case o.all:
		return o.allowed[anyOrigin]
	default:
		return o.allowed[origin]
	}
}

// preflighted returns the answer to a preflight request. to is for its origin, nil if that is not allowed.
func (o *origins) preflighted(h *protocol.Head, to *granted, headers string) *answer {
	if to == nil {
		return originRefused
	}
	h.Answer = to.preflight
	if o.anyHeader && headers != "" {
		md := to.preflight.Clone()
		h.Answer = &md
		h.Answer.Append("access-control-allow-headers", headers) // they are no secret to who has sent them
	}
	return o.preflight
}

// sameOrigin reports whether a browser has sent a request for a page of this server, or for its user, such as by a
// bookmark. Browsers send sec-fetch-site to trustworthy origins only, and those before 2023 to none.
func sameOrigin(h *protocol.Head, origin, site string) bool {
	switch site {
	case "same-origin", "none":
		return true
	case "":
		_, host, _ := strings.Cut(origin, "://")
		return origin == "" || host != "" && strings.EqualFold(host, h.Authority)
	}
	return false
}

// checkCORS returns what is wrong with a policy.
func checkCORS(c *CORS) error {
	var errs []error
	bad := func(format string, args ...any) {
		errs = append(errs, fmt.Errorf("web: AllowOrigins: "+format, args...))
	}
	if len(c.Origins) == 0 {
		bad("no origin")
	}
	for _, o := range c.Origins {
		if why := originFault(o); why != "" {
			bad("origin %q: %s", o, why)
		}
	}
	if c.Credentials && slices.Contains(c.Origins, anyOrigin) {
		bad("with the origin \"*\" credentials are for every page in the world; name the origins")
	}
	for _, list := range [][]string{c.Headers, c.Expose} {
		for _, name := range list {
			if !isToken(name) {
				bad("%q is no name of a field", name)
			}
		}
	}
	if c.Credentials && slices.Contains(c.Expose, anyOrigin) {
		bad("with credentials \"*\" in Expose is a field of that name; name the fields")
	}
	return errors.Join(errs...)
}

// originFault returns what is wrong with an origin, "" for nothing. Browsers send origins in one way only (RFC 6454,
// section 6.2), and they are compared as they are.
func originFault(origin string) string {
	switch origin {
	case anyOrigin:
		return ""
	case "null":
		return "any page can have it, in a frame"
	}
	u, err := url.Parse(origin)
	switch {
	case err != nil:
		return "it is no URL"
	case u.Scheme == "" || u.Host == "":
		return "want scheme://host or scheme://host:port"
	case u.Scheme+"://"+u.Host != origin:
		return "want only scheme, host and port"
	case strings.ToLower(origin) != origin:
		return "browsers send it in lower case"
	case u.Scheme == "https" && u.Port() == "443", u.Scheme == "http" && u.Port() == "80":
		return "browsers leave out the scheme's own port"
	case strings.Contains(u.Host, "*"):
		return "want each host by its name"
	}
	for _, c := range []byte(origin) {
		if c <= ' ' || c > '~' {
			return "want the host in ASCII, as browsers send it (xn--...)"
		}
	}
	return ""
}

// isToken reports whether a name is one of a field (RFC 9110, section 5.6.2).
func isToken(name string) bool {
	for _, c := range []byte(name) {
		switch {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', strings.IndexByte("!#$%&'*+-.^_`|~", c) >= 0:
		default:
			return false
		}
	}
	return name != ""
}

//nolint:gochecknoglobals // constants
var (
	crossSiteRefused = newAnswer("403", "This server does not serve writes that a browser sends for a page of another "+
		"origin.\nIf the page may do this, name its origin in the option web.AllowOrigins.\n")
	originRefused = newAnswer("403", "This server does not serve pages of this origin.\n")
)
