package fairlead

// SendCompressor is implemented by Drivers whose handlers can choose how responses are compressed.
type SendCompressor interface {
	// SetSendCompressor implements Call.SetSendCompressor.
	SetSendCompressor(c *Call, name string) error
}

// SetSendCompressor sets the compressor for the call's responses, whatever the request's was. It must be one of the
// server's compressors that the client accepts, or "identity" for none. By default it is the request's, if the client
// accepts that one. Messages shorter than server.CompressMin, and messages that would not become shorter, are sent as
// they are.
//
// It must be called before the response's header is sent, which the first message does at the latest. Later it returns
// an error with the code FailedPrecondition. It does the same for a compressor that the client does not accept. For a
// name that the server does not know the code is Internal, and for a protocol that has no choice Unimplemented. An
// error does not end the call. Server side: clients choose with WithCompressor.
func (c *Call) SetSendCompressor(name string) error {
	if d, ok := c.driver.(SendCompressor); ok && c.side == ServerSide {
		return d.SetSendCompressor(c, name)
	}
	return Errorf(Unimplemented, "%s: the %v's protocol does not let a call choose its compressor", c.method.Path, c.side)
}

// SetCompress sets whether the messages sent from now on are compressed, if the call has a compressor
// (SetSendCompressor, WithCompressor). Default: true. It is for the goroutine that sends, on both sides.
func (c *Call) SetCompress(on bool) { c.view().plain = !on }

// ReceivedCompressed reports whether the last message received arrived compressed: the request on a server, the
// response on a client, the message that Recv returned last for a stream. It is for the goroutine that receives.
func (c *Call) ReceivedCompressed() bool { return c.view().inflated }

// view returns the call that the user has: c, or the call that has adopted it.
func (c *Call) view() *Call {
	if c.rare != nil && c.rare.adopter != nil {
		return c.rare.adopter
	}
	return c
}
