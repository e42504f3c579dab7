package foreign_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/fairlead-go/fairlead"
	"github.com/fairlead-go/fairlead/client"
	pb "github.com/fairlead-go/fairlead/conformance/internal/interop/interoppb"
	"github.com/fairlead-go/fairlead/conformance/internal/local"
	"github.com/fairlead-go/fairlead/conformance/internal/testtls"
	"github.com/fairlead-go/fairlead/internal/assert"
	"google.golang.org/protobuf/proto"
)

// message is one that has to be percent-encoded.
const message = "\t\nüber 100 %25 ☺ and 😈\r\n%"

// stub makes a client of Fairlead with one connection.
func stub(t *testing.T, addr string, opts ...client.Option) (*pb.TestServiceClient, *client.Client) {
	t.Helper()
	opts = append([]client.Option{
		client.MaxConnections(1), client.MaxRecvMessage(maxMessage), client.MaxSendMessage(maxMessage),
	}, opts...)
	c := local.Dial(t, addr, opts...)
	return pb.NewTestServiceClient(c), c
}

// within returns a context that ends long after a test should have.
func within(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), assert.Patience(time.Minute))
	t.Cleanup(cancel)
	return ctx
}

// peer is a server in another language, with a client of Fairlead.
type peer struct {
	*language
	*process
	addr string
	stub *pb.TestServiceClient
}

// TestServers runs Fairlead's client against each language's server.
func TestServers(t *testing.T) {
	t.Parallel()
	cases := []struct {
		name string
		run  func(t *testing.T, p *peer)
	}{
		{"unary", unary}, {"client_stream", clientStream}, {"server_stream", serverStream}, {"bidi", bidi},
		{"metadata", echoMetadata}, {"deadline", deadline}, {"cancel", cancellation}, {"status", status},
		{"stream_status", streamStatus}, {"unimplemented", unimplemented}, {"large", largeMessages}, {"flow", flow},
		{"gzip", gzipped}, {"concurrent", concurrent},
	}
	each(t, func(t *testing.T, l *language, descriptors string) {
		if l.noServer {
			t.Skip("there is no server in this language")
		}
		server := start(t, l.run("server"), descriptors)
		addr := server.line(t)
		for _, c := range cases {
			t.Run(c.name, func(t *testing.T) {
				s, _ := stub(t, addr)
				c.run(t, &peer{l, server, addr, s})
			})
		}
		t.Run("tls", func(t *testing.T) {
			c := testtls.New(t)
			server := start(t, l.run("server"), descriptors, c.CertFile, c.KeyFile)
			addr := server.line(t)
			s, _ := stub(t, addr, client.TLS(c.Client()))
			unary(t, &peer{l, server, addr, s})
		})
		t.Run("drain", func(t *testing.T) { // last, since the server ends
			s, _ := stub(t, addr)
			draining(t, &peer{l, server, addr, s})
		})
	})
}

func payload(body []byte) *pb.Payload { return &pb.Payload{Body: body} }

func output(body []byte) *pb.StreamingOutputCallRequest {
	return &pb.StreamingOutputCallRequest{Payload: payload(body)}
}

// check fails the test unless p holds want.
func check(t *testing.T, p *pb.Payload, err error, want []byte) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	if got := p.GetBody(); !bytes.Equal(got, want) {
		t.Fatalf("got %d bytes, want %d, or others", len(got), len(want))
	}
}

type duplex = fairlead.Bidi[pb.StreamingOutputCallRequest, pb.StreamingOutputCallResponse]

