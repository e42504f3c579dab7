package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/fairlead-go/fairlead"
	"github.com/fairlead-go/fairlead/examples/greeter"
)

// sayHello makes a unary call, with a timeout of its own, and looks at the metadata that came with the response.
func sayHello(ctx context.Context, hello *greeter.GreeterClient, out io.Writer, names []string) error {
	var info fairlead.CallInfo
	reply, err := hello.SayHello(ctx, &greeter.HelloRequest{Name: names[0]},
		fairlead.WithTimeout(time.Second), fairlead.WithInfo(&info))
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "SayHello: %s (served by %s)\n", reply.Text, info.Header.Get("served-by"))

	// An error of the server has its code here as well.
	_, err = hello.SayHello(ctx, &greeter.HelloRequest{})
	fmt.Fprintf(out, "SayHello without a name: %v\n", fairlead.CodeOf(err))
	return nil
}

// stream receives until the server has sent everything.
func stream(ctx context.Context, hello *greeter.GreeterClient, out io.Writer, names []string) error {
	greetings, err := hello.Stream(ctx, &greeter.StreamRequest{Name: names[0], Count: 3})
	if err != nil {
		return err
	}
	for reply, err := range greetings.All() {
		if err != nil {
			return err
		}
		fmt.Fprintf(out, "Stream: %s\n", reply.Text)
	}
	return nil
}

// collect sends until there is nothing more to send, and then receives the one response.
func collect(ctx context.Context, hello *greeter.GreeterClient, out io.Writer, names []string) error {
	requests, err := hello.Collect(ctx)
	if err != nil {
		return err
	}
	for _, name := range names {
		// An early end of the call is io.EOF here; CloseAndRecv has the reason.
		if err := requests.Send(&greeter.HelloRequest{Name: name}); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			return err
		}
	}
	reply, err := requests.CloseAndRecv()
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "Collect: %s\n", reply.Text)
	return nil
}

// chat sends and receives in turn. One goroutine could send while another receives, too.
func chat(ctx context.Context, hello *greeter.GreeterClient, out io.Writer, names []string) error {
	talk, err := hello.Chat(ctx)
	if err != nil {
		return err
	}
	defer func() { _ = talk.Close() }()
	for _, name := range names {
		if err := talk.Send(&greeter.HelloRequest{Name: name}); err != nil && !errors.Is(err, io.EOF) {
			return err
		}
		reply, err := talk.Recv()
		if err != nil {
			return err
		}
		fmt.Fprintf(out, "Chat: %s\n", reply.Text)
	}
	if err := talk.CloseSend(); err != nil {
		return err
	}
	// The call is over, and a success, when the server has nothing more to say.
	for _, err := range talk.All() {
		if err != nil {
			return err
		}
	}
	return nil
}
