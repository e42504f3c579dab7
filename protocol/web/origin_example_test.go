package web_test

import (
	"fmt"

	"github.com/fairlead-go/fairlead/protocol/grpcweb"
	"github.com/fairlead-go/fairlead/protocol/web"
)

// Pages of a shop call the server, and read how many there are of what they asked for.
func ExampleAllowOrigins() {
	wire := web.NewServer(grpcweb.NewServer(), web.AllowOrigins(web.CORS{
		Origins: []string{"https://shop.example"},
		Expose:  []string{"x-count"},
	}))
	fmt.Println(wire.Name()) // for server.Protocol; with package preset: preset.ServerHTTP2(web.AllowOrigins(...))
	// Output: http
}
