package dynamic_test

import (
	"encoding/json"
	"errors"
	"io"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/fairlead-go/fairlead"
	"github.com/fairlead-go/fairlead/dynamic"
)

// sources returns a Source of each kind that knows the contract.
func sources(t *testing.T) map[string]*dynamic.Source {
	t.Helper()
	fromServer, err := dynamic.FromServer(serve(t, true))
	if err != nil {
		t.Fatal(err)
	}
	fromSet, err := dynamic.FromSet(files(t, contract))
	if err != nil {
		t.Fatal(err)
	}
	fromFiles, err := dynamic.FromFiles(fromSet.Files())
	if err != nil {
		t.Fatal(err)
	}
	return map[string]*dynamic.Source{"server": fromServer, "set": fromSet, "files": fromFiles}
}

func TestMethod(t *testing.T) {
	t.Parallel()
	tests := []struct{ name, want, wantErr string }{
		{"shop.v1.Cart/Add", "/shop.v1.Cart/Add", ""},
		{"/shop.v1.Cart/Add", "/shop.v1.Cart/Add", ""},
		{"shop.v1.Cart.Add", "/shop.v1.Cart/Add", ""},
		{"v2.Cart/Add", "/shop.v2.Cart/Add", ""},
		{"Stock/Count", "/shop.v2.Stock/Count", ""},
		{"Stock.Count", "/shop.v2.Stock/Count", ""},
		{"stock/count", "/shop.v2.Stock/Count", ""},
		{"Count", "/shop.v2.Stock/Count", ""},
		{"Cart/Add", "", `service "Cart" in NAME is one of several: shop.v1.Cart, shop.v2.Cart`},
		{"Add", "", `method "Add" in NAME is one of several: shop.v1.Cart/Add, shop.v2.Cart/Add`},
		{"shop.v2.Stock/Cuont", "", `no method "shop.v2.Stock/Cuont" in NAME; did you mean shop.v2.Stock/Count?`},
		{"shop.v2.Stok/Count", "", `no service "shop.v2.Stok" in NAME; did you mean shop.v2.Stock?`},
		{"shop.v1.Item/Add", "", `"shop.v1.Item" in NAME is a message, not a service`},
		{"Stock", "", `"Stock" in NAME is a service; a method of it is wanted; did you mean shop.v2.Stock/Count?`},
		{"Cuont", "", `no method "Cuont" in NAME; did you mean shop.v2.Stock/Count?`},
		{"nothing.Like/It", "", `no service "nothing.Like" in NAME`},
		{"", "", `no method "" in NAME`},
		{"/", "", `no method "/" in NAME`},
		{"..", "", `no method ".." in NAME`},
		{"\xff/\x00", "", `no service "\xff" in NAME`},
	}
	for kind, src := range sources(t) {
		for _, tt := range tests {
			m, err := src.Method(t.Context(), tt.name)
			if tt.wantErr != "" {
				want := strings.ReplaceAll(tt.wantErr, "NAME", src.Name())
				var named *dynamic.NameError
				if !errors.As(err, &named) || !strings.Contains(err.Error(), want) {
					t.Errorf("%s: Method(%q): got error %v, want %s", kind, tt.name, err, want)
				}
				continue
			}
			if err != nil || m.Path != tt.want {
				t.Errorf("%s: Method(%q): got %v, %v; want %s", kind, tt.name, m, err, tt.want)
				continue
			}
			if again, err := src.Method(t.Context(), m.Path); err != nil || again != m {
				t.Errorf("%s: Method(%q): got another one for its full name, %v", kind, tt.name, err)
			}
		}
	}
}

func TestMethodFields(t *testing.T) {
	t.Parallel()
	for kind, src := range sources(t) {
		methods, err := src.Methods(t.Context(), "shop.v1.Cart")
		if err != nil {
			t.Fatal(err)
		}
		want := []struct {
			name string
			kind fairlead.Kind
			idem fairlead.Idempotency
		}{
			{"Add", fairlead.Unary, fairlead.Idempotent},
			{"Watch", fairlead.ServerStreaming, fairlead.MayHaveEffects},
			{"Fill", fairlead.ClientStreaming, fairlead.MayHaveEffects},
			{"Chat", fairlead.BidiStreaming, fairlead.NoSideEffects},
		}
		if len(methods) != len(want) {
			t.Fatalf("%s: got %d methods, want %d", kind, len(methods), len(want))
		}
		for i, w := range want {
			m := methods[i]
			if m.Name != w.name || m.Kind != w.kind || m.Idempotency != w.idem || m.Service != "shop.v1.Cart" {
				t.Errorf("%s: got %+v, want %+v", kind, m, w)
			}
			if d := dynamic.DescriptorOf(m); d == nil || string(d.Name()) != w.name {
				t.Errorf("%s: %s: DescriptorOf: got %v", kind, w.name, d)
			}
		}
	}
	if d := dynamic.DescriptorOf(new(fairlead.Method)); d != nil {
		t.Errorf("DescriptorOf another method: got %v, want nil", d)
	}
	if m := dynamic.NewRequest(new(fairlead.Method)); m != nil {
		t.Errorf("NewRequest of another method: got %v, want nil", m)
	}
}

