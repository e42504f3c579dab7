// Program greeter calls the greeter example with grpc-go, once with each kind of method, and prints what the example's
// own client prints. What generated grpc-go code would do is written out, so that one copy of the messages is enough.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/fairlead-go/fairlead/examples/greeter"
)

const service = "/greeter.v1.Greeter/"

func main() {
	addr := flag.String("addr", "127.0.0.1:8080", "`address` of the server")
	flag.Parse()
	if err := run(*addr, []string{"Ann", "Bo"}); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(addr string, names []string) error {
	conn, err := grpc.NewClient("passthrough:///"+addr, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		return err
	}
	defer conn.Close()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	for _, step := range []func(context.Context, *grpc.ClientConn, []string) error{sayHello, stream, collect, chat} {
		if err := step(ctx, conn, names); err != nil {
			return err
		}
	}
	return nil
}

func sayHello(ctx context.Context, conn *grpc.ClientConn, names []string) error {
	var header metadata.MD
	reply := new(greeter.HelloReply)
	err := conn.Invoke(ctx, service+"SayHello", &greeter.HelloRequest{Name: names[0]}, reply, grpc.Header(&header))
	if err != nil {
		return err
	}
	fmt.Printf("SayHello: %s (served by %s)\n", reply.GetText(), strings.Join(header.Get("served-by"), ","))

	err = conn.Invoke(ctx, service+"SayHello", &greeter.HelloRequest{}, reply)
	if code := status.Code(err); code != codes.InvalidArgument {
		return fmt.Errorf("SayHello without a name: got code %v, want %v", code, codes.InvalidArgument)
	}
	fmt.Println("SayHello without a name: INVALID_ARGUMENT")
	return nil
}

func stream(ctx context.Context, conn *grpc.ClientConn, names []string) error {
	raw, err := conn.NewStream(ctx, &grpc.StreamDesc{ServerStreams: true}, service+"Stream")
	if err != nil {
		return err
	}
	s := grpc.GenericClientStream[greeter.StreamRequest, greeter.HelloReply]{ClientStream: raw}
	if err := s.SendMsg(&greeter.StreamRequest{Name: names[0], Count: 3}); err != nil {
		return err
	}
	if err := s.CloseSend(); err != nil {
		return err
	}
	for {
		reply, err := s.Recv()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		fmt.Println("Stream:", reply.GetText())
	}
}

func collect(ctx context.Context, conn *grpc.ClientConn, names []string) error {
	raw, err := conn.NewStream(ctx, &grpc.StreamDesc{ClientStreams: true}, service+"Collect")
	if err != nil {
		return err
	}
	s := grpc.GenericClientStream[greeter.HelloRequest, greeter.HelloReply]{ClientStream: raw}
	for _, name := range names {
		if err := s.Send(&greeter.HelloRequest{Name: name}); err != nil {
			return err
		}
	}
	reply, err := s.CloseAndRecv()
	if err != nil {
		return err
	}
	fmt.Println("Collect:", reply.GetText())
	return nil
}

func chat(ctx context.Context, conn *grpc.ClientConn, names []string) error {
	raw, err := conn.NewStream(ctx, &grpc.StreamDesc{ClientStreams: true, ServerStreams: true}, service+"Chat")
	if err != nil {
		return err
	}
	s := grpc.GenericClientStream[greeter.HelloRequest, greeter.HelloReply]{ClientStream: raw}
	for _, name := range names {
		if err := s.Send(&greeter.HelloRequest{Name: name}); err != nil {
			return err
		}
		reply, err := s.Recv()
		if err != nil {
			return err
		}
		fmt.Println("Chat:", reply.GetText())
	}
	if err := s.CloseSend(); err != nil {
		return err
	}
	switch _, err := s.Recv(); {
	case err == nil:
		return errors.New("the chat did not end: there was one message more")
	case !errors.Is(err, io.EOF):
		return fmt.Errorf("the chat did not end: %w", err)
	}
	return nil
}
