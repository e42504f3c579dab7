package http2

import (
	"errors"
	"time"

	"github.com/fairlead-go/fairlead/protocol"
)

// Answers that no protocol gives.
//
//nolint:gochecknoglobals // constants
var (
	unsupported = protocol.NewBlock(":status", "415", "content-type", "text/plain; charset=utf-8",
		"content-length", unsupportedLen)
	unsupportedText = []byte("None of this server's protocols takes a request with this content type.\n")
	headTooLarge    = protocol.NewBlock(":status", "431", "content-length", "0")
)

// unsupportedLen is the length of unsupportedText.
const unsupportedLen = "72"

// What of a refused request is read before it is answered. A response that comes before the request's end needs a reset
// behind it (RFC 9113, section 8.1), for which some clients forget the response; and as long as the stream is open, its
// frames are checked as those of any other.
const (
	refusedBytes = protocol.MaxWhole
	refusedTime  = 500 * time.Millisecond
)

var errRefusedLate = errors.New("http2: the request does not come to an end")

// refuse answers with a head alone.
func (c *Conn) refuse(s *stream, b *protocol.Block) {
	exchange{s}.Finish(protocol.Section{Block: b})
}

// unserved is the protocol of requests that no other takes.
type unserved struct{}

var _ protocol.HTTP = unserved{}

// Name implements protocol.HTTP.
func (unserved) Name() string { return "none" }

// Attach implements protocol.HTTP.
func (unserved) Attach(protocol.Dispatcher) error { return nil }

// Match implements protocol.HTTP.
func (unserved) Match(*protocol.Head) protocol.Mode { return protocol.Streamed }

// Deadline implements protocol.HTTP.
func (unserved) Deadline(*protocol.Head) time.Time { return time.Time{} }

// Whole implements protocol.HTTP.
func (unserved) Whole(x protocol.Exchange, _ []byte) protocol.Task {
	if x.Head().Verb == "HEAD" {
		x.Finish(protocol.Section{Block: unsupported})
		return nil
	}
	// The text is no codec's, so that nothing can fail.
	_ = x.Reply(&protocol.Reply{
		Head: protocol.Section{Block: unsupported}, Message: protocol.Message{Bytes: unsupportedText},
	})
	return nil
}

// Open implements protocol.HTTP: it drops the body, within limits, and answers.
func (u unserved) Open(x protocol.Exchange) {
	late := time.AfterFunc(refusedTime, func() { x.Interrupt(errRefusedLate) })
	defer late.Stop()
	for n := 0; n <= refusedBytes; {
		b, err := x.Read()
		if _, gone := errors.AsType[*protocol.Failure](err); gone {
			return
		}
		if err != nil {
			break
		}
		n += len(b)
	}
	u.Whole(x, nil)
}