func TestServices(t *testing.T) {
	t.Parallel()
	own := []string{"shop.v1.Cart", "shop.v2.Cart", "shop.v2.Stock"}
	for kind, src := range sources(t) {
		want := own
		if kind == "server" {
			want = append([]string{
				"grpc.reflection.v1.ServerReflection", "grpc.reflection.v1alpha.ServerReflection",
			}, own...)
		}
		for range 2 {
			got, err := src.Services(t.Context())
			if err != nil || !slices.Equal(got, want) {
				t.Errorf("%s: got %q, %v; want %q", kind, got, err, want)
			}
			got[0] = "changed by the caller"
		}
	}
}

func TestFind(t *testing.T) {
	t.Parallel()
	tests := []struct{ name, want string }{
		{"shop.v1.Cart", "shop.v1.Cart"},
		{".shop.v1.Cart.Add", "shop.v1.Cart.Add"},
		{"shop.v1.Item", "shop.v1.Item"},
		{"shop.v1.Item.id", "shop.v1.Item.id"},
		{"shop.v1.price", "shop.v1.price"},
		{"shop.v1.Scope.weight", "shop.v1.Scope.weight"},
		{"google.protobuf.Any", "google.protobuf.Any"},
	}
	for kind, src := range sources(t) {
		for _, tt := range tests {
			d, err := src.Find(t.Context(), tt.name)
			if err != nil || string(d.FullName()) != tt.want {
				t.Errorf("%s: Find(%q): got %v, %v", kind, tt.name, d, err)
			}
		}
		f, err := src.Find(t.Context(), "shop/v1/extra.proto")
		if fd, ok := f.(protoreflect.FileDescriptor); err != nil || !ok || fd.Path() != "shop/v1/extra.proto" {
			t.Errorf("%s: a file: got %v, %v", kind, f, err)
		}
		for _, name := range []string{"shop.v1.Itm", "no.proto", "", "a..b", "\x00"} {
			var named *dynamic.NameError
			_, err := src.Find(t.Context(), name)
			if !errors.As(err, &named) || !strings.Contains(err.Error(), src.Name()) {
				t.Errorf("%s: Find(%q): got %v, want a NameError", kind, name, err)
			}
			if name == "shop.v1.Itm" && !slices.Equal(named.Near, []string{"shop.v1.Item"}) {
				t.Errorf("%s: Find(%q): suggests %q", kind, name, named.Near)
			}
		}
	}
}

// TestCalls calls methods of each kind with what JSON says, with an Any and extensions that only reflection knows.
func TestCalls(t *testing.T) {
	t.Parallel()
	b := serve(t, true)
	src, err := dynamic.FromServer(b)
	if err != nil {
		t.Fatal(err)
	}
	ctx := t.Context()
	const body = `{"item":{"id":"a","part":[{"[shop.v1.price]":7}],"byName":{"b":{"[shop.v1.Scope.weight]":9}}},` +
		`"any":{"@type":"type.example/shop.v1.Gift","to":"Ann"}}`
	resolver := src.Resolver(ctx)
	request := func(m *fairlead.Method) proto.Message {
		t.Helper()
		req := dynamic.NewRequest(m)
		if err := (protojson.UnmarshalOptions{Resolver: resolver}).Unmarshal([]byte(body), req); err != nil {
			t.Fatal(err)
		}
		return req
	}
	check := func(what string, m proto.Message, err error) {
		t.Helper()
		if err != nil {
			t.Fatalf("%s: %v", what, err)
		}
		resolver.DecodeExtensions(m)
		got, err := protojson.MarshalOptions{Resolver: resolver}.Marshal(m)
		if err != nil {
			t.Fatalf("%s: %v", what, err)
		}
		if !sameJSON(t, string(got), body) {
			t.Errorf("%s: got %s\nwant %s", what, got, body)
		}
	}
	methods, err := src.Methods(ctx, "shop.v1.Cart")
	if err != nil {
		t.Fatal(err)
	}
	resp, err := dynamic.Unary(ctx, b, methods[0], request(methods[0]))
	check("unary", resp, err)
	s, err := dynamic.Open(ctx, b, methods[1], request(methods[1]))
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for m, err := range s.All() {
		check("server stream", m, err)
		n++
	}
	if n != 3 {
		t.Errorf("server stream: got %d messages, want 3", n)
	}
	for _, m := range methods[2:] {
		s, err := dynamic.Open(ctx, b, m, nil)
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Send(request(m)); err != nil {
			t.Fatal(err)
		}
		if err := s.CloseSend(); err != nil {
			t.Fatal(err)
		}
		if err := s.WaitHeader(ctx); err != nil {
			t.Fatal(err)
		}
		got, err := s.Recv()
		check(m.Name, got, err)
		if _, err := s.Recv(); !errors.Is(err, io.EOF) {
			t.Errorf("%s: got %v at the end, want io.EOF", m.Name, err)
		}
		if s.Call().Method() != m {
			t.Errorf("%s: Call has another method", m.Name)
		}
	}
	// Of the wrong kind.
	if _, err := dynamic.Unary(ctx, b, methods[1], nil); err == nil {
		t.Error("Unary of a stream: got no error")
	}
	if _, err := dynamic.Open(ctx, b, methods[0], nil); err == nil {
		t.Error("Open of a unary method: got no error")
	}
	// Leaving early gives the call up.
	s, err = dynamic.Open(ctx, b, methods[1], request(methods[1]))
	if err != nil {
		t.Fatal(err)
	}
	for range s.All() {
		break
	}
	for err == nil { // what had arrived before may come still
		_, err = s.Recv()
	}
	if errors.Is(err, io.EOF) {
		t.Error("after leaving the loop the stream ended well")
	}
}

