package bench

import (
	"context"
	"strings"
	"time"

	"github.com/fairlead-go/fairlead"
	"github.com/fairlead-go/fairlead/cmd/internal/bench/load"
	"github.com/fairlead-go/fairlead/cmd/internal/bench/payload"
	"github.com/fairlead-go/fairlead/cmd/internal/dial"
)

// target is a method, and what to call it with. It is read-only once it is made.
type target struct {
	method   *fairlead.Method
	handlers []fairlead.Handler // of the clients, each with a connection of its own
	data     *payload.Template
	constant []*fairlead.Raw // the messages of data that never change; nil for the others
	headers  []header        // that change; the clients send the others
	timeout  time.Duration   // of a call; 0: none
	messages int             // to send in a stream, or to receive from one; 0: as many as there are
	pingPong bool
	seed     uint64
}

// header is one whose value is a template.
type header struct {
	name  string
	value *payload.Text
}

// newTarget prepares calls of m over the binders. With a check responses are decoded.
func newTarget(m *fairlead.Method, data *payload.Template, c *check, binders ...fairlead.Binder) *target {
	// Messages go as they are: requests as Raw, responses to the codec above.
	own := *m
	own.NewRequest, own.Extensions = nil, nil
	own.NewResponse = func() any { return new(received) }
	if c != nil {
		own.NewResponse = func() any { return &checked{check: c} }
	}
	t := &target{method: &own, data: data}
	for _, b := range binders {
		t.handlers = append(t.handlers, b.Bind(&own))
	}
	for i := range data.Len() {
		var raw *fairlead.Raw
		if b, ok := data.Constant(i); ok {
			raw = &fairlead.Raw{Data: b, Codec: "proto"}
		}
		t.constant = append(t.constant, raw)
	}
	return t
}

// caller makes a worker's load.Caller.
func (t *target) caller(worker int) load.Caller {
	w := &caller{target: t, call: t.handlers[worker%len(t.handlers)]}
	if m := t.method.NewResponse(); m != nil {
		w.reply = m
	}
	w.state = payload.NewState(worker, t.seed, func() int64 { return w.turn.Seq() })
	w.encoder = t.data.Encoder(w.state)
	for _, h := range t.headers {
		w.headers = append(w.headers, h.value.Writer(w.state))
	}
	switch {
	case t.method.Kind == fairlead.Unary:
		w.run = w.unary
	case t.method.Kind == fairlead.ServerStreaming:
		w.run = w.serverStream
	case t.method.Kind == fairlead.ClientStreaming:
		w.run = w.clientStream
	case t.pingPong:
		w.run = w.conversation
	default:
		w.run = w.duplex
	}
	return w
}

// caller makes the calls of a worker. The messages that it renders share a buffer: a call keeps nothing of them.
type caller struct {
	*target

	call    fairlead.Handler
	run     func(ctx context.Context, t *load.Turn) error
	turn    *load.Turn
	state   *payload.State
	encoder *payload.Encoder
	headers []func(dst []byte) ([]byte, error)
	buf     []byte
	raw     fairlead.Raw
	reply   any // messages of streams are received into it
}

// Call implements load.Caller.
func (w *caller) Call(ctx context.Context, t *load.Turn) error {
	w.turn = t
	if seq, ok := t.Ticket(); ok {
		// There are as many workers as calls under way, which may be fewer than connections.
		w.call = w.handlers[seq%int64(len(w.handlers))]
	}
	return w.run(ctx, t)
}

// request returns message i of the data. The message is used until the next one is asked for.
func (w *caller) request(i int) (*fairlead.Raw, error) {
	i %= len(w.constant)
	if raw := w.constant[i]; raw != nil {
		return raw, nil
	}
	var err error
	if w.buf, err = w.encoder.Append(w.buf[:0], i); err != nil {
		return nil, fairlead.Errorf(fairlead.InvalidArgument, "%w", err).WithReach(fairlead.NotSent)
	}
	w.raw.Data, w.raw.Codec = w.buf, "proto"
	return &w.raw, nil
}

// changes reports whether anything must be rendered before a call.
func (w *caller) changes() bool { return w.constant[0] == nil || len(w.headers) > 0 }

// newCall makes a call with its headers and deadline. Request is nil for those that send a stream.
func (w *caller) newCall(t *load.Turn, request *fairlead.Raw) (*fairlead.Call, error) {
	var first any // not a *Raw that is nil
	if request != nil {
		first = request
	}
	c := fairlead.NewCall(w.method, first)
	for i, write := range w.headers {
		b, err := write(nil)
		if err != nil {
			return nil, fairlead.Errorf(fairlead.InvalidArgument, "header %s: %w", w.target.headers[i].name, err).
				WithReach(fairlead.NotSent)
		}
		c.RequestHeader().Append(w.target.headers[i].name, string(b))
	}
	if w.changes() {
		t.Prepared()
	}
	if w.timeout > 0 {
		c.Tighten(t.Begun().Add(w.timeout))
	}
	return c, nil
}

// size is the number of bytes of a response.
func size(response any) int {
	switch m := response.(type) {
	case *received:
		return m.bytes
	case *checked:
		return m.bytes
	}
	return 0
}

// splitHeaders takes the headers whose values are templates out of md and parses them. Templates whose value does not
// change become it.
func splitHeaders(
	ctx context.Context, flags *dial.Flags, md *fairlead.Metadata,
) (fixed fairlead.Metadata, changing []header, err error) {
	for name, value := range md.All() {
		if strings.HasSuffix(name, "-bin") || !strings.Contains(value, "{{") {
			fixed.Append(name, value)
			continue
		}
		text, err := parse(ctx, flags, func() (*payload.Text, error) {
			return payload.ParseText("--header "+name, value)
		})
		if err != nil {
			return fixed, nil, err
		}
		if v, ok := text.Constant(); ok {
			fixed.Append(name, v)
			continue
		}
		changing = append(changing, header{name: name, value: text})
	}
	return fixed, changing, nil
}

// methodName is how people write a method.
func methodName(m *fairlead.Method) string { return m.Service + "/" + m.Name }
