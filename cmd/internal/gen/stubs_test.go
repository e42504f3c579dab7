package gen_test

import (
	"context"
	"errors"
	"io"
	"reflect"
	"slices"
	"strings"
	"testing"

	"google.golang.org/protobuf/types/known/emptypb"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/fairlead-go/fairlead"
	"github.com/fairlead-go/fairlead/cmd/internal/gen/testdata/edition"
	"github.com/fairlead-go/fairlead/cmd/internal/gen/testdata/grpc"
	old "github.com/fairlead-go/fairlead/cmd/internal/gen/testdata/legacy"
	"github.com/fairlead-go/fairlead/cmd/internal/gen/testdata/names"
	"github.com/fairlead-go/fairlead/cmd/internal/gen/testdata/opaque"
	"github.com/fairlead-go/fairlead/cmd/internal/gen/testdata/other/call"
	"github.com/fairlead-go/fairlead/cmd/internal/gen/testdata/shapes"
)

// items implements shapes.ShapesServer; its methods do the least by which one sees that the right one ran.
type items struct{}

func (items) Get(_ context.Context, q *shapes.Item_Query) (*shapes.Item, error) {
	if q.GetPrefix() == "" {
		return nil, fairlead.Errorf(fairlead.InvalidArgument, "prefix is empty")
	}
	return &shapes.Item{Name: q.GetPrefix()}, nil
}

func (items) Put(context.Context, *shapes.Item) (*emptypb.Empty, error) {
	return new(emptypb.Empty), nil
}

func (items) List(_ context.Context, q *shapes.Item_Query, out *fairlead.Outbound[shapes.Item]) error {
	for _, suffix := range []string{"1", "2"} {
		if err := out.Send(&shapes.Item{Name: q.GetPrefix() + suffix}); err != nil {
			return err
		}
	}
	return nil
}

func (items) Collect(_ context.Context, in *fairlead.Inbound[shapes.Item]) (*wrapperspb.Int64Value, error) {
	var sum int64
	for item, err := range in.All() {
		if err != nil {
			return nil, err
		}
		sum += item.GetAmount()
	}
	return wrapperspb.Int64(sum), nil
}

func (items) Exchange(_ context.Context, s *fairlead.Bidi[shapes.Item, shapes.Item_Query]) error {
	for q, err := range s.All() {
		if err != nil {
			return err
		}
		if err := s.Send(&shapes.Item{Name: q.GetPrefix()}); err != nil {
			return err
		}
	}
	return fairlead.Errorf(fairlead.Aborted, "enough")
}

func (items) Old(_ context.Context, i *shapes.Item) (*shapes.Item, error)       { return i, nil }
func (items) LowerCase(_ context.Context, i *shapes.Item) (*shapes.Item, error) { return i, nil }
func (items) Type(_ context.Context, i *shapes.Item) (*shapes.Item, error)      { return i, nil }

func (items) Ring(context.Context, *call.Ring) (*call.Ring_Tone, error) {
	return &call.Ring_Tone{Hertz: 440}, nil
}

func newShapes() *shapes.ShapesClient {
	return shapes.NewShapesClient(newLocal(shapes.Shapes(items{})))
}

func TestUnary(t *testing.T) {
	t.Parallel()
	client := newShapes()
	item, err := client.Get(t.Context(), &shapes.Item_Query{Prefix: "a"})
	if err != nil || item.GetName() != "a" {
		t.Errorf("Get = %v, %v, want item a", item, err)
	}
	if _, err := client.Get(t.Context(), new(shapes.Item_Query)); fairlead.CodeOf(err) != fairlead.InvalidArgument {
		t.Errorf("error of Get without a prefix is %v, want InvalidArgument", err)
	}
	tone, err := client.Ring(t.Context(), new(call.Ring))
	if err != nil || tone.GetHertz() != 440 {
		t.Errorf("Ring = %v, %v, want 440", tone, err)
	}
}

func TestServerStream(t *testing.T) {
	t.Parallel()
	stream, err := newShapes().List(t.Context(), &shapes.Item_Query{Prefix: "x"})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for item, err := range stream.All() {
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, item.GetName())
	}
	if want := []string{"x1", "x2"}; !slices.Equal(got, want) {
		t.Errorf("items are %v, want %v", got, want)
	}
}

