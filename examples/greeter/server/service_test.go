package main

import (
	"context"
	"errors"
	"io"
	"net"
	"testing"
	"time"

	"github.com/fairlead-go/fairlead"
	"github.com/fairlead-go/fairlead/examples/greeter"
	"github.com/fairlead-go/fairlead/preset"
)

// start runs the program on a free port of the loopback interface until the test ends, and returns a client of it.
func start(t *testing.T) *greeter.GreeterClient {
	t.Helper()
	var lc net.ListenConfig
	l, err := lc.Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := l.Addr().String()
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- run(ctx, addr) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("the server ended with %v", err)
		}
	})
	conn, err := preset.NewClient(addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	hello := greeter.NewGreeterClient(conn)
	// The server may not listen yet.
	if _, err := hello.SayHello(ctx, &greeter.HelloRequest{Name: "you"},
		fairlead.WithWaitForReady(true), fairlead.WithTimeout(time.Minute)); err != nil {
		t.Fatal(err)
	}
	return hello
}

func TestService(t *testing.T) {
	t.Parallel()
	hello := start(t)
	t.Run("SayHello", func(t *testing.T) {
		t.Parallel()
		var info fairlead.CallInfo
		reply, err := hello.SayHello(t.Context(), &greeter.HelloRequest{Name: "Ann"}, fairlead.WithInfo(&info))
		if err != nil || reply.Text != "hello Ann" {
			t.Errorf("got %v, %v, want hello Ann", reply, err)
		}
		if got := info.Header.Get("served-by"); got != "greeter" {
			t.Errorf("served-by is %q, want greeter", got)
		}
		_, err = hello.SayHello(t.Context(), &greeter.HelloRequest{})
		if fairlead.CodeOf(err) != fairlead.InvalidArgument {
			t.Errorf("error without a name is %v, want InvalidArgument", err)
		}
	})
	t.Run("Stream", func(t *testing.T) {
		t.Parallel()
		stream, err := hello.Stream(t.Context(), &greeter.StreamRequest{Name: "Ann", Count: maxGreetings})
		if err != nil {
			t.Fatal(err)
		}
		n := 0
		for reply, err := range stream.All() {
			if err != nil || reply.Text != "hello Ann" {
				t.Fatalf("got %v, %v, want hello Ann", reply, err)
			}
			n++
		}
		if n != maxGreetings {
			t.Errorf("%d greetings, want %d", n, maxGreetings)
		}
		stream, err = hello.Stream(t.Context(), &greeter.StreamRequest{Count: maxGreetings + 1})
		if err == nil {
			_, err = stream.Recv()
		}
		if fairlead.CodeOf(err) != fairlead.OutOfRange {
			t.Errorf("error of too many is %v, want OutOfRange", err)
		}
	})
	t.Run("Collect", func(t *testing.T) {
		t.Parallel()
		stream, err := hello.Collect(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range []string{"Ann", "Bo"} {
			if err := stream.Send(&greeter.HelloRequest{Name: name}); err != nil {
				t.Fatal(err)
			}
		}
		if reply, err := stream.CloseAndRecv(); err != nil || reply.Text != "hello Ann, Bo" {
			t.Errorf("got %v, %v, want hello Ann, Bo", reply, err)
		}
	})
	t.Run("Chat", func(t *testing.T) {
		t.Parallel()
		stream, err := hello.Chat(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range []string{"Ann", "Bo"} {
			if err := stream.Send(&greeter.HelloRequest{Name: name}); err != nil {
				t.Fatal(err)
			}
			if reply, err := stream.Recv(); err != nil || reply.Text != "hello "+name {
				t.Errorf("got %v, %v, want hello %s", reply, err, name)
			}
		}
		if err := stream.CloseSend(); err != nil {
			t.Fatal(err)
		}
		if _, err := stream.Recv(); !errors.Is(err, io.EOF) {
			t.Errorf("the end is %v, want EOF", err)
		}
	})
}
