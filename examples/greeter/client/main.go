// Client calls the greeter's server once with each kind of method.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"log"
	"os"

	"github.com/fairlead-go/fairlead/examples/greeter"
	"github.com/fairlead-go/fairlead/preset"
)

func main() {
	addr := flag.String("addr", "127.0.0.1:8080", "`address` of the server, or a target such as dns:///greeter:8080")
	protocol := flag.String("protocol", string(preset.GRPC), "`protocol` of the calls: grpc, grpc-web or connect")
	flag.Parse()
	if err := run(context.Background(), *addr, preset.Protocol(*protocol), os.Stdout, "Ann", "Bo"); err != nil {
		log.Fatal(err)
	}
}

// run greets names through the server at target and writes the answers to out.
func run(ctx context.Context, target string, protocol preset.Protocol, out io.Writer, names ...string) error {
	conn, err := preset.NewClient(target, preset.ClientProtocol(protocol))
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close() }()

	// The client is cheap and safe for concurrent use: make it once and keep it.
	hello := greeter.NewGreeterClient(conn)
	for _, step := range []struct {
		name string
		run  func(context.Context, *greeter.GreeterClient, io.Writer, []string) error
	}{
		{"SayHello", sayHello}, {"Stream", stream}, {"Collect", collect}, {"Chat", chat},
	} {
		if err := step.run(ctx, hello, out, names); err != nil {
			return fmt.Errorf("%s: %w", step.name, err)
		}
	}
	return nil
}
