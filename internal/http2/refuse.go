package http2

import "github.com/fairlead-go/fairlead/protocol"

// headTooLarge is the answer to a request whose header list is longer than the limit (RFC 6585, section 5).
var headTooLarge = protocol.NewBlock( //nolint:gochecknoglobals // a constant
	":status", "431", "content-length", "0")

// refuse answers with a head alone.
func (c *Conn) refuse(s *stream, b *protocol.Block) {
	exchange{s}.Finish(protocol.Section{Block: b})
}
