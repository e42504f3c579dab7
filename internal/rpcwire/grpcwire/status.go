package grpcwire

import (
	"fmt"

	"github.com/fairlead-go/fairlead"
	"github.com/fairlead-go/fairlead/internal/rpcwire"
)

// httpError returns the error for a response that is not the protocol's.
func (d *Dialect) httpError(status int, ct string) *fairlead.Error {
	text := fmt.Sprintf("unexpected HTTP status code received from server: %d", status)
	switch _, ok := d.subtype(ct); {
	case ct == "":
		text += "; the content-type is missing"
	case !ok:
		text += fmt.Sprintf("; received unexpected content-type %q", ct)
	}
	return fairlead.PeerError(rpcwire.CodeOfHTTP(status), text, nil)
}
