package dynamic_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"io"
	"log/slog"
	"testing"
	"time"

	"google.golang.org/protobuf/encoding/prototext"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/descriptorpb"
	"google.golang.org/protobuf/types/dynamicpb"

	"github.com/fairlead-go/fairlead"
	"github.com/fairlead-go/fairlead/admin"
	"github.com/fairlead-go/fairlead/client"
	"github.com/fairlead-go/fairlead/dynamic"
	"github.com/fairlead-go/fairlead/internal/assert"
	"github.com/fairlead-go/fairlead/internal/leakcheck"
	"github.com/fairlead-go/fairlead/preset"
	"github.com/fairlead-go/fairlead/server"
)

func TestMain(m *testing.M) {
	slog.SetDefault(slog.New(slog.DiscardHandler)) //nolint:forbidigo // presets log calls there
	leakcheck.Main(m)
}

// contract is that of a shop: services with all kinds of methods, and names that are easily confused. The file with the
// extension is imported by nobody, google/protobuf/any.proto is not in it.
const contract = `
file: {
	name: "shop/v1/item.proto" package: "shop.v1" syntax: "proto2"
	message_type: {
		name: "Item"
		field: {name: "id" number: 1 type: TYPE_STRING label: LABEL_OPTIONAL}
		field: {name: "part" number: 2 type: TYPE_MESSAGE type_name: ".shop.v1.Item" label: LABEL_REPEATED}
		field: {name: "by_name" number: 3 type: TYPE_MESSAGE type_name: ".shop.v1.Item.ByNameEntry" label: LABEL_REPEATED}
		extension_range: {start: 1000 end: 2000}
		nested_type: {
			name: "ByNameEntry" options: {map_entry: true}
			field: {name: "key" number: 1 type: TYPE_STRING label: LABEL_OPTIONAL}
			field: {name: "value" number: 2 type: TYPE_MESSAGE type_name: ".shop.v1.Item" label: LABEL_OPTIONAL}
		}
	}
}
file: {
	name: "shop/v1/extra.proto" package: "shop.v1" syntax: "proto2" dependency: "shop/v1/item.proto"
	extension: {name: "price" number: 1001 extendee: ".shop.v1.Item" type: TYPE_INT32 label: LABEL_OPTIONAL}
	message_type: {
		name: "Scope"
		extension: {name: "weight" number: 1002 extendee: ".shop.v1.Item" type: TYPE_INT32 label: LABEL_OPTIONAL}
	}
	message_type: {name: "Gift" field: {name: "to" number: 1 type: TYPE_STRING label: LABEL_OPTIONAL}}
}
file: {
	name: "shop/v1/shop.proto" package: "shop.v1" syntax: "proto3"
	dependency: "shop/v1/item.proto" dependency: "google/protobuf/any.proto"
	message_type: {
		name: "Envelope"
		field: {name: "item" number: 1 type: TYPE_MESSAGE type_name: ".shop.v1.Item" label: LABEL_OPTIONAL}
		field: {name: "any" number: 2 type: TYPE_MESSAGE type_name: ".google.protobuf.Any" label: LABEL_OPTIONAL}
	}
	service: {
		name: "Cart"
		method: {
			name: "Add" input_type: ".shop.v1.Envelope" output_type: ".shop.v1.Envelope"
			options: {idempotency_level: IDEMPOTENT}
		}
		method: {name: "Watch" input_type: ".shop.v1.Envelope" output_type: ".shop.v1.Envelope" server_streaming: true}
		method: {name: "Fill" input_type: ".shop.v1.Envelope" output_type: ".shop.v1.Envelope" client_streaming: true}
		method: {
			name: "Chat" input_type: ".shop.v1.Envelope" output_type: ".shop.v1.Envelope"
			client_streaming: true server_streaming: true options: {idempotency_level: NO_SIDE_EFFECTS}
		}
	}
}
file: {
	name: "shop/v2/shop.proto" package: "shop.v2" syntax: "proto3" dependency: "shop/v1/item.proto"
	service: {
		name: "Cart" method: {name: "Add" input_type: ".shop.v1.Item" output_type: ".shop.v1.Item"}
	}
	service: {
		name: "Stock" method: {name: "Count" input_type: ".shop.v1.Item" output_type: ".shop.v1.Item"}
	}
}`

