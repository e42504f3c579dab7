package protocoltest

import (
	"context"
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
	route, err := d.NewRoute(&fairlead.Method{Service: "items", Name: "Item", Path: "/items/"}, serveItem)
	it.d, it.route = d, route
	return err
}

// serveItem is the handler of all requests: the item "hold" waits until its call is canceled, and streams are copied.
func serveItem(ctx context.Context, c *fairlead.Call) error {
	switch r := c.Request().(type) {
	case *itemTask:
		if r.id == "hold" {
			<-ctx.Done()
			return ctx.Err()
		}
	case *itemStream:
		return r.copy()
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

// begin makes the call of an exchange and asks the server to admit it. It answers and returns false if it is not.
func (it *Items) begin(c *itemCall, x protocol.Exchange, size int, driver fairlead.Driver) bool {
	h := x.Head()
	c.x, c.items, c.query, c.size = x, it, h.Query, size
	if i, ok := h.Matched.(*item); ok {
		c.id = i.id
	}
	p := fairlead.ServerCall{
		Method: it.route.Method, Peer: x.Peer(), Authority: h.Authority, UserAgent: h.UserAgent, Driver: driver,
	}
	if v := h.TimeoutIn(timeoutField); v != nil {
		if ms, err := strconv.Atoi(string(v)); err == nil {
			p.Deadline = time.Now().Add(time.Duration(ms) * time.Millisecond)
		}
	}
	c.call = fairlead.NewServerCall(&p)
	c.call.SetRequest(driver)
	x.SetCall(c.call)
	err := it.d.Admit(c.call, size)
	if err != nil {
		_ = c.call.Wire().End(c.call.Context(), err)
		x.Finish(protocol.Section{Status: 503})
	}
	return err == nil
}

// Whole implements protocol.HTTP.
func (it *Items) Whole(x protocol.Exchange, body []byte) protocol.Task {
	h := x.Head()
	t := &itemTask{reply: protocol.Reply{Head: itemHead(h)}}
	if !it.begin(&t.itemCall, x, len(body), t) {
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
	itemCall

	reply protocol.Reply
}

// Cost implements protocol.Task.
func (t *itemTask) Cost() *protocol.Cost { return &t.items.route.Cost }

// Run implements protocol.Task.
func (t *itemTask) Run() {
	ctx := t.call.Context()
	err := t.items.route.Handler(ctx, t.call)
	err = t.call.Wire().End(ctx, err)
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

// itemCall is the call of a request, and its driver.
type itemCall struct {
	x     protocol.Exchange
	items *Items
	call  *fairlead.Call
	id    string
	query string
	size  int
}

// Protocol implements fairlead.Driver.
func (c *itemCall) Protocol() string { return "items" }

// SendHeader implements fairlead.Driver.
func (c *itemCall) SendHeader(*fairlead.Call) error { return nil }

// WaitHeader implements fairlead.Driver; it is for clients.
func (c *itemCall) WaitHeader(context.Context, *fairlead.Call) error { return nil }

// Draining implements fairlead.Driver.
func (c *itemCall) Draining() <-chan struct{} { return c.items.d.Draining() }

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
