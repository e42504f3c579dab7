package http2

import (
	"errors"
	"io"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/fairlead-go/fairlead/protocol"
)

// greeted makes a client's connection whose server has sent its SETTINGS.
func greeted(t *testing.T, settings ...byte) (*rig, ClientConn) {
	t.Helper()
	r := newClientRig(t)
	var sc script
	sc.frame(frameSettings, 0, 0, settings)
	r.send(sc.out)
	return r, ClientConn{r.c}
}

// response makes the frames of a whole response.
func response(id uint32) []byte {
	sc := newScript(nil, false, nil)
	sc.out = nil
	sc.field(":status", "200")
	sc.frame(frameHeaders, flagEndHeaders|flagEndStream, id, sc.buf.Bytes())
	return sc.out
}

// end is a Receiver that knows how its call has ended.
type end struct {
	over bool
	err  error
}

func (*end) Head(*protocol.Head, bool)         {}
func (*end) Data([]byte) bool                  { return true }
func (e *end) End(_ *protocol.Head, err error) { e.over, e.err = true, err }

var postHead = protocol.NewBlock(":method", "POST", ":scheme", "http", ":path", "/x", ":authority", "x")

// TestTurns: who was refused for want of a stream is told of each that is over, and of no more. One that takes its turn
// tells the next, if there is room for it.
func TestTurns(t *testing.T) { //nolint:paralleltest // counts buffers
	inBubble(t, func(t *testing.T) {
		r, c := greeted(t, 0, settingMaxStreams, 0, 0, 0, 2)
		do := func() error {
			_, err := c.Do(&protocol.Request{Head: postHead, Last: true}, new(end))
			synctest.Wait()
			return err
		}
		told := func() bool {
			select {
			case <-c.Freed():
				return true
			default:
				return false
			}
		}
		expect := func(when string, free int, freed bool) {
			t.Helper()
			if got := c.Free(); got != free {
				t.Errorf("%s: %d streams are free, want %d", when, got, free)
			}
			if got := told(); got != freed {
				t.Errorf("%s: somebody was told: %v, want %v", when, got, freed)
			}
		}
		if got := c.Limit(); got != 2 {
			t.Errorf("the limit is %d, want what the server allows", got)
		}
		told() // of the settings
		if err := errors.Join(do(), do()); err != nil {
			t.Fatal(err)
		}
		expect("two of two", 0, false)
		r.send(response(1))
		expect("nobody was refused", 1, false)
		if err := do(); err != nil {
			t.Fatal(err)
		}
		expect("again two of two", 0, false)
		if err := do(); !errors.Is(err, protocol.ErrFull) {
			t.Errorf("a third stream: got %v, want %v", err, protocol.ErrFull)
		}
		r.send(append(response(3), response(5)...))
		expect("both over", 2, true)
		if err := do(); err != nil {
			t.Fatal(err)
		}
		expect("one took its turn", 1, true)
		if err := do(); err != nil {
			t.Fatal(err)
		}
		expect("the next one, too", 0, false)
		r.send(append(response(7), response(9)...))
		r.end(0)
	})
}