func sameJSON(t *testing.T, a, b string) bool {
	t.Helper()
	var x, y any
	if err := json.Unmarshal([]byte(a), &x); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal([]byte(b), &y); err != nil {
		t.Fatal(err)
	}
	return reflect.DeepEqual(x, y)
}

func TestConcurrentUse(t *testing.T) {
	t.Parallel()
	src, err := dynamic.FromServer(serve(t, true))
	if err != nil {
		t.Fatal(err)
	}
	first := make([]*fairlead.Method, 8)
	var wg sync.WaitGroup
	for i := range first {
		wg.Go(func() {
			m, err := src.Method(t.Context(), "shop.v1.Cart/Add")
			if err != nil {
				t.Error(err)
				return
			}
			first[i] = m
			if _, err := src.Resolver(t.Context()).FindExtensionByNumber("shop.v1.Item", 1001); err != nil {
				t.Error(err)
			}
			if _, err := src.Services(t.Context()); err != nil {
				t.Error(err)
			}
			src.Files()
		})
	}
	wg.Wait()
	for _, m := range first {
		if m != first[0] {
			t.Error("the method was made twice")
		}
	}
}

func TestNoReflection(t *testing.T) {
	t.Parallel()
	b := serve(t, false)
	src, err := dynamic.FromServer(b)
	if err != nil {
		t.Fatal(err)
	}
	_, err = src.Method(t.Context(), "shop.v1.Cart/Add")
	if !errors.Is(err, dynamic.ErrNoReflection) || !strings.Contains(err.Error(), b.Target()) {
		t.Errorf("got %v, want ErrNoReflection with the server's name", err)
	}
	if _, err := src.Services(t.Context()); !errors.Is(err, dynamic.ErrNoReflection) {
		t.Errorf("Services: got %v, want ErrNoReflection", err)
	}
	// With files there is enough to go on.
	src, err = dynamic.FromSet(files(t, contract), dynamic.Server(b))
	if err != nil {
		t.Fatal(err)
	}
	if m, err := src.Method(t.Context(), "Stock/Count"); err != nil || m.Path != "/shop.v2.Stock/Count" {
		t.Errorf("got %v, %v", m, err)
	}
}

// TestFilesAndServer: what files do not have comes from the server.
func TestFilesAndServer(t *testing.T) {
	t.Parallel()
	b := serve(t, true)
	set := files(t, contract)
	set.File = set.File[:1]
	src, err := dynamic.FromSet(set, dynamic.Server(b), dynamic.Name("item.proto and more"))
	if err != nil {
		t.Fatal(err)
	}
	if m, err := src.Method(t.Context(), "shop.v1.Cart/Add"); err != nil || m == nil {
		t.Errorf("got %v, %v", m, err)
	}
	if got := src.Name(); got != "item.proto and more" {
		t.Errorf("Name is %q", got)
	}
}

