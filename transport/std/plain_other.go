//go:build !unix

package std

import (
	"net"

	"github.com/fairlead-go/fairlead/transport"
)

// newPlain makes a connection without TLS. The poller of these systems does not report that a socket is readable; it
// completes reads, which need a buffer from the start.
func newPlain(c net.Conn) transport.Conn { return newStream(c) }
