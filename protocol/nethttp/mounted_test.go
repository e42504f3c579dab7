package nethttp_test

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/fairlead-go/fairlead"
	"github.com/fairlead-go/fairlead/internal/assert"
	"github.com/fairlead-go/fairlead/internal/leakcheck"
	"github.com/fairlead-go/fairlead/protocol/nethttp"
	"github.com/fairlead-go/fairlead/protocol/protocoltest"
	"github.com/fairlead-go/fairlead/protocol/web"
	"github.com/fairlead-go/fairlead/server"
	"github.com/fairlead-go/fairlead/transport/transporttest"
)

// get makes a request and returns the status, the body and the field "seen".
func get(t *testing.T, c *http.Client, url string) (status int, body, seen string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := c.Do(r)
	if err != nil {
		t.Error(err)
		return 0, "", ""
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Error(err)
	}
	return resp.StatusCode, string(b), resp.Header.Get("Seen")
}

// only is a gate that lets in whoever has the field.
type only struct{}

func (only) Enter(c *fairlead.Call) error {
	if strings.HasSuffix(c.Method().Path, "/closed") {
		return fairlead.Errorf(fairlead.PermissionDenied, "closed to all")
	}
	return nil
}

func (only) Leave(*fairlead.Call) {}

// TestCall: a mounted handler is called with middleware, gates and a context as a method is.
func TestCall(t *testing.T) { //nolint:paralleltest // leakcheck counts goroutines
	leakcheck.Check(t)
	ends := make(chan string, 10)
	s := startMounted(t, []nethttp.Option{
		nethttp.Mount("GET /ok/{id}", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			c := fairlead.CallFrom(r.Context())
			_, limited := r.Context().Deadline()
			fmt.Fprint(w, c.Method().Path, c.Protocol(), r.PathValue("id"), limited, c.RequestHeader().Get("user-agent") == "")
		})),
		nethttp.Mount("/closed", sayHandler("open")),
		nethttp.Mount("/status", http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			http.Error(w, "busy", http.StatusServiceUnavailable)
		})),
		nethttp.Mount("/panic", http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic("oh") })),
		nethttp.Mount("/exit", http.HandlerFunc(func(http.ResponseWriter, *http.Request) { runtime.Goexit() })),
		nethttp.Mount("/late", http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })),
		nethttp.Mount("/stuck", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			_, err := r.Body.Read(make([]byte, 1))
			http.Error(w, fmt.Sprint(err), http.StatusRequestTimeout)
		})),
		nethttp.Mount("/replaced", sayHandler("not this")),
		nethttp.Mount("/refused", sayHandler("not this")),
	}, server.Admission(only{}), server.Use(func(at fairlead.Site, next fairlead.Handler) fairlead.Handler {
		return func(ctx context.Context, c *fairlead.Call) error {
			c.OnEnd(func(_ context.Context, _ *fairlead.Call, err error) {
				ends <- at.Method.Path + " " + fairlead.CodeOf(err).String()
			})
			c.ResponseHeader().Add("seen", at.Method.Path)
			switch at.Method.Path {
			case "/late", "/stuck":
				c.Tighten(time.Now().Add(20 * time.Millisecond))
			case "/refused":
				return fairlead.Errorf(fairlead.Unauthenticated, "who are you?")
			case "/replaced":
				if err := next(ctx, c); err != nil {
					return err
				}
				return fairlead.Errorf(fairlead.DataLoss, "lost")
			}
			return next(ctx, c)
		}
	}))
	for _, version := range versions {
		c := newClient(t, version)
		for _, tt := range []struct {
			path   string
			status int
			body   string
			end    string
		}{
			{"/ok/7", 200, "GET /ok/{id}nethttp7false true", "GET /ok/{id} OK"},
			{"/closed", 403, "closed to all\n", ""},
			{"/status", 503, "busy\n", "/status UNAVAILABLE"},
			{"/panic", 500, "internal error\n", "/panic INTERNAL"},
			{"/exit", 500, "internal error\n", "/exit INTERNAL"},
			{"/late", 504, "", "/late DEADLINE_EXCEEDED"},
			{"/refused", 401, "who are you?\n", "/refused UNAUTHENTICATED"},
			{"/replaced", 500, "lost\n", "/replaced DATA_LOSS"},
		} {
			status, body, _ := get(t, c, "http://"+s.Addr().String()+tt.path)
			if status != tt.status || tt.body != "" && body != tt.body {
				t.Errorf("%s: got %d, %q, want %d, %q", tt.path, status, body, tt.status, tt.body)
			}
			if tt.end == "" {
				continue
			}
			if got := <-ends; got != tt.end {
				t.Errorf("%s: ended as %q, want %q", tt.path, got, tt.end)
			}
		}
		if _, _, seen := get(t, c, "http://"+s.Addr().String()+"/ok/1"); seen != "GET /ok/{id}" {
			t.Errorf("middleware's field is %q", seen)
		}
		<-ends
		pr, pw := io.Pipe()
		defer pw.Close()
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://"+s.Addr().String()+"/stuck", pr)
		if err != nil {
			t.Fatal(err)
		}
		resp, err := c.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode != http.StatusRequestTimeout {
			t.Errorf("/stuck: got %d, want the handler's 408", resp.StatusCode)
		}
		<-ends
	}
	if got, want := s.Stats().Panics, int64(2*len(versions)); got != want {
		t.Errorf("%d panics were counted, want %d", got, want)
	}
	waitIdle(t, s)
}

