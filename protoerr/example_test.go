package protoerr_test

import (
	"fmt"
	"time"

	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/fairlead-go/fairlead"
	"github.com/fairlead-go/fairlead/protoerr"
)

// A handler says how long an order takes. Any message will do: those of google/rpc/error_details.proto, which all
// languages have, or of the service's own contract.
func Example() {
	handler := func() error {
		return protoerr.WithDetails(
			fairlead.Errorf(fairlead.FailedPrecondition, "the lamp is not in stock"), durationpb.New(48*time.Hour))
	}

	// The client, to whom the error arrives with its details.
	err := handler()
	if d, ok := protoerr.DetailOf[*durationpb.Duration](err); ok {
		fmt.Println(fairlead.CodeOf(err), "for another", d.AsDuration())
	}
	// Output: FAILED_PRECONDITION for another 48h0m0s
}
