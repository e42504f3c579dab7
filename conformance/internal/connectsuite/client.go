package connectsuite

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"sync"
	"time"

	"github.com/fairlead-go/fairlead"
	"github.com/fairlead-go/fairlead/client"
	pb "github.com/fairlead-go/fairlead/conformance/internal/connectsuite/connectpb"
	"github.com/fairlead-go/fairlead/preset"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/anypb"
)

// Client makes the calls that the runner asks for. It keeps a connection for each server. It is safe for concurrent
// use.
type Client struct {
	mu    sync.Mutex
	conns map[string]*client.Client
}

// Close closes the connections.
func (c *Client) Close() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	errs := make([]error, 0, len(c.conns))
	for _, conn := range c.conns {
		errs = append(errs, conn.Close())
	}
	c.conns = nil
	return errors.Join(errs...)
}

// Do makes one call, and returns what the runner is told.
func (c *Client) Do(ctx context.Context, req *pb.ClientCompatRequest) *pb.ClientCompatResponse {
	resp := &pb.ClientCompatResponse{TestName: req.GetTestName()}
	conn, err := c.conn(req)
	var result *pb.ClientResponseResult
	if err == nil {
		result, err = invoke(ctx, conn, req)
	}
	if err != nil {
		resp.Result = &pb.ClientCompatResponse_Error{Error: &pb.ClientErrorResult{Message: err.Error()}}
	} else {
		resp.Result = &pb.ClientCompatResponse_Response{Response: result}
	}
	return resp
}

// conn returns the connection for a call.
func (c *Client) conn(req *pb.ClientCompatRequest) (*client.Client, error) {
	key := fmt.Sprint(req.GetHttpVersion(), req.GetProtocol(), req.GetCodec(), req.GetCompression(), req.GetHost(),
		req.GetPort(), req.GetUseGetHttpMethod(), req.GetMessageReceiveLimit(), string(req.GetServerTlsCert()),
		req.GetClientTlsCreds())
	c.mu.Lock()
	defer c.mu.Unlock()
	if conn := c.conns[key]; conn != nil {
		return conn, nil
	}
	opts, err := options(req)
	if err != nil {
		return nil, err
	}
	host := net.JoinHostPort(req.GetHost(), strconv.FormatUint(uint64(req.GetPort()), 10))
	conn, err := preset.NewClient("static:///"+host, opts...)
	if err != nil {
		return nil, err
	}
	if c.conns == nil {
		c.conns = make(map[string]*client.Client)
	}
	c.conns[key] = conn
	return conn, nil
}

// options returns a client's options for a call.
func options(req *pb.ClientCompatRequest) ([]client.Option, error) {
	opts, err := carrier(req)
	if err != nil {
		return nil, err
	}
	if n := req.GetMessageReceiveLimit(); n > 0 {
		opts = append(opts, client.MaxRecvMessage(int(n)))
	}
	if len(req.GetServerTlsCert()) == 0 {
		return opts, nil
	}
	cfg := &tls.Config{RootCAs: x509.NewCertPool(), MinVersion: tls.VersionTLS12}
	if !cfg.RootCAs.AppendCertsFromPEM(req.GetServerTlsCert()) {
		return nil, errors.New("there is no certificate of the server")
	}
	if creds := req.GetClientTlsCreds(); creds != nil {
		pair, err := tls.X509KeyPair(creds.GetCert(), creds.GetKey())
		if err != nil {
			return nil, fmt.Errorf("the client's certificate: %w", err)
		}
		cfg.Certificates = []tls.Certificate{pair}
	}
	return append(opts, client.TLS(cfg)), nil
}

// cancels is when a call is to be given up; -1: not then.
type cancels struct {
	beforeClose bool
	afterClose  time.Duration
	afterNum    int
}