func waitIdle(t *testing.T, s *server.Server) {
	t.Helper()
	for end := time.Now().Add(assert.Patience(5 * time.Second)); s.Stats().Calls > 0; runtime.Gosched() {
		if time.Now().After(end) {
			t.Fatalf("%d calls are left", s.Stats().Calls)
		}
	}
}

// TestLeave: the context of a request ends when its client leaves, whatever the handler is doing.
func TestLeave(t *testing.T) { //nolint:paralleltest // leakcheck counts goroutines
	leakcheck.Check(t)
	began, ended := make(chan struct{}), make(chan error)
	handlers := map[string]http.HandlerFunc{
		"waits": func(_ http.ResponseWriter, r *http.Request) {
			<-r.Context().Done()
			ended <- r.Context().Err()
		},
		"writes": func(w http.ResponseWriter, r *http.Request) {
			var err error
			for err == nil {
				_, err = w.Write(make([]byte, 1<<16))
			}
			<-r.Context().Done()
			ended <- r.Context().Err()
		},
		"reads": func(_ http.ResponseWriter, r *http.Request) {
			_, err := io.Copy(io.Discard, r.Body)
			if err == nil {
				err = errors.New("the body has an end")
			}
			<-r.Context().Done()
			ended <- fmt.Errorf("%w: %w", r.Context().Err(), err)
		},
		"is told": func(w http.ResponseWriter, r *http.Request) {
			<-w.(http.CloseNotifier).CloseNotify() //nolint:staticcheck // frameworks use it
			ended <- r.Context().Err()
		},
	}
	var mounts []nethttp.Option
	for name, h := range handlers {
		mounts = append(mounts, nethttp.Mount("/"+strings.ReplaceAll(name, " ", ""),
			http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				began <- struct{}{}
				h(w, r)
			})))
	}
	s := startMounted(t, mounts)
	for _, version := range versions {
		for name := range handlers {
			c := newClient(t, version)
			ctx, cancel := context.WithCancel(t.Context())
			pr, pw := io.Pipe()
			verb := http.MethodGet
			var body io.Reader
			if name == "reads" {
				verb, body = http.MethodPost, pr
			}
			r, err := http.NewRequestWithContext(ctx, verb,
				"http://"+s.Addr().String()+"/"+strings.ReplaceAll(name, " ", ""), body)
			if err != nil {
				t.Fatal(err)
			}
			over := make(chan struct{})
			go func() {
				defer close(over)
				if resp, err := c.Do(r); err == nil {
					<-ctx.Done()
					resp.Body.Close()
				}
			}()
			<-began
			cancel()
			if err := <-ended; !errors.Is(err, context.Canceled) {
				t.Errorf("HTTP/%d, a handler that %s: got %v", version, name, err)
			}
			pw.Close()
			<-over
		}
	}
	waitIdle(t, s)
}

// TestDrain: Shutdown waits for handlers, and cancels them when its time is over.
func TestDrain(t *testing.T) { //nolint:paralleltest // leakcheck counts goroutines
	for _, version := range versions {
		for _, cut := range []bool{false, true} {
			t.Run(fmt.Sprintf("HTTP/%d, cut %v", version, cut), func(t *testing.T) {
				leakcheck.Check(t)
				began, goOn := make(chan struct{}), make(chan struct{})
				s := startMounted(t, []nethttp.Option{
					nethttp.Mount("/", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
						close(began)
						<-fairlead.CallFrom(r.Context()).Draining()
						select {
						case <-goOn:
							fmt.Fprint(w, "done")
						case <-r.Context().Done():
						}
					})),
				})
				got := make(chan string, 1)
				c := newClient(t, version)
				go func() {
					r, _ := http.NewRequestWithContext(context.Background(), http.MethodGet, "http://"+s.Addr().String(), nil)
					resp, err := c.Do(r)
					if err != nil {
						got <- "cut"
						return
					}
					defer resp.Body.Close()
					b, _ := io.ReadAll(resp.Body)
					got <- string(b)
				}()
				<-began
				ctx, cancel := context.WithCancel(context.Background())
				defer cancel()
				over := make(chan error, 1)
				go func() { over <- s.Shutdown(ctx) }()
				want := "done"
				if cut {
					want = "cut"
					cancel()
				} else {
					close(goOn)
				}
				if text := <-got; text != want {
					t.Errorf("got %q, want %q", text, want)
				}
				if err := <-over; (err != nil) != cut {
					t.Errorf("Shutdown: %v", err)
				}
				waitIdle(t, s)
			})
		}
	}
}

