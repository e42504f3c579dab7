package inproc_test

import (
	"testing"

	"github.com/fairlead-go/fairlead/transport"
	"github.com/fairlead-go/fairlead/transport/inproc"
	"github.com/fairlead-go/fairlead/transport/transporttest"
)

func TestNetwork(t *testing.T) { //nolint:paralleltest // the suite counts goroutines and buffers
	transporttest.Run(t, func(*testing.T) transporttest.Env {
		return transporttest.Env{
			Network: inproc.New(),
			Listen:  transport.Target{Addr: "greeter"},
			Nobody:  "elsewhere",
		}
	})
}
