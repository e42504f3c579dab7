package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"

	"github.com/coder/websocket"
)

// request is a request that any client of HTTP can make, and what its answer begins with.
type request struct {
	curl   string // its arguments, for the reader
	method string
	path   string
	fields map[string]string
	body   string
	status int
	want   string
}

// requests are what a browser or curl sends to the greeter.
//
//nolint:gochecknoglobals // a constant
var requests = []request{
	{
		curl: "URL/v1/hello/Ann", path: "/v1/hello/Ann",
		status: http.StatusOK, want: `{"text":"hello Ann"}`,
	},
	{
		curl:   `-H 'content-type: application/json' -d '{"name":"Ann"}' URL/greeter.v1.Greeter/SayHello`,
		method: http.MethodPost, path: "/greeter.v1.Greeter/SayHello", body: `{"name":"Ann"}`,
		fields: map[string]string{"Content-Type": "application/json"},
		status: http.StatusOK, want: `{"text":"hello Ann"}`,
	},
	{
		curl: "'URL/v1/hello/Ann/stream?count=2'", path: "/v1/hello/Ann/stream?count=2",
		status: http.StatusOK, want: `{"text":"hello Ann"}` + "\n" + `{"text":"hello Ann"}` + "\n",
	},
	{
		curl:   "-H 'accept: text/event-stream' 'URL/v1/hello/Ann/stream?count=1'",
		path:   "/v1/hello/Ann/stream?count=1",
		fields: map[string]string{"Accept": "text/event-stream"},
		status: http.StatusOK, want: `data: {"text":"hello Ann"}` + "\n\n",
	},
	{
		curl: "'URL/v1/hello/Ann/stream?count=99'", path: "/v1/hello/Ann/stream?count=99",
		status: http.StatusBadRequest, want: `{"type":"about:blank","title":"Bad Request","status":400,`,
	},
	{
		curl: "URL/", path: "/",
		status: http.StatusOK, want: "<!doctype html>",
	},
}

// web makes the requests over both versions of HTTP, and prints them as arguments of curl.
func web(ctx context.Context, url string) error {
	for _, version := range []struct {
		name string
		set  func(*http.Protocols, bool)
	}{
		{"HTTP/1.1", (*http.Protocols).SetHTTP1},
		{"HTTP/2", (*http.Protocols).SetUnencryptedHTTP2},
	} {
		fmt.Printf("net/http's client by %s\n", version.name)
		protocols := new(http.Protocols)
		version.set(protocols, true)
		transport := &http.Transport{Protocols: protocols}
		client := &http.Client{Transport: transport}
		for i := range requests {
			if err := requests[i].do(ctx, client, url); err != nil {
				return fmt.Errorf("%s: %w", version.name, err)
			}
		}
		transport.CloseIdleConnections()
	}
	return chat(ctx, "ws"+strings.TrimPrefix(url, "http"))
}

// chat calls a bidirectional method by WebSocket.
func chat(ctx context.Context, url string) error {
	fmt.Println("a WebSocket to /greeter.v1.Greeter/Chat")
	socket, _, err := websocket.Dial(ctx, url+"/greeter.v1.Greeter/Chat", //nolint:bodyclose // it needs no closing
		&websocket.DialOptions{Subprotocols: []string{"fairlead.json"}})
	if err != nil {
		return err
	}
	defer func() { _ = socket.CloseNow() }()
	for _, turn := range []struct{ send, want string }{
		{`{"message":{"name":"Ann"}}`, `{"message":{"text":"hello Ann"}}`},
		{`{"message":{"name":"Bo"}}`, `{"message":{"text":"hello Bo"}}`},
		{`{"end":true}`, `{"end":{}}`},
	} {
		if err := socket.Write(ctx, websocket.MessageText, []byte(turn.send)); err != nil {
			return err
		}
		_, got, err := socket.Read(ctx)
		if err != nil {
			return err
		}
		if string(got) != turn.want {
			return fmt.Errorf("WebSocket: the answer to %s is %s, and should be %s", turn.send, got, turn.want)
		}
		fmt.Printf("  %s\n    %s\n", turn.send, got)
	}
	return nil
}

func (r *request) do(ctx context.Context, client *http.Client, url string) error {
	req, err := http.NewRequestWithContext(ctx, r.method, url+r.path, strings.NewReader(r.body))
	if err != nil {
		return err
	}
	for name, value := range r.fields {
		req.Header.Set(name, value)
	}
	resp, err := client.Do(req)
	if err != nil {
		return err
	}
	body, err := io.ReadAll(resp.Body)
	_ = resp.Body.Close() // it was read to its end
	if err != nil {
		return fmt.Errorf("%s: %w", req.URL, err)
	}
	if resp.StatusCode != r.status || !strings.HasPrefix(string(body), r.want) {
		return fmt.Errorf("%s answers %s\n%s\nand should begin with\n%s", req.URL, resp.Status, body, r.want)
	}
	first, _, _ := strings.Cut(string(body), "\n")
	fmt.Printf("  curl %s\n    %d %s\n", strings.ReplaceAll(r.curl, "URL", url), resp.StatusCode, first)
	return nil
}
