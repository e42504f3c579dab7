package grpcwire

import (
	"github.com/fairlead-go/fairlead"
	"github.com/fairlead-go/fairlead/protocol"
)

// A client may announce the length of the longest header list that it accepts (RFC 9113, section 6.5.2). It would
// accept nothing of a longer one, not even the code of the status. A status is therefore shortened, first the details
// and then the text; metadata that is too long is an error, or is left out if there is an error already.

// unsaidHeaderList is the limit in bytes for clients that announce none: that of grpc-go's clients, which do not.
const unsaidHeaderList = 16 << 20

// headerLimit returns the length of the longest header list that the client accepts.
func (in *incoming) headerLimit() int {
	if n := in.x.HeaderLimit(); n > 0 {
		return n
	}
	return unsaidHeaderList
}

// noteCut counts a response that was shortened.
func (in *incoming) noteCut() { in.s.d.Limits().Guard.Note(protocol.PeerHeaderLimit) }

// fits returns an error if metadata is too long to be sent with b.
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

// metadataFits returns an error if the metadata of a successful response is too long, in the head or in the trailer.
func (in *incoming) metadataFits(head *protocol.Block) error {
	if in.call.ResponseHeader().Len() == 0 && in.call.ResponseTrailer().Len() == 0 {
		return nil
	}
	return in.allFits(head)
}

// allFits is the part of metadataFits that is needed if there is metadata.
func (in *incoming) allFits(head *protocol.Block) error {
	if !in.headSent {
		if err := in.fits(head, in.call.ResponseHeader()); err != nil {
			return err
		}
	}
	return in.fits(in.s.trailers[fairlead.OK], in.call.ResponseTrailer())
}
