package admin_test

import (
	"context"
	"fmt"
	"log"

	"github.com/fairlead-go/fairlead/admin"
	"github.com/fairlead-go/fairlead/preset"
	"github.com/fairlead-go/fairlead/server"
)

// A process tells how it is doing at an address for operators; another one, such as fairlead doctor, reads it there.
func ExampleRuntime() {
	ctx := context.Background()
	health := admin.NewHealth().Service()
	main, err := preset.NewServer("127.0.0.1:0", server.Service(health))
	if err != nil {
		log.Fatal(err)
	}
	runtime, err := admin.NewRuntime(admin.ServerStats("shop", main))
	if err != nil {
		log.Fatal(err)
	}
	operators, err := preset.NewServer("127.0.0.1:0", server.Service(runtime.Service()))
	if err != nil {
		log.Fatal(err)
	}
	if err := operators.Start(ctx); err != nil {
		log.Fatal(err)
	}
	conn, err := preset.NewClient(operators.Addr().String())
	if err != nil {
		log.Fatal(err)
	}
	info, err := admin.NewRuntimeClient(conn).Read(ctx)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(info.Servers[0].Name, info.Goroutines > 0, info.Memory > 0)

	_ = conn.Close()
	_ = operators.Shutdown(ctx)
	// Output: shop true true
}