func cancelsOf(c *pb.ClientCompatRequest_Cancel) cancels {
	out := cancels{afterClose: -1, afterNum: -1}
	if c == nil {
		return out
	}
	switch t := c.GetCancelTiming().(type) {
	case *pb.ClientCompatRequest_Cancel_BeforeCloseSend:
		out.beforeClose = true
	case *pb.ClientCompatRequest_Cancel_AfterCloseSendMs:
		out.afterClose = time.Duration(t.AfterCloseSendMs) * time.Millisecond
	case *pb.ClientCompatRequest_Cancel_AfterNumResponses:
		out.afterNum = int(t.AfterNumResponses)
	default:
		out.afterClose = 0
	}
	return out
}

// attempt is one call.
type attempt struct {
	req    *pb.ClientCompatRequest
	cancel context.CancelFunc
	when   cancels
	result *pb.ClientResponseResult
	info   fairlead.CallInfo
	opts   []fairlead.CallOption
}

// invoke makes a call. An error means that the call could not be made at all.
func invoke(ctx context.Context, conn fairlead.Binder, req *pb.ClientCompatRequest) (*pb.ClientResponseResult, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	a := &attempt{
		req: req, cancel: cancel, when: cancelsOf(req.GetCancel()), result: new(pb.ClientResponseResult),
	}
	for _, h := range req.GetRequestHeaders() {
		for _, v := range h.GetValue() {
			a.opts = append(a.opts, fairlead.WithHeader(h.GetName(), decoded(h.GetName(), v)))
		}
	}
	if req.TimeoutMs != nil {
		a.opts = append(a.opts, fairlead.WithTimeout(time.Duration(req.GetTimeoutMs())*time.Millisecond))
	}
	a.opts = append(a.opts, fairlead.WithInfo(&a.info))
	stub := pb.NewConformanceServiceClient(conn)
	var err error
	switch req.GetMethod() {
	case "Unary":
		err = unary(ctx, a, stub.Unary, (*pb.UnaryResponse).GetPayload)
	case "IdempotentUnary":
		err = unary(ctx, a, stub.IdempotentUnary, (*pb.IdempotentUnaryResponse).GetPayload)
	case "Unimplemented":
		err = unary(ctx, a, stub.Unimplemented, func(*pb.UnimplementedResponse) *pb.ConformancePayload { return nil })
	case "ServerStream":
		err = a.serverStream(ctx, stub)
	case "ClientStream":
		err = a.clientStream(ctx, stub)
	case "BidiStream":
		err = a.bidiStream(ctx, stub)
	default:
		err = fmt.Errorf("there is no method %q", req.GetMethod())
	}
	return a.result, err
}

// ended notes how the call has ended.
func (a *attempt) ended(err error, header, trailer *fairlead.Metadata) {
	a.result.ResponseHeaders, a.result.ResponseTrailers = headers(header), headers(trailer)
	if err == nil || errors.Is(err, io.EOF) {
		return
	}
	e := fairlead.ErrorOf(err)
	out := &pb.Error{Code: pb.Code(e.Code), Message: new(e.Message)}
	for _, d := range e.Details {
		out.Details = append(out.Details, &anypb.Any{TypeUrl: d.Type, Value: d.Value})
	}
	a.result.Error = out
}

// message returns one of the request's messages.
func message[T any, M interface {
	*T
	proto.Message
}](from *anypb.Any) (*T, error) {
	m := new(T)
	return m, from.UnmarshalTo(M(m))
}

// unary makes a call with one message each way.
func unary[Q, R any, M interface {
	*Q
	proto.Message
}](
	ctx context.Context, a *attempt, call func(context.Context, *Q, ...fairlead.CallOption) (*R, error),
	payload func(*R) *pb.ConformancePayload,
) error {
	if len(a.req.GetRequestMessages()) != 1 {
		return errors.New("want one message for a unary call")
	}
	m, err := message[Q, M](a.req.GetRequestMessages()[0])
	if err != nil {
		return err
	}
	if a.when.afterClose >= 0 {
		defer time.AfterFunc(a.when.afterClose, a.cancel).Stop()
	}
	resp, err := call(ctx, m, a.opts...)
	if err == nil {
		a.result.Payloads = []*pb.ConformancePayload{payload(resp)}
	}
	a.ended(err, &a.info.Header, &a.info.Trailer)
	return nil
}

