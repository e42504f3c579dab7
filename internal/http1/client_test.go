package http1_test

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/fairlead-go/fairlead"
	"github.com/fairlead-go/fairlead/internal/http1"
	"github.com/fairlead-go/fairlead/protocol"
	"github.com/fairlead-go/fairlead/transport"
	"github.com/fairlead-go/fairlead/transport/inproc"
)

// answer is a protocol.Receiver that keeps a response.
type answer struct {
	status  int
	body    string
	trailer *protocol.Head
	err     error
	refuses bool // Data returns false
	done    chan struct{}
}

func (a *answer) Head(h *protocol.Head, _ bool) { a.status = h.Status }

func (a *answer) Data(part []byte) bool {
	a.body += string(part)
	return !a.refuses
}

func (a *answer) End(trailer *protocol.Head, err error) {
	if trailer != nil {
		a.trailer = &protocol.Head{Fields: trailer.Fields.Clone()}
	}
	a.err = err
	close(a.done)
}

// dialled is a client's connection and the server's end of it.
func dialled(t *testing.T) (c http1.ClientConn, far *peer) {
	t.Helper()
	near, end := inproc.Pipe()
	c = http1.NewClient(near, &http1.Config{HeaderList: 1 << 12, Fields: 50, FrameTimeout: time.Minute})
	t.Cleanup(func() {
		c.Close(nil)
		_ = end.Close()
	})
	return c, &peer{t, end}
}

// request is a GET, or with a body a POST.
func request(body string) *protocol.Request {
	block := protocol.NewBlock(":scheme", "http", ":authority", "a")
	r := &protocol.Request{Head: block, Verb: "GET", Path: "/b", Last: true}
	if body != "" {
		r.Verb, r.Message = "POST", &protocol.Message{Bytes: []byte(body)}
	}
	return r
}

