package local

import (
	"fmt"
	"os"
	"runtime"
)

// Own returns an address to listen at, with any free port, for servers that come back at the same address: in between
// nobody else may take the port, as a listener or for a connection of his own, and callers must not reach whoever did.
// On Linux all of 127.0.0.0/8 is loopback (RFC 1122, section 3.2.1.3), of which the process gets an address to itself;
// elsewhere it is 127.0.0.1.
func Own() string {
	if runtime.GOOS != "linux" {
		return "127.0.0.1:0"
	}
	pid := os.Getpid()
	return fmt.Sprintf("127.%d.%d.%d:0", 1+pid>>16&0x7f, pid>>8&0xff, pid&0xff)
}
