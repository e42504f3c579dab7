package interop

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"time"

	"github.com/fairlead-go/fairlead"
	pb "github.com/fairlead-go/fairlead/conformance/internal/interop/interoppb"
)

// The sizes in bytes that the test cases are described with.
const (
	largeRequest  = 271828
	largeResponse = 314159
)

// requestSizes and responseSizes are those of the messages of a stream.
func requestSizes() []int { return []int{27182, 8, 1828, 45904} }

func responseSizes() []int32 { return []int32{31415, 9, 2653, 58979} }

// Client runs test cases.
type Client struct {
	// Binder is the client of the server under test.
	Binder fairlead.Binder
	// Dial makes a further client, for channel_soak; close frees it.
	Dial func() (b fairlead.Binder, closeIt func() error, err error)
	Soak Soak
}

// Soak says how the soak test cases run.
type Soak struct {
	Iterations  int
	MaxFailures int
	PerCall     time.Duration // a call that takes longer is a failure
	Overall     time.Duration // all must be done by then
	Pause       time.Duration // the least time between the beginnings of two calls
	Request     int           // bytes
	Response    int32         // bytes
	Workers     int
}

// testCase runs one test case.
type testCase func(*Client, context.Context) error

// cases lists the test cases by the names that all implementations know them by.
func cases() map[string]testCase {
	return map[string]testCase{
		"empty_unary":                 (*Client).emptyUnary,
		"large_unary":                 (*Client).largeUnary,
		"client_streaming":            (*Client).clientStreaming,
		"server_streaming":            (*Client).serverStreaming,
		"ping_pong":                   (*Client).pingPong,
		"empty_stream":                (*Client).emptyStream,
		"timeout_on_sleeping_server":  (*Client).timeoutOnSleepingServer,
		"cancel_after_begin":          (*Client).cancelAfterBegin,
		"cancel_after_first_response": (*Client).cancelAfterFirstResponse,
		"status_code_and_message":     (*Client).statusCodeAndMessage,
		"special_status_message":      (*Client).specialStatusMessage,
		"custom_metadata":             (*Client).customMetadata,
		"unimplemented_method":        (*Client).unimplementedMethod,
		"unimplemented_service":       (*Client).unimplementedService,
		"client_compressed_unary":     (*Client).clientCompressedUnary,
		"server_compressed_unary":     (*Client).serverCompressedUnary,
		"client_compressed_streaming": (*Client).clientCompressedStreaming,
		"server_compressed_streaming": (*Client).serverCompressedStreaming,
		"rpc_soak":                    (*Client).rpcSoak,
		"channel_soak":                (*Client).channelSoak,
	}
}

// Cases returns the names of the test cases, sorted.
func Cases() []string { return slices.Sorted(maps.Keys(cases())) }

// Run runs the named test case.
func (c *Client) Run(ctx context.Context, name string) error {
	run := cases()[name]
	if run == nil {
		return fmt.Errorf("there is no test case %q; there are %q", name, Cases())
	}
	if err := run(c, ctx); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return nil
}

func (c *Client) stub() *pb.TestServiceClient { return pb.NewTestServiceClient(c.Binder) }

func (c *Client) emptyUnary(ctx context.Context) error {
	_, err := c.stub().EmptyCall(ctx, new(pb.Empty))
	return err
}

func (c *Client) largeUnary(ctx context.Context) error {
	return unary(ctx, c.stub(), largeRequest, largeResponse)
}

// unary makes a call with payloads of the given sizes.
func unary(
	ctx context.Context, stub *pb.TestServiceClient, request int, response int32, o ...fairlead.CallOption,
) error {
	r, err := stub.UnaryCall(ctx, &pb.SimpleRequest{
		ResponseSize: response, Payload: &pb.Payload{Body: make([]byte, request)},
	}, o...)
	if err != nil {
		return err
	}
	return sized(r.GetPayload(), response)
}

// sized checks a payload.
func sized(p *pb.Payload, want int32) error {
	if p.GetType() != pb.PayloadType_COMPRESSABLE || len(p.GetBody()) != int(want) {
		return fmt.Errorf("got a payload of type %v with %d bytes, want %d", p.GetType(), len(p.GetBody()), want)
	}
	return nil
}