// TestAfterwards: a handler that has returned can do no harm with what it has kept.
func TestAfterwards(t *testing.T) { //nolint:paralleltest // leakcheck counts goroutines
	leakcheck.Check(t)
	var kept struct {
		w http.ResponseWriter
		r *http.Request
	}
	reading := make(chan error, 1)
	s := startMounted(t, []nethttp.Option{
		nethttp.Mount("/", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			kept.w, kept.r = w, r
			go func() {
				_, err := r.Body.Read(make([]byte, 1))
				reading <- err
			}()
			fmt.Fprint(w, "hello")
		})),
	})
	pr, pw := io.Pipe()
	defer pw.Close()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://"+s.Addr().String(), pr)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := newClient(t, 2).Do(r)
	if err != nil {
		t.Fatal(err)
	}
	b, err := io.ReadAll(resp.Body)
	resp.Body.Close()
	if err != nil || string(b) != "hello" {
		t.Errorf("got %q, %v", b, err)
	}
	if err := <-reading; err == nil {
		t.Error("a Read behind the end of the handler has succeeded")
	}
	waitIdle(t, s)
	if _, err := kept.w.Write([]byte("more")); err == nil {
		t.Error("a Write behind the end of the handler has succeeded")
	}
	if err := http.NewResponseController(kept.w).Flush(); err == nil {
		t.Error("a Flush behind the end of the handler has succeeded")
	}
	kept.w.WriteHeader(500)
	rc := http.NewResponseController(kept.w)
	if err := errors.Join(rc.SetReadDeadline(time.Unix(1, 0)), rc.SetWriteDeadline(time.Unix(1, 0))); err != nil {
		t.Error(err)
	}
	if _, err := kept.r.Body.Read(make([]byte, 1)); !errors.Is(err, http.ErrBodyReadAfterClose) {
		t.Errorf("got %v", err)
	}
}

// TestDeadlineMoves: another goroutine changes the read deadline of a Read in progress.
func TestDeadlineMoves(t *testing.T) { //nolint:paralleltest // leakcheck counts goroutines
	leakcheck.Check(t)
	var late atomic.Bool
	s := startMounted(t, []nethttp.Option{
		nethttp.Mount("/", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			rc := http.NewResponseController(w)
			if r.URL.Path == "/first" {
				_ = rc.SetReadDeadline(time.Now().Add(time.Hour))
			}
			go func() { _ = rc.SetReadDeadline(time.Now()) }() // before Read begins, or after
			_, err := r.Body.Read(make([]byte, 1))
			late.Store(errors.Is(err, os.ErrDeadlineExceeded))
			w.WriteHeader(http.StatusRequestTimeout)
		})),
	})
	for _, path := range []string{"/first", "/direct"} {
		pr, pw := io.Pipe()
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://"+s.Addr().String()+path, pr)
		if err != nil {
			t.Fatal(err)
		}
		resp, err := newClient(t, 2).Do(r)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		pw.Close()
		if resp.StatusCode != http.StatusRequestTimeout || !late.Load() {
			t.Errorf("%s: got %d, late %v", path, resp.StatusCode, late.Load())
		}
	}
}

