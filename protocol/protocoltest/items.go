package protocoltest

import (
	"errors"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/fairlead-go/fairlead"
	"github.com/fairlead-go/fairlead/protocol"
)

// Items is a small protocol that HTTP requests carry, as REST is one. It uses what gRPC has no use for: paths with
// variables, statuses and fields that differ from response to response, several methods for a path. RunHTTP tests wires
// with it. The zero value is ready.
type Items struct{}

var _ protocol.HTTP = Items{}

// ItemsHead is the head of requests to Items but for method and path.
func ItemsHead() *protocol.Block {
	return protocol.NewBlock(":scheme", "http", ":authority", "items", "user-agent", "test")
}

var itemsBlock = protocol.NewBlock("content-type", "text/plain") //nolint:gochecknoglobals // a constant

// itemsTime is how long Items waits for the body of a request that does not say it.
const itemsTime = 10 * time.Second

// timeoutField is the field in which requests to Items say how long they wait, in milliseconds.
const timeoutField = "connect-timeout-ms"

// item is what a path stands for.
type item struct{ id string }

// Name implements protocol.HTTP.
func (Items) Name() string { return "items" }

// Attach implements protocol.HTTP.
func (Items) Attach(protocol.Dispatcher) error { return nil }

// Match implements protocol.HTTP.
func (Items) Match(h *protocol.Head) protocol.Mode {
	id, ok := strings.CutPrefix(h.Path, "/items/")
	if !ok || id == "" {
		return protocol.Pass
	}
	h.Binding = &item{id}
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
func (Items) Deadline(h *protocol.Head) time.Time {
	if v := h.TimeoutIn(timeoutField); v != nil {
		if ms, err := strconv.Atoi(string(v)); err == nil {
			return h.Came.Add(time.Duration(ms) * time.Millisecond)
		}
	}
	return h.Came.Add(itemsTime)
}

// Whole implements protocol.HTTP.
func (Items) Whole(x protocol.Exchange, body []byte) protocol.Task {
	h := x.Head()
	t := &itemTask{x: x, reply: protocol.Reply{Head: itemHead(h)}}
	t.reply.Message.Bytes = append([]byte(h.Query+"\n"), body...)
	if h.Query == "tail" {
		t.reply.Tail = []byte("behind the message")
	}
	if after := x.Trailer(); after != nil {
		t.reply.Head.Extra.Add("sum", after.Fields.Get("sum"))
	}
	return t
}

// itemTask answers with what was asked for: the identifier as the field "item", the query and the body as text, and the
// field "sum" of the request's trailer. An identifier that is a number of three digits is the status; the query "tail"
// asks for bytes behind the message, and "streamed" for the body to be sent back as it comes.
type itemTask struct {
	x     protocol.Exchange
	reply protocol.Reply
	cost  protocol.Cost
}

// Cost implements protocol.Task.
func (t *itemTask) Cost() *protocol.Cost { return &t.cost }

// Run implements protocol.Task.
func (t *itemTask) Run() {
	_ = t.x.Reply(&t.reply) // bytes need no codec, so nothing can fail
}

// itemHead makes the head of a response.
func itemHead(h *protocol.Head) protocol.Section {
	it, ok := h.Binding.(*item)
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

// Open implements protocol.HTTP: it sends the parts of the body back as they come, and ends with the request's trailer
// if there is one. Requests whose body did not come in time get 504.
func (Items) Open(x protocol.Exchange) {
	if x.Head().Query != "streamed" {
		x.Finish(protocol.Section{Status: 504})
		return
	}
	if x.Head().Fields.Get("expect") == "100-continue" {
		early := new(fairlead.Metadata)
		early.Add("link", "</style.css>; rel=preload")
		if err := errors.Join(x.Inform(103, early), x.Inform(100, nil)); err != nil {
			x.Reset(protocol.ResetInternal, err)
			return
		}
	}
	if err := x.SendHead(itemHead(x.Head())); err != nil {
		x.Reset(protocol.ResetInternal, err)
		return
	}
	for {
		b, err := x.Read()
		if err == io.EOF { //nolint:errorlint // Pipe returns it bare
			var t protocol.Section
			if after := x.Trailer(); after != nil {
				t.Extra = &after.Fields
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