func TestClientStream(t *testing.T) {
	t.Parallel()
	stream, err := newShapes().Collect(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for i := range int64(3) {
		if err := stream.Send(&shapes.Item{Amount: i + 1}); err != nil {
			t.Fatal(err)
		}
	}
	sum, err := stream.CloseAndRecv()
	if err != nil || sum.GetValue() != 6 {
		t.Errorf("sum is %v, %v, want 6", sum, err)
	}
}

func TestBidiStream(t *testing.T) {
	t.Parallel()
	stream, err := newShapes().Exchange(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"a", "b"} {
		if err := stream.Send(&shapes.Item_Query{Prefix: want}); err != nil {
			t.Fatal(err)
		}
		got, err := stream.Recv()
		if err != nil || got.GetName() != want {
			t.Errorf("received %v, %v, want %s", got, err, want)
		}
	}
	if err := stream.CloseSend(); err != nil {
		t.Fatal(err)
	}
	if _, err := stream.Recv(); fairlead.CodeOf(err) != fairlead.Aborted {
		t.Errorf("the stream ended with %v, want Aborted", err)
	}
}

// TestOptions sees that options reach the call.
func TestOptions(t *testing.T) {
	t.Parallel()
	var got *fairlead.Call
	client := shapes.NewShapesClient(binder(func(_ context.Context, c *fairlead.Call) error {
		got = c
		c.SetResponse(new(shapes.Item))
		return nil
	}))
	if _, err := client.Get(t.Context(), new(shapes.Item_Query), fairlead.WithHashKey("k")); err != nil {
		t.Fatal(err)
	}
	if got.Wire().HashKey() != "k" || got.Method() != shapes.ShapesGetMethod {
		t.Errorf("the call is of %s with key %q, want %s with k",
			got.Method().Path, got.Wire().HashKey(), shapes.ShapesGetMethod.Path)
	}
	wrong := errors.New("no connection")
	client = shapes.NewShapesClient(binder(func(context.Context, *fairlead.Call) error { return wrong }))
	if _, err := client.Exchange(t.Context()); !errors.Is(err, wrong) {
		t.Errorf("error of a stream that does not open is %v, want %v", err, wrong)
	}
}

// binder gives all methods one handler.
type binder fairlead.Handler

func (b binder) Bind(*fairlead.Method) fairlead.Handler { return fairlead.Handler(b) }

func TestDescriptors(t *testing.T) {
	t.Parallel()
	tests := []struct {
		method    *fairlead.Method
		path      string
		kind      fairlead.Kind
		level     fairlead.Idempotency
		req, resp any
	}{
		{shapes.ShapesGetMethod, "Get", fairlead.Unary, fairlead.NoSideEffects, &shapes.Item_Query{}, &shapes.Item{}},
		{shapes.ShapesPutMethod, "Put", fairlead.Unary, fairlead.Idempotent, &shapes.Item{}, &emptypb.Empty{}},
		{shapes.ShapesListMethod, "List", fairlead.ServerStreaming, 0, &shapes.Item_Query{}, &shapes.Item{}},
		{shapes.ShapesCollectMethod, "Collect", fairlead.ClientStreaming, 0, &shapes.Item{}, &wrapperspb.Int64Value{}},
		{shapes.ShapesExchangeMethod, "Exchange", fairlead.BidiStreaming, 0, &shapes.Item_Query{}, &shapes.Item{}},
		{shapes.ShapesOldMethod, "Old", fairlead.Unary, 0, &shapes.Item{}, &shapes.Item{}},
		{shapes.ShapesLowerCaseMethod, "lower_case", fairlead.Unary, 0, &shapes.Item{}, &shapes.Item{}},
		{shapes.ShapesTypeMethod, "type", fairlead.Unary, 0, &shapes.Item{}, &shapes.Item{}},
		{shapes.ShapesRingMethod, "ring", fairlead.Unary, 0, &call.Ring{}, &call.Ring_Tone{}},
	}
	if got, want := len(shapes.ShapesService.Methods), len(tests); got != want {
		t.Fatalf("%d methods, want %d", got, want)
	}
	for i, tt := range tests {
		m := tt.method
		if shapes.ShapesService.Methods[i] != m {
			t.Errorf("method %d is %s, want %s", i, shapes.ShapesService.Methods[i].Path, m.Path)
		}
		if want := "/fairlead.gen.test.shapes.v1.Shapes/" + tt.path; m.Path != want {
			t.Errorf("path is %s, want %s", m.Path, want)
		}
		if m.Kind != tt.kind || m.Idempotency != tt.level {
			t.Errorf("%s is %v, level %d, want %v, level %d", m.Path, m.Kind, m.Idempotency, tt.kind, tt.level)
		}
		if got, want := reflect.TypeOf(m.NewRequest()), reflect.TypeOf(tt.req); got != want {
			t.Errorf("request of %s is %v, want %v", m.Path, got, want)
		}
		if got, want := reflect.TypeOf(m.NewResponse()), reflect.TypeOf(tt.resp); got != want {
			t.Errorf("response of %s is %v, want %v", m.Path, got, want)
		}
	}
}

// echo implements the unary services of the other packages.
type echo[M any] struct{}

func (echo[M]) Get(_ context.Context, m *M) (*M, error)  { return m, nil }
func (echo[M]) Find(_ context.Context, m *M) (*M, error) { return m, nil }
func (echo[M]) Keep(_ context.Context, m *M) (*M, error) { return m, nil }
func (echo[M]) Ping(_ context.Context, m *M) (*M, error) { return m, nil }

// notes implements edition.NotesServer.
type notes struct{}

func (notes) Write(_ context.Context, in *fairlead.Inbound[edition.Note]) (*edition.Note, error) {
	var last *edition.Note
	for {
		note, err := in.Recv()
		if errors.Is(err, io.EOF) {
			return last, nil
		}
		if err != nil {
			return nil, err
		}
		last = note
	}
}

// TestSyntaxes calls services of proto2, of editions and of the opaque API, and such whose own names were taken.
func TestSyntaxes(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	binder := newLocal(
		old.Records(echo[old.Record]{}),
		opaque.Vault(echo[opaque.Secret]{}),
		names.UserRPC(echo[names.User]{}),
		names.Lane(echo[names.Toll]{}),
		grpc.PingerRPC(echo[grpc.Note]{}),
		edition.Notes(notes{}),
	)
	key := "k"
	record, err := old.NewRecordsClient(binder).Find(ctx, &old.Record{Key: &key})
	if err != nil || record.GetKey() != key || record.GetValue() != 7 {
		t.Errorf("proto2: %v, %v", record, err)
	}
	secret, err := opaque.NewVaultClient(binder).Keep(ctx, opaque.Secret_builder{Text: &key}.Build())
	if err != nil || secret.GetText() != key {
		t.Errorf("opaque: %v, %v", secret, err)
	}
	user, err := names.NewUserRPCClient(binder).Get(ctx, &names.User{Name: key})
	if err != nil || user.GetName() != key {
		t.Errorf("taken name: %v, %v", user, err)
	}
	if _, err := names.NewLaneClient(binder).Keep(ctx, new(names.Toll)); err != nil {
		t.Errorf("small letter: %v", err)
	}
	if _, err := grpc.NewPingerRPCClient(binder).Ping(ctx, new(grpc.Note)); err != nil {
		t.Errorf("beside grpc-go's code: %v", err)
	}
	stream, err := edition.NewNotesClient(binder).Write(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if err := stream.Send(&edition.Note{Text: key}); err != nil {
		t.Fatal(err)
	}
	note, err := stream.CloseAndRecv()
	if err != nil || note.GetText() != key {
		t.Errorf("edition: %v, %v", note, err)
	}
}

// partial lacks all methods but one.
type partial struct {
	shapes.UnimplementedShapesServer
}

func (partial) Get(context.Context, *shapes.Item_Query) (*shapes.Item, error) {
	return new(shapes.Item), nil
}

// TestUnimplemented calls each kind of method that a server does not have.
func TestUnimplemented(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	client := shapes.NewShapesClient(newLocal(shapes.Shapes(partial{})))
	if _, err := client.Get(ctx, new(shapes.Item_Query)); err != nil {
		t.Errorf("a method that is there: %v", err)
	}
	check := func(method string, err error) {
		t.Helper()
		want := "/fairlead.gen.test.shapes.v1.Shapes/" + method + " is not implemented"
		if fairlead.CodeOf(err) != fairlead.Unimplemented || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %s", method, err, want)
		}
	}
	_, err := client.Put(ctx, new(shapes.Item))
	check("Put", err)
	list, err := client.List(ctx, new(shapes.Item_Query))
	if err == nil {
		_, err = list.Recv()
	}
	check("List", err)
	collect, err := client.Collect(ctx)
	if err == nil {
		_, err = collect.CloseAndRecv()
	}
	check("Collect", err)
	exchange, err := client.Exchange(ctx)
	if err == nil {
		_, err = exchange.Recv()
	}
	check("Exchange", err)
	_, err = client.LowerCase(ctx, new(shapes.Item))
	check("lower_case", err)
}

// TestSchema sees that stubs carry no copy of the contract.
func TestSchema(t *testing.T) {
	t.Parallel()
	// Reflection finds these files in protoregistry.GlobalFiles.
	service := shapes.ShapesService
	if service.Schema != nil || service.IDL != "proto" {
		t.Errorf("IDL is %q and there is a schema: %v, want proto and none", service.IDL, service.Schema != nil)
	}
	if want := "fairlead.gen.test.shapes.v1.Shapes"; service.Name != want {
		t.Errorf("name is %s, want %s", service.Name, want)
	}
}
