package main

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/fairlead-go/fairlead"
	"github.com/fairlead-go/fairlead/examples/greeter"
	"github.com/fairlead-go/fairlead/preset"
	"github.com/fairlead-go/fairlead/server"
)

// polite is a greeter that says something else than that of the example's server.
type polite struct{}

func (polite) SayHello(ctx context.Context, req *greeter.HelloRequest) (*greeter.HelloReply, error) {
	if req.Name == "" {
		return nil, fairlead.Errorf(fairlead.InvalidArgument, "name is empty")
	}
	fairlead.CallFrom(ctx).ResponseHeader().Set("served-by", "a test")
	return &greeter.HelloReply{Text: "good day, " + req.Name}, nil
}

func (polite) Stream(_ context.Context, req *greeter.StreamRequest, out *fairlead.Outbound[greeter.HelloReply]) error {
	return out.Send(&greeter.HelloReply{Text: "once, " + req.Name})
}

func (polite) Collect(_ context.Context, in *fairlead.Inbound[greeter.HelloRequest]) (*greeter.HelloReply, error) {
	reply := new(greeter.HelloReply)
	for req, err := range in.All() {
		if err != nil {
			return nil, err
		}
		reply.Text += "(" + req.Name + ")"
	}
	return reply, nil
}

func (polite) Chat(_ context.Context, s *fairlead.Bidi[greeter.HelloReply, greeter.HelloRequest]) error {
	for req, err := range s.All() {
		if err != nil {
			return err
		}
		if err := s.Send(&greeter.HelloReply{Text: req.Name + "?"}); err != nil {
			return err
		}
	}
	return nil
}

func TestClient(t *testing.T) {
	t.Parallel()
	srv, err := preset.NewServer("127.0.0.1:0", server.Service(greeter.Greeter(polite{})))
	if err != nil {
		t.Fatal(err)
	}
	if err := srv.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := srv.Shutdown(context.Background()); err != nil {
			t.Error(err)
		}
	})
	want := `SayHello: good day, Ann (served by a test)
SayHello without a name: INVALID_ARGUMENT
Stream: once, Ann
Collect: (Ann)(Bo)
Chat: Ann?
Chat: Bo?
`
	for _, protocol := range preset.Protocols() {
		var out strings.Builder
		if err := run(t.Context(), srv.Addr().String(), protocol, &out, "Ann", "Bo"); err != nil {
			t.Errorf("%s: %v", protocol, err)
		} else if out.String() != want {
			t.Errorf("%s: printed\n%s\nwant\n%s", protocol, out.String(), want)
		}
	}
}

func TestClientWithoutServer(t *testing.T) {
	t.Parallel()
	err := run(t.Context(), "127.0.0.1:1", preset.GRPC, new(strings.Builder), "Ann")
	var failure *fairlead.Error
	if !errors.As(err, &failure) || failure.Code != fairlead.Unavailable {
		t.Errorf("error is %v, want Unavailable", err)
	}
}
