package nethttp

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/fairlead-go/fairlead"
	"github.com/fairlead-go/fairlead/buffer"
	"github.com/fairlead-go/fairlead/internal/rpcwire"
	"github.com/fairlead-go/fairlead/protocol"
)

// held is how many bytes of a response wait for the end of the handler, so that a short response is sent as a whole and
// with its length. It is the size of net/http's buffer in HTTP/2; that in HTTP/1.1 is half of it.
const held = 4 << 10

var errOver = fairlead.Errorf(fairlead.Internal, "the handler has returned")

// response is the http.ResponseWriter of a mounted handler. Unlike net/http's it may be used by several goroutines, and
// after the handler has returned, when it does nothing.
type response struct {
	v      *visit
	head   bool // the request is HEAD
	fields http.Header

	cut     atomic.Bool // the write deadline has passed
	timerMu sync.Mutex
	timer   *time.Timer // of it

	mu       sync.Mutex
	over     bool
	status   int // 0: WriteHeader was not called
	begun    bool
	err      error // of sending
	section  protocol.Section
	out      fairlead.Metadata // the head's fields
	declared []string          // names of trailers
	buf      *buffer.Buf
	length   int64 // of the body, as the handler has declared it; -1: it has not
	written  int64
	hasType  bool
	encoded  bool
	ended    error // what result has returned
}

// Header implements http.ResponseWriter.
func (w *response) Header() http.Header {
	if w.fields == nil {
		w.fields = make(http.Header)
	}
	return w.fields
}

// WriteHeader implements http.ResponseWriter.
func (w *response) WriteHeader(status int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.writeHeader(status)
}

// writeHeader is WriteHeader; the lock is held.
func (w *response) writeHeader(status int) {
	switch {
	case w.over || w.v.hijacked:
		w.complain("http: WriteHeader after the end of the handler, or Hijack")
		return
	case w.status != 0:
		w.complain("http: superfluous response.WriteHeader call")
		return
	case status < 100 || status > 999:
		panic(fmt.Sprintf("invalid WriteHeader code %v", status)) // as net/http does
	case status < 200 && status != http.StatusSwitchingProtocols:
		w.inform(status)
		return
	}
	w.status, w.length = status, -1
	w.snapshot()
}

func (w *response) complain(what string) {
	w.v.s.d.Logger().Warn(what, "pattern", w.v.route.Method.Path)
}

// inform sends an interim response with the fields that there are so far.
func (w *response) inform(status int) {
	md := new(fairlead.Metadata)
	for _, key := range slices.Sorted(maps.Keys(w.fields)) {
		w.copyField(md, key)
	}
	_ = w.v.x.Inform(status, md) // the client may do without
}

// snapshot makes the head of the fields that there are, which the handler may change from now on without effect.
func (w *response) snapshot() {
	for _, key := range slices.Sorted(maps.Keys(w.fields)) {
		if strings.HasPrefix(key, http.TrailerPrefix) {
			continue
		}
		values := w.fields[key]
		switch key {
		case "Content-Length":
			if len(values) == 0 {
				continue
			}
			n, err := strconv.ParseInt(values[0], 10, 64)
			if err != nil || n < 0 {
				w.complain("http: invalid Content-Length of " + strconv.Quote(values[0]))
				continue
			}
			w.length, w.section.Bare = n, true
		case "Date":
			w.section.Bare = true // the handler's own, or none
		case "Content-Type":
			w.hasType = true
		case "Content-Encoding":
			w.encoded = len(values) > 0 && values[0] != ""
		case "Trailer":
			for _, name := range splitList(values) {
				w.declared = append(w.declared, http.CanonicalHeaderKey(name))
			}
		}
		w.copyField(&w.out, key)
	}
	for k, v := range w.v.call.ResponseHeader().All() { // of middleware
		w.out.Append(k, v)
	}
}

// copyField adds the values of a field that can be sent. Fields of the connection are the wire's.
func (w *response) copyField(md *fairlead.Metadata, key string) {
	name := strings.ToLower(key)
	switch name {
	case "connection", "upgrade":
		if w.status == http.StatusSwitchingProtocols { // Hijack sends it
			break
		}
		if name == "upgrade" {
			return
		}
		for _, v := range splitList(w.fields[key]) {
			if w.v.x.Head().Version == 1 && strings.EqualFold(v, "close") {
				md.Append(name, "close")
			}
		}
		return
	case "keep-alive", "proxy-connection", "transfer-encoding":
		return
	}
	if !isToken(name) {
		return
	}
	for _, v := range w.fields[key] {
		md.Append(name, clean(v))
	}
}

// isToken reports whether a name in lower case can be that of a field (RFC 9110, section 5.1).
func isToken(name string) bool {
	for i := range len(name) {
		switch c := name[i]; {
		case 'a' <= c && c <= 'z', '0' <= c && c <= '9', strings.IndexByte("!#$%&'*+-.^_`|~", c) >= 0:
		default:
			return false
		}
	}
	return name != ""
}

