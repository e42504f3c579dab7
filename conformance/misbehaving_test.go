package conformance_test

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"sync"
	"testing"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
	testpb "google.golang.org/grpc/interop/grpc_testing"
	"google.golang.org/protobuf/proto"

	"github.com/fairlead-go/fairlead/internal/assert"
)

// misbehaving serves UnaryCall on x/net's framer, in one of the ways that
// https://github.com/grpc/grpc/blob/master/doc/http2-interop-test-descriptions.md describes, and judges the client.
type misbehaving struct {
	testCase string
	l        net.Listener
	wg       sync.WaitGroup

	mu     sync.Mutex
	conns  []*misbehavingConn
	faults []error
}

func newMisbehaving(t *testing.T, testCase string) *misbehaving {
	t.Helper()
	s := &misbehaving{testCase: testCase, l: listen(t)}
	s.wg.Go(s.accept)
	t.Cleanup(s.stop)
	return s
}

func (s *misbehaving) accept() {
	for {
		nc, err := s.l.Accept()
		if err != nil {
			return
		}
		_ = nc.SetDeadline(time.Now().Add(assert.Patience(time.Minute)))
		c := newMisbehavingConn(s, nc)
		s.mu.Lock()
		s.conns = append(s.conns, c)
		s.mu.Unlock()
		s.wg.Go(func() {
			defer nc.Close()
			if err := c.serve(); err != nil {
				s.fault(err)
			}
		})
	}
}

func (s *misbehaving) stop() {
	_ = s.l.Close()
	s.mu.Lock()
	for _, c := range s.conns {
		_ = c.nc.Close()
	}
	s.mu.Unlock()
	s.wg.Wait()
}

func (s *misbehaving) fault(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults = append(s.faults, err)
}

// verdict stops the server and says what the client did wrong.
func (s *misbehaving) verdict() error {
	s.stop()
	var answered []int
	pings := 0
	for _, c := range s.conns {
		answered = append(answered, c.answered)
		pings += c.pings
	}
	want := []int{1}
	switch s.testCase {
	case "goaway":
		want = []int{1, 1}
	case "max_streams":
		if sum := sumOf(answered); sum != 16 {
			s.faults = append(s.faults, fmt.Errorf("answered %d requests, want 16", sum))
		}
		want = answered
	}
	if !slices.Equal(answered, want) {
		s.faults = append(s.faults, fmt.Errorf("connections had %d requests answered, want %d", answered, want))
	}
	if pings != 0 {
		s.faults = append(s.faults, fmt.Errorf("%d pings were not acknowledged", pings))
	}
	return errors.Join(s.faults...)
}

func sumOf(all []int) (sum int) {
	for _, n := range all {
		sum += n
	}
	return sum
}

// misbehavingConn is one of its connections. Its reading goroutine is serve's; each request has one more.
type misbehavingConn struct {
	s  *misbehaving
	nc net.Conn
	fr *http2.Framer

	mu       sync.Mutex
	changed  sync.Cond
	out      *bufio.Writer
	requests map[uint32][]byte
	window   int64            // what may be sent on the connection
	windows  map[uint32]int64 // and on each stream, beside initial
	initial  int64
	open     int // requests that are not answered
	answered int
	away     bool // GOAWAY was sent
	limit    int  // of concurrent streams, that the client has acknowledged
	settings []int
	pings    int // not acknowledged
	ended    bool
}

func newMisbehavingConn(s *misbehaving, nc net.Conn) *misbehavingConn {
	c := &misbehavingConn{
		s: s, nc: nc, out: bufio.NewWriterSize(nc, 64<<10), requests: make(map[uint32][]byte), window: 65535,
		windows: make(map[uint32]int64), initial: 65535,
	}
	c.changed.L = &c.mu
	c.fr = http2.NewFramer(c.out, nc)
	c.fr.ReadMetaHeaders = hpack.NewDecoder(4096, nil)
	return c
}

