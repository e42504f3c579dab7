package nethttp

import (
	"context"
	"errors"
	"io"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/fairlead-go/fairlead"
	"github.com/fairlead-go/fairlead/buffer"
	"github.com/fairlead-go/fairlead/protocol"
)

// Host is a server whose protocols NewHandler serves. *server.Server is one.
type Host interface {
	Dispatcher() protocol.Dispatcher
	Selector() protocol.Selector
}

// NewHandler returns an http.Handler that serves the services and protocols of a server within a server of net/http,
// beside other handlers. The server needs no address and is not started:
//
//	opts, err := preset.ServerOptions()
//	srv, err := server.New(append(opts, server.Service(greeter.Greeter(service{})))...)
//	rpc, err := nethttp.NewHandler(srv)
//	mux.Handle("/", rpc)
//
// Middleware, gates, limits of messages and the counts of the server apply. Connections, and their limits and time
// outs, are those of net/http; gRPC needs HTTP/2 there (http.Server.Protocols). At the end, srv.Shutdown waits for the
// calls; before that, http.Server.Shutdown ends the connections.
//
// What net/http cannot do:
//
//   - A call that is reset has the code INTERNAL_ERROR on the wire, whatever its protocol asked for.
//   - If a response waits for a client that does not read, and its deadline passes, the stream is reset, and the client
//     does not get the status.
//   - The client's limit for header lists is not known.
//   - A client of HTTP/2 that waits for the status 100 gets it when the body is read, and not before a response that
//     begins earlier.
//   - WebSocket over HTTP/2 needs GODEBUG=http2xconnect=1.
//   - If the ResponseWriter has no deadlines, as that of http.TimeoutHandler, a call that waits for its client ends
//     when the client sends something or leaves.
//   - server.MessageTimeout takes the place of http.Server.ReadTimeout during a call.
func NewHandler(h Host) (http.Handler, error) {
	if h == nil {
		return nil, errors.New("nethttp: NewHandler: nil server")
	}
	sel := h.Selector()
	if sel == nil {
		return nil, errors.New("nethttp: NewHandler: the server has no protocol of HTTP")
	}
	return &handler{d: h.Dispatcher(), sel: sel}, nil
}

type handler struct {
	d   protocol.Dispatcher
	sel protocol.Selector
}

// ServeHTTP implements http.Handler.
func (s *handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	x := newExchange(s, w, r)
	if r.ProtoMajor == 1 {
		_ = x.rc.EnableFullDuplex() // or what is not read before the response begins is lost; not every ResponseWriter can
	}
	app, mode := s.sel.Select(&x.head)
	defer x.leave()
	switch {
	case mode != protocol.Complete:
		app.Stream(x)
	case x.head.NoBody:
		run(app.Whole(x, nil))
	default:
		s.whole(x, app)
	}
}

func run(t protocol.Task) {
	if t != nil {
		t.Run()
	}
}

// whole reads the body of a request for a protocol that wants it as a whole.
func (s *handler) whole(x *exchange, app protocol.Responder) {
	due := app.Deadline(&x.head)
	if g := s.d.Limits().Guard; g != nil && g.MessageTimeout > 0 {
		if at := x.head.Came.Add(g.MessageTimeout); due.IsZero() || at.Before(due) {
			due = at
		}
	}
	b := buffer.Get(int(min(max(x.r.ContentLength, 0), protocol.MaxWhole)) + 1)
	defer func() { buffer.Put(b) }()
	x.setReadDeadline(due)
	var err error
	for err == nil && len(b.B) <= protocol.MaxWhole {
		b.Grow(1)
		var n int
		n, err = x.r.Body.Read(b.B[len(b.B):cap(b.B)])
		b.B = b.B[:len(b.B)+n]
	}
	switch {
	case errors.Is(err, io.EOF) && len(b.B) <= protocol.MaxWhole:
		x.setReadDeadline(time.Time{})
		x.ended = io.EOF
		run(app.Whole(x, b.B))
		return
	case err == nil:
		x.setReadDeadline(time.Time{})
	case errors.Is(err, io.EOF):
		x.ended = io.EOF
	default:
		x.ended = x.readError(err)
	}
	x.first = b.B
	app.Stream(x)
}

// newExchange makes an exchange of a request.
func newExchange(s *handler, w http.ResponseWriter, r *http.Request) *exchange {
	x := &exchange{s: s, w: w, r: r, rc: http.NewResponseController(w)}
	x.peer = fairlead.Peer{Addr: r.RemoteAddr, Wire: "http/" + strconv.Itoa(r.ProtoMajor)}
	if r.ProtoMajor == 1 {
		x.peer.Wire += "." + strconv.Itoa(r.ProtoMinor)
	}
	h := &x.head
	h.Verb, h.Authority, h.Query = r.Method, r.Host, r.URL.RawQuery
	h.Path, h.Scheme, h.Version = r.URL.EscapedPath(), "http", uint8(r.ProtoMajor)
	if h.Path == "" && r.RequestURI == "*" {
		h.Path = "*"
	}
	if r.TLS != nil {
		x.peer.Identity, h.Scheme = r.TLS, "https"
	}
	h.Route = s.sel.Route([]byte(h.Path))
	h.NoBody = r.Body == nil || r.Body == http.NoBody
	if !h.NoBody {
		h.Came = time.Now()
	}
	for _, key := range slices.Sorted(maps.Keys(r.Header)) {
		x.field(strings.ToLower(key), r.Header[key])
	}
	if r.ContentLength > 0 && !h.Fields.Has("content-length") {
		h.Fields.Append("content-length", strconv.FormatInt(r.ContentLength, 10))
	}
	return x
}

// field adds a field of the request to the head.
func (x *exchange) field(name string, values []string) {
	h := &x.head
	if len(values) == 0 {
		return
	}
	switch name {
	case "content-type":
		h.ContentType = values[0]
		return
	case "user-agent":
		h.UserAgent = values[0]
		return
	case "grpc-timeout", "connect-timeout-ms":
		if h.Timeout == nil {
			h.Timeout, h.TimeoutName = []byte(values[0]), name
			return
		}
	case "expect":
		if strings.EqualFold(values[0], "100-continue") {
			h.Expect100 = true
			return
		}
	case ":protocol":
		h.Protocol = values[0] // RFC 8441, if net/http lets it through
		return
	case "upgrade":
		if x.r.ProtoMajor == 1 {
			h.Protocol = values[0]
		}
		return
	case "connection", "keep-alive", "proxy-connection", "transfer-encoding", "te", "host":
		return
	}
	for _, v := range values {
		h.Fields.Append(name, v)
	}
}

// SetCall implements protocol.Exchange.
func (x *exchange) SetCall(c *fairlead.Call) {
	ctx := x.r.Context()
	x.stop = context.AfterFunc(ctx, func() { c.Wire().Cancel(ctx.Err()) })
}

// leave ends the use of the ResponseWriter. net/http resets the stream, or closes the connection, if the response did
// not come to its end.
func (x *exchange) leave() {
	if x.stop != nil {
		x.stop()
	}
	x.mu.Lock()
	complete := x.over && !x.aborted
	x.over = true
	x.mu.Unlock()
	buffer.Put(x.part)
	x.part = nil
	if x.raw != nil {
		_ = x.raw.Close()
		return
	}
	if !complete {
		panic(http.ErrAbortHandler)
	}
}
