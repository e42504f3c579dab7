// Command json-testee is what protobuf's conformance runner tests: it reads requests from its standard input, decodes
// and encodes messages, and writes the results to its standard output. JSON goes through package codec/json. Requests
// about another text format are skipped, and so are those about messages that the program does not know: the test that
// starts it builds the test messages into it.
//
// If the environment has JSON_TESTEE_REPORT, it writes what it has done to the file of that name when it ends, as JSON:
// the runner passes no arguments on.
package main

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
)

func main() {
	t := newTestee()
	err := t.serve(bufio.NewReader(os.Stdin), os.Stdout)
	if err == nil {
		err = t.write(os.Getenv("JSON_TESTEE_REPORT"))
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "json-testee:", err)
		os.Exit(1)
	}
}

// The numbers of the fields of conformance.ConformanceRequest, of conformance.ConformanceResponse, and of their enums'
// values.
const (
	requestProtobuf = 1
	requestJSON     = 2
	requestFormat   = 3
	requestType     = 4
	requestCategory = 5

	responseParseError     = 1
	responseRuntimeError   = 2
	responseProtobuf       = 3
	responseJSON           = 4
	responseSkipped        = 5
	responseSerializeError = 6

	formatProtobuf = 1
	formatJSON     = 2

	categoryIgnoreUnknown = 3
)

// request is a conformance.ConformanceRequest.
type request struct {
	kind     protowire.Number // of the payload
	payload  []byte
	format   uint64
	category uint64
	message  string
}

// answer is a conformance.ConformanceResponse: the field that is set, and its content.
type answer struct {
	kind    protowire.Number
	content []byte
}

func failed(kind protowire.Number, err error) answer { return answer{kind, []byte(err.Error())} }

// serve answers requests, each behind its length, until there are no more.
func (t *testee) serve(in io.Reader, out io.Writer) error {
	for {
		var length [4]byte
		if _, err := io.ReadFull(in, length[:]); err != nil {
			if errors.Is(err, io.EOF) {
				return nil
			}
			return err
		}
		encoded := make([]byte, binary.LittleEndian.Uint32(length[:]))
		if _, err := io.ReadFull(in, encoded); err != nil {
			return err
		}
		r, err := parseRequest(encoded)
		if err != nil {
			return err
		}
		a := t.answer(r)
		body := protowire.AppendTag(nil, a.kind, protowire.BytesType)
		body = protowire.AppendBytes(body, a.content)
		frame := binary.LittleEndian.AppendUint32(nil, uint32(len(body)))
		if _, err := out.Write(append(frame, body...)); err != nil {
			return err
		}
	}
}

func parseRequest(b []byte) (*request, error) {
	r := new(request)
	for len(b) > 0 {
		number, typ, n := protowire.ConsumeTag(b)
		if n < 0 {
			return nil, protowire.ParseError(n)
		}
		b = b[n:]
		var text []byte
		var value uint64
		switch typ {
		case protowire.BytesType:
			text, n = protowire.ConsumeBytes(b)
		case protowire.VarintType:
			value, n = protowire.ConsumeVarint(b)
		default:
			n = protowire.ConsumeFieldValue(number, typ, b)
		}
		if n < 0 {
			return nil, protowire.ParseError(n)
		}
		b = b[n:]
		switch number {
		case requestType:
			r.message = string(text)
		case requestFormat:
			r.format = value
		case requestCategory:
			r.category = value
		default:
			if typ == protowire.BytesType && r.kind != requestProtobuf && r.kind != requestJSON {
				r.kind, r.payload = number, text
			}
		}
	}
	return r, nil
}

// answer decodes the payload of a request, and encodes the message as it is asked for.
func (t *testee) answer(r *request) answer {
	typ, err := protoregistry.GlobalTypes.FindMessageByName(protoreflect.FullName(r.message))
	if err != nil {
		return answer{responseSkipped, []byte("there is no message " + r.message)}
	}
	json := r.kind == requestJSON || r.format == formatJSON
	if r.format != formatProtobuf && r.format != formatJSON || r.kind != requestProtobuf && r.kind != requestJSON {
		return answer{responseSkipped, []byte("another format")}
	}
	m := typ.New().Interface()
	if json {
		t.report.JSON++
		defer func() { t.count(m) }()
	}
	if r.kind == requestJSON {
		err = t.codec(m, r.category == categoryIgnoreUnknown).Unmarshal(r.payload, m)
	} else {
		err = proto.Unmarshal(r.payload, m)
	}
	if err != nil {
		return failed(responseParseError, err)
	}
	if r.format == formatJSON {
		text, err := t.codec(m, false).AppendMarshal(nil, m)
		if err != nil {
			return failed(responseSerializeError, err)
		}
		return answer{responseJSON, text}
	}
	encoded, err := proto.Marshal(m)
	if err != nil {
		return failed(responseSerializeError, err)
	}
	return answer{responseProtobuf, encoded}
}
