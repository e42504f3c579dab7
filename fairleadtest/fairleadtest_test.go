package fairleadtest_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/fairlead-go/fairlead"
	"github.com/fairlead-go/fairlead/client"
	"github.com/fairlead-go/fairlead/fairleadtest"
	"github.com/fairlead-go/fairlead/internal/leakcheck"
	"github.com/fairlead-go/fairlead/server"
)

func TestMain(m *testing.M) {
	slog.SetDefault(slog.New(slog.DiscardHandler)) //nolint:forbidigo // the presets log there
	leakcheck.Main(m)
}

type text = wrapperspb.StringValue

const serviceName = "test.v1.Echo"

var (
	unary    = fairlead.NewMethod[text, text](fairlead.Unary, serviceName, "Unary")
	gather   = fairlead.NewMethod[text, text](fairlead.ClientStreaming, serviceName, "Gather")
	scatter  = fairlead.NewMethod[text, text](fairlead.ServerStreaming, serviceName, "Scatter")
	chat     = fairlead.NewMethod[text, text](fairlead.BidiStreaming, serviceName, "Chat")
	echoDesc = fairlead.NewService(serviceName, "proto", nil, unary, gather, scatter, chat)
)

// echo answers with what it gets; "wait" waits for the end of the call.
func echo() *fairlead.Implementation {
	return fairlead.Implement(echoDesc,
		fairlead.UnaryHandler(func(_ context.Context, m *text) (*text, error) { return m, nil }),
		fairlead.ClientStreamHandler(func(_ context.Context, in *fairlead.Inbound[text]) (*text, error) {
			all := ""
			for m, err := range in.All() {
				if err != nil {
					return nil, err
				}
				all += m.GetValue()
			}
			return wrapperspb.String(all), nil
		}),
		fairlead.ServerStreamHandler(func(ctx context.Context, m *text, out *fairlead.Outbound[text]) error {
			if err := out.Send(m); err != nil || m.GetValue() != "wait" {
				return err
			}
			<-ctx.Done()
			return ctx.Err()
		}),
		fairlead.BidiHandler(func(_ context.Context, s *fairlead.Bidi[text, text]) error {
			for m, err := range s.All() {
				if err != nil {
					return err
				}
				if err := s.Send(m); err != nil {
					return err
				}
			}
			return nil
		}),
	)
}

func callUnary(ctx context.Context, b fairlead.Binder, s string) (string, error) {
	c := fairlead.NewCall(unary, wrapperspb.String(s))
	m, err := fairlead.Result[text](c, b.Bind(unary)(ctx, c))
	return m.GetValue(), err
}

// callAll makes a call of each kind and returns what came back.
func callAll(ctx context.Context, b fairlead.Binder) (string, error) {
	first, err := callUnary(ctx, b, "u")
	if err != nil {
		return "", err
	}
	c := fairlead.NewCall(gather, nil)
	g, err := fairlead.OpenedClientStream[text, text](c, b.Bind(gather)(ctx, c))
	if err != nil {
		return "", err
	}
	if err := errors.Join(g.Send(wrapperspb.String("g")), g.Send(wrapperspb.String("h"))); err != nil {
		return "", err
	}
	second, err := g.CloseAndRecv()
	if err != nil {
		return "", err
	}
	third := ""
	in, err := openScatter(ctx, b, "s")
	if err != nil {
		return "", err
	}
	for m, err := range in.All() {
		if err != nil {
			return "", err
		}
		third += m.GetValue()
	}
	c = fairlead.NewCall(chat, nil)
	s, err := fairlead.OpenedBidi[text, text](c, b.Bind(chat)(ctx, c))
	if err != nil {
		return "", err
	}
	if err := errors.Join(s.Send(wrapperspb.String("c")), s.CloseSend()); err != nil {
		return "", err
	}
	fourth, err := s.Recv()
	if err != nil {
		return "", err
	}
	if _, err := s.Recv(); !errors.Is(err, io.EOF) {
		return "", err
	}
	return fmt.Sprint(first, second.GetValue(), third, fourth.GetValue()), nil
}

func openScatter(ctx context.Context, b fairlead.Binder, s string) (*fairlead.Inbound[text], error) {
	c := fairlead.NewCall(scatter, wrapperspb.String(s))
	return fairlead.OpenedServerStream[text](c, b.Bind(scatter)(ctx, c))
}

