package app_test

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/fairlead-go/fairlead/app"
)

func ExampleApp_Run() {
	say := func(text string) func(context.Context) error {
		return func(context.Context) error { fmt.Println(text); return nil }
	}
	a, err := app.New("greeter",
		app.Func("database", say("connect"), say("disconnect")),
		app.Func("server", say("listen"), say("drain")), // in practice a *server.Server
	)
	if err != nil {
		panic(err)
	}
	// A program passes context.Background() and waits for SIGTERM.
	ctx, cancel := context.WithTimeout(context.Background(), time.Millisecond)
	defer cancel()
	err = a.Run(ctx, app.DrainTimeout(10*time.Second), app.Logger(slog.New(slog.DiscardHandler)))
	fmt.Println("error:", err)
	// Output:
	// connect
	// listen
	// drain
	// disconnect
	// error: <nil>
}