func files(t testing.TB, text string) *descriptorpb.FileDescriptorSet {
	t.Helper()
	set := new(descriptorpb.FileDescriptorSet)
	if err := prototext.Unmarshal([]byte(text), set); err != nil {
		t.Fatal(err)
	}
	return set
}

func schema(t testing.TB) []byte {
	t.Helper()
	b, err := proto.Marshal(files(t, contract))
	if err != nil {
		t.Fatal(err)
	}
	var zipped bytes.Buffer
	zw := gzip.NewWriter(&zipped)
	zw.Write(b)
	zw.Close()
	return zipped.Bytes()
}

// implement makes the services, which echo, of the contract.
func implement(t testing.TB) []*fairlead.Implementation {
	t.Helper()
	src, err := dynamic.FromSet(files(t, contract))
	if err != nil {
		t.Fatal(err)
	}
	var list []*fairlead.Implementation
	for _, name := range []string{"shop.v1.Cart", "shop.v2.Cart", "shop.v2.Stock"} {
		methods, err := src.Methods(t.Context(), name)
		if err != nil {
			t.Fatal(err)
		}
		var handlers []fairlead.Handler
		for _, m := range methods {
			handlers = append(handlers, echo(m))
		}
		encoded := schema(t)
		s := fairlead.NewService(name, "proto", func() []byte { return encoded }, methods...)
		list = append(list, fairlead.Implement(s, handlers...))
	}
	return list
}

type message = dynamicpb.Message

// echo makes a handler that sends back what it receives; a client's stream the last message.
func echo(m *fairlead.Method) fairlead.Handler {
	if m.Kind == fairlead.Unary {
		return fairlead.UnaryHandler(func(_ context.Context, in *message) (*message, error) { return in, nil })
	}
	return func(_ context.Context, c *fairlead.Call) error {
		if m.Kind == fairlead.ServerStreaming {
			for range 3 {
				if err := c.Stream().Send(c.Request()); err != nil {
					return err
				}
			}
			return nil
		}
		last := dynamic.NewRequest(m)
		for {
			in := dynamic.NewRequest(m)
			err := c.Stream().Recv(in)
			switch {
			case errors.Is(err, io.EOF) && m.Kind == fairlead.ClientStreaming:
				c.SetResponse(last)
				return nil
			case errors.Is(err, io.EOF):
				return nil
			case err != nil:
				return err
			}
			last = in
			if m.Kind == fairlead.BidiStreaming {
				if err := c.Stream().Send(in); err != nil {
					return err
				}
			}
		}
	}
}

// serve starts a server of the contract, with reflection if it is wanted, and returns a client of it.
func serve(t testing.TB, reflection bool, opts ...client.Option) *client.Client {
	t.Helper()
	impls := implement(t)
	if reflection {
		var services []*fairlead.Service
		for _, i := range impls {
			services = append(services, i.Service)
		}
		own, err := admin.Reflection(services...)
		if err != nil {
			t.Fatal(err)
		}
		impls = append(impls, own...)
	}
	srv, err := preset.NewServer("127.0.0.1:0", server.Service(impls...))
	if err != nil {
		t.Fatal(err)
	}
	if err := srv.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	c, err := preset.NewClient(srv.Addr().String(), opts...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.Close(); err != nil {
			t.Error(err)
		}
		ctx, cancel := context.WithTimeout(context.Background(), assert.Patience(5*time.Second))
		defer cancel()
		if err := srv.Shutdown(ctx); err != nil {
			t.Error(err)
		}
	})
	return c
}