func TestServe(t *testing.T) {
	t.Parallel()
	got, err := callAll(t.Context(), fairleadtest.Serve(t, echo()))
	if want := "ughsc"; err != nil || got != want {
		t.Errorf("got %q, %v, want %q", got, err, want)
	}
}

// Time in a bubble costs nothing, and everything is gone when it ends.
func TestServeInBubble(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		in, err := openScatter(t.Context(), fairleadtest.Serve(t, echo()), "wait")
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Hour)
		if _, err := in.Recv(); err != nil {
			t.Error(err)
		}
	})
}

// Middleware around one service sees calls of every kind, at sites of that service.
func TestWrap(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	var seen []string
	note := func(tag string) fairlead.Middleware {
		return func(at fairlead.Site, next fairlead.Handler) fairlead.Handler {
			return func(ctx context.Context, c *fairlead.Call) error {
				mu.Lock()
				seen = append(seen, tag+" "+at.Side.String()+" "+at.Method.Name)
				mu.Unlock()
				return next(ctx, c)
			}
		}
	}
	cfg := fairleadtest.Config{Server: []server.Option{server.Use(note("server"))}}
	conn := cfg.Serve(t, fairlead.Wrap(fairlead.Wrap(echo(), note("inner")), note("outer")))
	if _, err := callAll(t.Context(), conn); err != nil {
		t.Fatal(err)
	}
	var want []string
	for _, method := range []string{"Unary", "Gather", "Scatter", "Chat"} {
		for _, tag := range []string{"server", "outer", "inner"} {
			want = append(want, tag+" server "+method)
		}
	}
	if !slices.Equal(seen, want) {
		t.Errorf("got %q\nwant %q", seen, want)
	}
}

func TestOptions(t *testing.T) {
	t.Parallel()
	refuse := func(fairlead.Site, fairlead.Handler) fairlead.Handler {
		return func(context.Context, *fairlead.Call) error { return fairlead.Errorf(fairlead.Aborted, "no") }
	}
	tests := []struct {
		name string
		cfg  fairleadtest.Config
		want fairlead.Code
	}{
		{"none", fairleadtest.Config{}, fairlead.OK},
		{"of the server", fairleadtest.Config{Server: []server.Option{server.Use(refuse)}}, fairlead.Aborted},
		{"of the client", fairleadtest.Config{Client: []client.Option{client.Use(refuse)}}, fairlead.Aborted},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if _, err := callUnary(t.Context(), tt.cfg.Serve(t, echo()), "x"); fairlead.CodeOf(err) != tt.want {
				t.Errorf("got %v, want %v", err, tt.want)
			}
		})
	}
}

// recorder is a test that keeps what is said of it.
type recorder struct {
	testing.TB

	mu       sync.Mutex
	said     strings.Builder
	fatal    bool
	over     bool
	late     bool // something was written after the end
	cleanups []func()
}

func (r *recorder) Helper()           {}
func (r *recorder) Cleanup(f func())  { r.cleanups = append(r.cleanups, f) }
func (r *recorder) Output() io.Writer { return r }

func (r *recorder) Failed() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return strings.Contains(r.said.String(), "ERROR ")
}

func (r *recorder) Write(p []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.late = r.late || r.over
	return r.said.Write(p)
}

func (r *recorder) Errorf(format string, args ...any) {
	fmt.Fprintf(r, "ERROR "+format+"\n", args...)
}

func (r *recorder) Fatalf(format string, args ...any) {
	r.Errorf(format, args...)
	panic(r)
}

