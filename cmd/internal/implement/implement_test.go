package implement

import (
	"fmt"
	"go/ast"
	"go/token"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/fairlead-go/fairlead/cmd/internal/gen"
	"github.com/fairlead-go/fairlead/cmd/internal/idl"
)

const contract = `syntax = "proto3";
package shop.v1;
option go_package = "example.com/m/pb";
import "google/protobuf/empty.proto";
import "google/protobuf/timestamp.proto";
message Item { string name = 1; }
// Shop sells.
service Shop {
  // Get returns an item.
  //
  // It has two paragraphs.
  rpc Get(Item) returns (Item);
  rpc List(Item) returns (stream Item);
  rpc Put(stream Item) returns (Item);
  // Talk talks.
  rpc Talk(stream Item) returns (stream Item);
  rpc At(google.protobuf.Timestamp) returns (google.protobuf.Empty);
}
service Other { rpc Ping(Item) returns (Item); }
`

// get is a method that fits the contract, with "R" for the receiver.
const get = "func (R) Get(ctx context.Context, in *pb.Item) (*pb.Item, error) { return in, nil }\n"

const head = "package svc\n\nimport (\n\t\"context\"\n\n\t\"example.com/m/pb\"\n)\n\n"

// planTest is one state of a package, in the directory svc of a module, and what is to be made of it.
type planTest struct {
	name   string
	files  map[string]string // paths in the module
	target Target            // Dir is "svc" when it is empty
	// added has the methods that each file gets, "file: A B; file: C".
	added string
	// findings are parts of what is found, in their order; wantErr is a part of the error.
	findings []string
	wantErr  string
	// contains are parts of the changed files.
	contains []string
	// broken cases do not compile by themselves.
	broken bool
}

func as(receiver, code string) string { return strings.ReplaceAll(code, "(R)", "("+receiver+")") }

