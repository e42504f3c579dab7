// Command connect-client makes the calls that the runner of Connect's conformance suite asks for on standard input,
// with Fairlead (https://github.com/connectrpc/conformance/blob/main/docs/testing_clients.md).
package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"runtime"
	"sync"

	"github.com/fairlead-go/fairlead/conformance/internal/connectsuite"
	pb "github.com/fairlead-go/fairlead/conformance/internal/connectsuite/connectpb"
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "connect-client:", err)
		os.Exit(1)
	}
}

func run() error {
	slog.SetDefault(slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelError})))
	client := new(connectsuite.Client)
	places := make(chan struct{}, 4*runtime.GOMAXPROCS(0)) // calls at a time
	var wg sync.WaitGroup
	var mu sync.Mutex
	var failed error
	in := bufio.NewReader(os.Stdin)
	for {
		req := new(pb.ClientCompatRequest)
		if err := connectsuite.Read(in, req); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			return err
		}
		places <- struct{}{}
		wg.Go(func() {
			defer func() { <-places }()
			resp := client.Do(context.Background(), req)
			mu.Lock()
			defer mu.Unlock()
			if err := connectsuite.Write(os.Stdout, resp); err != nil && failed == nil {
				failed = err
			}
		})
	}
	wg.Wait()
	return errors.Join(failed, client.Close())
}
