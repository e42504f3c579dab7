package consumers

import (
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"os"
	"slices"
	"testing"

	"github.com/fairlead-go/fairlead/cmd/internal/idl"
)

// TestClients reads clients as generators write them.
func TestClients(t *testing.T) {
	t.Parallel()
	const want = "shop.v1.Shop.GetItem"
	tests := []struct{ name, client, text string }{
		{"fairlead", "ShopClient", `package p
var ShopGetItemMethod = fairlead.NewMethod[A, B](fairlead.Unary, "shop.v1.Shop", "GetItem", func(m *fairlead.Method) {})
type ShopClient struct { callGetItem fairlead.Handler }
func NewShopClient(b fairlead.Binder) *ShopClient { return &ShopClient{callGetItem: b.Bind(ShopGetItemMethod)} }
func (c *ShopClient) GetItem(ctx context.Context, req *A, opts ...fairlead.CallOption) (*B, error) {
	call_ := fairlead.NewCall(ShopGetItemMethod, req, opts...)
	return fairlead.Result[B](call_, c.callGetItem(ctx, call_))
}`},
		{"grpc-go", "ShopClient", `package p
const Shop_GetItem_FullMethodName = "/shop.v1.Shop/GetItem"
type ShopClient interface { GetItem() }
type shopClient struct { cc grpc.ClientConnInterface }
func NewShopClient(cc grpc.ClientConnInterface) ShopClient { return &shopClient{cc} }
func (c *shopClient) GetItem(ctx context.Context, in *A) (*B, error) {
	return nil, c.cc.Invoke(ctx, Shop_GetItem_FullMethodName, in, out)
}`},
		{"older grpc-go", "ShopClient", `package p
func NewShopClient(cc grpc.ClientConnInterface) ShopClient { return &shopClient{cc} }
func (c *shopClient) GetItem(ctx context.Context, in *A) (*B, error) {
	return nil, c.cc.Invoke(ctx, "/shop.v1.Shop/GetItem", in, out)
}`},
		{"connect-go", "ShopClient", `package p
const ShopGetItemProcedure = "/shop.v1.Shop/GetItem"
func NewShopClient(httpClient connect.HTTPClient, baseURL string) ShopClient {
	return &shopClient{getItem: connect.NewClient[A, B](httpClient, baseURL+ShopGetItemProcedure)}
}
func (c *shopClient) GetItem(ctx context.Context, req *connect.Request[A]) (*connect.Response[B], error) {
	return c.getItem.CallUnary(ctx, req)
}`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			file, err := parser.ParseFile(token.NewFileSet(), "", tt.text, 0)
			if err != nil {
				t.Fatal(err)
			}
			client := readGenerated([]*ast.File{file}, []string{tt.text}).clients[tt.client]
			if client == nil {
				t.Fatal("there is no client")
			}
			want := map[string]string{"GetItem": want}
			if !maps.Equal(client.methods, want) || client.service != "shop.v1.Shop" {
				t.Errorf("methods are %v of %s, want %v", client.methods, client.service, want)
			}
		})
	}
}

// TestMessages reads messages of the open and of the opaque API, as the generators' own tests have them.
func TestMessages(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"opaque", "shapes", "edition", "legacy"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			content, err := os.ReadFile("../../gen/testdata/" + name + "/" + name + ".pb.go")
			if err != nil {
				t.Fatal(err)
			}
			file, err := parser.ParseFile(token.NewFileSet(), "", content, parser.ParseComments)
			if err != nil {
				t.Fatal(err)
			}
			g := readGenerated([]*ast.File{file}, []string{string(content)})
			root := "../../gen/testdata"
			contract, err := idl.Compile(t.Context(), idl.Source{
				Dir: root, Roots: []string{root}, Files: []string{name + "/" + name + ".proto"},
			})
			if err != nil {
				t.Fatal(err)
			}
			known := make(map[string]bool)
			for _, m := range g.messages {
				for _, field := range m.fields {
					known[field] = true
				}
			}
			for _, field := range fieldsOf(contract) {
				if !known[field] {
					t.Errorf("%s is not among the fields of generated code", field)
				}
			}
		})
	}
}

// fieldsOf returns the full names of the fields of a contract's own files.
func fieldsOf(contract *idl.Contract) []string {
	var names []string
	for _, file := range contract.Files {
		if slices.Contains(contract.Names, file.GetName()) {
			for _, m := range file.GetMessageType() {
				names = append(names, fieldNames(file.GetPackage()+"."+m.GetName(), m)...)
			}
		}
	}
	return names
}
