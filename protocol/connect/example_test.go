package connect_test

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httputil"
	"strings"

	"github.com/fairlead-go/fairlead/preset"
	"github.com/fairlead-go/fairlead/protocol/protocoltest"
	"github.com/fairlead-go/fairlead/server"
)

// A unary call is an ordinary HTTP request. Package preset's servers answer it beside gRPC.
func Example() {
	ctx := context.Background()
	srv, err := preset.NewServer("127.0.0.1:0",
		server.Service(protocoltest.NewEcho("echo.v1.Echo").Implement(protocoltest.Handlers{})),
		server.Codec(protocoltest.JSONCodec{}),
		server.Logger(slog.New(slog.DiscardHandler)),
	)
	if err != nil {
		fmt.Println(err)
		return
	}
	if err := srv.Start(ctx); err != nil {
		fmt.Println(err)
		return
	}
	defer func() { _ = srv.Shutdown(ctx) }()

	tr := &http.Transport{Protocols: new(http.Protocols), DisableCompression: true}
	tr.Protocols.SetUnencryptedHTTP2(true)
	defer tr.CloseIdleConnections()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+srv.Addr().String()+"/echo.v1.Echo/Unary",
		strings.NewReader(`{"text": "hello"}`))
	if err != nil {
		fmt.Println(err)
		return
	}
	req.Header.Set("Content-Type", "application/json")
	resp, err := tr.RoundTrip(req)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer func() { _ = resp.Body.Close() }()
	resp.Header.Del("Date")
	dump, err := httputil.DumpResponse(resp, true)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(strings.ReplaceAll(string(dump), "\r", ""))
	// Output:
	// HTTP/2.0 200 OK
	// Content-Length: 22
	// Content-Type: application/json
	//
	// {"text":"hello","n":0}
}
