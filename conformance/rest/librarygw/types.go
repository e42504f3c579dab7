// Package librarygw is grpc-gateway's code for the contract of package librarypb, and what that code needs besides.
package librarygw

import (
	"context"

	"google.golang.org/genproto/googleapis/api/httpbody"
	"google.golang.org/grpc"

	"github.com/fairlead-go/fairlead/conformance/rest/librarypb"
)

//go:generate go run ../gengw

// The messages are those of librarypb: a program can have each once.
type (
	// Thing is a message.
	Thing = librarypb.Thing
	// Inner is a message.
	Inner = librarypb.Inner
	// Color is an enum.
	Color = librarypb.Color
)

// Color_value has the values of Color by name.
//
//nolint:gochecknoglobals,revive // as protoc-gen-go has it
var Color_value = librarypb.Color_value

// The streams are called as protoc-gen-go-grpc calls them.
type (
	// Library_ListClient is a stream.
	Library_ListClient = grpc.ServerStreamingClient[Thing] //nolint:revive // as above
	// Library_JoinClient is a stream.
	Library_JoinClient = grpc.ClientStreamingClient[Thing, Thing] //nolint:revive // as above
)

// LibraryServer is what the gateway can call in process.
type LibraryServer interface {
	Get(ctx context.Context, in *Thing) (*Thing, error)
	Make(ctx context.Context, in *Thing) (*Thing, error)
	Create(ctx context.Context, in *Thing) (*Thing, error)
	Load(ctx context.Context, in *Thing) (*httpbody.HttpBody, error)
}

// LibraryClient is what the gateway calls.
type LibraryClient interface {
	Get(ctx context.Context, in *Thing, opts ...grpc.CallOption) (*Thing, error)
	Make(ctx context.Context, in *Thing, opts ...grpc.CallOption) (*Thing, error)
	Create(ctx context.Context, in *Thing, opts ...grpc.CallOption) (*Thing, error)
	List(ctx context.Context, in *Thing, opts ...grpc.CallOption) (Library_ListClient, error)
	Join(ctx context.Context, opts ...grpc.CallOption) (Library_JoinClient, error)
	Load(ctx context.Context, in *Thing, opts ...grpc.CallOption) (*httpbody.HttpBody, error)
}

// NewLibraryClient makes a client of a connection.
func NewLibraryClient(cc grpc.ClientConnInterface) LibraryClient { return &client{cc} }

type client struct{ cc grpc.ClientConnInterface }

func invoke[Req, Resp any](
	ctx context.Context, c *client, method string, in *Req, opts []grpc.CallOption,
) (*Resp, error) {
	out := new(Resp)
	if err := c.cc.Invoke(ctx, "/fairlead.conformance.library.v1.Library/"+method, in, out, opts...); err != nil {
		return nil, err
	}
	return out, nil
}

func (c *client) Get(ctx context.Context, in *Thing, opts ...grpc.CallOption) (*Thing, error) {
	return invoke[Thing, Thing](ctx, c, "Get", in, opts)
}

func (c *client) Make(ctx context.Context, in *Thing, opts ...grpc.CallOption) (*Thing, error) {
	return invoke[Thing, Thing](ctx, c, "Make", in, opts)
}

func (c *client) Create(ctx context.Context, in *Thing, opts ...grpc.CallOption) (*Thing, error) {
	return invoke[Thing, Thing](ctx, c, "Create", in, opts)
}

func (c *client) Load(ctx context.Context, in *Thing, opts ...grpc.CallOption) (*httpbody.HttpBody, error) {
	return invoke[Thing, httpbody.HttpBody](ctx, c, "Load", in, opts)
}

func (c *client) List(ctx context.Context, in *Thing, opts ...grpc.CallOption) (Library_ListClient, error) {
	desc := &grpc.StreamDesc{StreamName: "List", ServerStreams: true}
	s, err := c.cc.NewStream(ctx, desc, "/fairlead.conformance.library.v1.Library/List", opts...)
	if err != nil {
		return nil, err
	}
	x := &grpc.GenericClientStream[Thing, Thing]{ClientStream: s}
	if err := x.SendMsg(in); err != nil {
		return nil, err
	}
	return x, x.CloseSend()
}

func (c *client) Join(ctx context.Context, opts ...grpc.CallOption) (Library_JoinClient, error) {
	desc := &grpc.StreamDesc{StreamName: "Join", ClientStreams: true}
	s, err := c.cc.NewStream(ctx, desc, "/fairlead.conformance.library.v1.Library/Join", opts...)
	if err != nil {
		return nil, err
	}
	return &grpc.GenericClientStream[Thing, Thing]{ClientStream: s}, nil
}