func (c *Client) clientStreaming(ctx context.Context) error {
	s, err := c.stub().StreamingInputCall(ctx)
	if err != nil {
		return err
	}
	defer s.Close()
	sum := 0
	for _, n := range requestSizes() {
		if err := s.Send(&pb.StreamingInputCallRequest{Payload: &pb.Payload{Body: make([]byte, n)}}); err != nil {
			return err
		}
		sum += n
	}
	r, err := s.CloseAndRecv()
	if err != nil {
		return err
	}
	if int(r.GetAggregatedPayloadSize()) != sum {
		return fmt.Errorf("got a sum of %d, want %d", r.GetAggregatedPayloadSize(), sum)
	}
	return nil
}

func (c *Client) serverStreaming(ctx context.Context) error {
	in := new(pb.StreamingOutputCallRequest)
	sizes := responseSizes()
	for _, n := range sizes {
		in.ResponseParameters = append(in.ResponseParameters, &pb.ResponseParameters{Size: n})
	}
	s, err := c.stub().StreamingOutputCall(ctx, in)
	if err != nil {
		return err
	}
	defer s.Close()
	i := 0
	for m, err := range s.All() {
		if err != nil {
			return err
		}
		if i == len(sizes) {
			return errors.New("got too many responses")
		}
		if err := sized(m.GetPayload(), sizes[i]); err != nil {
			return err
		}
		i++
	}
	if i != len(sizes) {
		return fmt.Errorf("got %d responses, want %d", i, len(sizes))
	}
	return nil
}

func (c *Client) pingPong(ctx context.Context) error {
	s, err := c.stub().FullDuplexCall(ctx)
	if err != nil {
		return err
	}
	defer s.Close()
	sizes := responseSizes()
	for i, n := range requestSizes() {
		if err := s.Send(ping(n, sizes[i])); err != nil {
			return err
		}
		m, err := s.Recv()
		if err != nil {
			return err
		}
		if err := sized(m.GetPayload(), sizes[i]); err != nil {
			return err
		}
	}
	return finish(s)
}

type duplex = fairlead.Bidi[pb.StreamingOutputCallRequest, pb.StreamingOutputCallResponse]

// ping is a request of the given size that asks for one response.
func ping(request int, response int32) *pb.StreamingOutputCallRequest {
	return &pb.StreamingOutputCallRequest{
		ResponseParameters: []*pb.ResponseParameters{{Size: response}},
		Payload:            &pb.Payload{Body: make([]byte, request)},
	}
}

// finish ends a stream, whose server is to do so as well.
func finish(s *duplex) error {
	if err := s.CloseSend(); err != nil {
		return err
	}
	switch _, err := s.Recv(); {
	case err == nil:
		return errors.New("got a message at the end, want EOF")
	case !errors.Is(err, io.EOF):
		return fmt.Errorf("got %w at the end, want EOF", err)
	}
	return nil
}

func (c *Client) emptyStream(ctx context.Context) error {
	s, err := c.stub().FullDuplexCall(ctx)
	if err != nil {
		return err
	}
	defer s.Close()
	return finish(s)
}

func (c *Client) timeoutOnSleepingServer(ctx context.Context) error {
	s, err := c.stub().FullDuplexCall(ctx, fairlead.WithTimeout(time.Millisecond))
	if err == nil {
		defer s.Close()
		// The server is not told to answer. Sending may find the call over already.
		if err = s.Send(&pb.StreamingOutputCallRequest{Payload: &pb.Payload{Body: make([]byte, 27182)}}); err == nil ||
			errors.Is(err, io.EOF) {
			_, err = s.Recv()
		}
	}
	return coded(err, fairlead.DeadlineExceeded)
}

// coded checks the code of an error.
func coded(err error, want fairlead.Code) error {
	switch got := fairlead.CodeOf(err); {
	case got == want:
		return nil
	case err == nil:
		return fmt.Errorf("got %s, want %s", got, want)
	default:
		return fmt.Errorf("got %s (%w), want %s", got, err, want)
	}
}

func (c *Client) cancelAfterBegin(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	s, err := c.stub().StreamingInputCall(ctx, fairlead.WithHeader("key1", "value1"),
		fairlead.WithHeader("key2", "value2"))
	if err != nil {
		return err
	}
	defer s.Close()
	cancel()
	_, err = s.CloseAndRecv()
	return coded(err, fairlead.Canceled)
}

func (c *Client) cancelAfterFirstResponse(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	s, err := c.stub().FullDuplexCall(ctx)
	if err != nil {
		return err
	}
	defer s.Close()
	if err := s.Send(ping(27182, 31415)); err != nil {
		return err
	}
	if _, err := s.Recv(); err != nil {
		return err
	}
	cancel()
	_, err = s.Recv()
	return coded(err, fairlead.Canceled)
}

