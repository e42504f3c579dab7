// Package connectsuite has the service that Connect's conformance suite calls, and the client that it has call,
// written with Fairlead's own generated code (https://github.com/connectrpc/conformance, docs).
package connectsuite

import (
	"context"
	"errors"
	"io"
	"slices"
	"time"

	"github.com/fairlead-go/fairlead"
	pb "github.com/fairlead-go/fairlead/conformance/internal/connectsuite/connectpb"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/anypb"
)

// Service implements the suite's service.
type Service struct {
	pb.UnimplementedConformanceServiceServer
}

// Unary implements pb.ConformanceServiceServer.
func (Service) Unary(ctx context.Context, req *pb.UnaryRequest) (*pb.UnaryResponse, error) {
	p, err := single(ctx, req.GetResponseDefinition(), []proto.Message{req})
	return &pb.UnaryResponse{Payload: p}, err
}

// IdempotentUnary implements pb.ConformanceServiceServer.
func (Service) IdempotentUnary(
	ctx context.Context, req *pb.IdempotentUnaryRequest,
) (*pb.IdempotentUnaryResponse, error) {
	p, err := single(ctx, req.GetResponseDefinition(), []proto.Message{req})
	return &pb.IdempotentUnaryResponse{Payload: p}, err
}

// ClientStream implements pb.ConformanceServiceServer.
func (Service) ClientStream(
	ctx context.Context, in *fairlead.Inbound[pb.ClientStreamRequest],
) (*pb.ClientStreamResponse, error) {
	var def *pb.UnaryResponseDefinition
	var reqs []proto.Message
	for m, err := range in.All() {
		if err != nil {
			return nil, err
		}
		if reqs == nil {
			def = m.GetResponseDefinition()
		}
		reqs = append(reqs, m)
	}
	p, err := single(ctx, def, reqs)
	return &pb.ClientStreamResponse{Payload: p}, err
}

// ServerStream implements pb.ConformanceServiceServer.
func (Service) ServerStream(
	ctx context.Context, req *pb.ServerStreamRequest, out *fairlead.Outbound[pb.ServerStreamResponse],
) error {
	a := answers{ctx: ctx, call: out.Call(), send: func(p *pb.ConformancePayload) error {
		return out.Send(&pb.ServerStreamResponse{Payload: p})
	}}
	if err := a.begin(req.GetResponseDefinition(), true); err != nil {
		return err
	}
	a.reqs = []proto.Message{req}
	return a.rest()
}

// BidiStream implements pb.ConformanceServiceServer.
func (Service) BidiStream(ctx context.Context, s *fairlead.Bidi[pb.BidiStreamResponse, pb.BidiStreamRequest]) error {
	a := answers{ctx: ctx, call: s.Call(), send: func(p *pb.ConformancePayload) error {
		return s.Send(&pb.BidiStreamResponse{Payload: p})
	}}
	first, full := true, false
	for {
		m, err := s.Recv()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return err
		}
		if first {
			first, full = false, m.GetFullDuplex()
			if err := a.begin(m.GetResponseDefinition(), full); err != nil {
				return err
			}
		}
		a.reqs = append(a.reqs, m)
		if !full {
			continue
		}
		if a.sent == len(a.def.GetResponseData()) {
			break
		}
		if err := a.next(); err != nil {
			return err
		}
		a.reqs = nil
	}
	return a.rest()
}

// answers sends the responses of a stream.
type answers struct {
	ctx  context.Context //nolint:containedctx // the handler's, for the time of its call
	call *fairlead.Call
	send func(*pb.ConformancePayload) error
	def  *pb.StreamResponseDefinition
	reqs []proto.Message // since the last response
	sent int
}

// begin sets the metadata, and sends the header at once if that is wanted.
func (a *answers) begin(def *pb.StreamResponseDefinition, now bool) error {
	a.def = def
	set(a.call.ResponseHeader(), def.GetResponseHeaders())
	set(a.call.ResponseTrailer(), def.GetResponseTrailers())
	if now && len(def.GetResponseData()) > 0 {
		return a.call.SendHeader()
	}
	return nil
}

