package grpc

import (
	"github.com/fairlead-go/fairlead"
	"github.com/fairlead-go/fairlead/protocol"
)

// A client may say how long a header list it takes (RFC 9113, section 6.5.2); of a longer one it would take nothing,
// not even the code of the status. So a status is shortened, the details first and then the text, and metadata that is
// too long is an error or, beside one, left out.

// unsaidHeaderList is what a client is taken to accept that does not say, in bytes: the limit of grpc-go's, which are
// among those.
const unsaidHeaderList = 16 << 20

// headerLimit returns the length of the longest header list that the client takes.
func (in *incoming) headerLimit() int {
	if n := in.x.HeaderLimit(); n > 0 {
		return n
	}
	return unsaidHeaderList
}

// noteCut counts what was shortened or left out.
func (in *incoming) noteCut() { in.s.d.Limits().Guard.Note(protocol.PeerHeaderLimit) }

// fits returns an error if metadata is too long to be sent with b. It costs next to nothing without metadata.
func (in *incoming) fits(b *protocol.Block, md *fairlead.Metadata) error {
	if md.Len() == 0 {
		return nil
	}
	n, limit := b.Size()+protocol.FieldsSize(md, true), in.headerLimit()
	if n <= limit {
		return nil
	}
	in.noteCut()
	return fairlead.Errorf(fairlead.ResourceExhausted,
		"the response's metadata makes a header list of %d bytes, and the client takes %d (SETTINGS_MAX_HEADER_LIST_SIZE)",
		n, limit)
}

// metadataFits returns an error if the metadata of a successful response is too long, before or behind the message.
func (in *incoming) metadataFits(head *protocol.Block) error {
	if in.call.ResponseHeader().Len() == 0 && in.call.ResponseTrailer().Len() == 0 {
		return nil
	}
	return in.allFits(head)
}

// allFits is metadataFits with metadata.
func (in *incoming) allFits(head *protocol.Block) error {
	if !in.headSent {
		if err := in.fits(head, in.call.ResponseHeader()); err != nil {
			return err
		}
	}
	return in.fits(in.s.trailers[fairlead.OK], in.call.ResponseTrailer())
}
