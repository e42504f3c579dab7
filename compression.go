package fairlead

// SendCompressor is what a Driver implements besides if its handlers can choose how responses are compressed.
type SendCompressor interface {
	// SetSendCompressor is Call.SetSendCompressor.
	SetSendCompressor(c *Call, name string) error
}

// SetSendCompressor has the call's responses compressed by the named compressor, one of the server's that the client
// accepts, or by none if it is "identity", whatever the request was. By default the compressor is that of the request,
// if the client accepts it. As with any compressor, messages that are shorter than server.CompressMin, or that it would
// not make shorter, are sent as they are.
//
// It must be called before the response's header is sent, which the first message does at the latest. After that it
// returns an error with the code FailedPrecondition, as it does for a compressor that the client does not accept. For a
// name that the server does not know the code is Internal, and where the protocol has no choice Unimplemented. After an
// error the call goes on as before. Server side: clients choose with WithCompressor.
func (c *Call) SetSendCompressor(name string) error {
	if d, ok := c.driver.(SendCompressor); ok && c.side == ServerSide {
		return d.SetSendCompressor(c, name)
	}
	return Errorf(Unimplemented, "%s: the %v's protocol does not let a call choose its compressor", c.method.Path, c.side)
}

// SetCompress decides whether the messages that are sent from now on are compressed, if the call has a compressor
// (SetSendCompressor, WithCompressor). Default: they are. It is for the goroutine that sends. Both sides.
func (c *Call) SetCompress(on bool) { c.view().plain = !on }

// ReceivedCompressed reports whether the message that was received last arrived compressed: on a server the request, on
// a client the response; of a stream the one that Recv has returned last. It is for the goroutine that receives.
func (c *Call) ReceivedCompressed() bool { return c.view().inflated }

// view is the call that the user has: c itself, or the one that has adopted it.
func (c *Call) view() *Call {
	if c.rare != nil && c.rare.adopter != nil {
		return c.rare.adopter
	}
	return c
}