// TestHijack: a handler of HTTP/1.1 takes the connection, before it has answered or with an answer that it has begun by
// WriteHeader, and uses it after it has returned.
func TestHijack(t *testing.T) { //nolint:paralleltest // leakcheck counts goroutines
	leakcheck.Check(t)
	var wg sync.WaitGroup
	defer wg.Wait()
	s := startMounted(t, []nethttp.Option{
		nethttp.Mount("/", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/begun" {
				w.Header().Set("Upgrade", "own")
				w.Header().Set("Connection", "Upgrade")
				w.WriteHeader(http.StatusSwitchingProtocols)
			}
			c, rw, err := http.NewResponseController(w).Hijack()
			if err != nil {
				t.Error(err)
				return
			}
			if _, err := w.Write(nil); !errors.Is(err, http.ErrHijacked) {
				t.Errorf("Write: got %v", err)
			}
			if _, _, err := w.(http.Hijacker).Hijack(); !errors.Is(err, http.ErrHijacked) {
				t.Errorf("again: got %v", err)
			}
			if r.URL.Path != "/begun" {
				fmt.Fprint(rw, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: own\r\n\r\n")
			}
			wg.Go(func() {
				defer c.Close()
				line, err := rw.ReadString('\n')
				if err == nil {
					fmt.Fprint(rw, "you said ", line)
					err = rw.Flush()
				}
				if err != nil {
					t.Error(err)
				}
			})
		})),
		nethttp.Mount("/untaken", http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(http.StatusSwitchingProtocols)
		})),
	})
	for _, path := range []string{"/", "/begun"} {
		c, err := net.Dial("tcp", s.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		// The first bytes of what follows come with the request.
		fmt.Fprintf(c, "GET %s HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: own\r\n\r\nhello\n", path)
		b, err := io.ReadAll(c)
		head, rest, _ := strings.Cut(string(b), "\r\n\r\n")
		if err != nil || !strings.HasPrefix(head, "HTTP/1.1 101 ") || !strings.Contains(head, "Upgrade: own") ||
			rest != "you said hello\n" {
			t.Errorf("%s: got %q, %v", path, b, err)
		}
		c.Close()
	}
	for _, version := range versions {
		if status, _, _ := get(t, newClient(t, version), "http://"+s.Addr().String()+"/untaken"); status != 500 {
			t.Errorf("HTTP/%d: a connection that is not taken: got %d", version, status)
		}
	}
	waitIdle(t, s)
}

// TestTLS: a handler sees the state of TLS, and the client's address.
func TestTLS(t *testing.T) { //nolint:paralleltest // leakcheck counts goroutines
	cert, trust := transporttest.Certificate(t, "h2")
	s := startMounted(t, []nethttp.Option{
		nethttp.Mount("/", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			local := strings.HasPrefix(r.RemoteAddr, "127.0.0.1:")
			fmt.Fprint(w, r.TLS != nil && r.TLS.Version == tls.VersionTLS13, local, r.Proto)
		})),
	}, server.TLS(cert))
	tr := &http.Transport{TLSClientConfig: trust, ForceAttemptHTTP2: true}
	defer tr.CloseIdleConnections()
	if _, body, _ := get(t, &http.Client{Transport: tr}, "https://"+s.Addr().String()); body != "true trueHTTP/2.0" {
		t.Errorf("got %q", body)
	}
}

// TestMount: what cannot be mounted is an error of server.New that names the pattern.
func TestMount(t *testing.T) {
	t.Parallel()
	h := sayHandler("x")
	for name, tt := range map[string]struct {
		opts []nethttp.Option
		want string
	}{
		"nothing":       {nil, "no Mount"},
		"nil option":    {[]nethttp.Option{nil}, "nil Option"},
		"nil handler":   {[]nethttp.Option{nethttp.Mount("/a", nil)}, `Mount("/a"): nil handler`},
		"no pattern":    {[]nethttp.Option{nethttp.Mount("", h)}, `Mount(""): `},
		"bad pattern":   {[]nethttp.Option{nethttp.Mount("/{a", h)}, `Mount("/{a"): `},
		"the same":      {[]nethttp.Option{nethttp.Mount("/a", h), nethttp.Mount("/a", h)}, `Mount("/a"): `},
		"contradiction": {[]nethttp.Option{nethttp.Mount("/a/{x}", h), nethttp.Mount("/{x}/a", h)}, "conflicts"},
	} {
		wire := web.NewServer(nethttp.NewServer(tt.opts...))
		_, err := server.New(server.Protocol(wire), server.Codec(protocoltest.Codec{}))
		if err == nil || !strings.Contains(err.Error(), "nethttp: ") || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: got %v", name, err)
		}
	}
	s, err := server.New(
		server.Protocol(web.NewServer(nethttp.NewServer(nethttp.Mount("/a", h)))),
		server.HTTP(nethttp.NewServer(nethttp.Mount("/b", h))), server.Codec(protocoltest.Codec{}),
	)
	if err != nil {
		t.Fatal(err)
	}
	both, err := nethttp.NewHandler(s) // and back again
	if err != nil {
		t.Fatal(err)
	}
	base := serveNetHTTP(t, both)
	for _, path := range []string{"/a", "/b"} {
		if status, body, _ := get(t, newClient(t, 2), base+path); status != 200 || body != "x" {
			t.Errorf("%s: got %d, %q", path, status, body)
		}
	}
}
