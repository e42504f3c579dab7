package grpc

import (
	"encoding/base64"
	"fmt"
	"strconv"
	"unicode/utf8"

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
	if !in.headSent {
		if err := in.fits(head, in.call.ResponseHeader()); err != nil {
			return err
		}
	}
	return in.fits(in.s.trailers[fairlead.OK], in.call.ResponseTrailer())
}

// addStatus adds what a trailer says of e beside the code: the message and the details. Of an error that arrived from
// another server only code and message go on, since its details were meant for this process. What is added is at most
// room bytes long, if that is enough for the code; false: it was shortened.
func addStatus(md *fairlead.Metadata, e *fairlead.Error, room, limit int) (whole bool) {
	if int(e.Code) >= namedCodes {
		code := strconv.FormatUint(uint64(e.Code), 10)
		md.Append(fieldStatus, code)
		room -= fieldSize(fieldStatus, len(code))
	}
	details := e.Details
	if e.FromPeer() {
		details = nil
	}
	message := e.Message
	if statusSize(e.Code, len(message), encodedLen(message), details) > room {
		message, details = shorten(e.Code, message, details, room, limit)
	} else {
		whole = true
	}
	if message != "" {
		md.Append(fieldMessage, encodeMessage(message))
	}
	if len(details) > 0 {
		md.Append(fieldDetails, string(encodeStatus(e.Code, message, details)))
	}
	return whole
}

// fieldSize is the size of a field whose value has n bytes, as RFC 9113 counts it in section 6.5.2.
func fieldSize(name string, n int) int { return len(name) + n + protocol.FieldOverhead }

// statusSize returns the size of the fields with a message, whose length in its field is encoded, and details.
func statusSize(code fairlead.Code, message, encoded int, details []fairlead.Detail) int {
	n := 0
	if message > 0 {
		n = fieldSize(fieldMessage, encoded)
	}
	if len(details) > 0 {
		bytes := statusHeadSize(code, message)
		for i := range details {
			bytes += detailSize(&details[i])
		}
		n += fieldSize(fieldDetails, base64.RawStdEncoding.EncodedLen(bytes))
	}
	return n
}

// shorten leaves out details, the last ones first, and then the end of the message, until both fit into room. A mark at
// the message's end says so.
func shorten(
	code fairlead.Code, message string, details []fairlead.Detail, room, limit int,
) (string, []fairlead.Detail) {
	bytes := 0
	for i := range details {
		bytes += detailSize(&details[i])
	}
	encoded := encodedLen(message)
	for kept := len(details) - 1; kept >= 0; kept-- {
		bytes -= detailSize(&details[kept])
		m := mark(0, len(details)-kept, limit)
		n := fieldSize(fieldMessage, encoded+len(m))
		if kept > 0 {
			n += fieldSize(fieldDetails,
				base64.RawStdEncoding.EncodedLen(statusHeadSize(code, len(message)+len(m))+bytes))
		}
		if n <= room {
			return message + m, details[:kept]
		}
	}
	longest := len(mark(len(message), len(details), limit))
	room -= fieldSize(fieldMessage, longest)
	if room < 0 {
		return "", nil
	}
	text := message[:fitting(message, room)]
	return text + mark(len(message)-len(text), len(details), limit), nil
}

// mark says what was left out of a status.
func mark(text, details, limit int) string {
	var what string
	switch {
	case text == 0:
		what = fmt.Sprintf("%d details", details)
	case details == 0:
		what = fmt.Sprintf("%d bytes", text)
	default:
		what = fmt.Sprintf("%d bytes and %d details", text, details)
	}
	return fmt.Sprintf(" [cut: %s; the client takes header lists of %d bytes]", what, limit)
}

// fitting returns the length of the longest beginning of a message whose encoding, with more behind it, has at most
// room bytes. It ends between characters.
func fitting(message string, room int) int {
	for i := 0; i < len(message); {
		r, size := utf8.DecodeRuneInString(message[i:])
		n := size
		switch {
		case r == utf8.RuneError && size == 1:
			n = 3 * len("\uFFFD")
		case r < ' ' || r > '~' || r == '%' || r == ' ' && i == 0:
			n = 3 * size
		}
		if room -= n; room < 0 {
			return i
		}
		i += size
	}
	return len(message)
}
