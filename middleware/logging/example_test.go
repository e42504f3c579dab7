package logging_test

import (
	"context"
	"log/slog"
	"os"

	"github.com/fairlead-go/fairlead"
	"github.com/fairlead-go/fairlead/middleware/logging"
)

func ExampleNew() {
	logger := slog.New(slog.NewTextHandler(os.Stdout, &slog.HandlerOptions{
		ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
			switch a.Key {
			case slog.TimeKey, "took", "peer", "side": // the first two differ from run to run
				return slog.Attr{}
			}
			return a
		},
	}))
	mw, err := logging.New(logger)
	if err != nil {
		panic(err)
	}
	method := fairlead.NewMethod[string, string](fairlead.Unary, "shop.Cart", "Add")
	handler := mw(fairlead.Site{Method: method}, func(context.Context, *fairlead.Call) error {
		return fairlead.Errorf(fairlead.NotFound, "no such cart")
	})
	call := fairlead.NewServerCall(&fairlead.ServerCall{Method: method})
	call.Wire().End(call.Context(), handler(call.Context(), call))
	// Output:
	// level=INFO msg=call method=/shop.Cart/Add kind=unary code=NOT_FOUND error="NOT_FOUND: no such cart"
}
