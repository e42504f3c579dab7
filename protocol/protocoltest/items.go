package protocoltest

import (
	"context"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/fairlead-go/fairlead"
	"github.com/fairlead-go/fairlead/protocol"
)

// Items is a small protocol that HTTP requests carry, as REST is one. It uses what gRPC has no use for: paths with
// variables, statuses and fields that differ from response to response, several methods for a path. RunHTTP tests wires
// with it. Requests are no calls of a method, but are admitted, cancelled and drained like those. The zero value is
// ready, for one server.
type Items struct {
	d     protocol.Dispatcher
	route *protocol.Route
}

var _ protocol.HTTP = (*Items)(nil)

// ItemsHead is the head of requests to Items but for method and path.
func ItemsHead() *protocol.Block {
	return protocol.NewBlock(":scheme", "http", ":authority", "items", "user-agent", "test")
}

var itemsBlock = protocol.NewBlock("content-type", "text/plain") //nolint:gochecknoglobals // a constant

// itemsTime is how long Items waits for the body of a request that does not say it.
const itemsTime = 10 * time.Second

// timeoutField is the field in which requests to Items say how long they wait, in milliseconds.
const timeoutField = "connect-timeout-ms"

// itemsTunnel is the protocol of streams of bytes that are sent back as they come.
const itemsTunnel = "items"

// item is what a path stands for.
type item struct{ id string }

// Name implements protocol.HTTP.
func (it *Items) Name() string { return "items" }

// Attach implements protocol.HTTP.
func (it *Items) Attach(d protocol.Dispatcher) error {
	route, err := d.NewRoute(&fairlead.Method{Service: "items", Name: "Item", Path: "/items/"}, holdItem)
	it.d, it.route = d, route
	return err
}

// holdItem is the handler: the item "hold" waits until its call is cancelled.
func holdItem(ctx context.Context, c *fairlead.Call) error {
	if t, ok := c.Request().(*itemTask); ok && t.id == "hold" {
		<-ctx.Done()
		return ctx.Err()
	}
	return nil
}

// Match implements protocol.HTTP.
func (it *Items) Match(h *protocol.Head) protocol.Mode {
	id, ok := strings.CutPrefix(h.Path, "/items/")
	if !ok || id == "" {
		return protocol.Pass
	}
	h.Matched = &item{id}
	if origin := h.Fields.Get("origin"); origin != "" {
		h.Answer = new(fairlead.Metadata)
		h.Answer.Add("access-control-allow-origin", origin)
		h.Answer.Add("vary", "origin")
	}
	if h.Protocol == itemsTunnel {
		return protocol.Streamed
	}
	switch h.Verb {
	case "GET", "HEAD":
		return protocol.Complete
	case "PUT":
		if h.ContentType != "text/plain" {
			return protocol.WrongType
		}
		if h.Query == "streamed" {
			return protocol.Streamed
		}
		return protocol.Complete
	}
	h.Allow = append(h.Allow, "PUT", "GET")
	return protocol.WrongVerb
}

// Deadline implements protocol.HTTP.
func (it *Items) Deadline(h *protocol.Head) time.Time {
	if v := h.TimeoutIn(timeoutField); v != nil {
		if ms, err := strconv.Atoi(string(v)); err == nil {
			return h.Came.Add(time.Duration(ms) * time.Millisecond)
		}
	}
	return h.Came.Add(itemsTime)
}

// Whole implements protocol.HTTP.
func (it *Items) Whole(x protocol.Exchange, body []byte) protocol.Task {
	h := x.Head()
	t := &itemTask{x: x, items: it, query: h.Query, size: len(body), reply: protocol.Reply{Head: itemHead(h)}}
	if i, ok := h.Matched.(*item); ok {
		t.id = i.id
	}
	t.call = fairlead.NewServerCall(&fairlead.ServerCall{
		Method: it.route.Method, Peer: x.Peer(), Authority: h.Authority, UserAgent: h.UserAgent, Driver: t,
	})
	t.call.SetRequest(t)
	x.SetCall(t.call)
	if err := it.d.Admit(t.call, t.size); err != nil {
		t.call.Wire().End(t.call.Context(), err)
		x.Finish(protocol.Section{Status: 503})
		return nil
	}
	t.reply.Message.Bytes = append([]byte(h.Query+"\n"), body...)
	switch h.Query {
	case "tail":
		t.reply.Tail = []byte("behind the message")
	case "refused":
		msg := &Msg{Text: Refused}
		t.reply.Message = protocol.Message{Value: msg, Sizer: Codec{}, Size: Codec{}.Size(msg)}
	}
	if after := x.Trailer(); after != nil {
		t.reply.Head.Extra.Add("sum", after.Fields.Get("sum"))
	}
	return t
}

