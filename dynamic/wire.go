package dynamic

import (
	"bytes"
	"fmt"
	"strings"
	"unicode"

	"google.golang.org/protobuf/encoding/protowire"
)

// The client's half of grpc/reflection/v1/reflection.proto, whose messages are also those of v1alpha: questions are
// encoded and answers decoded, by hand, since generated messages would be registered in the process's protobuf
// registry, where those of grpc-go, if it is linked in, are already. The server's half is in package admin.

// askKind says which field of a request's oneof is set, by its number.
type askKind = protowire.Number

const (
	askFile      askKind = 3
	askSymbol    askKind = 4
	askExtension askKind = 5
	askServices  askKind = 7
)

// question is what a server is asked.
type question struct {
	kind   askKind
	text   string           // a path, a symbol or an extended message
	number protowire.Number // of an extension
}

// String says what the question is about.
func (q question) String() string {
	switch q.kind {
	case askFile:
		return "file " + q.text
	case askExtension:
		return fmt.Sprintf("extension %d of %s", q.number, q.text)
	case askServices:
		return "its services"
	default:
		return q.text
	}
}

// encode returns the ServerReflectionRequest.
func (q question) encode() []byte {
	b := protowire.AppendTag(nil, q.kind, protowire.BytesType)
	if q.kind != askExtension {
		return protowire.AppendString(b, q.text)
	}
	var ext []byte
	ext = protowire.AppendTag(ext, 1, protowire.BytesType)
	ext = protowire.AppendString(ext, q.text)
	ext = protowire.AppendTag(ext, 2, protowire.VarintType)
	ext = protowire.AppendVarint(ext, uint64(q.number)) //nolint:gosec // numbers of fields are positive
	return protowire.AppendBytes(b, ext)
}

// The fields of a response's oneof, by their numbers. All but the last answer a question each, answerFiles three.
const (
	answerFiles    protowire.Number = 4
	answerServices protowire.Number = 6
	answerFailure  protowire.Number = 7
)

// answeredBy returns the number of the field with the answer.
func (q question) answeredBy() protowire.Number {
	if q.kind == askServices {
		return answerServices
	}
	return answerFiles
}

// answer is a ServerReflectionResponse: files, services or a failure.
type answer struct {
	kind     protowire.Number // of the field that is the answer; 0: there is none
	files    [][]byte         // serialized FileDescriptorProto messages
	services []string
	failed   bool
	code     uint32 // of a failure
	text     string // of a failure
}

// decodeAnswer decodes a response.
func decodeAnswer(b []byte) (*answer, error) {
	a := new(answer)
	err := fields(b, func(num protowire.Number, _ uint64, value []byte) error {
		switch num {
		case answerFiles:
			a.kind = num
			return fields(value, a.file)
		case answerServices:
			a.kind = num
			return fields(value, a.service)
		case answerFailure:
			a.kind, a.failed = num, true
			return fields(value, a.failure)
		default:
			return nil
		}
	})
	return a, err
}

func (a *answer) file(num protowire.Number, _ uint64, encoded []byte) error {
	if num == 1 {
		a.files = append(a.files, bytes.Clone(encoded))
	}
	return nil
}

func (a *answer) service(num protowire.Number, _ uint64, service []byte) error {
	if num != 1 {
		return nil
	}
	return fields(service, a.serviceName)
}

func (a *answer) serviceName(num protowire.Number, _ uint64, name []byte) error {
	if num == 1 {
		a.services = append(a.services, string(name))
	}
	return nil
}

func (a *answer) failure(num protowire.Number, number uint64, text []byte) error {
	switch num {
	case 1:
		a.code = uint32(number) //nolint:gosec // codes are small
	case 2:
		a.text = strings.Map(printable, string(text))
	default:
	}
	return nil
}

// printable replaces what a text from somebody else could tell a terminal or a log.
func printable(r rune) rune {
	if unicode.IsControl(r) {
		return unicode.ReplacementChar
	}
	return r
}

// fields calls f with each field of a message: a number, or bytes. Others are passed over.
func fields(b []byte, f func(num protowire.Number, number uint64, value []byte) error) error {
	for len(b) > 0 {
		num, typ, n := protowire.ConsumeTag(b)
		if n < 0 {
			return protowire.ParseError(n)
		}
		b = b[n:]
		var number uint64
		var value []byte
		switch typ {
		case protowire.VarintType:
			number, n = protowire.ConsumeVarint(b)
		case protowire.BytesType:
			value, n = protowire.ConsumeBytes(b)
		default:
			n = protowire.ConsumeFieldValue(num, typ, b)
		}
		if n < 0 {
			return protowire.ParseError(n)
		}
		b = b[n:]
		if typ != protowire.VarintType && typ != protowire.BytesType {
			continue
		}
		if err := f(num, number, value); err != nil {
			return err
		}
	}
	return nil
}
