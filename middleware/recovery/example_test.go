package recovery_test

import (
	"context"
	"fmt"
	"log/slog"

	"github.com/fairlead-go/fairlead"
	"github.com/fairlead-go/fairlead/middleware/recovery"
)

func ExampleNew() {
	mw, err := recovery.New(recovery.Logger(slog.New(slog.DiscardHandler)))
	if err != nil {
		panic(err)
	}
	method := fairlead.NewMethod[string, string](fairlead.Unary, "shop.Cart", "Add")
	handler := mw(fairlead.Site{Method: method}, func(context.Context, *fairlead.Call) error {
		panic("password=hunter2 in a DSN")
	})
	call := fairlead.NewServerCall(&fairlead.ServerCall{Method: method})
	fmt.Println(handler(call.Context(), call))
	// Output: INTERNAL: internal error
}