// open opens a stream that the test's end closes.
func open(t *testing.T, p *peer, opts ...fairlead.CallOption) *duplex {
	t.Helper()
	s, err := p.stub.FullDuplexCall(within(t), opts...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

// echo sends a message and receives it back.
func echo(t *testing.T, s *duplex, body []byte) {
	t.Helper()
	if err := s.Send(output(body)); err != nil {
		t.Fatal(err)
	}
	m, err := s.Recv()
	check(t, m.GetPayload(), err, body)
}

// finish ends a stream, whose server is to do so as well.
func finish(t *testing.T, s *duplex) {
	t.Helper()
	if err := s.CloseSend(); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Recv(); !errors.Is(err, io.EOF) {
		t.Fatalf("got %v, want EOF", err)
	}
}

func unary(t *testing.T, p *peer) {
	for _, body := range [][]byte{nil, []byte("hello"), bytes.Repeat([]byte("abc"), 30_000)} {
		m, err := p.stub.UnaryCall(within(t), &pb.SimpleRequest{Payload: payload(body)})
		check(t, m.GetPayload(), err, body)
	}
}

func clientStream(t *testing.T, p *peer) {
	for _, sizes := range [][]int{{1, 0, 20_000, 300}, {}} {
		s, err := p.stub.StreamingInputCall(within(t))
		if err != nil {
			t.Fatal(err)
		}
		want := 0
		for _, n := range sizes {
			want += n
			if err := s.Send(&pb.StreamingInputCallRequest{Payload: payload(make([]byte, n))}); err != nil {
				t.Fatal(err)
			}
		}
		if m, err := s.CloseAndRecv(); err != nil || int(m.GetAggregatedPayloadSize()) != want {
			t.Errorf("got %v, %v, want %d", m, err, want)
		}
	}
}

func serverStream(t *testing.T, p *peer) {
	for _, n := range []int{5, 0} {
		in := output([]byte("abc"))
		for range n {
			in.ResponseParameters = append(in.ResponseParameters, new(pb.ResponseParameters))
		}
		s, err := p.stub.StreamingOutputCall(within(t), in)
		if err != nil {
			t.Fatal(err)
		}
		got := 0
		for m, err := range s.All() {
			check(t, m.GetPayload(), err, []byte("abc"))
			got++
		}
		if got != n {
			t.Errorf("got %d responses, want %d", got, n)
		}
	}
}

func bidi(t *testing.T, p *peer) {
	s := open(t, p)
	for i := range 20 {
		echo(t, s, bytes.Repeat([]byte{byte(i)}, 1000*i))
	}
	finish(t, s)
}

// echoes lists metadata that is easy to get wrong.
func echoes() map[string][]string {
	return map[string][]string{
		"echo-text":     {"plain, with a comma"},
		"echo-many":     {"1", "2"},
		"echo-long":     {strings.Repeat("x", 3000)},
		"echo-raw-bin":  {"\x00\x01\xfe\xff"},
		"echo-many-bin": {"\x01", "\x02,\x03"},
	}
}

func echoOptions() []fairlead.CallOption {
	var opts []fairlead.CallOption
	for k, values := range echoes() {
		for _, v := range values {
			opts = append(opts, fairlead.WithHeader(k, v))
		}
	}
	return opts
}

func (p *peer) echoed(t *testing.T, what string, md *fairlead.Metadata) {
	t.Helper()
	for k, want := range echoes() {
		if p.joins && !strings.HasSuffix(k, "-bin") {
			want = []string{strings.Join(want, ", ")}
		}
		if got := md.Values(k); !slices.Equal(got, want) {
			t.Errorf("%s: %s: got %q, want %q", what, k, got, want)
		}
	}
}

func echoMetadata(t *testing.T, p *peer) {
	var info fairlead.CallInfo
	_, err := p.stub.UnaryCall(within(t), new(pb.SimpleRequest), append(echoOptions(), fairlead.WithInfo(&info))...)
	if err != nil {
		t.Fatal(err)
	}
	p.echoed(t, "header", &info.Header)
	p.echoed(t, "trailer", &info.Trailer)
	s := open(t, p, echoOptions()...)
	if err := s.Call().WaitHeader(within(t)); err != nil {
		t.Fatal(err)
	}
	p.echoed(t, "stream's header, before any message", s.Call().ResponseHeader())
	finish(t, s)
	p.echoed(t, "stream's trailer", s.Call().ResponseTrailer())
}

// await waits for an event at the server.
func (p *peer) await(t *testing.T, event string) {
	t.Helper()
	_, err := p.stub.EmptyCall(within(t), new(pb.Empty), fairlead.WithHeader("await", event),
		fairlead.WithTimeout(20*time.Second))
	if err != nil {
		t.Fatalf("waiting for %s: %v", event, err)
	}
}

// held are calls, by their kind, that the server holds until they are given up.
func (p *peer) held() map[string]func(ctx context.Context, opts ...fairlead.CallOption) error {
	return map[string]func(ctx context.Context, opts ...fairlead.CallOption) error{
		"unary": func(ctx context.Context, opts ...fairlead.CallOption) error {
			_, err := p.stub.UnaryCall(ctx, new(pb.SimpleRequest), opts...)
			return err
		},
		"bidi": func(ctx context.Context, opts ...fairlead.CallOption) error {
			s, err := p.stub.FullDuplexCall(ctx, opts...)
			if err == nil {
				_, err = s.Recv()
			}
			return err
		},
	}
}

func deadline(t *testing.T, p *peer) {
	var info fairlead.CallInfo
	ctx := within(t)
	at, _ := ctx.Deadline()
	given := time.Until(at)
	_, err := p.stub.UnaryCall(ctx, new(pb.SimpleRequest), fairlead.WithInfo(&info))
	ms, _ := strconv.Atoi(info.Header.Get("time-left-ms"))
	// Timeouts on the wire are rounded up.
	if left := time.Duration(ms) * time.Millisecond; err != nil || left <= given*2/3 || left > given+time.Second {
		t.Errorf("got %v, and the server thinks that %v are left of %v", err, left, given)
	}
	for kind, call := range p.held() {
		token := t.Name() + kind
		err := call(within(t), fairlead.WithHeader("hold", token), fairlead.WithTimeout(500*time.Millisecond))
		if fairlead.CodeOf(err) != fairlead.DeadlineExceeded {
			t.Errorf("%s: got %v, want DEADLINE_EXCEEDED", kind, err)
		}
		p.await(t, "end/"+token)
	}
}

func cancellation(t *testing.T, p *peer) {
	for kind, call := range p.held() {
		token := t.Name() + kind
		ctx, cancel := context.WithCancel(within(t))
		ended := make(chan error, 1)
		go func() { ended <- call(ctx, fairlead.WithHeader("hold", token)) }()
		p.await(t, "begin/"+token)
		cancel()
		if err := <-ended; fairlead.CodeOf(err) != fairlead.Canceled {
			t.Errorf("%s: got %v, want CANCELLED", kind, err)
		}
		p.await(t, "end/"+token)
	}
}

// checkStatus sees that err is the status that was asked for, with a payload as its detail.
func checkStatus(t *testing.T, err error, body string) {
	t.Helper()
	e := fairlead.ErrorOf(err)
	if e == nil || e.Code != fairlead.FailedPrecondition || e.Message != message || !e.FromPeer() {
		t.Fatalf("got %v, want FAILED_PRECONDITION: %q", err, message)
	}
	if len(e.Details) != 1 || e.Details[0].Type != detailType {
		t.Fatalf("got the details %v, want one of %s", e.Details, detailType)
	}
	var got pb.Payload
	if err := proto.Unmarshal(e.Details[0].Value, &got); err != nil || string(got.GetBody()) != body {
		t.Errorf("got the detail %q, %v, want %q", got.GetBody(), err, body)
	}
}

func status(t *testing.T, p *peer) {
	var info fairlead.CallInfo
	_, err := p.stub.UnaryCall(within(t), &pb.SimpleRequest{
		Payload:        payload([]byte("\x00detail")),
		ResponseStatus: &pb.EchoStatus{Code: int32(fairlead.FailedPrecondition), Message: message},
	}, append(echoOptions(), fairlead.WithInfo(&info))...)
	checkStatus(t, err, "\x00detail")
	p.echoed(t, "trailer", &info.Trailer)
	for code := fairlead.Canceled; code <= fairlead.Unauthenticated; code++ {
		_, err := p.stub.UnaryCall(within(t), &pb.SimpleRequest{ResponseStatus: &pb.EchoStatus{Code: int32(code)}})
		if got := fairlead.CodeOf(err); got != code {
			t.Errorf("got %v, want %v", err, code)
		}
	}
}

func streamStatus(t *testing.T, p *peer) {
	in := output([]byte("abc"))
	in.ResponseParameters = []*pb.ResponseParameters{{}, {}}
	in.ResponseStatus = &pb.EchoStatus{Code: int32(fairlead.FailedPrecondition), Message: message}
	s, err := p.stub.StreamingOutputCall(within(t), in)
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		m, err := s.Recv()
		check(t, m.GetPayload(), err, []byte("abc"))
	}
	_, err = s.Recv()
	checkStatus(t, err, "abc")
	b := open(t, p)
	if err := b.Send(in); err != nil {
		t.Fatal(err)
	}
	_, err = b.Recv()
	checkStatus(t, err, "abc")
}

func unimplemented(t *testing.T, p *peer) {
	_, c := stub(t, p.addr)
	for _, service := range []string{"grpc.testing.TestService", "grpc.testing.Nothing"} {
		m := fairlead.NewMethod[pb.Empty, pb.Empty](fairlead.Unary, service, "Nothing")
		err := c.Bind(m)(within(t), fairlead.NewCall(m, new(pb.Empty)))
		if fairlead.CodeOf(err) != fairlead.Unimplemented {
			t.Errorf("%s: got %v, want UNIMPLEMENTED", service, err)
		}
	}
}

func largeMessages(t *testing.T, p *peer) {
	body := bytes.Repeat([]byte("abcdefghijk"), 8<<20/11)
	m, err := p.stub.UnaryCall(within(t), &pb.SimpleRequest{Payload: payload(body)})
	check(t, m.GetPayload(), err, body)
	s := open(t, p)
	for range 2 {
		echo(t, s, body)
	}
	finish(t, s)
}

// flow sends more than the windows hold in each direction at once.
func flow(t *testing.T, p *peer) {
	const count = 300
	body := bytes.Repeat([]byte("x"), 30_000)
	s := open(t, p)
	sent := make(chan error, 1)
	go func() {
		for range count {
			if err := s.Send(output(body)); err != nil {
				sent <- err
				return
			}
		}
		sent <- s.CloseSend()
	}()
	for range count {
		m, err := s.Recv()
		check(t, m.GetPayload(), err, body)
	}
	if _, err := s.Recv(); !errors.Is(err, io.EOF) {
		t.Errorf("got %v, want EOF", err)
	}
	if err := <-sent; err != nil {
		t.Error(err)
	}
}

func gzipped(t *testing.T, p *peer) {
	through := newProxy(t, p.addr)
	s, _ := stub(t, through.addr, client.Compress("gzip"))
	q := &peer{p.language, p.process, through.addr, s}
	body := make([]byte, zeros)
	compress := fairlead.WithHeader("compress", "gzip")
	m, err := s.UnaryCall(within(t), &pb.SimpleRequest{Payload: payload(body)}, compress)
	check(t, m.GetPayload(), err, body)
	b := open(t, q, compress)
	echo(t, b, body)
	finish(t, b)
	up, down := through.up.Load(), through.down.Load()
	if up > zeros/10 || down > zeros/10 && !p.plainAnswers {
		t.Errorf("%d bytes went to the server and %d came back; they were not compressed", up, down)
	}
}

func concurrent(t *testing.T, p *peer) {
	through := newProxy(t, p.addr)
	s, _ := stub(t, through.addr)
	q := &peer{p.language, p.process, through.addr, s}
	if _, err := s.EmptyCall(within(t), new(pb.Empty)); err != nil { // the server's limit is known then
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for i := range 300 {
		wg.Go(func() {
			body := fmt.Append(nil, i)
			m, err := s.UnaryCall(within(t), &pb.SimpleRequest{Payload: payload(body)})
			if err != nil || !bytes.Equal(m.GetPayload().GetBody(), body) {
				t.Errorf("call %d: got %q, %v", i, m.GetPayload().GetBody(), err)
			}
		})
	}
	for range 20 {
		b := open(t, q)
		for _, body := range []string{"a", "b", "c"} {
			echo(t, b, []byte(body))
		}
		finish(t, b)
	}
	wg.Wait()
	if n := through.conns.Load(); n != 1 {
		t.Errorf("there were %d connections, want 1", n)
	}
}

// draining has the server drain while calls run: they end well, and none is taken any more.
func draining(t *testing.T, p *peer) {
	until := fairlead.WithHeader("until", "draining")
	s := open(t, p, until)
	echo(t, s, []byte("1"))
	held := make(chan error, 1)
	go func() {
		_, err := p.stub.UnaryCall(within(t), new(pb.SimpleRequest), until)
		held <- err
	}()
	p.await(t, "begin/draining")
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if got := p.line(t); got != "draining" {
		t.Fatalf("the server says %q", got)
	}
	if err := <-held; err != nil {
		t.Errorf("a call that was held: %v", err)
	}
	echo(t, s, []byte("2"))
	_, err := p.stub.EmptyCall(within(t), new(pb.Empty), fairlead.WithTimeout(10*time.Second))
	if fairlead.CodeOf(err) != fairlead.Unavailable {
		t.Errorf("a new call: got %v, want UNAVAILABLE", err)
	}
	finish(t, s)
	p.wait(t)
}