// clean returns a value without what would end its field: net/http does the same in HTTP/1.1.
func clean(v string) string {
	if strings.ContainsAny(v, "\r\n\x00") {
		v = strings.NewReplacer("\r", " ", "\n", " ", "\x00", " ").Replace(v)
	}
	return strings.Trim(v, " \t")
}

// allowsBody reports whether responses with the status have a body (RFC 9110, section 6.4.1).
func allowsBody(status int) bool {
	return status >= 200 && status != http.StatusNoContent && status != http.StatusNotModified
}

// Write implements http.ResponseWriter.
func (w *response) Write(p []byte) (int, error) { return write(w, p) }

// WriteString implements io.StringWriter.
func (w *response) WriteString(s string) (int, error) { return write(w, s) }

func write[T []byte | string](w *response, p T) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	switch {
	case w.v.hijacked:
		return 0, http.ErrHijacked
	case w.over:
		return 0, errOver
	}
	if w.status == 0 {
		w.writeHeader(http.StatusOK)
	}
	if len(p) == 0 {
		return 0, w.err
	}
	if !allowsBody(w.status) {
		return 0, http.ErrBodyNotAllowed
	}
	if w.length >= 0 && w.written+int64(len(p)) > w.length {
		return 0, http.ErrContentLength
	}
	w.written += int64(len(p))
	if w.buf == nil {
		w.buf = buffer.Get(min(len(p), held))
	}
	n := len(p)
	for len(p) > 0 && w.err == nil {
		if len(w.buf.B) == held {
			w.send()
			continue
		}
		part := p[:min(len(p), held-len(w.buf.B))]
		if len(w.buf.B) == 0 && len(p) > held {
			part = p[:min(len(p), sendMax)] // not in small pieces
		}
		w.buf.Grow(len(part))
		w.buf.B = append(w.buf.B, part...)
		if p = p[len(part):]; len(w.buf.B) > held {
			w.send()
		}
	}
	if w.err != nil {
		return 0, w.err
	}
	return n, nil
}

// sendMax is the length of the parts in which a long Write is sent.
const sendMax = 32 << 10

// send sends the head, if that was not sent, and what is held. The lock is held.
func (w *response) send() {
	if !w.begun {
		w.begun = true
		w.prepare()
		if w.err = w.v.x.SendHead(w.section); w.err != nil {
			return
		}
	}
	if w.buf != nil && len(w.buf.B) > 0 {
		if !w.head {
			w.err = w.v.x.Send(&protocol.Message{Bytes: w.buf.B}, false)
		}
		w.buf.B = w.buf.B[:0]
	}
}

// prepare completes the section of the head: with the type of the content, if the handler has not said it.
func (w *response) prepare() {
	if !w.hasType && !w.encoded && w.buf != nil && len(w.buf.B) > 0 {
		w.out.Append("content-type", http.DetectContentType(w.buf.B))
	}
	if _, own := w.fields["Date"]; w.section.Bare && !own {
		w.out.Append("date", time.Now().UTC().Format(http.TimeFormat))
	}
	w.section.Status, w.section.Extra = w.status, &w.out
}

// Flush implements http.Flusher.
func (w *response) Flush() { _ = w.FlushError() }

// FlushError is Flush, for http.ResponseController.
func (w *response) FlushError() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	switch {
	case w.v.hijacked:
		return http.ErrHijacked
	case w.over:
		return errOver
	}
	if w.status == 0 {
		w.writeHeader(http.StatusOK)
	}
	w.send()
	return w.err
}

// EnableFullDuplex is for http.ResponseController. A response may always be sent before the request is read.
func (*response) EnableFullDuplex() error { return nil }

// SetReadDeadline is for http.ResponseController. A Read that is in progress without a deadline, in another goroutine,
// ends the response as well when the new deadline passes.
func (w *response) SetReadDeadline(t time.Time) error {
	if w.v.body != nil {
		w.v.body.setDeadline(t)
	}
	return nil
}

// SetWriteDeadline is for http.ResponseController. After the deadline the exchange is reset.
func (w *response) SetWriteDeadline(t time.Time) error {
	w.timerMu.Lock()
	defer w.timerMu.Unlock()
	if w.timer != nil {
		w.timer.Stop()
		w.timer = nil
	}
	if !t.IsZero() {
		w.timer = time.AfterFunc(time.Until(t), func() {
			w.cut.Store(true)
			w.v.x.Interrupt(os.ErrDeadlineExceeded)
		})
	}
	return nil
}

// stopTimer forgets the write deadline.
func (w *response) stopTimer() {
	w.timerMu.Lock()
	defer w.timerMu.Unlock()
	if w.timer != nil {
		w.timer.Stop()
	}
}

