package static

import (
	"context"
	"errors"
	"fmt"

	"github.com/fairlead-go/fairlead/discovery"
)

// maxPath is the longest path of a Unix socket that all systems accept: the field sun_path has at least 104 bytes, and
// one of them ends the path.
const maxPath = 103

// Unix resolves targets that are paths of Unix sockets, such as "unix:///run/greeter.sock" or "unix:/run/greeter.sock",
// "unix:greeter.sock", which is relative to the working directory, or "unix:@greeter", which is an abstract socket of
// Linux ("unix-abstract:greeter" for gRPC). There is one instance, whose ID is the path. The zero value is ready for
// use. A Unix is safe for concurrent use.
type Unix struct{}

var _ discovery.Resolver = Unix{}

// Scheme returns "unix".
func (Unix) Scheme() string { return "unix" }

// Check returns an error if endpoint cannot be the path of a socket. It does not check whether there is a socket.
func (Unix) Check(endpoint string) error {
	switch {
	case endpoint == "" || endpoint == "@" || endpoint == "/":
		return errors.New("unix: the path of the socket is empty")
	case len(endpoint) > maxPath:
		return fmt.Errorf("unix: the path %q has %d bytes, %d are possible", endpoint, len(endpoint), maxPath)
	case endpoint[len(endpoint)-1] == '/':
		return fmt.Errorf("unix: the path %q is that of a directory", endpoint)
	}
	for i := range len(endpoint) {
		if endpoint[i] == 0 {
			return fmt.Errorf("unix: the path %q has a zero byte", endpoint)
		}
	}
	return nil
}

// Watch reports the instance once and waits until ctx ends. It returns at once if sink refuses it.
func (u Unix) Watch(ctx context.Context, endpoint string, sink discovery.Sink) error {
	if err := u.Check(endpoint); err != nil {
		return err
	}
	return hold(ctx, sink, []discovery.Instance{instance("unix", endpoint)})
}
