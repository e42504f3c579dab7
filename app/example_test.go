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
	ctx, cancel := context.WithCancel(context.Background()) // in practice the signal SIGTERM does this
	stop := func(context.Context) error { cancel(); return nil }
	a, err := app.New("greeter",
		app.Func("database", say("connect"), say("disconnect")),
		app.Func("server", say("listen"), say("drain")), // in practice a *server.Server
		app.Func("end of the example", stop, nil),
	)
	if err != nil {
		panic(err)
	}
	err = a.Run(ctx, app.DrainTimeout(10*time.Second), app.Logger(slog.New(slog.DiscardHandler)))
	fmt.Println("error:", err)
	// Output:
	// connect
	// listen
	// drain
	// disconnect
	// error: <nil>
}