func TestOpaque(t *testing.T) {
	t.Parallel()
	src, err := dynamic.FromSet(files(t, contract))
	if err != nil {
		t.Fatal(err)
	}
	m, err := src.Method(t.Context(), "shop.v1.Cart/Add")
	if err != nil {
		t.Fatal(err)
	}
	req := dynamic.NewRequest(m)
	// An Any of a type that nobody knows, with bytes that are no message.
	unknown := protowire.AppendTag(nil, 1, protowire.BytesType)
	unknown = protowire.AppendString(unknown, "type.example/gone.Type")
	unknown = protowire.AppendTag(unknown, 2, protowire.BytesType)
	unknown = protowire.AppendBytes(unknown, []byte{0xff, 0xfe})
	b := protowire.AppendTag(nil, 2, protowire.BytesType)
	b = protowire.AppendBytes(b, unknown)
	if err := proto.Unmarshal(b, req); err != nil {
		t.Fatal(err)
	}
	r := src.Resolver(t.Context())
	if _, err := (protojson.MarshalOptions{Resolver: r}).Marshal(req); err == nil {
		t.Error("an unknown type: got no error")
	}
	got, err := protojson.MarshalOptions{Resolver: r.Opaque()}.Marshal(req)
	if want := `{"any":{"@type":"type.example/gone.Type","value":"//4="}}`; err != nil || !sameJSON(t, string(got), want) {
		t.Errorf("got %s, %v; want %s", got, err, want)
	}
}

func TestOptions(t *testing.T) {
	t.Parallel()
	set := files(t, contract)
	if _, err := dynamic.FromSet(set, dynamic.MaxFiles(0), dynamic.MaxBytes(0)); err == nil ||
		!strings.Contains(err.Error(), "MaxFiles") || !strings.Contains(err.Error(), "MaxBytes") {
		t.Errorf("got %v, want both options in error", err)
	}
	if _, err := dynamic.FromServer(nil); err == nil {
		t.Error("FromServer(nil): got no error")
	}
	if _, err := dynamic.FromSet(set, dynamic.MaxFiles(2)); !errors.Is(err, dynamic.ErrTooLarge) {
		t.Errorf("MaxFiles: got %v, want ErrTooLarge", err)
	}
	b := serve(t, true)
	for _, o := range []dynamic.Option{dynamic.MaxFiles(1), dynamic.MaxBytes(100)} {
		src, err := dynamic.FromServer(b, o)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := src.Method(t.Context(), "shop.v1.Cart/Add"); err == nil {
			t.Error("a small limit: got no error")
		}
	}
}

// TestIncomplete: what files lack is missed where it is needed.
func TestIncomplete(t *testing.T) {
	t.Parallel()
	set := files(t, contract)
	set.File = set.File[2:] // without item.proto
	src, err := dynamic.FromSet(set)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := src.Method(t.Context(), "shop.v1.Cart/Add"); err != nil {
		t.Errorf("a method whose messages are there: %v", err)
	}
	_, err = src.Method(t.Context(), "shop.v2.Stock/Count")
	if err == nil || !strings.Contains(err.Error(), "shop.v1.Item") {
		t.Errorf("got %v, want an error that names shop.v1.Item", err)
	}
}

func TestContradiction(t *testing.T) {
	t.Parallel()
	set := files(t, contract)
	again := proto.CloneOf(set.File[0])
	again.Name = new("copy/of/item.proto")
	set.File = append(set.File, again)
	_, err := dynamic.FromSet(set)
	if err == nil || !strings.Contains(err.Error(), "shop.v1.Item") {
		t.Errorf("got %v, want an error that names the message that is there twice", err)
	}
	set = files(t, contract)
	set.File[0].Dependency = append(set.File[0].Dependency, "shop/v1/shop.proto")
	if _, err := dynamic.FromSet(set); err == nil || !strings.Contains(err.Error(), "imports itself") {
		t.Errorf("got %v, want an error about the circle", err)
	}
}

func TestFilesHoldsImports(t *testing.T) {
	t.Parallel()
	fd, err := protodesc.NewFile(files(t, contract).File[0], nil)
	if err != nil {
		t.Fatal(err)
	}
	src, err := dynamic.FromFiles([]protoreflect.FileDescriptor{fd, fd})
	if err != nil {
		t.Fatal(err)
	}
	if got := src.Files(); len(got) != 1 || got[0].Path() != "shop/v1/item.proto" {
		t.Errorf("got %v", got)
	}
}

// TestNil: what is nil is an error of the constructor.
func TestNil(t *testing.T) {
	t.Parallel()
	set := files(t, contract)
	for want, source := range map[string]func() (*dynamic.Source, error){
		"FromServer was given nil": func() (*dynamic.Source, error) { return dynamic.FromServer(nil) },
		"Server was given nil":     func() (*dynamic.Source, error) { return dynamic.FromSet(set, dynamic.Server(nil)) },
		"nil Option":               func() (*dynamic.Source, error) { return dynamic.FromSet(set, nil) },
		"FromFiles was given a nil file": func() (*dynamic.Source, error) {
			return dynamic.FromFiles([]protoreflect.FileDescriptor{nil})
		},
	} {
		if _, err := source(); err == nil || !strings.Contains(err.Error(), "dynamic: "+want) {
			t.Errorf("got %v, want %q", err, want)
		}
	}
}