// TestResponses: responses, what is read of them, and whether the connection goes on.
func TestResponses(t *testing.T) { //nolint:paralleltest // leakcheck
	for _, tt := range []struct {
		name, verb, response string
		status               int
		body                 string
		goesOn, fails        bool
	}{
		{"with a length", "", "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc", 200, "abc", true, false},
		{"without a reason", "", "HTTP/1.1 299\r\nContent-Length: 0\r\n\r\n", 299, "", true, false},
		{"chunked", "",
			"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n1;x\r\nd\r\n0\r\na: b\r\n\r\n", 200, "abcd",
			true, false},
		{"until the end", "", "HTTP/1.1 200 OK\r\n\r\nabc", 200, "abc", false, false},
		{"connection: close", "",
			"HTTP/1.1 200 OK\r\nConnection: x, Close\r\nContent-Length: 3\r\n\r\nabc", 200, "abc", false, false},
		{"HTTP/1.0", "", "HTTP/1.0 200 OK\r\nContent-Length: 3\r\n\r\nabc", 200, "abc", false, false},
		{"HTTP/1.0 that goes on", "",
			"HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 3\r\n\r\nabc", 200, "abc",
			true, false},
		{"to HEAD", "HEAD", "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n", 200, "", true, false},
		{"204", "", "HTTP/1.1 204 No Content\r\n\r\n", 204, "", true, false},
		{"304 with a length", "", "HTTP/1.1 304 Not Modified\r\nContent-Length: 3\r\n\r\n", 304, "", true, false},
		{"interim ones", "",
			"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: a\r\n\r\nHTTP/1.1 200 OK\r\n" +
				"Content-Length: 0\r\n\r\n", 200, "", true, false},
		{"interim ones without end", "", strings.Repeat("HTTP/1.1 103 Early Hints\r\n\r\n", 200), 0, "", false, true},
		{"101 unasked", "",
			"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n", 0, "", false, true},
		{"both lengths", "",
			"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 0, "", false, true},
		{"two lengths", "", "HTTP/1.1 200 OK\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabc", 0, "", false, true},
		{"a coding in HTTP/1.0", "",
			"HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 0, "", false, true},
		{"a folded line", "", "HTTP/1.1 200 OK\r\na: b\r\n c\r\n\r\n", 0, "", false, true},
		{"LF", "", "HTTP/1.1 200 OK\nContent-Length: 0\n\n", 0, "", false, true},
		{"HTTP/2", "", "HTTP/2.0 200 OK\r\n\r\n", 0, "", false, true},
		{"no HTTP", "", "SSH-2.0-OpenSSH\r\n\r\n", 0, "", false, true},
		{"a bad status", "", "HTTP/1.1 20x OK\r\n\r\n", 0, "", false, true},
		{"a low status", "", "HTTP/1.1 099 OK\r\n\r\n", 0, "", false, true},
		{"a long head", "", "HTTP/1.1 200 OK\r\na: " + strings.Repeat("b", 5000) + "\r\n\r\n", 0, "", false, true},
		{"many fields", "", "HTTP/1.1 200 OK\r\n" + strings.Repeat("a: b\r\n", 60) + "\r\n", 0, "", false, true},
		{"cut off", "", "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nab", 200, "ab", false, true},
		{"a chunk cut off", "",
			"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n", 200, "abc", false, true},
		{"nothing", "", "", 0, "", false, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c, far := dialled(t)
			req := request("")
			if tt.verb != "" {
				req.Verb = tt.verb
			}
			a := &answer{done: make(chan struct{})}
			if _, err := c.Do(req, a); err != nil {
				t.Fatal(err)
			}
			far.until("\r\n\r\n")
			far.send(tt.response)
			if !tt.goesOn {
				closeWrite(t, far)
			}
			<-a.done
			if a.status != tt.status || a.body != tt.body || (a.err != nil) != tt.fails {
				t.Errorf("got %d, %q, %v, want %d, %q, an error: %v", a.status, a.body, a.err, tt.status, tt.body, tt.fails)
			}
			if f, ok := errors.AsType[*protocol.Failure](a.err); a.err != nil && (!ok || f.Reach != fairlead.Unknowable) {
				t.Errorf("got %v, want a Failure of a request of which nothing is known", a.err)
			}
			if got := c.Free() == 1; got != tt.goesOn {
				t.Errorf("the connection takes another exchange: %v, want %v", got, tt.goesOn)
			}
			if !tt.goesOn {
				<-c.Closed()
				<-c.Done()
			}
		})
	}
}

// TestRequests: what requests look like.
func TestRequests(t *testing.T) { //nolint:paralleltest // leakcheck
	md := new(fairlead.Metadata)
	md.Append("x", "y")
	md.Append("evil", "a\r\nb: c")
	md.Append("connection", "close")
	md.Append("raw-bin", "\x01\x02")
	for _, tt := range []struct {
		name string
		req  *protocol.Request
		want string
	}{
		{"GET", request(""), "GET /b HTTP/1.1\r\nhost: a\r\n\r\n"},
		{"POST", request("abc"), "POST /b HTTP/1.1\r\nhost: a\r\ncontent-length: 3\r\n\r\nabc"},
		{"all of it", &protocol.Request{
			Head: protocol.NewBlock(":method", "PUT", ":path", "/x", ":scheme", "http", ":authority", "b:1", "accept", "*/*"),
			Path: "/c", Query: "d=e", Name: "timeout", Value: []byte("5"), Extra: md, Base64: true, Last: true,
			Message: &protocol.Message{Bytes: []byte("abc"), Envelope: true, Flags: 2},
		}, "PUT /c?d=e HTTP/1.1\r\nhost: b:1\r\naccept: */*\r\ntimeout: 5\r\nx: y\r\nraw-bin: AQI\r\n" +
			"content-length: 8\r\n\r\n\x02\x00\x00\x00\x03abc"},
		{"POST without a body", &protocol.Request{Head: protocol.NewBlock(":method", "POST", ":path", "/", ":authority", "a"),
			Last: true}, "POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 0\r\n\r\n"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c, far := dialled(t)
			a := &answer{done: make(chan struct{})}
			if _, err := c.Do(tt.req, a); err != nil {
				t.Fatal(err)
			}
			if _, err := c.Do(tt.req, a); !errors.Is(err, protocol.ErrFull) || c.Free() != 0 {
				t.Errorf("a second exchange at the same time: got %v, want ErrFull", err)
			}
			if got := far.until(tt.want[len(tt.want)-4:]); got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
			far.send("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
			if <-a.done; a.err != nil {
				t.Error(a.err)
			}
		})
	}
	c, _ := dialled(t)
	for _, bad := range []*protocol.Request{
		{Head: protocol.NewBlock(":authority", "a"), Verb: "GET", Path: "/a b", Last: true},
		{Head: protocol.NewBlock(":authority", "a"), Verb: "GET", Path: "/a\r\nb: c", Last: true},
		{Head: protocol.NewBlock(":authority", "a"), Verb: "GET", Path: "/", Query: "a b", Last: true},
		{Head: protocol.NewBlock(":authority", "a\r\nb: c"), Verb: "GET", Path: "/", Last: true},
		{Head: protocol.NewBlock(":authority", "a"), Verb: "G T", Path: "/", Last: true},
	} {
		if _, err := c.Do(bad, &answer{}); err == nil {
			t.Errorf("%+v was sent", bad)
		}
	}
	if c.Free() != 1 {
		t.Error("a request that was not sent uses up the connection")
	}
}

// TestIdleEnd: a connection that its server ends while it is idle, or on which something comes unasked, closes itself.
func TestIdleEnd(t *testing.T) { //nolint:paralleltest // leakcheck
	for name, last := range map[string]string{"EOF": "", "unasked": "HTTP/1.1 408 Request Timeout\r\n\r\n"} {
		c, far := dialled(t)
		if last != "" {
			far.send(last)
		}
		closeWrite(t, far)
		<-c.Closed()
		<-c.Done()
		if _, err := c.Do(request(""), &answer{}); !errors.Is(err, protocol.ErrFull) {
			t.Errorf("%s: got %v, want ErrFull", name, err)
		}
		f, ok := errors.AsType[*protocol.Failure](c.Err())
		if !ok || (last == "") != errors.Is(f.Cause, io.EOF) {
			t.Errorf("%s: the connection ended with %v", name, c.Err())
		}
	}
}

// stuck is a transport whose writes fail.
type stuck struct{ transport.Conn }

func (stuck) Write([]byte) error { return errors.New("no") }

// TestReach: a request that was given to the transport may have been processed, and another one not.
func TestReach(t *testing.T) { //nolint:paralleltest // leakcheck
	c, far := dialled(t)
	a := &answer{done: make(chan struct{})}
	if _, err := c.Do(request("abc"), a); err != nil {
		t.Fatal(err)
	}
	far.until("abc")
	_ = far.tc.Close()
	<-a.done
	f, ok := errors.AsType[*protocol.Failure](a.err)
	if !ok || f.Reach != fairlead.Unknowable || f.Kind != protocol.FailedLost {
		t.Errorf("got %+v, want that nothing is known", a.err)
	}
	near, end := inproc.Pipe()
	defer end.Close()
	c = http1.NewClient(stuck{near}, &http1.Config{HeaderList: 1 << 12, Fields: 50})
	defer c.Close(nil)
	a = &answer{done: make(chan struct{})}
	if _, err := c.Do(request("abc"), a); err != nil {
		t.Fatal(err)
	}
	if <-a.done; a.err == nil {
		t.Error("a request that could not be written has no error")
	}
}

// TestGivenUp: an exchange that is given up takes the connection with it, and its receiver hears nothing more.
func TestGivenUp(t *testing.T) { //nolint:paralleltest // leakcheck
	t.Run("Cancel", func(t *testing.T) {
		c, far := dialled(t)
		a := &answer{done: make(chan struct{})}
		ticket, err := c.Do(request(""), a)
		if err != nil {
			t.Fatal(err)
		}
		far.until("\r\n\r\n")
		if c.Cancel(ticket+1, protocol.ResetCancel) {
			t.Error("another exchange was canceled")
		}
		if !c.Cancel(ticket, protocol.ResetCancel) || c.Cancel(ticket, protocol.ResetCancel) {
			t.Error("want that it is canceled once")
		}
		<-c.Done()
		select {
		case <-a.done:
			t.Error("End was called")
		default:
		}
		if got := far.rest(); got != "" {
			t.Errorf("the server got %q, want the end", got)
		}
	})
	t.Run("Data returns false", func(t *testing.T) {
		c, far := dialled(t)
		a := &answer{done: make(chan struct{}), refuses: true}
		if _, err := c.Do(request(""), a); err != nil {
			t.Fatal(err)
		}
		far.send("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nabc")
		<-a.done
		if a.err != nil || a.body != "abc" {
			t.Errorf("got %q, %v", a.body, a.err)
		}
		<-c.Done()
	})
	t.Run("Reset", func(t *testing.T) {
		c, far := dialled(t)
		req := request("")
		req.Verb, req.Last = "POST", false
		x, err := c.Open(req)
		if err != nil {
			t.Fatal(err)
		}
		far.until("chunked\r\n\r\n")
		x.Reset(protocol.ResetCancel, io.ErrClosedPipe)
		if _, err := x.Read(); !errors.Is(err, io.ErrClosedPipe) {
			t.Errorf("Read: got %v", err)
		}
		if err := x.Send(&protocol.Message{Bytes: []byte("x")}, false); err == nil {
			t.Error("Send: got no error")
		}
		<-c.Done()
		if got := far.rest(); got != "" {
			t.Errorf("the server got %q, want the end", got)
		}
	})
}

// TestEarlyAnswer: a server answers before it has read the request: what is left of that is not sent, and the
// connection ends.
func TestEarlyAnswer(t *testing.T) { //nolint:paralleltest // leakcheck
	c, far := dialled(t)
	req := request("")
	req.Verb, req.Last = "POST", false
	x, err := c.Open(req)
	if err != nil {
		t.Fatal(err)
	}
	far.until("chunked\r\n\r\n")
	far.send("HTTP/1.1 413 Content Too Large\r\nContent-Length: 3\r\n\r\nno\n")
	got, err := x.Read()
	if string(got) != "no\n" || err != nil {
		t.Errorf("got %q, %v", got, err)
	}
	if _, err := x.Read(); !errors.Is(err, io.EOF) {
		t.Errorf("at the end: got %v", err)
	}
	if err := x.Send(&protocol.Message{Bytes: []byte("x")}, false); !errors.Is(err, io.EOF) {
		t.Errorf("Send: got %v, want io.EOF", err)
	}
	<-c.Done()
}

// TestSlowReader: a response that nobody reads is held up to a limit, and comes whole in the end.
func TestSlowReader(t *testing.T) { //nolint:paralleltest // leakcheck
	c, far := dialled(t)
	x, err := c.Open(request(""))
	if err != nil {
		t.Fatal(err)
	}
	far.until("\r\n\r\n")
	const size = 4 << 20
	sent := make(chan error, 1)
	go func() {
		first := fmt.Sprintf("HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n", size)
		sent <- far.tc.Write([]byte(first + strings.Repeat("x", size)))
	}()
	<-x.HeadReady()
	timer := time.NewTimer(20 * time.Millisecond)
	select {
	case err := <-sent:
		t.Errorf("4 MiB were taken without a reader: %v", err)
	case <-timer.C:
	}
	n := 0
	for {
		b, err := x.Read()
		n += len(b)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := <-sent; err != nil || n != size {
		t.Errorf("got %d bytes, %v, want %d", n, err, size)
	}
}
