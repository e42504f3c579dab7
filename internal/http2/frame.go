package http2

import (
	"encoding/binary"
	"fmt"

	"github.com/fairlead-go/fairlead/protocol"
)

// Preface is what a client sends first (RFC 9113, section 3.4).
const Preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"

// frameType is a frame's type (RFC 9113, section 6).
type frameType uint8

const (
	frameData         frameType = 0x0
	frameHeaders      frameType = 0x1
	framePriority     frameType = 0x2
	frameReset        frameType = 0x3
	frameSettings     frameType = 0x4
	framePush         frameType = 0x5
	framePing         frameType = 0x6
	frameGoaway       frameType = 0x7
	frameWindowUpdate frameType = 0x8
	frameContinuation frameType = 0x9
)

const (
	flagEndStream  = 0x1
	flagAck        = 0x1
	flagEndHeaders = 0x4
	flagPadded     = 0x8
	flagPriority   = 0x20
)

// Settings (RFC 9113, section 6.5.2).
const (
	settingHeaderTableSize   = 0x1
	settingEnablePush        = 0x2
	settingMaxStreams        = 0x3
	settingInitialWindowSize = 0x4
	settingMaxFrameSize      = 0x5
	settingMaxHeaderListSize = 0x6
	settingConnectProtocol   = 0x8 // RFC 8441, section 3
)

// Error codes that protocols have no use for; the others are protocol.ResetCode's (RFC 9113, section 7).
const (
	codeFrameSize    protocol.ResetCode = 0x6
	codeStreamClosed protocol.ResetCode = 0x5
)

const (
	frameHeaderLen    = 9
	defaultWindow     = 65535
	maxWindow         = 1<<31 - 1
	defaultFrameSize  = 16384
	maxFrameSizeLimit = 1<<24 - 1
	envelopeLen       = 5
)

// connError ends a connection: GOAWAY with the code, then close (RFC 9113, section 5.4.1).
type connError struct {
	code   protocol.ResetCode
	reason string
}

func (e *connError) Error() string {
	return fmt.Sprintf("http2: %s (%v)", e.reason, e.code)
}

func violation(code protocol.ResetCode, format string, args ...any) error {
	return &connError{code: code, reason: fmt.Sprintf(format, args...)}
}

// appendFrameHeader appends the nine bytes before a payload of n bytes.
func appendFrameHeader(b []byte, n int, typ frameType, flags uint8, id uint32) []byte {
	b = append(b, byte(n>>16), byte(n>>8), byte(n), byte(typ), flags)
	return binary.BigEndian.AppendUint32(b, id)
}

// putFrameLen sets the length of the frame that starts at b[at].
func putFrameLen(b []byte, at, n int) {
	b[at], b[at+1], b[at+2] = byte(n>>16), byte(n>>8), byte(n)
}

func appendWindowUpdate(b []byte, id uint32, n int64) []byte {
	b = appendFrameHeader(b, 4, frameWindowUpdate, 0, id)
	return binary.BigEndian.AppendUint32(b, uint32(n))
}

func appendReset(b []byte, id uint32, code protocol.ResetCode) []byte {
	b = appendFrameHeader(b, 4, frameReset, 0, id)
	return binary.BigEndian.AppendUint32(b, uint32(code))
}

func appendPing(b []byte, ack bool, data [8]byte) []byte {
	var flags uint8
	if ack {
		flags = flagAck
	}
	b = appendFrameHeader(b, 8, framePing, flags, 0)
	return append(b, data[:]...)
}

func appendGoaway(b []byte, last uint32, code protocol.ResetCode, debug string) []byte {
	b = appendFrameHeader(b, 8+len(debug), frameGoaway, 0, 0)
	b = binary.BigEndian.AppendUint32(b, last)
	b = binary.BigEndian.AppendUint32(b, uint32(code))
	return append(b, debug...)
}

func appendSetting(b []byte, id uint16, value uint32) []byte {
	b = binary.BigEndian.AppendUint16(b, id)
	return binary.BigEndian.AppendUint32(b, value)
}

// unpad strips the padding of a DATA or HEADERS payload (RFC 9113, sections 6.1 and 6.2).
func unpad(p []byte, flags uint8) ([]byte, error) {
	if flags&flagPadded == 0 {
		return p, nil
	}
	if len(p) == 0 {
		return nil, violation(codeFrameSize, "padded frame without a pad length")
	}
	pad := int(p[0])
	if pad >= len(p) {
		return nil, violation(protocol.ResetProtocolError, "padding longer than its frame")
	}
	return p[1 : len(p)-pad], nil
}