// TestWriteFails: a client whose write fails takes no more calls, hears what the server had to say for a moment, and
// ends.
func TestWriteFails(t *testing.T) { //nolint:paralleltest // counts buffers
	broken := errors.New("broken pipe")
	for _, tt := range []struct {
		name string
		call bool // is under way
		say  func(r *rig)
		want func(c ClientConn, call *end) bool
	}{
		{"idle", false, nil, func(c ClientConn, _ *end) bool { return errors.Is(c.Err(), broken) }},
		{"call", true, nil, func(_ ClientConn, call *end) bool {
			f, ok := errors.AsType[*protocol.Failure](call.err)
			return call.over && ok && f.Kind == protocol.FailedLost && errors.Is(f, broken)
		}},
		{"answer on its way", true, func(r *rig) { r.send(response(1)) }, func(_ ClientConn, call *end) bool {
			return call.over && call.err == nil
		}},
		{"GOAWAY with the reason", false, func(r *rig) {
			var sc script
			sc.frame(frameGoaway, 0, 0, append([]byte{0, 0, 0, 0, 0, 0, 0, byte(protocol.ResetEnhanceCalm)}, tooManyPings...))
			r.send(sc.out)
		}, func(c ClientConn, _ *end) bool {
			f, ok := errors.AsType[*protocol.Failure](c.Err())
			return c.TooManyPings() && ok && f.Kind == protocol.FailedGoaway
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			inBubble(t, func(t *testing.T) {
				r, c := greeted(t)
				call := new(end)
				if tt.call {
					if _, err := c.Do(&protocol.Request{Head: postHead, Last: true}, call); err != nil {
						t.Fatal(err)
					}
				}
				r.w.fail(broken)
				c.Vital().Ping()
				synctest.Wait()
				if got := c.Free(); got != 0 {
					t.Errorf("%d streams are free after a failed write", got)
				}
				select {
				case <-c.Closed():
				default:
					t.Error("the connection takes calls after a failed write")
				}
				if err := c.Err(); !errors.Is(err, broken) {
					t.Errorf("got %v, want %v", err, broken)
				}
				if tt.say != nil {
					tt.say(r)
				}
				time.Sleep(parting)
				synctest.Wait()
				select {
				case <-c.Done():
				default:
					t.Errorf("the connection has not ended after %v", parting)
				}
				if !tt.want(c, call) {
					t.Errorf("got %v of the connection, and the call over %v with %v", c.Err(), call.over, call.err)
				}
				r.end(0)
			})
		})
	}
}

// TestRequestNotEncoded: the head is out when it turns out that the message cannot be encoded. The stream is reset.
func TestRequestNotEncoded(t *testing.T) { //nolint:paralleltest // counts buffers
	inBubble(t, func(t *testing.T) {
		r, c := greeted(t)
		bad := []*protocol.Message{
			{Value: "bad", Sizer: bare{}, Size: 3}, // under the lock
			{Value: "bad", Codec: bare{}},          // beside it, before the head
		}
		for _, m := range bad {
			if _, err := c.Do(&protocol.Request{Head: postHead, Message: m, Last: true}, new(end)); !errors.Is(err, errBad) {
				t.Errorf("Do: got %v, want %v", err, errBad)
			}
			if _, err := c.Open(&protocol.Request{Head: postHead, Message: m}); !errors.Is(err, errBad) {
				t.Errorf("Open: got %v, want %v", err, errBad)
			}
		}
		synctest.Wait()
		for _, id := range []uint32{1, 3} {
			if heads, resets := r.countSent(frameHeaders, id), r.countSent(frameReset, id); heads != 1 || resets != 1 {
				t.Errorf("stream %d: got %d HEADERS and %d RST_STREAM, want one of each", id, heads, resets)
			}
		}
		if got := r.countSent(frameHeaders, 5); got != 0 {
			t.Errorf("got HEADERS for a message that could not be encoded before")
		}
		if got := c.Free(); got != initialPeerStreams {
			t.Errorf("%d streams are free, want %d", got, initialPeerStreams)
		}
		r.end(0)
	})
}

// TestEarlyResponse: a server has answered before the request was complete. The rest of it is not sent, and the stream
// is over.
func TestEarlyResponse(t *testing.T) { //nolint:paralleltest // counts buffers
	inBubble(t, func(t *testing.T) {
		r, c := greeted(t)
		x, err := c.Open(&protocol.Request{Head: postHead})
		if err != nil {
			t.Fatal(err)
		}
		sent := make(chan error)
		go func() {
			m := protocol.Message{Bytes: make([]byte, 2*sendQuota)}
			for err == nil {
				err = x.Send(&m, false) // at last it waits for window
			}
			sent <- err
		}()
		synctest.Wait()
		r.send(response(1))
		if err := <-sent; err != io.EOF {
			t.Errorf("Send: got %v, want %v", err, io.EOF)
		}
		if b, err := x.Read(); err != io.EOF {
			t.Errorf("Read: got %d bytes and %v, want %v", len(b), err, io.EOF)
		}
		if got := r.countSent(frameReset, 1); got != 1 {
			t.Errorf("got %d RST_STREAM, want 1", got)
		}
		if got := c.Free(); got != initialPeerStreams {
			t.Errorf("%d streams are free, want %d", got, initialPeerStreams)
		}
		r.rest()
		r.end(0)
	})
}