func planTests() []planTest {
	const all = "Get List Put Talk At"
	const rest = "List Put Talk At"
	main := func(expr, imports string) string {
		return "package main\n\nimport (\n\t\"example.com/m/pb\"\n" + imports + ")\n\nfunc main() { _ = pb.Shop(" + expr +
			") }\n"
	}
	return []planTest{
		{
			name: "methods of a value", files: map[string]string{"svc/a.go": head +
				"type Shop struct{}\n\nvar _ pb.ShopServer = Shop{}\n\n" + as("Shop", get)},
			added:    "svc/a.go: " + rest,
			findings: []string{"svc/a.go:9: note: Shop implements shop.v1.Shop (var _ pb.ShopServer = Shop{} at svc/a.go:11)"},
			contains: []string{
				"\nfunc (Shop) List(ctx context.Context, req *pb.Item, stream *fairlead.Outbound[pb.Item]) error {\n" +
					"\treturn fairlead.Errorf(fairlead.Unimplemented, \"List is not implemented yet\")\n}\n",
				"\nfunc (Shop) Put(ctx context.Context, stream *fairlead.Inbound[pb.Item]) (*pb.Item, error) {\n" +
					"\treturn nil, fairlead.Errorf(",
				"\n// Talk talks.\nfunc (Shop) Talk(ctx context.Context, stream *fairlead.Bidi[pb.Item, pb.Item]) error {\n",
				"\nfunc (Shop) At(ctx context.Context, req *timestamppb.Timestamp) (*emptypb.Empty, error) {\n",
				"\t\"example.com/m/pb\"\n\t\"github.com/fairlead-go/fairlead\"\n" +
					"\t\"google.golang.org/protobuf/types/known/emptypb\"\n",
			},
		},
		{
			name: "methods of a pointer, found by a call", files: map[string]string{
				"svc/a.go": head + "type Service struct{ n int }\n\n" + as("s *Service", get),
				"main.go":  main("&svc.Service{}", "\t\"example.com/m/svc\"\n"),
			},
			added: "svc/a.go: " + rest, contains: []string{"func (s *Service) List("},
			findings: []string{"(pb.Shop(&svc.Service{}) at main.go:8)"},
		},
		{
			name: "found by a call with a function of the package", files: map[string]string{
				"svc/a.go": head + "type service struct{}\n\nfunc New() (pb.ShopServer, error) { return &service{}, nil }\n\n" +
					"func (service) unrelated(context.Context) {}\n",
				"cmd/x/x.go": "package main\n\nimport (\n\tp \"example.com/m/pb\"\n\t\"example.com/m/svc\"\n)\n\n" +
					"func main() {\n\timpl, err := svc.New()\n\tif err == nil {\n\t\t_ = p.Shop(impl)\n\t}\n}\n",
			},
			added: "svc/a.go: " + all, findings: []string{"cmd/x/x.go:11"}, contains: []string{"func (service) Get("},
		},
		{
			name: "found by a call in the package", files: map[string]string{
				"svc/a.go": head + "type service struct{}\n\nfunc run() { s := new(service); _ = pb.Shop(s) }\n\n" +
					"var _ context.Context\n",
			},
			added: "svc/a.go: " + all, contains: []string{"func (s *service) Get("},
		},
		{
			name: "found by its methods", files: map[string]string{
				"svc/a.go": strings.Replace(head, ")", "\tf \"github.com/fairlead-go/fairlead\"\n"+
					"\te \"google.golang.org/protobuf/types/known/emptypb\"\n"+
					"\tts \"google.golang.org/protobuf/types/known/timestamppb\"\n)", 1) + "type T struct{}\n\n" + as("t T", get) +
					"func (t T) At(context.Context, *ts.Timestamp) (*e.Empty, error) { return nil, nil }\n" +
					"func (t T) Put(_ context.Context, s *f.Inbound[pb.Item]) (*pb.Item, error) { return nil, nil }\n",
			},
			added: "svc/a.go: List Talk", findings: []string{"it has 3 of the 5 methods"},
			contains: []string{"*f.Bidi[pb.Item, pb.Item]"},
		},
		{
			name: "named", files: map[string]string{"svc/a.go": "package svc\n\ntype T int\n"}, target: Target{Type: "T",
				Service: "shop.v1.Other"},
			added: "svc/a.go: Ping", contains: []string{"package svc\n\nimport (\n\t\"context\"\n\n\t\"example.com/m/pb\"\n" +
				"\t\"github.com/fairlead-go/fairlead\"\n)\n\ntype T int\n\n// Ping implements shop.v1.Other.Ping.\n" +
				"func (t T) Ping("},
		},
		{
			name: "two types", files: map[string]string{
				"svc/a.go": head + "type A struct{}\ntype B struct{}\n\nvar _ pb.ShopServer = A{}\n" +
					"var _ pb.ShopServer = (*B)(nil)\n\nvar _ context.Context\n",
			},
			wantErr: "svc: several types may implement shop.v1.Shop; say which, as in --implement svc=A\n" +
				"\tsvc/a.go:12: A: var _ pb.ShopServer = A{}\n\tsvc/a.go:13: B: ",
			broken: true,
		},
		{
			name: "comments and unusual forms", files: map[string]string{
				"svc/a.go": "// Copyright.\n\n/* more */ package svc // import \"x\"\n\nimport (\n\t// for calls\n" +
					"\t\"context\" // std\n\n\t// the contract\n\tpb \"example.com/m/pb\"\n)\n\n\n\n" +
					"type   Shop   struct {  } // odd\n\nvar _ pb.ShopServer = (*Shop)(nil)\n" +
					"/* before */ func ( s  * Shop ) Get ( ctx context.Context , in *pb.Item ) ( *pb.Item,error ) { return in,nil " +
					"} // after\n\n// the end\n\n\n",
			},
			added: "svc/a.go: " + rest,
		},
		{
			name: "CRLF", files: map[string]string{
				"svc/a.go": strings.ReplaceAll(head+"type Shop struct{}\n\nvar _ pb.ShopServer = Shop{}\n\n"+as("Shop", get),
					"\n", "\r\n"),
			},
			added: "svc/a.go: " + rest, contains: []string{"\r\nfunc (Shop) List(", "\t\"github.com/fairlead-go/fairlead\"\r\n"},
		},
		{
			name: "no line break at the end", files: map[string]string{
				"svc/a.go": head + "type Shop struct{}\n\nvar _ pb.ShopServer = Shop{}\n\n" + strings.TrimSuffix(as("Shop",
					get), "\n") + " // done",
			},
			added: "svc/a.go: " + rest,
		},
		{
			name: "build tags", files: map[string]string{
				"svc/a.go": head + "type Shop struct{}\n\nvar _ pb.ShopServer = Shop{}\n\nvar _ context.Context\n",
				"svc/b.go": "//go:build !never\n\npackage svc\n\nimport (\n\t\"context\"\n\n\t\"example.com/m/pb\"\n)\n" +
					"\n" + as("Shop", get),
				"svc/c_linux.go": "package svc\n\nimport (\n\t\"context\"\n\n\t\"example.com/m/pb\"\n" +
					"\t\"github.com/fairlead-go/fairlead\"\n)\n\n" +
					"func (Shop) Put(ctx context.Context, in *fairlead.Inbound[pb.Item]) (*pb.Item, error) { return nil, nil }\n",
				"svc/gen.go": "//go:build ignore\n\npackage main\n\nfunc main() {}\n",
			},
			added: "svc/a.go: List Talk At",
		},
		{
			name: "all under a build tag", files: map[string]string{
				"svc/a.go": "//go:build !never\n\n" + head + "type Shop struct{}\n\nvar _ pb.ShopServer = Shop{}\n\n" +
					as("Shop", get),
			},
			added: "svc/a.go: " + rest,
		},
		{
			name: "generics", files: map[string]string{
				"svc/a.go": head + "type Shop[K comparable, V any] struct{ m map[K]V }\n\n" +
					"var _ pb.ShopServer = (*Shop[string, int])(nil)\n\n" + as("s *Shop[Key, Value]", get),
				"svc/b.go": "package svc\n\ntype Bare[T any] struct{}\n",
			},
			added: "svc/a.go: " + rest, contains: []string{"func (s *Shop[Key, Value]) List("},
		},
		{
			name: "generics without methods", files: map[string]string{
				"svc/a.go": "package svc\n\nimport \"example.com/m/pb\"\n\ntype Shop[K comparable, V any] struct{ m map[K]V }\n" +
					"\nvar _ pb.ShopServer = Shop[string, int]{}\n",
			},
			added: "svc/a.go: " + all, contains: []string{"func (s Shop[K, V]) Get(",
				"import \"example.com/m/pb\"\n\nimport (\n\t\"context\"\n\n\t\"github.com/fairlead-go/fairlead\"\n"},
		},
		{
			name: "methods in several files", files: map[string]string{
				"svc/a.go": "package svc\n\nimport \"example.com/m/pb\"\n\ntype Store struct{}\n\nvar _ pb.ShopServer = Store{}\n",
				"svc/b.go": "package svc\n\nimport (\n\tctx \"context\"\n\tshop \"example.com/m/pb\"\n)\n\n" +
					"func (s Store) Get(c ctx.Context, in *shop.Item) (*shop.Item, error) { return in, nil }\n" +
					"func (s Store) other() {}\n",
				"svc/c.go": "package svc\n\nimport (\n\t\"context\"\n\n\t. \"example.com/m/pb\"\n" +
					"\t\"github.com/fairlead-go/fairlead\"\n)\n\nfunc (s Store) List(_ context.Context, in *Item, " +
					"_ *fairlead.Outbound[Item]) error { return nil }\n",
			},
			added: "svc/b.go: Put Talk At", contains: []string{"func (s Store) " +
				"Talk(ctx ctx.Context, stream *fairlead.Bidi[shop.Item, shop.Item]) error {"},
		},
		{
			name: "dot import", files: map[string]string{
				"svc/a.go": "package svc\n\nimport . \"example.com/m/pb\"\n\ntype T struct{}\n\nvar _ ShopServer = &T{}\n",
			},
			added: "svc/a.go: " + all, contains: []string{"func (t *T) Get(ctx context.Context, req *Item) (*Item, error) {"},
		},
		{
			name: "names that are taken", files: map[string]string{
				"svc/a.go": "package svc\n\nimport \"example.com/m/pb\"\n\ntype Shop struct{}\n\nvar fairlead, context = 1, 2\n" +
					"\nvar _, _ = fairlead, context\n\nvar _ pb.ShopServer = Shop{}\n",
			},
			added: "svc/a.go: " + all, contains: []string{"context2 \"context\"\n",
				"fairlead2 \"github.com/fairlead-go/fairlead\"\n", "return nil, fairlead2.Errorf(fairlead2.Unimplemented, "},
		},
		{
			name: "receivers with the names of parameters", files: map[string]string{
				"svc/a.go": head + "type Shop struct{}\n\nvar _ pb.ShopServer = Shop{}\n\n" +
					"func (ctx Shop) Get(c context.Context, in *pb.Item) (*pb.Item, error) { return in, nil }\n",
			},
			added: "svc/a.go: " + rest, contains: []string{"func (ctx Shop) List(ctx_ context.Context, "},
		},
		{
			name: "as the neighbours call it", files: map[string]string{
				"svc/a.go": "package svc\n\ntype Shop struct{}\n",
				"svc/b.go": "package svc\n\nimport (\n\tshoppb \"example.com/m/pb\"\n\tfl \"github.com/fairlead-go/fairlead\"\n" +
					")\n\nvar _ shoppb.ShopServer = Shop{}\n\nvar _ fl.Code\n",
			},
			added: "svc/a.go: " + all, contains: []string{"\tshoppb \"example.com/m/pb\"\n" +
				"\tfl \"github.com/fairlead-go/fairlead\"\n", "return nil, fl.Errorf(fl.Unimplemented"},
		},
		{
			name: "imports in one line", files: map[string]string{
				"svc/a.go": "package svc; import (\"context\"; \"example.com/m/pb\"); type Shop struct{}\n" +
					"var _ pb.ShopServer = Shop{}\n" + as("Shop", get),
			},
			added: "svc/a.go: " + rest,
		},
		{
			name: "no imports and a comment behind the name", files: map[string]string{
				"svc/a.go": "package svc // the shop\n// T is a type.\ntype T struct{}\n",
			},
			target: Target{Type: "T", Service: "shop.v1.Shop"}, added: "svc/a.go: " + all,
		},
		{
			name: "all on one line", files: map[string]string{"svc/a.go": "package svc; type T struct{}"},
			target: Target{Type: "T", Service: "shop.v1.Other"}, added: "svc/a.go: Ping",
		},
		{
			name: "single imports", files: map[string]string{
				"svc/a.go": "package svc\n\nimport \"context\"\nimport \"example.com/m/pb\" // ours\n\ntype Shop struct{}\n\n" +
					"var _ pb.ShopServer = Shop{}\n\n" + as("Shop", get),
			},
			added: "svc/a.go: " + rest,
		},
		{
			name: "raw strings with what looks like code", files: map[string]string{
				"svc/a.go": head + "type Shop struct{}\n\nvar _ pb.ShopServer = Shop{}\n\n" + as("Shop", get) +
					"const text = `\nimport \"nothing\"\n}\n\t`\n",
			},
			added: "svc/a.go: " + rest,
		},
		{
			name: "embedded in the module", files: map[string]string{
				"svc/a.go": head + "import \"example.com/m/base\"\nimport \"sync\"\n\ntype Shop struct {\n\tsync.Mutex\n" +
					"\t*base.Base\n\town\n}\n\ntype own struct{}\n\nvar _ pb.ShopServer = (*Shop)(nil)\n\n" + as("own", get),
				"base/base.go": "package base\n\nimport (\n\t\"context\"\n\n\t\"example.com/m/pb\"\n" +
					"\t\"github.com/fairlead-go/fairlead\"\n)\n\ntype Base struct{}\n\n" +
					"func (*Base) List(_ context.Context, in *pb.Item, _ *fairlead.Outbound[pb.Item]) error { return nil }\n",
			},
			added: "svc/a.go: Put Talk At",
		},
		{
			name: "embedded from elsewhere", files: map[string]string{
				"svc/a.go": head + "import \"elsewhere.com/base\"\n\ntype Shop struct{ base.Base }\n\n" +
					"var _ pb.ShopServer = (*Shop)(nil)\n\n" + as("Shop", get),
			},
			findings: []string{"svc/a.go:11: warning: Shop embeds base.Base, whose methods " +
				"are not known here; nothing was added, and these may be missing: List, Put, Talk, At"},
			broken: true,
		},
		{
			name: "embedded interface", files: map[string]string{
				"svc/a.go": head + "type Shop struct{ pb.ShopServer }\n\nvar _ pb.ShopServer = (*Shop)(nil)\n\n" + as("Shop", get),
			},
			added: "svc/a.go: " + rest,
		},
		{
			name: "another signature, and a method that is gone", files: map[string]string{
				"svc/a.go": head + "type Shop struct{}\n\nvar _ pb.ShopServer = Shop{}\n\n" +
					"func (Shop) Get(ctx context.Context, in *pb.Item) error { return nil }\n" +
					"func (Shop) Gone(ctx context.Context, in *pb.Item) (*pb.Item, error) { return in, nil }\n" +
					"func (Shop) Helper(ctx context.Context, n int) error { return nil }\n",
			},
			added: "svc/a.go: " + rest, broken: true,
			findings: []string{
				"svc/a.go:9: note: Shop implements",
				"svc/a.go:13: warning: Shop.Get does not have the signature of shop.v1.Shop.Get in the contract; it was left " +
					"alone, it should be\n\tGet(context.Context, *pb.Item) (*pb.Item, error)",
				"svc/a.go:14: note: Shop.Gone: no service in the contracts has a method Gone",
			},
		},
		{
			name: "aliases of types", files: map[string]string{
				"svc/a.go": head + "type (\n\tItem = pb.Item\n\tCtx = context.Context\n\tShop struct{}\n)\n\n" +
					"var _ pb.ShopServer = Shop{}\n\nfunc (Shop) Get(c Ctx, in *Item) (*Item, error) { return in, nil }\n",
			},
			added: "svc/a.go: " + rest,
		},
		{
			name: "nothing is missing", files: map[string]string{
				"svc/a.go": "package svc\n\nimport (\n\t\"context\"\n\n\t\"example.com/m/pb\"\n)\n\ntype T struct{}\n\n" +
					"var _ pb.OtherServer = T{}\n\nfunc (T) Ping(ctx context.Context, in *pb.Item) " +
					"(*pb.Item, error) { return in, nil }\n",
			},
		},
		{
			name: "two services", files: map[string]string{
				"svc/a.go": head + "type T struct{}\n\nvar (\n\t_ pb.ShopServer  = T{}\n\t_ pb.OtherServer = T{}\n)\n\n" +
					as("T", get),
			},
			added: "svc/a.go: " + rest + " Ping",
		},
		{
			name: "no type", files: map[string]string{"svc/shop.go": "package svc\n\ntype Shop int\n"},
			added: "svc/other.go: Ping; svc/shop_service.go: " + all,
			findings: []string{
				"svc/other.go:0: note: Other is new; hand it to the server: server.Service(pb.Other(&Other{}))",
				"svc/shop_service.go:0: note: Shop2 is new",
			},
			contains: []string{"// Shop2 implements shop.v1.Shop.\ntype Shop2 struct{}\n\n" +
				"var _ pb.ShopServer = (*Shop2)(nil)\n\n// Get returns an item.\n//\n// It has two paragraphs.\n" +
				"func (s *Shop2) Get("},
		},
		{
			name: "no directory", target: Target{Dir: "internal/my-shop", Type: "Store", Service: "shop.v1.Shop"},
			added: "internal/my-shop/shop.go: " + all, contains: []string{"package myshop\n"},
		},
		{
			name: "main", files: map[string]string{"svc/main.go": "package main\n\nfunc main() {}\n"},
			target: Target{Service: "shop.v1.Other"},
			added:  "svc/other.go: Ping", contains: []string{"package main\n", "type otherService struct{}\n"},
		},
		{
			name: "in the generated package", target: Target{Dir: "pb", Service: "shop.v1.Other"},
			added: "pb/other.go: Ping", contains: []string{"package pb\n", "var _ OtherServer = (*otherService)(nil)\n",
				"req *Item) (*Item, error)"},
		},
		{
			name:   "existing only, another service",
			files:  map[string]string{"svc/a.go": "package svc\n\ntype T struct{}\n"},
			target: Target{Type: "T", Existing: true},
		},
		{name: "existing only, no service", target: Target{Service: "shop.v1.Gone", Existing: true}},
		{name: "existing only, no directory", target: Target{Existing: true}},
		{
			name: "not Go", files: map[string]string{"svc/a.go": "package svc\n\nfunc {\n"},
			wantErr: "svc/a.go:3:6: expected 'IDENT', found '{'", broken: true,
		},
		{
			name: "two packages", files: map[string]string{"svc/a.go": "package a\n", "svc/b.go": "package b\n"},
			wantErr: "svc: there are several packages: a, b", broken: true,
		},
		{name: "no such service", target: Target{Service: "shop.v1.Gone"}, wantErr: "svc: there " +
			"is no service shop.v1.Gone in the contracts; there are: shop.v1.Shop, shop.v1.Other", broken: true},
		{name: "a service without its package", target: Target{Service: "Other"}, added: "svc/other.go: Ping"},
		{
			name: "what is not implemented on purpose", files: map[string]string{
				"svc/a.go": head + "type Shop struct{ pb.UnimplementedShopServer }\n\n" + as("Shop", get) +
					"type other struct{ *base }\n\ntype base struct{ pb.UnimplementedOtherServer }\n\n" +
					"var _ pb.OtherServer = other{}\n\nvar _ pb.ShopServer = Shop{}\n",
			},
		},
		{name: "no such type, several services", target: Target{Type: "T"}, wantErr: "there is " +
			"no type T, and there are 2 services; name the one that it is to implement, as in --implement ", broken: true},
		{name: "no name of a type", target: Target{Type: "no-type", Service: "shop.v1.Other"},
			wantErr: `"no-type" cannot be the name of a type`, broken: true},
		{
			name: "an interface", files: map[string]string{"svc/a.go": "package svc\n\ntype T interface{}\n"},
			target:  Target{Type: "T", Service: "shop.v1.Other"},
			wantErr: "svc/a.go:3:6: T is no type to which methods can be added", broken: true,
		},
	}
}

