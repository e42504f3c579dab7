package protocoltest_test

import (
	"testing"

	"github.com/fairlead-go/fairlead/protocol/protocoltest"
)

func TestSuite(t *testing.T) { //nolint:paralleltest // the suite counts goroutines
	protocoltest.Run(t, func(t *testing.T, h protocoltest.Handlers) protocoltest.Env {
		t.Helper()
		p := newPair(t, h)
		return protocoltest.Env{Client: protocoltest.FrameClient{}, Conn: p.conn, Config: p.config}
	})
}
