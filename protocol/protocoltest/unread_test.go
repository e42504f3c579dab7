package protocoltest_test

import (
	"context"
	"encoding/binary"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/fairlead-go/fairlead/internal/combine"
	"github.com/fairlead-go/fairlead/protocol/protocoltest"
	"github.com/fairlead-go/fairlead/server"
	"github.com/fairlead-go/fairlead/transport"
	"github.com/fairlead-go/fairlead/transport/inproc"
)

// A client that sends calls and reads no answers is read from only as long as little waits for it, and no longer than
// the deadline of writing.
func TestUnread(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var ran atomic.Int64
		desc := protocoltest.NewEcho("test.Echo")
		network := inproc.New()
		s, err := server.New(
			server.Service(desc.Implement(protocoltest.Handlers{
				Unary: func(_ context.Context, m *protocoltest.Msg) (*protocoltest.Msg, error) {
					ran.Add(1)
					return m, nil
				},
			})),
			server.Protocol(protocoltest.NewFrameServer()),
			server.Codec(protocoltest.Codec{}),
			server.Transport(network),
			server.Listen("echo:1"),
		)
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Start(t.Context()); err != nil {
			t.Fatal(err)
		}
		tc, err := network.Dial(t.Context(), transport.Target{Addr: "echo:1"})
		if err != nil {
			t.Fatal(err)
		}
		begin := time.Now()
		err = tc.Write([]byte("FRAME/1\n"))
		for id := uint32(1); id <= 200 && err == nil; id++ {
			err = tc.Write(call(id, 100<<10))
		}
		if err == nil {
			t.Error("all calls were read although no answer was")
		}
		if got := time.Since(begin); got < combine.Timeout*3/4 || got > combine.Timeout {
			t.Errorf("the connection ended after %v, want the time that a write may be stuck", got)
		}
		if n := ran.Load(); n < 10 || n > 40 {
			t.Errorf("%d calls of 100 KiB ran, want some more than fit into 1 MiB", n)
		}
		_ = tc.Close()
		if err := s.Shutdown(t.Context()); err != nil {
			t.Error(err)
		}
	})
}

// call is the frame of a call of Unary with a message of that length.
func call(id uint32, size int) []byte {
	b := append(make([]byte, 4), 0, 0, 0, 0, 'U')
	binary.BigEndian.PutUint32(b[4:], id)
	b = append(b, make([]byte, 9)...) // criticality, no deadline
	for _, s := range []string{"msg", "/test.Echo/Unary", "echo", "test/1"} {
		b = append(append(b, byte(len(s))), s...)
	}
	b = append(b, 0, 0) // no metadata; the message's number
	b = append(b, strings.Repeat("x", size)...)
	binary.BigEndian.PutUint32(b, uint32(len(b)-4))
	return b
}
