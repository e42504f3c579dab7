package grpcgo_test

import (
	"context"
	"testing"

	"github.com/fairlead-go/fairlead"
	"github.com/fairlead-go/fairlead/contrib/grpcgo"
	"github.com/fairlead-go/fairlead/internal/assert"
	testpb "google.golang.org/grpc/interop/grpc_testing"
)

// answers is a client that answers every call at once, so that what remains is the adapter's own.
type answers struct{}

func (a answers) Bind(*fairlead.Method) fairlead.Handler {
	return func(_ context.Context, c *fairlead.Call) error {
		c.SetResponse(c.Wire().Reply())
		return nil
	}
}

// BenchmarkInvoke measures what a Conn adds to a unary call: the Call, the options that it needs to name the reply, and
// the response of the generated client.
func BenchmarkInvoke(b *testing.B) {
	client := testpb.NewTestServiceClient(grpcgo.NewConn(answers{}))
	req := new(testpb.SimpleRequest)
	ctx := b.Context()
	b.ReportAllocs()
	for b.Loop() {
		if _, err := client.UnaryCall(ctx, req); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkUnary measures a unary call through the preset's stack on both sides, in process.
func BenchmarkUnary(b *testing.B) {
	reg := grpcgo.NewRegistrar()
	testpb.RegisterTestServiceServer(reg, &service{})
	client := testpb.NewTestServiceClient(grpcgo.NewConn(serveInproc(b, reg)))
	req := &testpb.SimpleRequest{Payload: payload("x")}
	ctx := b.Context()
	b.ReportAllocs()
	b.RunParallel(func(p *testing.PB) {
		for p.Next() {
			if _, err := client.UnaryCall(ctx, req); err != nil {
				b.Error(err)
				return
			}
		}
	})
}

// TestInvokeAllocations pins what a unary call costs on a client above the connection: two objects of Fairlead's, two
// of the generated client.
func TestInvokeAllocations(t *testing.T) { //nolint:paralleltest // it counts allocations
	client := testpb.NewTestServiceClient(grpcgo.NewConn(answers{}))
	req := new(testpb.SimpleRequest)
	assert.Allocs(t, 4, func() {
		if _, err := client.UnaryCall(t.Context(), req); err != nil {
			t.Error(err)
		}
	})
}
