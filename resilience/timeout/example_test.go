package timeout_test

import (
	"context"
	"fmt"
	"time"

	"github.com/fairlead-go/fairlead"
	"github.com/fairlead-go/fairlead/resilience/timeout"
)

func ExampleShare() {
	mw, err := timeout.Share(0.7)
	if err != nil {
		panic(err)
	}
	method := fairlead.NewMethod[string, string](fairlead.Unary, "stock.Stock", "Take")
	call := mw(fairlead.Site{Side: fairlead.ClientSide, Method: method},
		func(_ context.Context, c *fairlead.Call) error {
			deadline, _ := c.Deadline()
			fmt.Println("the call has", time.Until(deadline).Round(10*time.Millisecond))
			return nil
		})

	// A handler whose caller waits a second makes a call of its own.
	inbound := fairlead.NewServerCall(&fairlead.ServerCall{Method: method, Deadline: time.Now().Add(time.Second)})
	_ = call(inbound.Context(), fairlead.NewCall(method, nil))
	// Output: the call has 700ms
}
