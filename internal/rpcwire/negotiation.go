package rpcwire

import "github.com/fairlead-go/fairlead"

// Negotiation is what a server knows of the compression of one call.
type Negotiation struct {
	// Encoding is the request's: the name of the compressor of its compressed messages, "" for none.
	Encoding string
	// Accept is the list of encodings that the client accepts, separated by commas.
	Accept string

	chosen bool
	choice int // with chosen: the compressor's index, -1 for none
}

// Chosen reports whether Choose has set the compressor of responses.
func (n *Negotiation) Chosen() bool { return n.chosen }

// Compressor returns the index in cs.List of the compressor for responses, -1 for none: the one that was chosen, or
// else that of the request, if the client accepts it as well.
func (n *Negotiation) Compressor(cs *Compressors) int {
	if n.chosen {
		return n.choice
	}
	if n.Encoding == "" || n.Encoding == Identity || !Accepts(n.Accept, n.Encoding) {
		return -1
	}
	return cs.Index(n.Encoding)
}

// Choose sets the compressor for responses by its name, Identity for none. It returns an error if the server does not
// have it or the client does not accept it. The response's head must not have been sent.
func (n *Negotiation) Choose(cs *Compressors, name string) error {
	i := -1
	if name != Identity {
		if i = cs.Index(name); i < 0 {
			return fairlead.Errorf(fairlead.Internal, "compressor %q is not one of the server's (%s)", name, cs.Names)
		}
		if !Accepts(n.Accept, name) {
			return fairlead.Errorf(fairlead.FailedPrecondition, "the client does not accept compressor %q, but %q",
				name, n.Accept)
		}
	}
	n.chosen, n.choice = true, i
	return nil
}
