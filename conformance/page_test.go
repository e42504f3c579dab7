package conformance_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"google.golang.org/grpc/codes"
	testpb "google.golang.org/grpc/interop/grpc_testing"
	"google.golang.org/grpc/status"
)

// TestWebPages has clients call a web server, which answers with a page: the code is what gRPC's table of HTTP statuses
// says, and the error tells what the page says.
func TestWebPages(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		status int
		code   codes.Code
	}{
		{http.StatusOK, codes.Unknown},
		{http.StatusNotFound, codes.Unimplemented},
		{http.StatusBadGateway, codes.Unavailable},
	} {
		for _, padding := range []int{0, 10, 1 << 20} {
			t.Run(fmt.Sprint(tt.status, " and ", padding), func(t *testing.T) {
				t.Parallel()
				s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
					w.Header().Set("Content-Type", "text/html")
					w.WriteHeader(tt.status)
					fmt.Fprintf(w, "<html><title>The gateway is closed</title>%s</html>", strings.Repeat("<br>", padding))
				}))
				s.Config.Protocols = new(http.Protocols)
				s.Config.Protocols.SetUnencryptedHTTP2(true)
				s.Start()
				t.Cleanup(s.Close)
				for _, st := range stacks {
					client := testpb.NewTestServiceClient(st.dial(t, s.Listener.Addr().String(), &clientConfig{}))
					_, unary := client.UnaryCall(within(t), new(testpb.SimpleRequest))
					d, err := client.FullDuplexCall(within(t))
					if err != nil {
						t.Fatal(err)
					}
					_, stream := d.Recv()
					for what, err := range map[string]error{"unary": unary, "stream": stream} {
						if status.Code(err) != tt.code || !strings.Contains(status.Convert(err).Message(), "The gateway is closed") {
							t.Errorf("%s, %s: got %v, want %v with the page's words", st.name, what, err, tt.code)
						}
					}
				}
			})
		}
	}
}

// TestWebPagesWithoutEnd has a web server begin a page and send no more: a call without a deadline ends nevertheless.
func TestWebPagesWithoutEnd(t *testing.T) {
	t.Parallel()
	over := make(chan struct{})
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		w.WriteHeader(http.StatusBadGateway)
		fmt.Fprint(w, "<html><title>The gateway is closed</title>")
		w.(http.Flusher).Flush() //nolint:forcetypeassert,errcheck // net/http's is one
		<-over
	}))
	s.Config.Protocols = new(http.Protocols)
	s.Config.Protocols.SetUnencryptedHTTP2(true)
	s.Start()
	t.Cleanup(s.Close)
	t.Cleanup(func() { close(over) })
	client := testpb.NewTestServiceClient(dialFairlead(t, s.Listener.Addr().String(), &clientConfig{}))
	ctx := context.Background() // without a deadline
	_, unary := client.UnaryCall(ctx, new(testpb.SimpleRequest))
	d, err := client.FullDuplexCall(ctx)
	if err != nil {
		t.Fatal(err)
	}
	_, stream := d.Recv()
	for what, err := range map[string]error{"unary": unary, "stream": stream} {
		st := status.Convert(err)
		if st.Code() != codes.Unavailable || !strings.Contains(st.Message(), "The gateway is closed") {
			t.Errorf("%s: got %v, want UNAVAILABLE with the page's words", what, err)
		}
	}
}
