// Package transporttest is the test suite for implementations of transport.Network, and a network with faults,
// Faulty, for tests of what uses one.
package transporttest

import (
	"crypto/tls"
	"testing"
	"time"

	"github.com/fairlead-go/fairlead/buffer"
	"github.com/fairlead-go/fairlead/internal/leakcheck"
	"github.com/fairlead-go/fairlead/transport"
)

// Env is a network under test.
type Env struct {
	Network transport.Network
	// Listen is where to listen; each test does it once, some twice at the same place. If it has TLS, ClientTLS is what
	// to dial with, and both must agree on the protocol ALPN.
	Listen    transport.Target
	ClientTLS *tls.Config
	// Nobody is an address at which nobody listens.
	Nobody string
	// IdleBuffers is the number of buffers from package buffer that a connection holds while Peek waits and nothing is
	// buffered. Without TLS it should be 0.
	IdleBuffers int64
}

// ALPN is the application protocol that the configurations of Certificate agree on.
const ALPN = "transporttest"

// patience is how long the suite waits for what must happen.
const patience = 10 * time.Second

var tests = []struct {
	name string
	run  func(f *fixture)
}{
	{"echo", echo},
	{"request sizes", requestSizes},
	{"large writes in both directions", largeWrites},
	{"large peek", largePeek},
	{"peek and discard", peekAndDiscard},
	{"end of the stream", endOfStream},
	{"end within a message", endWithinMessage},
	{"bytes before the end are read after Close", readAfterPeerClosed},
	{"close during peek", closeDuringPeek},
	{"close during write", closeDuringWrite},
	{"close with unread bytes", closeWithUnreadBytes},
	{"use after close", useAfterClose},
	{"write to a closed peer", writeToClosedPeer},
	{"read deadline", readDeadline},
	{"read deadline set while waiting", readDeadlineWhileWaiting},
	{"write deadline", writeDeadline},
	{"idle connections hold no buffer", idleBuffers},
	{"many connections", manyConnections},
	{"info", info},
	{"dial to nobody", dialToNobody},
	{"dial with a cancelled context", dialCancelled},
	{"listen twice", listenTwice},
	{"close the listener", closeListener},
	{"connections outlive the listener", outliveListener},
	{"handshake with a silent client", silentClient},
	{"handshake with a silent server", silentServer},
	{"plaintext to a TLS listener", plaintextToTLS},
}

// Run tests a network. It calls env for each test, which gets a network of its own, or at least an address of its own.
// The suite counts goroutines and buffers, so nothing else may run meanwhile: neither it nor its caller is parallel.
func Run(t *testing.T, env func(t *testing.T) Env) {
	t.Helper()
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			leakcheck.Check(t)
			buffer.Count(true)
			t.Cleanup(func() {
				if !eventually(func() bool { return buffer.Out() == 0 }) {
					t.Errorf("%d buffers were not put back:\n%s", buffer.Out(), buffer.Leaks())
				}
				buffer.Count(false)
			})
			tt.run(newFixture(t, env(t)))
		})
	}
}
