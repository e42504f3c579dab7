package call

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync/atomic"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/fairlead-go/fairlead"
	"github.com/fairlead-go/fairlead/cmd/internal/cli"
	"github.com/fairlead-go/fairlead/cmd/internal/dial"
	"github.com/fairlead-go/fairlead/dynamic"
)

// run is one call.
type run struct {
	server   *dial.Server
	method   *fairlead.Method
	requests *requests
	printer  *printer
	failure  *failure
	verbose  *commentary // nil: nobody wants to know

	started     time.Time // when the command began
	out, err    io.Writer
	interactive bool // requests are entered by somebody, who can correct them
	tally       tally
}

// tally is the outcome of a call.
type tally struct {
	begun, ended time.Time
	sent         atomic.Int64
	received     int
}

// call makes the call and prints what comes back. What it returns has been said already, if it is an error of the call.
func (r *run) call(ctx context.Context, headers *fairlead.Metadata) error {
	var err error
	if r.method.Kind == fairlead.Unary {
		err = r.unary(ctx, headers)
	} else {
		err = r.stream(ctx, headers)
	}
	var local *localError
	switch {
	case errors.As(err, &local):
		return cli.Failed(local.err)
	case err == nil:
		r.verbose.ended(r.server, &r.tally)
		return nil
	case errors.Is(ctx.Err(), context.Canceled):
		err = fairlead.Errorf(fairlead.Canceled, "interrupted")
	}
	r.verbose.ended(r.server, &r.tally)
	return r.failure.report(ctx, err, r.hints(ctx, err))
}

// localError is one that is not of the call: of the input, or of printing.
type localError struct{ err error }

// Error returns the cause's text.
func (e *localError) Error() string { return e.err.Error() }

// Unwrap returns the cause.
func (e *localError) Unwrap() error { return e.err }

func local(err error) error {
	if err == nil {
		return nil
	}
	return &localError{err}
}

func (r *run) begin(headers *fairlead.Metadata) {
	r.verbose.began(r.method, headers)
	r.server.Mark()
	r.tally.begun = time.Now()
}

func (r *run) end() { r.tally.ended = time.Now() }

func (r *run) unary(ctx context.Context, headers *fairlead.Metadata) error {
	request, err := r.requests.one(ctx)
	if err != nil {
		return local(err)
	}
	var info fairlead.CallInfo
	r.begin(headers)
	r.tally.sent.Store(1)
	response, err := dynamic.Unary(ctx, r.server.Client, r.method, request, fairlead.WithInfo(&info))
	r.end()
	r.verbose.headers(&info.Header)
	if err == nil {
		err = r.print(ctx, response)
	}
	r.verbose.trailers(&info.Trailer)
	return err
}

func (r *run) print(ctx context.Context, m proto.Message) error {
	r.tally.received++
	return local(r.printer.print(ctx, r.out, m))
}

func (r *run) stream(ctx context.Context, headers *fairlead.Metadata) error {
	var request proto.Message
	if !r.method.Kind.ClientStreams() {
		var err error
		if request, err = r.requests.one(ctx); err != nil {
			return local(err)
		}
		r.tally.sent.Store(1)
	}
	// The sender must end with the call, not only with the command.
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	r.begin(headers)
	s, err := dynamic.Open(ctx, r.server.Client, r.method, request)
	if err != nil {
		r.end()
		return err
	}
	defer s.Close()
	if !r.method.Kind.ClientStreams() {
		err = r.receive(ctx, s)
		r.end()
		return err
	}
	sent := make(chan error, 1)
	go func() {
		err := r.send(ctx, s)
		if err != nil {
			_ = s.Close() // the receiver notices
		}
		sent <- err
	}()
	err = r.receive(ctx, s)
	r.end()
	cancel()
	_ = s.Close() // the sender notices
	if wrong := <-sent; wrong != nil {
		return wrong
	}
	return err
}

// receive prints what comes until the stream's end. Nil: the call succeeded.
func (r *run) receive(ctx context.Context, s *dynamic.Stream) error {
	if r.verbose != nil {
		_ = s.WaitHeader(ctx) // the error is Recv's as well
		r.verbose.headers(s.Call().ResponseHeader())
	}
	for {
		m, err := s.Recv()
		if err != nil {
			r.verbose.trailers(s.Call().ResponseTrailer())
			if errors.Is(err, io.EOF) {
				return nil
			}
			return err
		}
		if err := r.print(ctx, m); err != nil {
			return err
		}
	}
}

// send sends the requests until there are no more or the server has ended the call.
func (r *run) send(ctx context.Context, s *dynamic.Stream) error {
	items := r.requests.pump(ctx)
	for {
		var it item
		select {
		case it = <-items:
		case <-ctx.Done():
			return nil // Recv says why
		}
		var wrong *inputError
		switch {
		case errors.Is(it.err, io.EOF):
			return ended(ctx, s.CloseSend())
		case errors.As(it.err, &wrong) && r.interactive:
			fmt.Fprintln(r.err, wrong)
			continue
		case it.err != nil:
			return local(it.err)
		}
		if err := s.Send(it.message); err != nil {
			return ended(ctx, err)
		}
		r.tally.sent.Add(1)
	}
}

// ended returns nil for an error of sending that only says that the call is over: Recv has the reason.
func ended(ctx context.Context, err error) error {
	over := errors.Is(err, io.EOF) || ctx.Err() != nil
	if over {
		return nil
	}
	return err
}

// hints returns what may help about an error of the call.
func (r *run) hints(ctx context.Context, err error) []string {
	e := fairlead.ErrorOf(err)
	deadline, limited := ctx.Deadline()
	switch {
	case e.Code == fairlead.DeadlineExceeded && limited && time.Until(deadline) < 100*time.Millisecond:
		// It is near, since the call and its server may notice before ctx does.
		return []string{"the time of --timeout is over, " + r.tally.begun.Sub(r.started).Round(time.Millisecond).String() +
			" of which passed before the call"}
	case e.Code == fairlead.Unimplemented && e.FromPeer():
		return []string{"the server does not have this method; see: fairlead list " + r.server.Address.Text}
	case e.Code == fairlead.ResourceExhausted && !e.FromPeer():
		return []string{"--max-message SIZE allows larger messages"}
	case e.Code == fairlead.Unavailable && !e.FromPeer():
		return r.server.Hints(err)
	}
	return nil
}
