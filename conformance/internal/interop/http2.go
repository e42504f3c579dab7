package interop

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"

	"github.com/fairlead-go/fairlead"
	pb "github.com/fairlead-go/fairlead/conformance/internal/interop/interoppb"
)

// http2Cases lists the test cases against a server that misbehaves, each in the way that the case is named after:
// https://github.com/grpc/grpc/blob/master/doc/http2-interop-test-descriptions.md.
func http2Cases() map[string]testCase {
	return map[string]testCase{
		"goaway":                    (*Client).goaway,
		"rst_after_header":          (*Client).cutOff,
		"rst_during_data":           (*Client).cutOff,
		"rst_after_data":            (*Client).cutOff,
		"ping":                      (*Client).largeUnary,
		"max_streams":               (*Client).maxStreams,
		"data_frame_padding":        (*Client).largeUnary,
		"no_df_padding_sanity_test": (*Client).largeUnary,
	}
}

// HTTP2Cases returns the names of the test cases against a server that misbehaves, sorted.
func HTTP2Cases() []string { return slices.Sorted(maps.Keys(http2Cases())) }

// RunHTTP2 runs the named one of them.
func (c *Client) RunHTTP2(ctx context.Context, name string) error {
	run := http2Cases()[name]
	if run == nil {
		return fmt.Errorf("there is no test case %q; there are %q", name, HTTP2Cases())
	}
	if err := run(c, ctx); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return nil
}

// goaway makes two calls, without the pause between them that the description wants: the second may meet the GOAWAY on
// its way, and must succeed all the same.
func (c *Client) goaway(ctx context.Context) error {
	if err := c.largeUnary(ctx); err != nil {
		return fmt.Errorf("first call: %w", err)
	}
	if err := c.largeUnary(ctx); err != nil {
		return fmt.Errorf("second call: %w", err)
	}
	return nil
}

// cutOff makes a call whose response is reset without an error. That is still no response, and Internal by gRPC's table
// of HTTP/2's codes.
func (c *Client) cutOff(ctx context.Context) error {
	r, err := c.stub().UnaryCall(ctx, &pb.SimpleRequest{
		ResponseSize: largeResponse, Payload: &pb.Payload{Body: make([]byte, largeRequest)},
	})
	if r != nil {
		return errors.New("got a response")
	}
	return coded(err, fairlead.Internal)
}

// maxStreams makes concurrent calls, after one that has the server send its limit.
func (c *Client) maxStreams(ctx context.Context) error {
	const calls = 15
	if err := c.largeUnary(ctx); err != nil {
		return err
	}
	errs := make([]error, calls)
	var wg sync.WaitGroup
	for i := range errs {
		wg.Go(func() { errs[i] = c.largeUnary(ctx) })
	}
	wg.Wait()
	return errors.Join(errs...)
}