func (a *attempt) serverStream(ctx context.Context, stub *pb.ConformanceServiceClient) error {
	if len(a.req.GetRequestMessages()) != 1 {
		return errors.New("want one message for a server-streaming call")
	}
	m, err := message[pb.ServerStreamRequest](a.req.GetRequestMessages()[0])
	if err != nil {
		return err
	}
	s, err := stub.ServerStream(ctx, m, a.opts...)
	if err != nil {
		a.ended(err, &a.info.Header, &a.info.Trailer)
		return nil
	}
	defer s.Close()
	if a.when.afterClose >= 0 {
		time.Sleep(a.when.afterClose)
		a.cancel()
	}
	for {
		var r *pb.ServerStreamResponse
		if r, err = s.Recv(); err != nil {
			break
		}
		a.received(r.GetPayload())
	}
	a.ended(err, s.Call().ResponseHeader(), s.Call().ResponseTrailer())
	return nil
}

// received adds a response, and gives the call up if it is the last one that is wanted.
func (a *attempt) received(p *pb.ConformancePayload) {
	a.result.Payloads = append(a.result.Payloads, p)
	if len(a.result.GetPayloads()) == a.when.afterNum {
		a.cancel()
	}
}

// delay waits before a message is sent.
func (a *attempt) delay() { time.Sleep(time.Duration(a.req.GetRequestDelayMs()) * time.Millisecond) }

func (a *attempt) clientStream(ctx context.Context, stub *pb.ConformanceServiceClient) error {
	s, err := stub.ClientStream(ctx, a.opts...)
	if err != nil {
		a.ended(err, &a.info.Header, &a.info.Trailer)
		return nil
	}
	defer s.Close()
	for i, from := range a.req.GetRequestMessages() {
		m, err := message[pb.ClientStreamRequest](from)
		if err != nil {
			return err
		}
		a.delay()
		if err := s.Send(m); err != nil {
			a.result.NumUnsentRequests = int32(len(a.req.GetRequestMessages()) - i)
			break
		}
	}
	switch {
	case a.when.beforeClose:
		a.cancel()
	case a.when.afterClose >= 0:
		defer time.AfterFunc(a.when.afterClose, a.cancel).Stop()
	}
	resp, err := s.CloseAndRecv()
	if err == nil {
		a.result.Payloads = []*pb.ConformancePayload{resp.GetPayload()}
	}
	a.ended(err, s.Call().ResponseHeader(), s.Call().ResponseTrailer())
	return nil
}

func (a *attempt) bidiStream(ctx context.Context, stub *pb.ConformanceServiceClient) error {
	s, err := stub.BidiStream(ctx, a.opts...)
	if err != nil {
		a.ended(err, &a.info.Header, &a.info.Trailer)
		return nil
	}
	defer s.Close()
	full := a.req.GetStreamType() == pb.StreamType_STREAM_TYPE_FULL_DUPLEX_BIDI_STREAM
	var failed error // the call is over, with io.EOF for success
	for i, from := range a.req.GetRequestMessages() {
		m, err := message[pb.BidiStreamRequest](from)
		if err != nil {
			return err
		}
		a.delay()
		if err := s.Send(m); err != nil {
			a.result.NumUnsentRequests = int32(len(a.req.GetRequestMessages()) - i)
			break // Recv returns the reason
		}
		if !full {
			continue
		}
		var r *pb.BidiStreamResponse
		if r, failed = s.Recv(); failed != nil {
			break
		}
		a.received(r.GetPayload())
	}
	if a.when.beforeClose {
		a.cancel()
	}
	_ = s.CloseSend() // Recv returns the reason
	if a.when.afterClose >= 0 {
		time.Sleep(a.when.afterClose)
		a.cancel()
	}
	for failed == nil {
		var r *pb.BidiStreamResponse
		if r, failed = s.Recv(); failed == nil {
			a.received(r.GetPayload())
		}
	}
	a.ended(failed, s.Call().ResponseHeader(), s.Call().ResponseTrailer())
	return nil
}
