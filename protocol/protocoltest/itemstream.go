package protocoltest

import (
	"context"
	"io"

	"github.com/fairlead-go/fairlead"
	"github.com/fairlead-go/fairlead/protocol"
)

// Stream implements protocol.HTTP: it sends back the parts of the body as they come, and the request's trailer at the
// end if there is one. A body whose length is known has to come in the server's time for messages. Requests whose body
// did not come in time get 504. The item "hold" sends a head, waits until the client has gone, and answers then. A
// request for the protocol "items" becomes a stream of bytes; with the query "hijack" it takes over the connection.
func (it *Items) Stream(x protocol.Exchange) {
	st := &itemStream{tunnel: x.Head().Protocol == itemsTunnel}
	if !st.tunnel && x.Head().Query != "streamed" {
		x.Finish(protocol.Section{Status: 504})
		return
	}
	if !it.begin(&st.itemCall, x, 0, st) {
		return
	}
	defer it.d.Done(st.call, 0)
	ctx := st.call.Context()
	stop := context.AfterFunc(ctx, func() { x.Interrupt(ctx.Err()) }) // the handler may be waiting for the client
	err := it.route.Handler(ctx, st.call)
	stop()
	err = st.call.Wire().End(ctx, err)
	switch {
	case st.over:
	case err != nil:
		x.Reset(protocol.ResetCancel, err)
	default:
		x.Finish(st.trailer)
	}
}

// itemStream is a request whose body is read, and response sent, as it comes.
type itemStream struct {
	itemCall

	tunnel  bool
	over    bool // the exchange was ended
	trailer protocol.Section
}

// copy is the handler's work.
func (st *itemStream) copy() error {
	x := st.x
	h := x.Head()
	head := itemHead(h)
	if st.tunnel {
		if st.query == "hijack" {
			return st.hijack()
		}
		head.Status = h.SwitchStatus()
		st.trailer.Extra = head.Extra // it must not be sent
	}
	if h.Expect100 {
		early := new(fairlead.Metadata)
		early.Add("link", "</style.css>; rel=preload")
		if err := x.Inform(103, early); err != nil {
			return err
		}
	}
	if err := x.SendHead(head); err != nil {
		return err
	}
	if st.id == "hold" {
		ctx := st.call.Context()
		<-ctx.Done()
		st.over = true
		_ = x.Reply(&protocol.Reply{Message: protocol.Message{Bytes: []byte("late")}}) // to nobody
		return ctx.Err()
	}
	if h.Fields.Get("content-length") != "" {
		x.Expect(true) // it is to be there as a whole
		defer x.Expect(false)
	}
	for {
		b, err := x.Read()
		if err == io.EOF { //nolint:errorlint // Pipe returns it bare
			if after := x.Trailer(); after != nil {
				st.trailer.Extra = &after.Fields
			}
			return nil
		}
		if err == nil {
			err = x.Send(&protocol.Message{Bytes: b}, false)
		}
		if err != nil {
			return err
		}
	}
}

// hijack sends back what comes on the connection itself, and answers with 501 if the exchange has none to itself.
func (st *itemStream) hijack() error {
	st.over = true
	j, ok := st.x.(protocol.Hijacker)
	if !ok {
		st.x.Finish(protocol.Section{Status: 501})
		return nil
	}
	tc, err := j.Hijack()
	if err != nil {
		st.x.Finish(protocol.Section{Status: 500})
		return err
	}
	defer func() { _ = tc.Close() }()
	for {
		b, err := tc.Peek(1)
		if err == nil {
			err = tc.Write(b)
		}
		if err != nil {
			return err
		}
		tc.Discard(len(b))
	}
}