// serve reads until the client hangs up.
func (c *misbehavingConn) serve() error {
	defer func() {
		c.mu.Lock()
		c.ended = true
		c.changed.Broadcast()
		c.mu.Unlock()
	}()
	if _, err := io.ReadFull(c.nc, make([]byte, len(http2.ClientPreface))); err != nil {
		return nil // whoever only looked whether the port is open
	}
	if err := c.sendSettings(0); err != nil {
		return err
	}
	for {
		f, err := c.fr.ReadFrame()
		if err != nil {
			if se, ok := errors.AsType[http2.StreamError](err); ok {
				return se
			}
			if ce, ok := errors.AsType[http2.ConnectionError](err); ok {
				return ce
			}
			return nil // hung up
		}
		if err := c.frame(f); err != nil {
			return err
		}
	}
}

// sendSettings sends SETTINGS with a limit of streams; 0: none.
func (c *misbehavingConn) sendSettings(limit int) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	var settings []http2.Setting
	if limit > 0 {
		settings = append(settings, http2.Setting{ID: http2.SettingMaxConcurrentStreams, Val: uint32(limit)})
	}
	c.settings = append(c.settings, limit)
	return errors.Join(c.fr.WriteSettings(settings...), c.out.Flush())
}

func (c *misbehavingConn) frame(f http2.Frame) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	defer c.changed.Broadcast()
	switch f := f.(type) {
	case *http2.SettingsFrame:
		if f.IsAck() {
			c.limit, c.settings = c.settings[0], c.settings[1:]
			return nil
		}
		if v, ok := f.Value(http2.SettingInitialWindowSize); ok {
			c.initial = int64(v)
		}
		return errors.Join(c.fr.WriteSettingsAck(), c.out.Flush())
	case *http2.WindowUpdateFrame:
		if f.StreamID == 0 {
			c.window += int64(f.Increment)
		} else {
			c.windows[f.StreamID] += int64(f.Increment)
		}
	case *http2.PingFrame:
		if f.IsAck() {
			c.pings--
			return nil
		}
		return errors.Join(c.fr.WritePing(true, f.Data), c.out.Flush())
	case *http2.MetaHeadersFrame:
		if c.away {
			return nil // above the last identifier of our GOAWAY
		}
		if c.open++; c.limit > 0 && c.open > c.limit {
			return fmt.Errorf("the client opened %d streams at a time, the limit is %d", c.open, c.limit)
		}
		c.requests[f.StreamID] = []byte{}
	case *http2.DataFrame:
		return c.data(f)
	}
	return nil
}

// data takes a part of a request, and has it answered once it is complete. The lock is held.
func (c *misbehavingConn) data(f *http2.DataFrame) error {
	if n := f.Header().Length; n > 0 {
		err := errors.Join(c.fr.WriteWindowUpdate(0, n), c.fr.WriteWindowUpdate(f.StreamID, n), c.out.Flush())
		if err != nil {
			return err
		}
	}
	body, ok := c.requests[f.StreamID]
	if !ok {
		return nil
	}
	body = append(body, f.Data()...)
	c.requests[f.StreamID] = body
	if !f.StreamEnded() {
		return nil
	}
	var in testpb.SimpleRequest
	if err := proto.Unmarshal(body[5:], &in); err != nil {
		return err
	}
	if n := len(in.GetPayload().GetBody()); n != 271828 {
		return fmt.Errorf("got a payload of %d bytes", n)
	}
	id, size := f.StreamID, in.GetResponseSize()
	c.s.wg.Go(func() {
		if err := c.answer(id, size); err != nil {
			c.s.fault(err)
		}
	})
	return nil
}

