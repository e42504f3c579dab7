package admin

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/fairlead-go/fairlead/app"
	"github.com/fairlead-go/fairlead/preset"
	"github.com/fairlead-go/fairlead/server"
)

// TestOverGRPC: both services on the usual server, which an App starts and stops.
func TestOverGRPC(t *testing.T) {
	t.Parallel()
	h := NewHealth()
	health := h.Service()
	reflection, err := Reflection(health.Service)
	if err != nil {
		t.Fatal(err)
	}
	srv, err := preset.NewServer("127.0.0.1:0", server.Service(health), server.Service(reflection...))
	if err != nil {
		t.Fatal(err)
	}
	a, err := app.New("test", h, srv)
	if err != nil {
		t.Fatal(err)
	}
	started, stop := make(chan struct{}), make(chan struct{})
	result := make(chan error, 1)
	go func() {
		result <- a.Run(t.Context(), app.Signals(), app.AfterStart(func(context.Context) error {
			close(started)
			<-stop
			return errStop
		}))
	}()
	<-started
	conn, err := preset.NewClient(srv.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	check := method(t, health, "Check")
	got, err := unary[healthResponse](t, conn, check, &healthRequest{})
	if err != nil || Status(got.GetStatus()) != NotServing {
		t.Errorf("while starting: got %v, %v; want NOT_SERVING", got, err)
	}
	h.SetReady(true)
	got, err = unary[healthResponse](t, conn, check, &healthRequest{})
	if err != nil || Status(got.GetStatus()) != Serving {
		t.Errorf("when ready: got %v, %v; want SERVING", got, err)
	}
	s := open(t, conn, reflection[0].Service.Methods[0])
	if err := s.Send(bySymbol("grpc.health.v1.Health")); err != nil {
		t.Fatal(err)
	}
	r, err := s.Recv()
	if err != nil {
		t.Fatal(err)
	}
	if got := fileNames(t, r); len(got) != 1 || got[0] != "grpc/health/v1/health.proto" {
		t.Errorf("got files %q", got)
	}
	w := watchOf(t, t.Context(), conn, method(t, health, "Watch"), "")
	if got, err := w.Recv(); err != nil || Status(got.GetStatus()) != Serving {
		t.Errorf("got %v, %v; want SERVING", got, err)
	}
	close(stop) // with both streams open
	if got, err := w.Recv(); err != nil || Status(got.GetStatus()) != NotServing {
		t.Errorf("got %v, %v; want NOT_SERVING before the end", got, err)
	}
	if err := <-result; !errors.Is(err, errStop) || strings.Contains(err.Error(), "stopping") {
		t.Errorf("got %v, want %v alone", err, errStop)
	}
	if err := conn.Close(); err != nil {
		t.Error(err)
	}
}

var errStop = errors.New("stop")