// generated returns the Go code of the contract.
func generated(t *testing.T) map[string][]byte {
	t.Helper()
	dir := t.TempDir()
	write(t, dir, "shop.proto", contract)
	compiled, err := idl.Compile(t.Context(), idl.Source{Dir: dir, Roots: []string{dir}, Files: []string{"shop.proto"}})
	if err != nil {
		t.Fatal(err)
	}
	out, err := gen.Run(compiled.Files, compiled.Names, gen.Config{Messages: true, Stubs: true})
	if err != nil {
		t.Fatal(err)
	}
	files := make(map[string][]byte)
	for _, f := range out.Files {
		if f.Content != nil {
			files["pb/"+f.Name] = f.Content
		}
	}
	return files
}

func write(t *testing.T, root, name, text string) {
	t.Helper()
	path := filepath.Join(root, filepath.FromSlash(name))
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// TestPlanSeveralTargets sees which services go where when there are several directories.
func TestPlanSeveralTargets(t *testing.T) {
	t.Parallel()
	services, err := Services("example.com/m/pb", generated(t)["pb/shop.fl.go"])
	if err != nil {
		t.Fatal(err)
	}
	const shop = "package a\n\nimport \"example.com/m/pb\"\n\ntype T struct{}\n\nvar _ pb.ShopServer = T{}\n"
	tests := []struct {
		name     string
		services []Service
		files    map[string]string
		targets  []Target
		want     string // the files, and their methods' number
		wantErr  string
	}{
		{
			name: "named", services: services,
			targets: []Target{{Dir: "a", Service: "shop.v1.Shop"}, {Dir: "b", Service: "Other"}},
			want:    "a/shop.go: 5; b/other.go: 1",
		},
		{
			name: "one named", services: services, targets: []Target{{Dir: "a"}, {Dir: "b", Service: "Shop"}},
			want: "a/other.go: 1; b/shop.go: 5",
		},
		{
			name: "one found", services: services, files: map[string]string{"a/a.go": shop},
			targets: []Target{{Dir: "b"}, {Dir: "a"}}, want: "a/a.go: 5; b/other.go: 1",
		},
		{
			name: "one directory", services: services, targets: []Target{{Dir: "a"}, {Dir: "./a"}},
			want: "a/other.go: 1; a/shop.go: 5",
		},
		{
			name: "one service", services: services[:1], targets: []Target{{Dir: "a"}, {Dir: "b"}},
			want: "a/shop.go: 5; b/shop.go: 5",
		},
		{
			name: "none named", services: services, targets: []Target{{Dir: "a"}, {Dir: "b"}},
			wantErr: "which of the services belongs to which directory? There are shop.v1.Shop, shop.v1.Other, and the " +
				"directories a, b; name the service behind each, as in --implement a:shop.v1.Shop, or in fairlead.yaml",
		},
		{
			name: "none left", services: services,
			targets: []Target{{Dir: "a", Service: "Shop"}, {Dir: "b", Service: "Other"}, {Dir: "c"}},
			wantErr: "c: the other directories implement all services (shop.v1.Shop in a, shop.v1.Other in b); name the one " +
				"that belongs here too, as in --implement c:shop.v1.Shop, or in fairlead.yaml",
		},
		{
			name: "a short name of several", services: append(services[:1:1], Service{Name: "shop.v2.Shop"}),
			targets: []Target{{Dir: "a", Service: "Shop"}},
			wantErr: "a: several services are called Shop: shop.v1.Shop, shop.v2.Shop; write the whole name",
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			root := t.TempDir()
			write(t, root, "go.mod", "module example.com/m\n")
			for name, text := range tt.files {
				write(t, root, name, text)
			}
			targets := slices.Clone(tt.targets)
			for i := range targets {
				targets[i].Dir = root + "/" + targets[i].Dir
			}
			result, err := Plan(targets, tt.services, nil)
			if err != nil || tt.wantErr != "" {
				if got := strings.ReplaceAll(fmt.Sprint(err), root+"/", ""); got != tt.wantErr {
					t.Errorf("error is %s, want %q", got, tt.wantErr)
				}
				return
			}
			var got []string
			for _, c := range result.Changes {
				got = append(got, fmt.Sprintf("%s: %d", strings.TrimPrefix(c.Path, root+"/"), len(c.Methods)))
			}
			slices.Sort(got)
			if strings.Join(got, "; ") != tt.want {
				t.Errorf("got %s, want %s", strings.Join(got, "; "), tt.want)
			}
		})
	}
}