// TestInterrupt: Interrupt ends Send and Read that wait, with its cause.
func TestInterrupt(t *testing.T) { //nolint:paralleltest // counts buffers
	inBubble(t, func(t *testing.T) {
		r, c := greeted(t)
		x, err := c.Open(&protocol.Request{Head: postHead})
		if err != nil {
			t.Fatal(err)
		}
		sent, read := make(chan error), make(chan error)
		go func() {
			m := protocol.Message{Bytes: make([]byte, 2*sendQuota)}
			for err == nil {
				err = x.Send(&m, false)
			}
			sent <- err
		}()
		go func() {
			_, err := x.Read()
			read <- err
		}()
		synctest.Wait()
		x.Interrupt(errBad)
		x.Interrupt(io.ErrUnexpectedEOF) // the first one stays
		if err := <-sent; !errors.Is(err, errBad) {
			t.Errorf("Send: got %v, want %v", err, errBad)
		}
		if err := <-read; !errors.Is(err, errBad) {
			t.Errorf("Read: got %v, want %v", err, errBad)
		}
		if err := x.Send(nil, true); !errors.Is(err, errBad) {
			t.Errorf("Send afterwards: got %v, want %v", err, errBad)
		}
		x.Reset(protocol.ResetCancel, errBad)
		r.end(0)
	})
}

// TestErr: what ended a connection, if a GOAWAY was first.
func TestErr(t *testing.T) {
	t.Parallel()
	away := &protocol.Failure{Kind: protocol.FailedGoaway, Code: protocol.ResetEnhanceCalm}
	eof := &protocol.Failure{Kind: protocol.FailedClosed, Cause: io.EOF}
	for _, tt := range []struct {
		name      string
		away      *protocol.Failure
		err, want error
	}{
		{"nothing", nil, nil, nil},
		{"end", nil, eof, eof},
		{"GOAWAY alone", away, nil, away},
		{"GOAWAY and its end", away, eof, away},
		{"GOAWAY and something else", away, errBad, errBad},
	} {
		c := ClientConn{new(Conn)}
		c.s.away, c.s.err = tt.away, tt.err
		if got := c.Err(); got != tt.want {
			t.Errorf("%s: got %v, want %v", tt.name, got, tt.want)
		}
	}
}

// TestOtherPeers: what a client says of a server that speaks something else.
func TestOtherPeers(t *testing.T) { //nolint:paralleltest // counts buffers
	for _, tt := range []struct {
		name, first, want string
	}{
		{"HTTP/1", "HTTP/1.1 400 Bad Request\r\n\r\n", "answers in HTTP/1"},
		{"TLS", "\x15\x03\x01\x00\x02\x02\x28\x00\x00", "frame of 1377025 bytes"},
		{"HTTP/2", "\x00\x00\x00\x04\x00\x00\x00\x00\x00HTTP/1.1 400", "frame of 4740180 bytes"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			inBubble(t, func(t *testing.T) {
				r := newClientRig(t)
				r.send([]byte(tt.first))
				time.Sleep(time.Second)
				if err := (ClientConn{r.c}).Err(); err == nil || !strings.Contains(err.Error(), tt.want) {
					t.Errorf("got %v, want %q", err, tt.want)
				}
				r.end(0)
			})
		})
	}
}
