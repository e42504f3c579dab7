package admin

import (
	"context"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/fairlead-go/fairlead"
	"github.com/fairlead-go/fairlead/fairleadtest"
	"github.com/fairlead-go/fairlead/preset"
	"github.com/fairlead-go/fairlead/server"
)

// own is a service whose schema is that of TestReflection, and another that has none.
func own(t *testing.T) (cart, plain *fairlead.Implementation) {
	t.Helper()
	method := func(service string) *fairlead.Method {
		return fairlead.NewMethod[healthRequest, healthResponse](fairlead.Unary, service, "Add")
	}
	none := func(context.Context, *fairlead.Call) error { return fairlead.Errorf(fairlead.Unimplemented, "no") }
	schema := func() []byte { return schema(t) }
	return fairlead.Implement(fairlead.NewService("shop.Cart", "proto", schema, method("shop.Cart")), none),
		fairlead.Implement(fairlead.NewService("plain.Service", "proto", nil, method("plain.Service")), none)
}

// Standard tells of everything that the server serves, whether its option comes before or after.
func TestStandard(t *testing.T) {
	t.Parallel()
	cart, plain := own(t)
	h := NewHealth()
	h.SetServing("plain.Service", false) // before New: it stays
	conn := fairleadtest.Config{Server: []server.Option{Standard(h), server.Service(plain)}}.Serve(t, cart)
	all := []string{
		"grpc.health.v1.Health", "grpc.reflection.v1.ServerReflection", "grpc.reflection.v1alpha.ServerReflection",
		"plain.Service", "shop.Cart",
	}

	for _, impl := range newReflection().own {
		// The stub's method is another value than the server's, as in a client's process.
		s := open(t, conn, impl.Methods[0])
		ask := func(q *reflectionRequest) *reflectionResponse {
			t.Helper()
			if err := s.Send(q); err != nil {
				t.Fatal(err)
			}
			r, err := s.Recv()
			if err != nil {
				t.Fatal(err)
			}
			return r
		}
		if r := ask(listServices()); !slices.Equal(serviceNames(r), all) {
			t.Errorf("%s: got services %v, want %q", impl.Name, r, all)
		}
		for symbol, want := range map[string]string{
			"shop.Cart":             "shop/cart.proto",
			"grpc.health.v1.Health": "grpc/health/v1/health.proto",
			impl.Name:               "grpc/reflection/" + strings.Split(impl.Name, ".")[2] + "/reflection.proto",
		} {
			if got := fileNames(t, ask(bySymbol(symbol))); len(got) == 0 || got[0] != want {
				t.Errorf("%s: got %q for %s, want %s first", impl.Name, got, symbol, want)
			}
		}
		if err := s.CloseSend(); err != nil {
			t.Error(err)
		}
		if _, err := s.Recv(); err == nil {
			t.Errorf("%s: got a message after the last question", impl.Name)
		}
	}

	health := h.Service()
	list, err := unary[healthListResponse](t, conn, method(t, health, "List"), &healthListRequest{})
	if err != nil {
		t.Fatal(err)
	}
	got := make(map[string]Status)
	for service, r := range list.GetStatuses() {
		got[service] = Status(r.GetStatus())
	}
	want := map[string]Status{"": Serving}
	for _, name := range all {
		want[name] = Serving
	}
	want["plain.Service"] = NotServing
	if !maps.Equal(got, want) {
		t.Errorf("got statuses %v, want %v", got, want)
	}
	h.SetServing("shop.Cart", false)
	check, err := unary[healthResponse](t, conn, method(t, health, "Check"), &healthRequest{Service: "shop.Cart"})
	if err != nil || Status(check.GetStatus()) != NotServing {
		t.Errorf("got %v, %v, want what was set last", check, err)
	}
}

// A Health is shared by servers; the option is not.
func TestStandardTwice(t *testing.T) {
	t.Parallel()
	cart, plain := own(t)
	h := NewHealth()
	fairleadtest.Config{Server: []server.Option{Standard(h)}}.Serve(t, cart)
	fairleadtest.Config{Server: []server.Option{Standard(h)}}.Serve(t, plain)
	if h.Status("shop.Cart") != Serving || h.Status("plain.Service") != Serving {
		t.Errorf("got %v, %v, want the services of both servers SERVING", h.Status("shop.Cart"), h.Status("plain.Service"))
	}
	used := Standard(h)
	fairleadtest.Config{Server: []server.Option{used}}.Serve(t, cart)
	tests := []struct {
		name string
		opts []server.Option
		want []string
	}{
		{"no Health", []server.Option{Standard(nil)}, []string{"admin: Standard: nil Health"}},
		{"used", []server.Option{used}, []string{"admin: Standard", "another server"}},
		{"by hand, too", []server.Option{Standard(h), server.Service(h.Service())}, []string{"Health/Check", "twice"}},
		{"twice", []server.Option{Standard(h), Standard(h)}, []string{"ServerReflectionInfo", "twice"}},
	}
	for _, tt := range tests {
		_, err := preset.NewServer("h:1", append(tt.opts, server.Service(cart))...)
		for _, part := range tt.want {
			if err == nil || !strings.Contains(err.Error(), part) {
				t.Errorf("%s: got %v, want %q in it", tt.name, err, part)
			}
		}
	}
	if _, err := preset.NewServer("h:1", Standard(NewHealth())); err != nil {
		t.Errorf("a server with nothing else: %v", err)
	}
}
