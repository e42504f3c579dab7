package http2

import (
	"errors"
	"testing"

	"github.com/fairlead-go/fairlead/buffer"
	"github.com/fairlead-go/fairlead/protocol"
)

// TestFinishAfterWriteError: a response that ends when nothing can be written any more, and before the connection has
// ended, gives up what waited for the stream's window. Nobody else would: the stream is in no list from then on.
func TestFinishAfterWriteError(t *testing.T) { //nolint:paralleltest // it counts buffers
	buffer.Count(true)
	defer buffer.Count(false)
	c := new(Conn)
	c.w.init(c)
	s := &stream{c: c, id: 1}
	s.pull()
	c.s.open = 1
	s.out = buffer.Get(1)
	c.w.Lock()
	c.w.fail(errors.New("the peer is gone")) // s does not wait for its turn: its window is closed
	c.w.Unlock()
	exchange{s}.Finish(protocol.Section{Block: protocol.NewBlock("grpc-status", "0")})
	if s.out != nil || buffer.Out() != 0 {
		t.Errorf("what waited is still there: %d buffers\n%s", buffer.Out(), buffer.Leaks())
	}
	if !s.over || c.s.open != 0 {
		t.Errorf("over: %v, %d streams are open", s.over, c.s.open)
	}
}