// run runs a test to its end, as package testing does, and returns what it said.
func (r *recorder) run(t *testing.T, test func(t testing.TB)) string {
	t.Helper()
	r.TB = t
	func() {
		defer func() {
			if p := recover(); p != nil {
				if p != any(r) {
					panic(p)
				}
				r.fatal = true
			}
		}()
		test(r)
	}()
	for _, f := range slices.Backward(r.cleanups) {
		f()
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.over = true
	return r.said.String()
}

// What a test leaves behind fails it, by name.
func TestFailures(t *testing.T) {
	t.Parallel()
	stubborn := func(release <-chan struct{}) *fairlead.Implementation {
		impl := echo()
		impl.Handlers[0] = func(context.Context, *fairlead.Call) error {
			<-release
			return errors.New("released")
		}
		return impl
	}
	tests := []struct {
		name  string
		fatal bool
		want  []string
		test  func(t testing.TB, release <-chan struct{})
	}{
		{"nothing", false, nil, func(t testing.TB, _ <-chan struct{}) {
			_, _ = callAll(t.Context(), fairleadtest.Serve(t, echo()))
		}},
		{"a stream left open", false, []string{"calls that the test has made are not over: /test.v1.Echo/Scatter\n"},
			func(t testing.TB, _ <-chan struct{}) {
				if _, err := openScatter(context.Background(), fairleadtest.Serve(t, echo()), "wait"); err != nil {
					t.Errorf("%v", err)
				}
			}},
		{"a stream closed", false, nil, func(t testing.TB, _ <-chan struct{}) {
			in, err := openScatter(context.Background(), fairleadtest.Serve(t, echo()), "wait")
			if err != nil {
				t.Fatalf("%v", err)
			}
			_ = in.Close()
		}},
		{"a stream whose context ends", false, nil, func(t testing.TB, _ <-chan struct{}) {
			ctx, cancel := context.WithCancel(context.Background())
			t.Cleanup(cancel) // before Serve's, so after it: as the context of a test, it ends late
			conn := fairleadtest.Serve(t, echo())
			if _, err := openScatter(ctx, conn, "wait"); err != nil {
				t.Errorf("%v", err)
			}
			t.Cleanup(cancel)
		}},
		{"a handler that does not return", false,
			[]string{
				"did not shut down: server: Shutdown was cut short with 1 call under way whose caller has gone: context deadline",
				"the handler of /test.v1.Echo/Unary did not return",
			},
			func(t testing.TB, release <-chan struct{}) {
				ctx, cancel := context.WithTimeout(context.Background(), time.Second)
				defer cancel()
				_, _ = callUnary(ctx, fairleadtest.Serve(t, stubborn(release)), "x")
			}},
		{"a service twice", true, []string{"fairleadtest: server: Service", "twice"},
			func(t testing.TB, _ <-chan struct{}) {
				fairleadtest.Serve(t, echo(), echo())
			}},
		{"a bad option of the client", true, []string{"fairleadtest: client: ", "KeepAlive"},
			func(t testing.TB, _ <-chan struct{}) {
				fairleadtest.Config{Client: []client.Option{client.KeepAlive(1, 1, false)}}.Serve(t, echo())
			}},
		{"an address twice", true, []string{"fairleadtest: ", "twice"},
			func(t testing.TB, _ <-chan struct{}) {
				fairleadtest.Config{Server: []server.Option{server.Listen("fairleadtest:1")}}.Serve(t, echo())
			}},
		{"a server that does not start", true, []string{"fairleadtest: ", "already in use"},
			func(t testing.TB, _ <-chan struct{}) { // in memory a path is a name like others
				fairleadtest.Config{Server: []server.Option{server.Listen("unix:fairleadtest:1")}}.Serve(t, echo())
			}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				release := make(chan struct{})
				r := new(recorder)
				said := r.run(t, func(t testing.TB) { tt.test(t, release) })
				close(release)
				synctest.Wait()
				if r.fatal != tt.fatal || strings.Contains(said, "ERROR") != (len(tt.want) > 0) {
					t.Errorf("ended the test: %v, want %v; said %q, want %q", r.fatal, tt.fatal, said, tt.want)
				}
				for _, part := range tt.want {
					if !strings.Contains(said, part) {
						t.Errorf("got %q, want %q in it", said, part)
					}
				}
				if r.late {
					t.Error("something was logged after the test's end")
				}
			})
		})
	}
}

// A server that shuts down lets a call finish, and takes no more.
func TestStart(t *testing.T) {
	t.Parallel()
	conn, srv := fairleadtest.Config{}.Start(t, echo())
	if got, err := callUnary(t.Context(), conn, "x"); err != nil || got != "x" {
		t.Errorf("got %q, %v", got, err)
	}
	if err := srv.Shutdown(t.Context()); err != nil {
		t.Error(err)
	}
	if _, err := callUnary(t.Context(), conn, "x"); fairlead.CodeOf(err) != fairlead.Unavailable {
		t.Errorf("after Shutdown: got %v, want UNAVAILABLE", err)
	}
}
