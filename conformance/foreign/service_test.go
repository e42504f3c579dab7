package foreign_test

import (
	"context"
	"errors"
	"io"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/fairlead-go/fairlead"
	pb "github.com/fairlead-go/fairlead/conformance/internal/interop/interoppb"
	"github.com/fairlead-go/fairlead/conformance/internal/local"
	"github.com/fairlead-go/fairlead/server"
	"google.golang.org/protobuf/proto"
)

const (
	// maxMessage is every side's limit; large is longer than any window and than any default limit.
	maxMessage = 16 << 20
	// maxStreams is less than the calls of the case "concurrent", which therefore wait for one another.
	maxStreams = 100
)

// service is the service that package foreign describes.
type service struct {
	mu     sync.Mutex
	events map[string]chan struct{}
}

// event returns the channel that is closed when the event happens.
func (s *service) event(name string) chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.events[name] == nil {
		s.events[name] = make(chan struct{})
	}
	return s.events[name]
}

// begin echoes metadata, and waits if the call is to be held.
func (s *service) begin(ctx context.Context) error {
	c := fairlead.CallFrom(ctx)
	for k, v := range c.RequestHeader().All() {
		if strings.HasPrefix(k, "echo-") {
			c.ResponseHeader().Add(k, v)
			c.ResponseTrailer().Add(k, v)
		}
	}
	if at, ok := ctx.Deadline(); ok {
		c.ResponseHeader().Add("time-left-ms", strconv.FormatInt(time.Until(at).Milliseconds(), 10))
	}
	if token := c.RequestHeader().Get("hold"); token != "" {
		close(s.event("begin/" + token))
		<-ctx.Done()
		close(s.event("end/" + token))
		return ctx.Err()
	}
	return nil
}

// drained waits until the server drains, if the client asks for that.
func drained(ctx context.Context) error {
	c := fairlead.CallFrom(ctx)
	if c.RequestHeader().Get("until") != "draining" {
		return nil
	}
	select {
	case <-c.Draining():
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// wanted is the error that a request wants.
func wanted(st *pb.EchoStatus, p *pb.Payload) error {
	if st.GetCode() == 0 {
		return nil
	}
	err := fairlead.Errorf(fairlead.Code(st.GetCode()), "%s", st.GetMessage())
	value, failed := proto.Marshal(p)
	if failed != nil {
		return failed
	}
	err.Details = []fairlead.Detail{{Type: detailType, Value: value}}
	return err
}

const detailType = "type.googleapis.com/grpc.testing.Payload"

func (s *service) EmptyCall(ctx context.Context, in *pb.Empty) (*pb.Empty, error) {
	if name := fairlead.CallFrom(ctx).RequestHeader().Get("await"); name != "" {
		select {
		case <-s.event(name):
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	return in, nil
}

func (s *service) UnaryCall(ctx context.Context, in *pb.SimpleRequest) (*pb.SimpleResponse, error) {
	if err := s.begin(ctx); err != nil {
		return nil, err
	}
	if fairlead.CallFrom(ctx).RequestHeader().Get("until") == "draining" {
		close(s.event("begin/draining"))
	}
	if err := drained(ctx); err != nil {
		return nil, err
	}
	if err := wanted(in.GetResponseStatus(), in.GetPayload()); err != nil {
		return nil, err
	}
	return &pb.SimpleResponse{Payload: in.GetPayload()}, nil
}

func (s *service) CacheableUnaryCall(ctx context.Context, in *pb.SimpleRequest) (*pb.SimpleResponse, error) {
	return s.UnaryCall(ctx, in)
}

func (s *service) StreamingOutputCall(
	ctx context.Context, in *pb.StreamingOutputCallRequest, out *fairlead.Outbound[pb.StreamingOutputCallResponse],
) error {
	if err := s.begin(ctx); err != nil {
		return err
	}
	for range in.GetResponseParameters() {
		if err := out.Send(&pb.StreamingOutputCallResponse{Payload: in.GetPayload()}); err != nil {
			return err
		}
	}
	return wanted(in.GetResponseStatus(), in.GetPayload())
}

func (s *service) StreamingInputCall(
	ctx context.Context, in *fairlead.Inbound[pb.StreamingInputCallRequest],
) (*pb.StreamingInputCallResponse, error) {
	if err := s.begin(ctx); err != nil {
		return nil, err
	}
	var sum int32
	for m, err := range in.All() {
		if err != nil {
			return nil, err
		}
		sum += int32(len(m.GetPayload().GetBody()))
	}
	return &pb.StreamingInputCallResponse{AggregatedPayloadSize: sum}, nil
}

func (s *service) FullDuplexCall(
	ctx context.Context, b *fairlead.Bidi[pb.StreamingOutputCallResponse, pb.StreamingOutputCallRequest],
) error {
	if err := s.begin(ctx); err != nil {
		return err
	}
	if err := b.Call().SendHeader(); err != nil {
		return err
	}
	for first := true; ; first = false {
		m, err := b.Recv()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err == nil {
			err = wanted(m.GetResponseStatus(), m.GetPayload())
		}
		if err == nil {
			err = b.Send(&pb.StreamingOutputCallResponse{Payload: m.GetPayload()})
		}
		if err == nil && first {
			err = drained(ctx)
		}
		if err != nil {
			return err
		}
	}
}

func (s *service) HalfDuplexCall(
	context.Context, *fairlead.Bidi[pb.StreamingOutputCallResponse, pb.StreamingOutputCallRequest],
) error {
	return fairlead.Errorf(fairlead.Unimplemented, "no test calls it")
}

// serve starts a server of Fairlead that ends with the test, unless the test has it drain before.
func serve(t *testing.T, opts ...server.Option) (addr string, drain func(context.Context) error) {
	t.Helper()
	opts = append(opts, server.Service(pb.TestService(&service{events: make(map[string]chan struct{})})),
		server.MaxRecvMessage(maxMessage), server.MaxSendMessage(maxMessage), server.MaxStreams(maxStreams))
	s := local.Serve(t, opts...)
	return s.Addr().String(), s.Shutdown
}
