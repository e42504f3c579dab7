package conformance_test

import (
	"bytes"
	"context"
	"io"
	"net"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	testpb "google.golang.org/grpc/interop/grpc_testing"
	"google.golang.org/grpc/status"
)

// heard is a listener that keeps what its first connection brings.
type heard struct {
	net.Listener

	mu    sync.Mutex
	bytes bytes.Buffer
	first net.Conn
}

func (l *heard) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.first == nil {
		l.first = c
		return &heardConn{c, l}, nil
	}
	return c, nil
}

type heardConn struct {
	net.Conn

	l *heard
}

func (c *heardConn) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	c.l.mu.Lock()
	c.l.bytes.Write(b[:n])
	c.l.mu.Unlock()
	return n, err
}

// timeouts returns the values of grpc-timeout of the requests that came, "" where there is none.
func (l *heard) timeouts(t *testing.T) []string {
	t.Helper()
	l.mu.Lock()
	b := bytes.TrimPrefix(bytes.Clone(l.bytes.Bytes()), []byte(http2.ClientPreface))
	l.mu.Unlock()
	f := http2.NewFramer(io.Discard, bytes.NewReader(b))
	f.ReadMetaHeaders = hpack.NewDecoder(4096, nil)
	var found []string
	for {
		frame, err := f.ReadFrame()
		if err == io.EOF || err == io.ErrUnexpectedEOF {
			return found
		}
		if err != nil {
			t.Fatal(err)
		}
		if h, ok := frame.(*http2.MetaHeadersFrame); ok {
			value := ""
			for _, field := range h.RegularFields() {
				if field.Name == "grpc-timeout" {
					value = field.Value
				}
			}
			found = append(found, value)
		}
	}
}

// parseTimeout reads a grpc-timeout as gRPC's specification has it, by code of its own.
func parseTimeout(t *testing.T, s string) time.Duration {
	t.Helper()
	units := map[byte]time.Duration{
		'H': time.Hour, 'M': time.Minute, 'S': time.Second, 'm': time.Millisecond, 'u': time.Microsecond, 'n': 1,
	}
	if len(s) < 2 || units[s[len(s)-1]] == 0 {
		t.Fatalf("got grpc-timeout %q", s)
	}
	n, err := strconv.ParseInt(s[:len(s)-1], 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	return time.Duration(n) * units[s[len(s)-1]]
}

// TestDeadlineShare has grpc-go call Fairlead with a deadline, and Fairlead call grpc-go on its behalf: what arrives
// there is a share of the time, for unary calls and streams, and the error of a call that was cut says so.
func TestDeadlineShare(t *testing.T) {
	t.Parallel()
	l := &heard{Listener: listen(t)}
	behind := grpc.NewServer()
	testpb.RegisterTestServiceServer(behind, &service{
		unary: func(ctx context.Context, in *testpb.SimpleRequest) (*testpb.SimpleResponse, error) {
			if in.GetFillUsername() { // the mark of a call that is not answered
				<-ctx.Done()
				return nil, status.FromContextError(ctx.Err()).Err()
			}
			return new(testpb.SimpleResponse), nil
		},
	})
	served := make(chan error, 1)
	go func() { served <- behind.Serve(l) }()
	t.Cleanup(func() {
		behind.Stop()
		<-served
	})
	next := testpb.NewTestServiceClient(dialFairlead(t, l.Addr().String(), &clientConfig{}))
	cut := make(chan error, 1)
	front := serveFairlead(t, &serverConfig{register: func(r grpc.ServiceRegistrar) {
		testpb.RegisterTestServiceServer(r, &service{
			unary: func(ctx context.Context, in *testpb.SimpleRequest) (*testpb.SimpleResponse, error) {
				out, err := next.UnaryCall(ctx, in)
				if in.GetFillUsername() {
					cut <- err
				}
				return out, err
			},
			duplex: func(s duplexServer) error {
				b, err := next.FullDuplexCall(s.Context())
				if err != nil {
					return err
				}
				if err := b.CloseSend(); err != nil {
					return err
				}
				if _, err = b.Recv(); err != io.EOF {
					return err
				}
				return nil
			},
		})
	}})
	client := testpb.NewTestServiceClient(dialGRPC(t, front.addr, &clientConfig{}))

	// The time is so long that a busy machine takes little of it.
	const whole = time.Hour
	ctx, cancel := context.WithTimeout(t.Context(), whole)
	defer cancel()
	if _, err := client.UnaryCall(ctx, new(testpb.SimpleRequest)); err != nil {
		t.Fatal(err)
	}
	b, err := client.FullDuplexCall(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := b.Recv(); err != io.EOF {
		t.Fatal(err)
	}
	short, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond)
	defer cancel()
	_, err = client.UnaryCall(short, &testpb.SimpleRequest{FillUsername: true})
	if status.Code(err) != codes.DeadlineExceeded {
		t.Errorf("got %v, want DEADLINE_EXCEEDED", err)
	}
	if err := <-cut; status.Code(err) != codes.DeadlineExceeded ||
		!strings.Contains(err.Error(), "preset.DeadlineShare gives a call 0.9 of its caller's time") {
		t.Errorf("got %v, want DEADLINE_EXCEEDED and its reason", err)
	}
	if _, err := client.UnaryCall(t.Context(), new(testpb.SimpleRequest)); err != nil {
		t.Fatal(err)
	}

	got := l.timeouts(t)
	if len(got) != 4 || got[3] != "" {
		t.Fatalf("got the timeouts %q, want three and none for a call without", got)
	}
	for i, limit := range []time.Duration{whole, whole, 500 * time.Millisecond} {
		if d := parseTimeout(t, got[i]); d > limit*9/10 || i < 2 && d < limit*8/10 {
			t.Errorf("call %d: got grpc-timeout %s, want 0.9 of %v", i+1, got[i], limit)
		}
	}
}
