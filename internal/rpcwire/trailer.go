package rpcwire

import (
	"encoding/base64"
	"fmt"
	"strconv"
	"unicode/utf8"

	"github.com/fairlead-go/fairlead"
	"github.com/fairlead-go/fairlead/protocol"
)

// The fields of a status in trailers, of gRPC and gRPC-Web.
const (
	FieldStatus  = "grpc-status"
	FieldMessage = "grpc-message"
	FieldDetails = "grpc-status-details-bin"
)

// NamedCodes is the number of codes that have names. Others may arrive, and are passed on.
const NamedCodes = int(fairlead.Unauthenticated) + 1

// StatusOf returns the status in the fields of a trailer; err is nil for OK. It returns false if there is none.
func StatusOf(fields *fairlead.Metadata) (err *fairlead.Error, found bool) {
	var message, details string
	var code uint64
	for i := range fields.Len() {
		switch k, v := fields.At(i); k {
		case FieldStatus:
			if v == "0" { // the usual one
				code, found = 0, true
				continue
			}
			n, perr := strconv.ParseUint(v, 10, 32)
			if perr != nil {
				return fairlead.Errorf(fairlead.Unknown, "malformed %s %q", FieldStatus, v), true
			}
			code, found = n, true
		case FieldMessage:
			message = v
		case FieldDetails:
			details = v
		}
	}
	if !found || code == 0 {
		return nil, found
	}
	e := fairlead.PeerError(fairlead.Code(code), DecodeMessage(message), nil)
	if details != "" {
		if b, ok := DecodeBinary(details); ok {
			// Details that disagree with the other fields, or cannot be read, are dropped.
			if c, _, ds, ok := ParseStatus([]byte(b)); ok && c == e.Code {
				e.Details = ds
			}
		}
	}
	return e, true
}

// AddStatus adds the message and the details of e to a trailer, and the code if it is not one of NamedCodes, for
// which callers have fields prepared. Details are left out as in Relayed. What is added has at most room bytes, as
// RFC 9113 counts them in section 6.5.2, unless the code needs more. If the status had to be shortened for that,
// AddStatus returns false, and the message says so and names limit.
func AddStatus(md *fairlead.Metadata, e *fairlead.Error, room, limit int) (whole bool) {
	if int(e.Code) >= NamedCodes {
		code := strconv.FormatUint(uint64(e.Code), 10)
		md.Append(FieldStatus, code)
		room -= fieldSize(FieldStatus, len(code))
	}
	message, details := e.Message, Relayed(e).Details
	if statusSize(e.Code, len(message), encodedLen(message), details) > room {
		message, details = shorten(e.Code, message, details, room, limit)
	} else {
		whole = true
	}
	if message != "" {
		md.Append(FieldMessage, EncodeMessage(message))
	}
	if len(details) > 0 {
		md.Append(FieldDetails, string(EncodeStatus(e.Code, message, details)))
	}
	return whole
}

// statusSize returns the size of the fields with a message, whose length in its field is encoded, and details.
func statusSize(code fairlead.Code, message, encoded int, details []fairlead.Detail) int {
	n := 0
	if message > 0 {
		n = fieldSize(FieldMessage, encoded)
	}
	if len(details) > 0 {
		bytes := statusHeadSize(code, message)
		for i := range details {
			bytes += detailSize(&details[i])
		}
		n += fieldSize(FieldDetails, base64.RawStdEncoding.EncodedLen(bytes))
	}
	return n
}

// shorten leaves out details, the last ones first, and then the end of the message, until the rest fits into room. It
// adds a mark to the message that says so.
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
		m := mark(message, 0, len(details)-kept, limit)
		n := fieldSize(FieldMessage, encoded+len(m))
		if kept > 0 {
			n += fieldSize(FieldDetails,
				base64.RawStdEncoding.EncodedLen(statusHeadSize(code, len(message)+len(m))+bytes))
		}
		if n <= room {
			return message + m, details[:kept]
		}
	}
	longest := len(mark(message, len(message), len(details), limit))
	room -= fieldSize(FieldMessage, longest)
	if room < 0 {
		return "", nil
	}
	text := message[:fitting(message, room)]
	return text + mark(text, len(message)-len(text), len(details), limit), nil
}

// mark returns what is added to the text that is left of a message, for so many bytes of it and details that were left
// out. It begins with a space only behind text: at the beginning of a field a space would take three bytes.
func mark(left string, bytes, details, limit int) string {
	var what string
	switch {
	case bytes == 0:
		what = fmt.Sprintf("%d details", details)
	case details == 0:
		what = fmt.Sprintf("%d bytes", bytes)
	default:
		what = fmt.Sprintf("%d bytes and %d details", bytes, details)
	}
	space := " "
	if left == "" {
		space = ""
	}
	return fmt.Sprintf("%s[cut: %s; the client takes header lists of %d bytes]", space, what, limit)
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

// fieldSize returns the size of a field whose value has n bytes, as RFC 9113 counts it in section 6.5.2.
func fieldSize(name string, n int) int { return len(name) + n + protocol.FieldOverhead }