// CloseNotify implements http.CloseNotifier, which is deprecated and still called by web frameworks.
func (w *response) CloseNotify() <-chan bool {
	gone := make(chan bool, 1)
	context.AfterFunc(w.v.call.Context(), func() { gone <- true })
	return gone
}

// lock takes the lock, from a goroutine that waits for the client if need be.
func (w *response) lock() {
	if !w.mu.TryLock() {
		w.v.x.Interrupt(errOver)
		w.mu.Lock()
	}
}

// finish ends the response. The lock is held, and nothing else uses the exchange.
func (w *response) finish() {
	if w.status == 0 {
		w.writeHeader(http.StatusOK)
	}
	if !w.begun && w.status < http.StatusOK { // it has switched protocols, and not taken the connection
		w.v.fail(fairlead.Errorf(fairlead.Internal, "the handler did not take the connection"))
		return
	}
	if w.err != nil || w.length > w.written && !w.head && allowsBody(w.status) {
		w.v.x.Reset(protocol.ResetInternal, errShort)
		return
	}
	trailer := w.trailer()
	var rest []byte
	if w.buf != nil {
		rest = w.buf.B
	}
	if !w.begun && !trailer.Empty() {
		w.send() // a head that is not the last of the response
		rest = nil
	}
	reply := protocol.Reply{Message: protocol.Message{Bytes: rest}, Trailer: trailer}
	if !w.begun {
		if w.section.Bare && w.length < 0 && allowsBody(w.status) && (len(rest) > 0 || !w.head) {
			w.out.Append("content-length", strconv.Itoa(len(rest)))
		}
		w.prepare()
		reply.Head = w.section
	}
	switch {
	case w.begun && (len(rest) == 0 || w.head):
		w.v.x.Finish(trailer)
	case len(rest) == 0:
		w.v.x.Finish(reply.Head)
	default:
		// Bytes need no codec, so Reply cannot fail.
		_ = w.v.x.Reply(&reply)
	}
}

var errShort = errors.New("nethttp: the response is shorter than its Content-Length, or could not be sent")

// trailer returns what follows the body: the fields that were declared, and those with http.TrailerPrefix.
func (w *response) trailer() protocol.Section {
	var md fairlead.Metadata
	for _, key := range w.declared {
		w.copyField(&md, key)
	}
	for _, key := range slices.Sorted(maps.Keys(w.fields)) {
		if name, ok := strings.CutPrefix(key, http.TrailerPrefix); ok && isToken(strings.ToLower(name)) {
			for _, v := range w.fields[key] {
				md.Append(strings.ToLower(name), clean(v))
			}
		}
	}
	for k, v := range w.v.call.ResponseTrailer().All() { // of middleware
		md.Append(k, v)
	}
	if md.Len() == 0 {
		return protocol.Section{}
	}
	return protocol.Section{Extra: &md}
}

// close makes the ResponseWriter useless. The lock is held.
func (w *response) close() {
	w.over = true
	buffer.Put(w.buf)
	w.buf = nil
}

// result returns the error of the call, which middleware sees, for a response that says that the request has failed,
// and for a handler that has noticed the end of its context and written nothing.
func (w *response) result(ctx context.Context) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.status == 0 && !w.v.hijacked && ctx.Err() != nil {
		return rpcwire.ContextError(ctx)
	}
	if code := codeOf(w.status); code != fairlead.OK {
		w.ended = fairlead.Errorf(code, "the response has the status %d", w.status)
	}
	return w.ended
}

// isResult reports whether an error is that of result, so that the response is what the client is to get.
func (w *response) isResult(err error) bool { return w.ended != nil && errors.Is(err, w.ended) }

// codeOf returns the code of a call whose response has a status.
func codeOf(status int) fairlead.Code {
	switch status {
	case http.StatusUnauthorized:
		return fairlead.Unauthenticated
	case http.StatusForbidden:
		return fairlead.PermissionDenied
	case http.StatusNotFound, http.StatusGone:
		return fairlead.NotFound
	case http.StatusRequestTimeout, http.StatusGatewayTimeout:
		return fairlead.DeadlineExceeded
	case http.StatusConflict:
		return fairlead.Aborted
	case http.StatusPreconditionFailed:
		return fairlead.FailedPrecondition
	case http.StatusRequestEntityTooLarge, http.StatusTooManyRequests:
		return fairlead.ResourceExhausted
	case http.StatusRequestedRangeNotSatisfiable:
		return fairlead.OutOfRange
	case 499: // nginx' own, for clients that have gone
		return fairlead.Canceled
	case http.StatusMethodNotAllowed, http.StatusNotImplemented:
		return fairlead.Unimplemented
	case http.StatusInternalServerError:
		return fairlead.Internal
	case http.StatusBadGateway, http.StatusServiceUnavailable:
		return fairlead.Unavailable
	}
	switch {
	case status < 400:
		return fairlead.OK
	case status < 500:
		return fairlead.InvalidArgument
	}
	return fairlead.Unknown
}
