package contract

import (
	"context"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"

	"github.com/fairlead-go/fairlead"
	"github.com/fairlead-go/fairlead/conformance/contract/shoppb"
	"github.com/fairlead-go/fairlead/conformance/internal/local"
	"github.com/fairlead-go/fairlead/internal/assert"
)

// patience is far more than the method's timeout, which is to end the calls.
const patience = time.Minute

// TestMethodTimeout calls a method that has a timeout in its contract: a client of grpc-go knows nothing of it, so that
// the server ends the call; a client of Fairlead tells any server.
func TestMethodTimeout(t *testing.T) {
	t.Parallel()
	addr := serveFairlead(t)

	foreign, err := grpc.NewClient(addr, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { foreign.Close() })
	begun := time.Now()
	err = foreign.Invoke(t.Context(), shoppb.ShopWaitMethod.Path, new(shoppb.OrderRequest), new(shoppb.OrderReply))
	if status.Code(err) != codes.DeadlineExceeded || time.Since(begun) > assert.Patience(patience) {
		t.Errorf("grpc-go's client got %v after %v", err, time.Since(begun))
	}

	own := local.Dial(t, addr)
	ctx, cancel := context.WithTimeout(t.Context(), assert.Patience(patience))
	defer cancel()
	begun = time.Now()
	_, err = shoppb.NewShopClient(own).Wait(ctx, new(shoppb.OrderRequest))
	if fairlead.CodeOf(err) != fairlead.DeadlineExceeded || time.Since(begun) > assert.Patience(patience) {
		t.Errorf("Fairlead's client got %v after %v", err, time.Since(begun))
	}
}