// itemTask answers with what was asked for: the identifier as the field "item", the query and the body as text, and the
// field "sum" of the request's trailer. An identifier that is a number of three digits is the status; the query "tail"
// asks for bytes behind the message, "head" for a head alone, "refused" for a message that cannot be encoded, which is
// answered with 500, and "streamed" for the body to be sent back as it comes.
type itemTask struct {
	x     protocol.Exchange
	items *Items
	call  *fairlead.Call
	id    string
	query string
	size  int
	reply protocol.Reply
}

// Cost implements protocol.Task.
func (t *itemTask) Cost() *protocol.Cost { return &t.items.route.Cost }

// Run implements protocol.Task.
func (t *itemTask) Run() {
	ctx := t.call.Context()
	err := t.items.route.Handler(ctx, t.call)
	t.call.Wire().End(ctx, err)
	switch {
	case err != nil:
		t.x.Finish(protocol.Section{Status: 500})
	case t.query == "head":
		t.x.Finish(t.reply.Head)
	default:
		if err := t.x.Reply(&t.reply); err != nil { // nothing was sent
			t.x.Finish(protocol.Section{Status: 500})
		}
	}
	t.items.d.Done(t.call, t.size)
}

// Protocol implements fairlead.Driver.
func (t *itemTask) Protocol() string { return "items" }

// SendHeader implements fairlead.Driver.
func (t *itemTask) SendHeader(*fairlead.Call) error { return nil }

// WaitHeader implements fairlead.Driver; it is for clients.
func (t *itemTask) WaitHeader(context.Context, *fairlead.Call) error { return nil }

// Draining implements fairlead.Driver.
func (t *itemTask) Draining() <-chan struct{} { return t.items.d.Draining() }

// itemHead makes the head of a response.
func itemHead(h *protocol.Head) protocol.Section {
	it, ok := h.Matched.(*item)
	if !ok {
		return protocol.Section{Status: 500, Block: itemsBlock}
	}
	status := 200
	if n, err := strconv.Atoi(it.id); err == nil && len(it.id) == 3 {
		status = n
	}
	md := new(fairlead.Metadata)
	md.Add("item", it.id)
	md.Add("raw-bin", "no base64")
	return protocol.Section{Status: status, Block: itemsBlock, Extra: md}
}

// hijack sends back what comes on the connection itself, and answers with 501 if the exchange has none to itself.
func (it *Items) hijack(x protocol.Exchange) {
	j, ok := x.(protocol.Hijacker)
	if !ok {
		x.Finish(protocol.Section{Status: 501})
		return
	}
	tc, err := j.Hijack()
	if err != nil {
		x.Finish(protocol.Section{Status: 500})
		return
	}
	defer func() { _ = tc.Close() }()
	for {
		b, err := tc.Peek(1)
		if err != nil || tc.Write(b) != nil {
			return
		}
		tc.Discard(len(b))
	}
}

// Stream implements protocol.HTTP: it sends back the parts of the body as they come, and the request's trailer at the
// end if there is one. Requests whose body did not come in time get 504. A request for the protocol "items" becomes a
// stream of bytes; with the query "hijack" it takes over the connection.
func (it *Items) Stream(x protocol.Exchange) {
	h := x.Head()
	head := itemHead(h)
	switch {
	case h.Protocol == itemsTunnel && h.Query == "hijack":
		it.hijack(x)
		return
	case h.Protocol == itemsTunnel:
		head.Status = h.SwitchStatus()
	case h.Query != "streamed":
		x.Finish(protocol.Section{Status: 504})
		return
	}
	if h.Expect100 {
		early := new(fairlead.Metadata)
		early.Add("link", "</style.css>; rel=preload")
		if err := x.Inform(103, early); err != nil {
			x.Reset(protocol.ResetInternal, err)
			return
		}
	}
	if err := x.SendHead(head); err != nil {
		x.Reset(protocol.ResetInternal, err)
		return
	}
	for {
		b, err := x.Read()
		if err == io.EOF { //nolint:errorlint // Pipe returns it bare
			var t protocol.Section
			if after := x.Trailer(); after != nil {
				t.Extra = &after.Fields
			} else if h.Protocol != "" {
				t.Extra = head.Extra // it must not be sent
			}
			x.Finish(t)
			return
		}
		if err == nil {
			err = x.Send(&protocol.Message{Bytes: b}, false)
		}
		if err != nil {
			x.Reset(protocol.ResetCancel, err)
			return
		}
	}
}