// answer answers a request, as the test case wants it.
func (c *misbehavingConn) answer(id uint32, size int32) error {
	message, err := proto.Marshal(&testpb.SimpleResponse{Payload: &testpb.Payload{Body: make([]byte, size)}})
	if err != nil {
		return err
	}
	body := binary.BigEndian.AppendUint32([]byte{0}, uint32(len(message)))
	body = append(body, message...)
	steps := []func() error{
		func() error { return c.headers(id, false, ":status", "200", "content-type", "application/grpc") },
		func() error { return c.body(id, body[:len(body)/2]) },
		func() error { return c.body(id, body[len(body)/2:]) },
	}
	reset := func() error { return c.fr.WriteRSTStream(id, http2.ErrCodeNo) }
	switch c.s.testCase {
	case "rst_after_header":
		steps = []func() error{steps[0], reset}
	case "rst_during_data":
		steps = []func() error{steps[0], steps[1], reset}
	case "rst_after_data":
		steps = append(steps, reset)
	case "ping":
		steps = []func() error{c.ping, steps[0], c.ping, steps[1], c.ping, steps[2], c.ping, c.acknowledged}
	case "goaway":
		steps = slices.Insert(steps, 0, func() error { return c.goaway(id) })
	case "max_streams":
		if id == 1 {
			if err := c.sendSettings(1); err != nil {
				return err
			}
		}
	}
	if c.s.testCase[:4] != "rst_" {
		steps = append(steps, func() error { return c.headers(id, true, "grpc-status", "0") })
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for i, step := range steps {
		if i == len(steps)-1 {
			c.open-- // for the client it is over as soon as it has read this
			c.answered++
		}
		if err := errors.Join(step(), c.out.Flush()); err != nil {
			return fmt.Errorf("step %d of the answer: %w", i, err)
		}
	}
	return nil
}

// goaway announces that no request after this one is taken. The lock is held.
func (c *misbehavingConn) goaway(last uint32) error {
	c.away = true
	return c.fr.WriteGoAway(last, http2.ErrCodeNo, nil)
}

// ping sends a ping that the client is to acknowledge. The lock is held.
func (c *misbehavingConn) ping() error {
	c.pings++
	return c.fr.WritePing(false, [8]byte{'p', 'i', 'n', 'g'})
}

// acknowledged waits until the client has acknowledged all pings. The lock is held.
func (c *misbehavingConn) acknowledged() error {
	if err := c.out.Flush(); err != nil {
		return err
	}
	for c.pings > 0 && !c.ended {
		c.changed.Wait()
	}
	return nil
}

// headers sends fields, none of which needs HPACK's table. The lock is held.
func (c *misbehavingConn) headers(id uint32, end bool, kv ...string) error {
	var block []byte
	for i := 0; i < len(kv); i += 2 {
		block = append(block, 0, byte(len(kv[i])))
		block = append(append(block, kv[i]...), byte(len(kv[i+1])))
		block = append(block, kv[i+1]...)
	}
	return c.fr.WriteHeaders(http2.HeadersFrameParam{
		StreamID: id, BlockFragment: block, EndHeaders: true, EndStream: end,
	})
}

// body sends a part of the response, as far as the client's windows allow. The lock is held.
func (c *misbehavingConn) body(id uint32, b []byte) error {
	length, padding := 16384, []byte(nil)
	switch c.s.testCase {
	case "data_frame_padding":
		length, padding = 5, make([]byte, 255)
	case "no_df_padding_sanity_test":
		length = 5
	case "ping":
		if err := c.ping(); err != nil {
			return err
		}
	}
	for part := range slices.Chunk(b, length) {
		cost := int64(len(part))
		if padding != nil {
			cost += int64(len(padding)) + 1
		}
		if err := c.waitForWindow(id, cost); err != nil {
			return err
		}
		c.window -= cost
		c.windows[id] -= cost
		if err := c.fr.WriteDataPadded(id, false, part, padding); err != nil {
			return err
		}
	}
	return nil
}

// waitForWindow waits until n bytes may be sent. The lock is held.
func (c *misbehavingConn) waitForWindow(id uint32, n int64) error {
	for c.window < n || c.initial+c.windows[id] < n {
		if c.ended {
			return errors.New("the client hung up before the response was complete")
		}
		if err := c.out.Flush(); err != nil {
			return err
		}
		c.changed.Wait()
	}
	return nil
}