func (c *Client) statusCodeAndMessage(ctx context.Context) error {
	want := &pb.EchoStatus{Code: int32(fairlead.Unknown), Message: "test status message"}
	_, err := c.stub().UnaryCall(ctx, &pb.SimpleRequest{ResponseStatus: want})
	if err := echoed(err, want); err != nil {
		return err
	}
	s, err := c.stub().FullDuplexCall(ctx)
	if err != nil {
		return err
	}
	defer s.Close()
	if err := s.Send(&pb.StreamingOutputCallRequest{ResponseStatus: want}); err != nil {
		return err
	}
	// The server may have ended the call already.
	if err := s.CloseSend(); err != nil {
		return err
	}
	_, err = s.Recv()
	return echoed(err, want)
}

// echoed checks that err is the status that was asked for.
func echoed(err error, want *pb.EchoStatus) error {
	if err == nil {
		return fmt.Errorf("got OK, want code %d and message %q", want.GetCode(), want.GetMessage())
	}
	var e *fairlead.Error
	code := fairlead.Code(want.GetCode())
	if !errors.As(err, &e) || e.Code != code || e.Message != want.GetMessage() || !e.FromPeer() {
		return fmt.Errorf("got %w, want code %d and message %q", err, want.GetCode(), want.GetMessage())
	}
	return nil
}

func (c *Client) specialStatusMessage(ctx context.Context) error {
	want := &pb.EchoStatus{
		Code:    int32(fairlead.Unknown),
		Message: "\t\ntest with whitespace\r\nand Unicode BMP ☺ and non-BMP 😈\t\n",
	}
	_, err := c.stub().UnaryCall(ctx, &pb.SimpleRequest{ResponseStatus: want})
	return echoed(err, want)
}

func (c *Client) customMetadata(ctx context.Context) error {
	const initial, trailing = "test_initial_metadata_value", "\xab\xab\xab"
	opts := append(make([]fairlead.CallOption, 0, 3),
		fairlead.WithHeader(echoInitial, initial), fairlead.WithHeader(echoTrailing, trailing))
	check := func(header, trailer *fairlead.Metadata) error {
		if got := header.Values(echoInitial); len(got) != 1 || got[0] != initial {
			return fmt.Errorf("got header %q, want %q", got, initial)
		}
		if got := trailer.Values(echoTrailing); len(got) != 1 || got[0] != trailing {
			return fmt.Errorf("got trailer %q, want %q", got, trailing)
		}
		return nil
	}
	var info fairlead.CallInfo
	if err := unary(ctx, c.stub(), largeRequest, largeResponse, append(opts, fairlead.WithInfo(&info))...); err != nil {
		return err
	}
	if err := check(&info.Header, &info.Trailer); err != nil {
		return err
	}
	s, err := c.stub().FullDuplexCall(ctx, opts...)
	if err != nil {
		return err
	}
	defer s.Close()
	if err := s.Send(ping(largeRequest, largeResponse)); err != nil {
		return err
	}
	if err := s.Call().WaitHeader(ctx); err != nil {
		return err
	}
	if _, err := s.Recv(); err != nil {
		return err
	}
	if err := finish(s); err != nil {
		return err
	}
	return check(s.Call().ResponseHeader(), s.Call().ResponseTrailer())
}

func (c *Client) unimplementedMethod(ctx context.Context) error {
	return c.nowhere(ctx, "grpc.testing.TestService")
}

func (c *Client) unimplementedService(ctx context.Context) error {
	return c.nowhere(ctx, "grpc.testing.UnimplementedService")
}

// nowhere calls a method that the server does not have.
func (c *Client) nowhere(ctx context.Context, service string) error {
	m := fairlead.NewMethod[pb.Empty, pb.Empty](fairlead.Unary, service, "UnimplementedCall")
	return coded(c.Binder.Bind(m)(ctx, fairlead.NewCall(m, new(pb.Empty))), fairlead.Unimplemented)
}

func (c *Client) rpcSoak(ctx context.Context) error {
	return c.soak(ctx, func() (*pb.TestServiceClient, func() error, error) {
		return c.stub(), func() error { return nil }, nil
	})
}

func (c *Client) channelSoak(ctx context.Context) error {
	return c.soak(ctx, func() (*pb.TestServiceClient, func() error, error) {
		b, closeIt, err := c.Dial()
		if err != nil {
			return nil, nil, err
		}
		return pb.NewTestServiceClient(b), closeIt, nil
	})
}