// next sends the next response. The first one tells of the call, and each one of the requests since the last one.
func (a *answers) next() error {
	p := &pb.ConformancePayload{Data: a.def.GetResponseData()[a.sent]}
	var err error
	switch {
	case a.sent == 0:
		p.RequestInfo, err = info(a.call, a.reqs)
	case a.reqs != nil:
		p.RequestInfo = new(pb.ConformancePayload_RequestInfo)
		p.RequestInfo.Requests, err = packed(a.reqs)
	}
	if err == nil {
		err = sleep(a.ctx, a.def.GetResponseDelayMs())
	}
	if err == nil {
		err = a.send(p)
	}
	a.sent++
	return err
}

// rest sends the responses that are left, and returns the error.
func (a *answers) rest() error {
	for a.sent < len(a.def.GetResponseData()) {
		if err := a.next(); err != nil {
			return err
		}
		a.reqs = nil
	}
	if a.def.GetError() == nil {
		return nil
	}
	if a.sent > 0 {
		return failure(a.def.GetError(), nil)
	}
	i, err := info(a.call, a.reqs)
	if err != nil {
		return err
	}
	return failure(a.def.GetError(), i)
}

// single returns the one response of a call, or its error.
func single(
	ctx context.Context, def *pb.UnaryResponseDefinition, reqs []proto.Message,
) (*pb.ConformancePayload, error) {
	c := fairlead.CallFrom(ctx)
	i, err := info(c, reqs)
	if err != nil {
		return nil, err
	}
	set(c.ResponseHeader(), def.GetResponseHeaders())
	set(c.ResponseTrailer(), def.GetResponseTrailers())
	if err := sleep(ctx, def.GetResponseDelayMs()); err != nil {
		return nil, err
	}
	if e := def.GetError(); e != nil {
		return nil, failure(e, i)
	}
	return &pb.ConformancePayload{Data: def.GetResponseData(), RequestInfo: i}, nil
}

// info returns what a call has brought.
func info(c *fairlead.Call, reqs []proto.Message) (*pb.ConformancePayload_RequestInfo, error) {
	all, err := packed(reqs)
	i := &pb.ConformancePayload_RequestInfo{RequestHeaders: headers(c.RequestHeader()), Requests: all}
	if at, ok := c.Deadline(); ok {
		i.TimeoutMs = new(max(time.Until(at), 0).Milliseconds())
	}
	return i, err
}

func packed(reqs []proto.Message) ([]*anypb.Any, error) {
	out := make([]*anypb.Any, len(reqs))
	for i, m := range reqs {
		var err error
		if out[i], err = anypb.New(m); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// failure returns an error as a request defines it, with what tells of the call as its last detail if that is not nil.
func failure(def *pb.Error, i *pb.ConformancePayload_RequestInfo) error {
	e := fairlead.Errorf(fairlead.Code(def.GetCode()), "%s", def.GetMessage())
	details := def.GetDetails()
	if i != nil {
		d, err := anypb.New(i)
		if err != nil {
			return err
		}
		details = append(slices.Clip(details), d)
	}
	for _, d := range details {
		e.Details = append(e.Details, fairlead.Detail{Type: d.GetTypeUrl(), Value: d.GetValue()})
	}
	return e
}

// sleep waits so many milliseconds, or until the call ends.
func sleep(ctx context.Context, ms uint32) error {
	if ms == 0 {
		return nil
	}
	t := time.NewTimer(time.Duration(ms) * time.Millisecond)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// headers returns metadata as the suite has it. Values of names that end in -bin are in base64 there.
func headers(md *fairlead.Metadata) []*pb.Header {
	var out []*pb.Header
	at := make(map[string]*pb.Header)
	for k, v := range md.All() {
		h := at[k]
		if h == nil {
			h = &pb.Header{Name: k}
			at[k] = h
			out = append(out, h)
		}
		h.Value = append(h.Value, encoded(k, v))
	}
	return out
}

// set adds the suite's headers to metadata.
func set(md *fairlead.Metadata, hs []*pb.Header) {
	for _, h := range hs {
		for _, v := range h.GetValue() {
			md.Add(h.GetName(), decoded(h.GetName(), v))
		}
	}
}