func TestPlan(t *testing.T) { //nolint:tparallel // all are compiled together at the end
	t.Parallel()
	code := generated(t)
	services, err := Services("example.com/m/pb", code["pb/shop.fl.go"])
	if err != nil {
		t.Fatal(err)
	}
	modules, together := t.TempDir(), t.TempDir()
	for name, text := range code {
		write(t, together, name, string(text))
	}
	for _, tt := range planTests() {
		t.Run(tt.name, func(t *testing.T) { //nolint:paralleltest // all are compiled together afterwards
			root := filepath.Join(modules, strings.ReplaceAll(tt.name, " ", "_"))
			write(t, root, "go.mod", "module example.com/m\n")
			for name, text := range code {
				write(t, root, name, string(text))
			}
			for name, text := range tt.files {
				write(t, root, name, text)
			}
			target := tt.target
			if target.Dir == "" {
				target.Dir = "svc"
			}
			target.Dir = filepath.Join(root, target.Dir)
			result, err := Plan([]Target{target}, services, nil)
			if tt.wantErr != "" {
				if err == nil || !strings.Contains(strings.ReplaceAll(err.Error(), root+"/", ""), tt.wantErr) {
					t.Errorf("error is %v, want one with %q", err, tt.wantErr)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			checkPlan(t, root, result, tt)
			if tt.broken {
				return
			}
			files := maps.Clone(tt.files)
			if files == nil {
				files = make(map[string]string)
			}
			for _, c := range result.Changes {
				rel, err := filepath.Rel(root, c.Path)
				if err != nil {
					t.Fatal(err)
				}
				files[filepath.ToSlash(rel)] = string(c.Content)
			}
			for name, text := range files {
				within := strings.NewReplacer(" ", "_", ",", "").Replace(tt.name)
				if strings.HasPrefix(name, "pb/") {
					within = ""
				}
				for _, pkg := range []string{"svc", "base"} {
					text = strings.ReplaceAll(text, "example.com/m/"+pkg, "example.com/m/"+within+"/"+pkg)
				}
				write(t, together, within+"/"+name, text)
			}
		})
	}
	t.Run("compile", func(t *testing.T) {
		if testing.Short() {
			t.Skip("it runs the Go compiler")
		}
		build(t, together)
	})
}

// build compiles a module whose dependencies are those of this one.
func build(t *testing.T, root string) {
	t.Helper()
	repository, err := filepath.Abs("../../..")
	if err != nil {
		t.Fatal(err)
	}
	core, err := os.ReadFile(filepath.Join(repository, "go.mod"))
	if err != nil {
		t.Fatal(err)
	}
	_, requirements, _ := strings.Cut(string(core), "require")
	sums, err := os.ReadFile(filepath.Join(repository, "go.sum"))
	if err != nil {
		t.Fatal(err)
	}
	write(t, root, "go.mod", "module example.com/m\n\ngo 1.26.0\n\nrequire github.com/fairlead-go/fairlead v0.0.0\n\n"+
		"replace github.com/fairlead-go/fairlead => "+
		repository+"\n\nrequire"+requirements)
	write(t, root, "go.sum", string(sums))
	cmd := exec.CommandContext(t.Context(), "go", "build", "-mod=mod", "./...")
	cmd.Dir = root
	cmd.Env = append(os.Environ(), "GOWORK=off", "GOPROXY=off", "GOFLAGS=")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}

func checkPlan(t *testing.T, root string, result *Result, tt planTest) {
	t.Helper()
	var added []string
	var text strings.Builder
	for _, c := range result.Changes {
		rel, err := filepath.Rel(root, c.Path)
		if err != nil {
			t.Fatal(err)
		}
		added = append(added, filepath.ToSlash(rel)+": "+strings.Join(c.Methods, " "))
		text.Write(c.Content)
		if old, ok := tt.files[filepath.ToSlash(rel)]; ok {
			checkKept(t, old, string(c.Content))
		} else if !c.New {
			t.Errorf("%s is not said to be new", rel)
		}
	}
	slices.Sort(added)
	if got := strings.Join(added, "; "); got != tt.added {
		t.Errorf("added %q, want %q", got, tt.added)
	}
	for _, part := range tt.contains {
		if !strings.Contains(text.String(), part) {
			t.Errorf("this is missing:\n%s\nin\n%s", part, text.String())
		}
	}
	var found []string
	for _, f := range result.Findings {
		rel, _ := filepath.Rel(root, f.File)
		text := fmt.Sprintf("%s:%d: %s: %s", filepath.ToSlash(rel), f.Line, f.Severity, f.Text)
		found = append(found, strings.ReplaceAll(text, root+"/", ""))
	}
	for i, want := range tt.findings {
		if i >= len(found) || !strings.Contains(found[i], want) {
			t.Errorf("found\n%s\nwant %q", strings.Join(found, "\n"), want)
		}
	}
}

// checkKept sees that the old text is all there: what follows its imports in one piece, and before that the lines in
// their order, between which nothing but imports is new.
func checkKept(t *testing.T, old, now string) {
	t.Helper()
	f, err := parse("old.go", []byte(old), nil)
	if err != nil {
		t.Fatal(err)
	}
	ends := []int{f.position(f.tree.Name.End()).Offset}
	for _, decl := range f.tree.Decls {
		if d, ok := decl.(*ast.GenDecl); ok && d.Tok == token.IMPORT {
			ends = append(ends, f.position(d.End()).Offset)
		}
	}
	for _, end := range slices.Clone(ends) {
		ends = append(ends, end+len(strings.SplitAfterN(old[end:], "\n", 2)[0]))
	}
	for _, end := range ends {
		at := strings.Index(now, old[end:])
		if at >= 0 && strings.HasPrefix(strings.TrimPrefix(now[at+len(old)-end:], "\r"), "\n") && onlyImports(old[:end],
			now[:at]) {
			return
		}
	}
	t.Errorf("the old text is not all there:\n%s", now)
}

// onlyImports reports whether now is old with nothing but lines of imports added.
func onlyImports(old, now string) bool {
	for _, line := range strings.SplitAfter(now, "\n") {
		if rest, ok := strings.CutPrefix(old, line); ok {
			old = rest
			continue
		}
		line = strings.TrimSpace(line)
		if rest, ok := strings.CutPrefix(old, line); ok && line != "" {
			old = rest
			continue
		}
		added := strings.TrimPrefix(line, strings.TrimSpace(old))
		if added != "" && added != "import (" && added != ")" && !strings.Contains(added, `"`) {
			return false
		}
		if added != line {
			old = ""
		}
	}
	return strings.TrimSpace(old) == ""
}

// Two versions of a contract have a service of the same name each; new types for them in one package differ.
func TestPlanVersions(t *testing.T) {
	t.Parallel()
	services, err := Services("example.com/m/pb", generated(t)["pb/shop.fl.go"])
	if err != nil {
		t.Fatal(err)
	}
	second := services[0]
	second.Name, second.ImportPath, second.Package = "shop.v2.Shop", "example.com/m/pb2", "pb2"
	root := t.TempDir()
	write(t, root, "go.mod", "module example.com/m\n")
	result, err := Plan([]Target{{Dir: filepath.Join(root, "svc")}}, []Service{services[0], second}, nil)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, c := range result.Changes {
		_, decl, _ := strings.Cut(string(c.Content), "\ntype ")
		name, _, _ := strings.Cut(decl, " ")
		got = append(got, filepath.Base(c.Path)+": "+name)
	}
	if want := []string{"shop.go: Shop", "shop_service.go: Shop2"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestServices(t *testing.T) {
	t.Parallel()
	services, err := Services("example.com/m/pb", generated(t)["pb/shop.fl.go"])
	if err != nil {
		t.Fatal(err)
	}
	if len(services) != 2 {
		t.Fatalf("there are %d services", len(services))
	}
	s := services[0]
	if s.Name != "shop.v1.Shop" || s.Interface != "ShopServer" || s.Construct != "Shop" || s.Package != "pb" {
		t.Errorf("service is %+v", s)
	}
	want := []string{`"context".Context`, `*"github.com/fairlead-go/fairlead".Bidi["example.com/m/pb".Item, ` +
		`"example.com/m/pb".Item]`}
	if got := s.Methods[3].Params; !slices.Equal(got, want) {
		t.Errorf("parameters of Talk are %q, want %q", got, want)
	}
}
